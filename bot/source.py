"""useapi as a whole, as the looks find it: whether it works, how long to leave it alone, whose trouble a trouble is."""

import asyncio
import logging
import math
import random
from collections.abc import Callable

from bot.errors import AccountBlocked, Busy, Rule, SubscriptionEnded, TokenRefused, UseapiError
from bot.jobs import KnownJob

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 300.0
_PROBE = 60.0  # between two looks while useapi refuses the whole account
_REFUSALS = (TokenRefused, SubscriptionEnded)  # never one job's trouble alone


class Source:
    """What is remembered of useapi's trouble; times of the loop's clock. An outage is two log lines.

    `alert` is told, by a name, what needs a person, and with no words when it does no more.
    """

    def __init__(self, *, alert: Callable[[str, str], None], rng: random.Random) -> None:
        self._alert = alert
        self._rng = rng
        self._loop_time = asyncio.get_running_loop().time
        self._failing_since: dict[int, float] = {}  # the jobs whose last look met trouble
        self._blocked: set[int] = set()  # those of them that met a blocked Midjourney account
        self._answered_at = 0.0
        self._strain = 0
        self.outage: type[UseapiError] | None = None
        """The trouble that it has; meanwhile one look at a time is enough to see whether it is over."""
        self.paused_until = -math.inf
        """When it may be asked again."""

    @property
    def paused(self) -> bool:
        """Whether it is to be left alone now."""
        return self._loop_time() < self.paused_until

    def failed(self, outcome: UseapiError, known: KnownJob) -> bool:
        """Take note of a look that met trouble; whether that is this job's own, which slows nobody else down."""
        self._failing_since.setdefault(known.id, self._loop_time())
        if isinstance(outcome, AccountBlocked):
            self._block(outcome, known)
        if self._is_its_own(outcome, known.id):
            return True
        self._slow_down(outcome)
        return False

    def answered(self, job_id: int) -> None:
        """Take note of a look that useapi answered."""
        self._failing_since.pop(job_id, None)
        if job_id in self._blocked:
            self._blocked.remove(job_id)
            if not self._blocked:
                self._alert("account", "")
        if self.paused:
            return  # this look was under way when the trouble began
        self._answered_at = self._loop_time()
        if self.outage is not None:
            log.info("useapi.net answers again")
            self._alert("useapi", "")
            self.outage = None
        self._strain = 0

    def forget(self, job_id: int) -> None:
        """Nothing stays of a job that is looked at no more."""
        self._failing_since.pop(job_id, None)
        self._blocked.discard(job_id)

    def _block(self, outcome: AccountBlocked, known: KnownJob) -> None:
        """The first job that meets a blocked account is told of; the last that has met it and works again ends that."""
        if not self._blocked:
            # The key makes each time another alert, should nobody have waited to see the end of the last.
            self._alert("account", f"Running jobs wait, such as #{known.key}. {outcome.for_admin}")
        self._blocked.add(known.id)

    def _is_its_own(self, outcome: UseapiError, job_id: int) -> bool:
        """Whether the trouble is this job's alone: it began before useapi told of others, and is not over.

        A blocked account is one of several, maybe: what one of its jobs met is no news when the next one meets it.
        """
        if isinstance(outcome, _REFUSALS):
            return False
        kin = self._blocked if isinstance(outcome, AccountBlocked) else {job_id}
        return min(self._failing_since[each] for each in kin) < self._answered_at

    def _slow_down(self, outcome: UseapiError) -> None:
        """Trouble slows the source down, not the single job: one look at a time, with growing pauses."""
        if not self.paused:  # looks that failed side by side are one trouble
            self._strain = min(self._strain + 1, 8)
        pause = self._rng.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, 2.0**self._strain)
        if outcome.rule is Rule.MISCONFIGURED:
            pause = _PROBE
        self.paused_until = max(self.paused_until, self._loop_time() + max(pause, asked_pause(outcome)))
        if self.outage is None:
            log.warning("useapi.net has trouble, jobs wait: %s", outcome)
        if isinstance(outcome, _REFUSALS):
            self._alert("useapi", f"Running jobs wait. {outcome.for_admin}")
        self.outage = type(outcome)


def asked_pause(outcome: UseapiError) -> float:
    """The seconds for which useapi itself asked to be left alone."""
    return (outcome.retry_after or 0.0) if isinstance(outcome, Busy) else 0.0
