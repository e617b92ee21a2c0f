"""The buttons below the status card of a running job: subscribe, unsubscribe, cancel the job."""

from typing import Any

import discord
from discord import ui

from bot.errors import ProviderAbsent, ProviderError, UserError
from bot.models import CostTier, Delivery, DeliveryKind, Job, KnownJob, Origin
from bot.models.midjourney_buttons import button_for
from bot.models.provider import worded
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, moderates_job, own_subscription, view_of
from bot.ui.interactions import bot_of, is_moderator
from bot.ui.subscription_replies import notify_text, subscription_view
from bot.ui.subscription_requests import check_load, check_posting, subscribe

_STOP = "What do you want to stop? The job keeps running at Midjourney."
_STOP_OR_CANCEL = (
    "What do you want to stop? The job keeps running at Midjourney unless you cancel it (it may still be charged)."
)
_NEVER_CANCELLED = "U1 to U4 can't be cancelled: {provider} would keep that button from ever working again."
_CANCELLED = (
    "Cancelled at {provider}. Midjourney may still charge for it; if a result arrives anyway, I'll post it here."
)


def status_card_view(nonce: str) -> ui.View:
    """The buttons of a status card."""
    return view_of(NotifyMeButton(nonce), StopButton(nonce))


class NotifyMeButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:t:{NONCE}"):
    """Subscribes the presser to a running job, to be mentioned in its result however soon that comes."""

    code = "t"
    label = "🔔 Notify me"

    async def act(self, interaction: discord.Interaction) -> None:
        """Add a subscription for the presser."""
        status_card, known = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if known.job.provider not in bot_of(interaction).providers:
            raise ProviderAbsent(provider=known.job.provider)
        own = await own_subscription(interaction, status_card)
        if own is not None and own.notify:
            raise UserError("You're already on the list: I'll notify you about this job.")
        waits = await check_posting(interaction)
        if own is None:
            await check_load(interaction)
        subscribed = await subscribe(interaction, known.job, origin=Origin.NOTIFY)
        here = status_card.destination
        pings = (await bot_of(interaction).store.servers.settings(here.guild_id)).pings
        await replies.say(
            interaction,
            f"{notify_text(subscribed, here=here, pings=pings)} {waits}".strip(),
            view=subscription_view(subscribed, there=here, here=here),
        )


class StopButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:s:{NONCE}"):
    """Asks the presser, in private, what to stop."""

    code = "s"
    label = "Stop"

    async def act(self, interaction: discord.Interaction) -> None:
        """Offer what this member may stop."""
        status_card, known = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if known.job.over:
            raise UserError("This job has already finished, so there's nothing to stop.")
        view = ui.View(timeout=None)
        if await own_subscription(interaction, status_card) is not None:
            view.add_item(StopMineButton(self.nonce))
        if is_moderator(interaction):
            view.add_item(StopAllButton(self.nonce))
        question = _STOP
        if _can_be_cancelled(interaction, known.job) and await _may_cancel(interaction, status_card):
            view.add_item(CancelButton(self.nonce))
            question = _STOP_OR_CANCEL
        if not view.children:
            raise UserError("You aren't being notified about this job, so there's nothing to stop.")
        await replies.say(interaction, question, view=view)


class StopMineButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:x:{NONCE}"):
    """Ends the presser's own subscription."""

    code = "x"
    label = "Stop notifying me"

    async def act(self, interaction: discord.Interaction) -> None:
        """Unsubscribe the presser."""
        status_card, _ = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        await bot_of(interaction).store.subscriptions.stop(status_card, interaction.user.id)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content="I won't notify you about this job.", view=None)


class StopAllButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:a:{NONCE}"):
    """Ends all subscriptions in this channel."""

    code = "a"
    label = "Stop watching for everyone"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """Unsubscribe everyone in this channel, for a moderator."""
        status_card, _ = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if not is_moderator(interaction):
            raise UserError("Only moderators can stop watching for everyone.")
        await bot_of(interaction).store.subscriptions.stop_all(status_card)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content="Nobody here will be notified about this job.", view=None)


class CancelButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:j:{NONCE}"):
    """Cancels a running job at its provider, for the member whose submission made it, and for moderators."""

    code = "j"
    label = "Cancel the job"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """Cancel it, then poll it: it may have completed a moment before."""
        status_card, known = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if not _can_be_cancelled(interaction, known.job):
            raise UserError(worded(_NEVER_CANCELLED, known.job.provider))
        if not await _may_cancel(interaction, status_card):
            raise UserError("Only whoever pressed the button for this job and moderators can cancel it.")
        if known.job.over:
            raise UserError("This job has already finished, so there's nothing to cancel.")
        await interaction.response.defer()  # a provider may take longer than the 3 s that Discord gives
        bot = bot_of(interaction)
        await bot.providers.of(known.job.provider).cancel(known.job.jobid)
        await _poll(interaction, known)
        bot.submissions.of(known.job.provider).slot_freed()
        await replies.say(interaction, worded(_CANCELLED, known.job.provider))


def _can_be_cancelled(interaction: discord.Interaction, job: Job) -> bool:
    """`False` where the provider cannot cancel, and for U1-U4.

    A cancelled U stays among the parent's children, so its button would be refused for good.
    """
    cancels = bot_of(interaction).providers.of(job.provider).capabilities.cancel
    return cancels and button_for(job.button).tier is not CostTier.PICK


async def _may_cancel(interaction: discord.Interaction, status_card: Delivery) -> bool:
    """Whether the member may cancel the card's job.

    Its submitter may, and moderators of the channel that it was brought to, in the server where it was submitted.
    """
    submission = await bot_of(interaction).store.history.of_child(status_card.job_id)
    if submission is not None and submission.person.id == interaction.user.id:
        return True
    return await moderates_job(interaction, status_card) and (
        submission is None or submission.destination.guild_id == status_card.destination.guild_id
    )


async def _poll(interaction: discord.Interaction, known: KnownJob) -> None:
    bot = bot_of(interaction)
    try:
        job = await bot.providers.of(known.job.provider).job(known.job.jobid)
    except ProviderError:
        return  # the poller polls it anyway
    await bot.store.jobs.record([(known.id, job)])
    bot.deliver_soon()
