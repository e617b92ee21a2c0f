"""The circuit breaker that polling and submissions share: when requests may be sent to a provider that has trouble."""

import math
from enum import Enum

from bot.errors import ProviderError
from bot.wakeup import loop_time


class BreakerState(Enum):
    """What a circuit breaker lets through."""

    CLOSED = "all requests"
    OPEN = "none"
    PROBING = "one at a time, to see whether the trouble is over"


class CircuitBreaker:
    """Remembers a provider's trouble; times are those of the event loop's clock.

    ========  =============================  ========  =================================================================
    state     event                          state     what happens
    ========  =============================  ========  =================================================================
    closed    `failed`, then `pause`         open      the first failure
    open      `failed`, then `pause`         open      one outage with the first: not counted, the longer pause holds
    open      the pause has passed, or       probing
              `end_pause`
    probing   `failed`, then `pause`         open      counted, so that the caller's backoff makes a longer pause
    probing   `succeeded`                    closed    the count begins again
    open      `succeeded`                    open      the request was sent before the failure, so it proves nothing
    open      `succeeded`, sent after the    closed    only where the caller says when the request was sent
              last failure
    any       `reset`                        closed    the count begins again
    closed    `pause`                        closed    nothing is sent for a while, for another reason than a failure
    ========  =============================  ========  =================================================================
    """

    def __init__(self, *, count_by_kind: bool = False) -> None:
        """Where `count_by_kind` is set, an error of another type than the last begins the count again."""
        self._count_by_kind = count_by_kind
        self._failures = 0
        self._failed_at = -math.inf
        self.error: type[ProviderError] | None = None
        """The type of the last failure; `None` while the breaker is closed."""
        self.paused_until = -math.inf
        """When the next request may be sent."""

    @property
    def state(self) -> BreakerState:
        """What may be sent now."""
        if self.error is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.paused else BreakerState.PROBING

    @property
    def paused(self) -> bool:
        """Whether nothing may be sent now; the clock is read only where there ever was a pause."""
        return self.paused_until > -math.inf and loop_time() < self.paused_until

    @property
    def seconds_left(self) -> float:
        """The seconds until the next request may be sent; 0 where one may be sent now."""
        return max(self.paused_until - loop_time(), 0.0)

    def limit(self, concurrency: int) -> int:
        """Return how many requests may be in flight: `concurrency` while closed, else one."""
        return concurrency if self.error is None else 1

    def failed(self, error: ProviderError) -> int:
        """Note a failure; return how many there were in a row, those in flight side by side counted as one."""
        if self._count_by_kind and type(error) is not self.error:
            self._failures = 0
        if self._failures == 0 or not self.paused:
            self._failures += 1
        self.error, self._failed_at = type(error), loop_time()
        return self._failures

    def pause(self, seconds: float) -> None:
        """Send nothing for so long; a longer pause stays."""
        self.paused_until = max(self.paused_until, loop_time() + seconds)

    def end_pause(self) -> None:
        """Allow the next request now."""
        self.paused_until = min(self.paused_until, loop_time())

    def succeeded(self, sent_at: float | None = None) -> bool:
        """Close the breaker after an answer; return whether the answer proves anything.

        An answer to a request that was sent before the last failure does not. Where `sent_at` is not known, every
        answer during a pause counts as such.
        """
        if self.paused if sent_at is None else sent_at < self._failed_at:
            return False
        self.reset()
        if sent_at is not None:  # without it, no answer counts during a pause
            self.end_pause()
        return True

    def reset(self) -> None:
        """Forget the trouble; a pause goes on."""
        self.error, self._failures = None, 0
