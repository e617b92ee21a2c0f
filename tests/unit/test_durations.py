"""Typical durations: which jobs are compared, how many samples are needed, and how the range is shown."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bot import formatting
from bot.formatting.status_text import span
from bot.models import Destination, Job, Person, Status
from bot.models.durations import KEPT, MIN_SAMPLES, TypicalDuration, kind_of, seconds_of, typical
from bot.store import Store, open_store
from tests.database import migrated
from tests.table import table

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERE = Destination(guild_id=100, channel_id=200)
MIRA = Person(id=1, name="Mira")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(migrated(tmp_path), lambda: NOON) as opened:
        yield opened


def job(number: int, seconds: float | None = None, *, mode: str = "fast", verb: str = "imagine") -> Job:
    """A running job, or one that was completed after `seconds`."""
    running = Job(jobid=f"job:{number}", verb=verb, status=Status.STARTED, prompt="castle", mode=mode, created=NOON)
    if seconds is None:
        return running
    updated = NOON + timedelta(seconds=seconds)
    return msgspec.structs.replace(running, status=Status.COMPLETED, updated=updated)


async def follow(store: Store, number: int, seconds: float, *, mode: str = "fast", verb: str = "imagine") -> None:
    """Store a job that was polled from start to end."""
    subscribed = await store.subscriptions.add(job(number, mode=mode, verb=verb), HERE, MIRA)
    await store.jobs.record([(subscribed.known.id, job(number, seconds, mode=mode, verb=verb))])


async def test_there_is_no_typical_duration_before_twenty_samples_of_a_kind(store: Store) -> None:
    for number in range(MIN_SAMPLES - 1):
        await follow(store, number, 30 + number)
    assert await store.durations.typical(job(99)) is None
    await follow(store, MIN_SAMPLES, 60)
    assert await store.durations.typical(job(99)) == TypicalDuration(timedelta(seconds=32), timedelta(seconds=47))


async def test_each_mode_has_its_own_samples_and_an_unknown_mode_uses_all(store: Store) -> None:
    for number in range(MIN_SAMPLES):
        await follow(store, number, 40)
        await follow(store, 100 + number, 400, mode="relaxed")
    assert await store.durations.typical(job(999)) == (timedelta(seconds=40),) * 2
    assert await store.durations.typical(job(999, mode="relaxed, stealth")) == (timedelta(seconds=400),) * 2
    assert await store.durations.typical(job(999, mode="")) == (timedelta(seconds=40), timedelta(seconds=400))
    assert await store.durations.typical(job(999, mode="turbo")) is None
    assert await store.durations.typical(job(999, verb="blend")) is None


async def test_only_the_newest_samples_are_kept(store: Store) -> None:
    insert = "INSERT INTO durations (kind, mode, seconds) VALUES ('imagine', 'fast', ?)"
    samples = [(1000,)] * 10 + [(50,)] * (KEPT - 1)
    await store.database.transaction(lambda db: db.executemany(insert, samples))
    await follow(store, 1, 50)
    assert await store.durations.typical(job(9999)) == (timedelta(seconds=50),) * 2
    ((kept,),) = await store.database.rows("SELECT count(*) FROM durations")
    assert kept == KEPT


async def test_only_jobs_polled_to_their_end_count_and_each_once(store: Store) -> None:
    await store.subscriptions.add(
        job(1, 30), HERE, MIRA
    )  # over before the first poll: presses on it may have changed `updated` since
    subscribed = await store.subscriptions.add(job(2), HERE, MIRA)
    for answer in (job(2, 30), job(2, 60)):
        await store.jobs.record([(subscribed.known.id, answer)])
    assert [tuple(row) for row in await store.database.rows("SELECT kind, mode, seconds FROM durations")] == [
        ("imagine", "fast", 30.0)
    ]


def test_a_job_without_times_or_without_a_picture_is_no_sample() -> None:
    assert seconds_of(job(1, 30)) == 30
    assert seconds_of(job(1, 0)) is None
    assert seconds_of(job(1)) is None
    assert seconds_of(job(1, 30, verb="info")) is None
    assert seconds_of(msgspec.structs.replace(job(1, 30), status=Status.FAILED)) is None
    assert seconds_of(msgspec.structs.replace(job(1, 30), created=None)) is None


@table(
    ("button", "kind"),
    [
        ("U1", "U"),
        ("V4", "V"),
        ("⬅️", "Pan"),
        ("Zoom Out 1.5x", "Zoom Out"),
        ("Custom Zoom", "Zoom Out"),
        ("Vary (Strong)", "Vary"),
        ("Animate (High motion)", "Animate"),
        ("Upscale (Subtle)", "Upscale (Subtle)"),
        ("🔄", "🔄"),
        ("U5", "U5"),
    ],
)
def test_pressed_buttons_are_compared_by_duration_class(button: str, kind: str) -> None:
    assert kind_of(Job(jobid="job:1", verb="button", button=button)) == kind


@table(
    ("low", "high", "words"),
    [
        (0.6, 0.7, "about 5 s"),
        (27, 38, "25–40 s"),
        (26, 26, "25–30 s"),
        (40, 70, "40–70 s"),
        (52, 170, "50 s – 3 min"),
        (118, 119, "1 min 55 s – 2 min"),
        (125, 340, "2–6 min"),
        (240, 240, "about 4 min"),
        (900, 9000, "15 min – 2 h 30 min"),
    ],
)
def test_a_span_is_rounded_outwards(low: float, high: float, words: str) -> None:
    assert span(TypicalDuration(timedelta(seconds=low), timedelta(seconds=high))) == words


def test_a_status_card_shows_the_typical_duration_and_the_expected_end() -> None:
    expected_range = typical([float(seconds) for seconds in range(40, 71)])
    usual = (
        formatting.status_card(
            job(1), parent=None, subscribers=["Mira"], started=NOON, typical=expected_range
        ).description
        or ""
    )
    expected = int((NOON + timedelta(seconds=67)).timestamp())
    assert usual.endswith(f"\nUsually 40–70 s, expected <t:{expected}:R>")
    silent = (
        formatting.status_card(job(1), parent=None, subscribers=["Mira"], started=NOON, typical=None).description or ""
    )
    assert "sually" not in silent
