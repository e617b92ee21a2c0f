"""The line itself: who is next, and what is under way. Each press is sent, or looked for, by `Sending`."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from bot.errors import StoreUnavailable
from bot.models import CostTier, Destination, KnownJob, LimitExceeded, Limits, Person, Submission
from bot.models.alert import AlertSink
from bot.providers.useapi import UseapiClient
from bot.store import Store
from bot.submissions.notifications import Telling
from bot.submissions.pause import QueuePause
from bot.submissions.reconciler import Search
from bot.submissions.sender import CARD_AFTER, Sending
from bot.submissions.tasks import Tasks, start
from bot.wakeup import Wakeup, loop_time

_AT_ONCE = 3  # requests side by side; an account has 3 places unless its owner says more
_LONGEST_PAUSE = 300.0
_BROKEN_PAUSE = 5.0
_LAST_ANSWERS = 3.0  # seconds for the requests under way at the end


class SubmissionQueue:
    """The line; one `run()` for ever. The rows are in the store, so it goes on after a restart where it was.

    `tell` is told how a press stands: QUEUED when it has to wait, UNKNOWN when its job is looked for, and how it ended;
    an ended one is told again, also after a restart, until the store knows that it was told. `changed` is called when
    there may be something to post. At most `queue` presses of a member wait in line. `serves`: whether a server is one
    that the bot works for.
    """

    def __init__(
        self,
        *,
        api: UseapiClient,
        store: Store,
        watch: Callable[[KnownJob], None],
        tell: Callable[[Submission], Awaitable[None]],
        changed: Callable[[], None],
        alerts: AlertSink,
        queue: int,
        now: Callable[[], datetime],
        serves: Callable[[int], bool] = lambda _guild_id: True,
    ) -> None:
        self._store = store
        self._queue = queue
        self._wakeup = Wakeup()
        self._pause = QueuePause(alerts=alerts, accounts=api.accounts)
        self._search = Search(api=api, store=store, now=now)
        self._answering: set[str] = set()  # refs of presses whose pressers have not been answered yet
        self._telling = Telling(store=store, pause=self._pause, tell=tell, answering=self._answering)
        self._sending = Sending(
            api=api,
            store=store,
            pause=self._pause,
            search=self._search,
            telling=self._telling,
            watch=watch,
            changed=changed,
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
        return self._pause.reason or ""

    async def add(
        self,
        parent: KnownJob,
        button: str,
        destination: Destination,
        person: Person,
        *,
        tier: CostTier,
        limits: Limits,
        prompt: str = "",
        answer: str = "",
    ) -> Submission | LimitExceeded:
        """Keep a press, see `Store.submission`; `go` is to be called when its presser was answered."""
        # While the line moves, as many as are sent side by side are about to leave it.
        queue = self._queue if self._pause.reason is not None else self._queue + _AT_ONCE
        reference = secrets.token_hex(12)
        self._answering.add(reference)
        try:
            submission = await self._store.add_submission(
                parent,
                button,
                destination,
                person,
                tier=tier,
                limits=msgspec.structs.replace(limits, queue=queue),
                prompt=prompt,
                answer=answer,
                reference=reference,
                quiet_for=CARD_AFTER,
            )
            # A crash from here on leaves a press that waits in line: it is sent after the next start.
            if isinstance(submission, Submission) and submission.child_id is not None:
                self._sending.follow(await self._store.known(submission.child_id))
        except BaseException:
            self._answering.discard(reference)
            raise
        if isinstance(submission, LimitExceeded):
            self._answering.discard(reference)
        return submission

    def go(self, submission: Submission) -> None:
        """Send a press when its turn comes: its presser was answered, so what becomes of it can be told."""
        self._answering.discard(submission.reference)
        if submission.waits_for is not None and self._pause.reason is not None:
            self._telling.waits(submission)
        self._wakeup.set()

    async def cancel_queued(self, submission: Submission) -> bool:
        """Take a press out of the line; whether it still was there."""
        gone = await self._store.cancel_queued(submission)
        self._telling.waits_no_more(submission)
        self._wakeup.set()
        return gone

    def slot_freed(self) -> None:
        """A place at the account may be free."""
        self._pause.slot_freed()
        self._wakeup.set()

    def set(self) -> None:
        """Look at the line now: what held it up may be over, such as a server's pause."""
        self._wakeup.set()

    async def run(self) -> None:
        """Send for ever; at a cancellation, requests under way have a moment to be answered."""
        self._pause.resume()
        try:
            while True:
                try:
                    wait = await self._round()
                except StoreUnavailable:  # of which the store itself tells
                    wait = _BROKEN_PAUSE
                await self._wakeup.sleep(wait, *self._tasks())
        finally:
            self._pause.close()
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
        now = loop_time()
        self._odd_until = {submission_id: until for submission_id, until in self._odd_until.items() if until > now}
        for tasks in (self._sends, self._looks, self._telling.tasks):
            for submission_id in [submission_id for submission_id, task in tasks.items() if task.done()]:
                task = tasks.pop(submission_id)
                bug = None if task.cancelled() else task.exception()
                if isinstance(bug, StoreUnavailable):  # of which the store itself tells
                    self._pause.pause(_BROKEN_PAUSE)
                elif bug is not None and tasks is not self._telling.tasks:
                    self._odd_until[submission_id] = now + _LONGEST_PAUSE

    async def _look(self) -> float:
        """Begin the looks that are due; those that are under way or have no place yet wake the loop by their end."""
        wait = _LONGEST_PAUSE
        unconfirmed = await self._store.unconfirmed()
        self._search.keep({submission.id for submission in unconfirmed})
        for submission in unconfirmed:
            if submission.id in self._sends or submission.id in self._looks:
                continue
            due = max(self._search.due_in(submission), self._odd_until.get(submission.id, 0.0) - loop_time())
            if due > 0:
                wait = min(wait, due)
            elif len(self._looks) < _AT_ONCE:
                start(self._looks, submission, self._sending.find)
        return wait

    async def _send(self) -> float:
        """Begin the requests whose turn it is; one at a time while it is not sure that they are taken."""
        now = loop_time()
        first = await self._store.next_in_queue(100 + len(self._answering) + len(self._odd_until))
        # Of U1-U4 of two servers the second is sent when the first is through.
        picked = {(submission.parent_id, submission.button) for submission in first if submission.id in self._sends}
        waiting = [
            submission
            for submission in first
            if submission.id not in self._sends
            and submission.reference not in self._answering
            and submission.id not in self._odd_until
        ]
        if left := self._pause.seconds_left:
            for submission in waiting if self._pause.reason is not None else ():
                self._telling.waits(submission)
                for follower in await self._store.waits_for(submission):
                    self._telling.waits(follower)
            return left
        if not waiting and not self._sends:
            self._pause.forget()
            self._telling.line_moves()
        for submission in waiting:
            if len(self._sends) >= self._pause.limit(_AT_ONCE):
                break
            if submission.tier is not CostTier.PICK or (submission.parent_id, submission.button) not in picked:
                start(self._sends, submission, self._sending.send)
                picked.add((submission.parent_id, submission.button))
        return min((until - now for until in self._odd_until.values()), default=_LONGEST_PAUSE)
