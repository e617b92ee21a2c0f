"""Decides whether pictures are posted as spoilers, from a server's setting and where the channel is age-restricted."""

from bot.models import Destination, Spoiler
from bot.store import Store
from bot.ui.age_restrictions import AgeRestrictions


class Spoilers:
    """Answers for a destination; a channel or server that cannot be fetched counts as not age-restricted."""

    def __init__(self, *, age_restrictions: AgeRestrictions, store: Store) -> None:
        self._age_restrictions = age_restrictions
        self._store = store

    async def hidden(self, destination: Destination) -> bool:
        """Whether pictures posted here are spoilers."""
        setting = (await self._store.servers.settings(destination.guild_id)).spoiler
        if setting is Spoiler.UNLESS_AGE_RESTRICTED:
            return not await self._age_restrictions.applies_to(destination)
        return setting is Spoiler.ALWAYS
