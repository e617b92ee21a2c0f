"""Search of a channel's history for a message whose send was never answered."""

import asyncio

import discord

from bot import discord_internals, ui
from bot.messages.picture_sources import embedded_files
from bot.models import Delivery

_RESULT = discord_internals.template_of(ui.MoreButton)  # every result has this button, and no other message of ours
TIMEOUT_SECONDS = 100.0  # of one search; the next attempt continues where it stopped


class History:
    """Finds the messages of deliveries; a search that times out is continued by the next call."""

    def __init__(self, bot: discord.Client) -> None:
        self._bot = bot
        self._searched_to: dict[int, int] = {}  # delivery id -> snowflake of the last message read

    async def find(self, delivery: Delivery, *, after: int, key: str = "") -> discord.Message | None:
        """Return the delivery's message posted after the snowflake `after`; with `key`, also any result of that job.

        Raises what Discord answers, or `TimeoutError`. Without the permission Read Message History Discord returns an
        empty history; then only the nonce prevents a second message.
        """
        channel = self._bot.get_partial_messageable(
            delivery.destination.channel_id, guild_id=delivery.destination.guild_id
        )
        start = discord.Object(self._searched_to.get(delivery.id, after))
        found = None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async for message in channel.history(limit=None, after=start, oldest_first=True):
                self._searched_to[delivery.id] = message.id
                if _carries_nonce(message, delivery) or (key and self._is_result_of(message, key)):
                    found = message
                    break
        self.forget(delivery)
        return found

    def _is_result_of(self, message: discord.Message, key: str) -> bool:
        """Whether the message is our result of the job with this key, under any nonce.

        Its embed's footer ends with the key. A result without an embed has it at the end of its text, or, where Discord
        dropped the embed for want of a permission, in the name of its picture's file.
        """
        mine = self._bot.user is not None and message.author.id == self._bot.user.id
        if not mine or not any(_RESULT.fullmatch(custom_id) for custom_id in ui.custom_ids(message)):
            return False
        texts = (message.content, *(embed.footer.text or "" for embed in message.embeds))
        names = (attachment.filename.rpartition(".")[0] for attachment in message.attachments)
        return any(text.rpartition(" ")[2] == f"#{key}" for text in texts) or any(
            name.rpartition("-")[2] == key.lower() for name in names
        )

    def forget(self, delivery: Delivery) -> None:
        """Drop the position of an unfinished search."""
        self._searched_to.pop(delivery.id, None)


def _carries_nonce(message: discord.Message, delivery: Delivery) -> bool:
    """Whether a custom_id of the message holds the delivery's nonce, as in every message of ours."""
    return any(delivery.nonce in custom_id for custom_id in ui.custom_ids(message))


def has_own_picture(message: discord.Message) -> bool:
    """Whether the message has a file of its own; Discord lists one that an embed shows in the embed only."""
    return bool(message.attachments) or bool(embedded_files(message))
