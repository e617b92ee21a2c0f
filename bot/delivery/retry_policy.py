"""What an error or a refusal of Discord means for a delivery: pure, so that every case can be read in one place.

What Discord refuses decides, see `RefusalKind`: the file, the words, the channel. Each is left out, waited for or given
up by itself. What is posted in the end is as whole as Discord takes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from bot.backoff import backoff
from bot.discord_codes import POST_GONE, DiscordCode, RefusalKind, refusal_kind
from bot.models import Delivery, DeliveryKind, DeliveryState, Fallback

MIB = 1024 * 1024

_LONGEST_PAUSE = 300.0
_GONE_CHANNEL_PAUSE = 60.0
_REFUSED_EDIT_PAUSE = 120.0
_GIVE_UP_AFTER = timedelta(minutes=30)  # a channel that is unavailable this long,
_GIVE_UP_TRIES = 10  # and was tried this often: the bot itself may have been stopped, or the clock set
_CLOSED_LONGEST = timedelta(days=28)  # Discord's longest time-out
_CLOSED_ALERT = timedelta(minutes=30)
_LATE_AFTER = timedelta(hours=1)
_EDIT_FOR = timedelta(hours=24)  # how long a refused edit is retried
_EDIT_PAUSE = 5.0
_GONE_PAUSE = 15.0
_GONE_AFTER = timedelta(seconds=30)  # a faulty deployment of Discord's answers 404 for some seconds
_LIMITS = tuple(size * MIB for size in (50, 25, 10, 8, 4, 2, 1))  # Discord's own, and what a proxy may set
_LAST_FALLBACK = {
    DeliveryKind.RESULT: Fallback.TEXT,
    DeliveryKind.STATUS_CARD: Fallback.NO_FILE,
    DeliveryKind.SPLIT: Fallback.NO_FILE,
    DeliveryKind.NOTICE: Fallback.NONE,
    DeliveryKind.STARBOARD_POST: Fallback.NO_FILE,
}
_TOO_LARGE = "The picture is too large to attach here."
_WHY_NO_FILE: Mapping[int, str] = {
    DiscordCode.EXPLICIT_CONTENT: "Discord's filter for explicit content refused the picture.",
    DiscordCode.UPLOADS_LIMITED: "Discord has limited file uploads in this server.",
    DiscordCode.INVALID_FILE: "Discord did not accept the file.",
    DiscordCode.REQUEST_TOO_LARGE: _TOO_LARGE,
    DiscordCode.FILE_TOO_LARGE: _TOO_LARGE,
}


class Action(Enum):
    """What the dispatcher does with a delivery."""

    RETRY = "send or edit it again after a pause"
    LEAVE = "leave the post as it is; the next change edits it again"
    DROP = "stop: the message is not needed any more"
    GIVE_UP = "stop, keep the row and alert the admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A 4xx answer; `code` is 0 without one, `from_discord` is false where the body is not Discord's JSON."""

    status: int
    code: int = 0
    from_discord: bool = True

    @property
    def kind(self) -> RefusalKind:
        """What it refuses."""
        return refusal_kind(self.status, self.code, from_discord=self.from_discord)

    def __str__(self) -> str:
        return f"HTTP {self.status}, code {self.code}" + ("" if self.from_discord else ", not Discord's")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """An action and its parameters."""

    action: Action = Action.RETRY
    pause: float = 0.0
    """Seconds before this delivery is due again."""
    fallback: Fallback | None = None
    """How far the message is reduced from now on; `None`: as before."""
    why_no_file: str = ""
    """Why the message has no file from now on, as a sentence."""
    omit_words: bool = False
    """Whether the message leaves out the prompt and all titles from now on."""
    unsent: bool = False
    """Whether it is certain that no send of this delivery posted a message."""
    gone: bool = False
    """Whether the channel seems to be unavailable."""
    here: bool = False
    """Whether it is known that the channel is available."""
    alert: bool = False
    """Whether the admin hears that the channel is closed, and that the message is still retried."""
    pause_all: float = 0.0
    """Seconds for which nothing is sent to any channel."""
    no_replies: bool = False
    """Whether messages in this channel are sent without a reply reference from now on."""
    reason: str = ""
    """Why it was given up, for the log."""


def after_error(delivery: Delivery, *, upload_timeout: bool, random: float) -> Decision:
    """Decide after a send or edit without an answer: Discord may have stored it.

    The row stays SENDING, and the channel's history is searched before the next send. `upload_timeout`: the files took
    too long; `random` (0-1) spreads the retries.
    """
    fallback = None
    if upload_timeout and delivery.timeouts:  # the second time: the uplink is too slow for the file
        if delivery.state is DeliveryState.POSTED:
            return Decision(action=Action.LEAVE, pause=_EDIT_PAUSE)
        if delivery.fallback is Fallback.NONE:
            fallback = Fallback.NO_FILE
    pause = backoff(delivery.attempts, first=2.0, cap=_LONGEST_PAUSE, jitter=(0.5, 1.0), random=random)
    return Decision(pause=pause, fallback=fallback)


