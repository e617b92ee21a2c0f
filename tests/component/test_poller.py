"""The watcher on a real store, with a useapi that plays a part, in virtual time."""

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
    JobModerated,
    JobUnknown,
    Overloaded,
    ProviderError,
    ProviderServerError,
    SubscriptionEnded,
    TokenRefused,
)
from bot.models import Destination, Job, KnownJob, Person, Status
from bot.polling.poller import Poller
from bot.providers.useapi import UseapiClient
from bot.providers.useapi.parsing import Account
from bot.store import Store, open_store
from tests.clock import VirtualTime
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
    return msgspec.structs.replace(running(jobid), status=Status.COMPLETED)


class StubUseapi:
    """useapi as a watcher meets it: `answers` by job id, each given `takes` seconds after it was asked for.

    An id without an answer of its own gets that of `everybody`, and a job that runs where there is none either.
    """

    def __init__(self) -> None:
        self.takes = 0.1
        self.answers: dict[str, Answer] = {}
        self.everybody: Callable[[str], Answer] = running
        self.blocked: bool | ProviderError = False
        self.asked_for_accounts: list[float] = []
        self.looks: list[tuple[float, str]] = []
        self.flying = 0
        self.most = 0

    async def job(self, jobid: str) -> Job:
        self.looks.append((now(), jobid))
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.flying -= 1
        answer = self.answers[jobid] if jobid in self.answers else self.everybody(jobid)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def poll(self, jobid: str, _known: Job) -> asyncio.Task[Job]:
        return asyncio.create_task(self.job(jobid))

    async def accounts(self) -> tuple[Account, ...]:
        self.asked_for_accounts.append(now())
        await asyncio.sleep(self.takes)
        if isinstance(self.blocked, ProviderError):
            raise self.blocked
        return (Account(channel="1", max_jobs=3, waits=False), Account(channel="2", max_jobs=3, waits=self.blocked))

    def times(self, jobid: str | None = None, since: float = 0.0) -> list[float]:
        """When it was asked for this job (or for any)."""
        return [at for at, asked in self.looks if at >= since and jobid in {None, asked}]


class PollerHarness:
    """A watcher at work; `changed` is called when it has written something, and notes the moment in `rounds`."""

    store: Store
    poller: Poller

    def __init__(self, folder: Path) -> None:
        self.useapi = StubUseapi()
        self.rounds: list[float] = []
        self.changed: Callable[[], None] = lambda: self.rounds.append(now())
        self.alerts = AlertLog()
        self._folder = folder
        self._life = contextlib.AsyncExitStack()

    async def prepare(self, concurrency: int = 8) -> None:
        self.store = await self._life.enter_async_context(open_store(self._folder, wall))
        self.poller = Poller(
            api=cast(UseapiClient, self.useapi),  # of which a watcher knows `job` alone
            store=self.store,
            poll_seconds=15,
            concurrency=concurrency,
            now=wall,
            on_recorded=lambda: self.changed(),
            alerts=self.alerts,
            rng=random.Random(7),
        )

    async def begin(self) -> None:
        await self.prepare()
        loop = asyncio.create_task(self.poller.run())
        self._life.push_async_callback(ended, loop)
        await asyncio.sleep(0.001)  # it has taken up what there was

    async def end(self) -> None:
        await self._life.aclose()

    async def ask(self, jobid: str, destination: Destination = HERE, person: Person = MIRA) -> KnownJob:
        subscribed = await self.store.ask(running(jobid), destination, person)
        self.poller.add(subscribed.known)
        return subscribed.known

    async def stop(self, known: KnownJob, person: Person = MIRA) -> None:
        card = await self.store.post_of(known.id, HERE.channel_id) or (await self.store.due_deliveries())[0]
        await self.store.stop(card, person.id)

    async def job(self, known: KnownJob) -> Job:
        return (await self.store.known(known.id)).job


async def ended(loop: asyncio.Task[None]) -> None:
    loop.cancel()
    await asyncio.wait({loop})
    assert loop.cancelled(), "it ends by cancellation only"


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[PollerHarness]:
    """A night that has not begun."""
    night = PollerHarness(tmp_path)
    yield night
    await night.end()


@pytest.fixture
async def night(fresh: PollerHarness) -> PollerHarness:
    await fresh.begin()
    return fresh


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.message
        for record in caplog.records
        if record.name in {"bot.polling.poller", "bot.polling.circuit_breaker"}
    ]


