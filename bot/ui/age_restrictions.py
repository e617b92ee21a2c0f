"""Which channels are age-restricted, as Discord says it; its answers are kept for ten minutes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord

from bot.discord_errors import REQUEST_ERRORS
from bot.models import Destination

log = logging.getLogger(__name__)

_CACHE_SECONDS = 600.0
_CACHE_SIZE = 1000  # channels and servers


class AgeRestrictions:
    """Asks Discord about channels and servers: the bot keeps no caches of Discord's."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._cache: dict[int, tuple[float, bool]] = {}  # by the id of a channel or of a server

    async def applies_to(self, destination: Destination) -> bool | None:
        """Whether the channel is age-restricted, or its whole server is; `None` where Discord does not say."""
        channel = await self._cached(destination.channel_id, "channel", self._fetch_channel)
        if channel:
            return True
        server = await self._cached(destination.guild_id, "server", self._fetch_server)
        return True if server else None if None in {channel, server} else False

    async def _cached(self, id_: int, kind: str, fetch: Callable[[int], Awaitable[bool]]) -> bool | None:
        now = asyncio.get_running_loop().time()
        until, restricted = self._cache.get(id_, (0.0, False))
        if now < until:
            return restricted
        try:
            restricted = await fetch(id_)
        except REQUEST_ERRORS as error:
            log.warning("Could not fetch whether %s %d is age-restricted: %s", kind, id_, type(error).__name__)
            return None
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[id_] = (now + _CACHE_SECONDS, restricted)
        return restricted

    async def _fetch_channel(self, channel_id: int) -> bool:
        """A thread has the age restriction of its channel."""
        channel = await self._client.fetch_channel(channel_id)
        if isinstance(channel, discord.Thread):
            channel = await self._client.fetch_channel(channel.parent_id)
        return bool(getattr(channel, "nsfw", False))  # missing from private channels only

    async def _fetch_server(self, guild_id: int) -> bool:
        guild = await self._client.fetch_guild(guild_id, with_counts=False)
        return guild.nsfw_level is discord.NSFWLevel.age_restricted
