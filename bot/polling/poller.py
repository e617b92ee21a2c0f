"""Looks at every watched job when it is due, and writes down what became of it. Knows nothing of Discord.

useapi refreshes a job every 15 s (60 s at worst) and asks for 10 to 30 s between two looks, so a fresh job is looked at
every `poll_seconds`; later every twentieth of what the person has waited, 300 s at most. `bot.polling.first_poll` knows
which first polls are too early to be worth a request.
"""

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from bot import logs
from bot.errors import JobExpired, JobModerated, ProviderError, Rule, StoreUnavailable
from bot.models import Job, KnownJob, PollTarget, Status, follow
from bot.models.alert import AlertSink
from bot.polling.circuit_breaker import PollBreaker, asked_pause
from bot.polling.first_poll import FirstPollDelay, is_fresh
from bot.polling.schedule import Schedule
from bot.providers.useapi import UseapiClient
from bot.store import Store
from bot.wakeup import Wakeup

log = logging.getLogger(__name__)

_SLOWEST = 300.0
_SILENCE = timedelta(hours=24)
_SOONER = 0.8  # at 15 s: 10.8 to 13.2 s; useapi asks for 10 or more
_SILENT_LOOKS = 12  # an hour of looks besides: a wall clock that was set forward must not end every watch at once
_TOGETHER = 0.02  # seconds: looks that fall due so close to each other begin together, which costs less
_READ_AHEAD = 64  # looks
_WAKE_GAP = 2.0  # seconds between two looks at a job that calls brought about, however many calls there are
_MISSES = 3  # "no such job" this often in a row ends a watch: a fresh job may not be known everywhere at once
_MISSED_CALL = 5.0  # seconds to the next look where that was said of a job about which somebody had just called
_CALLED_LATELY = 25.0  # seconds: a look takes 20


