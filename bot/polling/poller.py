"""The polling loop: polls every subscribed job when it is due and records what came of it. Knows nothing of Discord.

A job that a member started counts for their limits until it is over, so it is polled also when nobody is subscribed any
more, for a day at most; then nothing is posted about it.

useapi refreshes a job every 15 s (60 s at worst) and asks for 10 to 30 s between two polls, so a fresh job is polled
every `poll_seconds`, later at intervals of a twentieth of the time since its subscription, of 300 s at most.

`schedule` holds the due times, `decisions` what the outcome of a poll means, and `first_poll` which first polls are too
early to be worth a request.
"""

import asyncio
import logging
import random
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime

import msgspec

from bot import logs
from bot.errors import ProviderError, Rule, StoreUnavailable
from bot.models import Job, KnownJob, PollTarget
from bot.models.alert import AlertSink
from bot.polling import decisions
from bot.polling.circuit_breaker import PollBreaker
from bot.polling.decisions import CALLED_LATELY, JITTER, LONGEST_INTERVAL, MISSES, Decision, FinishedPoll
from bot.polling.first_poll import FirstPollDelay, is_fresh
from bot.polling.job_records import NEVER, JobRecords
from bot.polling.schedule import Schedule
from bot.providers.base import Provider
from bot.store import Store
from bot.wakeup import Wakeup, loop_time

log = logging.getLogger(__name__)

_QUICK_JOB = 0.8  # of an interval, before jitter; at 15 s: 10.8 to 12 s, and useapi asks for 10 or more
_TOGETHER = 0.02  # seconds: polls that are due so close to each other start together, which costs less
_TOGETHER_IN_BATCH = 0.2  # of an interval: 3 s at 15, so that a batch of all due jobs is sent five times an interval
_READ_AHEAD = 64  # polls
_WAKE_GAP = 2.0  # seconds between two polls of a job that webhook calls bring about, however many calls there are