def is_unsent(delivery: Delivery, requests: int | None) -> bool:
    """Whether a refused send proves that no send of the delivery posted a message; `delivery` is as before its claim.

    Only a first send that was a single request does. An earlier send may have been stored without an answer, and
    discord.py repeats a POST within one send after a 5xx or a lost connection: then the refusal is the answer to the
    last request, and an earlier one may have been stored. Such a row stays SENDING until the channel's history is
    searched. `requests`: how many the send became; `None`: none was sent.
    """
    return delivery.state is DeliveryState.WAITING and requests is not None and requests <= 1


def is_posted_and_deleted(delivery: Delivery, code: int, requests: int) -> bool:
    """Whether a refused send proves that the message was posted, then deleted: Discord knows its nonce.

    A single such answer is not believed, as it may be a faulty deployment's; the next send is answered in the same way.
    `delivery` is as before its claim, with the error of the send before; `requests`: how many the send became.
    """
    again = delivery.error.startswith(str(Refusal(status=404, code=DiscordCode.UNKNOWN_MESSAGE)))
    return code == DiscordCode.UNKNOWN_MESSAGE and again and not is_unsent(delivery, requests)


def after_refusal(
    delivery: Delivery, refusal: Refusal, now: datetime, *, requests: int | None, words_omitted: bool = False
) -> Decision:
    """Decide after a 4xx answer to a send, to an edit, or to a search before a send.

    `requests`: how many the send became; `None`: none was sent. `words_omitted`: the refused message had neither prompt
    nor titles.
    """
    unsent = is_unsent(delivery, requests)
    if refusal.kind is RefusalKind.HOST:  # more requests would make it worse; it says nothing about this channel
        pause = 60.0 if refusal.status == 401 else _LONGEST_PAUSE
        return Decision(pause=pause, pause_all=pause, unsent=unsent)
    if delivery.state is DeliveryState.POSTED:
        return _after_refused_edit(delivery, refusal, now, words_omitted)
    if requests is None:
        return _after_refused_history(delivery, now)
    if refusal.code == DiscordCode.UNKNOWN_MESSAGE:  # see `is_posted_and_deleted`
        return Decision(pause=_GONE_PAUSE)
    return _after_refused_send(delivery, refusal, now, unsent, words_omitted)


def after_time_out(delivery: Delivery, decision: Decision, now: datetime, until: datetime) -> Decision:
    """Return the decision where the bot is timed out in the server until `until`: the message waits for its end.

    The channel is there, so it does not count as gone, not even where it seemed to be before. A moderator may end the
    time-out earlier: the message is tried again from time to time.
    """
    pause = min((until - now).total_seconds() + 1, _LONGEST_PAUSE)
    late = now - delivery.created_at > _CLOSED_ALERT
    return Decision(pause=pause, fallback=Fallback.NONE, unsent=decision.unsent, here=True, alert=late)


def reduced_after_failures(delivery: Delivery, decision: Decision, *, words_omitted: bool) -> Decision:
    """Return the decision for a message that keeps failing although others are posted.

    The message is the trouble: it is reduced by one more step, and other messages do not wait.
    """
    if delivery.fallback < _LAST_FALLBACK[delivery.kind]:
        return replace(decision, fallback=Fallback(delivery.fallback + 1), pause_all=0.0)
    return replace(decision, omit_words=not words_omitted, pause_all=0.0)


def is_late(delivery: Delivery, now: datetime) -> bool:
    """Whether the message should have been posted long ago."""
    return now - delivery.created_at > _LATE_AFTER


def is_about_size(status: int, code: int) -> bool:
    """Whether Discord, or a proxy in front of it, found the files too large."""
    return status == 413 or code in {DiscordCode.REQUEST_TOO_LARGE, DiscordCode.FILE_TOO_LARGE}


def limit_below(size: int) -> int | None:
    """Return the next file limit to try, in bytes, below a refused `size`; `None`: size cannot be the reason."""
    return next((limit for limit in _LIMITS if limit < size), None)


def _after_refused_history(delivery: Delivery, now: datetime) -> Decision:
    """The message may be in the channel, and its content was not refused: it is searched for again, as it is."""
    if _is_gone_for_good(delivery, now):
        return _after_unavailable_channel(delivery, now, unsent=False)
    return Decision(pause=_GONE_CHANNEL_PAUSE, gone=True)


def _after_refused_send(
    delivery: Delivery, refusal: Refusal, now: datetime, unsent: bool, words_omitted: bool
) -> Decision:
    match refusal.kind:
        case RefusalKind.REPLY:
            return Decision(unsent=unsent, no_replies=True)
        case RefusalKind.CLOSED_FOR_NOW:
            return _after_closed_channel(delivery, now, unsent)
        case RefusalKind.CHANNEL:
            return _after_unavailable_channel(delivery, now, unsent)
        case RefusalKind.CONTENT:
            return _after_rejected_content(delivery, unsent)
        case RefusalKind.WORDS if words_omitted:  # plain text has no links, which may be what is blocked
            return _after_rejected_content(delivery, unsent)
        case RefusalKind.WORDS:
            return Decision(unsent=unsent, omit_words=True)
        case _:
            return _after_refused_part(delivery, refusal, now, unsent, words_omitted)


