"""The sentences for what keeps the bot from posting somewhere, each with what to do about it."""

import re
from collections.abc import Sequence
from datetime import datetime

from discord.utils import format_dt

from bot.discord_codes import TIMED_OUT, DiscordCode
from bot.ui.permissions import GONE, listed
from bot.ui.posting_checks import Obstacle, Refused
from bot.ui.refusals import EDIT_PERMISSIONS, sentence_for

_CHOOSE_ANOTHER = "Someone with Manage Server can choose another one in `/darkroom settings`."
LOCKED = "I can't post here, because this thread is locked. Someone with Manage Threads can unlock it."
_NOT_A_MEMBER = "I can't post here, because I'm not in this private thread. Mention me in it to add me."
_ERROR = re.compile(r"HTTP (\d{3}), code (\d{1,9})")
_HIDDEN = frozenset({DiscordCode.MISSING_ACCESS, DiscordCode.UNKNOWN_CHANNEL})


def lacking_text(missing: Sequence[str]) -> str:
    """The sentence for missing permissions, by the names that Discord shows."""
    return f"I can't post here, because I lack {listed(missing)}. {EDIT_PERMISSIONS}"


def timed_out_text(until: datetime) -> str:
    """The sentence for a time-out of the bot, which ends by itself."""
    return f"A moderator has timed me out in this server until {format_dt(until, 'R')}, so I'll post it after that."


def timed_out_now_text(until: datetime) -> str:
    """As `timed_out_text`, for what is not posted later by itself."""
    return f"A moderator has timed me out in this server until {format_dt(until, 'R')}. Please try again after that."


def refused_text(status: int, code: int, *, private_thread: bool) -> str:
    """The sentence for a refusal by Discord although no permission is missing."""
    if private_thread and code in _HIDDEN:
        return _NOT_A_MEMBER
    return f"I can't post here (Discord's code {code}). {sentence_for(status, code)}"


def obstacle_text(obstacle: Obstacle) -> str:
    """The sentence for what kept a message from being posted."""
    if obstacle.timed_out_until is not None:
        return timed_out_text(obstacle.timed_out_until)
    status, code = obstacle.refused or (0, 0)
    return sentence_for(status, code) or f"Discord doesn't accept my message (code {code})."


def not_posted_text(key: str | None, channel_id: int, obstacle: Obstacle) -> str:
    """What a member reads when Discord refused a message that they wait for; `key` is that of its job, if it has one.

    Without a job it is the notice about a prompt.
    """
    ending = "" if obstacle.timed_out_until is not None else " I'll post it once I can; until then `/jobs` shows it."
    what = "The message about your prompt" if key is None else f"`#{key}`"
    return f"{what} isn't posted in <#{channel_id}> yet. {obstacle_text(obstacle)}{ending}"


def error_text(error: str) -> str:
    """The sentence for `Delivery.error`."""
    found = _ERROR.match(error)
    if found is None:
        return "Discord did not take it."
    if error.endswith(TIMED_OUT):
        return "A moderator has timed me out in this server; I'll post it after that."
    return obstacle_text(Obstacle(refused=Refused(int(found[1]), int(found[2]))))


def refused_there(code: int) -> str:
    """Half a sentence, as `permissions.channel_error` has it, for a refusal in another channel."""
    return GONE if code in _HIDDEN else f"Discord doesn't let me (code {code})"


def results_channel_text(channel_id: int, error: str) -> str:
    """The sentence for a server's channel for results that cannot be used; `error` is `permissions.channel_error`."""
    if error == GONE:
        return f"This server's channel for results was deleted, or is hidden from me. {_CHOOSE_ANOTHER}"
    return f"I can't post in <#{channel_id}>, this server's channel for results: {error}. {_CHOOSE_ANOTHER}"


def starboard_text(channel_id: int, error: str) -> str:
    """The sentence for a starboard's channel that cannot be used; `error` is `permissions.channel_error`."""
    if error == GONE:
        return f"The channel of this server's starboard was deleted, or is hidden from me. {_CHOOSE_ANOTHER}"
    return f"I can't post in <#{channel_id}>, this server's starboard: {error}. {_CHOOSE_ANOTHER}"
