"""Which looks are not worth a request yet: of a fresh job, those before the time at which the quickest of its kind end.

A simulation (`python -m tests.bench waiting`) says what this is worth: two looks for a fast job instead of three, and
results as early as without it. Looking first at the median would save another half, but then half of the cards would
never show a preview. Kinds whose times differ much, relaxed ones above all, are looked at as ever.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.models import Job, PollTarget, Status
from bot.models.durations import TypicalDuration, kind_of, mode_of
from bot.store import Store
from bot.wakeup import loop_time

_FRESH = frozenset({Status.CREATED, Status.STARTED})
_REMEMBERED = 60.0  # seconds; what is usual changes slowly
_ALIKE = 3.0  # intervals: of kinds that spread wider, the quickest would be shown late
_LATEST = 4.0  # intervals: people want to see how far a slow job is, and that one was declined


class FirstPollDelay:
    """Knows what is usual; `now` is the wall clock, `poll_seconds` the interval between two looks at a fresh job."""

    def __init__(self, *, store: Store, poll_seconds: float, now: Callable[[], datetime]) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._now = now
        self._usual: dict[tuple[str, str], tuple[float, TypicalDuration | None]] = {}

    async def seconds_left(self, target: PollTarget) -> float:
        """For how long a look at this job is no use; 0 where it is, or nobody can say."""
        job = target.known.job
        if not is_fresh(job) or job.created is None:
            return 0.0
        age = (self._now() - job.created).total_seconds()
        if not 0 <= age < self._poll_seconds * 20:  # a clock that is off, or a job that is slow already
            return 0.0
        typical = await self._usually(target)
        return 0.0 if typical is None else max(not_before(typical, self._poll_seconds) - age, 0.0)

    async def _usually(self, target: PollTarget) -> TypicalDuration | None:
        kind = (kind_of(target.known.job), mode_of(target.known.job))
        read_at, typical = self._usual.get(kind, (-_REMEMBERED, None))
        if loop_time() - read_at >= _REMEMBERED:
            typical = await self._store.durations.typical(target.known.job)
            self._usual[kind] = (loop_time(), typical)
        return typical


def is_fresh(job: Job) -> bool:
    """Whether nothing is known yet of how far a job is."""
    return job.percent is None and job.status in _FRESH


def not_before(typical: TypicalDuration, poll_seconds: float) -> float:
    """The seconds after its creation before which hardly any job of this kind is over; 0 where they differ too much.

    Of slow kinds it is earlier: what ends them before their time would be told late.
    """
    if typical.high - typical.low > timedelta(seconds=_ALIKE * poll_seconds):
        return 0.0
    return min(typical.low.total_seconds(), _LATEST * poll_seconds)
