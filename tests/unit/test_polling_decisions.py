"""What the outcome of a poll means: every case, without a loop, a store or a provider."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bot.errors import (
    AccountBlocked,
    BadRequest,
    Busy,
    InvalidResponse,
    JobExpired,
    JobUnknown,
    ProviderError,
    ProviderServerError,
    TokenRefused,
)
from bot.models import Destination, Job, KnownJob, PollTarget, Status
from bot.polling.decisions import Decision, FinishedPoll, interval, of_answer, of_miss, of_trouble
from bot.polling.job_records import NOTHING, JobRecord, JobRecords

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JOB = Job(jobid="a", verb="imagine", status=Status.PROGRESS, percent=30, prompt="castle in the fog")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
QUIET = 12
"""Polls without news after the first 24 hours, of which the next one ends the subscription."""


def job(**changes: Any) -> Job:
    return msgspec.structs.replace(JOB, **changes)


def poll(
    known: Job = JOB,
    *,
    record: JobRecord = NOTHING,
    waited: float = 0.0,
    silent_for: float = 0.0,
    called: bool = False,
    jitter: float = 1.0,
) -> FinishedPoll:
    """A poll of a job for which somebody has waited so long, and whose last news is so old, in seconds."""
    changed_at = NOW - timedelta(seconds=silent_for)
    return FinishedPoll(
        target=PollTarget(
            known=KnownJob(id=1, key="4K7Q", job=known, added_at=changed_at, changed_at=changed_at),
            subscribed_at=NOW - timedelta(seconds=waited),
            destination=Destination(guild_id=100, channel_id=200),
        ),
        record=record,
        called=called,
        now=NOW,
        poll_seconds=15,
        jitter=jitter,
    )


# --- the interval -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waited", "seconds"),
    [(-HOUR, 15), (0, 15), (5 * MINUTE, 15), (10 * MINUTE, 30), (HOUR, 180), (100 * MINUTE, 300), (DAY, 300)],
)
def test_the_interval_is_a_twentieth_of_the_wait_between_fifteen_seconds_and_five_minutes(
    waited: float, seconds: float
) -> None:
    assert interval(waited, 15) == seconds
    assert of_answer(poll(waited=waited), JOB).delay == seconds
    assert of_trouble(poll(waited=waited), ProviderServerError(), its_own=False).delay == seconds


@pytest.mark.parametrize("jitter", [0.9, 1.1])
def test_the_interval_is_jittered(jitter: float) -> None:
    assert of_answer(poll(jitter=jitter), JOB).delay == 15 * jitter
    assert of_answer(poll(job(status=Status.CANCELLED), jitter=jitter), JOB).delay == 300 * jitter


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "answer", "news", "delay"),
    [
        (JOB, JOB, None, 15),
        (JOB, job(percent=45), job(percent=45), 15),
        (JOB, job(percent=20), None, 15),  # late
        (JOB, job(status="invented by useapi"), None, 15),
        (job(percent=None, status=Status.STARTED), JOB, JOB, 15),
        (JOB, job(status=Status.COMPLETED), job(status=Status.COMPLETED), None),
        (JOB, job(status=Status.MODERATED), job(status=Status.MODERATED), None),
        (JOB, job(status=Status.FAILED), job(status=Status.FAILED), None),
        (JOB, job(status=Status.CANCELLED), job(status=Status.CANCELLED), 15),
        (job(status=Status.CANCELLED), job(status=Status.CANCELLED), None, 300),
        (job(status=Status.CANCELLED), JOB, None, 300),
        (job(status=Status.CANCELLED), job(status=Status.COMPLETED), job(status=Status.COMPLETED), None),
    ],
)
def test_an_answer(known: Job, answer: Job, news: Job | None, delay: float | None) -> None:
    assert of_answer(poll(known), answer) == Decision(news=news, delay=delay)


def test_an_answer_ends_a_row_of_misses_and_news_ends_a_row_of_quiet_polls() -> None:
    record = JobRecord(misses=2, first_miss_excused=True, quiet_polls=7, woken_at=5.0)
    assert of_answer(poll(record=record), JOB).record == JobRecord(quiet_polls=7, woken_at=5.0)
    assert of_answer(poll(record=record), job(percent=45)).record == JobRecord(woken_at=5.0)


# --- silence ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silent_for", "quiet_before", "quiet_after", "ends"),
    [
        (DAY - 1, 0, 0, False),
        (DAY, 0, 0, False),
        (DAY + 1, 0, 1, False),
        (DAY + 1, QUIET - 1, QUIET, False),
        (DAY + 1, QUIET, None, True),
        (DAY - 1, QUIET, QUIET, False),  # the wall clock was set back
    ],
)
def test_a_day_without_news_and_twelve_polls_more_end_a_subscription(
    silent_for: float, quiet_before: int, quiet_after: int | None, ends: bool
) -> None:
    silent = poll(record=JobRecord(quiet_polls=quiet_before), silent_for=silent_for)
    for decision in (of_answer(silent, JOB), of_trouble(silent, InvalidResponse(), its_own=True)):
        if ends:
            assert decision == Decision(news=job(status=Status.SILENT), delay=None)
        else:
            assert decision == Decision(delay=15, record=JobRecord(quiet_polls=quiet_after or 0))


def test_news_at_the_last_moment_count() -> None:
    late = poll(record=JobRecord(quiet_polls=QUIET), silent_for=2 * DAY)
    assert of_answer(late, job(percent=45)) == Decision(news=job(percent=45), delay=15)


@pytest.mark.parametrize("error", [ProviderServerError(), TokenRefused(), AccountBlocked(), Busy()])
def test_trouble_that_may_be_everybodys_ends_no_subscription_however_long_it_lasts(error: ProviderError) -> None:
    record = JobRecord(quiet_polls=QUIET, misses=1)
    decision = of_trouble(poll(record=record, silent_for=9 * DAY, waited=9 * DAY), error, its_own=False)
    assert decision == Decision(delay=300, record=record)


# --- trouble ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "waited", "delay"),
    [
        (ProviderServerError(), 0, 15),
        (Busy(), 0, 15),
        (Busy(retry_after=5), 0, 15),
        (Busy(retry_after=120), 0, 120),
        (Busy(retry_after=120), HOUR, 180),
    ],
)
@pytest.mark.parametrize("its_own", [True, False])
def test_trouble_delays_the_next_poll_for_as_long_as_useapi_asks(
    error: ProviderError, waited: float, delay: float, its_own: bool
) -> None:
    assert of_trouble(poll(waited=waited), error, its_own=its_own) == Decision(delay=delay)


# --- jobs that are not found ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("misses", "excused", "called", "misses_after", "excused_after", "delay"),
    [
        # nobody called: the third miss in a row ends it
        (0, False, False, 1, False, 15),
        (1, False, False, 2, False, 15),
        (2, False, False, None, False, None),
        # a webhook call came right before the first miss: it does not count, and is repeated soon
        (0, False, True, 1, True, 5),
        (1, True, True, 2, True, 15),
        (2, True, True, 3, True, 15),
        (3, True, True, None, False, None),
        (3, True, False, None, False, None),
        # a call before a later miss excuses nothing
        (1, False, True, 2, False, 15),
        (2, False, True, None, False, None),
    ],
)
@pytest.mark.parametrize("error", [JobUnknown(), BadRequest()])
def test_a_job_that_is_not_found(
    misses: int,
    excused: bool,
    called: bool,
    misses_after: int | None,
    excused_after: bool,
    delay: float | None,
    error: ProviderError,
) -> None:
    decision = of_miss(
        poll(record=JobRecord(misses=misses, first_miss_excused=excused), called=called, jitter=1.0), error
    )
    if misses_after is None:
        assert decision == Decision(news=job(status=Status.EXPIRED), delay=None)
    else:
        assert decision == Decision(
            delay=delay, record=JobRecord(misses=misses_after, first_miss_excused=excused_after)
        )


@pytest.mark.parametrize("called", [True, False])
def test_a_job_that_useapi_no_longer_keeps_is_over_at_once(called: bool) -> None:
    assert of_miss(poll(called=called), JobExpired()) == Decision(news=job(status=Status.EXPIRED), delay=None)


def test_a_cancelled_job_that_is_not_found_stays_cancelled() -> None:
    cancelled = poll(job(status=Status.CANCELLED), record=JobRecord(misses=2))
    assert of_miss(cancelled, JobUnknown()) == Decision(delay=300)


# --- what is remembered -----------------------------------------------------------------------------------------------


def test_only_records_with_something_in_them_are_kept() -> None:
    records = JobRecords()
    assert records.of(1) == NOTHING
    records.put(1, JobRecord(misses=2))
    records.update(2, called=True)
    assert len(records) == 2
    records.put(1, NOTHING)
    records.update(2, called=False)
    records.update(3, poll_again=False)
    assert len(records) == 0
    records.update(4, woken_at=5.0)
    records.forget(4)
    records.forget(4)
    assert records.of(4) == NOTHING
