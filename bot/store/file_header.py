"""Reads the header of the database file without SQLite, while a bot may be running on it.

SQLite does not open the file: a second connection to a WAL database can damage it in common versions of SQLite (see
`connection`), even a reader may roll a journal back, and the bot's lock would keep it out anyway. The header holds the
number of the schema (https://sqlite.org/fileformat2.html#the_database_header); the locks are tested the way SQLite
tests them (https://sqlite.org/src/file/src/os_unix.c).
"""

import os
import sqlite3
import sys
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from bot.store.connection import APPLICATION_ID, FILE, MIGRATIONS

SQLITE = sqlite3.sqlite_version
"""The version of the SQLite library in this Python."""
OLDEST_SQLITE = "3.37.0"
"""The first version with STRICT tables."""

_HEAD = 100
_MAGIC = b"SQLite format 3\0"
_LOCKS = (0x40000000, 512)  # offset and length, in bytes, of SQLite's pending, reserved and shared locks


def has_full_text_index() -> bool:
    """Whether this Python's SQLite has FTS5, which finds jobs by their prompts."""
    with closing(sqlite3.connect(":memory:")) as database:
        return bool(database.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchall())


class DatabaseState(Enum):
    """What the file is."""

    NOTHING = "no database yet"
    IN_USE = "in use"
    NO_DATABASE = "no SQLite database"
    FOREIGN = "another program's database"
    NEWER = "a newer Darkroom's database"
    OLDER = "an older Darkroom's database"
    OURS = "our database"


class FileHeader(NamedTuple):
    """What is at `path`; `version` is its schema as of the last checkpoint, `newest` the newest one known here."""

    path: Path
    found: DatabaseState
    version: int
    newest: int


def read_header(data_dir: Path) -> FileHeader:
    """Read the header of the database in a folder without changing a byte; raises `OSError` without permission."""
    path = data_dir / FILE
    newest = len(list(MIGRATIONS.glob("*.sql")))
    if not path.exists():
        return FileHeader(path, DatabaseState.NOTHING, 0, newest)
    if path.is_dir():
        return FileHeader(path, DatabaseState.NO_DATABASE, 0, newest)
    # Closing this file would drop SQLite's own locks on it, if it were open in this process. It never is.
    with path.open("r+b", buffering=0) as file:
        locked = _is_locked(file.fileno())
        head = file.read(_HEAD)
    version = int.from_bytes(head[60:64], "big")
    return FileHeader(path, DatabaseState.IN_USE if locked else _kind(head, version, newest), version, newest)


def _kind(head: bytes, version: int, newest: int) -> DatabaseState:
    if not head:
        return DatabaseState.NOTHING  # SQLite makes an empty file into a database
    if len(head) < _HEAD or not head.startswith(_MAGIC):
        return DatabaseState.NO_DATABASE
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        return DatabaseState.FOREIGN
    if version > newest:
        return DatabaseState.NEWER
    return DatabaseState.OLDER if version < newest else DatabaseState.OURS


def _is_locked(file: int) -> bool:
    """Whether another process holds any of SQLite's locks; our own is released at once."""
    if sys.platform == "win32":  # other locks: the start detects a second bot there
        return False
    import fcntl

    start, length = _LOCKS
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start, os.SEEK_SET)
    except OSError:
        return True
    fcntl.lockf(file, fcntl.LOCK_UN, length, start, os.SEEK_SET)
    return False
