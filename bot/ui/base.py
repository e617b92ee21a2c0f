"""Persistent buttons: rebuilding them from their custom_id, and checking at every press what that custom_id claims."""

import re
from contextlib import suppress
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot import logs
from bot.errors import UserError
from bot.models import Delivery, DeliveryKind, KnownJob, Requesters, Subscription
from bot.ui import replies
from bot.ui.interactions import bot_of, destination_of, is_moderator, remember_file_limit_of

NONCE = r"(?P<nonce>[a-z0-9]{24})"
"""The part of a custom_id's pattern that names a delivery."""
SNOWFLAKE = r"([1-8]?\d{1,18})"
"""An id of Discord's or of a row in a custom_id or a select: no number that SQLite cannot hold."""
INDEX = r"(?P<index>\d{1,2})"
"""The part of a custom_id's pattern that names one of a job's buttons."""


def view_of(*items: ui.Item[Any]) -> ui.View:
    """A view of these buttons and selects that never times out: discord.py finds their code by custom_id."""
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    return view


def picture_link(url: str) -> ui.Button[Any]:
    """A link button to a result."""
    return ui.Button(label="Go to the picture", url=url)


class PersistentItem:
    """Base of all buttons, selects and forms: passes the errors of `act` to `bot.ui.replies`.

    The custom_id is a claim: anyone can send one, so `act` checks job, destination and permissions at every press.
    """

    nonce: str

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the item from the groups of its custom_id's pattern."""
        return cls(*match.groups())

    async def callback(self, interaction: discord.Interaction) -> None:
        """Run `act` if the server is served, and answer any error."""
        bot = bot_of(interaction)
        bot.store.clock.note_snowflake(interaction.id)
        try:
            if await bot.check_server(interaction):
                await self.act(interaction)
                bot.refused_posts.remember(interaction)
                await remember_file_limit_of(interaction)
        except Exception as error:  # noqa: BLE001 -- every error is answered, in one place
            await replies.answer(interaction, error)

    async def act(self, interaction: discord.Interaction) -> None:
        """Do what the item is for; errors that it raises are answered."""
        raise NotImplementedError

    async def resolve_delivery(self, interaction: discord.Interaction, kind: DeliveryKind) -> Delivery:
        """The delivery that the custom_id names.

        Raises `UserError` if there is none of this kind in the interaction's channel.
        """
        delivery = await bot_of(interaction).store.deliveries.by_nonce(self.nonce)
        if delivery is None or delivery.kind is not kind or delivery.destination != destination_of(interaction):
            raise _unknown_post()
        return delivery

    async def resolve(self, interaction: discord.Interaction, kind: DeliveryKind) -> tuple[Delivery, KnownJob]:
        """The delivery that the custom_id names, as `resolve_delivery` returns it, and its job."""
        delivery = await self.resolve_delivery(interaction, kind)
        known = await bot_of(interaction).store.jobs.find(delivery.job_id)
        if known is None:
            raise _unknown_post()  # a notice about a prompt
        logs.turn_to(key=known.key, destination=delivery.destination)
        return delivery, known

    async def resolve_for_manager(
        self, interaction: discord.Interaction, refusal: str, kind: DeliveryKind = DeliveryKind.RESULT
    ) -> tuple[Delivery, KnownJob]:
        """As `resolve`; raises `UserError` with the sentence `refusal` unless the member may manage the post."""
        delivery, known = await self.resolve(interaction, kind)
        if not await may_manage_post(interaction, delivery):
            raise UserError(refusal)
        return delivery, known


def _unknown_post() -> UserError:
    return UserError("I don't know this post any more. `/job` with its id shows the job again.")


class DeliveryButton(PersistentItem):
    """A button whose custom_id names a delivery and nothing else."""

    code: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, nonce: str, *, row: int | None = None) -> None:
        super().__init__(  # type: ignore[call-arg]  # DynamicItem's __init__, which is next in the subclasses' MRO
            ui.Button(label=self.label, style=self.style, custom_id=f"dr:{self.code}:{nonce}", row=row)
        )
        self.nonce = nonce


class JobButtonBase(PersistentItem):
    """A button whose custom_id names a delivery and one of its job's buttons, by its index in `Job.buttons`."""

    index: int
    code: ClassVar[str]
    label: ClassVar[str] = "?"
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(
        self, nonce: str, index: int, *, label: str = "", emoji: str | None = None, row: int | None = None
    ) -> None:
        super().__init__(  # type: ignore[call-arg]  # as above
            ui.Button(
                label=label or (None if emoji else self.label),
                emoji=emoji,
                style=self.style,
                custom_id=f"dr:{self.code}:{nonce}:{index}",
                row=row,
            )
        )
        self.nonce = nonce
        self.index = index

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from its custom_id."""
        return cls(match["nonce"], int(match["index"]))


async def delete_post(interaction: discord.Interaction, delivery: Delivery) -> None:
    """Delete a delivery's message and mark the delivery dropped; a message that is already gone is no error."""
    message_id = delivery.message_id
    if message_id is None and interaction.message is not None and not interaction.message.flags.ephemeral:
        message_id = interaction.message.id  # the send was never answered; the press proves that it was posted
    if message_id is not None:
        channel = interaction.client.get_partial_messageable(delivery.destination.channel_id)
        with suppress(discord.NotFound):
            await channel.get_partial_message(message_id).delete()
    await bot_of(interaction).store.outbox.drop(delivery)
    bot_of(interaction).deliver_soon()  # posts that link to it are edited


async def is_requester(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether the member brought the job: was the first in this server, or here, to give its id, or started it."""
    return interaction.user.id in (await _requesters(interaction, delivery)).user_ids


async def moderates_job(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether the member moderates this channel and the job was brought to it: with more than its key."""
    return is_moderator(interaction) and (await _requesters(interaction, delivery)).here


async def may_manage_post(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether the member may delete the post: whoever brought the job, and moderators of this channel."""
    return is_moderator(interaction) or await is_requester(interaction, delivery)


async def may_see_id(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether the member may see the job id, and addresses that name the payer: its requester, and its moderators."""
    return await is_requester(interaction, delivery) or await moderates_job(interaction, delivery)


async def may_know_reason(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether the member brought the job; for a job that came unattended, whether they moderate this channel."""
    requesters = await _requesters(interaction, delivery)
    unattended = requesters.here and not requesters.user_ids
    return interaction.user.id in requesters.user_ids or (unattended and is_moderator(interaction))


async def _requesters(interaction: discord.Interaction, delivery: Delivery) -> Requesters:
    return await bot_of(interaction).store.subscriptions.requesters(delivery.job_id, delivery.destination)


async def own_subscription(interaction: discord.Interaction, delivery: Delivery) -> Subscription | None:
    """The member's subscription to the job in the delivery's channel."""
    subscriptions = await bot_of(interaction).store.subscriptions.in_channel(
        delivery.job_id, delivery.destination.channel_id
    )
    return next((each for each in subscriptions if each.person.id == interaction.user.id), None)
