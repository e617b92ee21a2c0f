"""What makes simcord's settling cheap: an event loop that can be awaited to become idle, and a memory for sleepers."""

import asyncio
import contextvars
import selectors
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary


class IdleLoop(asyncio.SelectorEventLoop):
    """A loop with `idle()`: it returns when no callback is due and no socket is ready.

    Timers, threads and child processes may still be outstanding then; SQLite has no thread here, see `sqlite_in_loop`.
    """

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []
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


class _Selector(selectors.DefaultSelector):
    def __init__(self, about_to_block: Callable[[], bool]) -> None:
        super().__init__()
        self._about_to_block = about_to_block

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The loop passes the seconds to its next timer, or 0 where a callback is due already."""
        blocks = timeout is None or timeout > 0
        if blocks and ((ready := super().select(0)) or self._about_to_block()):
            return ready
        return super().select(timeout)


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
    that rests stays at rest until what it awaits is done; only one that awaits other tasks must be examined again.
    """
    known: WeakKeyDictionary[asyncio.Task[Any], tuple[Any, str]] = WeakKeyDictionary()

    def reason(state: Any, task: asyncio.Task[Any], *more: Any) -> str | None:
        waiter = getattr(task, "_fut_waiter", None)
        if waiter is not None and not waiter.done() and (before := known.get(task)) and before[0] is waiter:
            return before[1]
        found = park_reason(state, task, *more)
        if found is not None and found != "composed external wait":
            known[task] = waiter, found
        return found

    return reason


def tracking_no_task_steps(track_callback: Callable[..., asyncio.Handle]) -> Callable[..., asyncio.Handle]:
    """Wrap simcord's `_track_callback`, which records every callback of the bot until it has run.

    Most callbacks are the next step of a task, and simcord watches the tasks themselves: one whose step is due awaits
    nothing, so that it is not at rest.
    """

    def track(
        work: Any,
        original: Callable[..., asyncio.Handle],
        callback: Any,
        args: tuple[Any, ...],
        *,
        context: contextvars.Context | None,
        when: float | None,
        **more: Any,
    ) -> asyncio.Handle:
        if when is None and isinstance(getattr(callback, "__self__", None), asyncio.Task):
            return original(callback, *args, context=context)
        return track_callback(work, original, callback, args, context=context, when=when, **more)

    return track
