"""What the outcome of a poll means: every case, without a loop, a store or a provider."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

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
from bot.models import Attachment, Destination, Job, JobEmbed, KnownJob, Media, PollTarget, Seed, Status
from bot.polling.decisions import Decision, FinishedPoll, interval, of_answer, of_miss, of_trouble
from bot.polling.job_records import NOTHING, JobRecord, JobRecords
from tests.table import table

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JOB = Job(jobid="a", verb="imagine", status=Status.PROGRESS, percent=30, prompt="castle in the fog")
BARE = Job(jobid="a", verb="button", button="V1")
"""A job of which useapi never said more than its id."""
PICTURE = Attachment(url="https://cdn.discordapp.com/a.png")
DONE = msgspec.structs.replace(JOB, status=Status.COMPLETED, attachments=(PICTURE,))
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
    keeps_jobs: bool = True,
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
        keeps_jobs=keeps_jobs,
    )


# --- the interval -----------------------------------------------------------------------------------------------------


@table(
    ("waited", "seconds"),
    [(-HOUR, 15), (0, 15), (5 * MINUTE, 15), (10 * MINUTE, 30), (HOUR, 180), (100 * MINUTE, 300), (DAY, 300)],
)
def test_the_interval_is_a_twentieth_of_the_wait_between_fifteen_seconds_and_five_minutes(
    waited: float, seconds: float
) -> None:
    assert interval(waited, 15) == seconds
    assert of_answer(poll(waited=waited), JOB).delay == seconds
    assert of_trouble(poll(waited=waited), ProviderServerError(), its_own=False).delay == seconds


@table("jitter", [0.9, 1.0])
def test_the_interval_is_jittered(jitter: float) -> None:
    assert of_answer(poll(jitter=jitter), JOB).delay == 15 * jitter
    assert of_answer(poll(job(status=Status.CANCELLED), jitter=jitter), JOB).delay == 300 * jitter


# --- answers ----------------------------------------------------------------------------------------------------------


@table(
    ("known", "answer", "news", "delay"),
    [
        (JOB, JOB, None, 15),
        (JOB, job(percent=45), job(percent=45), 15),
        (JOB, job(percent=20), None, 15),  # late
        (JOB, job(status="invented by useapi"), None, 15),
        (job(percent=None, status=Status.STARTED), JOB, JOB, 15),
        (JOB, DONE, DONE, None),
        (JOB, job(status=Status.MODERATED), job(status=Status.MODERATED), None),
        (JOB, job(status=Status.FAILED), job(status=Status.FAILED), None),
        (JOB, job(status=Status.CANCELLED), job(status=Status.CANCELLED), 15),
        (job(status=Status.CANCELLED), job(status=Status.CANCELLED), None, 300),
        (job(status=Status.CANCELLED), JOB, None, 300),
        (job(status=Status.CANCELLED), DONE, DONE, None),
    ],
)
def test_an_answer(known: Job, answer: Job, news: Job | None, delay: float | None) -> None:
    assert of_answer(poll(known), answer) == Decision(news=news, delay=delay)


def test_an_answer_ends_a_row_of_misses_and_news_ends_a_row_of_quiet_polls() -> None:
    record = JobRecord(misses=2, missing_since=NOW, first_miss_excused=True, quiet_polls=7, woken_at=5.0)
    assert of_answer(poll(record=record), JOB).record == JobRecord(quiet_polls=7, woken_at=5.0)
    assert of_answer(poll(record=record), job(percent=45)).record == JobRecord(woken_at=5.0)


# --- completed, without the picture ----------------------------------------------------------------------------------


@table("waited", [0, 2 * HOUR])
def test_a_job_that_is_completed_without_its_picture_is_polled_four_times_more_and_then_posted_without(
    waited: float,
) -> None:
    record = NOTHING
    for number in range(1, 5):
        decision = of_answer(poll(record=record, waited=waited), job(status=Status.COMPLETED))
        assert decision == Decision(delay=15, record=JobRecord(polls_without_picture=number))
        record = decision.record
    assert of_answer(poll(record=record), DONE) == Decision(news=DONE, delay=None)
    assert of_answer(poll(record=record), job(percent=45)).record == NOTHING
    bare = job(status=Status.COMPLETED)
    assert of_answer(poll(record=record), bare) == Decision(news=bare, delay=None)


@table(
    "answer",
    [
        job(status=Status.COMPLETED, verb="describe", embeds=(JobEmbed(description="1️⃣ a castle"),)),
        job(status=Status.COMPLETED, image_ux=(Media(url="https://cdn.midjourney.com/a.png"),)),
        job(status=Status.COMPLETED, video_ux=(Media(url="https://cdn.midjourney.com/a.mp4"),)),
        job(status=Status.COMPLETED, verb="seed", seed=Seed(value="1")),
        job(status=Status.COMPLETED, verb="info"),
        job(status=Status.COMPLETED, verb="shorten", content="a castle"),
        job(status=Status.FAILED),
        job(status=Status.MODERATED),
    ],
)
def test_what_has_something_to_show_or_makes_no_picture_is_over_at_once(answer: Job) -> None:
    assert of_answer(poll(), answer).news == answer


def test_a_cancelled_job_does_not_wait_for_its_picture() -> None:
    late = job(status=Status.COMPLETED)
    assert of_answer(poll(job(status=Status.CANCELLED)), late) == Decision(news=late, delay=None)


# --- silence ----------------------------------------------------------------------------------------------------------


@table(
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


@table("error", [ProviderServerError(), TokenRefused(), AccountBlocked(), Busy()])
def test_trouble_that_may_be_everybodys_ends_no_subscription_however_long_it_lasts(error: ProviderError) -> None:
    record = JobRecord(quiet_polls=QUIET, misses=1)
    decision = of_trouble(poll(record=record, silent_for=9 * DAY, waited=9 * DAY), error, its_own=False)
    assert decision == Decision(delay=300, record=record)


# --- trouble ----------------------------------------------------------------------------------------------------------


@table(
    ("error", "waited", "delay"),
    [
        (ProviderServerError(), 0, 15),
        (Busy(), 0, 15),
        (Busy(retry_after=5), 0, 15),
        (Busy(retry_after=120), 0, 120),
        (Busy(retry_after=120), HOUR, 180),
    ],
)
@table("its_own", [True, False])
def test_trouble_delays_the_next_poll_for_as_long_as_useapi_asks(
    error: ProviderError, waited: float, delay: float, its_own: bool
) -> None:
    assert of_trouble(poll(waited=waited), error, its_own=its_own) == Decision(delay=delay)


# --- jobs that are not found ------------------------------------------------------------------------------------------

MISSES = [
    # misses before, excused, called -> misses after, excused, delay
    # no call came: the third miss in a row counts
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
]


@table(("misses", "excused", "called", "misses_after", "excused_after", "delay"), MISSES)
@table("error", [JobUnknown(), BadRequest(), JobExpired()])
@table("known", [BARE, JOB])
def test_a_job_that_is_not_found(
    misses: int,
    excused: bool,
    called: bool,
    misses_after: int | None,
    excused_after: bool,
    delay: float | None,
    error: ProviderError,
    known: Job,
) -> None:
    """The third miss in a row ends a job that was never seen; one that was seen is polled rarely from then on."""
    before = JobRecord(misses=misses, missing_since=NOW if misses else None, first_miss_excused=excused)
    decision = of_miss(poll(known, record=before, called=called), error)
    if misses_after is None and known == JOB:
        misses_after, excused_after, delay = misses + 1, excused, 300
    if misses_after is None or (known == BARE and isinstance(error, JobExpired)):
        assert decision == Decision(news=msgspec.structs.replace(known, status=Status.EXPIRED), delay=None)
    else:
        record = JobRecord(misses=misses_after, missing_since=NOW, first_miss_excused=excused_after)
        assert decision == Decision(delay=delay, record=record)


@table(
    ("missing_for", "misses", "ends"),
    [
        (HOUR, 400, False),  # webhook calls, which can be forged, brought about polls
        (DAY, 288, False),
        (DAY + 1, 288, True),
        (DAY + 1, 14, True),
        (9 * DAY, 13, False),  # the wall clock was set forward
    ],
)
@table("error", [JobUnknown(), BadRequest(), JobExpired()])
def test_a_job_that_was_seen_is_over_when_it_was_not_found_for_a_day(
    missing_for: float, misses: int, ends: bool, error: ProviderError
) -> None:
    since = NOW - timedelta(seconds=missing_for)
    decision = of_miss(poll(record=JobRecord(misses=misses, missing_since=since)), error)
    if ends:
        assert decision == Decision(news=job(status=Status.EXPIRED), delay=None)
    else:
        assert decision == Decision(delay=300, record=JobRecord(misses=misses + 1, missing_since=since))


@table(("missing_for", "misses", "ends"), [(HOUR, 20, False), (HOUR + 1, 13, False), (HOUR + 1, 14, True)])
def test_a_job_that_a_restart_of_its_server_may_have_lost_is_over_when_it_was_not_found_for_an_hour(
    missing_for: float, misses: int, ends: bool
) -> None:
    record = JobRecord(misses=misses, missing_since=NOW - timedelta(seconds=missing_for))
    assert (of_miss(poll(record=record, keeps_jobs=False), JobUnknown()).news is not None) is ends


def test_a_job_whose_last_news_are_older_than_useapi_keeps_jobs_is_over_at_once_when_it_is_gone() -> None:
    assert of_miss(poll(silent_for=29 * DAY), JobExpired()).news is None
    assert of_miss(poll(silent_for=31 * DAY), JobExpired()).news == job(status=Status.EXPIRED)


def test_a_cancelled_job_that_is_not_found_stays_cancelled() -> None:
    cancelled = poll(job(status=Status.CANCELLED), record=JobRecord(misses=2))
    decision = of_miss(cancelled, JobUnknown())
    assert (decision.news, decision.delay) == (None, 300)


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
