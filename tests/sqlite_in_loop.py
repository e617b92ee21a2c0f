"""SQLite called in the event loop's own thread, for journeys and for component tests.

SQLite, its file and aiosqlite's interface stay real; only the thread between them is left out. Each call costs a third
of the time then, and none is outstanding when the loop has nothing else to do, as simulated time requires. The tests of
the connection and the store, of the whole process and of the kills have the thread.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import aiosqlite.core
import pytest


class _CallsInLoop:
    """Takes the place of the queue from which aiosqlite's thread gets its calls: each runs as it is put in."""

    def put_nowait(self, call: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = call
        if future is None:  # a connection that nobody closed is deleted after its loop
            function()
            return
        loop = future.get_loop()
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 -- aiosqlite's thread passes on everything, too
            loop.call_soon(aiosqlite.core.set_exception, future, error)
        else:
            loop.call_soon(aiosqlite.core.set_result, future, result)  # the caller is suspended, as by the thread


class _NoThread:
    def __init__(self, **_: Any) -> None: ...

    def start(self) -> None: ...


def call_sqlite_in_loop(patch: pytest.MonkeyPatch) -> None:
    """Let all connections that are made from now on do without a thread."""
    patch.setattr(aiosqlite.core, "SimpleQueue", _CallsInLoop)
    patch.setattr(aiosqlite.core, "Thread", _NoThread)
