"""Copies of the database: how they are named, checked, counted, and which of them go.

A copy is made by `VACUUM INTO` through the bot's own connection, never by copying the file: the newest transactions
stand in the -wal file beside it, and a second connection could damage both (see `database`).
"""

import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import DarkroomError
from bot.store.connection import FILE

FOLDER = "backups"
_NIGHTLY = re.compile(r"nightly-\d{8}T\d{6}Z\.sqlite3")
_UNFINISHED = ".part"
_MARGIN = 16 << 20  # bytes that stay free beside a copy


class BackupError(DarkroomError):
    """The nightly copy of the database could not be made."""


def begin(data_dir: Path, now: datetime) -> Path:
    """An empty file, for the owner's eyes alone, that a copy can be made into; raises `BackupError` without room.

    SQLite takes an empty file as a target. It has its name only when it was checked: what a crash or a full disk
    leaves behind does not look like a copy, and goes when the next one begins.
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
    """The nightly copies, the oldest first; what else lies in that folder is not ours to count or delete."""
    try:
        return sorted(file for file in (data_dir / FOLDER).iterdir() if _NIGHTLY.fullmatch(file.name))
    except OSError:
        return []


def free_bytes(folder: Path) -> int:
    """The bytes that may still be written on this folder's disk."""
    return shutil.disk_usage(folder).free


def flush(path: Path) -> None:
    """Have a file, or a folder's list of names, stand on the disk itself."""
    if os.name == "nt" and path.is_dir():
        return
    number = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
