"""Sleep with early wake-up, and the clock by which loops measure time."""

import asyncio


def loop_time() -> float:
    """Return the event loop's clock, in seconds: monotonic, so that a changed wall clock moves no deadline."""
    return asyncio.get_running_loop().time()


class Wakeup:
    """Lets one loop sleep until a time has passed or `set` is called.

    A `set` while nothing sleeps is kept: the next `sleep` returns at once.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._sleeper: asyncio.Task[None] | None = None

    def set(self) -> None:
        """Wake the sleeper, or skip its next sleep."""
        self._is_set = True
        if self._sleeper is not None:
            self._sleeper.cancel()

    async def sleep(self, seconds: float, *others: asyncio.Task[object]) -> None:
        """Return after `seconds`, at the first `set`, or when one of `others` is done, whichever comes first."""
        if not self._is_set:
            # A task around a plain sleep, not an Event with a time-out: a fake Discord with a virtual clock recognises
            # a task that only waits for time to pass.
            sleeper = self._sleeper = asyncio.create_task(asyncio.sleep(seconds))
            try:
                await asyncio.wait({sleeper, *others}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._sleeper = None
                sleeper.cancel()
        self._is_set = False
