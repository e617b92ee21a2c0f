"""Who may press which button and how often, and the sentence for a refused press. Pure."""

import msgspec
from discord.utils import format_dt

from bot import formatting
from bot.models import DECLINED_A_DAY, CostTier, Job, Limit, LimitExceeded, Limits, ServerSettings
from bot.models.midjourney_buttons import PromptUse, button_for

ROLE_IS_GONE = (
    "The role that may use the buttons was deleted. Someone with Manage Server can choose another one in "
    "`/darkroom settings`."
)
PAUSED = (
    "Buttons are paused in this server, so nothing was sent. Someone with Manage Server can resume them in "
    "`/darkroom settings`."
)
COSTLY = "This prompt uses more GPU time than usual."
ONLY_MODERATORS = (
    f"{COSTLY} Only moderators can run it. Take out what makes it costly, such as `--hd` or `--video`, and try again."
)

_NOT_QUEUED = {
    Limit.QUEUE: "You can't queue any more. Wait until one of them is sent, or cancel one in `/jobs`.",
    Limit.NO_QUEUE: "This can't be sent at the moment, and nothing is queued here. Please try again later.",
    Limit.PICTURES: "Too many pictures are queued at the moment, so I didn't take yours. Please try again later.",
}


class Presser(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a member that decide what they may press.

    `requester`: the member brought the parent job, by its id or with a press.
    """

    moderator: bool = False
    requester: bool = False
    role_ids: frozenset[int] = frozenset()


def wants_prompt(job: Job, button: str, settings: ServerSettings) -> bool:
    """Whether a press opens the form for editing the prompt; describe's 🔄 has no prompt."""
    match button_for(button).prompt:
        case PromptUse.ALWAYS:
            return True
        case PromptUse.WITH_REMIX:
            return settings.remix and job.verb != "describe"
        case PromptUse.NEVER:
            return False


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


def may_run(tier: CostTier, presser: Presser) -> bool:
    """Whether a member who may send prompts may send one of this tier."""
    return presser.moderator or tier is not CostTier.UPSCALE


def limits(settings: ServerSettings, presser: Presser) -> Limits:
    """The limits that a press or a prompt of this member must keep; moderators have only the server's."""
    if presser.moderator:
        return Limits(server_daily=settings.server_daily)
    return Limits(
        daily=settings.daily,
        server_daily=settings.server_daily,
        cooldown=settings.cooldown,
        running=settings.running,
    )


def limit_text(exceeded: LimitExceeded, settings: ServerSettings) -> str:
    """The sentence for a press or a prompt that would exceed a limit."""
    when = "" if exceeded.free_at is None else f" The next one is free {format_dt(exceeded.free_at, 'R')}."
    match exceeded.why:
        case Limit.COOLDOWN:
            again = "in a moment" if exceeded.free_at is None else format_dt(exceeded.free_at, "R")
            return f"Too fast, nothing was sent. Try again {again}."
        case Limit.DAILY if settings.daily == 0:
            return "Only moderators can do this at the moment: this server's daily limit for members is 0."
        case Limit.DAILY:
            return f"You've reached your limit of {_uses(settings.daily)} in 24 hours.{when}"
        case Limit.SERVER_DAILY if settings.server_daily == 0:
            return "This server doesn't allow anything that uses GPU time."
        case Limit.SERVER_DAILY:
            return f"This server has reached its limit of {_uses(settings.server_daily)} in 24 hours.{when}"
        case Limit.DECLINED:
            declined = f"Midjourney has declined {DECLINED_A_DAY} of your jobs in the last 24 hours"
            return f"{declined}, and it blocks accounts for that.{when}"
        case Limit.SHUT_OUT:
            assert exceeded.shut_out is not None
            return formatting.shut_out(exceeded.shut_out)
        case Limit.QUEUE | Limit.NO_QUEUE | Limit.PICTURES:
            return _NOT_QUEUED[exceeded.why]


def _uses(number: int | None) -> str:
    if number is None:  # the limit was lifted just now
        return "uses"
    return "1 use" if number == 1 else f"{number} uses"
