"""Copies of the database, on real SQLite files: nightly ones, one that is put back, and what a file says of itself."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bot.errors import StoreError
from bot.models import (
    DeliveryState,
    SubmissionState,
)
from bot.store import open_store
from bot.store.backups import BackupError, nightly
from bot.store.connection import FILE
from bot.store.file_header import DatabaseState, read_header
from bot.store.restore import restore
from tests.stored_jobs import (
    DONE,
    HERE,
    MIRA,
    NOON,
    RUNNING,
    Clock,
    count,
    ended,
    press,
    read,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


# --- copies ---------------------------------------------------------------------------------------------------------


async def test_the_newest_copies_stay_and_what_lies_beside_them(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        (tmp_path / "backups").mkdir()
        mine = [tmp_path / "backups" / name for name in ("before-schema-2-x.sqlite3", "nightly-mine.sqlite3", "notes")]
        for file in (*mine, tmp_path / "backups" / "nightly-20260101T000000Z.sqlite3.part"):
            file.write_text("kept, but for the .part", encoding="utf-8")
        made = []
        for _ in range(4):
            made.append(await store.backups.create(tmp_path, 2))
            clock.forward(store, days=1)
        assert nightly(tmp_path, clock()) == made[-2:]
        assert sorted((tmp_path / "backups").iterdir()) == sorted([*mine, *made[-2:]])
        assert {file.stat().st_mode & 0o777 for file in (made[-1], *tmp_path.glob(f"{FILE}*"))} == {0o600}
        assert read(made[-1], "SELECT status FROM jobs") == [("completed",)]
        await store.facts.set("the bot", "goes on")


async def test_a_clock_that_ran_ahead_costs_no_new_copy(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        clock.forward(store, days=365)
        ahead = []
        for _ in range(3):
            ahead.append(await store.backups.create(tmp_path, 3))
            clock.forward(store, days=1)
        clock.time = NOON
        corrected = []
        for day in range(4):
            corrected.append(await store.backups.create(tmp_path, 3))
            assert nightly(tmp_path, clock()) == [*ahead[day + 1 :], *corrected][-3:], f"day {day}"
            clock.forward(store, days=1)


async def test_a_copy_without_room_is_not_begun(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_store(tmp_path, clock) as store:
        kept = await store.backups.create(tmp_path, 2)
        monkeypatch.setattr("bot.store.backups.free_bytes", lambda _: 5 << 20)
        with pytest.raises(BackupError, match="needs 16 MB, and 5 MB are free"):
            await store.backups.create(tmp_path, 2)
        assert list((tmp_path / "backups").iterdir()) == [kept]


async def test_a_damaged_copy_does_not_push_out_a_good_one(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        for number in range(40):
            await ended(store, clock, f"job:{number}", post=False)
        kept = await store.backups.create(tmp_path, 1)
        clock.forward(store, days=1)
        for pragma in ("wal_checkpoint(TRUNCATE)", "shrink_memory"):
            await store.database.rows(f"PRAGMA {pragma}")
        with (tmp_path / FILE).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(size // 2)
            file.write(bytes(size - size // 2))
        with pytest.raises(BackupError, match="damaged, as the database itself may be"):
            await store.backups.create(tmp_path, 1)
        assert list((tmp_path / "backups").iterdir()) == [kept]


async def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "backups").write_text("a file", encoding="utf-8")
    async with open_store(tmp_path, clock) as store:
        with pytest.raises(BackupError, match=r"backups cannot be written"):
            await store.backups.create(tmp_path, 1)


# --- putting a copy back --------------------------------------------------------------------------------------------


async def test_a_copy_comes_back_and_knows_that_time_has_passed(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock, "job:posted")
        waiting = await ended(store, clock, "job:waiting", post=False)
        running = await store.subscriptions.add(msgspec.structs.replace(RUNNING, jobid="job:running"), HERE, MIRA)
        queued = await press(store, waiting)
        newest = store.clock.newest_snowflake
        copy = await store.backups.create(tmp_path, 7)
        clock.forward(store, days=1)
        await ended(store, clock, "job:after the copy")
    clock.time += timedelta(hours=1)
    restored = await restore(tmp_path, copy, clock.time)
    assert restored.jobs == 3
    assert restored.newest is not None
    assert restored.newest < NOON + timedelta(hours=1)
    assert restored.replaced is not None
    assert read(restored.replaced, "SELECT count(*) FROM jobs") == [(4,)]
    assert {file.name for file in tmp_path.iterdir()} == {FILE, restored.replaced.name, "backups"}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600

    clock.time += timedelta(hours=1)
    async with open_store(tmp_path, clock) as store:
        assert await count(store) == 3
        (delivery,) = await store.outbox.due()
        assert (delivery.job_id, delivery.state) == (waiting, DeliveryState.SENDING), "it is looked for by its nonce"
        assert await store.deliveries.posted_since(delivery, await store.jobs.get(waiting)) is None
        pressed = await store.history.by_id(queued.id)
        assert pressed is not None
        assert (pressed.state, pressed.sent_at) == (SubmissionState.UNCONFIRMED, queued.created_at), (
            "it may have been paid"
        )
        clock.forward(store, days=1)
        await store.jobs.record([(running.known.id, msgspec.structs.replace(DONE, jobid="job:running"))])
        late = (await store.outbox.due())[-1]
        assert late.job_id == running.known.id
        after = await store.deliveries.posted_since(late, await store.jobs.get(late.job_id))
        assert after is not None
        assert newest - (3000 << 22) < after <= newest, "where the copy's knowledge ends"
        fresh = await ended(store, clock, "job:new", post=False)
        (delivery,) = [each for each in await store.outbox.due() if each.job_id == fresh]
        assert await store.deliveries.posted_since(delivery, await store.jobs.get(fresh)) is None


async def test_a_bot_that_was_never_restored_searches_for_nothing(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        job_id = await ended(store, clock, post=False)
        (delivery,) = await store.outbox.due()
        assert await store.deliveries.posted_since(delivery, await store.jobs.get(job_id)) is None


async def test_a_running_bot_is_not_restored(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path, 7)
    # The lock that counts is another process's: SQLite's own do not keep their process out.
    holder = await asyncio.create_subprocess_exec(
        *("python3", "-c", OPEN_DATABASE, str(tmp_path / FILE)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        assert await holder.stdout.readline() == b"held\n"
        before = (tmp_path / FILE).read_bytes()
        assert read_header(tmp_path).found is DatabaseState.IN_USE
        with pytest.raises(StoreError, match="Stop it first"):
            await restore(tmp_path, copy, clock.time)
        assert (tmp_path / FILE).read_bytes() == before
        assert {file.name for file in tmp_path.iterdir()} <= {FILE, "backups", f"{FILE}-wal"}
    finally:
        await holder.communicate(b"")
    assert read_header(tmp_path).found is DatabaseState.OURS
    await restore(tmp_path, copy, clock.time)


OPEN_DATABASE = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA locking_mode = EXCLUSIVE")
database.executescript("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT;")
print("held", flush=True)
sys.stdin.read()
"""


