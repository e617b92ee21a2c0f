"""Whether pictures are hidden behind a click: what a server chose, and whether a channel is age-restricted."""

import asyncio
import logging

import discord

from bot.models import Destination, Spoiler
from bot.store import Store

log = logging.getLogger(__name__)

_REMEMBERED = 600.0  # seconds
_CHANNELS = 1000  # that are remembered at most


class Spoilers:
    """Answers for a place; a channel of which Discord does not tell counts as not age-restricted."""

    def __init__(self, *, bot: discord.Client, store: Store) -> None:
        self._bot = bot
        self._store = store
        self._known: dict[int, tuple[float, bool]] = {}

    async def hidden(self, destination: Destination) -> bool:
        """Whether pictures must not be seen here before a click."""
        setting = (await self._store.servers.settings(destination.guild_id)).spoiler
        if setting is Spoiler.UNLESS_AGE_RESTRICTED:
            return not await self._is_age_restricted(destination.channel_id)
        return setting is Spoiler.ALWAYS

    async def _is_age_restricted(self, channel_id: int) -> bool:
        now = asyncio.get_running_loop().time()
        until, known = self._known.get(channel_id, (0.0, False))
        if now < until:
            return known
        try:
            told = await self._ask(channel_id)
        except (discord.DiscordException, OSError) as error:
            log.warning("Nobody knows whether channel %d is age-restricted: %s", channel_id, type(error).__name__)
            return False
        if len(self._known) >= _CHANNELS:
            self._known.clear()
        self._known[channel_id] = (now + _REMEMBERED, told)
        return told

    async def _ask(self, channel_id: int) -> bool:
        """A thread is as its channel is."""
        channel = await self._bot.fetch_channel(channel_id)
        if isinstance(channel, discord.Thread):
            channel = await self._bot.fetch_channel(channel.parent_id)
        return bool(getattr(channel, "nsfw", False))  # all that hold messages have it, but for private ones
