"""A prompt that a member wants to send: checked, and stored as a submission."""

import logging

import discord
import msgspec

from bot import formatting
from bot.errors import UserError
from bot.models import CostTier, LimitExceeded, ServerSettings, SubmissionKind, SubmissionRequest
from bot.models.prompt import CheckedPrompt, PromptOptions
from bot.submissions import SubmissionQueue, prompt_check
from bot.ui.imagine import start_rules
from bot.ui.interactions import bot_of, destination_of, is_moderator, person_of
from bot.ui.permissions import role_is_gone
from bot.ui.press import press_rules
from bot.ui.press.first_answer import answer_taken
from bot.ui.press.press_request import role_ids_of
from bot.ui.press.press_rules import Presser
from bot.ui.subscription_requests import check_load, check_posting

log = logging.getLogger(__name__)

_ROLE_TIMEOUT_SECONDS = 1.0  # Discord expects an answer within 3


class ImagineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that this member may send here, unless its check says that nobody may."""

    checked: CheckedPrompt
    settings: ServerSettings
    presser: Presser

    @property
    def is_costly(self) -> bool:
        """Whether it uses more GPU time than a grid."""
        return self.checked.tier is CostTier.UPSCALE

    @property
    def needs_decision(self) -> bool:
        """Whether the member should see the final prompt first: something may be wrong with it, or it is costly."""
        return bool(self.checked.hints) or self.is_costly


async def read_request(interaction: discord.Interaction, prompt: str, options: PromptOptions) -> ImagineRequest:
    """Check a prompt and who sends it; raises `UserError` if this member may not start jobs here, or not now."""
    guild_id = destination_of(interaction).guild_id
    settings = await bot_of(interaction).store.servers.settings(guild_id)
    presser = Presser(moderator=is_moderator(interaction), role_ids=frozenset(role_ids_of(interaction)))
    if not start_rules.may_start(settings, presser):
        gone = await role_is_gone(
            interaction.client, guild_id, settings.start_role, timeout_seconds=_ROLE_TIMEOUT_SECONDS
        )
        raise UserError(start_rules.who_may_start(settings, role_is_gone=gone))
    if settings.paused:
        raise UserError(start_rules.PAUSED)
    checked = prompt_check.check(formatting.clean(prompt), options=options, rules=start_rules.rules(settings))
    return ImagineRequest(checked=checked, settings=settings, presser=presser)


async def submit(
    interaction: discord.Interaction, request: ImagineRequest, *, interaction_id: int, replace_question: bool = False
) -> None:
    """Queue the prompt and answer the member; `bot.ui.submission_replies` later says what became of it.

    `interaction_id` is that of the command: of the command and the button below its preview, one submission comes.
    """
    if not start_rules.may_run(request.checked.tier, request.presser):
        raise UserError(start_rules.only_moderators())
    await check_posting(interaction)
    await check_load(interaction)
    queue = _queue(interaction)
    imagine = SubmissionRequest(
        kind=SubmissionKind.IMAGINE,
        tier=request.checked.tier,
        prompt=request.checked.prompt,
        destination=destination_of(interaction),
        person=person_of(interaction),
        interaction_id=interaction_id,
        interaction_token=interaction.token,
    )
    submission = await queue.add(imagine, press_rules.limits(request.settings, request.presser))
    if submission is None:
        log.info("A prompt was sent already; the second interaction is ignored")
        return
    if isinstance(submission, LimitExceeded):
        raise UserError(press_rules.limit_text(submission, request.settings))
    await answer_taken(interaction, queue, submission, replace_question=replace_question)


def _queue(interaction: discord.Interaction) -> SubmissionQueue:
    bot = bot_of(interaction)
    return bot.submissions.of(bot.providers.for_prompts().name)
