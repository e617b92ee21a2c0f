"""The poller on a real store, with a stub of useapi, in virtual time."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from bot.errors import (
    AccountBlocked,
    Busy,
    InvalidResponse,
    JobExpired,
    JobsMissing,
    JobUnknown,
    Overloaded,
    ProviderError,
    ProviderServerError,
    SubscriptionEnded,
    TokenRefused,
)
from bot.models import Attachment, Destination, Job, KnownJob, Person, ProviderName, Status
from bot.polling import Poller
from bot.providers.base import Account, Capabilities, Provider
from bot.providers.useapi import created_in
from bot.store import Store, open_store
from tests.clock import VirtualTime
from tests.conftest import only_long
from tests.database import migrated
from tests.fakes.alerts import AlertLog

event_loop_factory = VirtualTime

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
HERE = Destination(guild_id=100, channel_id=200)
THERE = Destination(guild_id=100, channel_id=201)
MIRA = Person(id=1, name="Mira")
BO = Person(id=2, name="Bo")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

Answer = Job | Exception


def now() -> float:
    return asyncio.get_running_loop().time()


def wall() -> datetime:
    return START + timedelta(seconds=now())


def running(jobid: str, percent: int | None = None) -> Job:
    status = Status.STARTED if percent is None else Status.PROGRESS
    return Job(jobid=jobid, verb="imagine", status=status, prompt="castle in the fog", percent=percent)


def done(jobid: str) -> Job:
    return msgspec.structs.replace(
        running(jobid), status=Status.COMPLETED, attachments=(Attachment(url="https://cdn.discordapp.com/a.png"),)
    )


def named(jobid: str) -> Job:
    """A job of which useapi said no more than its id."""
    return Job(jobid=jobid, verb="button", button="V1")


class StubUseapi:
    """useapi as the poller uses it: `answers` by job id, each given `takes` seconds after the request.

    An id without an answer of its own gets that of `default`, and a job that runs where there is none either.
    """

    name = ProviderName.USEAPI
    title = "useapi.net"
    capabilities = Capabilities(children=True, running=True, echoes_reference=True, picks_once=True, accounts=True)
    created_in = staticmethod(created_in)

    def __init__(self) -> None:
        self.takes = 0.1
        self.answers: dict[str, Answer] = {}
        self.default: Callable[[str], Answer] = running
        self.blocked: bool | ProviderError = False
        self.account_requests: list[float] = []
        self.polls: list[tuple[float, str]] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def job(self, jobid: str) -> Job:
        self.polls.append((now(), jobid))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.in_flight -= 1
        answer = self.answers[jobid] if jobid in self.answers else self.default(jobid)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def poll(self, jobid: str, _known: Job) -> asyncio.Task[Job]:
        return asyncio.create_task(self.job(jobid))

    async def accounts(self) -> tuple[Account, ...]:
        self.account_requests.append(now())
        await asyncio.sleep(self.takes)
        if isinstance(self.blocked, ProviderError):
            raise self.blocked
        return (
            Account(channel="1", max_jobs=3, needs_person=False),
            Account(channel="2", max_jobs=3, needs_person=self.blocked),
        )

    def times(self, jobid: str | None = None, since: float = 0.0) -> list[float]:
        """When this job (or any) was polled."""
        return [at for at, polled in self.polls if at >= since and jobid in {None, polled}]


class PollerHarness:
    """A poller at work; `on_recorded` notes in `recorded` when it has recorded something."""

    store: Store
    poller: Poller

    def __init__(self, folder: Path) -> None:
        self.useapi = StubUseapi()
        self.recorded: list[float] = []
        self.on_recorded: Callable[[], None] = lambda: self.recorded.append(now())
        self.alerts = AlertLog()
        self._folder = folder
        self._life = contextlib.AsyncExitStack()

    async def prepare(self, concurrency: int = 8) -> None:
        self.store = await self._life.enter_async_context(open_store(migrated(self._folder), wall))
        self.poller = Poller(
            provider=cast(Provider, self.useapi),  # all that the poller calls
            store=self.store,
            poll_seconds=15,
            concurrency=concurrency,
            now=wall,
            on_recorded=lambda: self.on_recorded(),
            alerts=self.alerts,
            rng=random.Random(7),
        )

    async def begin(self) -> None:
        await self.prepare()
        loop = asyncio.create_task(self.poller.run())
        self._life.push_async_callback(ended, loop)
        await asyncio.sleep(0.001)  # it has read the running jobs

    async def end(self) -> None:
        await self._life.aclose()

    async def subscribe(
        self,
        jobid: str,
        destination: Destination = HERE,
        person: Person = MIRA,
        known: Callable[[str], Job] = running,
    ) -> KnownJob:
        subscribed = await self.store.subscriptions.add(known(jobid), destination, person)
        self.poller.add(subscribed.known)
        return subscribed.known

    async def stop(self, known: KnownJob, person: Person = MIRA) -> None:
        status_card = (
            await self.store.deliveries.post_of(known.id, HERE.channel_id) or (await self.store.outbox.due())[0]
        )
        await self.store.subscriptions.stop(status_card, person.id)

    async def job(self, known: KnownJob) -> Job:
        return (await self.store.jobs.get(known.id)).job


async def ended(loop: asyncio.Task[None]) -> None:
    loop.cancel()
    await asyncio.wait({loop})
    assert loop.cancelled(), "it ends by cancellation only"


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[PollerHarness]:
    """A poller that was not started."""
    harness = PollerHarness(tmp_path)
    yield harness
    await harness.end()


@pytest.fixture
async def harness(idle: PollerHarness) -> PollerHarness:
    await idle.begin()
    return idle


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.message
        for record in caplog.records
        if record.name in {"bot.polling.poller", "bot.polling.circuit_breaker"}
    ]


# --- when it polls --------------------------------------------------------------------------------------------------


async def test_the_interval_is_a_twentieth_of_the_time_that_a_member_has_waited(harness: PollerHarness) -> None:
    await harness.subscribe("a")
    await asyncio.sleep(3 * HOUR)
    times = harness.useapi.times("a")
    for at, gap in zip(times, gaps(times), strict=False):
        due = min(max(at / 20, 15), 300)
        assert due * 0.89 <= gap - harness.useapi.takes <= due * 1.001, (at, gap)
    assert 13.4 <= times[0] <= 15.1
    assert 90 < len(times) < 130
    assert len({round(gap, 6) for gap in gaps(times)}) > 80, "the pauses are jittered"


async def test_a_job_with_a_new_subscription_is_polled_as_often_as_a_fresh_job(harness: PollerHarness) -> None:
    await harness.subscribe("a", person=MIRA)
    await asyncio.sleep(2 * HOUR)
    subscribed_at = now()
    await harness.subscribe("a", person=BO)
    await asyncio.sleep(2 * MINUTE)
    times = harness.useapi.times("a", since=subscribed_at)
    assert times[0] - subscribed_at <= 16.5, "the first poll comes within one interval"
    assert all(gap < 20 for gap in gaps(times))


async def test_subscribing_again_and_again_brings_no_more_polls(harness: PollerHarness) -> None:
    while now() < 5 * MINUTE:
        await harness.subscribe("a")
        await asyncio.sleep(1)
    assert min(gaps(harness.useapi.times("a"))) > 13.5


async def test_one_job_is_one_request_for_all_its_subscriptions(harness: PollerHarness) -> None:
    for destination in (HERE, THERE):
        for person in (MIRA, BO):
            await harness.subscribe("a", destination, person)
    await asyncio.sleep(5 * MINUTE)
    assert len(harness.useapi.polls) <= 5 * MINUTE / 13.5
    assert min(gaps(harness.useapi.times())) > 13.5


async def test_a_new_subscription_is_polled_soon_although_the_loop_sleeps_for_longer(harness: PollerHarness) -> None:
    await asyncio.sleep(100)  # nothing is subscribed: it sleeps for minutes
    await harness.subscribe("a")
    await asyncio.sleep(20)
    (first,) = harness.useapi.times("a")
    assert 113 <= first <= 117


async def test_no_more_requests_are_in_flight_than_allowed(harness: PollerHarness) -> None:
    harness.useapi.takes = 4
    for number in range(40):
        await harness.subscribe(f"job {number}")
    await asyncio.sleep(60)
    assert harness.useapi.most_in_flight == 8
    assert {jobid for _, jobid in harness.useapi.polls} == {f"job {number}" for number in range(40)}


@only_long
async def test_after_a_restart_the_first_polls_are_spread_over_one_interval(harness: PollerHarness) -> None:
    for number in range(200):
        await harness.subscribe(f"job {number}")
    await harness.end()
    harness.useapi.polls.clear()
    began = now()
    await harness.begin()
    await asyncio.sleep(15.2)
    first = {jobid: at - began for at, jobid in reversed(harness.useapi.polls)}
    assert len(first) == 200
    per_second = [sum(second <= at < second + 1 for at in first.values()) for second in range(15)]
    assert min(per_second) >= 3
    assert max(per_second) <= 30


async def test_a_loop_that_failed_polls_all_jobs_when_it_is_started_again(idle: PollerHarness) -> None:
    await idle.prepare()
    a, b = await idle.subscribe("a"), await idle.subscribe("b")
    idle.useapi.default = done
    idle.useapi.takes = 10  # b is in flight when the answer about a breaks the loop
    idle.on_recorded = lambda: idle.recorded.extend(1 // 0 for _ in "a bug")
    with pytest.raises(ZeroDivisionError):
        await idle.poller.run()
    over = [(await idle.job(known)).over for known in (a, b)]
    assert sorted(over) == [False, True]
    idle.on_recorded = lambda: None
    loop = asyncio.create_task(idle.poller.run())
    await asyncio.sleep(30)
    await ended(loop)
    assert await idle.store.jobs.to_poll(ProviderName.USEAPI) == []


async def test_a_job_without_subscriptions_is_polled_no_more(harness: PollerHarness) -> None:
    known = await harness.subscribe("a", person=MIRA)
    await harness.subscribe("a", person=BO)
    await harness.stop(known, MIRA)
    await asyncio.sleep(MINUTE)
    assert harness.useapi.times("a", since=40), "Bo is still subscribed"
    await harness.stop(known, BO)
    stopped = now()
    await asyncio.sleep(HOUR)
    assert harness.useapi.times("a", since=stopped) == []
    await harness.subscribe("a", person=BO)
    subscribed_at = now()
    await asyncio.sleep(20)
    assert len(harness.useapi.times("a", since=subscribed_at)) == 1


async def history(harness: PollerHarness, *seconds: float, **fields: Any) -> None:
    """Twenty jobs with these fields that were subscribed here, and took these times in turn."""
    for number in range(20):
        began = wall()
        first = msgspec.structs.replace(running(f"old {number}"), created=began, **fields)
        subscribed = await harness.store.subscriptions.add(first, THERE, BO)
        ended_at = began + timedelta(seconds=seconds[number % len(seconds)])
        done_then = msgspec.structs.replace(done(f"old {number}"), created=began, updated=ended_at, **fields)
        await harness.store.jobs.record([(subscribed.known.id, done_then)])


async def fresh_job(harness: PollerHarness, **fields: Any) -> KnownJob:
    """A job that was created this moment, unless `fields` say otherwise, with a subscription."""
    job = msgspec.structs.replace(running("a"), **({"created": wall()} | fields))
    known = (await harness.store.subscriptions.add(job, HERE, MIRA)).known
    harness.poller.add(known)
    return known


async def test_a_fresh_job_is_first_polled_1_7_intervals_after_its_creation(
    harness: PollerHarness,
) -> None:
    await fresh_job(harness)
    await asyncio.sleep(45)
    first, second, *_ = harness.useapi.times("a")
    assert first == pytest.approx(25.5, abs=0.1)
    assert 13.4 < second - first <= 15.2
    began = now()
    await fresh_job(harness, jobid="b", created=wall() - timedelta(seconds=9))
    await asyncio.sleep(20)
    assert [at - began for at in harness.useapi.times("b")] == [pytest.approx(16.5, abs=0.1)]


@pytest.mark.parametrize("quick", [{"verb": "button", "button": "U2"}, {"mode": "turbo"}])
async def test_a_kind_whose_quickest_are_over_sooner_is_polled_after_one_interval(
    harness: PollerHarness, quick: Any
) -> None:
    await history(harness, 9, 20, **quick)
    began = now()
    await fresh_job(harness, **quick)
    await asyncio.sleep(20)
    assert 13.4 < harness.useapi.times("a")[0] - began < 15.1


async def test_u1s_job_is_polled_after_one_interval_before_anything_is_learned(harness: PollerHarness) -> None:
    await fresh_job(harness, verb="button", button="U1")
    await asyncio.sleep(20)
    assert 13.4 < harness.useapi.times("a")[0] < 15.1


async def test_a_provider_with_batches_is_asked_once_about_jobs_that_are_hardly_too_early(idle: PollerHarness) -> None:
    idle.useapi.capabilities = Capabilities(batch=200)
    await idle.begin()
    for number in range(20):
        await fresh_job(idle, jobid=str(number))
        await asyncio.sleep(0.14)
    await asyncio.sleep(30)
    first = {jobid: at for at, jobid in reversed(idle.useapi.polls)}
    assert len(first) == 20
    assert len(set(first.values())) == 1, "the youngest is polled 2.7 s too early"


async def test_the_first_poll_waits_until_the_quickest_of_its_kind_are_over(harness: PollerHarness) -> None:
    await history(harness, 40, 50)
    began = now()
    await fresh_job(harness)
    await asyncio.sleep(90)
    first, second, *_ = harness.useapi.times("a")
    assert first - began == pytest.approx(40, abs=0.5)
    assert 13 < second - first < 17


async def test_kinds_whose_durations_differ_much_do_not_wait_for_their_quickest(harness: PollerHarness) -> None:
    await history(harness, 40, 400)
    began = now()
    await fresh_job(harness)
    await asyncio.sleep(30)
    assert harness.useapi.times("a")[0] - began == pytest.approx(25.5, abs=0.1)


async def test_a_slow_kind_is_polled_after_a_minute_so_that_a_moderated_job_is_seen_then(
    harness: PollerHarness,
) -> None:
    await history(harness, 250, 270)
    began = now()
    known = await fresh_job(harness)
    harness.useapi.answers["a"] = msgspec.structs.replace(running("a"), status=Status.MODERATED)
    await asyncio.sleep(62)
    assert harness.useapi.times("a") == [pytest.approx(began + 60, abs=0.5)]
    assert (await harness.job(known)).status == "moderated"


@pytest.mark.parametrize("job", [{"percent": 47, "status": Status.PROGRESS}, {"created": START - timedelta(hours=1)}])
async def test_a_job_that_shows_progress_or_is_slow_already_is_polled_as_usual(
    harness: PollerHarness, job: Any
) -> None:
    await history(harness, 40, 50)
    began = now()
    await fresh_job(harness, **job)
    await asyncio.sleep(20)
    assert 13 < harness.useapi.times("a")[0] - began < 17


async def test_a_subscription_that_is_added_while_the_store_is_read_is_not_forgotten(idle: PollerHarness) -> None:
    await idle.prepare()
    known = await idle.subscribe("a")
    await fresh_job(idle, jobid="b")  # its typical duration is read after the due jobs
    await idle.stop(known)
    await asyncio.sleep(17)
    await asyncio.gather(idle.poller.poll_once(), idle.subscribe("a", person=BO))
    await asyncio.sleep(17)
    await idle.poller.poll_once()
    assert idle.useapi.times("a"), "Bo was told that it is being watched"


async def test_a_call_brings_a_poll_however_long_such_jobs_take(harness: PollerHarness) -> None:
    await history(harness, 40, 50)
    began = now()
    known = await fresh_job(harness)
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(1)
    assert harness.useapi.times("a")[0] - began == pytest.approx(5, abs=0.1)


async def test_a_call_about_a_job_whose_poll_is_overdue_brings_a_poll_too(harness: PollerHarness) -> None:
    await history(harness, 40, 50)
    await harness.subscribe("other")
    harness.useapi.answers["other"] = Busy(retry_after=14)
    await asyncio.sleep(5)
    began = now()
    known = await fresh_job(harness)
    await asyncio.sleep(18)
    harness.poller.poll_soon(known.id)  # its poll was due, but useapi wants a pause
    await asyncio.sleep(15)
    assert harness.useapi.times("a"), "when the pause is over"
    assert now() - began < 40


# --- after a webhook call -------------------------------------------------------------------------------------------


async def test_a_call_brings_the_poll_forward_and_the_intervals_go_on_from_there(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(40)
    first, *others = harness.useapi.times("a")
    assert first == pytest.approx(5, abs=0.1)
    assert all(13 < gap < 17 for gap in gaps([first, *others]))


async def test_a_hundred_calls_a_second_bring_one_poll_in_two_seconds(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    while now() < 10:
        harness.poller.poll_soon(known.id)
        await asyncio.sleep(0.01)
    times = harness.useapi.times("a")
    assert len(times) <= 6
    assert min(gaps(times)) > 1.9


async def test_a_call_while_a_request_is_in_flight_brings_a_poll_after_it(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.takes = 3
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(1)
    harness.poller.poll_soon(known.id)  # this request may have been answered before the news
    await asyncio.sleep(2.5)
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(10)
    assert harness.useapi.times("a") == pytest.approx([5, 8], abs=0.1)


async def test_a_job_that_is_not_found_right_after_a_call_is_polled_again_in_a_few_seconds(
    harness: PollerHarness,
) -> None:
    known = await harness.subscribe("a")
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(3)
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(20)
    assert harness.useapi.times("a") == pytest.approx([5, 10], abs=0.2)


async def test_a_call_about_a_job_that_is_not_found_brings_one_poll_more_before_the_job_is_over(
    harness: PollerHarness,
) -> None:
    known = await harness.subscribe("a", known=named)
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(25)
    assert not (await harness.job(known)).over
    await asyncio.sleep(15)
    assert (await harness.job(known)).status == "expired"
    assert harness.useapi.times("a") == pytest.approx([5, 10, 25, 40], abs=3)


async def test_nothing_is_remembered_of_a_call_that_was_acted_on(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(MINUTE)
    assert len(harness.poller._records) == 0, "an idle job costs no more memory than one that was never called about"


async def test_calls_about_jobs_without_subscriptions_bring_nothing(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.default = done
    await asyncio.sleep(MINUTE)
    before = len(harness.useapi.polls)
    for job_id in (known.id, 12345, -1):
        harness.poller.poll_soon(job_id)
    await asyncio.sleep(MINUTE)
    assert len(harness.useapi.polls) == before == 1


async def test_calls_do_not_break_the_pause_that_useapi_needs(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.default = lambda _: TokenRefused()
    await asyncio.sleep(20)
    assert len(harness.useapi.polls) == 1
    for _ in range(30):
        harness.poller.poll_soon(known.id)
        await asyncio.sleep(1)
    assert len(harness.useapi.polls) == 1, "one probe a minute"


# --- what it records ------------------------------------------------------------------------------------------------


async def test_a_job_is_recorded_only_when_the_answer_changed(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    await asyncio.sleep(2 * MINUTE)
    assert len(harness.useapi.polls) > 5
    assert harness.recorded == []
    assert (await harness.store.jobs.get(known.id)).changed_at == known.changed_at
    harness.useapi.answers["a"] = running("a", 35)
    await asyncio.sleep(2 * MINUTE)
    assert len(harness.recorded) == 1
    assert (await harness.job(known)).percent == 35


async def test_a_job_that_is_over_makes_one_delivery_for_each_destination_and_is_polled_no_more(
    harness: PollerHarness,
) -> None:
    known = await harness.subscribe("a", HERE, MIRA)
    await harness.subscribe("a", HERE, BO)
    await harness.subscribe("a", THERE, BO)
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.polls) == 1
    results = await harness.store.outbox.due()
    assert [(each.kind, each.job_id, each.destination) for each in results] == [
        ("result", known.id, HERE),
        ("result", known.id, THERE),
    ]


async def test_a_moderated_job_is_over(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.answers["a"] = Job(jobid="a", status=Status.MODERATED, error="Banned prompt detected")
    await asyncio.sleep(HOUR)
    job = await harness.job(known)
    assert (job.status, job.error, job.prompt) == ("moderated", "Banned prompt detected", "castle in the fog")
    assert len(harness.useapi.polls) == 1


async def test_answers_that_come_together_are_recorded_together_or_not_at_all(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    known = [await harness.subscribe(jobid) for jobid in "abcde"]
    harness.useapi.takes = 5  # all five are in flight before the first answer
    harness.useapi.default = done
    broken = msgspec.structs.replace(done("c"), prompt="\ud800")  # a lone surrogate, which SQLite does not take
    harness.useapi.answers["c"] = broken
    gate = asyncio.Event()

    async def together(jobid: str) -> Job:
        harness.useapi.polls.append((now(), jobid))
        await gate.wait()
        answer = harness.useapi.answers.get(jobid, done(jobid))
        assert isinstance(answer, Job)
        return answer

    harness.useapi.job = together  # type: ignore[method-assign]  # all answers come at once
    await asyncio.sleep(18)
    assert len(harness.useapi.polls) == 5
    gate.set()
    await asyncio.sleep(1)
    assert harness.recorded == []
    assert {(await harness.job(each)).status for each in known} == {"started"}
    assert "The results of 5 polls could not be recorded; polling again" in logged(caplog)

    harness.useapi.answers["c"] = done("c")
    gate.clear()
    await asyncio.sleep(18)
    gate.set()
    await asyncio.sleep(1)
    assert len(harness.recorded) == 1
    assert {(await harness.job(each)).status for each in known} == {"completed"}
    assert len(harness.useapi.polls) == 10


async def test_a_job_that_could_not_be_recorded_is_not_polled_twice_as_often(harness: PollerHarness) -> None:
    await harness.subscribe("a")
    harness.useapi.answers["a"] = msgspec.structs.replace(running("a", 10), prompt="\ud800")
    await asyncio.sleep(MINUTE)
    harness.useapi.answers["a"] = running("a", 20)
    healed = now()
    await asyncio.sleep(3 * MINUTE)
    assert min(gaps(harness.useapi.times("a", since=healed))) > 13.5


# --- the provider has trouble ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [TokenRefused, SubscriptionEnded])
async def test_an_account_that_is_refused_is_probed_once_a_minute_and_the_subscriptions_stay(
    harness: PollerHarness, refusal: type[TokenRefused], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for number in range(5):
        await harness.subscribe(f"job {number}")
    harness.useapi.default = lambda _: refusal()
    await asyncio.sleep(MINUTE)
    harness.useapi.most_in_flight, refused = 0, now()
    await asyncio.sleep(2 * HOUR)
    probes = harness.useapi.times(since=refused)
    assert 110 <= len(probes) <= 120
    assert min(gaps(probes)) >= 60
    assert harness.useapi.most_in_flight == 1
    assert len(await harness.store.jobs.to_poll(ProviderName.USEAPI)) == 5
    assert {topic for topic, _ in harness.alerts} == {"provider"}
    assert refusal().for_admin in harness.alerts[0][1]

    harness.useapi.default = running
    await asyncio.sleep(7 * MINUTE)
    assert {jobid for at, jobid in harness.useapi.polls if at > refused + 2 * HOUR} == {f"job {n}" for n in range(5)}
    assert harness.alerts[-1] == ("provider", ""), "the alert is closed"
    assert logged(caplog) == [f"useapi.net has trouble, jobs wait: {refusal()}", "useapi.net answers again"]


async def test_a_slow_probe_stays_the_only_one_even_when_jobs_are_added_meanwhile(harness: PollerHarness) -> None:
    await harness.subscribe("a")
    await harness.subscribe("b")
    harness.useapi.default = lambda _: ProviderServerError()
    await asyncio.sleep(MINUTE)
    harness.useapi.takes, harness.useapi.most_in_flight = 20, 0
    for number in range(40):
        await harness.subscribe(f"job {number}")
        await asyncio.sleep(5)
    assert harness.useapi.most_in_flight == 1


async def test_trouble_of_the_service_makes_growing_pauses_and_is_over_at_once(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for number in range(50):
        await harness.subscribe(f"job {number}")
    harness.useapi.default = lambda _: ProviderServerError()
    await asyncio.sleep(HOUR)
    pauses = gaps([at for at in harness.useapi.times() if at > 20])
    assert all(pause < 301 for pause in pauses)
    assert [pause for pause in pauses[:3] if pause < 65] == pauses[:3]
    assert min(pauses[8:]) > 100
    assert len(harness.useapi.polls) < 50, "fewer requests in an hour than subscribed jobs"

    harness.useapi.default = running
    await asyncio.sleep(5 * MINUTE)
    back = harness.useapi.times(since=HOUR)[0]
    await asyncio.sleep(15)
    assert {jobid for at, jobid in harness.useapi.polls if at >= back} == {f"job {number}" for number in range(50)}
    assert harness.useapi.times(since=back)[-1] - back < 5 * MINUTE + 15
    assert len(logged(caplog)) == 2, "one line when it begins, one when it ends"


async def test_an_outage_is_forgotten_when_it_is_over(harness: PollerHarness) -> None:
    await harness.subscribe("a")
    await harness.subscribe("b")
    harness.useapi.default = lambda _: ProviderServerError()
    await asyncio.sleep(20 * MINUTE)
    assert harness.poller.outage == ProviderServerError.sentence(ProviderName.USEAPI)
    harness.useapi.default = running
    await asyncio.sleep(10 * MINUTE)
    assert harness.poller.outage == ""
    harness.useapi.default = lambda _: ProviderServerError()
    await asyncio.sleep(2 * MINUTE)
    assert min(gaps(harness.useapi.times(since=30 * MINUTE))) < 10, "the pauses are short again at first"


async def test_many_requests_that_fail_side_by_side_count_as_one_failure(harness: PollerHarness) -> None:
    for number in range(8):
        await harness.subscribe(f"job {number}")
    harness.useapi.takes = 5  # so that all are in flight at once
    harness.useapi.default = lambda _: ProviderServerError()
    await asyncio.sleep(22)
    assert len(harness.useapi.polls) == 8
    assert harness.useapi.in_flight == 0
    harness.useapi.default = running
    failed = now()
    await asyncio.sleep(30)
    assert len(harness.useapi.times(since=failed)) >= 8, "a blip does not silence the bot for minutes"


async def test_a_pause_that_useapi_asks_for_is_kept(harness: PollerHarness) -> None:
    for jobid in "abc":
        await harness.subscribe(jobid)
    harness.useapi.takes = 4  # all three are in flight when the first is answered
    busy = iter([Busy(retry_after=120), Busy(), Busy()])
    harness.useapi.default = lambda jobid: next(busy, running(jobid))
    await asyncio.sleep(5 * MINUTE)
    first, _, _, after, *_ = harness.useapi.times()
    assert after - (first + harness.useapi.takes) == pytest.approx(120)


async def test_a_pause_that_useapi_asks_for_is_kept_although_a_request_in_flight_succeeds(
    harness: PollerHarness,
) -> None:
    for jobid in "ab":
        await harness.subscribe(jobid)
    harness.useapi.takes = 4  # both are in flight when the first is answered
    busy = iter([Busy(retry_after=120)])
    harness.useapi.default = lambda jobid: next(busy, running(jobid))
    await asyncio.sleep(5 * MINUTE)
    first, second, after, *_ = harness.useapi.times()
    assert second < first + harness.useapi.takes
    assert after - (first + harness.useapi.takes) == pytest.approx(120)


async def test_a_job_that_loses_its_subscription_during_a_pause_is_not_polled_after_it(idle: PollerHarness) -> None:
    await idle.prepare(concurrency=1)
    known = {"a": await idle.subscribe("a", HERE), "b": await idle.subscribe("b", THERE)}
    status_cards = {status_card.job_id: status_card for status_card in await idle.store.outbox.due()}
    idle.useapi.takes = 4  # the other one is due, and waits for the slot
    idle.useapi.default = lambda _: Busy(retry_after=120)
    await asyncio.sleep(17)
    round_ = asyncio.create_task(idle.poller.poll_once())
    await asyncio.sleep(5)
    ((_, polled),) = idle.useapi.polls
    (waiting,) = known.keys() - {polled}
    await idle.store.subscriptions.stop(status_cards[known[waiting].id], MIRA.id)
    await asyncio.sleep(3 * MINUTE)
    await idle.poller.poll_once()
    assert {jobid for _, jobid in idle.useapi.polls} == {polled}
    await round_


async def test_a_request_in_flight_that_succeeds_does_not_end_an_outage(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for jobid in "ab":
        await harness.subscribe(jobid)
    harness.useapi.takes = 4
    well = iter([False, True])
    harness.useapi.default = lambda jobid: running(jobid) if next(well, False) else TokenRefused()
    await asyncio.sleep(10 * MINUTE)
    assert ("provider", "") not in harness.alerts
    assert min(gaps(harness.useapi.times(since=MINUTE))) >= 60
    harness.useapi.default = running
    await asyncio.sleep(2 * MINUTE)
    assert harness.alerts.count(("provider", "")) == 1
    assert len(logged(caplog)) == 2


# --- single jobs have trouble ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        InvalidResponse,
        pytest.param(Busy, marks=only_long),
        pytest.param(Overloaded, marks=only_long),
        pytest.param(AccountBlocked, marks=only_long),
    ],
)
async def test_one_odd_job_does_not_starve_the_others(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture, error: type[ProviderError]
) -> None:
    odd = await harness.subscribe("odd")
    for number in range(30):
        await harness.subscribe(f"job {number}")
    harness.useapi.answers["odd"] = error()
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    await asyncio.sleep(10 * MINUTE)
    assert len(logged(caplog)) == 2, "it is one outage, not one each time"
    assert harness.poller.outage == ""
    counts = [len(harness.useapi.times(f"job {number}")) for number in range(30)]
    assert min(counts) >= 20
    assert len(harness.useapi.times("odd")) >= 20
    for number in range(30):
        harness.useapi.answers[f"job {number}"] = done(f"job {number}")
    await asyncio.sleep(2 * MINUTE)
    assert await harness.store.jobs.to_poll(ProviderName.USEAPI) == [odd.id]


async def test_a_job_that_alone_is_asked_to_wait_waits_alone(harness: PollerHarness) -> None:
    for jobid in ("odd", "a", "b"):
        await harness.subscribe(jobid)
    harness.useapi.answers["odd"] = Busy(retry_after=120)
    await asyncio.sleep(20 * MINUTE)
    assert min(gaps(harness.useapi.times("odd"))) >= 120
    assert max(gaps(harness.useapi.times("a", since=4 * MINUTE))) < 100


@only_long
async def test_one_blocked_account_of_several_is_one_alert_opened_once_and_closed_once(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for number in range(40):
        await harness.subscribe(f"job {number}")
    blocked = [f"job {number}" for number in range(0, 40, 4)]
    harness.useapi.answers = {jobid: AccountBlocked() for jobid in blocked}
    await asyncio.sleep(3 * HOUR)
    ((topic, words),) = [alert for alert in harness.alerts if alert[1]]
    assert AccountBlocked().for_admin in words
    assert (topic, "") not in harness.alerts
    assert len(logged(caplog)) == 2
    assert len(harness.useapi.times("job 1")) > 80, "the others are polled at their own intervals"

    del harness.useapi.answers[blocked[0]]
    await asyncio.sleep(10 * MINUTE)
    assert (topic, "") not in harness.alerts, "others still meet it"
    harness.useapi.answers.clear()
    await asyncio.sleep(10 * MINUTE)
    assert harness.alerts.count((topic, "")) == 1
    harness.useapi.answers["job 8"] = AccountBlocked()
    await asyncio.sleep(HOUR)
    assert len([words for _, words in harness.alerts if words]) == 2, "it is blocked again"


async def test_the_only_account_blocked_is_probed_once_a_minute_and_is_one_alert(harness: PollerHarness) -> None:
    for jobid in "abc":
        await harness.subscribe(jobid)
    harness.useapi.default = lambda _: AccountBlocked()
    await asyncio.sleep(2 * DAY)
    assert min(gaps(harness.useapi.times(since=MINUTE))) >= 60
    assert len(await harness.store.jobs.to_poll(ProviderName.USEAPI)) == 3
    assert len(harness.alerts) == 1


@only_long
async def test_a_job_that_alone_has_trouble_for_a_day_is_over_and_its_account_still_blocked(
    harness: PollerHarness,
) -> None:
    odd = await harness.subscribe("odd")
    await harness.subscribe("a")
    harness.useapi.answers["odd"] = AccountBlocked()
    harness.useapi.blocked = True
    harness.useapi.default = lambda jobid: running(jobid, int(now() // HOUR))
    await asyncio.sleep(DAY - 10 * MINUTE)
    assert not (await harness.job(odd)).over
    await asyncio.sleep(2 * HOUR)
    assert (await harness.job(odd)).status == "silent"
    ((topic, _),) = [alert for alert in harness.alerts if alert[1]]
    assert (topic, "") not in harness.alerts, "no poll has shown that it works again"
    harness.useapi.answers["another"] = AccountBlocked()
    await harness.subscribe("another")
    await asyncio.sleep(MINUTE)
    first, second = [words for _, words in harness.alerts if words]
    assert first != second, "the alert is opened again"
    before = len(harness.useapi.account_requests)
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.account_requests) == before, "this job shows how its account is"


async def stopped_while_blocked(harness: PollerHarness) -> None:
    """The one job that meets a blocked account is stopped; another one goes on elsewhere."""
    odd = await harness.subscribe("odd")
    await harness.subscribe("a")
    harness.useapi.answers["odd"] = AccountBlocked()
    await asyncio.sleep(10 * MINUTE)
    await harness.stop(odd)
    await asyncio.sleep(10 * MINUTE)
    assert odd.id not in await harness.store.jobs.to_poll(ProviderName.USEAPI)


async def test_an_account_that_works_again_after_its_last_job_was_stopped_ends_the_alert(
    harness: PollerHarness,
) -> None:
    harness.useapi.blocked = True
    await stopped_while_blocked(harness)
    await asyncio.sleep(2 * HOUR)
    assert ("account", "") not in harness.alerts, "it is still blocked"
    assert min(gaps(harness.useapi.account_requests)) >= 300
    harness.useapi.blocked = False
    await asyncio.sleep(6 * MINUTE)
    assert harness.alerts.count(("account", "")) == 1
    before = len(harness.useapi.account_requests)
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.account_requests) == before


@pytest.mark.parametrize("error", [ProviderServerError, Busy, TokenRefused])
async def test_a_request_for_the_accounts_that_fails_is_repeated_for_an_hour(
    harness: PollerHarness, error: type[ProviderError]
) -> None:
    harness.useapi.blocked = error()
    await stopped_while_blocked(harness)
    await asyncio.sleep(30 * MINUTE)
    assert ("account", "") not in harness.alerts
    await asyncio.sleep(HOUR)
    assert harness.alerts.count(("account", "")) == 1, "else it would stay open for ever"
    assert len(harness.useapi.account_requests) == 12


async def test_an_account_is_blocked_also_where_the_request_for_the_accounts_is_refused_for_that(
    harness: PollerHarness,
) -> None:
    harness.useapi.blocked = AccountBlocked()
    await stopped_while_blocked(harness)
    await asyncio.sleep(DAY)
    assert ("account", "") not in harness.alerts
    harness.useapi.blocked = False
    await asyncio.sleep(6 * MINUTE)
    assert harness.alerts.count(("account", "")) == 1


@pytest.mark.parametrize(("error", "polls"), [(JobUnknown, 3), (JobExpired, 1)])
async def test_a_job_that_was_never_seen_is_over_after_three_polls_or_at_once_where_it_is_gone(
    harness: PollerHarness, error: type[ProviderError], polls: int
) -> None:
    known = await harness.subscribe("a", known=named)
    harness.useapi.answers["a"] = error()
    await asyncio.sleep(MINUTE)
    assert (await harness.job(known)).status == "expired"
    assert [each.kind for each in await harness.store.outbox.due()] == ["result"]
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.polls) == polls


@pytest.mark.parametrize("error", [JobUnknown, JobExpired])
async def test_a_job_that_was_seen_and_is_suddenly_unknown_is_polled_rarely_for_a_day(
    harness: PollerHarness, error: type[ProviderError], caplog: pytest.LogCaptureFixture
) -> None:
    known = await harness.subscribe("a")
    await harness.subscribe("b")
    harness.useapi.default = lambda jobid: running(jobid, int(now() // HOUR))
    await asyncio.sleep(HOUR)
    harness.useapi.answers["a"] = error()
    await asyncio.sleep(DAY - MINUTE)
    assert not (await harness.job(known)).over
    assert harness.poller.outage == ""
    assert min(gaps(harness.useapi.times("a", since=HOUR + 15 * MINUTE))) > 260
    assert [line for line in logged(caplog) if "no longer finds" in line] == [
        "useapi.net no longer finds this job; it is polled every five minutes for a day"
    ]
    await asyncio.sleep(30 * MINUTE)
    job = await harness.job(known)
    assert (job.status, job.prompt) == ("expired", "castle in the fog")
    assert "result" in [each.kind for each in await harness.store.outbox.due()]


async def test_a_job_that_is_found_again_within_the_day_is_posted(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(20 * HOUR)
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(6 * MINUTE)
    assert (await harness.job(known)).status == "completed"


@pytest.mark.parametrize("error", [JobUnknown, pytest.param(JobExpired, marks=only_long)])
async def test_many_jobs_that_are_unknown_at_once_are_an_outage_that_ends_none(
    harness: PollerHarness, error: type[ProviderError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    known = [await harness.subscribe(f"job {number}") for number in range(20)]
    never_seen = await harness.subscribe("named", known=named)
    await asyncio.sleep(MINUTE)
    harness.useapi.default = lambda _: error()
    await asyncio.sleep(3 * DAY)
    assert not any([(await harness.job(each)).over for each in (*known, never_seen)])
    assert harness.poller.outage == JobsMissing.sentence(ProviderName.USEAPI)
    assert len(harness.useapi.times(since=DAY)) < 2 * DAY / 100, "they are polled one at a time, with pauses"
    harness.useapi.default = done
    await asyncio.sleep(10 * MINUTE)
    assert {(await harness.job(each)).status for each in (*known, never_seen)} == {"completed"}
    assert logged(caplog) == [
        f"useapi.net has trouble, jobs wait: {JobsMissing(provider=ProviderName.USEAPI)}",
        "useapi.net answers again",
    ]


async def test_many_jobs_that_a_restart_of_their_server_has_lost_end_after_an_hour(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.useapi.capabilities = msgspec.structs.replace(harness.useapi.capabilities, keeps_jobs=False)
    known = [await harness.subscribe(f"job {number}") for number in range(5)]
    await asyncio.sleep(MINUTE)
    harness.useapi.default = lambda _: JobUnknown()
    await asyncio.sleep(50 * MINUTE)
    assert not any([(await harness.job(each)).over for each in known])
    assert harness.poller.outage == ""
    await asyncio.sleep(30 * MINUTE)
    assert {(await harness.job(each)).status for each in known} == {"expired"}
    lines = [line for line in logged(caplog) if "no longer finds" in line]
    assert lines == ["useapi.net no longer finds this job; it is polled every five minutes for an hour"] * len(known)


@only_long
async def test_jobs_that_are_really_gone_end_after_a_day_while_others_are_found(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    gone = [await harness.subscribe(f"gone {number}") for number in range(10)]
    alive = await harness.subscribe("alive")
    harness.useapi.default = lambda jobid: running(jobid, int(now() // HOUR)) if jobid == "alive" else JobUnknown()
    await asyncio.sleep(DAY + 2 * HOUR)
    assert {(await harness.job(each)).status for each in gone} == {"expired"}
    assert not (await harness.job(alive)).over
    outage_lines = [line for line in logged(caplog) if "trouble" in line or "again" in line]
    assert len(outage_lines) <= 2, "it is one outage at most, not one each time"


async def test_a_job_that_is_completed_before_its_picture_is_there_is_recorded_with_it(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.answers["a"] = msgspec.structs.replace(done("a"), attachments=())
    await asyncio.sleep(40)
    assert not (await harness.job(known)).over
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(20)
    assert (await harness.job(known)).attachments
    never = await harness.subscribe("b")
    harness.useapi.answers["b"] = msgspec.structs.replace(done("b"), attachments=())
    await asyncio.sleep(2 * MINUTE)
    assert (await harness.job(never)).status == "completed"
    assert len(harness.useapi.times("b")) == 5


async def test_a_job_that_is_found_again_starts_to_count_from_zero(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(40)
    harness.useapi.answers["a"] = running("a")
    await asyncio.sleep(15)
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(25)
    assert len(harness.useapi.polls) == 5
    assert not (await harness.job(known)).over


async def test_a_job_that_is_subscribed_again_starts_to_count_from_zero(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(40)
    assert len(harness.useapi.polls) == 2
    await harness.stop(known)
    await asyncio.sleep(HOUR)
    await harness.subscribe("a")
    await asyncio.sleep(20)
    assert len(harness.useapi.polls) == 3
    assert not (await harness.job(known)).over


async def test_a_day_without_news_ends_the_subscription(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    await asyncio.sleep(HOUR)
    harness.useapi.answers["a"] = running("a", 35)
    await asyncio.sleep(DAY - 5 * MINUTE)
    assert (await harness.job(known)).status == "progress", "the last news is less than a day old"
    await asyncio.sleep(90 * MINUTE)  # an hour of polls on top: the wall clock may have been set forward
    job = await harness.job(known)
    assert (job.status, job.percent, job.prompt) == ("silent", 35, "castle in the fog")
    polls = len(harness.useapi.polls)
    await asyncio.sleep(DAY)
    assert len(harness.useapi.polls) == polls < 420
    assert [each.kind for each in await harness.store.outbox.due()] == ["result"]


async def test_news_at_the_last_moment_count(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    await asyncio.sleep(DAY - 1)
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(10 * MINUTE)
    assert (await harness.job(known)).status == "completed"


async def test_a_bug_in_one_poll_is_logged_and_the_job_is_polled_again(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    broken, fine = await harness.subscribe("a"), await harness.subscribe("b")
    harness.useapi.answers["a"] = ZeroDivisionError("a bug")
    await asyncio.sleep(20)
    assert "A poll failed in an unexpected way" in logged(caplog)
    assert any(record.exc_info for record in caplog.records)
    harness.useapi.answers["a"], harness.useapi.answers["b"] = done("a"), done("b")
    await asyncio.sleep(20)
    assert (await harness.job(fine)).over
    await asyncio.sleep(6 * MINUTE)
    assert (await harness.job(broken)).over


# --- one round ------------------------------------------------------------------------------------------------------


async def test_one_round_polls_all_that_is_due_and_returns_when_it_is_recorded(idle: PollerHarness) -> None:
    await idle.prepare(concurrency=2)
    known = [await idle.subscribe(jobid) for jobid in "abcde"]
    await idle.poller.poll_once()
    assert idle.useapi.polls == []
    await asyncio.sleep(17)
    idle.useapi.default = done
    await idle.poller.poll_once()
    assert sorted(jobid for _, jobid in idle.useapi.polls) == list("abcde")
    assert [(await idle.job(each)).over for each in known] == [True] * 5
    assert idle.useapi.most_in_flight == 2
