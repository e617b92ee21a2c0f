"""Who may start jobs of prompts, with what parameters, and the sentences for a refusal. Pure."""

from bot.models import ServerSettings
from bot.models.prompt import PromptRules
from bot.ui.press.press_rules import Presser

SPEEDS = ("relax", "fast", "turbo")
"""The modes that a prompt can name, by the names of their parameters."""

PAUSED = (
    "New jobs are paused in this server, so nothing was sent. Someone with Manage Server can resume them in "
    "`/darkroom settings`."
)
_ROLE_IS_GONE = (
    "The role that may start jobs was deleted. Someone with Manage Server can choose another one in "
    "`/darkroom settings`."
)


def may_start(settings: ServerSettings, presser: Presser) -> bool:
    """Whether this member may start jobs at all."""
    return presser.moderator or settings.start_role in presser.role_ids


def who_may_start(settings: ServerSettings, *, role_is_gone: bool = False) -> str:
    """The sentence for a member who may not start jobs; it mentions a role, so it is for a private answer only."""
    if settings.start_role is None:
        return "Only moderators can start jobs in this server: they use GPU time."
    if role_is_gone:
        return f"Only moderators can start jobs in this server: they use GPU time. {_ROLE_IS_GONE}"
    return f"Only <@&{settings.start_role}> and moderators can start jobs in this server: they use GPU time."


def rules(settings: ServerSettings) -> PromptRules:
    """What this server allows in a prompt: its visibility is always that of the account."""
    return PromptRules(allowed=frozenset(SPEEDS if settings.speeds else ()))