class Poller:
    """The polling loop; one `run()` for ever, or `poll_once()` for one round.

    `on_recorded` is called after every transaction with news, `on_job_over` after one in which a job ended. `now` is
    the wall clock.

    A job goes from the schedule (due) to `_ready` (read from the store) to `_in_flight` (requested) and back. In memory
    there are only its row id, its due time, and what `JobRecords` keeps of the few jobs that have something to keep;
    the rest is read from the store when the job is due.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        store: Store,
        poll_seconds: float,
        concurrency: int,
        now: Callable[[], datetime],
        on_recorded: Callable[[], None],
        on_job_over: Callable[[], None] = lambda: None,
        alerts: AlertSink,
        rng: random.Random | None = None,
    ) -> None:
        self._provider = provider
        self._store = store
        self._poll_seconds = poll_seconds
        self._concurrency = concurrency
        self._now = now
        self._on_recorded = on_recorded
        self._on_job_over = on_job_over
        self._rng = rng or random.Random()  # noqa: S311 -- jitter, no secret
        self._breaker = PollBreaker(provider=provider.name, alerts=alerts, accounts=provider.accounts, rng=self._rng)
        self._first_poll = FirstPollDelay(store=store, poll_seconds=poll_seconds, now=now)
        self._wakeup = Wakeup()
        self._schedule = Schedule()
        self._records = JobRecords()
        self._being_read: set[int] = set()  # due jobs, during a read of the store, less those that `add` got meanwhile
        self._ready: deque[PollTarget] = deque()
        self._in_flight: dict[asyncio.Task[Job], tuple[PollTarget, int]] = {}  # with the number of its request
        # By the number of a request, its jobs that are not answered yet.
        self._requests: defaultdict[int, int] = defaultdict(int)
        self._last_request = 0
        self._unrecorded: list[tuple[int, Job]] = []  # news by row id
        self.last_round: float | None = None
        """When `run` last came round, by the loop's clock."""

    @property
    def outage(self) -> str:
        """The trouble of the provider, as a sentence for people; empty when there is none."""
        outage = self._breaker.outage
        return "" if outage is None else outage.sentence(self._provider.name)

    @property
    def overdue(self) -> float:
        """By how many seconds the oldest poll is late; the pauses for the provider's trouble are not counted."""
        could_start = max(self._schedule.oldest_due_time(), self._breaker.paused_until)
        return max(loop_time() - could_start, 0.0)

    def add(self, known: KnownJob, *, sooner: bool = False) -> None:
        """Poll this job one interval from now, then until it is over or no longer wanted; may be called again.

        `sooner`: a little less than one interval from now, when a quick job, such as U1's, is over. The next poll of a
        job that is polled already is moved forward to that time, where it is later.
        """
        delay = self._jittered(self._poll_seconds * (_QUICK_JOB if sooner else 1.0))
        self._being_read.discard(known.id)  # the store may have been read before this subscription was committed
        if not known.job.over and self._schedule.add(known.id, loop_time() + delay):
            self._wakeup.set()

    def poll_soon(self, job_id: int) -> None:
        """Poll a subscribed job now, because a webhook call says that it has news; other jobs are left alone.

        Calls can be forged, so all that they bring about is polls: one each `_WAKE_GAP`, however many calls come.
        """
        if job_id not in self._schedule:
            return
        if any(target.known.id == job_id for target, _ in self._in_flight.values()):
            self._records.update(job_id, poll_again=True)
            return
        self._records.update(job_id, called=True)
        at = max(loop_time(), self._records.of(job_id).woken_at + _WAKE_GAP)
        if self._schedule.add(job_id, at):
            self._records.update(job_id, woken_at=at)
            self._wakeup.set()

    async def resume(self) -> None:
        """Start again with all running jobs of the store, their first polls spread over one interval."""
        for job_id in self._schedule.jobs():
            self._forget(job_id)
        self._schedule.clear()
        self._ready.clear()
        self._unrecorded.clear()
        self._breaker.resume()
        for job_id in await self._store.jobs.to_poll(self._provider.name):
            if job_id not in self._schedule:
                self._poll_in(job_id, self._rng.uniform(0, self._poll_seconds))

    async def run(self) -> None:
        """Poll until cancelled."""
        await self.resume()
        self.last_round = loop_time()
        try:
            while True:
                await self._round()
                await self._wakeup.sleep(self._seconds_to_next_round())
                self.last_round = loop_time()
        finally:
            self._breaker.close()
            self._requests.clear()
            self._in_flight = {}  # the requests go on: they may be shared with other callers

    async def poll_once(self) -> None:
        """One round: poll everything that is due, and return when all of it is recorded."""
        await self._round()
        while self._in_flight or self._unrecorded:
            if self._in_flight:
                await asyncio.wait(self._in_flight)
            await self._round()

    async def _round(self) -> None:
        await self._record_news()
        if not self._breaker.paused:
            await self._read_targets(self._take_due())
        self._start_polls()

    def _take_due(self) -> list[int]:
        """The jobs to poll now: none before one of them is due, then also those that are due soon after it."""
        now = loop_time()
        if self._schedule.next_due_time() > now + _TOGETHER:
            return []
        return self._schedule.take_due(now + self._together, self._read_limit())

    # --- how many -----------------------------------------------------------------------------------------------------

    @property
    def _batch(self) -> int:
        """For how many jobs one request may ask."""
        return self._provider.capabilities.batch

    @property
    def _together(self) -> float:
        """How many seconds before they are due polls may start together with one that is due."""
        return _TOGETHER if self._batch == 1 else self._poll_seconds * _TOGETHER_IN_BATCH

    def _free_slots(self) -> int:
        """How many requests may start now.

        There are `concurrency` slots, each for one request in flight. In an outage there is one, which is enough to see
        whether the provider is back. Requests that were in flight when it began may exceed that: this may be negative.
        """
        slots = 1 if self._breaker.outage is not None else self._concurrency
        return slots - len(self._requests)

    def _read_limit(self) -> int:
        """How many due jobs to read from the store now.

        Reading many jobs at once costs little more than reading one, so a batch is read ahead whenever fewer polls are
        ready than there are slots: a slot that becomes free finds one ready, and fewer than a batch and `concurrency`
        are ready at any time. In an outage only so many are read as may start, which is one or none.
        """
        if self._breaker.outage is not None:
            return max(self._free_slots() - len(self._ready), 0)
        enough = max(self._concurrency, self._batch)
        return 0 if len(self._ready) >= enough else max(enough, _READ_AHEAD)

    def _seconds_to_next_round(self) -> float:
        if not self._read_limit():
            return LONGEST_INTERVAL  # the end of a request wakes the loop before that
        next_due = min(self._schedule.next_due_time(), loop_time() + LONGEST_INTERVAL)
        return max(next_due, self._breaker.paused_until) - loop_time()

    # --- due, read, requested, finished, recorded ---------------------------------------------------------------------

    async def _read_targets(self, due: list[int]) -> None:
        """Read due jobs from the store, and make those ready for which it is not too early."""
        if not due:
            return
        self._being_read = set(due)
        try:
            targets = await self._store.jobs.poll_targets(due)
            if len(targets) < len(due):
                others = set(due).difference(target.known.id for target in targets)
                targets += await self._store.jobs.targets_without_subscription([*others])
            too_early = [await self._seconds_too_early(target) for target in targets]
        except Exception as error:
            if not isinstance(error, StoreUnavailable):  # already logged and alerted by the database
                log.exception(
                    "The due jobs could not be read from the store; trying again in %.0f s", self._poll_seconds
                )
            for job_id in due:
                self._poll_in(job_id, self._poll_seconds)
            return
        for job_id in set(due) - {target.known.id for target in targets}:
            self._drop_or_keep(job_id)
        for target, seconds in zip(targets, too_early, strict=True):
            job_id = target.known.id
            # `called` is read only here, because a call may have come while the store was read.
            if seconds > self._together and not self._records.of(job_id).called:
                self._poll_in(job_id, seconds)
            else:
                self._ready.append(target)

    async def _seconds_too_early(self, target: PollTarget) -> float:
        return await self._first_poll.seconds_left(target) if is_fresh(target.known.job) else 0.0

    def _drop_or_keep(self, job_id: int) -> None:
        """A due job that the store did not return is over or no longer wanted, unless it was added meanwhile."""
        if job_id in self._being_read:
            self._end_polls(job_id)
        else:
            self._poll_in(job_id, self._poll_seconds)

    def _start_polls(self) -> None:
        while self._ready and self._breaker.paused:
            self._poll_in(self._ready.pop().known.id, 0.0)  # to be read again: it may be old when the pause is over
        while self._ready and self._free_slots() > 0:
            self._last_request += 1
            for _ in range(min(self._batch, len(self._ready))):  # the provider makes one request of them
                self._start_poll(self._ready.popleft(), self._last_request)

    def _start_poll(self, target: PollTarget, request: int) -> None:
        job_id = target.known.id
        if self._records.of(job_id).called:
            self._records.update(job_id, called=False)
        task = self._provider.poll(target.known.job.jobid, target.known.job)
        self._in_flight[task] = target, request
        self._requests[request] += 1
        task.add_done_callback(self._finish_poll)

    def _finish_poll(self, task: asyncio.Task[Job]) -> None:
        target, request = self._in_flight.pop(task, (None, 0))
        if target is None:
            return  # `run` has ended
        self._requests[request] -= 1
        if not self._requests[request]:
            del self._requests[request]
        try:
            self._apply(target.known.id, self._decide(_outcome(task), target))
        except Exception:
            with logs.about(key=target.known.key, destination=target.destination):
                log.exception("A poll failed in an unexpected way")
            self._poll_in(target.known.id, LONGEST_INTERVAL)
        if self._records.of(target.known.id).poll_again:
            self._records.update(target.known.id, poll_again=False)
            self.poll_soon(target.known.id)
        self._start_polls()
        if self._unrecorded or self._read_limit():
            self._wakeup.set()

    def _decide(self, outcome: Job | ProviderError, target: PollTarget) -> Decision:
        job_id = target.known.id
        poll = self._finished(target)
        if isinstance(outcome, ProviderError) and outcome.rule is not Rule.OVER:
            return decisions.of_trouble(poll, outcome, its_own=self._breaker.failed(outcome, target.known))
        if isinstance(outcome, Job):
            self._breaker.answered(job_id)
            return decisions.of_answer(poll, outcome)
        was_seen = decisions.was_seen(poll)
        if self._breaker.missed(target.known, may_return=was_seen and poll.keeps_jobs):
            return decisions.of_trouble(poll, outcome, its_own=False)
        decision = decisions.of_miss(poll, outcome)
        if decision.record.misses == MISSES and was_seen:
            with logs.about(key=target.known.key, destination=target.destination):
                log.warning(
                    "%s no longer finds this job; it is polled every five minutes for %s",
                    self._provider.title,
                    "a day" if poll.keeps_jobs else "an hour",
                )
        return decision

    def _finished(self, target: PollTarget) -> FinishedPoll:
        record = self._records.of(target.known.id)
        called = False
        if record.woken_at != NEVER:
            called = loop_time() - record.woken_at < CALLED_LATELY
            if not called:
                record = msgspec.structs.replace(record, woken_at=NEVER)  # too long ago to matter
        return FinishedPoll(
            target=target,
            record=record,
            called=called,
            now=self._now(),
            poll_seconds=self._poll_seconds,
            jitter=self._jittered(1.0),
            keeps_jobs=self._provider.capabilities.keeps_jobs,
        )

    def _apply(self, job_id: int, decision: Decision) -> None:
        if decision.news is not None:
            self._unrecorded.append((job_id, decision.news))
        if decision.delay is None:
            self._end_polls(job_id)
        else:
            self._records.put(job_id, decision.record)
            self._poll_in(job_id, decision.delay)

    async def _record_news(self) -> None:
        """Write the news of all polls that have ended since the last round, in one transaction.

        A crash before its commit leaves the state of before the polls, which are then made again; after it, the
        deliveries are in the outbox. There is nothing in between.
        """
        if not self._unrecorded:
            return
        news, self._unrecorded = self._unrecorded, []
        try:
            await self._store.jobs.record(news)
        except Exception as error:
            if not isinstance(error, StoreUnavailable):  # already logged and alerted by the database
                log.exception("The results of %d polls could not be recorded; polling again", len(news))
            for job_id, _ in news:
                self._poll_in(job_id, self._poll_seconds)
            return
        self._on_recorded()
        if any(job.over for _, job in news):
            self._on_job_over()

    # --- one job ------------------------------------------------------------------------------------------------------

    def _poll_in(self, job_id: int, delay: float) -> None:
        self._schedule.reschedule(job_id, loop_time() + delay)

    def _end_polls(self, job_id: int) -> None:
        self._forget(job_id)
        if not self._schedule:
            self._breaker.no_jobs_left()

    def _forget(self, job_id: int) -> None:
        """Poll a job no more. Nothing is remembered of it, so its counts begin at zero when it is added again."""
        self._schedule.forget(job_id)
        self._records.forget(job_id)
        self._breaker.forget(job_id)

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(*JITTER)


def _outcome(task: asyncio.Task[Job]) -> Job | ProviderError:
    """The job or the error of a request that is done; raises whatever is no `ProviderError`."""
    if task.cancelled():
        raise RuntimeError("the request was cancelled")
    error = task.exception()
    return error if isinstance(error, ProviderError) else task.result()