def spoil(file: Path, what: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        match what:
            case "newer":
                database.executescript("PRAGMA user_version = 99")
            case "another program's":
                database.executescript("PRAGMA application_id = 7")
            case "without its parts":
                database.executescript("PRAGMA foreign_keys = OFF; DELETE FROM jobs;")
    if what == "damaged":
        content = bytearray(file.read_bytes())
        content[4096 * 3 : 4096 * 3 + 400] = b"\xff" * 400
        file.write_bytes(content)
    elif what == "no database":
        file.write_bytes(b"a diary " * 1000)
    elif what == "empty":
        file.write_bytes(b"")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("newer", "A newer Darkroom wrote"),
        ("another program's", "belongs to another program"),
        ("without its parts", "is damaged. Take an older one"),
        ("damaged", "(is damaged|cannot be used)"),
        ("no database", "is no SQLite database"),
        ("empty", "is empty"),
    ],
)
async def test_a_copy_that_is_none_is_refused_and_all_stays_as_it_was(
    tmp_path: Path, clock: Clock, what: str, says: str
) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path, 7)
    spoil(copy, what)
    before = {file: file.read_bytes() for file in (tmp_path / FILE, copy)}
    with pytest.raises(StoreError, match=says):
        await restore(tmp_path, copy, clock.time)
    assert {file: file.read_bytes() for file in before} == before
    assert {file.name for file in tmp_path.iterdir()} == {FILE, "backups"}


