"""Who may press what, and how often: the rules that keep an account's bill small. Values in, values and words out."""

import msgspec
from discord.utils import format_dt

from bot.models import DECLINED_A_DAY, CostTier, Job, Limit, LimitExceeded, Limits, ServerSettings
from bot.models.midjourney_buttons import PromptUse, button_for
from bot.ui.permissions import listed

_ASKER = "the member who brought this job here"
_MODERATORS = "moderators"


class Presser(msgspec.Struct, frozen=True, kw_only=True):
    """What counts about whoever presses; `requester`: the member brought the parent here, or made it by a press."""

    moderator: bool = False
    requester: bool = False
    role_ids: frozenset[int] = frozenset()


def wants_prompt(job: Job, button: str, settings: ServerSettings) -> bool:
    """Whether a press opens the prompt for editing; describe's 🔄 has none."""
    match button_for(button).prompt:
        case PromptUse.ALWAYS:
            return True
        case PromptUse.WITH_REMIX:
            return settings.remix and job.verb != "describe"
        case PromptUse.NEVER:
            return False


def may_press(tier: CostTier, settings: ServerSettings, presser: Presser) -> bool:
    """Whether this member may press a button of this tier at all."""
    if presser.moderator:
        return True
    if tier is CostTier.PICK and presser.requester:
        return True
    return tier is not CostTier.UPSCALE and settings.press_role in presser.role_ids


def who_may(tier: CostTier, settings: ServerSettings, *, role_is_gone: bool = False) -> str:
    """The sentence for a member who may not; it names a role as a mention, so it is for a private answer only."""
    who = [_ASKER] if tier is CostTier.PICK else []
    has_role = settings.press_role is not None and tier is not CostTier.UPSCALE
    if has_role and not role_is_gone:
        who.append(f"members with <@&{settings.press_role}>")
    why = "." if tier is CostTier.PICK else ": it costs Midjourney time."
    sentence = f"Only {listed([*who, _MODERATORS])} can press this{why}"
    return f"{sentence} {ROLE_IS_GONE}" if has_role and role_is_gone else sentence


ROLE_IS_GONE = (
    "The role that may press here was deleted: somebody who manages this server can choose another in "
    "`/darkroom settings`."
)

PAUSED = (
    "Buttons are paused in this server, so nothing was sent. Somebody who manages it can let them go on in "
    "`/darkroom settings`."
)


def limits(settings: ServerSettings, presser: Presser) -> Limits:
    """The numbers that a press of this member must keep; moderators have none of their own."""
    if presser.moderator:
        return Limits(server_daily=settings.server_daily)
    return Limits(daily=settings.daily, server_daily=settings.server_daily, cooldown=settings.cooldown)


def refusal(refused: LimitExceeded, settings: ServerSettings) -> str:
    """The sentence for a press that would pass a number."""
    when = "" if refused.free_at is None else f" The next one is free {format_dt(refused.free_at, 'R')}."
    match refused.why:
        case Limit.COOLDOWN:
            again = "" if refused.free_at is None else f" {format_dt(refused.free_at, 'R')}"
            return f"That was a little fast, so nothing was sent. Please press again{again}."
        case Limit.DAILY if not settings.daily:
            return "Only moderators can press this at the moment: members have no presses a day in this server."
        case Limit.DAILY:
            return f"You have used your {_presses(settings.daily)} of the last 24 hours.{when}"
        case Limit.SERVER_DAILY if not settings.server_daily:
            return "This server allows no presses that cost Midjourney time."
        case Limit.SERVER_DAILY:
            return f"This server has used its {_presses(settings.server_daily)} of the last 24 hours.{when}"
        case Limit.DECLINED:
            declined = f"Midjourney has declined {DECLINED_A_DAY} of your presses in the last 24 hours"
            return f"{declined}, and it blocks accounts for that.{when}"
        case Limit.QUEUE:
            return (
                "You have as many presses waiting as you may. Please wait until one of them was sent, or take one back "
                "in `/jobs`."
            )


def _presses(number: int) -> str:
    return "one press" if number == 1 else f"{number} presses"
