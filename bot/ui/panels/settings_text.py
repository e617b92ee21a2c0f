"""The texts of the pages of `/darkroom settings`, and the choices that they offer. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import discord
import msgspec

from bot import formatting
from bot.models import DECLINED_A_DAY, ServerSettings, Spoiler
from bot.models.prompt import Preset
from bot.ui.permissions import GONE, READ_HISTORY, needed


class Page(StrEnum):
    """The pages; the values are the names that admins choose them by."""

    HOME = "Overview"
    RESULTS = "Results and pings"
    WHO = "Who may press"
    START = "Start jobs"
    NUMBERS = "How many jobs"
    STARBOARD = "Starboard"


class DiscordState(msgspec.Struct, frozen=True, kw_only=True):
    """What Discord says about the channel of the panel, and about the channel and the role in the settings.

    `channel_error`: why results cannot be posted in their channel, `starboard_error` the same of the starboard's.
    `everyone` and `everyone_starts`: the role that may
    press, and the one that may start jobs, is @everyone, whose id is the server's.
    """

    rights: discord.Permissions
    thread: bool
    voice: bool = False
    channel_error: str | None = None
    role_gone: bool = False
    everyone: bool = False
    start_role_gone: bool = False
    everyone_starts: bool = False
    starboard_error: str | None = None
    star_role_gone: bool = False


class ServerLists(msgspec.Struct, frozen=True, kw_only=True):
    """A server's presets, and how many entries its word list has."""

    presets: tuple[Preset, ...] = ()
    words: int = 0


Value = int | Spoiler | None

CHOICES: Mapping[str, Mapping[str, Value]] = {
    "ping_after": {"own": None, **{str(seconds): seconds for seconds in (0, 30, 60, 120, 300, 900, 3600)}},
    "spoiler": {spoiler.value: spoiler for spoiler in Spoiler},
    "daily": {str(number): number for number in (0, 3, 5, 10, 20, 50, 100)} | {"unlimited": None},
    "server_daily": {str(number): number for number in (0, 10, 25, 50, 100, 200, 500, 1000)} | {"unlimited": None},
    "cooldown": {str(seconds): seconds for seconds in (0, 5, 15, 30, 60, 300)},
    "running": {str(number): number for number in (1, 2, 3, 5, 10)},
    "stars": {str(number): number for number in (1, 2, 3, 4, 5, 7, 10, 15, 20, 30)},
    "declined": {str(number): number for number in range(1, DECLINED_A_DAY + 1)},
}
"""By the name of a setting: the values that its select may send, and the setting that each means."""

NUMBERS = ("daily", "server_daily", "cooldown", "running", "declined")
"""The settings of the page "How many jobs"."""

LABELS: Mapping[str, str] = {
    "results_channel": "Channel for results",
    "ping_after": "Who is pinged",
    "spoiler": "How pictures are shown",
    "press_role": "Role that may use the buttons, besides moderators",
    "start_role": "Role that may start jobs, besides moderators",
    "change_preset": "Change a preset",
    "delete_preset": "Delete a preset",
    "daily": "Daily limit of each member",
    "server_daily": "Daily limit of the whole server",
    "cooldown": "Cooldown of each member",
    "running": "Running jobs of each member",
    "declined": "Jobs declined by Midjourney",
    "starboard_channel": "Channel for starred pictures",
    "stars": "Stars that a picture needs",
    "star_role": "Role that may star pictures, besides moderators",
}
"""By the name of a setting: what stands above its select."""

_NO_LISTS = ServerLists()
_SPOILERS = {
    Spoiler.NEVER: "Pictures are shown openly",
    Spoiler.ALWAYS: "Pictures are hidden behind a click",
    Spoiler.UNLESS_AGE_RESTRICTED: "Pictures are hidden behind a click, except in age-restricted channels",
}
_NO_COPIES = "Without Read Message History in this channel I can't copy its pictures to the starboard."


