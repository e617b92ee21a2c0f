"""Time and size limits of the files that are sent to Discord."""

import discord

from bot.delivery.retry_policy import is_about_size, limit_below
from bot.messages import Message
from bot.models import Destination
from bot.store import Store

_BASE_SECONDS = 25.0  # for one request without files
_SLOW_UPLINK = 64 * 1024  # bytes a second, the slowest upload that is waited for


def timeout_seconds(message: Message | None = None) -> float:
    """Return the seconds that one request may take, with the files of `message` if one is given."""
    return _BASE_SECONDS + (message.size if message else 0) / _SLOW_UPLINK


def open_files(message: Message) -> list[discord.File]:
    """Open the files of a message; discord.py closes them."""
    return [discord.File(file.picture.path, filename=file.name, description=file.description) for file in message.files]


async def remember_size_limit(
    store: Store, destination: Destination, message: Message, refusal: discord.HTTPException
) -> bool:
    """Store a lower file limit for the server if Discord found the file too large; return whether it was lowered.

    Then a smaller copy may be accepted. Of several files nothing is learnt: their sum may have been too large.
    """
    if not is_about_size(refusal.status, refusal.code) or len(message.files) != 1:
        return False
    limit = limit_below(message.size)
    if limit is not None:
        await store.servers.set_file_limit(destination.guild_id, limit)
    return limit is not None
