"""Reads the bot's own posts in a channel, up to a hundred with one request."""

import logging
from collections.abc import AsyncIterator, Iterable

import aiohttp
import discord

from bot.errors import StartError
from bot.rate_limiter import RateLimiter

log = logging.getLogger(__name__)

_PAGE = 100  # messages of one answer, Discord's limit
_INTERVAL = 0.5  # seconds between two requests: a bot that runs has the same limits
_UNREACHABLE = "Discord could not be reached. What is in the folder is kept: the same command goes on from there."


class Posts:
    """Reads posts of one server; raises `StartError` where Discord cannot be reached."""

    def __init__(self, client: discord.Client, guild_id: int) -> None:
        self._client = client
        self._guild_id = guild_id
        self._limiter = RateLimiter(_INTERVAL)

    async def read(self, channel_id: int, message_ids: Iterable[int]) -> AsyncIterator[list[discord.Message]]:
        """Those of the messages that still exist and are the bot's, page by page.

        A channel that is gone, or that the bot may not read, has none.
        """
        missing = sorted(message_ids)
        channel = self._client.get_partial_messageable(channel_id, guild_id=self._guild_id)
        while missing:
            await self._limiter.acquire()
            try:
                page = [
                    message
                    async for message in channel.history(
                        limit=_PAGE, after=discord.Object(missing[0] - 1), oldest_first=True
                    )
                ]
            except (discord.NotFound, discord.Forbidden) as refusal:
                log.warning("Channel %d cannot be read (HTTP %d)", channel_id, refusal.status)
                return
            except (TimeoutError, discord.HTTPException, aiohttp.ClientError, OSError):
                raise StartError(_UNREACHABLE, temporary=True) from None
            ids = set(missing)
            yield [message for message in page if message.id in ids and message.author == self._client.user]
            if len(page) < _PAGE:
                return
            missing = [each for each in missing if each > page[-1].id]
