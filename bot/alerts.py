"""Tells whoever runs the bot when something needs a person: once when it begins, once when it ends."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import discord

log = logging.getLogger(__name__)

_PATIENCE = 25.0  # seconds for one alert

Alert = Callable[[str, str], None]
"""How others raise one: the name of the trouble, and what to say; empty words say that it is over."""


class Alerts:
    """Posts alerts in `channel_id`, or sends them to the application's owner where that is `None`.

    An alert is a courtesy, the log has it in any case: it is sent once, and what goes wrong with it is logged.
    """

    def __init__(self, bot: discord.Client, channel_id: int | None) -> None:
        self._bot = bot
        self._channel_id = channel_id
        self._standing: dict[str, str] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def raise_or_end(self, trouble: str, words: str) -> None:
        """Say `words` unless this trouble stands already with the same; with none, say that it is over if it stood."""
        before = self._standing.get(trouble, "")
        if words == before:
            return
        if words:
            self._standing[trouble] = words
        else:
            del self._standing[trouble]
        text = f"⚠️ {words}" if words else f"✓ Over: {before}"
        task = asyncio.create_task(self._send(text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                target = await self._target()
                if target is not None:
                    await target.send(text[:2000], allowed_mentions=discord.AllowedMentions.none())
        except Exception as trouble:  # noqa: BLE001 -- whatever it is, the alert must not become a second trouble
            log.warning("An alert could not be sent (%s)", type(trouble).__name__)

    async def _target(self) -> discord.abc.Messageable | None:
        if self._channel_id is not None:
            return self._bot.get_partial_messageable(self._channel_id)
        application = self._bot.application
        if application is None:
            return None
        owner = application.team.owner if application.team else application.owner
        return None if owner is None else await self._bot.create_dm(discord.Object(owner.id))

    async def close(self) -> None:
        """Give what is on its way a moment."""
        if self._sending:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*self._sending, return_exceptions=True), 2.0)
