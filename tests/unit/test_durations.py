"""How long jobs usually take: what is compared with what, when something is said, and in which words."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bot import formatting
from bot.formatting.status_text import span
from bot.models import Destination, Job, Person, Status
from bot.models.durations import ENOUGH, KEPT, TypicalDuration, kind_of, seconds_of, typical
from bot.store import Store, open_store

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERE = Destination(guild_id=100, channel_id=200)
MIRA = Person(id=1, name="Mira")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path, lambda: NOON) as opened:
        yield opened


def job(number: int, seconds: float | None = None, *, mode: str = "fast", verb: str = "imagine") -> Job:
    """One that runs, or took so long."""
    running = Job(jobid=f"job:{number}", verb=verb, status=Status.STARTED, prompt="castle", mode=mode, created=NOON)
    if seconds is None:
        return running
    updated = NOON + timedelta(seconds=seconds)
    return msgspec.structs.replace(running, status=Status.COMPLETED, updated=updated)


async def follow(store: Store, number: int, seconds: float, *, mode: str = "fast", verb: str = "imagine") -> None:
    """Somebody waited for this one from its beginning to its end."""
    subscribed = await store.ask(job(number, mode=mode, verb=verb), HERE, MIRA)
    await store.record([(subscribed.known.id, job(number, seconds, mode=mode, verb=verb))])


async def test_nothing_is_said_before_twenty_of_a_kind_are_known(store: Store) -> None:
    for number in range(ENOUGH - 1):
        await follow(store, number, 30 + number)
    assert await store.typical(job(99)) is None
    await follow(store, ENOUGH, 60)
    assert await store.typical(job(99)) == TypicalDuration(timedelta(seconds=32), timedelta(seconds=47))


async def test_each_mode_is_counted_by_itself_and_one_that_is_not_known_yet_may_be_any(store: Store) -> None:
    for number in range(ENOUGH):
        await follow(store, number, 40)
        await follow(store, 100 + number, 400, mode="relaxed")
    assert await store.typical(job(999)) == (timedelta(seconds=40),) * 2
    assert await store.typical(job(999, mode="relaxed, stealth")) == (timedelta(seconds=400),) * 2
    assert await store.typical(job(999, mode="")) == (timedelta(seconds=40), timedelta(seconds=400))
    assert await store.typical(job(999, mode="turbo")) is None
    assert await store.typical(job(999, verb="blend")) is None


async def test_what_was_usual_long_ago_is_forgotten(store: Store) -> None:
    for number in range(10):
        await follow(store, number, 1000)
    for number in range(10, 10 + KEPT):
        await follow(store, number, 50)
    assert await store.typical(job(9999)) == (timedelta(seconds=50),) * 2
    ((kept,),) = await store._db.rows("SELECT count(*) FROM durations")
    assert kept == KEPT


async def test_only_jobs_that_were_followed_count_and_each_once(store: Store) -> None:
    await store.ask(job(1, 30), HERE, MIRA)  # over already: presses on it may have changed when it was updated
    subscribed = await store.ask(job(2), HERE, MIRA)
    for answer in (job(2, 30), job(2, 60)):
        await store.record([(subscribed.known.id, answer)])
    assert [tuple(row) for row in await store._db.rows("SELECT kind, mode, seconds FROM durations")] == [
        ("imagine", "fast", 30.0)
    ]


def test_a_job_without_times_or_without_a_picture_tells_nothing() -> None:
    assert seconds_of(job(1, 30)) == 30
    assert seconds_of(job(1, 0)) is None
    assert seconds_of(job(1)) is None
    assert seconds_of(job(1, 30, verb="info")) is None
    assert seconds_of(msgspec.structs.replace(job(1, 30), status=Status.FAILED)) is None
    assert seconds_of(msgspec.structs.replace(job(1, 30), created=None)) is None


@pytest.mark.parametrize(
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
def test_presses_are_compared_by_what_was_pressed(button: str, kind: str) -> None:
    assert kind_of(Job(jobid="job:1", verb="button", button=button)) == kind


@pytest.mark.parametrize(
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


def test_a_card_says_what_is_usual_and_when_to_expect_it() -> None:
    often = typical([float(seconds) for seconds in range(40, 71)])
    told = (
        formatting.status_card(job(1), parent=None, subscribers=["Mira"], started=NOON, typical=often).description or ""
    )
    expected = int((NOON + timedelta(seconds=67)).timestamp())
    assert told.endswith(f"\nUsually 40–70 s, expected <t:{expected}:R>")
    silent = (
        formatting.status_card(job(1), parent=None, subscribers=["Mira"], started=NOON, typical=None).description or ""
    )
    assert "sually" not in silent
