"""The file of a database that no bot has open: locked against a start, and copied with the files that belong to it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from bot.errors import StoreError
from bot.store import sqlite_codes
from bot.store.file_header import DatabaseState, read_header

_SIDE_SUFFIXES = ("-wal", "-shm", "-journal")  # files that belong to a database file, and to no other


@contextmanager
def locked(path: Path, in_use: StoreError) -> Iterator[None]:
    """Hold SQLite's lock on the database at `path`, if it is one; raises `in_use` where a bot has it open.

    Its -wal file is written into it first, so that one file is complete when it is put aside.
    """
    if read_header(path.parent).found in {DatabaseState.NOTHING, DatabaseState.NO_DATABASE}:
        yield
        return
    with ExitStack() as stack:
        try:
            with closing(_connect(path)) as connection:
                connection.execute("PRAGMA journal_mode = DELETE")
            stack.enter_context(closing(_connect(path))).execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if sqlite_codes.primary_code(error) == sqlite_codes.BUSY:
                raise in_use from None
        except sqlite3.DatabaseError:
            stack.close()  # damaged, perhaps the reason for this restore: no bot would start on it
        yield


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=1.0)


def copy_database(copy: Path, new: Path) -> None:
    """Copy the copy. One made by hand may have a -wal file beside it, which holds its newest transactions."""
    for left in (new, *side_files(new)):
        left.unlink(missing_ok=True)
    new.touch(mode=0o600)
    shutil.copyfile(copy, new)
    wal = copy.with_name(f"{copy.name}-wal")
    if wal.exists():
        shutil.copyfile(wal, new.with_name(f"{new.name}-wal"))


def side_files(path: Path) -> list[Path]:
    """The files that SQLite keeps beside a database file."""
    return [path.with_name(path.name + side) for side in _SIDE_SUFFIXES]