async def test_what_is_no_copy_is_named(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock):
        pass
    with pytest.raises(StoreError, match="is the database itself"):
        await restore(tmp_path, tmp_path / FILE, clock.time)
    with pytest.raises(StoreError, match="There is no file"):
        await restore(tmp_path, tmp_path / "nothing", clock.time)


async def test_what_is_left_of_a_restore_and_cannot_be_deleted_is_a_sentence(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        copy = await store.backups.create(tmp_path, 7)
    (tmp_path / f"{FILE}.restoring").mkdir()  # refuses `unlink` as a folder of another user's does, also to root
    with pytest.raises(StoreError, match="The copy cannot be put into"):
        await restore(tmp_path, copy, clock.time)


async def test_a_damaged_database_can_be_replaced_and_is_kept_with_its_journal(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path, 7)
    (tmp_path / FILE).write_bytes(b"\0garbage" * 4000)
    (tmp_path / f"{FILE}-wal").write_bytes(b"the journal of another life")
    restored = await restore(tmp_path, copy, clock.time)
    assert restored.replaced is not None
    assert restored.replaced.read_bytes().startswith(b"\0garbage")
    assert Path(f"{restored.replaced}-wal").read_bytes() == b"the journal of another life"
    async with open_store(tmp_path, clock) as store:
        assert await count(store) == 1


async def test_moving_house_is_one_copy_into_an_empty_folder(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path / "old", clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path / "old", 7)
    (tmp_path / "new").mkdir()
    assert (await restore(tmp_path / "new", copy, clock.time)).replaced is None
    async with open_store(tmp_path / "new", clock) as store:
        assert await count(store) == 1


async def test_a_copy_made_by_hand_of_a_bot_that_was_killed_has_its_last_commits(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path / "old", clock) as store:
        await ended(store, clock)
        shutil.copytree(tmp_path / "old", tmp_path / "hand")  # with the -wal file, in which all of it stands
    assert (tmp_path / "hand" / f"{FILE}-wal").stat().st_size > 0
    (tmp_path / "new").mkdir()
    assert (await restore(tmp_path / "new", tmp_path / "hand" / FILE, clock.time)).jobs == 1


# --- looking from outside -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("newer", DatabaseState.NEWER),
        ("another program's", DatabaseState.FOREIGN),
        ("no database", DatabaseState.NO_DATABASE),
        ("", DatabaseState.OURS),
    ],
)
async def test_reading_a_database_from_outside_describes_it_and_changes_nothing(
    tmp_path: Path, clock: Clock, what: str, found: DatabaseState
) -> None:
    assert read_header(tmp_path).found is DatabaseState.NOTHING
    async with open_store(tmp_path, clock):
        pass
    spoil(tmp_path / FILE, what)
    before = (tmp_path / FILE).read_bytes(), (tmp_path / FILE).stat().st_mtime_ns
    seen = read_header(tmp_path)
    assert seen.found is found
    assert (what == "newer") == (seen.version == 99)
    assert ((tmp_path / FILE).read_bytes(), (tmp_path / FILE).stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
