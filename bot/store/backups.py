"""Nightly copies of the database: made, named, checked, and the oldest deleted.

A copy is made page by page through the bot's own connection, never by copying the file: the newest transactions are in
the -wal file beside it, and a second connection could damage both (see `connection`).
"""

import asyncio
import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.errors import DarkroomError
from bot.store import sqlite_codes
from bot.store.connection import FILE
from bot.store.repository import Repository

FOLDER = "backups"
_NIGHTLY = re.compile(r"nightly-\d{8}T\d{6}Z\.sqlite3")
_UNFINISHED = ".part"
_MARGIN = 16 << 20  # bytes that stay free beside a copy
_PAUSE = 0.005  # seconds between two steps, for the disk: a copy at full speed would keep transactions waiting for it
_LONGEST = 3600.0  # seconds for a copy and its check


class BackupError(DarkroomError):
    """The nightly copy of the database could not be made."""


class Backups(Repository):
    """Copies that the running bot makes of its own database."""

    async def create(self, data_dir: Path, keep: int) -> Path:
        """Make a checked copy in data_dir/backups, of which the newest `keep` stay; its path.

        The copy is as large as the database with its free pages: 2 GB take a minute or two. What else uses the
        database gets in between. Raises `BackupError`.
        """
        now = self._clock.now()
        part = begin(data_dir, now)
        try:
            async with asyncio.timeout(_LONGEST):
                await self._db.copy_to(part, partial(_between_steps, part))
                await _check(part)
            return await asyncio.to_thread(_publish, part, keep, now)
        except sqlite3.Error as error:
            raise BackupError(f"The nightly copy of the database could not be made ({error}).") from None
        except TimeoutError:
            raise BackupError("The nightly copy of the database took too long.") from None
        except OSError as error:
            raise BackupError(f"The folder {part.parent} cannot be written: {error.strerror}.") from None
        finally:
            with suppress(OSError):
                await asyncio.to_thread(_delete_unfinished, part.parent)


def begin(data_dir: Path, now: datetime) -> Path:
    """Create an empty file, readable by its owner only, as the target of a copy; raises `BackupError` without room.

    A copy gets its name only after its check: what a crash or a full disk leaves behind does not look like a copy, and
    is deleted when the next one begins.
    """
    folder = data_dir / FOLDER
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        _delete_unfinished(folder)
        needed = (data_dir / FILE).stat().st_size + _MARGIN
        if (free := free_bytes(folder)) < needed:
            raise BackupError(f"A copy of the database needs {needed >> 20} MB, and {free >> 20} MB are free.")
        part = folder / f"{_name(now)}{_UNFINISHED}"
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupError(f"The folder {folder} cannot be written: {error.strerror}.") from None
    return part


def _name(now: datetime) -> str:
    return f"nightly-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.sqlite3"


async def _between_steps(part: Path) -> None:
    """Flush what a step wrote: all of the copy at once would keep the next transaction waiting for the disk."""
    await asyncio.to_thread(flush, part)
    await asyncio.sleep(_PAUSE)


def _delete_unfinished(folder: Path) -> None:
    for left in folder.glob(f"nightly-*{_UNFINISHED}*"):  # with the files that SQLite keeps beside one
        left.unlink()


async def _check(part: Path) -> None:
    """Check a copy from its first page to its last, in a thread; raises `BackupError` where it is damaged.

    Takes a second for 200 MB; a cancelled caller ends it.
    """
    with closing(sqlite3.connect(part, isolation_level=None, check_same_thread=False)) as copy:
        checking = asyncio.get_running_loop().run_in_executor(None, _problem_in, copy)
        try:
            problem = await asyncio.shield(checking)
        except asyncio.CancelledError:
            while not checking.done():
                copy.interrupt()
                await asyncio.wait({checking}, timeout=0.1)
            checking.exception()  # that it was interrupted
            raise
    if problem != "ok":
        raise BackupError(f"The nightly copy of the database is damaged, as the database itself may be ({problem}).")


def _problem_in(copy: sqlite3.Connection) -> str:
    """What SQLite says first about its pages; makes the copy a single file, as its header is that of a WAL database."""
    try:
        copy.execute("PRAGMA locking_mode = EXCLUSIVE")  # no -shm file
        copy.execute("PRAGMA journal_mode = DELETE")
        return str(copy.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if sqlite_codes.primary_code(error) not in sqlite_codes.DAMAGED:
            raise
        return str(error)


def _publish(part: Path, keep: int, now: datetime) -> Path:
    """Give a checked copy its name, and delete all nightly ones but `keep`; raises `OSError`."""
    flush(part)
    done = part.rename(part.with_suffix(""))
    flush(part.parent)
    for old in nightly(part.parent.parent, now)[:-keep]:
        old.unlink()
    return done


def nightly(data_dir: Path, now: datetime) -> list[Path]:
    """The nightly copies, the oldest first; other files in that folder are neither counted nor deleted.

    Those of a later time than `now` were made while the clock ran ahead: they come first.
    """
    try:
        copies = [file for file in (data_dir / FOLDER).iterdir() if _NIGHTLY.fullmatch(file.name)]
    except OSError:
        return []
    return sorted(copies, key=lambda copy: (copy.name <= _name(now), copy.name))


def free_bytes(folder: Path) -> int:
    """The bytes that may still be written on this folder's disk."""
    return shutil.disk_usage(folder).free


def flush(path: Path) -> None:
    """Write a file, or a folder's list of names, through to the disk."""
    if os.name == "nt" and path.is_dir():
        return
    number = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
