"""What stands below a card: to be told too, and to stop that."""

from typing import Any

import discord
from discord import ui

from bot.errors import ProviderError, UserError
from bot.models import CostTier, Delivery, DeliveryKind, Job, KnownJob
from bot.models.midjourney_buttons import button_for
from bot.store import SubscriptionResult
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, asked
from bot.ui.interactions import ask, bot_of, check_load, check_rights, is_moderator, jump


def status_card_view(nonce: str) -> ui.View:
    """The buttons of a card."""
    view = ui.View(timeout=None)
    view.add_item(NotifyMeButton(nonce))
    view.add_item(StopButton(nonce))
    return view


class NotifyMeButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:t:{NONCE}"):
    """Joins the people who are told about a running job."""

    code = "t"
    label = "🔔 Tell me too"

    async def act(self, interaction: discord.Interaction) -> None:
        """Add a watch for whoever pressed."""
        card, known = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if await asked(interaction, card):
            raise UserError("You are on the list already.")
        check_rights(interaction)
        await check_load(interaction)
        await replies.say(interaction, _told(await ask(interaction, known.job)))


def _told(subscribed: SubscriptionResult) -> str:
    """What came of a wish to be told; a card that cannot be edited just now may belong to a job that is over."""
    if not subscribed.known.job.over:
        return "I'll tell you here when it is done."
    if subscribed.delivery is None or subscribed.delivery.message_id is None:
        return "It is over already: I'm posting it here."
    return (
        f"It is over already, and stands here: {jump(subscribed.delivery.destination, subscribed.delivery.message_id)}"
    )


class StopButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:s:{NONCE}"):
    """Asks, in private, what to stop."""

    code = "s"
    label = "Stop"

    async def act(self, interaction: discord.Interaction) -> None:
        """Offer what this person may stop."""
        card, known = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if known.job.over:
            raise UserError("It is over already, so there is nothing to stop.")
        view = ui.View(timeout=None)
        if await asked(interaction, card):
            view.add_item(StopMineButton(self.nonce))
        if is_moderator(interaction):
            view.add_item(StopAllButton(self.nonce))
        question = "What shall I stop? The job itself goes on at Midjourney."
        if _can_be_cancelled(known.job) and await _may_cancel(interaction, card):
            view.add_item(CancelButton(self.nonce))
            question = (
                "What shall I stop? The job itself goes on at Midjourney unless you cancel it; Midjourney may still "
                "charge for it then."
            )
        if not view.children:
            raise UserError("You are not on the list for this job, so there is nothing to stop for you.")
        await replies.say(interaction, question, view=view)


class StopMineButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:x:{NONCE}"):
    """Ends one's own watch."""

    code = "x"
    label = "Stop telling me"

    async def act(self, interaction: discord.Interaction) -> None:
        """End the watch of whoever pressed."""
        card, _ = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        await bot_of(interaction).store.subscriptions.stop(card, interaction.user.id)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content="I won't tell you about this one.", view=None)


class StopAllButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:a:{NONCE}"):
    """Ends everybody's watch in this channel."""

    code = "a"
    label = "Stop for everyone here"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """End all watches in this channel, for a moderator."""
        card, _ = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if not is_moderator(interaction):
            raise UserError("Only moderators can stop it for everyone.")
        await bot_of(interaction).store.subscriptions.stop_all(card)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content="Nobody here will be told about this one.", view=None)


class CancelButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:j:{NONCE}"):
    """Has useapi give up a running job, for whoever made it by a press, and for moderators."""

    code = "j"
    label = "Cancel the job"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """Cancel it, and write down what useapi then says of it: it may have been done a moment before."""
        card, known = await self.resolve(interaction, DeliveryKind.STATUS_CARD)
        if not _can_be_cancelled(known.job):
            raise UserError(_NEVER)
        if not await _may_cancel(interaction, card):
            raise UserError("Only the member who pressed the button for this job, and moderators, can cancel it.")
        if known.job.over:
            raise UserError("It is over already, so there is nothing to cancel.")
        await interaction.response.defer()  # useapi may take longer than the 3 s that Discord gives
        bot = bot_of(interaction)
        await bot.api.cancel(known.job.jobid)
        await _look(interaction, known)
        bot.submissions.slot_freed()
        await interaction.edit_original_response(content=_CANCELLED, view=None)


_NEVER = "U1 to U4 cannot be cancelled: useapi.net would keep that button from ever working again."
_CANCELLED = (
    "Cancelled at useapi.net. Midjourney may still charge for it; should its result come all the same, I'll post it "
    "here."
)


def _can_be_cancelled(job: Job) -> bool:
    """Not what U1-U4 made: a cancelled one stays among the parent's children, so the button answers 409 for good."""
    return button_for(job.button).tier is not CostTier.PICK


async def _may_cancel(interaction: discord.Interaction, card: Delivery) -> bool:
    """Whoever pressed for this job; moderators of the server where it was pressed, or where nobody pressed for it."""
    press = await bot_of(interaction).store.history.of_child(card.job_id)
    if press is not None and press.person.id == interaction.user.id:
        return True
    return is_moderator(interaction) and (press is None or press.destination.guild_id == card.destination.guild_id)


async def _look(interaction: discord.Interaction, known: KnownJob) -> None:
    bot = bot_of(interaction)
    try:
        job = await bot.api.job(known.job.jobid)
    except ProviderError:
        return  # the watcher looks anyway
    await bot.store.jobs.record([(known.id, job)])
    bot.deliver_soon()
