"""Jobs are found by the words of their prompts, in the channels that are named, and in no other."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.models import Destination, Job, Person, Status
from bot.store import Store, open_store
from bot.store.connection import FILE, MIGRATIONS
from tests.database import migrated

HERE = Destination(guild_id=100, channel_id=200)
THERE = Destination(guild_id=100, channel_id=201)
MIRA = Person(id=1, name="Mira")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMING = "https://cdn.midjourney.com/alice_castle.png alice_1a2b3c4d-1a2b-4c4d-8e8f-1a2b3c4d5e6f.png"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(migrated(tmp_path), lambda: NOON) as opened:
        yield opened


async def made(store: Store, prompt: str, *destinations: Destination, **fields: Any) -> int:
    """A job that is subscribed in these channels, here without any."""
    job = Job(jobid=f"job:{prompt}{fields}", verb="imagine", prompt=prompt, **{"status": Status.STARTED, **fields})
    for destination in destinations or (HERE,):
        job_id = (await store.subscriptions.add(job, destination, MIRA)).known.id
    return job_id


async def found(store: Store, words: str, *channels: int) -> list[int]:
    return [known.id for known in await store.prompts.find(words, channels or (200, 201), limit=9)]


@pytest.mark.parametrize(
    ("words", "prompts"),
    [
        ("castle", {"castle", "boats"}),
        ("CASTLES", {"castle", "boats"}),
        ("fog castle", {"castle"}),
        ('"in the fog"', {"castle"}),
        ('"fog in the"', set()),
        ("cast*", {"castle", "boats"}),
        ("cast", set()),
        ("ca*", set()),
        ("cast* fo*", set()),
        ("cast* fog", {"castle"}),
        ("fôg", {"castle"}),
        ("--ar", {"castle"}),
        ("3:2", {"castle"}),
        ("2:3", set()),
        ('castle" OR prompt:*', set()),
        ("channels:200", set()),
        ("NOT boats", set()),
        ("200", set()),
        ("!?", set()),
    ],
)
async def test_all_words_must_be_in_the_prompt_and_none_is_an_operator(
    store: Store, words: str, prompts: set[str]
) -> None:
    names = {
        await made(store, "A castle in the Fôg --ar 3:2"): "castle",
        await made(store, "boats before old castles"): "boats",
    }
    assert {names[job_id] for job_id in await found(store, words)} == prompts


async def test_a_job_is_found_in_the_channels_that_the_reader_may_view_and_once(store: Store) -> None:
    both, there = await made(store, "a castle", HERE, THERE), await made(store, "a castle by the sea", THERE)
    assert await found(store, "castle", 200) == [both]
    assert await found(store, "castle", 201) == [there, both]
    assert await found(store, "castle", 200, 201) == [there, both]
    assert await found(store, "castle", 999) == []
    assert await store.prompts.channels(100) == [201, 200]
    assert await store.prompts.channels(900) == []


async def test_pages_go_both_ways(store: Store) -> None:
    ids = [await made(store, f"castle number {number}") for number in range(7)]
    older = await store.prompts.find("castle", [200], before=ids[3], limit=2)
    newer = await store.prompts.find_newer("castle", [200], after=ids[3], limit=2)
    assert [known.id for known in older] == [ids[2], ids[1]]
    assert [known.id for known in newer] == [ids[5], ids[4]]


async def test_nothing_that_names_the_payer_and_no_declined_prompt_is_found(store: Store) -> None:
    job_id = await made(store, f"a castle {NAMING}")
    assert await found(store, "castle") == [job_id]
    assert await found(store, "alice*") == []
    declined = Job(jobid="job:d", verb="imagine", prompt="a dragon", status=Status.MODERATED)
    await store.subscriptions.add(declined, HERE, MIRA)
    assert await found(store, "dragon") == []


async def test_what_is_found_follows_the_job(store: Store) -> None:
    job = Job(jobid="job:1", verb="button", status=Status.STARTED)
    job_id = (await store.subscriptions.add(job, HERE, MIRA)).known.id
    assert await found(store, "castle") == []
    job = msgspec.structs.replace(job, status=Status.PROGRESS, content="**a castle --v 7** - <@1> (47%) (fast)")
    await store.jobs.record([(job_id, job)])
    assert await found(store, "castle") == [job_id], "Midjourney repeats the prompt of a button's job in its message"
    await store.jobs.record([(job_id, msgspec.structs.replace(job, status=Status.MODERATED))])
    assert await found(store, "castle") == []


async def test_an_update_indexes_the_jobs_of_before_in_the_same_way(tmp_path: Path) -> None:
    scripts = sorted(MIGRATIONS.glob("*.sql"))
    before = [script for script in scripts if script.name < "0015"]
    jobs = {
        1: ("completed", {"prompt": f'a "castle" in\\the fog {NAMING}'}),
        2: ("progress", {"content": "**a castle ** of sand --v 7** - <@1> (47%)"}),
        3: ("moderated", {"prompt": "a castle on fire"}),
        4: ("started", {}),
    }
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for script in before:
            database.executescript(script.read_text(encoding="utf-8"))
        for job_id, (status, answer) in jobs.items():
            text = msgspec.json.encode({"jobid": f"job:{job_id}", "status": status, **answer}).decode()
            database.execute(
                """INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at)
                   VALUES (?, ?, ?, ?, 1, ?, 0, 0)""",
                (job_id, f"k{job_id}", f"job:{job_id}", status, text),
            )
            for user_id, channel_id in ((1, 200), (2, 200), (2, 201)):
                database.execute(
                    """INSERT INTO subscriptions (job_id, guild_id, channel_id, user_id, user_name, created_at)
                       VALUES (?, 100, ?, ?, 'Mira', 0)""",
                    (job_id, channel_id, user_id),
                )
        database.execute(f"PRAGMA user_version = {len(before)}")
        database.commit()
    async with open_store(tmp_path, lambda: NOON) as store:
        assert await found(store, "castle", 201) == [2, 1]
        assert await found(store, "sand") == [2]
        assert await found(store, "v") == [2]
        assert await found(store, "alice*") == []
        assert await store.prompts.channels(100) == [201, 200]
        rows = await store.database.rows("SELECT rowid, channels FROM job_prompts ORDER BY rowid")
        assert [(row[0], sorted(row[1].split(","))) for row in rows] == [(n, ["200", "201"]) for n in (1, 2, 3, 4)]
