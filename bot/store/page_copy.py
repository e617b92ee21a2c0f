"""A copy of an open database, made in steps between which its connection does other work.

Each step copies some pages through SQLite's online backup API, https://www.sqlite.org/c3ref/backup_finish.html. What
the connection writes between two steps SQLite writes into the copy, too, so the copy is one state of the database: that
of its last step. A transaction that is rolled back makes SQLite begin again with the first page.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

PAGES = 64
"""The pages of one step: 256 KB, some milliseconds. Larger steps wait longer for a disk that is busy."""

_PRAGMAS = (
    "journal_mode = OFF",  # a copy that is cut off is deleted
    "synchronous = OFF",  # whoever takes the steps flushes the file between them
)


class PageCopy:
    """Copies the database of `original` into the empty file `target`; until `close`, a thread is kept for it.

    No statement of `original`, which must accept other threads, may run during `step` and `close`. Both block.
    """

    def __init__(self, original: sqlite3.Connection, target: Path) -> None:
        self._original = original
        self._target = target
        self._requests = SimpleQueue[bool]()  # whether to take one more step
        self._results = SimpleQueue[bool | Exception]()  # after each: whether there are more
        self._thread = Thread(target=self._run, name="copy of the database", daemon=True)
        self._thread.start()

    def step(self) -> bool:
        """Copy the next pages; return whether there are more. Raises `sqlite3.Error`."""
        self._requests.put(True)
        result = self._results.get()
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """End the thread, and with it a copy that is not complete."""
        self._requests.put(False)
        self._thread.join()

    def _run(self) -> None:
        try:
            with closing(sqlite3.connect(self._target, isolation_level=None)) as copy:
                for pragma in _PRAGMAS:
                    copy.execute(f"PRAGMA {pragma}")
                if self._requests.get():
                    self._original.backup(copy, pages=PAGES, progress=self._wait)
        except Exception as error:  # noqa: BLE001 -- raised by `step`
            self._results.put(error)
        else:
            self._results.put(False)

    def _wait(self, status: int, _remaining: int, _pages: int) -> None:
        """Called after each step: keep the thread until the next one; what it raises ends the copy."""
        if status == sqlite3.SQLITE_OK:  # else done, or an error that `backup` raises next
            self._results.put(True)
            if not self._requests.get():
                raise InterruptedError
