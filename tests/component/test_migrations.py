"""Updates of the database from the schema of every release, with rows in it."""

import json
import resource
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import aiosqlite
import msgspec
import pytest

from bot.errors import StoreError
from bot.models.provider import ProviderName
from bot.store import Store, open_store
from bot.store.connection import FILE, MIGRATIONS, open_database
from bot.store.file_header import DatabaseState, read_header
from bot.store.restore import restore
from tests.disk import largest_file
from tests.stored_jobs import (
    HERE,
    MIRA,
    RUNNING,
    Clock,
    count,
    press,
    read,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


RELEASED = {
    1: """
    INSERT INTO facts VALUES ('commands', 'a hash');
    INSERT INTO jobs VALUES (1, 'AAAA', 'job:parent', 'completed', 1, '{"jobid":"job:parent"}', 1, 2, 2),
                            (2, 'BBBB', 'job:child', 'progress', 0, '{"jobid":"job:child"}', 3, 4, NULL);
    INSERT INTO watches VALUES (1, 1, 100, 200, 1, 'Mira', 1, 0), (2, 2, 100, 200, 1, 'Mira', 3, 1);
    INSERT INTO deliveries (id, kind, job_id, guild_id, channel_id, nonce, state, message_id, next_try, created_at)
        VALUES (1, 'result', 1, 100, 200, 'aaaaaaaaaaaaaaaaaaaaaaaa', 'posted', 5, 1, 2),
               (2, 'card', 2, 100, 200, 'bbbbbbbbbbbbbbbbbbbbbbbb', 'sending', NULL, 3, 3),
               (3, 'result', 1, 100, 201, 'cccccccccccccccccccccccc', 'undeliverable', NULL, 3, 3);
    INSERT INTO presses VALUES (1, 'ref1', 1, 2, 'U1', 100, 200, 1, 'Mira', 'made', '', 3),
                               (2, 'ref2', 1, NULL, 'V1', 100, 200, 1, 'Mira', 'unknown', 'the bot ended', 3);
    """,
    2: """
    INSERT INTO facts VALUES ('commands', 'a hash'), ('night', '7');
    INSERT INTO jobs VALUES
        (1, 'AAAA', 'job:parent', 'completed', 1, '{"jobid":"job:parent"}', 1, 2, 2, ''),
        (2, 'BBBB', 'job:child', 'progress', 0, '{"jobid":"job:child","parent_jobid":"job:parent"}', 3, 4, NULL,
         'job:parent');
    INSERT INTO watches VALUES (1, 1, 100, 200, 1, 'Mira', 1, 0), (2, 2, 100, 200, 1, 'Mira', 3, 1);
    INSERT INTO servers VALUES (100, '{"daily":3,"press_role":7}', 26214400);
    INSERT INTO members VALUES (100, 1, 0);
    INSERT INTO presses VALUES
        (1, 'ref1', 1, 2, 'U1', 'pick', '', 100, 200, 1, 'Mira', 'made', NULL, '', 3, 3, 4, 1, ''),
        (2, 'ref2', 1, NULL, 'V1', 'vary', 'a tower', 100, 200, 1, 'Mira', 'lost', NULL, 'no job', 3, 3, 9, 1, ''),
        (3, 'ref3', 1, NULL, 'V2', 'vary', '', 100, 200, 2, 'Bo', 'queued', NULL, '', 4, NULL, NULL, 0, 'a token');
    INSERT INTO deliveries (id, kind, job_id, press_id, guild_id, channel_id, nonce, state, message_id, next_try,
                            picture_until, pinged, created_at)
        VALUES (1, 'result', 1, NULL, 100, 200, 'aaaaaaaaaaaaaaaaaaaaaaaa', 'posted', 5, 1, 600, 1, 2),
               (2, 'card', 2, NULL, 100, 200, 'bbbbbbbbbbbbbbbbbbbbbbbb', 'sending', NULL, 3, NULL, 0, 3),
               (3, 'notice', 1, 2, 100, 200, 'cccccccccccccccccccccccc', 'waiting', NULL, 3, NULL, 0, 3),
               (4, 'split', 1, NULL, 100, 201, 'dddddddddddddddddddddddd', 'undeliverable', NULL, 3, NULL, 0, 3);
    """,
}
"""Rows as each schema before the newest had them; a new migration brings those of the schema that it leaves behind."""
RELEASED[3] = f"{RELEASED[2]} INSERT INTO durations VALUES (1, 'imagine', 'fast', 52.5);"
RELEASED[4] = f"""{RELEASED[3]}
    INSERT INTO presses VALUES
        (4, 'ref4', 1, NULL, 'U2', 'pick', '', 100, 200, 1, 'Mira', 'asked', NULL, '', 5, 5, NULL, 0, ''),
        (5, 'ref5', 1, NULL, 'U2', 'pick', '', 100, 200, 2, 'Bo', 'queued', 4, '', 6, NULL, NULL, 0, ''),
        (6, 'ref6', 1, NULL, 'V3', 'vary', '', 100, 200, 1, 'Mira', 'unknown', NULL, 'no answer', 5, 5, NULL, 0, ''),
        (7, 'ref7', 1, 2, 'U1', 'pick', '', 100, 200, 2, 'Bo', 'used', NULL, '', 7, NULL, 7, 1, ''),
        (8, 'ref8', 1, NULL, 'V4', 'vary', '', 100, 200, 2, 'Bo', 'withdrawn', NULL, '', 7, NULL, 8, 1, ''),
        (9, 'ref9', 1, NULL, 'V4', 'vary', '', 100, 200, 2, 'Bo', 'declined', NULL, 'Banned', 7, 7, 8, 0, 'a token');
    UPDATE deliveries SET attempts = 3, timeouts = 1, shape = 1, trouble = 'HTTP 500', wanted = 4, shown = 2,
        after_id = 4 WHERE id = 1;
"""
RELEASED[5] = """
    INSERT INTO facts VALUES ('commands', 'a hash');
    INSERT INTO jobs VALUES
        (1, 'AAAA', 'job:parent', 'completed', 1, '{"jobid":"job:parent"}', 1, 2, 2, ''),
        (2, 'BBBB', 'job:child', 'progress', 0, '{"jobid":"job:child"}', 3, 4, NULL, 'job:parent');
    INSERT INTO subscriptions VALUES (1, 1, 100, 200, 1, 'Mira', 1, 0), (2, 2, 100, 200, 1, 'Mira', 3, 1);
    INSERT INTO submissions VALUES
        (1, 'ref1', 1, 2, 'U1', 'pick', '', 100, 200, 1, 'Mira', 'accepted', NULL, '', 3, 3, 4, 1, ''),
        (2, 'ref2', 1, NULL, 'V1', 'vary', '', 100, 200, 1, 'Mira', 'lost', NULL, 'Look there', 3, 3, 9, 0, 'a token');
    INSERT INTO deliveries (id, kind, job_id, guild_id, channel_id, nonce, state, message_id, next_try, created_at)
        VALUES (1, 'result', 1, 100, 200, 'aaaaaaaaaaaaaaaaaaaaaaaa', 'posted', 5, 1, 2);
"""
RELEASED[6] = f"""{RELEASED[5]}
    INSERT INTO subscriptions VALUES
        (3, 1, 100, 200, 2, 'Bo', 3, 0),
        (4, 1, 100, 201, 2, 'Bo', 4, 0),
        (5, 1, 900, 901, 2, 'Bo', 4, 1),
        (6, 2, 100, 201, 0, '', 5, 1),
        (7, 2, 900, 901, 0, '', 5, 1),
        (8, 2, 900, 901, 2, 'Bo', 6, 1);
"""
_SUBSCRIBED = (
    "INSERT INTO subscriptions (id, job_id, guild_id, channel_id, user_id, user_name, created_at, stopped) VALUES"
)
RELEASED[7] = f"""{RELEASED[5].replace("INSERT INTO subscriptions VALUES", _SUBSCRIBED)}
    INSERT INTO subscriptions (id, job_id, guild_id, channel_id, user_id, user_name, created_at, stopped, origin)
        VALUES (3, 1, 100, 200, 2, 'Bo', 3, 0, 'key');
    INSERT INTO deliveries (id, kind, job_id, submission_id, guild_id, channel_id, nonce, state, next_try, created_at)
        VALUES (2, 'notice', 1, 2, 100, 200, 'bbbbbbbbbbbbbbbbbbbbbbbb', 'waiting', 3, 3);
    INSERT INTO submissions VALUES
        (3, 'ref3', 1, NULL, 'U2', 'pick', '', 100, 200, 1, 'Mira', 'queued', NULL, '', 5, NULL, NULL, 0, ''),
        (4, 'ref4', 1, NULL, 'U2', 'pick', '', 100, 200, 2, 'Bo', 'queued', 3, '', 6, NULL, NULL, 0, '');
"""
_JOBS = "INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at, over_at, parent_jobid) VALUES"
_SUBMITTED = (
    "INSERT INTO submissions (id, reference, parent_id, child_id, button, tier, prompt, guild_id, channel_id, user_id, "
    "user_name, state, waits_for, error, created_at, sent_at, ended_at, notified, interaction_token) VALUES"
)
RELEASED[8] = (
    RELEASED[7].replace("INSERT INTO jobs VALUES", _JOBS).replace("INSERT INTO submissions VALUES", _SUBMITTED)
)
RELEASED[9] = f"""{RELEASED[8]}
    UPDATE submissions SET answered = 1;
    UPDATE subscriptions SET origin = 'notify' WHERE id = 3;
"""
RELEASED[10] = f"""{RELEASED[9]}
    INSERT INTO submissions (id, reference, parent_id, button, guild_id, channel_id, user_id, user_name, state,
                             provider, created_at, sent_at, interaction_id, answered)
        VALUES (5, 'ref5', 1, 'V2', 100, 200, 2, 'Bo', 'sent', 'midjourney-proxy', 7, 7, 77, 1);
    UPDATE submissions SET waits_for = 3 WHERE id = 4;
"""
_SERVERS = "INSERT INTO servers (guild_id, settings, file_limit) VALUES"
RELEASED[11] = f"""{RELEASED[10]}
    INSERT INTO servers VALUES (100, '{{"daily":3}}', 1000);
    INSERT INTO submissions (id, reference, kind, prompt, guild_id, channel_id, user_id, user_name, state, created_at,
                             sent_at, ended_at, answered)
        VALUES (6, 'ref6', 'imagine', 'a castle', 100, 200, 2, 'Bo', 'declined', 8, 8, 8, 1);
    INSERT INTO deliveries (id, kind, submission_id, guild_id, channel_id, nonce, next_try, created_at)
        VALUES (3, 'notice', 6, 100, 200, 'cccccccccccccccccccccccc', 8, 8);
"""
RELEASED[12] = f"""{RELEASED[11].replace("INSERT INTO servers VALUES", _SERVERS)}
    INSERT INTO submissions (id, reference, kind, prompt, guild_id, channel_id, user_id, user_name, created_at,
                             answered)
        VALUES (7, 'ref7', 'imagine', 'a castle', 100, 200, 2, 'Bo', 8, 1);
    INSERT INTO members VALUES (100, 2, 0);
"""
RELEASED[13] = f"""{RELEASED[12]}
    INSERT INTO presets VALUES (1, 100, 'Ink', 'ink wash --ar 3:2');
    INSERT INTO submissions (id, reference, kind, dimensions, guild_id, channel_id, user_id, user_name, created_at,
                             answered)
        VALUES (8, 'ref8', 'blend', 'portrait', 100, 200, 2, 'Bo', 9, 1);
    INSERT INTO submission_pictures VALUES (8, 0, 'https://cdn.example/a.png', 'image/png', x'89', 1);
"""
_MEMBERS = "INSERT INTO members (guild_id, user_id, pings) VALUES"
RELEASED[14] = f"""{RELEASED[13].replace("INSERT INTO members VALUES", _MEMBERS)}
    UPDATE members SET name = 'Bo', shut_out = 'manager', declined_from = 9;
    INSERT INTO audit_entries VALUES (1, 'shut out', 100, 2, 'Bo', 'Ada', NULL, 9, 'none');
"""
RELEASED[15] = f"""{RELEASED[14]}
    INSERT INTO job_prompts (rowid, prompt, channels) VALUES (1, 'a castle', '200');
    INSERT INTO job_channels VALUES (100, 200);
"""
RELEASED[16] = f"""{RELEASED[15]}
    INSERT INTO stars VALUES (1, 100, 2);
    UPDATE deliveries SET kind = 'starboard_post' WHERE kind = 'split';
"""
RELEASED[17] = f"""{RELEASED[16]}
    INSERT INTO forget_requests VALUES (2, 9);
    INSERT INTO left_servers VALUES (100, 9);
"""

SAME = {
    "jobs": "id, key, jobid, status, over, answer, added_at, changed_at, over_at",
    "facts": "name, value",
    "servers": "guild_id, settings, file_limit",
    "members": "guild_id, user_id, pings",
    "durations": "id, kind, mode, seconds",
}
"""What every update leaves as it is, where the older schema has it."""

RENAMED = [
    (
        "SELECT id, job_id, guild_id, channel_id, user_id, user_name, asked_at, stopped FROM watches",
        "SELECT id, job_id, guild_id, channel_id, user_id, user_name, created_at, stopped FROM subscriptions",
    ),
    (
        "SELECT id, iif(kind = 'card', 'status_card', kind), job_id, channel_id, nonce, state, after_id, message_id, "
        "attempts, timeouts, next_try, shape, gone_since, trouble, wanted, created_at FROM deliveries",
        "SELECT id, kind, job_id, channel_id, nonce, state, after_id, message_id, "
        "attempts, timeouts, next_try, fallback, gone_since, error, revision, created_at FROM deliveries",
    ),
    (
        "SELECT id, ref, parent_id, child_id, button, user_id, trouble, pressed_at FROM presses",
        "SELECT id, reference, parent_id, child_id, button, user_id, error, created_at FROM submissions",
    ),
]
"""What schema 5 gave other names: how the older schemas are asked for it, and how the newest is."""

DENIED = "This press did not reach Midjourney, so nothing was charged. Press again if you still want it."
"""What 0.1.0 said of a press whose job it did not find."""


def test_every_schema_before_the_newest_has_rows_to_be_brought_up_to_date() -> None:
    behind = range(1, len(list(MIGRATIONS.glob("*.sql"))))
    assert set(RELEASED) >= set(behind)


async def submissions(store: Store) -> list[aiosqlite.Row]:
    return await store.database.rows("SELECT * FROM submissions")


@pytest.mark.parametrize("released", RELEASED)
async def test_a_database_of_each_release_is_brought_up_to_date_with_all_its_rows(
    tmp_path: Path, clock: Clock, released: int
) -> None:
    scripts = sorted(MIGRATIONS.glob("*.sql"))
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(scripts[:released], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[released])
    tables = {name for (name,) in read(tmp_path / FILE, "SELECT name FROM sqlite_schema")} & set(SAME)
    same = [f"SELECT {SAME[table]} FROM {table}" for table in sorted(tables)]
    renamed = [old if released < 5 else new for old, new in RENAMED]
    before = [sorted(read(tmp_path / FILE, query)) for query in [*same, *renamed]]
    assert read_header(tmp_path).found is (DatabaseState.OLDER if released < len(scripts) else DatabaseState.OURS)
    async with open_store(tmp_path, clock) as store:
        after = [
            sorted(tuple(row) for row in await store.database.rows(query))
            for query in [*same, *(new for _, new in RENAMED)]
        ]
        assert await store.database.rows("PRAGMA foreign_key_check") == []
        (version,) = await store.database.rows("PRAGMA user_version")
        assert await store.jobs.to_poll(ProviderName.USEAPI) == [], "Mira had stopped"
        parent = await store.jobs.by_key("AAAA", 100)
        assert parent is not None
        assert await store.jobs.by_jobid(ProviderName.USEAPI, "job:parent") == parent
        states = {row["id"]: (row["state"], row["waits_for"]) for row in await submissions(store)}
        assert await store.queue.unanswered(ProviderName.USEAPI) == [], "what is queued is sent, as it was promised"
        counts = await store.stats.counts()
        assert [sum(each.values()) for each in (counts.jobs, counts.deliveries, counts.submissions)] == [
            await count(store, table) for table in ("jobs", "deliveries", "submissions")
        ]
    assert after == before
    if released == 4:
        assert states == {
            1: ("accepted", None),
            2: ("lost", None),
            3: ("queued", None),
            4: ("unconfirmed", None),
            5: ("queued", 4),
            6: ("unconfirmed", None),
            7: ("repeated", None),
            8: ("cancelled", None),
            9: ("declined", None),
        }, "what had been sent at the end is reconciled, as after every start"
    assert version[0] == len(scripts)
    (copy,) = (tmp_path / "backups").iterdir()
    assert read(copy, "SELECT count(*) FROM jobs") == [(2,)]
    restored = await restore(tmp_path, copy, clock.time)
    assert restored.jobs == 2, "an older copy is brought up to date when it is put back"
    async with open_store(tmp_path, clock) as store:
        assert json.loads(str(await store.facts.get("restored")))["after"] == 5


async def test_no_charge_that_0_1_0_denied_is_denied_after_the_update(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:4], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[4])
        database.execute("UPDATE presses SET trouble = ? WHERE state IN ('lost', 'refused', 'unknown')", (DENIED,))
        database.commit()
    async with open_store(tmp_path, clock) as store:
        sentences = {row["id"]: row["error"] for row in await submissions(store) if row["error"]}
    assert "may have been charged" in sentences[2]
    assert "may have been charged" in sentences[6]
    assert not [sentence for sentence in sentences.values() if "nothing was charged" in sentence]