# --- when it looks --------------------------------------------------------------------------------------------------


async def test_the_longer_a_person_waits_the_longer_the_pauses_a_twentieth_of_it(night: PollerHarness) -> None:
    await night.ask("a")
    await asyncio.sleep(3 * HOUR)
    times = night.useapi.times("a")
    for at, gap in zip(times, gaps(times), strict=False):
        due = min(max(at / 20, 15), 300)
        assert due * 0.89 <= gap - night.useapi.takes <= due * 1.11, (at, gap)
    assert 13.5 <= times[0] <= 16.5
    assert 90 < len(times) < 130
    assert len({round(gap, 6) for gap in gaps(times)}) > 80, "the pauses are jittered"


async def test_a_job_with_a_fresh_watch_is_looked_at_as_often_as_a_fresh_job(night: PollerHarness) -> None:
    await night.ask("a", person=MIRA)
    await asyncio.sleep(2 * HOUR)
    asked = now()
    await night.ask("a", person=BO)
    await asyncio.sleep(2 * MINUTE)
    times = night.useapi.times("a", since=asked)
    assert times[0] - asked <= 16.5, "nobody waits longer for a first look than one interval"
    assert all(gap < 20 for gap in gaps(times))


async def test_asking_again_and_again_makes_no_more_looks(night: PollerHarness) -> None:
    while now() < 5 * MINUTE:
        await night.ask("a")
        await asyncio.sleep(1)
    assert min(gaps(night.useapi.times("a"))) > 13.5


async def test_one_job_is_one_request_whoever_waits_for_it(night: PollerHarness) -> None:
    for destination in (HERE, THERE):
        for person in (MIRA, BO):
            await night.ask("a", destination, person)
    await asyncio.sleep(5 * MINUTE)
    assert len(night.useapi.looks) <= 5 * MINUTE / 13.5
    assert min(gaps(night.useapi.times())) > 13.5


async def test_a_new_watch_is_looked_at_soon_although_the_loop_sleeps_for_longer(night: PollerHarness) -> None:
    await asyncio.sleep(100)  # nothing is watched: it sleeps for minutes
    await night.ask("a")
    await asyncio.sleep(20)
    (first,) = night.useapi.times("a")
    assert 113 <= first <= 117


async def test_only_so_many_looks_fly_at_a_time(night: PollerHarness) -> None:
    night.useapi.takes = 4
    for number in range(40):
        await night.ask(f"job {number}")
    await asyncio.sleep(60)
    assert night.useapi.most == 8
    assert {jobid for _, jobid in night.useapi.looks} == {f"job {number}" for number in range(40)}


async def test_after_a_restart_the_first_looks_are_spread_over_one_interval(night: PollerHarness) -> None:
    for number in range(200):
        await night.ask(f"job {number}")
    await night.end()
    night.useapi.looks.clear()
    began = now()
    await night.begin()
    await asyncio.sleep(15.2)
    first = {jobid: at - began for at, jobid in reversed(night.useapi.looks)}
    assert len(first) == 200
    per_second = [sum(second <= at < second + 1 for at in first.values()) for second in range(15)]
    assert min(per_second) >= 3
    assert max(per_second) <= 30


