"""The line itself: who is next, what useapi answered, and who is to be told.

A request costs Midjourney time, so it is never repeated unless useapi said for certain that it did not take it:

    take      the row says ASKED              crash before: nothing was sent, the press is sent later
    send      useapi makes a job              crash before or after: nobody knows, the job is looked for
    end       the row says MADE               crash before: the look finds the job, which echoes the press's `ref`
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from bot import logs
from bot.alarm import Alarm
from bot.api import Useapi
from bot.errors import (
    AccountBlocked,
    Busy,
    ButtonUsed,
    JobExpired,
    JobModerated,
    Misconfigured,
    NotSent,
    Overloaded,
    StoreTrouble,
    Trouble,
    UseapiError,
)
from bot.jobs import Job, KnownJob, Limits, Person, Place, Press, PressState, Refused, Status, Tier
from bot.presses.hold import Hold
from bot.presses.search import Search
from bot.store import Store

log = logging.getLogger(__name__)

CARD_AFTER = 15.0
"""Seconds before a child has a card: the first look finds the quick ones done."""

_AT_ONCE = 3  # requests side by side; an account has 3 places unless its owner says more
_TELLING_AT_ONCE = 8
_TOO_OLD = timedelta(hours=24)  # nobody expects a press of yesterday to cost something today
_LONGEST_PAUSE = 300.0
_TELL_AGAIN = 30.0
_BROKEN_PAUSE = 5.0
_LAST_ANSWERS = 3.0  # seconds for the requests under way at the end

_USABLE_AGAIN = frozenset({Status.MODERATED, Status.FAILED, Status.EXPIRED})

_LOST = "This press did not reach Midjourney, so nothing was charged. Press again if you still want it."
_TOO_MANY = "You have {} presses waiting already. Please wait until one of them was sent, or take one back in `/jobs`."
_WAITED = "This press waited for a whole day, so I did not send it any more. Press again if you still want it."
_NOT_SERVED = "I don't serve this server any more, so I did not send this press."

_SENTENCES = {
    400: "Midjourney does not offer this button for this picture any more. `/job` shows the job as it is now.",
    412: "This button needs more than a press, and useapi.net did not get it. `/job` shows the job as it is now.",
    413: "This prompt is too long for Midjourney. Please shorten it and press again.",
}

T = TypeVar("T")


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
        self._api = api
        self._store = store
        self._watch = watch
        self._tell = tell
        self._changed = changed
        self._alert = alert
        self._queue = queue
        self._now = now
        self._serves = serves
        self._alarm = Alarm()
        self._search = Search(api=api, store=store, now=now)
        # Tasks by the id of their press:
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._looking: dict[int, asyncio.Task[None]] = {}
        self._telling: dict[int, asyncio.Task[None]] = {}
        self._answering: set[str] = set()  # refs of presses whose pressers have not been answered yet
        self._odd_until: dict[int, float] = {}  # presses that met a bug: the others go on
        self._in_line: set[int] = set()  # presses whose pressers know that they wait
        self._news: set[int] = set()  # presses that wait or are looked for, to be told once
        self._tell_at: dict[int, float] = {}
        self._hold = Hold(alert=alert)

    @property
    def held(self) -> str:
        """Why the line does not move, in words for a person; empty when it does."""
        return self._hold.words

    async def add(
        self,
        parent: KnownJob,
        button: str,
        place: Place,
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
                place,
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
                self._follow(await self._store.known(press.child_id))
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
            self._waits(press)
        self._alarm.ring()

    async def withdraw(self, press: Press) -> bool:
        """Take a press out of the line; whether it still was there."""
        gone = await self._store.withdraw(press)
        self._in_line.discard(press.id)
        self._alarm.ring()
        return gone

    def job_ended(self) -> None:
        """A place at the account may be free."""
        self._hold.place_free()
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
            if self._sending:
                await asyncio.wait(self._sending.values(), timeout=_LAST_ANSWERS)
            tasks = self._tasks()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for work in (self._sending, self._looking, self._telling):
                work.clear()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [*self._sending.values(), *self._looking.values(), *self._telling.values()]

    # --- one round --------------------------------------------------------------------------------------------------

    async def _round(self) -> float:
        """Start everything that is due; seconds until something more is."""
        self._sweep()
        return min(await self._look(), await self._send(), await self._say())

    def _sweep(self) -> None:
        """Take leave of the tasks that are done."""
        now = _loop_time()
        self._odd_until = {press_id: until for press_id, until in self._odd_until.items() if until > now}
        for tasks in (self._sending, self._looking, self._telling):
            for press_id in [press_id for press_id, task in tasks.items() if task.done()]:
                task = tasks.pop(press_id)
                bug = None if task.cancelled() else task.exception()
                if isinstance(bug, StoreTrouble):  # of which the store itself tells
                    self._hold.pause(_BROKEN_PAUSE)
                elif bug is not None and tasks is not self._telling:
                    self._odd_until[press_id] = now + _LONGEST_PAUSE

    async def _look(self) -> float:
        """Begin the looks that are due; those that are under way or have no place yet wake the loop by their end."""
        wait = _LONGEST_PAUSE
        doubtful = await self._store.doubtful()
        self._search.keep({press.id for press in doubtful})
        for press in doubtful:
            if press.id in self._sending or press.id in self._looking:
                continue
            due = max(self._search.due_in(press), self._odd_until.get(press.id, 0.0) - _loop_time())
            if due > 0:
                wait = min(wait, due)
            elif len(self._looking) < _AT_ONCE:
                self._start(self._looking, press, self._find)
        return wait

    async def _send(self) -> float:
        """Begin the requests whose turn it is; one at a time while it is not sure that they are taken."""
        now = _loop_time()
        first = await self._store.next_presses(100 + len(self._answering) + len(self._odd_until))
        # Of U1-U4 of two servers the second is sent when the first is through.
        picked = {(press.parent_id, press.button) for press in first if press.id in self._sending}
        waiting = [
            press
            for press in first
            if press.id not in self._sending and press.ref not in self._answering and press.id not in self._odd_until
        ]
        if left := self._hold.seconds_left:
            for press in waiting if self._hold else ():
                self._waits(press)
                for follower in await self._store.behind(press):
                    self._waits(follower)
            return left
        if not waiting and not self._sending:
            self._hold.forget()
            self._in_line.clear()
        for press in waiting:
            if len(self._sending) >= (1 if self._hold else _AT_ONCE):
                break
            if press.tier is not Tier.PICK or (press.parent_id, press.button) not in picked:
                self._start(self._sending, press, self._make)
                picked.add((press.parent_id, press.button))
        return min((until - now for until in self._odd_until.values()), default=_LONGEST_PAUSE)

    async def _say(self) -> float:
        wait = _LONGEST_PAUSE
        now = _loop_time()
        untold = [press for press in await self._store.untold() if press.ref not in self._answering]
        self._tell_at = {press.id: self._tell_at.get(press.id, now) for press in untold}
        for press in untold:
            if press.id in self._telling:
                continue
            if (due := self._tell_at[press.id]) > now:
                wait = min(wait, due - now)
            elif len(self._telling) < _TELLING_AT_ONCE:
                self._tell_at[press.id] = now + _TELL_AGAIN
                self._start(self._telling, press, self._tell)
        for press_id in self._news - self._telling.keys() - self._tell_at.keys():
            self._news.discard(press_id)
            self._telling[press_id] = asyncio.create_task(_logged(press_id, self._tell_news, press_id))
        self._news -= self._tell_at.keys()
        return wait

    async def _tell_news(self, press_id: int) -> None:
        press = await self._store.press_by_id(press_id)
        if press is not None and (
            press.state is PressState.UNKNOWN or (press.state is PressState.QUEUED and self._hold)
        ):
            await self._tell(press)

    def _start(
        self, tasks: dict[int, asyncio.Task[None]], press: Press, work: Callable[[Press], Awaitable[None]]
    ) -> None:
        with logs.about(place=press.place):
            tasks[press.id] = asyncio.create_task(_logged(press.id, work, press))

    # --- sending ----------------------------------------------------------------------------------------------------

    async def _make(self, press: Press) -> None:
        """Send the press at the head of the line; each answer of useapi's has its clause."""
        if self._now() - press.pressed_at > _TOO_OLD:
            await self._end(press, PressState.REFUSED, _WAITED)
            return
        if not self._serves(press.place.guild_id):
            await self._end(press, PressState.REFUSED, _NOT_SERVED)
            return
        parent = await self._store.known(press.parent_id)
        logs.turn_to(key=parent.key, place=press.place)
        if press.tier is Tier.PICK and (child := await self._made_before(parent, press.button)):
            await self._made(press, child, used=True)
            return
        taken = await self._store.take(press)
        if taken is None:
            return
        asked_at = _loop_time()
        try:
            child = await self._api.press(
                parent.job.jobid, press.button, reply_ref=press.ref, prompt=press.prompt or None
            )
        except UseapiError as outcome:
            await self._came_to(outcome, taken, parent, asked_at)
        else:
            self._moves_again(asked_at)
            await self._made(taken, msgspec.structs.replace(child, parent_jobid=parent.job.jobid), used=False)

    async def _came_to(self, outcome: UseapiError, press: Press, parent: KnownJob, asked_at: float) -> None:
        """What useapi answered instead of a job."""
        match outcome:
            case Busy() | Overloaded() | AccountBlocked() | NotSent():
                self._hold.begin(outcome)
                words = _TOO_MANY.format(self._queue)
                await self._written(lambda: self._store.back_in_line(press, self._queue, words))
            case Trouble():
                log.warning("Nobody knows what became of press %d (%s); its job is looked for", press.id, outcome)
                self._hold.begin(outcome)
                self._search.begin(press, asked_at)
                await self._written(lambda: self._store.doubt(press))
            case Misconfigured():
                self._alert("presses", f"Buttons do not work. {outcome.for_admin}")
                await self._end(press, PressState.REFUSED, str(outcome))
            case ButtonUsed():
                self._moves_again(asked_at)
                await self._made(press, await self._job(outcome.child_jobid, parent, press.button), used=True)
            case JobModerated():
                self._moves_again(asked_at)
                words = "\n".join(filter(None, (outcome.job.error, outcome.job.error_details)))
                await self._end(press, PressState.DECLINED, words)
            case _:
                self._moves_again(asked_at)
                if isinstance(outcome, JobExpired):
                    await self._written(lambda: self._store.forget_buttons(parent.id))
                    self._changed()
                await self._end(press, PressState.REFUSED, _SENTENCES.get(outcome.code or 0, str(outcome)))

    async def _made_before(self, parent: KnownJob, button: str) -> Job | None:
        """The job that a button of the tier PICK has made already, as far as is known without asking useapi to."""
        known = await self._store.child_of(parent.id, button)
        if known is not None:
            return known.job
        for child in parent.job.children:
            if child.button == button:
                job = await self._job(child.jobid, parent, button)
                if job.status not in _USABLE_AGAIN:
                    return job
        return None

    async def _job(self, jobid: str, parent: KnownJob, button: str) -> Job:
        """A job that is there for certain; while useapi cannot describe it, its bare id, which can be watched, too."""
        try:
            job = await self._api.job(jobid)
        except JobModerated as declined:
            job = declined.job
        except UseapiError:
            job = Job(jobid=jobid, verb="button", button=button)
        return msgspec.structs.replace(job, parent_jobid=parent.job.jobid)  # useapi may leave it out

    async def _made(self, press: Press, child: Job, *, used: bool) -> None:
        wish = await self._written(lambda: self._store.press_made(press, child, used=used, quiet_for=CARD_AFTER))
        # The child is watched from this commit on; a crash before it is what the look is for.
        self._follow(wish.known)

    def _follow(self, child: KnownJob) -> None:
        if not child.job.over:
            self._watch(child)
        self._changed()

    async def _end(self, press: Press, state: PressState, trouble: str) -> None:
        await self._written(lambda: self._store.press_ended(press, state, trouble))

    async def _written(self, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What useapi has said is said once: it is kept here until the disk takes it, or until the bot dies."""
        while True:
            try:
                return await write()
            except StoreTrouble:  # of which the store itself tells
                await asyncio.sleep(_BROKEN_PAUSE)

    # --- waiting ----------------------------------------------------------------------------------------------------

    def _waits(self, press: Press) -> None:
        """Tell a presser, once, that the press waits in line."""
        if press.id not in self._in_line and press.ref not in self._answering:
            self._in_line.add(press.id)
            self._news.add(press.id)

    def _moves_again(self, asked_at: float) -> None:
        """A request of this time (loop's clock) was answered."""
        if self._hold.end(asked_at):
            self._in_line.clear()

    # --- an answer that was lost ------------------------------------------------------------------------------------

    async def _find(self, press: Press) -> None:
        """Adopt the job of a press; when a whole look finds none in time, there is none."""
        parent = await self._store.known(press.parent_id)
        logs.turn_to(key=parent.key, place=press.place)
        late, first = self._search.is_late(press), self._search.is_first(press)  # as it was when the look began
        try:
            child = await self._search.look(press, parent)
        except UseapiError as trouble:
            log.debug("The look for the job of press %d was cut short: %s", press.id, trouble)
            child, late = None, False
        if child is not None:
            log.info("Found the job of press %d", press.id)
            await self._made(press, msgspec.structs.replace(child, parent_jobid=parent.job.jobid), used=False)
        elif late:
            log.warning("Press %d was not made", press.id)
            await self._end(press, PressState.LOST, _LOST)
        elif first:
            self._news.add(press.id)


async def _logged(press_id: int, work: Callable[[T], Awaitable[None]], what: T) -> None:
    """Work on a press; a bug in it is logged in here, where the line names the job, and then met by the sweep."""
    try:
        await work(what)
    except StoreTrouble:  # of which the store itself tells
        raise
    except Exception:
        log.exception("Press %d failed in an unexpected way; it is kept", press_id)
        raise


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
