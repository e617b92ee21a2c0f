"""What the pages of `/darkroom settings` say, and the choices that they offer. No I/O."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import discord
import msgspec

from bot import formatting
from bot.models import ServerSettings, Spoiler
from bot.ui.permissions import GONE, READ_HISTORY, needed


class Page(StrEnum):
    """The pages, with the names that people choose them by."""

    HOME = "Overview"
    RESULTS = "Results and pings"
    WHO = "Who may press"
    NUMBERS = "How many presses"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What Discord says about this place, and about the channel and the role that were chosen."""

    rights: discord.Permissions
    thread: bool
    channel_error: str | None = None
    role_gone: bool = False
    everybody: bool = False
    """Whether the press role is everybody's: it has the server's own id."""


Value = int | Spoiler | None

CHOICES: Mapping[str, Mapping[str, Value]] = {
    "ping_after": {"own": None, **{str(seconds): seconds for seconds in (0, 30, 60, 120, 300, 900, 3600)}},
    "spoiler": {spoiler.value: spoiler for spoiler in Spoiler},
    "daily": {str(number): number for number in (0, 3, 5, 10, 20, 50, 100)},
    "server_daily": {str(number): number for number in (0, 10, 25, 50, 100, 200, 500, 1000)},
    "cooldown": {str(seconds): seconds for seconds in (0, 5, 15, 30, 60, 300)},
}
"""By the name of a setting: what a select may send back, and what is then meant."""

_SPOILERS = {
    Spoiler.NEVER: "Pictures are shown openly",
    Spoiler.ALWAYS: "Pictures hide behind a click",
    Spoiler.UNLESS_AGE_RESTRICTED: "Pictures hide behind a click, but not in age-restricted channels",
}


def says(name: str, value: Value, *, own_ping_after: float = 0) -> str:
    """A setting's value in words; `own_ping_after` is the bot's own setting, in seconds."""
    match name, value:
        case "ping_after", None:
            usual = says(name, round(own_ping_after))
            return f"{usual} (the bot's own setting)"
        case "ping_after", 0:
            return "Ping whoever waited at all"
        case "ping_after", int(seconds):
            return f"Ping whoever waited longer than {_time(seconds)}"
        case "daily", 0:
            return "None for members: moderators only"
        case "daily", number:
            return f"{number} a day for each member"
        case "server_daily", number:
            return f"{number or 'None'} a day for the whole server"
        case "cooldown", 0:
            return "No pause between two presses"
        case "cooldown", int(seconds):
            return f"{_time(seconds)} between two presses of a member"
        case _:
            return _SPOILERS[Spoiler(str(value))]


def words(page: Page, settings: ServerSettings, seen: Seen, *, own_ping_after: float) -> str:
    """What a page says above its selects and buttons."""
    match page:
        case Page.HOME:
            return _home(settings, seen, own_ping_after)
        case Page.RESULTS:
            lines = [_results(settings, seen), _mentions(settings, own_ping_after), f"{_SPOILERS[settings.spoiler]}."]
        case Page.WHO:
            lines = [
                _who(settings, seen),
                "U1 to U4 may also be pressed by whoever asked for the picture. Upscales and animations are for "
                "moderators: members with Manage Messages in the channel.",
                _paused(settings),
                _remix(settings),
            ]
        case Page.NUMBERS:
            lines = [
                f"{_numbers(settings)}.",
                "They count what Midjourney charges for, over the last 24 hours; U1 to U4 are not counted. Moderators "
                "are held to the server's number alone.",
            ]
    return "\n".join([f"**{page}**", *lines])


def _home(settings: ServerSettings, seen: Seen, own_ping_after: float) -> str:
    lines = ["**My rights in this channel**"]
    rights = (*needed(thread=seen.thread), READ_HISTORY)
    lines += [f"{'✓' if getattr(seen.rights, name) else '✗'} {label}" for name, label in rights]
    missing = [label for name, label in rights if not getattr(seen.rights, name)]
    if missing:
        channel = "the channel of this thread" if seen.thread else "this channel"
        lines.append(
            f"To give me what is missing: click the cog beside the name of {channel} (Edit Channel), then Permissions, "
            f"then my role, and put **{'**, **'.join(missing)}** on ✓."
        )
    if missing == [READ_HISTORY.label]:
        lines.append("I can post here all the same; without it, a crash may repeat a post.")
    return "\n".join(
        [
            *lines,
            "",
            "**Settings of this server**",
            _results(settings, seen),
            _mentions(settings, own_ping_after),
            f"{_SPOILERS[settings.spoiler]}.",
            _who(settings, seen),
            f"{_numbers(settings)}.",
            _remix(settings),
            *([_paused(settings)] if settings.paused else []),
        ]
    )


def _results(settings: ServerSettings, seen: Seen) -> str:
    channel = settings.results_channel
    if channel is None:
        return "Results are posted where the job was asked for."
    if seen.channel_error == GONE:
        return (
            "⚠️ The channel for results was deleted, or is hidden from me. Until you choose another, results are "
            "posted where the job was asked for."
        )
    if seen.channel_error:
        return (
            f"⚠️ Results belong in <#{channel}>, but {seen.channel_error}: Edit Channel, Permissions changes that. "
            "Until then they are posted where the job was asked for."
        )
    return f"Results are posted in <#{channel}>; those of buttons stay where the button is."


def _mentions(settings: ServerSettings, own_ping_after: float) -> str:
    if not settings.pings:
        return "Nobody is pinged."
    return says("ping_after", settings.ping_after, own_ping_after=own_ping_after) + "; `/jobs` lets members opt out."


def _who(settings: ServerSettings, seen: Seen) -> str:
    if settings.press_role is None:
        return "Moderators may press the pictures' buttons."
    if seen.role_gone:
        return "⚠️ The press role was deleted, so only moderators may press. Choose another role, or Moderators only."
    if seen.everybody:
        return "Everybody may press the pictures' buttons."
    return f"Moderators and <@&{settings.press_role}> may press the pictures' buttons."


def _numbers(settings: ServerSettings) -> str:
    names = ("daily", "server_daily", "cooldown")
    return "Presses: " + ", ".join(_lower(says(name, getattr(settings, name))) for name in names)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _paused(settings: ServerSettings) -> str:
    if settings.paused:
        return "⏸️ Presses are paused: no new ones are taken, and those in line wait."
    return "Presses are not paused."


def _remix(settings: ServerSettings) -> str:
    if settings.remix:
        return "Remix is on: V, 🔄, Vary and pan open the prompt for editing first."
    return "Remix is off. Switch it on here if your Midjourney account has it on."


def _time(seconds: int) -> str:
    return formatting.duration(timedelta(seconds=seconds))
