"""Nightly copies of the database: made, named, checked, and the oldest deleted.

A copy is made by `VACUUM INTO` through the bot's own connection, never by copying the file: the newest transactions
are in the -wal file beside it, and a second connection could damage both (see `connection`).
"""

import asyncio
import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import DarkroomError
from bot.store.connection import FILE
from bot.store.repository import Repository

FOLDER = "backups"
_NIGHTLY = re.compile(r"nightly-\d{8}T\d{6}Z\.sqlite3")
_UNFINISHED = ".part"
_MARGIN = 16 << 20  # bytes that stay free beside a copy


class BackupError(DarkroomError):
    """The nightly copy of the database could not be made."""


class Backups(Repository):
    """Copies that the running bot makes of its own database."""

    async def create(self, data_dir: Path, keep: int) -> Path:
        """Make a checked copy in data_dir/backups, of which the newest `keep` stay; its path.

        The database is busy while SQLite writes the copy: 0.75 s for 100,000 jobs (265 MB) on a fast disk. The copy is
        checked in a thread beside. Raises `BackupError`.
        """
        part = begin(data_dir, self._clock.now())
        try:
            await self._db.rows("VACUUM INTO ?", (str(part),))
        except sqlite3.Error as error:
            part.unlink(missing_ok=True)
            raise BackupError(f"The nightly copy of the database could not be made ({error}).") from None
        return await asyncio.to_thread(finish, part, keep)


def begin(data_dir: Path, now: datetime) -> Path:
    """Create an empty file, readable by its owner only, as the target of a copy; raises `BackupError` without room.

    SQLite takes an empty file as a target. A copy gets its name only after its check: what a crash or a full disk
    leaves behind does not look like a copy, and is deleted when the next one begins.
    """
    folder = data_dir / FOLDER
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        for left in folder.glob(f"*{_UNFINISHED}"):
            left.unlink()
        needed = (data_dir / FILE).stat().st_size + _MARGIN
        if (free := free_bytes(folder)) < needed:
            raise BackupError(f"A copy of the database needs {needed >> 20} MB, and {free >> 20} MB are free.")
        part = folder / f"nightly-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.sqlite3{_UNFINISHED}"
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupError(f"The folder {folder} cannot be written: {error.strerror}.") from None
    return part


def finish(part: Path, keep: int) -> Path:
    """Check a copy from its first page to its last, give it its name, and delete all nightly ones but `keep`.

    Takes a second for 200 MB: not for the event loop's thread. Raises `BackupError`, and then leaves the older ones.
    """
    try:
        with closing(sqlite3.connect(part)) as copy:
            (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        with suppress(OSError):
            part.unlink()
        raise BackupError(f"The nightly copy of the database is damaged ({said}).")
    try:
        flush(part)
        done = part.rename(part.with_suffix(""))
        flush(part.parent)
        for old in nightly(part.parent.parent)[:-keep]:
            old.unlink()
    except OSError as error:
        raise BackupError(f"The folder {part.parent} cannot be written: {error.strerror}.") from None
    return done


def nightly(data_dir: Path) -> list[Path]:
    """The nightly copies, the oldest first; other files in that folder are neither counted nor deleted."""
    try:
        return sorted(file for file in (data_dir / FOLDER).iterdir() if _NIGHTLY.fullmatch(file.name))
    except OSError:
        return []


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
