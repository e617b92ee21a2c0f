"""How long it takes to find jobs by their prompts, among many; and to build the index of prompts in an update."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bot.models import Destination, Job, Person, Status
from bot.store import Store, open_store
from bot.store.connection import FILE, MIGRATIONS
from bot.store.rows import encode
from tests.bench.report import Table, percentile

_VOCABULARY = 30_000  # different words; the n-th is used 1/n as often as the first
_WORDS = 14  # of a prompt
_SERVERS, _CHANNELS = 20, 25
_INDEX = "0015"  # the migration that builds the index
_QUERIES = 100


async def run(*, quick: bool) -> list[Table]:
    """Fill a database of the schema before, update it, and find words of random prompts in one of 20 servers."""
    jobs = 5_000 if quick else 1_000_000
    random.seed(4)
    with TemporaryDirectory() as name:
        folder = Path(name)
        await asyncio.to_thread(_fill, folder / FILE, jobs)
        before = (folder / FILE).stat().st_size
        started = time.perf_counter()
        async with open_store(folder, lambda: datetime.now(UTC)) as store:
            updated = time.perf_counter() - started
            size = (await store.stats.counts()).size
            found = await _find(store)
            added = await _add(store)
    rows = [
        *((what, *map(_p95, seconds)) for what, seconds in found.items()),
    ]
    index = (size - before) >> 20
    return [
        Table(
            head=("ten of the jobs whose prompts have", "in all 25 channels of the server", "in one of them"),
            rows=rows,
            before=(
                f"`/jobs` with `find` among {jobs:,} jobs of {_SERVERS} servers, each with a prompt of {_WORDS} words: "
                "what the store takes, 95 of 100 take less. Discord is asked about the member's rights besides."
            ),
            after=(
                f"The index is {index} MB of the database's {size >> 20} MB. The update to the schema with it took "
                f"{updated:.0f} s, the copy of the database before it included. Subscribing to a new job takes "
                f"{_p95(added)}."
            ),
        )
    ]


async def _find(store: Store) -> dict[str, tuple[list[float], list[float]]]:
    """How many seconds it takes to find each kind of words, in all channels of the server and in one."""
    channels = await store.prompts.channels(1)
    frequent, rare = [_word(n) for n in range(1, 20)], [_word(n) for n in range(2000, 20_000)]
    kinds: dict[str, Callable[[], str]] = {
        "a frequent word": lambda: random.choice(frequent),
        "a rare word": lambda: random.choice(rare),
        "two frequent words and a rare one": lambda: " ".join((*random.sample(frequent, 2), random.choice(rare))),
        "the beginning of a word": lambda: f"{random.choice(rare)[:3]}*",
        "a word that no prompt has": lambda: "nothingofthekind",
    }
    taken: dict[str, tuple[list[float], list[float]]] = {}
    for what, words in kinds.items():
        taken[what] = ([], [])
        for viewable, seconds in zip((channels, channels[:1]), taken[what], strict=True):
            for _ in range(_QUERIES):
                typed = words()
                started = time.perf_counter()
                await store.prompts.find(typed, viewable, limit=10)
                seconds.append(time.perf_counter() - started)
    return taken


async def _add(store: Store) -> list[float]:
    seconds = []
    for number in range(300):
        job = Job(jobid=f"new:{number}", status=Status.STARTED, prompt=_prompt())
        destination = Destination(guild_id=1, channel_id=1 * 1000 + number % _CHANNELS)
        started = time.perf_counter()
        await store.subscriptions.add(job, destination, Person(id=1, name="Mira"))
        seconds.append(time.perf_counter() - started)
    return seconds


def _p95(seconds: list[float]) -> str:
    return f"{percentile(seconds, 0.95) * 1000:.1f} ms"


def _word(number: int) -> str:
    """A word of three to five syllables, the same for each number."""
    syllables, text = ["ba", "ce", "di", "fo", "gu", "ha", "le", "mi", "no", "ru", "sa", "te", "vi", "wo", "zu"], ""
    number += 200
    while number:
        number, syllable = divmod(number, len(syllables))
        text += syllables[syllable]
    return text


def _prompt() -> str:
    numbers = (int(_VOCABULARY ** random.random()) for _ in range(_WORDS))
    return " ".join(map(_word, numbers)) + " --ar 3:2"


def _fill(file: Path, jobs: int) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        scripts = [script for script in sorted(MIGRATIONS.glob("*.sql")) if script.name < _INDEX]
        for script in scripts:
            db.executescript(script.read_text(encoding="utf-8"))
        db.execute(f"PRAGMA user_version = {len(scripts)}")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        db.executemany(
            """INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at, over_at)
               VALUES (?, ?, ?, 'completed', 1, ?, ?, ?, ?)""",
            _jobs(jobs),
        )
        db.execute(
            f"""INSERT INTO subscriptions (job_id, guild_id, channel_id, user_id, user_name, created_at)
                SELECT id, 1 + id % {_SERVERS}, (1 + id % {_SERVERS}) * 1000 + id / {_SERVERS} % {_CHANNELS},
                id % 5000, 'Mira', changed_at FROM jobs ORDER BY id"""
        )
        db.execute("COMMIT")


def _jobs(jobs: int) -> Iterator[tuple[object, ...]]:
    job = Job(jobid="", verb="imagine", status=Status.COMPLETED, content="x" * 200)
    for number in range(1, jobs + 1):
        text = encode(msgspec.structs.replace(job, jobid=f"job:{number}", prompt=_prompt()))
        yield number, f"k{number}", f"job:{number}", text, number, number, number
