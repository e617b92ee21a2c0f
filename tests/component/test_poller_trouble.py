"""Polls that fail: the trouble of a provider and that of single jobs, which ends no subscription by mistake."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bot.errors import (
    AccountBlocked,
    Busy,
    InvalidResponse,
    JobExpired,
    JobsMissing,
    JobUnknown,
    NotSent,
    OtherService,
    Overloaded,
    ProviderError,
    ProviderServerError,
    SubscriptionEnded,
    TokenRefused,
)
from bot.models import ProviderName
from tests.clock import VirtualTime
from tests.conftest import only_long
from tests.poller_harness import (
    DAY,
    HERE,
    HOUR,
    MINUTE,
    MIRA,
    THERE,
    PollerHarness,
    done,
    gaps,
    logged,
    named,
    now,
    running,
)

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


NO_ANSWER = (
    "Running jobs wait: useapi.net has given no usable answer about them for a quarter of an hour. If the server is "
    "yours, see whether it runs."
)


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        (NotSent, NO_ANSWER),
        (OtherService, f"Running jobs wait. {OtherService(provider=ProviderName.USEAPI).for_admin}"),
    ],
)
async def test_a_provider_that_gives_no_answer_for_a_quarter_of_an_hour_is_one_alert(
    harness: PollerHarness, trouble: type[ProviderError], text: str
) -> None:
    await harness.subscribe("a")
    harness.useapi.default = lambda _: trouble()
    await asyncio.sleep(14 * MINUTE)
    assert harness.alerts == []
    await asyncio.sleep(2 * HOUR)
    assert harness.alerts == [("provider", text)]
    harness.useapi.default = running
    await asyncio.sleep(6 * MINUTE)
    assert harness.alerts == [("provider", text), ("provider", "")]


async def test_an_alert_of_before_a_restart_ends_with_the_first_answer(harness: PollerHarness) -> None:
    harness.alerts.append(("provider", NO_ANSWER))
    await harness.subscribe("a")
    await asyncio.sleep(MINUTE)
    assert harness.alerts[1:] == [("provider", "")]


async def test_time_without_jobs_or_with_answers_is_no_time_without_an_answer(harness: PollerHarness) -> None:
    first = await harness.subscribe("a")
    harness.useapi.default = lambda _: NotSent()
    await asyncio.sleep(MINUTE)
    await harness.stop(first)
    await asyncio.sleep(DAY)
    await harness.subscribe("b")
    await asyncio.sleep(10 * MINUTE)
    assert not [text for _, text in harness.alerts if text], "it is tried for ten minutes"
    await asyncio.sleep(10 * MINUTE)
    assert [text for _, text in harness.alerts if text] == [NO_ANSWER]

    answers = iter([SubscriptionEnded, *[ProviderServerError] * 5] * 100)
    harness.alerts.clear()
    harness.useapi.default = lambda _: next(answers)()
    await asyncio.sleep(2 * HOUR)
    assert {text for _, text in harness.alerts} == {f"Running jobs wait. {SubscriptionEnded().for_admin}"}


async def test_an_outage_is_over_for_the_admin_when_no_job_waits_any_more(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.default = lambda _: NotSent()
    await asyncio.sleep(HOUR)
    assert harness.alerts == [("provider", NO_ANSWER)]
    await harness.stop(known)
    await asyncio.sleep(10 * MINUTE)
    assert harness.alerts == [("provider", NO_ANSWER), ("provider", "")]
    assert harness.poller.outage == ""


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


async def test_a_job_that_met_a_blocked_account_and_is_not_found_any_more_harms_no_other(
    harness: PollerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    for jobid in ("gone", "odd", "good"):
        await harness.subscribe(jobid)
    harness.useapi.blocked = True
    harness.useapi.answers["gone"] = AccountBlocked()
    await asyncio.sleep(3 * MINUTE)
    harness.useapi.answers["gone"] = JobUnknown()
    await asyncio.sleep(3 * MINUTE)
    assert len(harness.useapi.account_requests) == 1, "no job shows how the account is"
    harness.useapi.answers["odd"] = AccountBlocked()
    await asyncio.sleep(10 * MINUTE)
    assert "unexpected" not in caplog.text
    assert len(harness.useapi.times("odd", since=11 * MINUTE)) > 5, "at its own interval"
    assert ("account", "") not in harness.alerts
    del harness.useapi.answers["odd"]
    await asyncio.sleep(2 * MINUTE)
    assert harness.alerts.count(("account", "")) == 1, "the job that is not found keeps no alert open"


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
