"""Transactions that fail: what is the disk's fault is told to the admin by its kind, what is ours stays a bug.

And the -wal file that all of them go through.
"""

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
import pytest

from bot.errors import StoreUnavailable
from bot.store.connection import FILE, Database, open_database
from bot.wakeup import loop_time
from tests.database import damage
from tests.disk import largest_file

sqlite_has_its_thread = True  # as in the bot


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path) as opened:
        yield opened


@pytest.fixture
def alerts(database: Database) -> list[str]:
    """The alerts about the database."""
    sentences: list[str] = []
    database.on_health = sentences.append
    return sentences


async def note(database: Database, value: str, name: str = "a") -> None:
    async def work(db: aiosqlite.Connection) -> None:
        await db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    await database.transaction(work)


async def noted(database: Database) -> list[str]:
    return [row["name"] for row in await database.rows("SELECT name FROM facts ORDER BY name")]


@asynccontextmanager
async def full(database: Database) -> AsyncIterator[None]:
    (row,) = await database.rows("PRAGMA page_count")
    await database.rows(f"PRAGMA max_page_count = {row[0]}")
    yield
    await database.rows("PRAGMA max_page_count = 100000")


@asynccontextmanager
async def read_only(database: Database) -> AsyncIterator[None]:
    await database.rows("PRAGMA query_only = ON")
    yield
    await database.rows("PRAGMA query_only = OFF")


@asynccontextmanager
async def unwritable(_: Database) -> AsyncIterator[None]:
    with largest_file(8192):  # EFBIG, as with a quota: SQLite calls only ENOSPC a full disk
        yield


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (full, "cannot be written: the disk is full"),
        (read_only, "cannot be written: the file or its disk is read-only"),
        (unwritable, "cannot be written or read: the disk reports an error"),
    ],
)
async def test_each_trouble_of_the_disk_raises_one_alert_of_its_kind_and_so_does_its_end(
    database: Database, alerts: list[str], error: type, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.store")
    async with error(database):
        for _ in range(3):
            with pytest.raises(StoreUnavailable) as caught:
                await note(database, "x" * 1_000_000)
        assert sentence in caught.value.for_admin
        assert "this server's admin" in str(caught.value)
    await note(database, "x")
    (begin, end) = alerts
    assert begin.startswith(f"The database {sentence}")
    assert end == ""
    assert len(caplog.records) == 2


async def test_a_disk_that_is_first_full_and_then_read_only_raises_both_alerts(
    database: Database, alerts: list[str]
) -> None:
    for error in (full, read_only, full, read_only):
        async with error(database):
            with pytest.raises(StoreUnavailable):
                await note(database, "x" * 1_000_000)
    await note(database, "x")
    assert ["full" in words or "read-only" in words for words in alerts] == [True, True, False]


async def test_a_mistake_in_a_statement_is_a_bug_and_not_called_a_full_disk(
    database: Database, alerts: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def mistaken(db: aiosqlite.Connection) -> None:
        await db.execute("INSERT INTO facts (name, value) VALUES ('half', '')")
        await db.execute("UPDATE a_table_that_is_none SET x = 1")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.transaction(mistaken)
    assert alerts == []
    assert caplog.records == []
    assert "half" not in await noted(database)


async def test_what_python_itself_says_of_a_statement_is_a_bug(database: Database, alerts: list[str]) -> None:
    async def mistaken(db: aiosqlite.Connection) -> None:
        await db.execute("INSERT INTO facts (name, value) VALUES (?, ?)", ("one value only",))

    with pytest.raises(sqlite3.ProgrammingError) as caught:
        await database.transaction(mistaken)
    assert not hasattr(caught.value, "sqlite_errorcode")
    assert alerts == []


@pytest.mark.parametrize("in_transaction", [True, False])
async def test_a_damaged_page_raises_an_alert_that_stays(
    database: Database, alerts: list[str], tmp_path: Path, in_transaction: bool
) -> None:
    async def read(table: str) -> None:
        query = f"SELECT * FROM {table}"
        if in_transaction:
            await database.transaction(lambda db: db.execute_fetchall(query))
        else:
            await database.rows(query)

    for number in range(50):
        await note(database, "x" * 3000, f"fact {number}")
    await damage(database, tmp_path, "facts")
    with pytest.raises(StoreUnavailable):
        await read("facts")
    await read("jobs")
    await database.transaction(lambda db: db.execute_fetchall("SELECT count(*) FROM jobs"))
    with pytest.raises(StoreUnavailable):
        await read("facts")
    (words,) = alerts
    assert words.startswith("The database is damaged. Stop the bot and put a copy back")


LARGE_READ = """
    WITH RECURSIVE number (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM number WHERE x < 4000)
    SELECT hex(randomblob(500)) AS noise FROM number ORDER BY noise
"""
"""Sorts more than SQLite does in memory, so it needs room on the disk."""


async def test_reads_that_fail_between_transactions_that_succeed_raise_one_alert(
    database: Database, alerts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0.0
    monkeypatch.setattr("bot.store.connection.loop_time", lambda: loop_time() + passed)
    await database.rows("PRAGMA temp_store = FILE")
    for _ in range(3):
        with largest_file(8192), pytest.raises(StoreUnavailable, match="can't be read right now"):
            await database.rows(LARGE_READ)
        await note(database, "x")
        passed += 500
    (begin,) = alerts
    assert begin.startswith("The database cannot be written or read: the disk reports an error")
    passed += 200
    await note(database, "x")
    assert alerts == [begin, ""]


async def test_a_read_that_is_a_mistake_is_a_bug(database: Database, alerts: list[str]) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.rows("SELECT * FROM a_table_that_is_none")
    assert alerts == []


async def deny_rollback(database: Database, deny: bool) -> None:
    """Have SQLite refuse ROLLBACK, as a failing disk may."""

    def authorize(action: int, what: str | None, *_: str | None) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_TRANSACTION and what == "ROLLBACK" else sqlite3.SQLITE_OK

    await database._connection.set_authorizer(authorize if deny else None)


async def test_a_rollback_that_fails_hides_nothing_and_is_made_up_for(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(db: aiosqlite.Connection) -> None:
        await db.execute("INSERT INTO facts (name, value) VALUES ('half', '')")
        raise KeyError("ours")

    await deny_rollback(database, True)
    with pytest.raises(KeyError, match="ours"):
        await database.transaction(broken)
    assert "could not be rolled back" in caplog.text
    await deny_rollback(database, False)
    assert await noted(database) == []
    await note(database, "x", "whole")
    assert await noted(database) == ["whole"]


async def test_the_wal_file_shrinks_again_after_a_large_transaction(database: Database, tmp_path: Path) -> None:
    wal = tmp_path / f"{FILE}-wal"
    await note(database, "x" * (65 << 20), "large")
    assert wal.stat().st_size > 65 << 20
    await note(database, "x", "small")
    assert wal.stat().st_size <= 64 << 20


async def test_the_wal_file_does_not_grow_with_the_number_of_transactions(database: Database, tmp_path: Path) -> None:
    for number in range(400):
        await note(database, "x" * 30_000, f"fact {number}")
        await noted(database)
    assert (tmp_path / f"{FILE}-wal").stat().st_size < 5 << 20
