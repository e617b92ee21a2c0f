"""The buttons below the status card of a running job: subscribe, unsubscribe, cancel the job."""

from typing import Any

import discord
from discord import ui

from bot.errors import ProviderAbsent, ProviderError, UserError
from bot.models import CostTier, Delivery, DeliveryKind, Job, KnownJob, Origin
from bot.models.midjourney_buttons import button_for
from bot.models.provider import worded
from bot.providers.base import Cancellation
from bot.providers.registry import Providers
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, moderates_job, own_subscription, view_of
from bot.ui.interactions import bot_of, is_moderator
from bot.ui.subscription_replies import notify_text, subscription_view
from bot.ui.subscription_requests import check_load, check_posting, subscribe

_STOP = "What do you want to stop? The job keeps running at Midjourney."
_STOP_OR_CANCEL = (
    "What do you want to stop? The job keeps running at Midjourney unless you cancel it (it may still be charged)."
)
_CANNOT_CANCEL = {
    Cancellation.NOT_OFFERED: "This job can't be cancelled: {provider} doesn't offer that to this bot.",
    Cancellation.NO_ADMIN_TOKEN: (
        "This job can't be cancelled: {provider} wants its admin token for that, and this bot has none."
    ),
    Cancellation.ADMIN_TOKEN_REFUSED: (
        "This job can't be cancelled: {provider} doesn't accept the admin token that this bot has."
    ),
}
_PICK_REFUSED = "U1 to U4 can't be cancelled: {provider} would never accept that button again."
_PICKED_ONCE = "U1 to U4 can't be cancelled: each is run once only, so that button would never work again."
_NOTHING_TO_STOP = "You aren't being notified about this job, so there's nothing to stop."
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
        question, nothing = _STOP, _NOTHING_TO_STOP
        if await _may_cancel(interaction, status_card):
            obstacle = cancel_obstacle(known.job, bot_of(interaction).providers)
            if obstacle is None:
                view.add_item(CancelButton(self.nonce))
                question = _STOP_OR_CANCEL
            else:
                question, nothing = f"{question} {obstacle}", obstacle
        if not view.children:
            raise UserError(nothing)
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
        if (obstacle := cancel_obstacle(known.job, bot_of(interaction).providers)) is not None:
            raise UserError(obstacle)
        if not await _may_cancel(interaction, status_card):
            raise UserError("Only whoever started this job and moderators can cancel it.")
        if known.job.over:
            raise UserError("This job has already finished, so there's nothing to cancel.")
        await interaction.response.defer()  # a provider may take longer than the 3 s that Discord gives
        bot = bot_of(interaction)
        await bot.providers.of(known.job.provider).cancel(known.job.jobid)
        await _poll(interaction, known)
        bot.submissions.of(known.job.provider).slot_freed()
        await replies.say(interaction, worded(_CANCELLED, known.job.provider))


def cancel_obstacle(job: Job, providers: Providers) -> str | None:
    """Why a job can't be cancelled, as a sentence; `None` where it can.

    A cancelled U1-U4 keeps its button from working: useapi lists it among the parent's children for good, and
    elsewhere this bot does not press one again that may have been charged.
    """
    if job.provider not in providers:
        return ProviderAbsent.sentence(job.provider)
    capabilities = providers.of(job.provider).capabilities
    if capabilities.cancel is not Cancellation.WORKS:
        return worded(_CANNOT_CANCEL[capabilities.cancel], job.provider)
    if button_for(job.button).tier is CostTier.PICK:
        return worded(_PICK_REFUSED if capabilities.picks_once else _PICKED_ONCE, job.provider)
    return None


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
