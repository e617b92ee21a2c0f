"""SQLite's result codes: which errors come from the machine, and what the admin can do about each.

https://www.sqlite.org/rescode.html. Every other error, such as a mistake in a statement, is a bug of ours.
"""

import sqlite3

FULL = sqlite3.SQLITE_FULL
BUSY = sqlite3.SQLITE_BUSY
CANT_OPEN = sqlite3.SQLITE_CANTOPEN
CORRUPT = sqlite3.SQLITE_CORRUPT
NOT_A_DATABASE = sqlite3.SQLITE_NOTADB
DAMAGED = frozenset({CORRUPT, NOT_A_DATABASE})
"""What stays true when a later transaction succeeds: it only did not touch the damaged page."""

TEMPORARY = frozenset({FULL, BUSY, sqlite3.SQLITE_IOERR})
"""What may end without a change by the admin to the bot: a full disk, another program, a disk that comes back."""

PERMISSIONS = "Check the owner and the permissions of DATA_DIR and of the files in it."
_DAMAGED = "Stop the bot and put a copy back: `python -m bot restore FILE`."
_FOR_ADMIN = {
    FULL: "The database cannot be written: the disk is full. Free some space. Nothing is lost meanwhile.",
    sqlite3.SQLITE_IOERR: (
        "The database cannot be written or read: the disk reports an error. Check the disk, its quota and the system's "
        "log. "
        "Nothing is lost meanwhile."
    ),
    sqlite3.SQLITE_READONLY: (
        f"The database cannot be written: the file or its disk is read-only. {PERMISSIONS} Nothing is lost meanwhile."
    ),
    BUSY: ("The database cannot be written: another program has it open. Close that one. Nothing is lost meanwhile."),
    CANT_OPEN: (
        f"The database cannot be written: a file beside it cannot be opened. {PERMISSIONS} Nothing is lost meanwhile."
    ),
    CORRUPT: f"The database is damaged. {_DAMAGED}",
    NOT_A_DATABASE: f"The file of the database holds something else. {_DAMAGED}",
}
# SQLITE_LOCKED is missing: it means a conflict within our one connection. SQLITE_NOMEM is a MemoryError in Python.


def primary_code(error: BaseException) -> int | None:
    """The primary result code, the low byte of `sqlite_errorcode`; `None` for an error that is not SQLite's own.

    Python's sqlite3 module raises some of the same classes by itself, without a code.
    """
    code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
    return None if code is None else code & 0xFF


def for_admin(error: BaseException) -> str | None:
    """What is wrong with the machine and what to do, in one or more sentences; `None` where the error is a bug."""
    return _FOR_ADMIN.get(primary_code(error) or 0)
