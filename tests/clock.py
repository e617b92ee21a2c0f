"""An event loop whose time passes only when there is nothing left to do, and then in one step."""

import asyncio
import selectors


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop that starts at 0 s and jumps to its next timer instead of waiting for it: a day takes milliseconds.

    It knows nothing of what works outside it: real connections and threads need a real clock. SQLite has no thread
    here, see `tests.sqlite_in_loop`.

    A test module of `tests/component` runs on it that says `event_loop_factory = VirtualTime`.
    """

    def __init__(self) -> None:
        self._virtual = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._virtual

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
        if not (ready := super().select(0)):
            self._loop.jump(timeout)
        return ready
