"""What an error or a refusal of Discord means for a delivery: pure, so that every case can be read in one place."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.backoff import backoff
from bot.discord_codes import CHANNEL_UNAVAILABLE, DiscordCode
from bot.models import Delivery, DeliveryKind, DeliveryState, Fallback

MIB = 1024 * 1024

_LONGEST_PAUSE = 300.0
_GIVE_UP_AFTER = timedelta(minutes=30)  # a channel that is unavailable this long,
_GIVE_UP_TRIES = 10  # and was tried this often: the bot itself may have been stopped, or the clock set
_EDIT_FOR = timedelta(hours=24)  # how long a refused edit is retried
_EDIT_PAUSE = 5.0
_LIMITS = tuple(size * MIB for size in (50, 25, 10, 8, 4, 2, 1))  # Discord's own, and what a proxy may set
_LAST_FALLBACK = {
    DeliveryKind.RESULT: Fallback.TEXT,
    DeliveryKind.STATUS_CARD: Fallback.NO_FILE,
    DeliveryKind.SPLIT: Fallback.NO_FILE,
    DeliveryKind.NOTICE: Fallback.NONE,
}


class Action(Enum):
    """What the dispatcher does with a delivery."""

    RETRY = "send or edit it again after a pause"
    LEAVE = "leave the post as it is; the next change edits it again"
    DROP = "stop: the message is not needed any more"
    GIVE_UP = "stop, keep the row and alert the admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """An action and its parameters."""

    action: Action = Action.RETRY
    pause: float = 0.0
    """Seconds before this delivery is due again."""
    fallback: Fallback | None = None
    """How far the message is reduced from now on; `None`: as before."""
    unsent: bool = False
    """Whether it is certain that no send of this delivery posted a message."""
    gone: bool = False
    """Whether the channel seems to be unavailable."""
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


def after_refusal(delivery: Delivery, status: int, code: int, now: datetime, *, unsent: bool) -> Decision:
    """Decide after a 4xx answer: this request posted nothing; `unsent` as `is_unsent` says."""
    if status in {401, 429} and code != DiscordCode.OLD_MESSAGE_EDIT_LIMIT:
        # The token was refused, or Cloudflare blocks the address: more requests would make it worse.
        pause = _LONGEST_PAUSE if status == 429 else 60.0
        return Decision(pause=pause, pause_all=pause, unsent=unsent)
    if delivery.state is DeliveryState.POSTED:
        return _after_refused_edit(delivery, status, code, now)
    if code == DiscordCode.REPLY_NEEDS_HISTORY:
        return Decision(unsent=unsent, no_replies=True)
    if code == DiscordCode.MISSING_PERMISSIONS or is_about_size(status, code):
        if delivery.fallback < _LAST_FALLBACK[delivery.kind]:
            return Decision(unsent=unsent, fallback=Fallback(delivery.fallback + 1))
        return _after_unavailable_channel(delivery, now, unsent)
    if code in CHANNEL_UNAVAILABLE or status in {403, 404}:
        return _after_unavailable_channel(delivery, now, unsent)
    return _after_rejected_content(delivery, unsent)


def is_about_size(status: int, code: int) -> bool:
    """Whether Discord, or a proxy in front of it, found the files too large."""
    return status == 413 or code == DiscordCode.REQUEST_TOO_LARGE


def limit_below(size: int) -> int | None:
    """Return the next file limit to try, in bytes, below a refused `size`; `None`: size cannot be the reason."""
    return next((limit for limit in _LIMITS if limit < size), None)


def _after_refused_edit(post: Delivery, status: int, code: int, now: datetime) -> Decision:
    # Old messages take few edits an hour, and lost permissions may come back: retried for a day, then left.
    if post.kind is not DeliveryKind.STATUS_CARD and status == 400:
        return Decision(action=Action.LEAVE, pause=_EDIT_PAUSE)
    if post.kind is DeliveryKind.STATUS_CARD and post.fallback is Fallback.NONE:  # the preview may be the reason
        return Decision(pause=_EDIT_PAUSE, fallback=Fallback.NO_FILE)
    if post.picture_until is not None and (is_about_size(status, code) or code == DiscordCode.MISSING_PERMISSIONS):
        return Decision(action=Action.LEAVE, pause=_EDIT_PAUSE)
    gone_for = timedelta() if post.gone_since is None else now - post.gone_since
    if gone_for > _EDIT_FOR:
        return Decision(action=Action.LEAVE, pause=_EDIT_PAUSE)
    return Decision(pause=120.0 if gone_for < _GIVE_UP_AFTER else 3600.0, gone=True)


def _after_unavailable_channel(delivery: Delivery, now: datetime, unsent: bool) -> Decision:
    if delivery.kind is DeliveryKind.STATUS_CARD:
        return Decision(action=Action.DROP)  # the result says more than the card would
    if (
        delivery.gone_since is not None
        and now - delivery.gone_since > _GIVE_UP_AFTER
        and delivery.attempts >= _GIVE_UP_TRIES
    ):
        return Decision(action=Action.GIVE_UP, reason="the channel was unavailable for half an hour")
    # Back to the whole message: when the permissions come back, the picture is posted too.
    return Decision(pause=60.0, fallback=Fallback.NONE, unsent=unsent, gone=True)


def _after_rejected_content(delivery: Delivery, unsent: bool) -> Decision:
    """Discord will never accept this content: plain text is tried once, then the row is kept for the admin."""
    if delivery.kind is DeliveryKind.STATUS_CARD:
        return Decision(action=Action.DROP)
    if delivery.fallback is not Fallback.TEXT:
        return Decision(fallback=Fallback.TEXT, unsent=unsent)
    return Decision(action=Action.GIVE_UP, reason="Discord refuses even plain text")