@pytest.mark.parametrize(
    ("careless", "leaves"),
    [
        ("DELETE FROM jobs WHERE id = 2", "2 rows without what they belong to, the first of them in"),
        ("DELETE FROM jobs WHERE id = 2; DELETE FROM subscriptions", "1 row without what it belongs to, in"),
    ],
)
async def test_an_update_that_would_orphan_rows_is_not_made(tmp_path: Path, careless: str, leaves: str) -> None:
    released = sorted(MIGRATIONS.glob("*.sql"))
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(released[:7], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[7])
    folder = tmp_path / "migrations"
    folder.mkdir()
    for script in released[:7]:
        shutil.copy(script, folder)
    (folder / "0008_careless.sql").write_text(f"{careless};", encoding="utf-8")
    with pytest.raises(StoreError, match=rf"would leave {leaves} \w+\. Nothing was changed"):
        async with open_database(tmp_path, folder):
            pass
    assert read(tmp_path / FILE, "SELECT count(*) FROM jobs") == [(2,)]
    assert read(tmp_path / FILE, "PRAGMA user_version") == [(7,)]


async def test_two_providers_may_use_the_same_id(tmp_path: Path, clock: Clock) -> None:
    theirs = msgspec.structs.replace(RUNNING, provider=ProviderName.MIDJOURNEY_PROXY)
    async with open_store(tmp_path, clock) as store:
        first = await store.subscriptions.add(RUNNING, HERE, MIRA)
        second = await store.subscriptions.add(theirs, HERE, MIRA)
        assert first.known.id != second.known.id
        for provider, subscribed in ((ProviderName.USEAPI, first), (ProviderName.MIDJOURNEY_PROXY, second)):
            assert await store.jobs.to_poll(provider) == [subscribed.known.id]
            found = await store.jobs.by_jobid(provider, RUNNING.jobid)
            assert found is not None
            assert (found.id, found.job.provider) == (subscribed.known.id, provider)
            queued = await press(store, found.id)
            assert [each.id for each in await store.queue.next(provider, 9)] == [queued.id]
            assert await store.queue.position(queued) == 1, "each provider has a queue of its own"
        assert (await store.subscriptions.add(theirs, HERE, MIRA)).known.id == second.known.id


