"""Tells whoever runs the bot when something needs a person: once when it begins, once when it ends."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress

import discord

from bot.errors import StoreUnavailable
from bot.store import Store
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_PATIENCE = 25.0  # seconds for one alert
_THE_SAME = 3600.0  # seconds after a start: what is met later is told, though the same stood before that start
DISK = "disk"
"""The trouble of a database that cannot be written, and so of a database in which this cannot be kept."""
_FACT = "alerts"  # those that stand, so that a restart neither repeats one nor forgets to say that it is over

Alert = Callable[[str, str], None]
"""How others raise one: the name of the trouble, and what to say; empty words say that it is over."""


class Alerts:
    """Posts alerts in `channel_id`, or sends them to the application's owner where that is `None`.

    An alert is a courtesy, the log has it in any case: it is sent once, and what goes wrong with it is logged.
    """

    def __init__(self, bot: discord.Client, store: Store, channel_id: int | None) -> None:
        self._bot = bot
        self._store = store
        self._channel_id = channel_id
        self._standing: dict[str, str] = {}
        self._recalled: set[str] = set()  # those of them that nobody has raised or ended since the start
        self._recalled_at = 0.0
        self._sending: set[asyncio.Task[None]] = set()

    async def recall(self) -> None:
        """Take up what stood when the bot was stopped; whatever works now is then said to be over."""
        self._standing = json.loads(await self._store.fact(_FACT) or "{}")
        self._recalled, self._recalled_at = set(self._standing), loop_time()

    def stands(self, error: str) -> bool:
        """Whether it was told, and is not over as far as was told."""
        return error in self._standing

    def raise_or_end(self, error: str, words: str) -> None:
        """Say `words` unless this trouble stands already with the same; with none, say that it is over if it stood."""
        before = self._standing.get(error, "")
        told = error in self._recalled
        self._recalled.discard(error)
        if words and told and loop_time() - self._recalled_at > _THE_SAME:
            before, told = "", False  # the first may have ended with nobody there to see it
        if words == before or (words and told):
            return
        if words:
            self._standing[error] = words
        else:
            del self._standing[error]
        text = f"⚠️ {words}" if words else f"✓ Over: {before}"
        task = asyncio.create_task(self._send(text, keep=error != DISK))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, text: str, *, keep: bool) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                target = await self._target()
                if target is not None:
                    await target.send(text[:2000], allowed_mentions=discord.AllowedMentions.none())
        except Exception as error:  # noqa: BLE001 -- whatever it is, the alert must not become a second trouble
            log.warning("An alert could not be sent (%s)", type(error).__name__)
        if keep:
            standing = {error: words for error, words in self._standing.items() if error != DISK}
            with suppress(StoreUnavailable):  # of which the store itself tells
                await self._store.set_fact(_FACT, json.dumps(standing))

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
