"""Files on their way to Discord: how long they may take, and how large they may be."""

import discord

from bot.delivery.retry_policy import is_about_size, limit_below
from bot.messages import Message
from bot.models import Destination
from bot.store import Store

_PATIENCE = 25.0  # seconds that one request may take, plus its files' bytes at
_SLOW_UPLINK = 64 * 1024  # bytes a second


def patience(message: Message | None = None) -> float:
    """Seconds that sending this may take."""
    return _PATIENCE + (message.size if message else 0) / _SLOW_UPLINK


def open_files(message: Message) -> list[discord.File]:
    """The files of a message, open; discord.py closes them."""
    return [discord.File(file.picture.path, filename=file.name, description=file.description) for file in message.files]


async def learn_limit(store: Store, destination: Destination, message: Message, refusal: discord.HTTPException) -> bool:
    """Note a lower limit of the server's, where Discord found a file too large; whether a smaller copy may do.

    Several files at once teach nothing: perhaps it was their sum.
    """
    if not is_about_size(refusal.status, refusal.code) or len(message.files) != 1:
        return False
    limit = limit_below(message.size)
    if limit is not None:
        await store.servers.set_file_limit(destination.guild_id, limit)
    return limit is not None
