"""A prompt that a member wants to send: checked, and stored as a submission."""

import logging

import discord
import msgspec

from bot import formatting
from bot.errors import UserError
from bot.models import CostTier, LimitExceeded, ServerSettings, SubmissionKind, SubmissionRequest
from bot.models.prompt import CheckedPrompt
from bot.submissions import prompt_check
from bot.submissions.prompt_guard import forbidden_word
from bot.submissions.prompt_parts import links_in
from bot.ui.imagine import start_rules
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.pictures import first_expiry
from bot.ui.interactions import bot_of, destination_of, is_moderator, person_of, role_ids_of
from bot.ui.permissions import QUICK_TIMEOUT_SECONDS, role_is_gone
from bot.ui.press import press_rules
from bot.ui.press.first_answer import answer_taken
from bot.ui.press.press_rules import Presser
from bot.ui.subscription_requests import check_load, check_posting

log = logging.getLogger(__name__)

_PRESSED_BEFORE = "*Run it* works once, and it was pressed already. Send the prompt with `/imagine` to run it again."


class ImagineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A checked prompt, and who sends it; it is sent only if `refusal`, a sentence, is `None`."""

    checked: CheckedPrompt
    settings: ServerSettings
    presser: Presser
    refusal: str | None = None

    @property
    def is_costly(self) -> bool:
        """Whether it uses more GPU time than a grid."""
        return self.checked.tier is CostTier.UPSCALE

    @property
    def may_start(self) -> bool:
        """Whether the member may start jobs at all, so that another prompt may help."""
        return start_rules.may_start(self.settings, self.presser)

    @property
    def needs_decision(self) -> bool:
        """Whether the member should see the final prompt first: something may be wrong with it, or it is costly."""
        return self.refusal is None and (bool(self.checked.hints) or self.is_costly)


async def start_refusal(interaction: discord.Interaction, settings: ServerSettings) -> str | None:
    """Why this member may not start jobs here, or not now, as a sentence; `None` if they may."""
    if not start_rules.may_start(settings, presser_of(interaction)):
        gone = await role_is_gone(
            interaction.client,
            destination_of(interaction).guild_id,
            settings.start_role,
            timeout_seconds=QUICK_TIMEOUT_SECONDS,
        )
        return start_rules.who_may_start(settings, role_is_gone=gone)
    return start_rules.PAUSED if settings.paused else None


def presser_of(interaction: discord.Interaction) -> Presser:
    """The member as the rules about prompts see them."""
    return Presser(moderator=is_moderator(interaction), role_ids=role_ids_of(interaction))


async def read_request(interaction: discord.Interaction, draft: PromptDraft) -> ImagineRequest:
    """Check a prompt and who sends it."""
    store, guild_id = bot_of(interaction).store, destination_of(interaction).guild_id
    settings = await store.servers.settings(guild_id)
    presser = presser_of(interaction)
    preset = await store.presets.by_name(guild_id, draft.preset or "")
    checked = prompt_check.check(
        formatting.clean(draft.prompt),
        options=msgspec.structs.replace(draft.options, style=preset and preset.suffix),
        rules=start_rules.rules(settings),
    )
    refusal = await start_refusal(interaction, settings)
    if refusal is None and draft.preset and preset is None:
        refusal = formatting.no_such_preset(draft.preset)
    if refusal is None:
        refusal = _refusal(checked, presser, await store.servers.words(guild_id))
    return ImagineRequest(checked=checked, settings=settings, presser=presser, refusal=refusal)


def _refusal(checked: CheckedPrompt, presser: Presser, words: tuple[str, ...]) -> str | None:
    """Why a prompt is not sent, as a sentence."""
    if checked.stop is not None:
        return formatting.prompt_stop(checked.stop)
    if (word := forbidden_word(checked.prompt, words)) is not None:
        return formatting.forbidden(word)
    return None if press_rules.may_run(checked.tier, presser) else press_rules.ONLY_MODERATORS


async def submit(
    interaction: discord.Interaction, request: ImagineRequest, *, interaction_id: int, replace_question: bool = False
) -> None:
    """Queue the prompt and answer the member; `bot.ui.submission_replies` later says what became of it.

    `interaction_id` is that of the command: of the command and the button below its preview, one submission comes.
    Raises `UserError` if the prompt is not sent.
    """
    if request.refusal is not None:
        raise UserError(request.refusal)
    prompt = request.checked.prompt
    imagine = SubmissionRequest(
        kind=SubmissionKind.IMAGINE,
        tier=request.checked.tier,
        prompt=prompt,
        expires_at=first_expiry(links_in(prompt)),
        destination=destination_of(interaction),
        person=person_of(interaction),
        interaction_id=interaction_id,
        interaction_token=interaction.token,
        by_moderator=request.presser.moderator,
    )
    await enqueue(interaction, imagine, request.settings, replace_question=replace_question)


async def enqueue(
    interaction: discord.Interaction,
    request: SubmissionRequest,
    settings: ServerSettings,
    *,
    replace_question: bool = False,
) -> None:
    """Queue what a command starts and answer the member; raises `UserError` if it is not taken."""
    await check_posting(interaction)
    await check_load(interaction)
    bot = bot_of(interaction)
    queue = bot.submissions.of(bot.providers.for_prompts().name)
    submission = await queue.add(request, press_rules.limits(settings, presser_of(interaction)))
    if submission is None and request.interaction_id != interaction.id:
        raise UserError(_PRESSED_BEFORE)
    if submission is None:
        log.info("Discord delivered an interaction twice; the second one is ignored")
        return
    if isinstance(submission, LimitExceeded):
        raise UserError(press_rules.limit_text(submission, settings))
    await answer_taken(interaction, queue, submission, replace_question=replace_question)
