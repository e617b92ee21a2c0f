"""The line itself: who is next, and what is under way. Each press is sent, or looked for, by `Sending`."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from bot.errors import StoreTrouble
from bot.models.job import Destination, KnownJob, Limits, Person, Press, Refused, Tier
from bot.providers.useapi import Useapi
from bot.store import Store
from bot.submissions.notifications import Telling
from bot.submissions.pause import Hold
from bot.submissions.reconciler import Search
from bot.submissions.sender import CARD_AFTER, Sending
from bot.submissions.tasks import Tasks, start
from bot.wakeup import Alarm

_AT_ONCE = 3  # requests side by side; an account has 3 places unless its owner says more
_LONGEST_PAUSE = 300.0
_BROKEN_PAUSE = 5.0
_LAST_ANSWERS = 3.0  # seconds for the requests under way at the end


class Presses:
    """The line; one `run()` for ever. The rows are in the store, so it goes on after a restart where it was.

    `tell` is told how a press stands: QUEUED when it has to wait, UNKNOWN when its job is looked for, and how it ended;
    an ended one is told again, also after a restart, until the store knows that it was told. `changed` is called when
    there may be something to post. At most `queue` presses of a member wait in line. `serves`: whether a server is one
    that the bot works for.
    """

    def __init__(
        self,
        *,
        api: Useapi,
        store: Store,
        watch: Callable[[KnownJob], None],
        tell: Callable[[Press], Awaitable[None]],
        changed: Callable[[], None],
        alert: Callable[[str, str], None],
        queue: int,
        now: Callable[[], datetime],
        serves: Callable[[int], bool] = lambda _guild_id: True,
    ) -> None:
        self._store = store
        self._queue = queue
        self._alarm = Alarm()
        self._hold = Hold(alert=alert)
        self._search = Search(api=api, store=store, now=now)
        self._answering: set[str] = set()  # refs of presses whose pressers have not been answered yet
        self._telling = Telling(store=store, hold=self._hold, tell=tell, answering=self._answering)
        self._sending = Sending(
            api=api,
            store=store,
            hold=self._hold,
            search=self._search,
            telling=self._telling,
            watch=watch,
            changed=changed,
            alert=alert,
            queue=queue,
            now=now,
            serves=serves,
        )
        self._sends: Tasks = {}
        self._looks: Tasks = {}
        self._odd_until: dict[int, float] = {}  # presses that met a bug: the others go on

    @property
    def held(self) -> str:
        """Why the line does not move, in words for a person; empty when it does."""
        return self._hold.words

    async def add(
        self,
        parent: KnownJob,
        button: str,
        destination: Destination,
        person: Person,
        *,
        tier: Tier,
        limits: Limits,
        prompt: str = "",
        answer: str = "",
    ) -> Press | Refused:
        """Keep a press, see `Store.press`; `go` is to be called when its presser was answered."""
        # While the line moves, as many as are sent side by side are about to leave it.
        queue = self._queue if self._hold else self._queue + _AT_ONCE
        ref = secrets.token_hex(12)
        self._answering.add(ref)
        try:
            press = await self._store.press(
                parent,
                button,
                destination,
                person,
                tier=tier,
                limits=msgspec.structs.replace(limits, queue=queue),
                prompt=prompt,
                answer=answer,
                ref=ref,
                quiet_for=CARD_AFTER,
            )
            # A crash from here on leaves a press that waits in line: it is sent after the next start.
            if isinstance(press, Press) and press.child_id is not None:
                self._sending.follow(await self._store.known(press.child_id))
        except BaseException:
            self._answering.discard(ref)
            raise
        if isinstance(press, Refused):
            self._answering.discard(ref)
        return press

    def go(self, press: Press) -> None:
        """Send a press when its turn comes: its presser was answered, so what becomes of it can be told."""
        self._answering.discard(press.ref)
        if press.behind is not None and self._hold:
            self._telling.waits(press)
        self._alarm.ring()

    async def withdraw(self, press: Press) -> bool:
        """Take a press out of the line; whether it still was there."""
        gone = await self._store.withdraw(press)
        self._telling.waits_no_more(press)
        self._alarm.ring()
        return gone

    def job_ended(self) -> None:
        """A place at the account may be free."""
        self._hold.slot_freed()
        self._alarm.ring()

    def ring(self) -> None:
        """Look at the line now: what held it up may be over, such as a server's pause."""
        self._alarm.ring()

    async def run(self) -> None:
        """Send for ever; at a cancellation, requests under way have a moment to be answered."""
        try:
            while True:
                try:
                    wait = await self._round()
                except StoreTrouble:  # of which the store itself tells
                    wait = _BROKEN_PAUSE
                await self._alarm.sleep(wait, *self._tasks())
        finally:
            if self._sends:
                await asyncio.wait(self._sends.values(), timeout=_LAST_ANSWERS)
            tasks = self._tasks()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for work in (self._sends, self._looks, self._telling.tasks):
                work.clear()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [*self._sends.values(), *self._looks.values(), *self._telling.tasks.values()]

    # --- one round --------------------------------------------------------------------------------------------------

    async def _round(self) -> float:
        """Start everything that is due; seconds until something more is."""
        self._sweep()
        return min(await self._look(), await self._send(), await self._telling.begin())

    def _sweep(self) -> None:
        """Take leave of the tasks that are done."""
        now = _loop_time()
        self._odd_until = {press_id: until for press_id, until in self._odd_until.items() if until > now}
        for tasks in (self._sends, self._looks, self._telling.tasks):
            for press_id in [press_id for press_id, task in tasks.items() if task.done()]:
                task = tasks.pop(press_id)
                bug = None if task.cancelled() else task.exception()
                if isinstance(bug, StoreTrouble):  # of which the store itself tells
                    self._hold.pause(_BROKEN_PAUSE)
                elif bug is not None and tasks is not self._telling.tasks:
                    self._odd_until[press_id] = now + _LONGEST_PAUSE

    async def _look(self) -> float:
        """Begin the looks that are due; those that are under way or have no place yet wake the loop by their end."""
        wait = _LONGEST_PAUSE
        doubtful = await self._store.doubtful()
        self._search.keep({press.id for press in doubtful})
        for press in doubtful:
            if press.id in self._sends or press.id in self._looks:
                continue
            due = max(self._search.due_in(press), self._odd_until.get(press.id, 0.0) - _loop_time())
            if due > 0:
                wait = min(wait, due)
            elif len(self._looks) < _AT_ONCE:
                start(self._looks, press, self._sending.find)
        return wait

    async def _send(self) -> float:
        """Begin the requests whose turn it is; one at a time while it is not sure that they are taken."""
        now = _loop_time()
        first = await self._store.next_presses(100 + len(self._answering) + len(self._odd_until))
        # Of U1-U4 of two servers the second is sent when the first is through.
        picked = {(press.parent_id, press.button) for press in first if press.id in self._sends}
        waiting = [
            press
            for press in first
            if press.id not in self._sends and press.ref not in self._answering and press.id not in self._odd_until
        ]
        if left := self._hold.seconds_left:
            for press in waiting if self._hold else ():
                self._telling.waits(press)
                for follower in await self._store.behind(press):
                    self._telling.waits(follower)
            return left
        if not waiting and not self._sends:
            self._hold.forget()
            self._telling.line_moves()
        for press in waiting:
            if len(self._sends) >= (1 if self._hold else _AT_ONCE):
                break
            if press.tier is not Tier.PICK or (press.parent_id, press.button) not in picked:
                start(self._sends, press, self._sending.send)
                picked.add((press.parent_id, press.button))
        return min((until - now for until in self._odd_until.values()), default=_LONGEST_PAUSE)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