class Poller:
    """The polling loop; one `run()` for ever, or `poll_once()` for one round.

    `changed` is called after every round that wrote something, `ended` when a job of it is over. Only the row ids and
    their due times (of the loop's clock) are kept in memory; everything else is read from the store when a look is due.
    """

    def __init__(
        self,
        *,
        api: UseapiClient,
        store: Store,
        poll_seconds: float,
        concurrency: int,
        now: Callable[[], datetime],
        changed: Callable[[], None],
        ended: Callable[[], None] = lambda: None,
        alerts: AlertSink,
        rng: random.Random | None = None,
    ) -> None:
        self._api = api
        self._store = store
        self._poll_seconds = poll_seconds
        self._concurrency = concurrency
        self._now = now
        self._changed = changed
        self._ended_one = ended
        self._rng = rng or random.Random()  # noqa: S311 -- jitter, no secret
        self._breaker = PollBreaker(alerts=alerts, accounts=api.accounts, rng=self._rng)
        self._loop_time = asyncio.get_running_loop().time
        self._wakeup = Wakeup()
        self._first_poll = FirstPollDelay(store=store, poll_seconds=poll_seconds, now=now)
        self._schedule = Schedule()
        self._reading: set[int] = set()  # due, and being read from the store; one that is asked for meanwhile leaves it
        self._ready: deque[PollTarget] = deque()  # due, and read from the store, but there is no place yet
        self._flying: dict[asyncio.Task[Job], PollTarget] = {}
        self._unwritten: list[tuple[int, Job]] = []  # not written yet
        self._misses: dict[int, int] = {}
        self._quiet: dict[int, int] = {}
        self._woken: dict[int, float] = {}  # when a call last brought about a look, or will
        self._called: set[int] = set()  # called about since their last look began; no look at them is too early
        self._wake_again: set[int] = set()  # called about while a look was under way, which may be older than the news
        self.last_round: float | None = None
        """When `run` last came round, by the loop's clock."""

    @property
    def outage(self) -> str:
        """What useapi's trouble is, in words for a person; empty when all is well."""
        return "" if self._breaker.outage is None else self._breaker.outage.sentence()

    @property
    def overdue(self) -> float:
        """By how many seconds the oldest look is late; the pauses for useapi's trouble are not counted."""
        could_begin = max(self._schedule.oldest_due_time(), self._breaker.paused_until)
        return max(self._loop_time() - could_begin, 0.0)

    def watch(self, known: KnownJob, *, sooner: bool = False) -> None:
        """Look at this job one interval from now, and on until it is over or nobody waits for it; again is harmless.

        `sooner`: a quick job, such as U1's, is found at the first look, a little less than one interval from now. A job
        that others have waited for so long that its next look is far away is looked at sooner, too.
        """
        delay = self._jittered(self._poll_seconds * (_SOONER if sooner else 1.0))
        self._reading.discard(known.id)  # the store may have been read before this watch stood in it
        if not known.job.over and self._schedule.add(known.id, self._loop_time() + delay):
            self._wakeup.set()

    def poll_soon(self, job_id: int) -> None:
        """Look at a watched job now, because somebody says that it has news; one that nobody watches is left alone.

        Whoever calls is not believed: the most that a call can do is one look, and calls in a row share one.
        """
        if job_id not in self._schedule:
            return
        if any(target.known.id == job_id for target in self._flying.values()):
            self._wake_again.add(job_id)
            return
        self._called.add(job_id)
        begin = max(self._loop_time(), self._woken.get(job_id, -math.inf) + _WAKE_GAP)
        if self._schedule.add(job_id, begin):
            self._woken[job_id] = begin
            self._wakeup.set()

    async def resume(self) -> None:
        """Take up all the store's running jobs afresh, their first looks spread over one interval."""
        for job_id in self._schedule.jobs():
            self._forget(job_id)
        self._schedule.clear()
        self._ready.clear()
        self._unwritten.clear()
        self._breaker.resume()
        for job_id in await self._store.running():
            if job_id not in self._schedule:
                self._poll_in(job_id, self._rng.uniform(0, self._poll_seconds))

    async def run(self) -> None:
        """Look for ever; ends only by cancellation."""
        await self.resume()
        self.last_round = self._loop_time()
        try:
            while True:
                await self._round()
                await self._wakeup.sleep(self._wait())
                self.last_round = self._loop_time()
        finally:
            self._breaker.close()
            self._flying = {}  # the looks themselves are left alone: somebody else may wait for one of them

    async def poll_once(self) -> None:
        """One round: look at everything that is due, and return when all of it is written down."""
        await self._round()
        while self._flying or self._unwritten:
            if self._flying:
                await asyncio.wait(self._flying)
            await self._round()

    async def _round(self) -> None:
        if self._unwritten:
            news, self._unwritten = self._unwritten, []
            await self._write(news)
        if not self._breaker.paused and (due := self._take_due()):
            await self._read_ahead(due)
        self._take_off()

    async def _read_ahead(self, due: list[int]) -> None:
        """Have looks ready for the places that come free: reading many of them at once costs little more than one."""
        self._reading = set(due)
        try:
            targets = await self._store.poll_targets(due)
            early = [
                await self._first_poll.seconds_left(target) if is_fresh(target.known.job) else 0.0 for target in targets
            ]
        except Exception:
            log.exception("The store did not say what to look at; trying again")
            for job_id in due:
                self._poll_in(job_id, self._poll_seconds)
            return
        for job_id in set(due) - {target.known.id for target in targets}:
            if job_id in self._reading:
                self._forget(job_id)  # over, or nobody waits
            else:
                self._poll_in(job_id, self._poll_seconds)
        for target, left in zip(targets, early, strict=True):
            if (
                left and target.known.id not in self._called
            ):  # asked here: a call may have come while the store was read
                self._poll_in(target.known.id, left)
            else:
                self._ready.append(target)

    def _take_off(self) -> None:
        while self._ready and self._breaker.paused:
            self._poll_in(self._ready.pop().known.id, 0.0)  # what was read may be old when the pause is over
        while self._ready and self._places() > 0:
            target = self._ready.popleft()
            self._called.discard(target.known.id)
            task = self._api.poll(target.known.job.jobid, target.known.job)
            self._flying[task] = target
            task.add_done_callback(self._land)

    def _land(self, task: asyncio.Task[Job]) -> None:
        target = self._flying.pop(task, None)
        if target is None:
            return  # the loop ended
        news = self._understood(task, target)
        if news is not None:
            self._unwritten.append((target.known.id, news))
        if target.known.id in self._wake_again:
            self._wake_again.discard(target.known.id)
            self.poll_soon(target.known.id)
        self._take_off()
        if self._unwritten or self._wanted():
            self._wakeup.set()

    def _understood(self, task: asyncio.Task[Job], target: PollTarget) -> Job | None:
        try:
            return self._read(_outcome(task), target)
        except Exception:
            with logs.about(key=target.known.key, destination=target.destination):
                log.exception("A look failed in an unexpected way")
            self._poll_in(target.known.id, _SLOWEST)
            return None

    def _take_due(self) -> list[int]:
        return self._schedule.take_due(self._loop_time() + _TOGETHER, self._wanted())

    def _places(self) -> int:
        """How many looks may start; in an outage one is enough to see whether useapi is back."""
        return (1 if self._breaker.outage is not None else self._concurrency) - len(self._flying)

    def _wanted(self) -> int:
        """How many more looks to have ready; in an outage none but the one that may start."""
        if self._breaker.outage is not None:
            return max(self._places() - len(self._ready), 0)
        return 0 if len(self._ready) >= self._concurrency else max(self._concurrency, _READ_AHEAD)

    def _wait(self) -> float:
        if not self._wanted():
            return _SLOWEST  # a landing wakes the loop before that
        now = self._loop_time()
        next_due = min(self._schedule.next_due_time(), now + _SLOWEST)
        return max(next_due, self._breaker.paused_until) - now

    async def _write(self, news: list[tuple[int, Job]]) -> None:
        # A crash before this commit falls back to the state before the looks, which are then made again; after it,
        # the deliveries stand. Nothing is half said.
        try:
            await self._store.record(news)
        except Exception as error:
            if not isinstance(error, StoreUnavailable):  # of which the store itself tells
                log.exception("What %d looks found could not be written; they are repeated", len(news))
            for job_id, _ in news:
                self._poll_in(job_id, self._poll_seconds)
            return
        self._changed()
        if any(job.over for _, job in news):
            self._ended_one()

    def _read(self, outcome: Job | ProviderError, target: PollTarget) -> Job | None:
        """What to write down, if anything; schedules the next look unless the job is over."""
        job_id = target.known.id
        match outcome:
            case Job():
                new: Job | None = outcome
            case JobModerated():
                new = outcome.job
            case ProviderError(rule=Rule.OVER):
                new = self._ended(outcome, target)
            case ProviderError():
                return self._troubled(outcome, target)
        self._breaker.answered(job_id)
        news = None if new is None else self._news(new, target)
        if news is not None and news.over and news.status != Status.CANCELLED:
            self._forget(job_id)
        else:
            not_there_yet = self._misses.get(job_id) == 0  # see `_ended`
            self._poll_in(job_id, _MISSED_CALL if not_there_yet else self._interval(target))
        return news

    def _forget(self, job_id: int) -> None:
        """Nothing stays of a job that is looked at no more: watched again, it starts to count anew."""
        self._schedule.forget(job_id)
        for told in (self._misses, self._quiet, self._woken):
            told.pop(job_id, None)
        self._breaker.forget(job_id)
        self._called.discard(job_id)
        self._wake_again.discard(job_id)

    def _news(self, new: Job, target: PollTarget) -> Job | None:
        """What an answer tells that was not known; a day without anything new is news in the end."""
        self._misses.pop(target.known.id, None)
        news = follow(target.known.job, new)
        if news is not None:
            self._quiet.pop(target.known.id, None)
        elif self._is_silent(target):
            news = msgspec.structs.replace(target.known.job, status=Status.SILENT)
        return news

    def _is_silent(self, target: PollTarget) -> bool:
        """Whether a look without news was one too many."""
        if self._now() - target.known.changed_at <= _SILENCE:
            return False
        targets = self._quiet[target.known.id] = self._quiet.get(target.known.id, 0) + 1
        return targets > _SILENT_LOOKS

    def _ended(self, outcome: ProviderError, target: PollTarget) -> Job | None:
        """A job that useapi forgot is over; one that it does not find may be found at the next look.

        The first miss does not count where somebody called: useapi itself calls about a job that is there.
        """
        called = self._loop_time() - self._woken.get(target.known.id, -math.inf) < _CALLED_LATELY
        misses = self._misses[target.known.id] = self._misses.get(target.known.id, -1 if called else 0) + 1
        if isinstance(outcome, JobExpired) or misses >= _MISSES:
            return msgspec.structs.replace(target.known.job, status=Status.EXPIRED)
        return None

    def _troubled(self, outcome: ProviderError, target: PollTarget) -> Job | None:
        """Trouble that may be everybody's slows the source down; with its own a job waits alone, a day at most."""
        if self._breaker.failed(outcome, target.known) and self._is_silent(target):
            self._forget(target.known.id)
            return msgspec.structs.replace(target.known.job, status=Status.SILENT)
        self._poll_in(target.known.id, max(self._interval(target), asked_pause(outcome)))
        return None

    def _interval(self, target: PollTarget) -> float:
        if target.known.job.over:  # cancelled: the store ends these looks after a while
            return self._jittered(_SLOWEST)
        waited = (self._now() - target.subscribed_at).total_seconds()
        return self._jittered(interval(waited, self._poll_seconds))

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(0.9, 1.1)

    def _poll_in(self, job_id: int, delay: float) -> None:
        self._schedule.reschedule(job_id, self._loop_time() + delay)


def interval(waited: float, poll_seconds: float) -> float:
    """Seconds until the next look at a job that somebody has waited for so long: a twentieth of it, 300 at most."""
    return min(max(waited / 20, poll_seconds), _SLOWEST)


def _outcome(target: asyncio.Task[Job]) -> Job | ProviderError:
    if target.cancelled():
        raise RuntimeError("the request was cancelled")
    error = target.exception()
    return error if isinstance(error, ProviderError) else target.result()
