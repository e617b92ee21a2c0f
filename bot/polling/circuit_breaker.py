"""The circuit breaker of the poller: whether its provider works, how long not to ask it, and whose an error is."""

import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable

from bot.account_probe import AccountProbe
from bot.backoff import backoff
from bot.circuit_breaker import CircuitBreaker
from bot.errors import (
    AccountBlocked,
    Busy,
    JobsMissing,
    Misconfigured,
    ProviderError,
    Rule,
    SubscriptionEnded,
    TokenRefused,
)
from bot.models import KnownJob, ProviderName
from bot.models.alert import AlertName, AlertSink
from bot.models.provider import WORDS, worded
from bot.providers.base import Account
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 256.0
_PROBE = 60.0  # seconds between two polls while the provider refuses the whole account
_ALERT_AFTER = 900.0  # seconds of an outage: a restart, a new version or a short break ends before that
_NO_POLLS = 600.0  # seconds: two polls that fail are no further apart, unless there was nothing to poll
_UNANSWERED = (
    "Running jobs wait: {provider} has given no usable answer about them for a quarter of an hour. If the server is "
    "yours, see whether it runs."
)
_MANY = 3  # jobs that are not found one after the other
_REFUSALS = (TokenRefused, SubscriptionEnded)  # never the trouble of one job alone


