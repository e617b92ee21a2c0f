"""What an answer of Discord's, or none, means for a delivery: pure, so that every case can be read in one place."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.backoff import backoff
from bot.discord_codes import CHANNEL_UNAVAILABLE, DiscordCode
from bot.models import Delivery, DeliveryKind, DeliveryState, Fallback

MIB = 1024 * 1024

_LONGEST_PAUSE = 300.0
_GIVE_UP_AFTER = timedelta(minutes=30)  # a channel that is away this long,
_GIVE_UP_TRIES = 10  # and was tried this often: the bot itself, or the clock, may have been away
_EDIT_FOR = timedelta(hours=24)  # a post that may not be edited
_EDIT_PAUSE = 5.0
_LIMITS = tuple(size * MIB for size in (50, 25, 10, 8, 4, 2, 1))  # Discord's own, and what a proxy may set
_LAST_SHAPE = {
    DeliveryKind.RESULT: Fallback.TEXT,
    DeliveryKind.STATUS_CARD: Fallback.NO_FILE,
    DeliveryKind.SPLIT: Fallback.NO_FILE,
    DeliveryKind.NOTICE: Fallback.NONE,
}


class Action(Enum):
    """What is done with a delivery next."""

    AGAIN = "it is tried again"
    LET_BE = "it stands, and is not edited this time"
    DROP = "nobody needs it any more"
    GIVE_UP = "it is kept for the admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What is done, and how: `pause` in seconds, from `fallback` on where that is given.

    `unsent`: nothing was posted for certain. `gone`: the channel seems to be away. `halt`: seconds for which nothing is
    sent to any channel. `no_replies`: this channel takes no replies. `why` goes into the log.
    """

    what: Action = Action.AGAIN
    pause: float = 0.0
    fallback: Fallback | None = None
    unsent: bool = False
    gone: bool = False
    halt: float = 0.0
    no_replies: bool = False
    why: str = ""


def of_trouble(delivery: Delivery, *, upload_timeout: bool, random: float) -> Decision:
    """Nobody knows whether Discord took it: the row stays SENDING, and is settled before the next send.

    `upload_timeout`: files were on their way for too long; `random` (0-1) spreads the tries.
    """
    fallback = None
    if upload_timeout and delivery.timeouts:  # twice: the uplink does not carry the file
        if delivery.state is DeliveryState.POSTED:
            return Decision(what=Action.LET_BE, pause=_EDIT_PAUSE)
        if delivery.fallback is Fallback.NONE:
            fallback = Fallback.NO_FILE
    pause = backoff(delivery.attempts, first=2.0, cap=_LONGEST_PAUSE, jitter=(0.5, 1.0), random=random)
    return Decision(pause=pause, fallback=fallback)


def of_refusal(delivery: Delivery, status: int, code: int, now: datetime) -> Decision:
    """Discord said no, so nothing was posted this time.

    An earlier send that was never answered is not undone by that: such a row stays SENDING.
    """
    unsent = delivery.state is DeliveryState.WAITING
    if status in {401, 429} and code != DiscordCode.OLD_MESSAGE_EDIT_LIMIT:
        # The token was refused, or Cloudflare blocks the address: nothing is sent for a while.
        pause = _LONGEST_PAUSE if status == 429 else 60.0
        return Decision(pause=pause, halt=pause, unsent=unsent)
    if delivery.state is DeliveryState.POSTED:
        return _of_refused_edit(delivery, status, code, now)
    if code == DiscordCode.REPLY_NEEDS_HISTORY:
        return Decision(unsent=unsent, no_replies=True)
    if code == DiscordCode.MISSING_PERMISSIONS or is_about_size(status, code):
        if delivery.fallback < _LAST_SHAPE[delivery.kind]:
            return Decision(unsent=unsent, fallback=Fallback(delivery.fallback + 1))
        return _of_gone_channel(delivery, now, unsent)
    if code in CHANNEL_UNAVAILABLE or status in {403, 404}:
        return _of_gone_channel(delivery, now, unsent)
    return _of_poison(delivery, unsent)


def is_about_size(status: int, code: int) -> bool:
    """Whether Discord, or a proxy before it, found the files too large."""
    return status == 413 or code == DiscordCode.REQUEST_TOO_LARGE


def limit_below(size: int) -> int | None:
    """The next limit to try, in bytes, where a file of `size` was too large; `None`: it cannot be about that."""
    return next((limit for limit in _LIMITS if limit < size), None)


def _of_refused_edit(post: Delivery, status: int, code: int, now: datetime) -> Decision:
    # Old messages take few edits an hour, rights come back: a day of tries is what a post is worth.
    if post.kind is not DeliveryKind.STATUS_CARD and status == 400:
        return Decision(what=Action.LET_BE, pause=_EDIT_PAUSE)
    if post.kind is DeliveryKind.STATUS_CARD and post.fallback is Fallback.NONE:  # perhaps it is the preview
        return Decision(pause=_EDIT_PAUSE, fallback=Fallback.NO_FILE)
    if post.picture_until is not None and (is_about_size(status, code) or code == DiscordCode.MISSING_PERMISSIONS):
        return Decision(what=Action.LET_BE, pause=_EDIT_PAUSE)
    away = timedelta() if post.gone_since is None else now - post.gone_since
    if away > _EDIT_FOR:
        return Decision(what=Action.LET_BE, pause=_EDIT_PAUSE)
    return Decision(pause=120.0 if away < _GIVE_UP_AFTER else 3600.0, gone=True)


def _of_gone_channel(delivery: Delivery, now: datetime, unsent: bool) -> Decision:
    if delivery.kind is DeliveryKind.STATUS_CARD:
        return Decision(what=Action.DROP)  # the result will say more than the card could
    if (
        delivery.gone_since is not None
        and now - delivery.gone_since > _GIVE_UP_AFTER
        and delivery.attempts >= _GIVE_UP_TRIES
    ):
        return Decision(what=Action.GIVE_UP, why="the channel stayed away for half an hour")
    # Whole again: when the rights come back, the picture comes too.
    return Decision(pause=60.0, fallback=Fallback.NONE, unsent=unsent, gone=True)


def _of_poison(delivery: Delivery, unsent: bool) -> Decision:
    """Discord will never take it as it is: plain text once, then the row is kept for the admin."""
    if delivery.kind is DeliveryKind.STATUS_CARD:
        return Decision(what=Action.DROP)
    if delivery.fallback is not Fallback.TEXT:
        return Decision(fallback=Fallback.TEXT, unsent=unsent)
    return Decision(what=Action.GIVE_UP, why="Discord refuses even plain text")
