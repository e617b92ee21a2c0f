"""What a custom_id claims, and how it is checked at every press."""

import re
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot import replies
from bot.asking import bot_of, is_moderator, place_of
from bot.errors import PersonError
from bot.jobs import Delivery, Kind, KnownJob

NONCE = r"(?P<nonce>[a-z0-9]{24})"
"""The part of a custom_id's pattern that names a delivery."""


class Answered:
    """Brings what `act` raises to the one place that answers people."""

    nonce: str

    async def callback(self, interaction: discord.Interaction) -> None:
        """Act for whoever is welcome, and answer whatever goes wrong."""
        bot = bot_of(interaction)
        bot.store.saw(interaction.id)
        try:
            if await bot.is_welcome(interaction):
                await self.act(interaction)
        except Exception as error:  # noqa: BLE001 -- the one place that answers gets them all
            await replies.answer(interaction, error)

    async def act(self, interaction: discord.Interaction) -> None:
        """Do what the button says; what this raises is answered."""
        raise NotImplementedError

    async def claim(self, interaction: discord.Interaction, kind: Kind) -> tuple[Delivery, KnownJob]:
        """The delivery that the custom_id names and its job, if they belong where the press came from."""
        store = bot_of(interaction).store
        delivery = await store.delivery(self.nonce)
        if delivery is None or delivery.kind is not kind or delivery.place != place_of(interaction):
            raise PersonError("I don't know this post any more. `/job` with its id shows the job anew.")
        return delivery, await store.known(delivery.job_id)

    async def claim_housekeeping(self, interaction: discord.Interaction, what: str) -> tuple[Delivery, KnownJob]:
        """The result that the custom_id names, for the asker or a moderator, who alone may do `what`."""
        delivery, known = await self.claim(interaction, Kind.RESULT)
        if not await may_keep_house(interaction, delivery):
            raise PersonError(f"Only the member who brought this job here, and moderators, can {what}.")
        return delivery, known


class Simple(Answered):
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


async def may_keep_house(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether this member brought the job here or is a moderator."""
    return is_moderator(interaction) or await is_asker(interaction, delivery)


async def is_asker(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether it was this member who brought the job here; to be told about it too, anybody can ask."""
    asker = await bot_of(interaction).store.asker(delivery.job_id, delivery.place.channel_id)
    return asker == interaction.user.id


async def asked(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether this member is on the list of those who are told about the job here."""
    watches = await bot_of(interaction).store.watches(delivery.job_id, delivery.place.channel_id)
    return any(watch.person.id == interaction.user.id for watch in watches)
