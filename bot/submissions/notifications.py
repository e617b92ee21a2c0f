"""Who is told how a press stands: once that it waits or is looked for, and how it ended until that is known.

Nothing is said of a press whose presser has not been answered yet: that answer is what is changed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from bot.models.job import Press, PressState
from bot.store import Store
from bot.submissions.pause import Hold
from bot.submissions.tasks import Tasks, start, start_by_id

_AT_ONCE = 8
_TELL_AGAIN = 30.0
_LONGEST_PAUSE = 300.0


class Telling:
    """What is still to be said, as far as memory must hold it; how presses ended stands in the store.

    `answering` holds the refs of presses whose pressers have not been answered yet; `tell` is as `Presses` has it.
    """

    def __init__(
        self, *, store: Store, hold: Hold, tell: Callable[[Press], Awaitable[None]], answering: Collection[str]
    ) -> None:
        self._store = store
        self._hold = hold
        self._tell = tell
        self._answering = answering
        self._in_line: set[int] = set()  # presses whose pressers know that they wait
        self._news: set[int] = set()  # presses that wait or are looked for, to be told once
        self._tell_at: dict[int, float] = {}
        self.tasks: Tasks = {}

    def waits(self, press: Press) -> None:
        """Have a presser told, once, that the press waits in line."""
        if press.id not in self._in_line and press.ref not in self._answering:
            self._in_line.add(press.id)
            self._news.add(press.id)

    def waits_no_more(self, press: Press) -> None:
        """A press left the line."""
        self._in_line.discard(press.id)

    def line_moves(self) -> None:
        """Whoever waits from now on is told so anew."""
        self._in_line.clear()

    def is_looked_for(self, press: Press) -> None:
        """Have a presser told that the press's job is looked for."""
        self._news.add(press.id)

    async def begin(self) -> float:
        """Begin to tell what is due; seconds until something more is."""
        wait = _LONGEST_PAUSE
        now = asyncio.get_running_loop().time()
        untold = [press for press in await self._store.untold() if press.ref not in self._answering]
        self._tell_at = {press.id: self._tell_at.get(press.id, now) for press in untold}
        for press in untold:
            if press.id in self.tasks:
                continue
            if (due := self._tell_at[press.id]) > now:
                wait = min(wait, due - now)
            elif len(self.tasks) < _AT_ONCE:
                self._tell_at[press.id] = now + _TELL_AGAIN
                start(self.tasks, press, self._tell)
        for press_id in self._news - self.tasks.keys() - self._tell_at.keys():
            self._news.discard(press_id)
            start_by_id(self.tasks, press_id, self._tell_news)
        self._news -= self._tell_at.keys()
        return wait

    async def _tell_news(self, press_id: int) -> None:
        press = await self._store.press_by_id(press_id)
        if press is not None and (
            press.state is PressState.UNKNOWN or (press.state is PressState.QUEUED and self._hold)
        ):
            await self._tell(press)
