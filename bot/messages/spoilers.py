"""Decides whether pictures are posted as spoilers, from a server's setting and a channel's age restriction."""

import asyncio
import logging

import discord

from bot.models import Destination, Spoiler
from bot.store import Store

log = logging.getLogger(__name__)

_CACHE_SECONDS = 600.0
_CACHE_SIZE = 1000  # channels


class Spoilers:
    """Answers for a destination; a channel that cannot be fetched counts as not age-restricted."""

    def __init__(self, *, bot: discord.Client, store: Store) -> None:
        self._bot = bot
        self._store = store
        self._cache: dict[int, tuple[float, bool]] = {}

    async def hidden(self, destination: Destination) -> bool:
        """Whether pictures posted here are spoilers."""
        setting = (await self._store.servers.settings(destination.guild_id)).spoiler
        if setting is Spoiler.UNLESS_AGE_RESTRICTED:
            return not await self._is_age_restricted(destination.channel_id)
        return setting is Spoiler.ALWAYS

    async def _is_age_restricted(self, channel_id: int) -> bool:
        now = asyncio.get_running_loop().time()
        until, restricted = self._cache.get(channel_id, (0.0, False))
        if now < until:
            return restricted
        try:
            restricted = await self._fetch_age_restricted(channel_id)
        except (discord.DiscordException, OSError) as error:
            log.warning("Could not fetch whether channel %d is age-restricted: %s", channel_id, type(error).__name__)
            return False
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[channel_id] = (now + _CACHE_SECONDS, restricted)
        return restricted

    async def _fetch_age_restricted(self, channel_id: int) -> bool:
        """A thread has the age restriction of its channel."""
        channel = await self._bot.fetch_channel(channel_id)
        if isinstance(channel, discord.Thread):
            channel = await self._bot.fetch_channel(channel.parent_id)
        return bool(getattr(channel, "nsfw", False))  # missing from private channels only
