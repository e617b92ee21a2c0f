"""The one connection to the database file: opening, migrating, and transactions that are atomic under cancellation.

SQLite before 3.51.3 can corrupt a WAL database that two connections write, so this one locks the file for itself
alone: `locking_mode=EXCLUSIVE` before WAL. The lock dies with the process.
"""

import asyncio
import errno
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar

import aiosqlite

from bot.errors import StoreError, StoreUnavailable, StoreUnreadable
from bot.store import sqlite_codes
from bot.store.page_copy import PageCopy
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

FILE = "bot.sqlite3"
APPLICATION_ID = 0x4461726B
"""Marks the file as a database of Darkroom, in its header."""
MIGRATIONS = Path(__file__).parent / "migrations"
NO_FULL_TEXT = "This Python's SQLite has no full-text index (FTS5). Use a Python that has it, as most do."
CHECKED_WHOLE = 64 << 20
"""The largest file, in bytes, that each start checks page by page: half a second, for some 90,000 jobs.

In a larger file a damaged page is detected when it is read: at the start, if it holds open work.
"""

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    f"journal_size_limit = {64 << 20}",  # the -wal file is cut to it after a transaction that made it larger
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "secure_delete = ON",  # what was deleted is in no free page, nor in a copy of one
)
_ROWS_AT_ONCE = 64  # which aiosqlite fetches for `async for`; it is not used here
_READABLE_AFTER = 600.0  # seconds without a read that fails: what works meanwhile may lie elsewhere on the disk
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}

T = TypeVar("T")