def value_text(name: str, value: Value, *, own_ping_after: float = 0) -> str:
    """A setting's value as an option of its select; `own_ping_after` is the bot's own setting, in seconds."""
    match name, value:
        case "ping_after", None:
            return f"{value_text(name, round(own_ping_after))} (the bot's default)"
        case "ping_after", 0:
            return "Ping everyone who waited"
        case "ping_after", int(seconds):
            return f"Ping those who waited longer than {_duration(seconds)}"
        case "daily", 0:
            return "No uses for members, only for moderators"
        case "server_daily", 0:
            return "No presses at all"
        case "daily" | "server_daily", number:
            return f"{_a_day(number)} for {'each member' if name == 'daily' else 'the whole server'}"
        case "cooldown", seconds:
            return f"{_duration(int(seconds or 0)) if seconds else 'No'} cooldown between a member's uses"
        case "stars", number:
            return f"{number} {'star' if number == 1 else 'stars'}"
        case "running" | "declined", number:
            return _jobs_text(name, number)
        case _:
            return _SPOILERS[Spoiler(str(value))]


def _jobs_text(name: str, number: Value) -> str:
    jobs = f"{number} {'job' if number == 1 else 'jobs'}"
    if name == "running":
        return f"{jobs} at a time for each member"
    return f"After {jobs} declined in 24 hours, a member waits a day"


def _a_day(number: Value) -> str:
    return "Unlimited uses" if number is None else f"{number} uses a day"


def page_text(
    page: Page,
    settings: ServerSettings,
    state: DiscordState,
    *,
    own_ping_after: float,
    lists: ServerLists = _NO_LISTS,
) -> str:
    """The text of a page, above its selects and buttons."""
    match page:
        case Page.HOME:
            return _home(settings, state, own_ping_after)
        case Page.RESULTS:
            lines = [_results(settings, state), _pings(settings, own_ping_after), f"{_SPOILERS[settings.spoiler]}."]
        case Page.WHO:
            lines = [
                _who(settings, state),
                "Whoever added a job may use its U1 to U4, too. Upscales and animations are for moderators only: "
                "members with Manage Messages in the channel.",
                _paused(settings),
                _remix(settings, on_its_page=True),
            ]
        case Page.START:
            lines = [
                _starters(settings, state),
                "Each job counts as one use, together with the buttons. Prompts that use more GPU time, such as "
                "`--hd` or `--video`, are for moderators only.",
                _speeds(settings),
                formatting.presets_offered([preset.name for preset in lists.presets]),
                formatting.words_forbidden(lists.words),
                _paused(settings),
            ]
        case Page.STARBOARD:
            lines = [
                _starboard(settings, state),
                _star_givers(settings, state),
                *([f"⚠️ {_NO_COPIES}"] if _lacks_copies(settings, state) else []),
                "⭐ Star is under `⋯` below a picture. Nobody can star what they added themselves. Whoever added a "
                "picture and moderators can remove it from the starboard, and it doesn't come back.",
                "Pictures from an age-restricted channel only go to an age-restricted starboard, and those from a "
                "channel that not everyone there can view don't go to it.",
            ]
        case Page.NUMBERS:
            lines = [
                *_limits(settings),
                "Prompts and buttons that use GPU time count together, over the last 24 hours; U1 to U4 don't. For "
                "moderators, only the server's limit applies. Members take turns in the queue.",
            ]
    return "\n".join([f"**{page}**", *lines])


def _home(settings: ServerSettings, state: DiscordState, own_ping_after: float) -> str:
    rights = (*needed(thread=state.thread, voice=state.voice), READ_HISTORY)
    missing = [right.label for right in rights if not getattr(state.rights, right.flag)]
    lines = ["**My permissions in this channel**"]
    lines += [f"{'✗' if right.label in missing else '✓'} {right.label}" for right in rights]
    if missing:
        lines.append(_how_to_grant(missing, thread=state.thread))
    if missing == [READ_HISTORY.label]:
        lines.append("I can post here anyway, but after a crash I may repeat a post.")
    if _lacks_copies(settings, state):
        lines.append(_NO_COPIES)
    return "\n".join(
        [
            *lines,
            "",
            "**Settings of this server**",
            _results(settings, state),
            _pings(settings, own_ping_after),
            f"{_SPOILERS[settings.spoiler]}.",
            _who(settings, state),
            _starters(settings, state),
            *_limits(settings),
            _remix(settings, on_its_page=False),
            *([_starboard(settings, state)] if settings.starboard_channel is not None else []),
            *([_paused(settings)] if settings.paused else []),
        ]
    )


def _how_to_grant(missing: list[str], *, thread: bool) -> str:
    names = f"**{'**, **'.join(missing)}**"
    if thread:
        return (
            "To grant what is missing: click the cog beside the name of this thread's channel (Edit Channel), then "
            f"Permissions, then my role, and set {names} to ✓."
        )
    return (
        "To grant what is missing: click the cog beside the name of this channel (Edit Channel), then Permissions, "
        f"then my role, and set {names} to ✓."
    )


