"""Looks at every watched job when it is due, and writes down what became of it. Knows nothing of Discord.

useapi refreshes a job every 15 s (60 s at worst) and asks for 10 to 30 s between two looks, so a fresh job is looked at
every `poll_seconds`; later every twentieth of what the person has waited, 300 s at most.
"""

import asyncio
import heapq
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from bot.alarm import Alarm
from bot.api import Useapi
from bot.errors import Busy, JobExpired, JobModerated, Rule, UseapiError
from bot.jobs import Job, KnownJob, Look, Status, follow
from bot.store import Store

log = logging.getLogger(__name__)

_SLOWEST = 300.0
_PROBE = 60.0  # between two looks while useapi refuses the whole account
_SILENCE = timedelta(hours=24)
_MISSES = 3  # "no such job" this often in a row ends a watch: a fresh job may not be known everywhere at once


class Watcher:
    """The polling loop; one `run()` for ever, or `look_once()` for one round.

    `changed` is called after every round that wrote something. The heap holds (loop time, row id) only, 180 bytes a
    job; everything else is read from the store when a look is due.
    """

    def __init__(
        self,
        *,
        api: Useapi,
        store: Store,
        poll_seconds: float,
        concurrency: int,
        now: Callable[[], datetime],
        changed: Callable[[], None],
        rng: random.Random | None = None,
    ) -> None:
        self._api = api
        self._store = store
        self._poll_seconds = poll_seconds
        self._concurrency = concurrency
        self._now = now
        self._changed = changed
        self._rng = rng or random.Random()  # noqa: S311 -- jitter, no secret
        self._alarm = Alarm()
        self._due: list[tuple[float, int]] = []
        self._scheduled: set[int] = set()
        self._misses: dict[int, int] = {}
        self._strain = 0
        self._paused_until = 0.0
        self._outage: type[UseapiError] | None = None

    def watch(self, known: KnownJob) -> None:
        """Look at this job from now on, until it is over or nobody waits for it; again is harmless."""
        if not known.job.over and known.id not in self._scheduled:
            self._schedule(known.id, self._jittered(self._poll_seconds))
            self._alarm.ring()

    async def resume(self) -> None:
        """Take up all the store's running jobs, their first looks spread over one interval."""
        for job_id in await self._store.running():
            if job_id not in self._scheduled:
                self._schedule(job_id, self._rng.uniform(0, self._poll_seconds))

    async def run(self) -> None:
        """Look for ever; ends only by cancellation."""
        await self.resume()
        flying: dict[asyncio.Task[Job | UseapiError], Look] = {}
        try:
            while True:
                await self._launch(flying)
                await self._alarm.sleep(self._wait(flying), *flying)
                await self._land(flying)
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def look_once(self) -> None:
        """One round: look at everything that is due, and return when all of it is written down."""
        flying: dict[asyncio.Task[Job | UseapiError], Look] = {}
        await self._launch(flying)
        while flying:
            await asyncio.wait(flying)
            await self._land(flying)
            await self._launch(flying)

    async def _launch(self, flying: dict[asyncio.Task[Job | UseapiError], Look]) -> None:
        due = self._take_due(self._concurrency - len(flying))
        if not due:
            return
        try:
            looks = await self._store.looks(due)
        except Exception:
            log.exception("The store did not say what to look at; trying again")
            for job_id in due:
                self._schedule(job_id, self._poll_seconds)
            return
        self._scheduled.difference_update(set(due) - {look.known.id for look in looks})  # over, or nobody waits
        for look in looks:
            flying[asyncio.create_task(self._look(look.known.job.jobid))] = look

    def _take_due(self, places: int) -> list[int]:
        now = self._loop_time()
        if self._outage is not None:
            places = min(places, 1)  # a probe is enough to see whether useapi is back
        if now < self._paused_until:
            return []
        due: list[int] = []
        while len(due) < places and self._due and self._due[0][0] <= now:
            due.append(heapq.heappop(self._due)[1])
        return due

    def _wait(self, flying: dict[asyncio.Task[Job | UseapiError], Look]) -> float:
        if len(flying) >= (1 if self._outage is not None else self._concurrency):
            return _SLOWEST  # a landing wakes the loop before that
        now = self._loop_time()
        next_due = self._due[0][0] if self._due else now + _SLOWEST
        return max(next_due, self._paused_until) - now

    async def _look(self, jobid: str) -> Job | UseapiError:
        try:
            return await self._api.job(jobid)
        except UseapiError as outcome:
            return outcome

    async def _land(self, flying: dict[asyncio.Task[Job | UseapiError], Look]) -> None:
        landed = [(task, flying[task]) for task in flying if task.done()]
        news: list[tuple[int, Job]] = []
        for task, look in landed:
            del flying[task]
            try:
                outcome = task.result()
            except Exception:
                log.exception("A look at #%s failed in an unexpected way", look.known.key)
                self._schedule(look.known.id, _SLOWEST)
                continue
            if (job := self._read(outcome, look)) is not None:
                news.append((look.known.id, job))
        if news:
            await self._write(news)

    async def _write(self, news: list[tuple[int, Job]]) -> None:
        # A crash before this commit falls back to the state before the looks, which are then made again; after it,
        # the deliveries stand. Nothing is half said.
        try:
            await self._store.record(news)
        except Exception:
            log.exception("What %d looks found could not be written; they are repeated", len(news))
            for job_id, _ in news:
                self._schedule(job_id, self._poll_seconds)
            return
        self._changed()

    def _read(self, outcome: Job | UseapiError, look: Look) -> Job | None:
        """What to write down, if anything; schedules the next look unless the job is over."""
        job_id, old = look.known.id, look.known.job
        match outcome:
            case Job():
                new: Job | None = outcome
            case JobModerated():
                new = outcome.job
            case UseapiError(rule=Rule.OVER):
                new = self._ended(outcome, look)
            case UseapiError():
                self._slow_down(outcome)
                self._schedule(job_id, self._interval(look))
                return None
        self._works_again()
        news = None if new is None else follow(old, new)
        if news is None and new is not None:
            self._misses.pop(job_id, None)
            if self._now() - look.known.changed_at > _SILENCE:
                news = msgspec.structs.replace(old, status=Status.SILENT)
        if news is None or not news.over:
            self._schedule(job_id, self._interval(look))
        else:
            self._scheduled.discard(job_id)
            self._misses.pop(job_id, None)
        return news

    def _ended(self, outcome: UseapiError, look: Look) -> Job | None:
        """A job that useapi forgot is over; one that it does not find may be found at the next look."""
        misses = self._misses[look.known.id] = self._misses.get(look.known.id, 0) + 1
        if isinstance(outcome, JobExpired) or misses >= _MISSES:
            return msgspec.structs.replace(look.known.job, status=Status.EXPIRED)
        return None

    def _slow_down(self, outcome: UseapiError) -> None:
        """Trouble slows the source down, not the single job: one look at a time, with growing pauses."""
        self._strain = min(self._strain + 1, 8)
        pause = self._rng.uniform(0.5, 1.0) * min(_SLOWEST, 2.0**self._strain)
        if outcome.rule is Rule.MISCONFIGURED:
            pause = _PROBE
        if isinstance(outcome, Busy) and outcome.retry_after is not None:
            pause = max(pause, outcome.retry_after)
        self._paused_until = self._loop_time() + pause
        if self._outage is None:
            log.warning("useapi.net has trouble, jobs wait: %s", outcome)
        self._outage = type(outcome)

    def _works_again(self) -> None:
        if self._outage is not None:
            log.info("useapi.net answers again")
            self._outage = None
        self._strain = 0
        self._paused_until = 0.0

    def _interval(self, look: Look) -> float:
        waited = (self._now() - look.asked_at).total_seconds()
        return self._jittered(min(max(waited / 20, self._poll_seconds), _SLOWEST))

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(0.9, 1.1)

    def _schedule(self, job_id: int, delay: float) -> None:
        self._scheduled.add(job_id)
        heapq.heappush(self._due, (self._loop_time() + delay, job_id))

    @staticmethod
    def _loop_time() -> float:
        return asyncio.get_running_loop().time()
