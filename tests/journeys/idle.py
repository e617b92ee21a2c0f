"""What makes simcord's settling cheap: an event loop that can be awaited to become idle, and a memory for sleepers."""

import asyncio
import selectors
from collections.abc import Callable
from time import monotonic  # the real clock: simcord puts its own into the module
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from simcord import _dpy_internals, _runtime

_TURNS_WITHOUT_SOCKETS = 16


class IdleLoop(asyncio.SelectorEventLoop):
    """A loop with `idle()`: it returns when no callback is due and no socket is ready.

    Timers, threads and child processes may still be outstanding then; SQLite has no thread here, see `sqlite_in_loop`.
    """

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []
        self._call_soon_untracked: Callable[..., asyncio.Handle] = super().call_soon
        super().__init__(_Selector(self.about_to_block))

    async def idle(self) -> None:
        waiter = self.create_future()
        self._waiters.append(waiter)
        await waiter

    def about_to_block(self) -> bool:
        """Resume those that wait in `idle`; whether there were any, so that there is work to do again."""
        if not self._waiters:
            return False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        return True

    def time(self) -> float:
        """The clock of the loop; inside the bot it is simcord's."""
        return monotonic() if _runtime._BOT_SCOPE.get() is None else super().time()

    @property  # type: ignore[override]  # simcord sets its own on the loop
    def call_soon(self) -> Callable[..., asyncio.Handle]:
        return self._call_soon_untracked

    @call_soon.setter
    def call_soon(self, tracked: Callable[..., asyncio.Handle]) -> None:
        """Do without simcord's function, which records every callback of the bot until it has run, and its error.

        simcord asks whether the bot has come to rest when the loop is idle: no callback is due then. For the errors
        there is the handler that `BotHarness` sets.
        """


class _Selector(selectors.DefaultSelector):
    def __init__(self, about_to_block: Callable[[], bool]) -> None:
        super().__init__()
        self._about_to_block = about_to_block
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The loop passes the seconds to its next timer, or 0 where a callback is due already.

        The kernel is asked about sockets when no callback is due, and on few of the turns on which one is.
        """
        if timeout is None or timeout > 0:
            if (ready := super().select(0)) or self._about_to_block():
                return ready
            return super().select(timeout)
        self._turns = (self._turns + 1) % _TURNS_WITHOUT_SOCKETS
        return [] if self._turns else super().select(0)


def asyncio_that_waits_for_idle() -> SimpleNamespace:
    """The module asyncio, except that `sleep(0)` lasts until the running `IdleLoop` is idle.

    simcord lets the loop turn once before it checks whether the bot has come to rest. The bot needs several turns, so
    most checks are in vain, and each looks at every task. With this in place of `asyncio` in `simcord.env` the first
    check usually succeeds, which halves what settling costs. Where simcord changes, journeys are slower, not wrong.
    """

    async def sleep(seconds: float, result: Any = None) -> Any:
        loop = asyncio.get_running_loop()
        if seconds or not isinstance(loop, IdleLoop):
            return await asyncio.sleep(seconds, result)
        await loop.idle()
        return result

    return SimpleNamespace(**vars(asyncio) | {"sleep": sleep})


def remembering(park_reason: Callable[..., str | None]) -> Callable[..., str | None]:
    """Wrap simcord's `_park_reason`, which says for what kind of wait a task is at rest, or None for a task at work.

    simcord examines each task several times at every step of the clock, most of them in the same wait as before. A task
    that rests stays at rest until what it awaits is done; one that awaits other tasks, while all of these rest.
    """
    known: WeakKeyDictionary[asyncio.Task[Any], tuple[Any, str, list[Any]]] = WeakKeyDictionary()

    def reason(state: Any, task: asyncio.Task[Any], *more: Any) -> str | None:
        waiter = getattr(task, "_fut_waiter", None)
        if waiter is not None and not waiter.done() and (before := known.get(task)) and before[0] is waiter:
            _, found, awaited = before
            if all(not other.done() and reason(state, other, *more) is not None for other in awaited):
                return found
        now = park_reason(state, task, *more)
        if now is not None:
            awaited = _awaited_by(task, waiter) if now == "composed external wait" else []
            if all(isinstance(other, asyncio.Task) for other in awaited):
                known[task] = waiter, now, awaited
        return now

    return reason


def _awaited_by(task: asyncio.Task[Any], waiter: Any) -> list[Any]:
    return [other for other in _dpy_internals.composed_tasks(task, waiter) if not other.done()]
