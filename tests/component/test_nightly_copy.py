"""The nightly copy of a database that is at work: what gets in between, what the copy holds, and what cuts it off."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite
import pytest

from bot.store import Store, open_store
from bot.store.backups import BackupError, nightly
from bot.store.connection import FILE, Database
from bot.store.page_copy import PAGES
from tests.conftest import only_long
from tests.database import migrated
from tests.disk import largest_file

sqlite_has_its_thread = True  # as in the bot: a copy's steps run in another one

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LARGE = 24 * PAGES * 4096
"""The bytes of a value that makes a copy take more than 24 steps."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(migrated(tmp_path), lambda: NOON) as opened:
        await opened.facts.set("large", "x" * LARGE)
        yield opened


async def set_both(database: Database, value: int) -> None:
    """Write a value into one of the file's first pages and into its last ones, in one transaction."""

    async def work(db: aiosqlite.Connection) -> None:
        both = [("first", str(value)), ("last", str(value).ljust(20_000))]
        await db.executemany("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", both)

    await database.transaction(work)


def both(file: Path) -> list[int]:
    """What a copy holds of it, after a check of all its pages; read as another program would."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("SELECT length(value) FROM facts WHERE name = 'large'").fetchall() == [(LARGE,)]
        rows = copy.execute("SELECT value FROM facts WHERE name IN ('first', 'last') ORDER BY name")
        return [int(value) for (value,) in rows]


async def test_what_is_written_between_two_steps_is_in_the_copy_as_a_whole(store: Store, tmp_path: Path) -> None:
    written = 0

    async def between() -> None:
        nonlocal written
        written += 1
        await set_both(store.database, written)

    await store.database.copy_to(tmp_path / "copy", between)
    assert written >= 24
    assert both(tmp_path / "copy") == [written, written]


async def test_the_bot_works_on_while_a_copy_is_made_that_any_program_can_read(store: Store, tmp_path: Path) -> None:
    await set_both(store.database, 0)
    making = asyncio.create_task(store.backups.create(tmp_path, 7))
    written = 0
    while not making.done():
        written += 1
        await set_both(store.database, written)
        assert await store.facts.get("first") == str(written)
    copy = await making
    first, last = both(copy)
    assert first == last
    assert 5 < first <= written
    assert list(copy.parent.iterdir()) == [copy], "one file, without a journal beside it"
    assert (tmp_path / f"{FILE}-wal").stat().st_size < LARGE * 2


async def test_a_transaction_that_is_rolled_back_leaves_nothing_in_the_copy(store: Store, tmp_path: Path) -> None:
    await set_both(store.database, 1)
    steps = 0

    async def broken(db: aiosqlite.Connection) -> None:
        await db.execute("UPDATE facts SET value = 'half' WHERE name = 'first'")
        raise KeyError

    async def between() -> None:
        nonlocal steps
        steps += 1
        if steps == 4:
            with pytest.raises(KeyError):
                await store.database.transaction(broken)

    await store.database.copy_to(tmp_path / "copy", between)
    assert both(tmp_path / "copy") == [1, 1]
    assert steps > 4 + 20, "SQLite begins again"


async def test_what_was_deleted_is_not_in_the_free_pages_of_the_copy(store: Store, tmp_path: Path) -> None:
    await store.facts.set("prompt", "a castle in the fog" * 1000)
    await store.database.transaction(lambda db: db.execute("DELETE FROM facts WHERE name = 'prompt'"))
    copy = await store.backups.create(tmp_path, 7)
    assert b"castle" not in copy.read_bytes()


async def test_a_disk_that_gets_full_leaves_the_copies_before_and_a_database_that_works(
    store: Store, tmp_path: Path
) -> None:
    await set_both(store.database, 1)
    with largest_file(LARGE // 2):
        with pytest.raises(BackupError, match=r"could not be made|cannot be written"):
            await store.backups.create(tmp_path, 7)
        assert list((tmp_path / "backups").iterdir()) == []
        await set_both(store.database, 2)
    assert both(await store.backups.create(tmp_path, 7)) == [2, 2]


def is_being_checked(part: Path) -> bool:
    """The check makes it a single file, which is in the header: https://www.sqlite.org/fileformat2.html."""
    with part.open("rb") as file:
        return file.read(19)[18:] == b"\x01"


@pytest.mark.parametrize(
    "reached",
    [
        pytest.param(Path.exists, id="begun"),
        pytest.param(lambda part: part.stat().st_size > LARGE // 2, id="half copied"),
        pytest.param(lambda part: part.stat().st_size > LARGE, id="copied", marks=only_long),
        pytest.param(is_being_checked, id="being checked"),
    ],
)
async def test_a_copy_that_is_cancelled_leaves_nothing_however_far_it_was(
    store: Store, tmp_path: Path, reached: Callable[[Path], bool]
) -> None:
    making = asyncio.create_task(store.backups.create(tmp_path, 7))
    await set_both(store.database, 1)
    (part,) = (tmp_path / "backups").iterdir()
    # Looked at in each round of the loop, so it gets no further meanwhile.
    while not reached(part):  # noqa: ASYNC110 -- a file has no event
        await asyncio.sleep(0)
    making.cancel()
    await asyncio.wait({making})
    assert making.cancelled()
    assert list((tmp_path / "backups").iterdir()) == []
    await set_both(store.database, 2)
    assert both(await store.backups.create(tmp_path, 7)) == [2, 2]


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_store_that_closes_while_a_copy_is_made_stays_whole(tmp_path: Path, cancelled: bool) -> None:
    async with open_store(migrated(tmp_path), lambda: NOON) as store:
        await store.facts.set("large", "x" * LARGE)
        await set_both(store.database, 1)
        making = asyncio.create_task(store.backups.create(tmp_path, 7))
        await set_both(store.database, 2)
        if cancelled:
            making.cancel()
    await asyncio.wait({making})
    assert making.cancelled() is cancelled
    assert [both(copy) for copy in nightly(tmp_path, NOON)] == ([] if cancelled else [[2, 2]])
    assert both(tmp_path / FILE) == [2, 2]


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.store import open_store

async def main(folder):
    async with open_store(folder, lambda: datetime(2026, 11, 23, 12, tzinfo=UTC)) as store:
        asyncio.create_task(store.backups.create(folder, 7))
        while sum(file.stat().st_size for file in folder.glob("backups/*")) < 2 << 20:
            await store.facts.set("health", "fine")
        await store.facts.set("the last", "word")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_a_bot_that_is_killed_meanwhile_leaves_nothing_that_is_taken_for_a_copy(tmp_path: Path) -> None:
    async with open_store(migrated(tmp_path), lambda: NOON) as store:
        await store.facts.set("large", "x" * LARGE)
        await set_both(store.database, 1)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(tmp_path))
    assert await killed.wait() == -signal.SIGKILL
    (left,) = (tmp_path / "backups").iterdir()
    assert left.stat().st_size >= 2 << 20
    assert nightly(tmp_path, NOON) == []
    async with open_store(tmp_path, lambda: NOON) as store:
        assert await store.facts.get("the last") == "word"
        copy = await store.backups.create(tmp_path, 7)
    assert both(copy) == [1, 1]
    assert list((tmp_path / "backups").iterdir()) == [copy]
