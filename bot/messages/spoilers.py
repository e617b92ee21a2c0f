"""Decides whether pictures are posted as spoilers, from a server's setting and where the channel is age-restricted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord

from bot.discord_errors import REQUEST_ERRORS
from bot.models import Destination, Spoiler
from bot.store import Store

log = logging.getLogger(__name__)

_CACHE_SECONDS = 600.0
_CACHE_SIZE = 1000  # channels and servers


class Spoilers:
    """Answers for a destination; a channel or server that cannot be fetched counts as not age-restricted."""

    def __init__(self, *, bot: discord.Client, store: Store) -> None:
        self._bot = bot
        self._store = store
        self._cache: dict[int, tuple[float, bool]] = {}  # by the id of a channel or of a server

    async def hidden(self, destination: Destination) -> bool:
        """Whether pictures posted here are spoilers."""
        setting = (await self._store.servers.settings(destination.guild_id)).spoiler
        if setting is Spoiler.UNLESS_AGE_RESTRICTED:
            return not await self._is_age_restricted(destination)
        return setting is Spoiler.ALWAYS

    async def _is_age_restricted(self, destination: Destination) -> bool:
        """Whether the channel is age-restricted, or its whole server is."""
        return await self._cached(destination.channel_id, "channel", self._fetch_channel) or await self._cached(
            destination.guild_id, "server", self._fetch_server
        )

    async def _cached(self, id_: int, kind: str, fetch: Callable[[int], Awaitable[bool]]) -> bool:
        now = asyncio.get_running_loop().time()
        until, restricted = self._cache.get(id_, (0.0, False))
        if now < until:
            return restricted
        try:
            restricted = await fetch(id_)
        except REQUEST_ERRORS as error:
            log.warning("Could not fetch whether %s %d is age-restricted: %s", kind, id_, type(error).__name__)
            return False
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[id_] = (now + _CACHE_SECONDS, restricted)
        return restricted

    async def _fetch_channel(self, channel_id: int) -> bool:
        """A thread has the age restriction of its channel."""
        channel = await self._bot.fetch_channel(channel_id)
        if isinstance(channel, discord.Thread):
            channel = await self._bot.fetch_channel(channel.parent_id)
        return bool(getattr(channel, "nsfw", False))  # missing from private channels only

    async def _fetch_server(self, guild_id: int) -> bool:
        guild = await self._bot.fetch_guild(guild_id, with_counts=False)
        return guild.nsfw_level is discord.NSFWLevel.age_restricted