async def test_who_pressed_notify_me_before_the_update_is_mentioned_after_it(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:9], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[9])
    async with open_store(tmp_path, clock) as store:
        subscribed = await store.subscriptions.in_channel(1, HERE.channel_id)
    assert [(each.person.name, each.notify) for each in subscribed] == [("Mira", False), ("Bo", True)]


async def test_of_old_subscriptions_only_those_that_brought_the_job_give_rights(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:6], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[6])
    async with open_store(tmp_path, clock) as store:
        rows = await store.database.rows("SELECT id, origin FROM subscriptions")
        origins = {row["id"]: row["origin"] for row in rows}
    assert origins == {
        1: "job_id",  # the first of the server
        2: "press",
        3: "key",
        4: "key",
        5: "job_id",  # the first of another server
        6: "unattended",
        7: "unattended",
        8: "key",
    }


async def test_a_good_copy_is_not_blamed_for_a_disk_that_is_full(tmp_path: Path, clock: Clock) -> None:
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(copy)) as database:
        script = min(MIGRATIONS.glob("*.sql")).read_text(encoding="utf-8")
        database.executescript(f"{script}; PRAGMA user_version = 1; {RELEASED[1]}")
    (tmp_path / "data").mkdir()
    with largest_file(copy.stat().st_size), pytest.raises(StoreError, match=r"could not be made ready .*disk full\?"):
        await restore(tmp_path / "data", copy, clock.time)
    assert list((tmp_path / "data").iterdir()) == []
    assert (await restore(tmp_path / "data", copy, clock.time)).jobs == 2


@pytest.mark.parametrize("error", ["a full disk", "a file in the place of the folder"])
async def test_an_update_that_cannot_keep_a_copy_changes_nothing_and_leaves_no_half_one(
    tmp_path: Path, clock: Clock, error: str
) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:2], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[2])
        database.execute("INSERT INTO facts VALUES ('long', ?)", ("x" * 1_000_000,))
        database.commit()
    folder = tmp_path / "backups"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if "full" in error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    else:
        folder.touch()
    try:
        with pytest.raises(StoreError, match=r"a copy is made in .*Nothing was changed"):
            await open_store(tmp_path, clock).__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "full" not in error or list(folder.iterdir()) == []
    assert read(tmp_path / FILE, "PRAGMA user_version") == [(2,)]
    if folder.is_file():
        folder.unlink()
    async with open_store(tmp_path, clock):
        pass
    (copy,) = folder.iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    assert read(copy, "PRAGMA user_version") == [(2,)]
