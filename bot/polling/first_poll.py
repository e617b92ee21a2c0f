"""First polls that are too early to be worth a request: those of a fresh job that is hardly over yet.

Its first poll comes 1.7 intervals after its creation, or when the quickest of its kind are over, where that is learned
and later. A simulation (`python -m tests.bench waiting`) says what this is worth: two polls of a fast job instead of
three, and results as early as without it. A first poll at the median would save another half, but then half of the
status cards would never show a preview. Kinds with a wide spread of times, relaxed ones above all, do not wait for
their quickest, and those that take only a few seconds do not wait at all.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.models import Job, PollTarget, Status
from bot.models.durations import TypicalDuration, kind_of, mode_of
from bot.store import Store
from bot.wakeup import loop_time

_FRESH = frozenset({Status.CREATED, Status.STARTED})
_FIRST = 1.7  # intervals; a job that ends later than 0.7 intervals after its creation is seen within one interval
_HARDLY_OVER = 28.0  # seconds; at longer intervals most pictures would be done at the first poll, without a preview
_QUICK = frozenset({"U", "seed", "seed_async"})  # kinds of jobs that take a few seconds
_CACHED_FOR = 60.0  # seconds; typical durations change slowly
_WIDEST_SPREAD = 3.0  # intervals; with a wider one, the result of a quick job would come late
_LATEST = 4.0  # intervals; members want to see how far a slow job is, and that one was declined
_OLDEST = 20.0  # intervals; an older job is slow already, or a clock is wrong


class FirstPollDelay:
    """Delays first polls by the typical durations that the store has learnt.

    `now` is the wall clock, `poll_seconds` the interval between two polls of a fresh job.
    """

    def __init__(self, *, store: Store, poll_seconds: float, now: Callable[[], datetime]) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._now = now
        self._typical: dict[tuple[str, str], tuple[float, TypicalDuration | None]] = {}
        """By kind and mode: when it was read, by the loop's clock, and what was read."""

    async def seconds_left(self, target: PollTarget) -> float:
        """How long polling this job is too early, in seconds; 0 where it is not, or where that is not known."""
        job = target.known.job
        if not is_fresh(job) or job.created is None:
            return 0.0
        age = (self._now() - job.created).total_seconds()
        if not 0 <= age < _OLDEST * self._poll_seconds:
            return 0.0
        typical = await self._typical_of(job)
        return max(not_before(kind_of(job), typical, self._poll_seconds) - age, 0.0)

    async def _typical_of(self, job: Job) -> TypicalDuration | None:
        key = (kind_of(job), mode_of(job))
        read_at, typical = self._typical.get(key, (-_CACHED_FOR, None))
        if loop_time() - read_at >= _CACHED_FOR:
            typical = await self._store.durations.typical(job)
            self._typical[key] = (loop_time(), typical)
        return typical


def is_fresh(job: Job) -> bool:
    """Whether no progress of the job is known yet."""
    return job.percent is None and job.status in _FRESH


def not_before(kind: str, typical: TypicalDuration | None, poll_seconds: float) -> float:
    """The age in seconds before which a poll of a job of this kind is too early; 0 where the job may be over soon.

    At most `_LATEST` intervals, so that the end of a slow job before its time is seen soon.
    """
    first = min(_FIRST * poll_seconds, _HARDLY_OVER)
    if typical is None:
        return 0.0 if kind in _QUICK else first
    quickest = typical.low.total_seconds()
    if quickest < first - poll_seconds:
        first = 0.0
    if typical.high - typical.low > timedelta(seconds=_WIDEST_SPREAD * poll_seconds):
        return first
    return max(first, min(quickest, _LATEST * poll_seconds))