class Database:
    """A locked SQLite file; made by `open_database` only.

    `on_health` is called with a sentence when transactions or reads begin to fail for a reason outside the program,
    once for each kind of reason, and with "" when transactions succeed and no read has failed for ten minutes. A
    damaged file stays one until the bot is restarted.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._copying = asyncio.Lock()
        self._outage: set[int | None] = set()  # SQLite's primary result codes of the present outage
        self._readable_at = 0.0  # the loop's time from which on reads that failed count as over
        self.on_health: Callable[[str], None] = lambda _sentence: None

    async def transaction(self, work: Callable[[aiosqlite.Connection], Awaitable[T]]) -> T:
        """Run `work` between BEGIN IMMEDIATE and COMMIT; whatever it raises rolls everything back.

        It runs in a task of its own, shielded: a cancelled caller stops waiting, and the transaction still ends as a
        whole. `work` must not use the network. Raises `StoreUnavailable` where the disk does not take it, see
        `sqlite_codes`; any other `sqlite3.Error` is a bug and raised as it is.
        """
        return await asyncio.shield(asyncio.create_task(self._run(work)))

    async def _run(self, work: Callable[[aiosqlite.Connection], Awaitable[T]]) -> T:
        db = self._connection
        async with self._lock:
            try:
                await self._end_failed_transaction()
                await db.execute("BEGIN IMMEDIATE")
                result = await work(db)
                await db.execute("COMMIT")
            except BaseException as error:
                await self._roll_back()
                if (sentence := sqlite_codes.for_admin(error)) is not None:
                    self._note_failure(error, sentence)
                    raise StoreUnavailable(sentence) from error
                raise
            self._note_success()
            return result

    async def _roll_back(self) -> None:
        """End the open transaction, if any; one that cannot be ended now is ended before the next statement.

        Raises nothing of SQLite's, so that the caller gets the error that made the transaction fail.
        """
        if not self._connection.in_transaction:
            return  # a full disk may have rolled back by itself
        try:
            await self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.warning("A transaction could not be rolled back yet: %s", error)

    async def _end_failed_transaction(self) -> None:
        """Roll back a transaction whose first ROLLBACK failed, so that no part of it is read or kept."""
        if self._connection.in_transaction:
            await self._connection.execute("ROLLBACK")

    def _note_failure(self, error: BaseException, sentence: str) -> None:
        code = sqlite_codes.primary_code(error)
        if code not in self._outage:
            self._outage.add(code)
            log.error("%s (%s)", sentence, error)
            self.on_health(sentence)

    def _note_success(self) -> None:
        if self._outage and not self._outage & sqlite_codes.DAMAGED and loop_time() >= self._readable_at:
            self._outage.clear()
            log.info("The database works again")
            self.on_health("")

    async def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[aiosqlite.Row]:
        """All rows of a query; waits for a running transaction, so that no part of one is ever read.

        Raises `StoreUnreadable` where the disk or the file has an error; any other `sqlite3.Error` is a bug.
        """
        async with self._lock:
            try:
                await self._end_failed_transaction()
                return list(await self._connection.execute_fetchall(sql, parameters))
            except sqlite3.Error as error:
                if (sentence := sqlite_codes.for_admin(error)) is None:
                    raise
                self._note_failure(error, sentence)
                self._readable_at = loop_time() + _READABLE_AFTER
                raise StoreUnreadable(sentence) from error

    async def copy_to(self, target: Path, between: Callable[[], Awaitable[None]]) -> None:
        """Copy all pages into the empty file `target`, in steps between which transactions and queries run.

        `between` is awaited after each step; what it raises ends the copy, as does a cancelled caller. The copy is the
        state of the last step. It is not flushed to the disk, and not deleted where it fails. Raises `sqlite3.Error`.
        """
        async with self._copying:
            async with self._connection.cursor() as cursor:
                copy = PageCopy(cursor.connection, target)
            try:
                while await asyncio.shield(asyncio.create_task(self._copy_step(copy))):
                    await between()
            finally:
                await asyncio.shield(asyncio.create_task(self._end_copy(copy)))

    async def _copy_step(self, copy: PageCopy) -> bool:
        async with self._lock:
            await self._end_failed_transaction()
            return await asyncio.to_thread(copy.step)

    async def _end_copy(self, copy: PageCopy) -> None:
        async with self._lock:
            await asyncio.to_thread(copy.close)

    async def close_down(self) -> None:
        """Wait for the copy and the transaction that are under way."""
        async with self._copying, self._lock:
            pass


@asynccontextmanager
async def open_database(folder: Path, migrations: Path = MIGRATIONS) -> AsyncIterator[Database]:
    """Open, or make, `folder`/bot.sqlite3, bring it to the newest schema, and close it at the end.

    Each numbered script of `migrations` runs with its `user_version` in one transaction, after a copy was made.

    Raises `StoreError` with one sentence, and then has changed nothing, where the folder cannot be written, the file
    cannot be opened, is no database of ours, a newer Darkroom wrote it, or another bot has it open.
    """
    path = folder / FILE
    _check_folder(folder)
    # Opened here: aiosqlite does not wait for its thread where that fails, and a thread that outlives the loop raises.
    # The steps of a copy run in another thread than statements, one after the other.
    with as_store_error(path):
        opened = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
    connection = await aiosqlite.Connection(lambda: opened, _ROWS_AT_ONCE)
    try:
        with as_store_error(path):
            await _prepare(connection, path, sorted(migrations.glob("*.sql")))
        database = Database(connection)
        try:
            yield database
        finally:
            await database.close_down()
    finally:
        await connection.close()  # one left open would keep its thread, and so the process, alive


@contextmanager
def as_store_error(path: Path) -> Iterator[None]:
    """Turn an error of the file or its disk during the start into a `StoreError`; a bug is raised as it is."""
    try:
        yield
    except (StoreUnavailable, sqlite3.Error) as caught:
        error = caught if isinstance(caught, sqlite3.Error) else caught.__cause__ or caught
        match sqlite_codes.primary_code(error):
            case sqlite_codes.BUSY:
                raise StoreError(
                    f"Another bot, or a database tool, has {path} open. Stop it first.", temporary=True
                ) from None
            case sqlite_codes.NOT_A_DATABASE:
                raise StoreError(_no_database(path)) from None
            case sqlite_codes.CANT_OPEN:  # mostly a file of root's, by whom the bot was once started
                raise StoreError(_no_database(path) if path.is_dir() else _unopenable(path)) from None
            case sqlite_codes.CORRUPT:
                raise StoreError(_damaged(path, error)) from None
        if (sentence := sqlite_codes.for_admin(error)) is not None:
            raise StoreError(f"{path}: {sentence}", temporary=_is_temporary(error)) from None
        raise


def _is_temporary(error: BaseException) -> bool:
    return sqlite_codes.primary_code(error) in sqlite_codes.TEMPORARY


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryFile(dir=folder):  # a new file without a fixed name: nothing that is there is opened
            pass
        if not (folder / FILE).exists():
            (folder / FILE).touch(mode=0o600)  # it holds prompts and names; SQLite gives its side files the same mode
    except OSError as error:
        raise StoreError(
            f"The folder {folder} for the database cannot be written: {error.strerror}. See DATA_DIR.",
            temporary=error.errno in _DISK_FULL,
        ) from None


def _no_database(path: Path) -> str:
    return f"{path} is no SQLite database. Move it away, or point DATA_DIR to another folder."


def _unopenable(path: Path) -> str:
    return f"{path}, or a file beside it, cannot be opened. {sqlite_codes.PERMISSIONS}"


def _damaged(path: Path, found: object) -> str:
    backups = sorted((path.parent / "backups").glob("*.sqlite3"), key=lambda file: file.stat().st_mtime)
    newest = f"The newest copy is {backups[-1]}." if backups else f"There is no copy in {path.parent / 'backups'}."
    return f"The database {path} is damaged ({found}). {newest}"


async def _prepare(connection: aiosqlite.Connection, path: Path, migrations: list[Path]) -> None:
    connection.row_factory = aiosqlite.Row
    await connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    version = await schema_of(connection, path, len(migrations))
    if not await _number(connection, "SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'"):
        raise StoreError(NO_FULL_TEXT)
    for pragma in _PRAGMAS:
        await connection.execute(f"PRAGMA {pragma}")
    await connection.executescript("BEGIN IMMEDIATE; COMMIT;")  # takes the file's lock now, not at the first write
    if path.stat().st_size <= CHECKED_WHOLE:
        problems = await connection.execute_fetchall("PRAGMA quick_check(1)")
        if (found := next(iter(problems))[0]) != "ok":
            raise StoreError(_damaged(path, found))
    if 0 < version < len(migrations):
        await _copy(connection, path, version)
    await migrate(connection, migrations, version)


async def schema_of(connection: aiosqlite.Connection, path: Path, newest: int) -> int:
    """The number of the file's schema, 0 of an empty one; raises `StoreError` where it is too new, or not ours."""
    version = await _number(connection, "PRAGMA user_version")
    if version > newest:
        raise StoreError(newer_than_us(path, version, newest))
    tables = await _number(connection, "SELECT count(*) FROM sqlite_schema")
    if tables and await _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise StoreError(f"{path} belongs to another program. Point DATA_DIR to another folder.")
    return version


