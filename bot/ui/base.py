"""What a custom_id claims, and how it is checked at every press."""

import re
from contextlib import suppress
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot import logs
from bot.errors import UserError
from bot.models import NO_PERSON, Delivery, DeliveryKind, KnownJob
from bot.ui import replies
from bot.ui.interactions import bot_of, destination_of, is_moderator, remember_file_limit_of

NONCE = r"(?P<nonce>[a-z0-9]{24})"
"""The part of a custom_id's pattern that names a delivery."""
INDEX = r"(?P<index>\d{1,2})"
"""The part of a custom_id's pattern that names one of a job's buttons."""


class PersistentItem:
    """Brings what `act` raises to the one place that answers people."""

    nonce: str

    async def callback(self, interaction: discord.Interaction) -> None:
        """Act for whoever is welcome, and answer whatever goes wrong."""
        bot = bot_of(interaction)
        bot.store.clock.note_snowflake(interaction.id)
        try:
            if await bot.check_server(interaction):
                await self.act(interaction)
                await remember_file_limit_of(interaction)
        except Exception as error:  # noqa: BLE001 -- the one place that answers gets them all
            await replies.answer(interaction, error)

    async def act(self, interaction: discord.Interaction) -> None:
        """Do what the button says; what this raises is answered."""
        raise NotImplementedError

    async def resolve(self, interaction: discord.Interaction, kind: DeliveryKind) -> tuple[Delivery, KnownJob]:
        """The delivery that the custom_id names and its job, if they belong where the press came from."""
        store = bot_of(interaction).store
        delivery = await store.deliveries.by_nonce(self.nonce)
        if delivery is None or delivery.kind is not kind or delivery.destination != destination_of(interaction):
            raise UserError("I don't know this post any more. `/job` with its id shows the job anew.")
        known = await store.jobs.get(delivery.job_id)
        logs.turn_to(key=known.key, destination=delivery.destination)
        return delivery, known

    async def resolve_for_manager(
        self, interaction: discord.Interaction, what: str, kind: DeliveryKind = DeliveryKind.RESULT
    ) -> tuple[Delivery, KnownJob]:
        """The post that the custom_id names, for the asker or a moderator, who alone may do `what`."""
        delivery, known = await self.resolve(interaction, kind)
        if not await may_manage_post(interaction, delivery):
            raise UserError(f"Only the member who brought this job here, and moderators, can {what}.")
        return delivery, known


class DeliveryButton(PersistentItem):
    """A button whose custom_id holds nothing but the delivery."""

    code: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, nonce: str, *, row: int | None = None) -> None:
        super().__init__(  # type: ignore[call-arg]  # DynamicItem's, which stands behind this class in the order
            ui.Button(label=self.label, style=self.style, custom_id=f"dr:{self.code}:{nonce}", row=row)
        )
        self.nonce = nonce

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from what its custom_id claims."""
        return cls(match["nonce"])


class JobButtonBase(PersistentItem):
    """Something whose custom_id holds a delivery and one of its job's buttons; `index` counts in the job's list."""

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
        """Rebuild the button from what its custom_id claims."""
        return cls(match["nonce"], int(match["index"]))


async def delete_post(interaction: discord.Interaction, delivery: Delivery) -> None:
    """Delete the message of a delivery, for good; one that is gone already is what was asked for."""
    message_id = delivery.message_id
    if message_id is None and interaction.message is not None and not interaction.message.flags.ephemeral:
        message_id = interaction.message.id  # its send was never answered; here is the proof that it stands
    if message_id is not None:
        channel = interaction.client.get_partial_messageable(delivery.destination.channel_id)
        with suppress(discord.NotFound):
            await channel.get_partial_message(message_id).delete()
    await bot_of(interaction).store.outbox.drop(delivery)
    bot_of(interaction).deliver_soon()  # what led to it leads nowhere now


async def may_manage_post(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether this member brought the job here or is a moderator."""
    return is_moderator(interaction) or await is_requester(interaction, delivery)


async def is_requester(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether it was this member who brought the job here; to be told about it too, anybody can ask."""
    requester = await bot_of(interaction).store.subscriptions.requester(
        delivery.job_id, delivery.destination.channel_id
    )
    return requester == interaction.user.id


async def may_know_reason(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether this member brought the job here; of one that came by itself, a moderator may know."""
    requester = await bot_of(interaction).store.subscriptions.requester(
        delivery.job_id, delivery.destination.channel_id
    )
    return requester == interaction.user.id or (requester == NO_PERSON.id and is_moderator(interaction))


async def asked(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether this member is on the list of those who are told about the job here."""
    subscriptions = await bot_of(interaction).store.subscriptions.in_channel(
        delivery.job_id, delivery.destination.channel_id
    )
    return any(subscription.person.id == interaction.user.id for subscription in subscriptions)
