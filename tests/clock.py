"""An event loop whose time passes only when there is nothing left to do, and then in one step."""

import asyncio
import selectors
import sys

_THREADED = "aiosqlite.core"


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop that starts at 0 s and jumps to its next timer instead of waiting for it: a day takes milliseconds.

    It knows of the one thing that works outside the loop here, aiosqlite's thread: while an answer of it is
    outstanding, time stands still. There is no such knowledge of sockets: real connections need a real clock.

    A test module of `tests/unit` runs on it that says `event_loop_factory = VirtualTime`.
    """

    def __init__(self) -> None:
        self._virtual = 0.0
        self._outstanding: set[asyncio.Future[object]] = set()
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._virtual

    def create_future(self) -> asyncio.Future[object]:
        future = super().create_future()
        if sys._getframe(1).f_globals.get("__name__") == _THREADED:  # it makes one for each call of its thread
            self._outstanding.add(future)
            future.add_done_callback(self._outstanding.discard)
        return future

    def may_jump(self) -> bool:
        return not self._outstanding

    def jump(self, seconds: float) -> None:
        self._virtual += seconds


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Called by the loop with the seconds to its next timer, 0 where something is to be done already."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if not self._loop.may_jump():
            return super().select(None)  # the thread will answer, whatever it takes in real time
        if not (ready := super().select(0)):
            self._loop.jump(timeout)
        return ready