async def test_a_loop_that_broke_off_takes_up_all_jobs_again(fresh: PollerHarness) -> None:
    await fresh.prepare()
    a, b = await fresh.ask("a"), await fresh.ask("b")
    fresh.useapi.everybody = done
    fresh.useapi.takes = 10  # b is asked for when the answer about a breaks the loop
    fresh.changed = lambda: fresh.rounds.extend(1 // 0 for _ in "a bug")
    with pytest.raises(ZeroDivisionError):
        await fresh.poller.run()
    over = [(await fresh.job(known)).over for known in (a, b)]
    assert sorted(over) == [False, True]
    fresh.changed = lambda: None
    loop = asyncio.create_task(fresh.poller.run())
    await asyncio.sleep(30)
    await ended(loop)
    assert await fresh.store.running() == []


async def test_nobody_waits_any_more_so_it_looks_no_more(night: PollerHarness) -> None:
    known = await night.ask("a", person=MIRA)
    await night.ask("a", person=BO)
    await night.stop(known, MIRA)
    await asyncio.sleep(MINUTE)
    assert night.useapi.times("a", since=40), "Bo still waits"
    await night.stop(known, BO)
    stopped = now()
    await asyncio.sleep(HOUR)
    assert night.useapi.times("a", since=stopped) == []
    await night.ask("a", person=BO)
    asked = now()
    await asyncio.sleep(20)
    assert len(night.useapi.times("a", since=asked)) == 1


async def history(night: PollerHarness, *seconds: float) -> None:
    """Twenty jobs that were followed here, and took these times in turn."""
    for number in range(20):
        began = wall()
        first = msgspec.structs.replace(running(f"old {number}"), created=began)
        subscribed = await night.store.ask(first, THERE, BO)
        ended_at = began + timedelta(seconds=seconds[number % len(seconds)])
        done_then = msgspec.structs.replace(done(f"old {number}"), created=began, updated=ended_at)
        await night.store.record([(subscribed.known.id, done_then)])


async def fresh_job(night: PollerHarness, **told: Any) -> KnownJob:
    """One that was made this moment, unless told otherwise, and is watched."""
    job = msgspec.structs.replace(running("a"), **({"created": wall()} | told))
    known = (await night.store.ask(job, HERE, MIRA)).known
    night.poller.add(known)
    return known


async def test_a_first_look_waits_until_the_quickest_of_its_kind_are_over(night: PollerHarness) -> None:
    await history(night, 40, 50)
    began = now()
    await fresh_job(night)
    await asyncio.sleep(90)
    first, second, *_ = night.useapi.times("a")
    assert first - began == pytest.approx(40, abs=0.5)
    assert 13 < second - first < 17


async def test_kinds_whose_times_differ_much_are_looked_at_as_ever(night: PollerHarness) -> None:
    await history(night, 40, 400)
    began = now()
    await fresh_job(night)
    await asyncio.sleep(30)
    assert 13 < night.useapi.times("a")[0] - began < 17


async def test_a_slow_kind_is_looked_at_after_a_minute_so_that_a_refusal_is_told_then(night: PollerHarness) -> None:
    await history(night, 250, 270)
    began = now()
    known = await fresh_job(night)
    night.useapi.answers["a"] = msgspec.structs.replace(running("a"), status=Status.MODERATED)
    await asyncio.sleep(62)
    assert night.useapi.times("a") == [pytest.approx(began + 60, abs=0.5)]
    assert (await night.job(known)).status == "moderated"


@pytest.mark.parametrize("job", [{"percent": 47, "status": Status.PROGRESS}, {"created": START - timedelta(hours=1)}])
async def test_a_job_that_shows_progress_or_is_slow_already_is_looked_at_as_ever(
    night: PollerHarness, job: Any
) -> None:
    await history(night, 40, 50)
    began = now()
    await fresh_job(night, **job)
    await asyncio.sleep(20)
    assert 13 < night.useapi.times("a")[0] - began < 17


async def test_who_asks_while_the_store_still_says_that_nobody_waits_is_not_forgotten(fresh: PollerHarness) -> None:
    await fresh.prepare()
    known = await fresh.ask("a")
    await fresh_job(fresh, jobid="b")  # how long such jobs take is read behind the looks
    await fresh.stop(known)
    await asyncio.sleep(17)
    await asyncio.gather(fresh.poller.poll_once(), fresh.ask("a", person=BO))
    await asyncio.sleep(17)
    await fresh.poller.poll_once()
    assert fresh.useapi.times("a"), "Bo was told that it is watched"


async def test_a_call_is_followed_however_long_such_jobs_take(night: PollerHarness) -> None:
    await history(night, 40, 50)
    began = now()
    known = await fresh_job(night)
    await asyncio.sleep(5)
    night.poller.poll_soon(known.id)
    await asyncio.sleep(1)
    assert night.useapi.times("a")[0] - began == pytest.approx(5, abs=0.1)


async def test_a_call_about_a_job_whose_look_is_late_already_is_followed_too(night: PollerHarness) -> None:
    await history(night, 40, 50)
    await night.ask("other")
    night.useapi.answers["other"] = Busy(retry_after=14)
    await asyncio.sleep(5)
    began = now()
    known = await fresh_job(night)
    await asyncio.sleep(18)
    night.poller.poll_soon(known.id)  # its look was due, but useapi wants a pause
    await asyncio.sleep(15)
    assert night.useapi.times("a"), "when the pause is over"
    assert now() - began < 40


# --- when somebody says that there is news --------------------------------------------------------------------------


async def test_a_call_brings_the_look_forward_and_the_rhythm_goes_on_from_there(night: PollerHarness) -> None:
    known = await night.ask("a")
    await asyncio.sleep(5)
    night.poller.poll_soon(known.id)
    await asyncio.sleep(40)
    first, *others = night.useapi.times("a")
    assert first == pytest.approx(5, abs=0.1)
    assert all(13 < gap < 17 for gap in gaps([first, *others]))


async def test_a_hundred_calls_a_second_bring_one_look_in_two_seconds(night: PollerHarness) -> None:
    known = await night.ask("a")
    while now() < 10:
        night.poller.poll_soon(known.id)
        await asyncio.sleep(0.01)
    times = night.useapi.times("a")
    assert len(times) <= 6
    assert min(gaps(times)) > 1.9


async def test_news_that_come_while_a_look_is_under_way_are_looked_for_after_it(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.takes = 3
    await asyncio.sleep(5)
    night.poller.poll_soon(known.id)
    await asyncio.sleep(1)
    night.poller.poll_soon(known.id)  # this look may have been answered already when the news came
    await asyncio.sleep(2.5)
    night.useapi.answers["a"] = done("a")
    await asyncio.sleep(10)
    assert night.useapi.times("a") == pytest.approx([5, 8], abs=0.1)


async def test_a_job_that_is_not_found_right_after_a_call_is_looked_at_again_in_a_few_seconds(
    night: PollerHarness,
) -> None:
    known = await night.ask("a")
    night.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(5)
    night.poller.poll_soon(known.id)
    await asyncio.sleep(3)
    night.useapi.answers["a"] = done("a")
    await asyncio.sleep(20)
    assert night.useapi.times("a") == pytest.approx([5, 10], abs=0.2)


async def test_a_call_about_a_job_that_is_not_there_brings_one_look_more_and_the_watch_ends_as_ever(
    night: PollerHarness,
) -> None:
    known = await night.ask("a")
    night.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(5)
    night.poller.poll_soon(known.id)
    await asyncio.sleep(25)
    assert not (await night.job(known)).over
    await asyncio.sleep(15)
    assert (await night.job(known)).status == "expired"
    assert night.useapi.times("a") == pytest.approx([5, 10, 25, 40], abs=3)


async def test_calls_about_jobs_that_nobody_watches_bring_nothing(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.everybody = done
    await asyncio.sleep(MINUTE)
    looked = len(night.useapi.looks)
    for job_id in (known.id, 12345, -1):
        night.poller.poll_soon(job_id)
    await asyncio.sleep(MINUTE)
    assert len(night.useapi.looks) == looked == 1


async def test_calls_do_not_break_the_pause_that_useapi_needs(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.everybody = lambda _: TokenRefused()
    await asyncio.sleep(20)
    assert len(night.useapi.looks) == 1
    for _ in range(30):
        night.poller.poll_soon(known.id)
        await asyncio.sleep(1)
    assert len(night.useapi.looks) == 1, "one probe a minute"


# --- what it writes -------------------------------------------------------------------------------------------------


async def test_a_row_is_written_only_when_the_answer_changed(night: PollerHarness) -> None:
    known = await night.ask("a")
    await asyncio.sleep(2 * MINUTE)
    assert len(night.useapi.looks) > 5
    assert night.rounds == []
    assert (await night.store.known(known.id)).changed_at == known.changed_at
    night.useapi.answers["a"] = running("a", 35)
    await asyncio.sleep(2 * MINUTE)
    assert len(night.rounds) == 1
    assert (await night.job(known)).percent == 35


async def test_a_job_that_is_over_makes_one_delivery_for_each_place_and_ends_the_looks(night: PollerHarness) -> None:
    known = await night.ask("a", HERE, MIRA)
    await night.ask("a", HERE, BO)
    await night.ask("a", THERE, BO)
    night.useapi.answers["a"] = done("a")
    await asyncio.sleep(HOUR)
    assert len(night.useapi.looks) == 1
    results = await night.store.due_deliveries()
    assert [(each.kind, each.job_id, each.destination) for each in results] == [
        ("result", known.id, HERE),
        ("result", known.id, THERE),
    ]


async def test_a_declined_job_is_over(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.answers["a"] = JobModerated(Job(jobid="a", status=Status.MODERATED, error="Banned prompt detected"))
    await asyncio.sleep(HOUR)
    job = await night.job(known)
    assert (job.status, job.error, job.prompt) == ("moderated", "Banned prompt detected", "castle in the fog")
    assert len(night.useapi.looks) == 1


async def test_answers_that_come_together_are_written_together_or_not_at_all(
    night: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    known = [await night.ask(jobid) for jobid in "abcde"]
    night.useapi.takes = 5  # all five are asked for before the first answer
    night.useapi.everybody = done
    broken = msgspec.structs.replace(done("c"), prompt="\ud800")  # no column takes half a letter
    night.useapi.answers["c"] = broken
    gate = asyncio.Event()

    async def together(jobid: str) -> Job:
        night.useapi.looks.append((now(), jobid))
        await gate.wait()
        answer = night.useapi.answers.get(jobid, done(jobid))
        assert isinstance(answer, Job)
        return answer

    night.useapi.job = together  # type: ignore[method-assign]  # it holds all answers back, and gives them at once
    await asyncio.sleep(18)
    assert len(night.useapi.looks) == 5
    gate.set()
    await asyncio.sleep(1)
    assert night.rounds == []
    assert {(await night.job(each)).status for each in known} == {"started"}
    assert "The results of 5 polls could not be recorded; polling again" in said(caplog)

    night.useapi.answers["c"] = done("c")
    gate.clear()
    await asyncio.sleep(18)
    gate.set()
    await asyncio.sleep(1)
    assert len(night.rounds) == 1
    assert {(await night.job(each)).status for each in known} == {"completed"}
    assert len(night.useapi.looks) == 10


async def test_what_could_not_be_written_makes_no_second_row_of_looks(night: PollerHarness) -> None:
    await night.ask("a")
    night.useapi.answers["a"] = msgspec.structs.replace(running("a", 10), prompt="\ud800")
    await asyncio.sleep(MINUTE)
    night.useapi.answers["a"] = running("a", 20)
    healed = now()
    await asyncio.sleep(3 * MINUTE)
    assert min(gaps(night.useapi.times("a", since=healed))) > 13.5


# --- the source has trouble -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [TokenRefused, SubscriptionEnded])
async def test_an_account_that_is_refused_is_probed_once_a_minute_and_the_watches_stay(
    night: PollerHarness, refusal: type[TokenRefused], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for number in range(5):
        await night.ask(f"job {number}")
    night.useapi.everybody = lambda _: refusal()
    await asyncio.sleep(MINUTE)
    night.useapi.most, refused = 0, now()
    await asyncio.sleep(2 * HOUR)
    probes = night.useapi.times(since=refused)
    assert 110 <= len(probes) <= 120
    assert min(gaps(probes)) >= 60
    assert night.useapi.most == 1
    assert len(await night.store.running()) == 5
    assert {topic for topic, _ in night.alerts} == {"useapi"}
    assert refusal().for_admin in night.alerts[0][1]

    night.useapi.everybody = running
    await asyncio.sleep(7 * MINUTE)
    assert {jobid for at, jobid in night.useapi.looks if at > refused + 2 * HOUR} == {f"job {n}" for n in range(5)}
    assert night.alerts[-1] == ("useapi", ""), "the admin hears that it is over"
    assert said(caplog) == [f"useapi.net has trouble, jobs wait: {refusal()}", "useapi.net answers again"]


async def test_a_slow_probe_stays_the_only_one_even_when_somebody_asks_meanwhile(night: PollerHarness) -> None:
    await night.ask("a")
    await night.ask("b")
    night.useapi.everybody = lambda _: ProviderServerError()
    await asyncio.sleep(MINUTE)
    night.useapi.takes, night.useapi.most = 20, 0
    for number in range(40):
        await night.ask(f"job {number}")
        await asyncio.sleep(5)
    assert night.useapi.most == 1


async def test_trouble_of_the_service_makes_growing_pauses_and_is_over_at_once(
    night: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for number in range(50):
        await night.ask(f"job {number}")
    night.useapi.everybody = lambda _: ProviderServerError()
    await asyncio.sleep(HOUR)
    pauses = gaps([at for at in night.useapi.times() if at > 20])
    assert all(pause < 301 for pause in pauses)
    assert [pause for pause in pauses[:3] if pause < 65] == pauses[:3]
    assert min(pauses[8:]) > 100
    assert len(night.useapi.looks) < 50, "fewer requests in an hour than jobs that wait"

    night.useapi.everybody = running
    await asyncio.sleep(5 * MINUTE)
    back = night.useapi.times(since=HOUR)[0]
    await asyncio.sleep(15)
    assert {jobid for at, jobid in night.useapi.looks if at >= back} == {f"job {number}" for number in range(50)}
    assert night.useapi.times(since=back)[-1] - back < 5 * MINUTE + 15
    assert len(said(caplog)) == 2, "one line when it begins, one when it ends"


async def test_an_outage_is_forgotten_when_it_is_over(night: PollerHarness) -> None:
    await night.ask("a")
    await night.ask("b")
    night.useapi.everybody = lambda _: ProviderServerError()
    await asyncio.sleep(20 * MINUTE)
    assert night.poller.outage == ProviderServerError.sentence()
    night.useapi.everybody = running
    await asyncio.sleep(10 * MINUTE)
    assert night.poller.outage == ""
    night.useapi.everybody = lambda _: ProviderServerError()
    await asyncio.sleep(2 * MINUTE)
    assert min(gaps(night.useapi.times(since=30 * MINUTE))) < 10, "the pauses are short again at first"


async def test_many_looks_that_fail_side_by_side_are_one_trouble(night: PollerHarness) -> None:
    for number in range(8):
        await night.ask(f"job {number}")
    night.useapi.takes = 5  # so that all are under way
    night.useapi.everybody = lambda _: ProviderServerError()
    await asyncio.sleep(22)
    assert len(night.useapi.looks) == 8
    assert night.useapi.flying == 0
    night.useapi.everybody = running
    failed = now()
    await asyncio.sleep(30)
    assert len(night.useapi.times(since=failed)) >= 8, "a blip does not silence the bot for minutes"


async def test_a_pause_that_useapi_asks_for_is_kept(night: PollerHarness) -> None:
    for jobid in "abc":
        await night.ask(jobid)
    night.useapi.takes = 4  # all three are under way when the first is answered
    busy = iter([Busy(retry_after=120), Busy(), Busy()])
    night.useapi.everybody = lambda jobid: next(busy, running(jobid))
    await asyncio.sleep(5 * MINUTE)
    first, _, _, after, *_ = night.useapi.times()
    assert after - (first + night.useapi.takes) == pytest.approx(120)


async def test_a_pause_that_useapi_asks_for_is_kept_although_a_look_under_way_ends_well(night: PollerHarness) -> None:
    for jobid in "ab":
        await night.ask(jobid)
    night.useapi.takes = 4  # both are under way when the first is answered
    busy = iter([Busy(retry_after=120)])
    night.useapi.everybody = lambda jobid: next(busy, running(jobid))
    await asyncio.sleep(5 * MINUTE)
    first, second, after, *_ = night.useapi.times()
    assert second < first + night.useapi.takes
    assert after - (first + night.useapi.takes) == pytest.approx(120)


async def test_a_look_under_way_that_ends_well_does_not_end_an_outage(
    night: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for jobid in "ab":
        await night.ask(jobid)
    night.useapi.takes = 4
    well = iter([False, True])
    night.useapi.everybody = lambda jobid: running(jobid) if next(well, False) else TokenRefused()
    await asyncio.sleep(10 * MINUTE)
    assert ("useapi", "") not in night.alerts
    assert min(gaps(night.useapi.times(since=MINUTE))) >= 60
    night.useapi.everybody = running
    await asyncio.sleep(2 * MINUTE)
    assert night.alerts.count(("useapi", "")) == 1
    assert len(said(caplog)) == 2


# --- single jobs have trouble ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [InvalidResponse, Busy, Overloaded, AccountBlocked])
async def test_one_odd_job_does_not_starve_the_others(
    night: PollerHarness, caplog: pytest.LogCaptureFixture, error: type[ProviderError]
) -> None:
    odd = await night.ask("odd")
    for number in range(30):
        await night.ask(f"job {number}")
    night.useapi.answers["odd"] = error()
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    await asyncio.sleep(10 * MINUTE)
    assert len(said(caplog)) == 2, "it is no outage each time anew"
    assert night.poller.outage == ""
    counts = [len(night.useapi.times(f"job {number}")) for number in range(30)]
    assert min(counts) >= 20
    assert len(night.useapi.times("odd")) >= 20
    for number in range(30):
        night.useapi.answers[f"job {number}"] = done(f"job {number}")
    await asyncio.sleep(2 * MINUTE)
    assert await night.store.running() == [odd.id]


async def test_a_job_that_alone_is_asked_to_wait_waits_alone(night: PollerHarness) -> None:
    for jobid in ("odd", "a", "b"):
        await night.ask(jobid)
    night.useapi.answers["odd"] = Busy(retry_after=120)
    await asyncio.sleep(20 * MINUTE)
    assert min(gaps(night.useapi.times("odd"))) >= 120
    assert max(gaps(night.useapi.times("a", since=4 * MINUTE))) < 100


async def test_one_blocked_account_of_several_is_told_once_and_its_end_once(
    night: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.polling.circuit_breaker")
    for number in range(40):
        await night.ask(f"job {number}")
    blocked = [f"job {number}" for number in range(0, 40, 4)]
    night.useapi.answers = {jobid: AccountBlocked() for jobid in blocked}
    await asyncio.sleep(3 * HOUR)
    ((topic, words),) = [alert for alert in night.alerts if alert[1]]
    assert AccountBlocked.for_admin in words
    assert (topic, "") not in night.alerts
    assert len(said(caplog)) == 2
    assert len(night.useapi.times("job 1")) > 80, "the others go on at their own pace"

    del night.useapi.answers[blocked[0]]
    await asyncio.sleep(10 * MINUTE)
    assert (topic, "") not in night.alerts, "others still meet it"
    night.useapi.answers.clear()
    await asyncio.sleep(10 * MINUTE)
    assert night.alerts.count((topic, "")) == 1
    night.useapi.answers["job 8"] = AccountBlocked()
    await asyncio.sleep(HOUR)
    assert len([words for _, words in night.alerts if words]) == 2, "it is blocked anew"


async def test_the_only_account_blocked_is_probed_once_a_minute_and_told_once(night: PollerHarness) -> None:
    for jobid in "abc":
        await night.ask(jobid)
    night.useapi.everybody = lambda _: AccountBlocked()
    await asyncio.sleep(2 * DAY)
    assert min(gaps(night.useapi.times(since=MINUTE))) >= 60
    assert len(await night.store.running()) == 3
    assert len(night.alerts) == 1


async def test_a_job_that_alone_has_trouble_for_a_day_is_over_and_its_account_still_blocked(
    night: PollerHarness,
) -> None:
    odd = await night.ask("odd")
    await night.ask("a")
    night.useapi.answers["odd"] = AccountBlocked()
    night.useapi.blocked = True
    night.useapi.everybody = lambda jobid: running(jobid, int(now() // HOUR))
    await asyncio.sleep(DAY - 10 * MINUTE)
    assert not (await night.job(odd)).over
    await asyncio.sleep(2 * HOUR)
    assert (await night.job(odd)).status == "silent"
    ((topic, _),) = [alert for alert in night.alerts if alert[1]]
    assert (topic, "") not in night.alerts, "nobody saw it work again"
    night.useapi.answers["another"] = AccountBlocked()
    await night.ask("another")
    await asyncio.sleep(MINUTE)
    first, second = [words for _, words in night.alerts if words]
    assert first != second, "it is told anew"
    asked = len(night.useapi.asked_for_accounts)
    await asyncio.sleep(HOUR)
    assert len(night.useapi.asked_for_accounts) == asked, "this job shows how its account is"


async def stopped_while_blocked(night: PollerHarness) -> None:
    """The one job that meets a blocked account is stopped; another one goes on elsewhere."""
    odd = await night.ask("odd")
    await night.ask("a")
    night.useapi.answers["odd"] = AccountBlocked()
    await asyncio.sleep(10 * MINUTE)
    await night.stop(odd)
    await asyncio.sleep(10 * MINUTE)
    assert odd.id not in await night.store.running()


async def test_an_account_that_works_again_after_its_last_job_was_stopped_ends_the_alert(night: PollerHarness) -> None:
    night.useapi.blocked = True
    await stopped_while_blocked(night)
    await asyncio.sleep(2 * HOUR)
    assert ("account", "") not in night.alerts, "it is still blocked"
    assert min(gaps(night.useapi.asked_for_accounts)) >= 300
    night.useapi.blocked = False
    await asyncio.sleep(6 * MINUTE)
    assert night.alerts.count(("account", "")) == 1
    asked = len(night.useapi.asked_for_accounts)
    await asyncio.sleep(HOUR)
    assert len(night.useapi.asked_for_accounts) == asked


@pytest.mark.parametrize("error", [ProviderServerError, Busy, TokenRefused])
async def test_a_question_about_the_accounts_that_fails_is_asked_again_for_an_hour(
    night: PollerHarness, error: type[ProviderError]
) -> None:
    night.useapi.blocked = error()
    await stopped_while_blocked(night)
    await asyncio.sleep(30 * MINUTE)
    assert ("account", "") not in night.alerts
    await asyncio.sleep(HOUR)
    assert night.alerts.count(("account", "")) == 1, "else it would stay for ever"
    assert len(night.useapi.asked_for_accounts) == 12


async def test_an_account_is_blocked_also_where_useapi_says_so_of_the_question(night: PollerHarness) -> None:
    night.useapi.blocked = AccountBlocked()
    await stopped_while_blocked(night)
    await asyncio.sleep(DAY)
    assert ("account", "") not in night.alerts
    night.useapi.blocked = False
    await asyncio.sleep(6 * MINUTE)
    assert night.alerts.count(("account", "")) == 1


async def test_a_job_that_useapi_forgot_is_over_at_once(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.answers["a"] = JobExpired()
    await asyncio.sleep(20)
    job = await night.job(known)
    assert (job.status, job.prompt) == ("expired", "castle in the fog")
    assert len(night.useapi.looks) == 1
    assert [each.kind for each in await night.store.due_deliveries()] == ["result"]


async def test_a_job_that_useapi_does_not_know_is_over_after_three_looks_in_a_row(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(40)
    assert len(night.useapi.looks) == 2
    assert not (await night.job(known)).over
    await asyncio.sleep(20)
    assert (await night.job(known)).status == "expired"
    await asyncio.sleep(HOUR)
    assert len(night.useapi.looks) == 3


async def test_a_job_that_is_found_again_starts_to_count_anew(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(40)
    night.useapi.answers["a"] = running("a")
    await asyncio.sleep(15)
    night.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(30)
    assert len(night.useapi.looks) == 5
    assert not (await night.job(known)).over


async def test_a_job_that_is_watched_again_starts_to_count_anew(night: PollerHarness) -> None:
    known = await night.ask("a")
    night.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(40)
    assert len(night.useapi.looks) == 2
    await night.stop(known)
    await asyncio.sleep(HOUR)
    await night.ask("a")
    await asyncio.sleep(20)
    assert len(night.useapi.looks) == 3
    assert not (await night.job(known)).over


async def test_a_day_without_news_ends_the_watch(night: PollerHarness) -> None:
    known = await night.ask("a")
    await asyncio.sleep(HOUR)
    night.useapi.answers["a"] = running("a", 35)
    await asyncio.sleep(DAY - 5 * MINUTE)
    assert (await night.job(known)).status == "progress", "the last news is less than a day old"
    await asyncio.sleep(90 * MINUTE)  # an hour of looks on top: the machine's clock may have been set forward
    job = await night.job(known)
    assert (job.status, job.percent, job.prompt) == ("silent", 35, "castle in the fog")
    looks = len(night.useapi.looks)
    await asyncio.sleep(DAY)
    assert len(night.useapi.looks) == looks < 420
    assert [each.kind for each in await night.store.due_deliveries()] == ["result"]


async def test_news_that_come_at_the_last_moment_are_news(night: PollerHarness) -> None:
    known = await night.ask("a")
    await asyncio.sleep(DAY - 1)
    night.useapi.answers["a"] = done("a")
    await asyncio.sleep(10 * MINUTE)
    assert (await night.job(known)).status == "completed"


async def test_a_bug_in_one_look_is_logged_and_the_job_is_looked_at_again(
    night: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    broken, fine = await night.ask("a"), await night.ask("b")
    night.useapi.answers["a"] = ZeroDivisionError("a bug")
    await asyncio.sleep(20)
    assert "A poll failed in an unexpected way" in said(caplog)
    assert any(record.exc_info for record in caplog.records)
    night.useapi.answers["a"], night.useapi.answers["b"] = done("a"), done("b")
    await asyncio.sleep(20)
    assert (await night.job(fine)).over
    await asyncio.sleep(6 * MINUTE)
    assert (await night.job(broken)).over


# --- one round ------------------------------------------------------------------------------------------------------


async def test_one_round_looks_at_all_that_is_due_and_returns_when_it_is_written(fresh: PollerHarness) -> None:
    await fresh.prepare(concurrency=2)
    known = [await fresh.ask(jobid) for jobid in "abcde"]
    await fresh.poller.poll_once()
    assert fresh.useapi.looks == []
    await asyncio.sleep(17)
    fresh.useapi.everybody = done
    await fresh.poller.poll_once()
    assert sorted(jobid for _, jobid in fresh.useapi.looks) == list("abcde")
    assert [(await fresh.job(each)).over for each in known] == [True] * 5
    assert fresh.useapi.most == 2