def _results(settings: ServerSettings, state: DiscordState) -> str:
    channel = settings.results_channel
    if channel is None:
        return "Results are posted where they were requested."
    if state.channel_error == GONE:
        return (
            "⚠️ The channel for results was deleted, or is hidden from me. Until you choose another one, results are "
            "posted where they were requested."
        )
    if state.channel_error is not None:
        return (
            f"⚠️ Results should be posted in <#{channel}>, but {state.channel_error}. You can change that under Edit "
            "Channel, Permissions. Until then they are posted where they were requested."
        )
    return f"Results are posted in <#{channel}>; those of buttons and of `/imagine` are posted where these are used."


def _pings(settings: ServerSettings, own_ping_after: float) -> str:
    if not settings.pings:
        return "Nobody is pinged."
    text = value_text("ping_after", settings.ping_after, own_ping_after=own_ping_after)
    return f"{text}. Members can opt out in `/jobs`."


def _who(settings: ServerSettings, state: DiscordState) -> str:
    if settings.press_role is None:
        return "Moderators may use the buttons."
    if state.role_gone:
        return (
            "⚠️ The role that may use the buttons was deleted, so only moderators may use them. Choose another role, or "
            "remove this one."
        )
    if state.everyone:
        return "Everyone may use the buttons."
    return f"Moderators and <@&{settings.press_role}> may use the buttons."


def _starters(settings: ServerSettings, state: DiscordState) -> str:
    if settings.start_role is None:
        return "Moderators may start jobs with `/imagine`."
    if state.start_role_gone:
        return (
            "⚠️ The role that may start jobs was deleted, so only moderators may. Choose another role, or remove this "
            "one."
        )
    if state.everyone_starts:
        return "Everyone may start jobs with `/imagine`."
    return f"Moderators and <@&{settings.start_role}> may start jobs with `/imagine`."


def _starboard(settings: ServerSettings, state: DiscordState) -> str:
    channel, stars = settings.starboard_channel, value_text("stars", settings.stars)
    if channel is None:
        return "There is no starboard. Choose a channel, and pictures that get enough stars are posted there, too."
    if state.starboard_error == GONE:
        return "⚠️ The starboard's channel was deleted, or is hidden from me. Choose another one."
    if state.starboard_error is not None:
        return (
            f"⚠️ Pictures with {stars} should be posted in <#{channel}>, but {state.starboard_error}. You can change "
            "that under Edit Channel, Permissions."
        )
    return f"Pictures with {stars} are posted in <#{channel}>."


def _lacks_copies(settings: ServerSettings, state: DiscordState) -> bool:
    return settings.starboard_channel is not None and not state.rights.read_message_history


def _star_givers(settings: ServerSettings, state: DiscordState) -> str:
    if settings.star_role is None:
        return "Everyone who can view a picture may star it."
    if state.star_role_gone:
        return (
            "⚠️ The role that may star pictures was deleted, so only moderators may. Choose another role, or let "
            "everyone star."
        )
    return f"Moderators and <@&{settings.star_role}> may star pictures."


def _speeds(settings: ServerSettings) -> str:
    if settings.speeds:
        return "Prompts may choose the speed with `--relax`, `--fast` and `--turbo`."
    return "Prompts run at the account's speed: `--relax`, `--fast` and `--turbo` are refused."


def _limits(settings: ServerSettings) -> list[str]:
    return [f"{value_text(name, getattr(settings, name))}." for name in NUMBERS]


def _paused(settings: ServerSettings) -> str:
    if settings.paused:
        return "⏸️ Presses and new jobs are paused: they are refused, and queued ones wait."
    return "Presses and new jobs are not paused."


def _remix(settings: ServerSettings, *, on_its_page: bool) -> str:
    if settings.remix:
        return "Remix prompts are on: V, 🔄, Vary and pan open the prompt for editing first."
    if on_its_page:
        return "Remix prompts are off. Turn them on here if remix is on in your Midjourney account."
    return f"Remix prompts are off. If remix is on in your Midjourney account, turn them on in {Page.WHO}."


def _duration(seconds: int) -> str:
    return formatting.duration(timedelta(seconds=seconds))