def _after_refused_part(
    delivery: Delivery, refusal: Refusal, now: datetime, unsent: bool, words_omitted: bool
) -> Decision:
    """The file, a permission, or a code that is not known: the message is reduced step by step, then kept."""
    if delivery.fallback < _LAST_FALLBACK[delivery.kind]:
        return _reduced(delivery, refusal, unsent)
    if refusal.kind is RefusalKind.UNKNOWN and not words_omitted:
        return Decision(unsent=unsent, omit_words=True)
    if refusal.kind is RefusalKind.UNKNOWN and refusal.status != 403:
        return _after_rejected_content(delivery, unsent)
    return _after_unavailable_channel(delivery, now, unsent)


def _reduced(delivery: Delivery, refusal: Refusal, unsent: bool) -> Decision:
    why = _WHY_NO_FILE.get(refusal.code, _TOO_LARGE if refusal.status == 413 else "")
    return Decision(unsent=unsent, fallback=Fallback(delivery.fallback + 1), why_no_file=why)


def _after_refused_edit(post: Delivery, refusal: Refusal, now: datetime, words_omitted: bool) -> Decision:
    gone_for = timedelta() if post.gone_since is None else now - post.gone_since
    if refusal.code in POST_GONE:
        if gone_for >= _GONE_AFTER:
            return Decision(action=Action.DROP)  # deleted in the channel; other deliveries of the job are not affected
        return Decision(pause=_GONE_PAUSE, gone=True)
    if refusal.kind is RefusalKind.WORDS and not words_omitted:
        return Decision(pause=_EDIT_PAUSE, omit_words=True)
    # Old messages take few edits an hour, and lost permissions may come back: retried for a day, then left.
    if post.kind is not DeliveryKind.STATUS_CARD and refusal.status == 400:
        return Decision(action=Action.LEAVE, pause=_EDIT_PAUSE)
    if post.kind is DeliveryKind.STATUS_CARD and post.fallback is Fallback.NONE:  # the preview may be the reason
        return Decision(pause=_EDIT_PAUSE, fallback=Fallback.NO_FILE)
    if post.picture_until is not None and refusal.kind in {RefusalKind.FILE, RefusalKind.PERMISSION}:
        return Decision(action=Action.LEAVE, pause=_EDIT_PAUSE)
    if gone_for > _EDIT_FOR:
        return Decision(action=Action.LEAVE, pause=_EDIT_PAUSE)
    return Decision(pause=_REFUSED_EDIT_PAUSE if gone_for < _GIVE_UP_AFTER else 3600.0, gone=True)


def _after_closed_channel(delivery: Delivery, now: datetime, unsent: bool) -> Decision:
    """A limit ends, and a thread is opened again by anyone: waited for as long as a time-out may last."""
    if delivery.kind is DeliveryKind.STATUS_CARD:
        return Decision(action=Action.DROP)  # the result says more than the card would
    gone_for = timedelta() if delivery.gone_since is None else now - delivery.gone_since
    if gone_for > _CLOSED_LONGEST:
        return Decision(action=Action.GIVE_UP, reason="the channel was closed for 28 days")
    pause = backoff(delivery.attempts, first=15.0, cap=_LONGEST_PAUSE)
    return Decision(pause=pause, unsent=unsent, gone=True, alert=gone_for > _CLOSED_ALERT)


def _after_unavailable_channel(delivery: Delivery, now: datetime, unsent: bool) -> Decision:
    if delivery.kind is DeliveryKind.STATUS_CARD:
        return Decision(action=Action.DROP)  # the result says more than the card would
    if _is_gone_for_good(delivery, now):
        return Decision(action=Action.GIVE_UP, reason="the channel was unavailable for half an hour")
    # Back to the whole message: when the permissions come back, the picture is posted too.
    return Decision(pause=_GONE_CHANNEL_PAUSE, fallback=Fallback.NONE, unsent=unsent, gone=True)


def _is_gone_for_good(delivery: Delivery, now: datetime) -> bool:
    gone_for = timedelta() if delivery.gone_since is None else now - delivery.gone_since
    return gone_for > _GIVE_UP_AFTER and delivery.attempts >= _GIVE_UP_TRIES


def _after_rejected_content(delivery: Delivery, unsent: bool) -> Decision:
    """Discord will never accept this content: plain text is tried once, then the row is kept for the admin."""
    if delivery.kind is DeliveryKind.STATUS_CARD:
        return Decision(action=Action.DROP)
    if delivery.fallback is not Fallback.TEXT:
        return Decision(fallback=Fallback.TEXT, unsent=unsent)
    return Decision(action=Action.GIVE_UP, reason="Discord refuses even plain text")
