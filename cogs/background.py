"""Starts the background loops with the bot, and stops them with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from discord.ext import commands

from bot.client import Darkroom

log = logging.getLogger(__name__)

_RESTART_PAUSE = 5.0
_LAST_SENDS = 3.5  # seconds for the messages in hand at the end; what takes longer is settled after the next start


class Background(commands.Cog):
    """The loops in the background."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot
        self._loops: list[asyncio.Task[None]] = []

    async def cog_load(self) -> None:
        """Start all loops."""
        for name, run in self._bot.background.items():
            self._loops.append(asyncio.create_task(_for_ever(name, run), name=name))

    async def cog_unload(self) -> None:
        """Stop all, with a moment for the messages in hand."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.wait(self._loops, timeout=_LAST_SENDS)


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop; a bug that ends it is logged, and it starts again: all it needs stands in the store."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("The %s broke off; it starts again in %.0f s", name, _RESTART_PAUSE)
            await asyncio.sleep(_RESTART_PAUSE)


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Background(bot))
