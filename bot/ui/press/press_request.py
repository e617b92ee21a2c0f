"""From a press to a submission: which button was pressed, and whether the member may press it."""

import logging

import discord
import msgspec

from bot import formatting
from bot.errors import ProviderAbsent, UserError
from bot.models import (
    CostTier,
    Delivery,
    DeliveryKind,
    KnownJob,
    LimitExceeded,
    ServerSettings,
    Status,
    SubmissionKind,
    SubmissionRequest,
)
from bot.models.midjourney_buttons import button_for
from bot.ui import replies
from bot.ui.base import PersistentItem, is_requester
from bot.ui.interactions import bot_of, destination_of, is_moderator, person_of, role_ids_of
from bot.ui.permissions import QUICK_TIMEOUT_SECONDS, role_is_gone
from bot.ui.press import press_rules
from bot.ui.press.first_answer import answer_taken
from bot.ui.press.press_rules import Presser
from bot.ui.subscription_requests import check_load, check_posting

log = logging.getLogger(__name__)

_PRESSED_BEFORE = "*Run it* works once, and it was pressed already. Press the button below the post to be asked again."


class PressRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A press that this member may make, of one of the buttons of a posted job."""

    delivery: Delivery
    parent: KnownJob
    button: str
    tier: CostTier
    settings: ServerSettings
    presser: Presser

    @property
    def name(self) -> str:
        """The button's label, as answers show it."""
        return formatting.plain(self.button, 100)


class PressesJob(PersistentItem):
    """Base of everything that submits one of a job's buttons: the button, its confirmation, its form.

    Each of them checks everything, because each may arrive alone, with a forged or outdated custom_id.
    """

    index: int

    async def request(self, interaction: discord.Interaction) -> PressRequest:
        """The press that the custom_id names; raises `UserError` if this member may not make it, or not now."""
        delivery, parent = await self.resolve(interaction, DeliveryKind.RESULT)
        job = parent.job
        if job.provider not in bot_of(interaction).providers:
            raise ProviderAbsent(provider=job.provider)
        if self.index >= len(job.buttons) or job.status != Status.COMPLETED:
            raise UserError("This job has no such button any more.")
        button = job.buttons[self.index]
        known_button = button_for(button)
        if not known_button.offered:
            raise UserError("This job has no such button any more.")
        tier = known_button.tier
        settings = await bot_of(interaction).store.servers.settings(delivery.destination.guild_id)
        presser = await _presser(interaction, delivery)
        if not press_rules.may_press(tier, settings, presser):
            gone = tier is not CostTier.UPSCALE and await _press_role_is_gone(interaction, settings)
            raise UserError(press_rules.who_may(tier, settings, role_is_gone=gone))
        if settings.paused:
            raise UserError(press_rules.PAUSED)
        await check_posting(interaction)
        await check_load(interaction)
        return PressRequest(
            delivery=delivery, parent=parent, button=button, tier=tier, settings=settings, presser=presser
        )

    async def submit(
        self,
        interaction: discord.Interaction,
        request: PressRequest,
        *,
        prompt: str = "",
        interaction_id: int | None = None,
        replace_question: bool = False,
    ) -> None:
        """Queue the submission and answer its presser; `bot.ui.submission_replies` later says what became of it.

        `replace_question`: the press confirmed a private question, which the answer replaces; `interaction_id` is then
        that of the press or form that asked: of a question, one submission comes. Raises `UserError` if none is taken.
        """
        queue = bot_of(interaction).submissions.of(request.parent.job.provider)
        press = SubmissionRequest(
            kind=SubmissionKind.BUTTON,
            parent_id=request.parent.id,
            button=request.button,
            tier=request.tier,
            prompt=prompt,
            destination=request.delivery.destination,
            person=person_of(interaction),
            interaction_id=interaction_id or interaction.id,
            interaction_token=interaction.token,
            by_moderator=request.presser.moderator,
        )
        submission = await queue.add(press, press_rules.limits(request.settings, request.presser))
        if submission is None and press.interaction_id != interaction.id:
            raise UserError(_PRESSED_BEFORE)
        if submission is None:
            log.info("Discord delivered an interaction twice; the second one is ignored")
            return
        if isinstance(submission, LimitExceeded):
            raise UserError(press_rules.limit_text(submission, request.settings))
        answered = await answer_taken(interaction, queue, submission, replace_question=replace_question)
        if not answered or not interaction.permissions.manage_guild:
            return
        if await _press_role_is_gone(interaction, request.settings):
            await replies.add(interaction, press_rules.ROLE_IS_GONE)


async def _presser(interaction: discord.Interaction, delivery: Delivery) -> Presser:
    return Presser(
        moderator=is_moderator(interaction),
        requester=await is_requester(interaction, delivery),
        role_ids=role_ids_of(interaction),
    )


async def _press_role_is_gone(interaction: discord.Interaction, settings: ServerSettings) -> bool:
    guild_id = destination_of(interaction).guild_id
    return await role_is_gone(interaction.client, guild_id, settings.press_role, timeout_seconds=QUICK_TIMEOUT_SECONDS)
