"""A sleep that can be cut short: how the loops of watcher, presses and courier wait."""

import asyncio


class Wakeup:
    """Lets one loop sleep until a time has passed or somebody rings.

    A ring that comes while nobody sleeps is kept: the next `sleep` returns at once.
    """

    def __init__(self) -> None:
        self._rung = False
        self._sleeper: asyncio.Task[None] | None = None

    def set(self) -> None:
        """Wake the sleeper, or spare it its next sleep."""
        self._rung = True
        if self._sleeper is not None:
            self._sleeper.cancel()

    async def sleep(self, seconds: float, *others: asyncio.Task[object]) -> None:
        """Return after `seconds`, at the first ring, or when one of the `others` is done, whichever comes first."""
        if not self._rung:
            # A task of its own around a plain sleep, not an Event with a time-out: pretend Discords with a clock of
            # their own can tell that such a task only waits for time to pass.
            sleeper = self._sleeper = asyncio.create_task(asyncio.sleep(seconds))
            try:
                await asyncio.wait({sleeper, *others}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._sleeper = None
                sleeper.cancel()
        self._rung = False
