"""How large a file may be that the bot posts in a server: as Discord says it with interactions, and by the boosts."""

import asyncio
import logging

import discord

from bot.discord_errors import REQUEST_ERRORS
from bot.ui.permissions import QUICK_TIMEOUT_SECONDS

log = logging.getLogger(__name__)

UPLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes per file: Discord's default since 2025-01-16, used until a server's own limit is known."""

_CACHE_SECONDS = 3600.0
_CACHE_SIZE = 1000  # servers


class FileLimits:
    """Reads the limits that interactions name.

    Such a limit is the larger one of the member's own, by Nitro, and of the server's, by its boosts:
    https://discord.com/developers/docs/reference#uploading-files. The bot posts as itself, so the server's counts. A
    limit that is no larger than the default is it; of another one, Discord is asked how far the server is boosted.
    """

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._boosted: dict[int, tuple[float, int]] = {}  # by server: until when it is kept, bytes

    async def of_server(self, guild_id: int, named: int) -> int | None:
        """Bytes per file in a server where an interaction names `named`; `None` where Discord does not say."""
        if named <= UPLOAD_LIMIT:
            return named
        now = asyncio.get_running_loop().time()
        until, limit = self._boosted.get(guild_id, (0.0, 0))
        if now >= until:
            try:
                async with asyncio.timeout(QUICK_TIMEOUT_SECONDS):  # the interaction may not be answered yet
                    guild = await self._client.fetch_guild(guild_id, with_counts=False)
            except REQUEST_ERRORS as error:
                log.info("Could not fetch how far server %d is boosted (%s)", guild_id, type(error).__name__)
                return None
            if len(self._boosted) >= _CACHE_SIZE:
                self._boosted.clear()
            limit = guild.filesize_limit
            self._boosted[guild_id] = (now + _CACHE_SECONDS, limit)
        return min(named, limit)
