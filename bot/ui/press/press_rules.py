"""Who may press which button and how often, and the sentence for a refused press. Pure."""

import re

import msgspec
from discord.utils import format_dt

from bot.models import CostTier, Job, Limit, LimitExceeded, Limits, ServerSettings

CUSTOM_ZOOM = "Custom Zoom"
"""The button that wants a prompt with `--zoom`."""

_PAN = r"[⬅➡⬆⬇]\ufe0f?"
_TIERS = (
    (re.compile(r"U[1-4]"), CostTier.PICK),
    (
        re.compile(rf"V[1-4]|🔄|Vary\b.*|Zoom Out\b.*|{CUSTOM_ZOOM}|Make Square|Make Variations|Remaster|{_PAN}"),
        CostTier.VARY,
    ),
)
_REMIXED = re.compile(rf"V[1-4]|🔄|Vary \((Strong|Subtle)\)|{_PAN}")  # what takes a prompt when remix is on
_NOT_OFFERED = re.compile(
    r"Vary \(Region\)"  # the API wants a mask with it
    r"|(?![🔄⬅➡⬆⬇])[^\w]+"  # an emoji alone, such as the web site's heart: nobody knows what it would cost
)

ROLE_IS_GONE = (
    "The role that may use the buttons was deleted. Someone with Manage Server can choose another one in "
    "`/darkroom settings`."
)
PAUSED = (
    "Buttons are paused in this server, so nothing was sent. Someone with Manage Server can resume them in "
    "`/darkroom settings`."
)


class Presser(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a member that decide what they may press.

    `requester`: the member requested the parent job in this channel, or made it with a button.
    """

    moderator: bool = False
    requester: bool = False
    role_ids: frozenset[int] = frozenset()


def tier_of(button: str) -> CostTier:
    """What a button costs; one that is not known counts among the dearest."""
    return next((tier for pattern, tier in _TIERS if pattern.fullmatch(button)), CostTier.UPSCALE)


def is_offered(button: str) -> bool:
    """Whether a job's button is shown, and may be pressed."""
    return not _NOT_OFFERED.fullmatch(button)


def wants_prompt(job: Job, button: str, settings: ServerSettings) -> bool:
    """Whether a press opens the prompt for editing; describe's 🔄 has none."""
    if button == CUSTOM_ZOOM:
        return True
    return settings.remix and job.verb != "describe" and _REMIXED.fullmatch(button) is not None


def may_press(tier: CostTier, settings: ServerSettings, presser: Presser) -> bool:
    """Whether this member may press a button of this tier."""
    if presser.moderator:
        return True
    if tier is CostTier.PICK and presser.requester:
        return True
    return tier is not CostTier.UPSCALE and settings.press_role in presser.role_ids


def who_may(tier: CostTier, settings: ServerSettings, *, role_is_gone: bool = False) -> str:
    """The sentence for a member who may not press; it mentions a role, so it is for a private answer only."""
    has_role = settings.press_role is not None and tier is not CostTier.UPSCALE
    role = f"<@&{settings.press_role}>" if has_role and not role_is_gone else None
    match tier, role:
        case CostTier.PICK, None:
            sentence = "Only whoever added this job and moderators can use this button."
        case CostTier.PICK, _:
            sentence = f"Only whoever added this job, {role} and moderators can use this button."
        case _, None:
            sentence = "Only moderators can use this button: it uses GPU time."
        case _:
            sentence = f"Only {role} and moderators can use this button: it uses GPU time."
    return f"{sentence} {ROLE_IS_GONE}" if has_role and role_is_gone else sentence


def limits(settings: ServerSettings, presser: Presser) -> Limits:
    """The limits that a press of this member must keep; moderators have only the server's."""
    if presser.moderator:
        return Limits(server_daily=settings.server_daily)
    return Limits(daily=settings.daily, server_daily=settings.server_daily, cooldown=settings.cooldown)


def limit_text(exceeded: LimitExceeded, settings: ServerSettings) -> str:
    """The sentence for a press that would exceed a limit."""
    when = "" if exceeded.free_at is None else f" The next one is free {format_dt(exceeded.free_at, 'R')}."
    match exceeded.why:
        case Limit.COOLDOWN:
            again = "in a moment" if exceeded.free_at is None else format_dt(exceeded.free_at, "R")
            return f"Too fast, nothing was sent. Try again {again}."
        case Limit.DAILY if not settings.daily:
            return "Only moderators can use this button at the moment: this server's daily limit for members is 0."
        case Limit.DAILY:
            return f"You've reached your limit of {_uses(settings.daily)} in 24 hours.{when}"
        case Limit.SERVER_DAILY if not settings.server_daily:
            return "This server doesn't allow buttons that use GPU time."
        case Limit.SERVER_DAILY:
            return f"This server has reached its limit of {_uses(settings.server_daily)} in 24 hours.{when}"
        case Limit.QUEUE:
            return "You can't queue any more buttons. Wait until one of them is sent, or cancel one in `/jobs`."


def _uses(number: int) -> str:
    return "1 use" if number == 1 else f"{number} uses"