def newer_than_us(path: Path, version: int, newest: int) -> str:
    """The sentence for a database that a newer Darkroom has migrated."""
    return (
        f"A newer Darkroom wrote {path} (its schema is {version}, this program knows {newest}). "
        "Update Darkroom, or go back to an older copy of the file."
    )


async def migrate(connection: aiosqlite.Connection, migrations: list[Path], version: int) -> None:
    """Run the scripts that follow on `version`, each in a transaction with its number.

    Foreign keys are off meanwhile, so that a script can replace a table to which others refer, and checked at the end
    of each script: https://www.sqlite.org/lang_altertable.html#otheralter. Raises `StoreError`, and changes nothing,
    where a script would break one.
    """
    await connection.execute("PRAGMA foreign_keys = OFF")
    try:
        for number, file in enumerate(migrations[version:], start=version + 1):
            await _migrate(connection, number, file.read_text(encoding="utf-8"))
    finally:
        await connection.execute("PRAGMA foreign_keys = ON")


async def _number(connection: aiosqlite.Connection, sql: str) -> int:
    (row,) = await connection.execute_fetchall(sql)
    return int(row[0])


async def _copy(connection: aiosqlite.Connection, path: Path, version: int) -> None:
    """Keep the database as it is before an update; raises `StoreError`, and leaves nothing half, where that fails.

    A copy has its name only when it is whole: the newest one is what an admin is pointed to.
    """
    folder = path.parent / "backups"
    part = folder / f"before-schema-{version + 1}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite3.part"
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        _delete_unfinished(folder)
        part.touch(mode=0o600)
        await connection.execute("VACUUM INTO ?", (str(part),))
        part.rename(part.with_suffix(""))
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            _delete_unfinished(folder)
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(
            f"Before an update of the database a copy is made in {folder}, and that failed: {reason}. "
            "Nothing was changed. Is the disk full?",
            temporary=True,
        ) from None


def _delete_unfinished(folder: Path) -> None:
    for left in folder.glob("before-schema-*.part*"):
        left.unlink()


async def _migrate(connection: aiosqlite.Connection, number: int, script: str) -> None:
    # executescript commits whatever is open first, so BEGIN stands inside the script's own text.
    try:
        await connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};")
        if broken := list(await connection.execute_fetchall("PRAGMA foreign_key_check")):
            table = broken[0][0]
            rows = (
                f"1 row without what it belongs to, in {table}"
                if len(broken) == 1
                else f"{len(broken)} rows without what they belong to, the first of them in {table}"
            )
            raise StoreError(
                f"The update of the database to schema {number} would leave {rows}. Nothing was changed. "
                "Please report this."
            )
        await connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the connection is closed next, which rolls back, too
                await connection.execute("ROLLBACK")
        raise
