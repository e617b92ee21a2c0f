"""Why no submission is sent now, and for how long: the queue pauses as a whole, because all use the same account."""

import logging
from collections.abc import Awaitable, Callable, Iterable

from bot.account_probe import Account, AccountProbe
from bot.backoff import backoff
from bot.circuit_breaker import CircuitBreaker
from bot.errors import AccountBlocked, Busy, Misconfigured, Overloaded, ProviderError, QueueFull
from bot.models import ProviderName
from bot.models.alert import AlertName, AlertSink
from bot.models.provider import worded

log = logging.getLogger(__name__)

_FULL_PAUSE = 15.0
_BUSY_PAUSE = 10.0  # the first one; each that follows is twice as long
_OVERLOADED_PAUSE = 60.0
_PROBE = 60.0  # between two attempts while the account waits for a person
_LONGEST_PAUSE = 300.0

_REASONS: tuple[tuple[type[ProviderError], str], ...] = (
    (QueueFull, "All Midjourney slots are busy."),
    (Busy, "{provider} asks for a pause."),
    (AccountBlocked, "The Midjourney account is blocked until a person acts; the admin of this bot has been notified."),
    (Overloaded, "{provider} is overloaded right now."),
    (ProviderError, "{provider} has trouble right now."),
)


class QueuePause:
    """The circuit breaker of the queue, with the reason in words. Times are those of the event loop's clock.

    The alert about an account that serves no submissions is closed by the next one that is answered. When none is left
    to show that, also after a restart, `accounts` is asked in the background until the account works, see
    `AccountProbe`.
    """

    def __init__(
        self, *, provider: ProviderName, alerts: AlertSink, accounts: Callable[[], Awaitable[Iterable[Account]]]
    ) -> None:
        self._provider = provider
        self._alerts = alerts
        self._breaker = CircuitBreaker(count_by_kind=True)
        self._probe = AccountProbe(
            accounts=accounts,
            recovered=lambda: alerts.close(AlertName.SUBMISSIONS, subject=provider),
            delay=lambda: self._breaker.seconds_left,
            blocked_by=Misconfigured,
        )

    @property
    def reason(self) -> str | None:
        """Why the queue is paused, as a sentence for a person; `None` where it is not."""
        error = self._breaker.error
        if error is None:
            return None
        return worded(next(text for kind, text in _REASONS if issubclass(error, kind)), self._provider)

    @property
    def seconds_left(self) -> float:
        """The seconds for which nothing must be sent."""
        return self._breaker.seconds_left

    def limit(self, concurrency: int) -> int:
        """Return how many submissions may be in flight: one while it is not certain that they are accepted."""
        return self._breaker.limit(concurrency)

    def begin(self, error: ProviderError) -> None:
        """Pause the queue after a submission met `error`."""
        if self._breaker.error is None:
            log.info("Submissions are paused: %s", error)
        if isinstance(error, AccountBlocked):
            self._open_alert(f"Buttons wait. {error.for_admin}")
        failures = self._breaker.failed(error)
        self._breaker.pause(_pause_after(error, failures))

    def refused(self, error: Misconfigured) -> None:
        """Alert that the provider refuses the whole account; the queue is not paused."""
        self._open_alert(f"Buttons do not work. {error.for_admin}")

    def extend(self, seconds: float) -> None:
        """Send nothing for so long, for a reason that is not the provider's."""
        self._breaker.pause(seconds)

    def slot_freed(self) -> None:
        """Try again at once where the account was full: a job ended."""
        if self._breaker.error is not None and issubclass(self._breaker.error, QueueFull):
            self._breaker.end_pause()

    def forget(self) -> None:
        """Forget the reason when nothing is queued: it would say nothing about the next submission."""
        self._breaker.reset()
        if self._alerts.is_open(AlertName.SUBMISSIONS, subject=self._provider):
            self._probe.start()

    def end(self, sent_at: float) -> bool:
        """End the pause after an answer; return whether the answer proves anything, see `CircuitBreaker.succeeded`."""
        was_paused = self._breaker.error is not None
        if not self._breaker.succeeded(sent_at):
            return False
        if was_paused:
            log.info("Submissions are sent again")
        self._probe.stop()
        self._alerts.close(AlertName.SUBMISSIONS, subject=self._provider)
        return True

    def resume(self) -> None:
        """Go on asking about the accounts, where that was begun and is still needed."""
        self._probe.resume()

    def close(self) -> None:
        """Suspend what runs in the background; `resume` takes it up again."""
        self._probe.suspend()

    def _open_alert(self, text: str) -> None:
        self._probe.stop()  # submissions show again how the account is
        self._alerts.open(AlertName.SUBMISSIONS, text, subject=self._provider)


def _pause_after(error: ProviderError, failures: int) -> float:
    """Return the seconds of pause after the `failures`-th error of this kind in a row."""
    match error:
        case QueueFull():
            return _FULL_PAUSE
        case AccountBlocked():
            return _PROBE
        case Overloaded():
            return backoff(failures - 1, first=_OVERLOADED_PAUSE, cap=_LONGEST_PAUSE)
        case Busy():
            pause = backoff(failures - 1, first=_BUSY_PAUSE, cap=_LONGEST_PAUSE)
            return min(max(pause, error.retry_after or 0.0), _LONGEST_PAUSE)
        case _:
            return backoff(failures - 1, first=_BUSY_PAUSE, cap=_LONGEST_PAUSE)
