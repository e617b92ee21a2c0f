"""Client-side rate limiting: one limiter for requests to Discord and to the provider."""

import asyncio

from bot.wakeup import loop_time

_ROUNDING = 1e-9  # seconds; sums of floats must not cost a slot


class RateLimiter:
    """Allow one call per `interval` seconds on average, and up to `burst` calls at once after a pause.

    With a `burst` of 1 the calls are evenly spaced. `interval` may be changed at any time and counts for the calls that
    follow. Times are those of the event loop's clock. (This is the generic cell rate algorithm, a token bucket that
    remembers one time instead of a number of tokens.)
    """

    def __init__(self, interval: float, *, burst: int = 1) -> None:
        self.interval = interval
        self._burst = burst
        self._full_at = 0.0  # when all of the burst is available again

    async def acquire(self) -> None:
        """Return when this call may be made; callers are served in the order in which they came."""
        now = loop_time()
        wait = self._take(now) - (self._burst - 1) * self.interval - now
        if wait > 0:
            await asyncio.sleep(wait)

    def try_acquire(self, *, leaving: float = 0.0) -> bool:
        """Take one call if it may be made now and `leaving` more could follow at once; return whether it was taken."""
        now = loop_time()
        used = max(self._full_at - now, 0.0)
        if used + (leaving + 1) * self.interval > self._burst * self.interval + _ROUNDING:
            return False
        self._take(now)
        return True

    def _take(self, now: float) -> float:
        """Reserve the next call; return when it is due with a burst of 1."""
        due = max(now, self._full_at)
        self._full_at = due + self.interval
        return due
