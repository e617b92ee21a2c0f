"""When jobs are polled, and what is recorded of the answers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.errors import (
    Busy,
)
from bot.models import Job, KnownJob, Limits, ProviderName, Status, Submission
from bot.providers.base import Capabilities
from tests.clock import VirtualTime
from tests.conftest import only_long
from tests.poller_harness import (
    BO,
    DAY,
    HERE,
    HOUR,
    MINUTE,
    MIRA,
    START,
    THERE,
    PollerHarness,
    done,
    ended,
    gaps,
    logged,
    now,
    running,
    wall,
)
from tests.submitting import prompt_submission

event_loop_factory = VirtualTime


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


async def made(harness: PollerHarness, jobid: str) -> KnownJob:
    """A job that runs, which Mira started here with /imagine."""
    submission = await harness.store.submissions.add(
        prompt_submission(f"castle {jobid}", HERE, MIRA), provider=ProviderName.USEAPI, limits=Limits()
    )
    assert isinstance(submission, Submission)
    accepted = await harness.store.submissions.mark_accepted(submission, running(jobid), repeated=False, delay=1)
    harness.poller.add(accepted.known)
    return accepted.known


async def test_a_job_that_a_member_started_is_polled_until_it_is_over_also_when_nobody_is_subscribed(
    harness: PollerHarness,
) -> None:
    known = await made(harness, "a")
    await harness.store.subscriptions.unsubscribe(known.id, HERE.channel_id, MIRA.id)
    await asyncio.sleep(MINUTE)
    assert harness.useapi.times("a")
    await harness.end()
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert (await harness.store.members.numbers(HERE.guild_id, MIRA.id, None)).running == 1
    harness.useapi.answers["a"] = msgspec.structs.replace(done("a"), status=Status.MODERATED)
    await asyncio.sleep(MINUTE)
    numbers = await harness.store.members.numbers(HERE.guild_id, MIRA.id, None)
    assert (numbers.running, numbers.declined) == (0, 1)
    assert await harness.store.outbox.due() == [], "nobody is subscribed, so nothing is posted"
    over = now()
    await asyncio.sleep(HOUR)
    assert harness.useapi.times(since=over) == []


async def test_a_job_without_subscriptions_that_never_ends_is_polled_for_a_day_and_does_not_count_after_that(
    harness: PollerHarness,
) -> None:
    for jobid in ("a", "of the future"):
        known = await made(harness, jobid)
        await harness.store.subscriptions.unsubscribe(known.id, HERE.channel_id, MIRA.id)
    ahead = "UPDATE jobs SET added_at = added_at + ? WHERE id = ?"  # as by a wall clock that was set back
    await harness.store.database.transaction(lambda db: db.execute(ahead, (400 * DAY, known.id)))
    await asyncio.sleep(DAY + MINUTE)
    last = harness.useapi.times()[-1]
    assert DAY - 6 * MINUTE < last < DAY
    await asyncio.sleep(HOUR)
    assert (await harness.store.members.numbers(HERE.guild_id, MIRA.id, None)).running == 0
    await harness.end()
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert harness.useapi.times()[-1] == last
    assert not harness.useapi.times("of the future")


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
