"""Starts the background loops with the bot, and stops them with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from discord.ext import commands

from bot.client import Darkroom
from bot.errors import StoreUnavailable

log = logging.getLogger(__name__)

_RESTART_SECONDS = 5.0
_SHUTDOWN_SECONDS = 3.5  # for requests in flight; what takes longer is reconciled after the next start


class Background(commands.Cog):
    """Runs the loops of `Darkroom.background`."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot
        self._loops: list[asyncio.Task[None]] = []

    async def cog_load(self) -> None:
        """Start all loops."""
        for name, run in self._bot.background.items():
            self._loops.append(asyncio.create_task(_run_forever(name, run), name=name))

    async def cog_unload(self) -> None:
        """Stop all loops, with a moment for requests in flight; then end what they have begun."""
        for loop in self._loops:
            loop.cancel()
        try:
            await asyncio.wait(self._loops, timeout=_SHUTDOWN_SECONDS)
        finally:  # also where the bot may take no longer for its end
            for end in self._bot.after_background:
                await end()


async def _run_forever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop until cancelled; after an unexpected error, log it and restart: the loop's state is in the store."""
    while True:
        try:
            await run()
        except StoreUnavailable:  # already logged and alerted by Database
            await asyncio.sleep(_RESTART_SECONDS)
        except Exception:
            log.exception("The %s failed; restarting it in %.0f s", name, _RESTART_SECONDS)
            await asyncio.sleep(_RESTART_SECONDS)


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Background(bot))