class PollBreaker:
    """A circuit breaker that distinguishes the trouble of one job from an outage of the provider.

    An outage is two log lines. It is an alert, too, where it lasts a quarter of an hour, or the provider refuses the
    token or the subscription.

    Jobs that were seen and are suddenly not found are an outage too, where no other job is found in between.

    A blocked Midjourney account is seen by the jobs that meet it, and its alert is closed when the last of them is
    answered. When the last of them is forgotten instead (stopped, silent, over) or is not found, or the alert is open
    since before a restart, `accounts` is asked in the background until no account is blocked, see `AccountProbe`.
    """

    def __init__(
        self,
        *,
        provider: ProviderName,
        alerts: AlertSink,
        accounts: Callable[[], Awaitable[Iterable[Account]]],
        rng: random.Random,
    ) -> None:
        self._provider = provider
        self._title = WORDS[provider].title
        self._alerts = alerts
        self._rng = rng
        self._breaker = CircuitBreaker()
        self._unanswered_since = -math.inf  # by the loop's clock: the first of the failures that go on
        self._last_failure = -math.inf
        self._answers = 0
        """Answers so far that prove that the provider works: the clock of `_failing_since` and `_missing_since`."""
        self._failing_since: dict[int, int] = {}  # row ids of the jobs whose last poll failed
        self._missing_since: dict[int, int] = {}  # row ids of the jobs that were not found by their last poll
        self._blocked: set[int] = set()  # those of them that met a blocked Midjourney account
        self._probe = AccountProbe(
            accounts=accounts,
            recovered=lambda: alerts.close(AlertName.ACCOUNT, subject=provider),
            delay=lambda: self._breaker.seconds_left,
        )

    @property
    def outage(self) -> type[ProviderError] | None:
        """The type of the provider's trouble; meanwhile one poll at a time is enough to see whether it is over."""
        return self._breaker.error

    @property
    def paused(self) -> bool:
        """Whether the provider must not be polled now."""
        return self._breaker.paused

    @property
    def paused_until(self) -> float:
        """When it may be polled again, by the loop's clock."""
        return self._breaker.paused_until

    def failed(self, error: ProviderError, known: KnownJob) -> bool:
        """Note a failed poll; return whether the trouble is this job's own, which slows down no other job."""
        self._failing_since.setdefault(known.id, self._answers)
        if isinstance(error, AccountBlocked):
            self._block(error, known)
        if self._is_own(error, known.id):
            return True
        self._slow_down(error)
        return False

    def missed(self, known: KnownJob, *, may_return: bool) -> bool:
        """Note that a job was not found; return whether that may be the provider's trouble, which ends no subscription.

        `may_return`: it was described before, and the provider may find it again. It is the provider's trouble where it
        no longer finds several such jobs, and found no other job meanwhile. A job that is missing since before the last
        answer about another one is missing by itself.
        """
        self._failing_since.pop(known.id, None)
        self._unblock(known.id)
        if may_return:
            since = self._missing_since.setdefault(known.id, self._answers)
            together = sum(each == self._answers for each in self._missing_since.values())
            if since == self._answers and together >= _MANY:
                self._slow_down(JobsMissing(provider=self._provider))
                return True
        if self.outage is JobsMissing:
            return True
        self._note_answer(proof=not may_return)
        return False

    def answered(self, job_id: int) -> None:
        """Note a poll that the provider answered with the job."""
        self._failing_since.pop(job_id, None)
        self._missing_since.pop(job_id, None)
        if job_id in self._blocked:
            self._blocked.remove(job_id)
            if not self._blocked:
                self._alerts.close(
                    AlertName.ACCOUNT, subject=self._provider
                )  # this account works, and no job has met another that does not
        self._note_answer(proof=True)

    def _note_answer(self, *, proof: bool) -> None:
        """End an outage; `proof`: the provider is seen to find jobs, so that what it says of others is theirs."""
        outage = self.outage
        if not self._breaker.succeeded():
            return
        if proof:
            self._answers += 1
        if outage is not None:
            log.info("%s answers again", self._title)
        if outage is not None or self._alerts.is_open(AlertName.PROVIDER, subject=self._provider):  # of the last start
            self._alerts.close(AlertName.PROVIDER, subject=self._provider)

    def forget(self, job_id: int) -> None:
        """Forget a job that is no longer polled."""
        self._failing_since.pop(job_id, None)
        self._missing_since.pop(job_id, None)
        self._unblock(job_id)

    def no_jobs_left(self) -> None:
        """Forget an outage: nothing shows when it is over, and nobody waits for that. A refusal stays an alert."""
        if self.outage is not None and not issubclass(self.outage, _REFUSALS):
            self._breaker.reset()
            self._alerts.close(AlertName.PROVIDER, subject=self._provider)

    def resume(self) -> None:
        """Ask about the accounts where the alert is open and no job shows whether that is over."""
        if self._alerts.is_open(AlertName.ACCOUNT, subject=self._provider) and not self._blocked:
            self._probe.start()

    def close(self) -> None:
        """Suspend what runs in the background; `resume` takes it up again."""
        self._probe.suspend()

    def _block(self, error: AccountBlocked, known: KnownJob) -> None:
        """Open the alert at the first job that meets a blocked account; the last of them to recover closes it."""
        if not self._blocked:
            self._probe.stop()  # from now on this job shows how its account is
            # The key makes each time another alert, in case the end of the last one was not seen.
            text = f"Running jobs wait, such as #{known.key}. {error.for_admin}"
            self._alerts.open(AlertName.ACCOUNT, text, subject=self._provider)
        self._blocked.add(known.id)

    def _unblock(self, job_id: int) -> None:
        """Note that a job shows no longer how its account is: without the last such job, the provider is asked."""
        if job_id in self._blocked:
            self._blocked.remove(job_id)
            self.resume()

    def _is_own(self, error: ProviderError, job_id: int) -> bool:
        """Whether the trouble is this job's alone: it began before the provider answered for other jobs, and goes on.

        A blocked account may be one of several: what one of its jobs met is no news when the next one meets it.
        """
        if isinstance(error, _REFUSALS):
            return False
        related = self._blocked if isinstance(error, AccountBlocked) else {job_id}
        return min(self._failing_since[each] for each in related) < self._answers

    def _slow_down(self, error: ProviderError) -> None:
        """Slow down all polls: one at a time, with growing pauses."""
        now = loop_time()
        is_refusal = isinstance(error, (*_REFUSALS, AccountBlocked))  # which is an answer, with an alert of its own
        if self.outage is None or is_refusal or now - self._last_failure > _NO_POLLS:
            self._unanswered_since = now
        self._last_failure = now
        if self.outage is None:
            log.warning("%s has trouble, jobs wait: %s", self._title, error)
        failures = self._breaker.failed(error)
        pause = backoff(failures, cap=_LONGEST_PAUSE, jitter=(0.5, 1.0), random=self._rng.random())
        if error.rule is Rule.MISCONFIGURED:
            pause = _PROBE
        self._breaker.pause(max(pause, requested_pause(error)))
        if isinstance(error, _REFUSALS):
            self._alerts.open(AlertName.PROVIDER, f"Running jobs wait. {error.for_admin}", subject=self._provider)
        elif now - self._unanswered_since >= _ALERT_AFTER and not self._alerts.is_open(
            AlertName.PROVIDER, subject=self._provider
        ):
            text = worded(_UNANSWERED, self._provider)
            if isinstance(error, Misconfigured):
                text = f"Running jobs wait. {error.for_admin}"
            self._alerts.open(AlertName.PROVIDER, text, subject=self._provider)


def requested_pause(error: ProviderError) -> float:
    """Return the seconds of pause for which the provider itself asked; 0 where it asked for none."""
    return (error.retry_after or 0.0) if isinstance(error, Busy) else 0.0
