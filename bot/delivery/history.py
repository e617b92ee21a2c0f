"""The look into a channel's history: whether a message whose send was never answered stands after all."""

import asyncio

import discord

from bot import ui
from bot.models import Delivery

PATIENCE = 100.0  # seconds; a look that takes longer goes on from where it was


class History:
    """Finds the messages of deliveries; a look that takes too long remembers how far it came."""

    def __init__(self, bot: discord.Client) -> None:
        self._bot = bot
        self._looked: dict[int, int] = {}

    async def find(self, delivery: Delivery, *, after: int, key: str = "") -> discord.Message | None:
        """The delivery's message among those after the snowflake `after`; with a `key`, any result of that job's.

        Without Read Message History Discord shows an empty history; then the nonce alone protects.
        """
        channel = self._bot.get_partial_messageable(
            delivery.destination.channel_id, guild_id=delivery.destination.guild_id
        )
        start = discord.Object(self._looked.get(delivery.id, after))
        found = None
        async with asyncio.timeout(PATIENCE):
            async for message in channel.history(limit=None, after=start, oldest_first=True):
                self._looked[delivery.id] = message.id
                if _is_of(message, delivery) or (key and self._is_result(message, key)):
                    found = message
                    break
        self.forget(delivery)
        return found

    def _is_result(self, message: discord.Message, key: str) -> bool:
        """Whether we posted a result of this job's, under whatever nonce: its footer ends with the key."""
        mine = self._bot.user is not None and message.author.id == self._bot.user.id
        footers = (embed.footer.text or "" for embed in message.embeds)
        return mine and any(footer.rpartition(" ")[2] == f"#{key}" for footer in footers)

    def forget(self, delivery: Delivery) -> None:
        """Nobody will ask for this one again."""
        self._looked.pop(delivery.id, None)


def _is_of(message: discord.Message, delivery: Delivery) -> bool:
    """Whether the message names this delivery: every message of ours has a button that does."""
    return any(delivery.nonce in custom_id for custom_id in ui.custom_ids(message))


def shows_its_picture(message: discord.Message) -> bool:
    """Whether a message has a file of its own; one that an embed shows is missing among the attachments.

    What an embed shows may also be a link to somebody else's file, which dies. Our own lies under this channel's id.
    """
    own = f"/attachments/{message.channel.id}/"
    return bool(message.attachments) or any(own in (embed.image.url or "") for embed in message.embeds)
