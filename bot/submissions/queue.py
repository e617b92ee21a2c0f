"""The queue: which submission is sent next, and what is under way. `Sender` sends or reconciles each of them."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from bot.errors import StoreUnavailable, StoreUnreadable
from bot.models import (
    DECLINED_A_DAY,
    CostTier,
    Job,
    KnownJob,
    LimitExceeded,
    Limits,
    Submission,
    SubmissionKind,
    SubmissionRequest,
    SubmissionState,
)
from bot.models.alert import AlertSink
from bot.providers.base import Provider
from bot.store import Store
from bot.submissions.answer_checks import AnswerChecks
from bot.submissions.declined_alerts import DeclinedAlerts
from bot.submissions.notifications import Notifications
from bot.submissions.pause import QueuePause
from bot.submissions.reconciler import LATE_JOBS_FOUND_FOR, Reconciler
from bot.submissions.sender import STATUS_CARD_DELAY, Sender
from bot.submissions.tasks import Tasks, start
from bot.wakeup import Wakeup, loop_time

_CONCURRENCY = 3  # requests side by side; an account has 3 slots unless its owner says more
_READ_AHEAD = 100  # queued submissions
_LONGEST_PAUSE = 300.0
_BROKEN_PAUSE = 5.0  # after the store failed
_LAST_ANSWERS = 3.0  # seconds for the requests in flight at the end


class SubmissionQueue:
    """The loop that sends queued submissions; `run()` never returns. The rows are in the store, so a restart goes on.

    `notify` is called with a submission that has to wait (QUEUED), whose job is searched for (UNCONFIRMED) or that has
    ended. For an ended one it is called again, also after a restart, until the store has it marked as notified.
    `is_visible` returns whether Discord shows the presser that a submission was taken, `None` while that is unknown.
    `poll_child` is called with a job that runs, `deliver_soon` when there may be something to post. At most
    `queue_limit` submissions of a member are queued. `is_served` returns whether the bot works for a server, by its id.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        store: Store,
        poll_child: Callable[[KnownJob], None],
        notify: Callable[[Submission], Awaitable[None]],
        is_visible: Callable[[Submission], Awaitable[bool | None]],
        deliver_soon: Callable[[], None],
        alerts: AlertSink,
        queue_limit: int,
        now: Callable[[], datetime],
        is_served: Callable[[int], bool] = lambda _guild_id: True,
    ) -> None:
        self._provider = provider.name
        self._store = store
        self._queue_limit = queue_limit
        self._wakeup = Wakeup()
        self._pause = QueuePause(provider=provider.name, alerts=alerts, accounts=provider.accounts)
        self._reconciler = Reconciler(provider=provider, store=store, now=now)
        self._answering: set[str] = set()  # references of submissions that are being answered
        self._answer_checks = AnswerChecks(
            provider=provider.name, store=store, is_visible=is_visible, answering=self._answering, now=now
        )
        self._declined_alerts = DeclinedAlerts(store=store, alerts=alerts, now=now)
        self._notifications = Notifications(
            provider=provider.name, store=store, pause=self._pause, notify=notify, answering=self._answering
        )
        self._sender = Sender(
            provider=provider,
            store=store,
            pause=self._pause,
            reconciler=self._reconciler,
            notifications=self._notifications,
            poll_child=poll_child,
            deliver_soon=deliver_soon,
            queue_limit=queue_limit,
            now=now,
            is_served=is_served,
        )
        self._sends: Tasks = {}
        self._checks: Tasks = {}
        self._idle = False  # whether nothing was open in the last round, and nothing is left to be forgotten
        self._skip_until: dict[int, float] = {}  # by row id: submissions that met a bug, so that the others go on

    @property
    def pause_reason(self) -> str | None:
        """Why the queue is paused, as a sentence for a person; `None` where it is not."""
        return self._pause.reason

    async def add(self, request: SubmissionRequest, limits: Limits) -> Submission | LimitExceeded | None:
        """Store a submission, see `Submissions.add`; it is not sent before `mark_answered`.

        `limits` are the server's; those that hold for everything that is queued are added. `answer_ended` must be
        called for it; until then nothing asks whether it was answered.
        """
        # While the queue is not paused, as many as are sent side by side are about to leave it.
        leaving = 0 if self._pause.reason is not None else _CONCURRENCY
        reference = secrets.token_hex(12)
        self._answering.add(reference)
        try:
            submission = await self._store.submissions.add(
                request,
                provider=self._provider,
                limits=msgspec.structs.replace(
                    limits, declined=DECLINED_A_DAY, queue=self._queue_limit, leaving=leaving
                ),
                reference=reference,
                delay=STATUS_CARD_DELAY,
            )
            # A crash from here on leaves a queued submission: `AnswerChecks` decides whether it is sent.
            if isinstance(submission, Submission) and submission.child_id is not None:
                self._sender.follow(await self._store.jobs.get(submission.child_id))
        except BaseException:
            self._answering.discard(reference)
            raise
        if not isinstance(submission, Submission):
            self._answering.discard(reference)
        return submission

    async def mark_answered(self, submission: Submission) -> None:
        """Record that the presser saw the submission taken: it is sent when its turn comes."""
        await self._store.submissions.mark_answered(submission)
        if submission.waits_for is not None and self._pause.reason is not None:
            self._notifications.queued(msgspec.structs.replace(submission, answered=True))

    def answer_ended(self, submission: Submission) -> None:
        """Note that the presser was answered, or that nobody knows: notifications may change the answer."""
        self._answering.discard(submission.reference)
        self._wakeup.set()

    async def cancel_queued(self, submission: Submission) -> bool:
        """Cancel a queued submission; return whether it was still queued."""
        cancelled = await self._store.submissions.cancel(submission)
        self._notifications.left_queue(submission)
        self._wakeup.set()
        return cancelled

    async def job_seen(self, job: Job) -> None:
        """Accept the submission whose answer was lost and that made this job, if there is one.

        `job` is as the provider described it just now. Raises `StoreUnavailable` where the submission cannot be read.
        """
        if job.reply_ref:
            await self._sender.accept_by_reference(job)
            self._wakeup.set()

    def slot_freed(self) -> None:
        """Note that a job ended, so that the account may have a free slot."""
        self._pause.slot_freed()
        self._wakeup.set()

    def wake(self) -> None:
        """Read the queue now, such as after a server's pause has ended."""
        self._wakeup.set()

    async def run(self) -> None:
        """Send until cancelled; requests in flight then have a moment to be answered."""
        self._pause.resume()
        self._idle = False
        try:
            while True:
                try:
                    wait = await self._start_due()
                except StoreUnavailable:  # already logged and alerted by Database
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
            for work in (self._sends, self._checks, self._answer_checks.tasks, self._notifications.tasks):
                work.clear()

    def _tasks(self) -> list[asyncio.Task[None]]:
        parts = (self._sends, self._checks, self._answer_checks.tasks, self._notifications.tasks)
        return [task for tasks in parts for task in tasks.values()]

    # --- one round --------------------------------------------------------------------------------------------------

    async def _start_due(self) -> float:
        """Start everything that is due; return the seconds until something more is."""
        self._collect_finished()
        return min(await self._start_open(), await self._declined_alerts.update())

    async def _start_open(self) -> float:
        """Start what is due of the submissions that are open: nearly always there are none, which one read says.

        The first round without any, and all until a pause is over, forget what is known of the last ones.
        """
        any_open = self._tasks() or await self._store.queue.any_open(self._provider, LATE_JOBS_FOUND_FOR)
        if self._idle and not any_open:
            return _LONGEST_PAUSE
        forgets = not any_open and not self._pause.seconds_left
        wait = min(
            await self._answer_checks.start_due(),
            await self._start_checks(),
            await self._start_sends(),
            await self._notifications.start_due(),
        )
        self._idle = forgets
        return wait

    def _collect_finished(self) -> None:
        """Remove finished tasks; after an error of theirs, pause the queue or skip the submission for a while."""
        now = loop_time()
        self._skip_until = {submission_id: until for submission_id, until in self._skip_until.items() if until > now}
        for tasks in (self._sends, self._checks, self._answer_checks.tasks, self._notifications.tasks):
            for submission_id in [submission_id for submission_id, task in tasks.items() if task.done()]:
                task = tasks.pop(submission_id)
                error = None if task.cancelled() else task.exception()
                can_skip = tasks is self._sends or tasks is self._checks
                if isinstance(error, StoreUnavailable) and not (can_skip and isinstance(error, StoreUnreadable)):
                    self._pause.extend(_BROKEN_PAUSE)  # already logged and alerted by Database
                elif error is not None and can_skip:  # others may work, also where this one cannot be read
                    self._skip_until[submission_id] = now + _LONGEST_PAUSE

    async def _start_checks(self) -> float:
        """Start the checks of the reconciler that are due; the end of one under way wakes the loop."""
        wait = _LONGEST_PAUSE
        unconfirmed = await self._store.queue.unconfirmed(self._provider)
        lost = await self._store.queue.lost(self._provider, LATE_JOBS_FOUND_FOR)
        self._reconciler.keep_only(
            unconfirmed={submission.id for submission in unconfirmed}, lost={submission.id for submission in lost}
        )
        for submission in (*unconfirmed, *lost):
            if submission.id in self._sends or submission.id in self._checks:
                continue
            skip = self._skip_until.get(submission.id, 0.0) - loop_time()
            due = max(self._reconciler.due_in(submission), skip)
            if due > 0:
                wait = min(wait, due)
            elif submission.state is SubmissionState.LOST:
                if not self._checks:  # one at a time: after an outage many are lost, and none of them is urgent
                    start(self._checks, submission, self._sender.reconcile_lost)
            elif len(self._checks) < _CONCURRENCY:
                start(self._checks, submission, self._sender.reconcile)
        return wait

    async def _start_sends(self) -> float:
        """Start the requests whose turn it is: one at a time while it is not certain that they are accepted."""
        now = loop_time()
        queued = await self._store.queue.next(self._provider, _READ_AHEAD + len(self._skip_until))
        # Where U1-U4 of the same job were pressed in two servers, the second is sent when the first has ended.
        picked = {(submission.parent_id, submission.button) for submission in queued if submission.id in self._sends}
        waiting = [
            submission
            for submission in queued
            if submission.id not in self._sends and submission.id not in self._skip_until
        ]
        self._notifications.deferred(await self._store.queue.deferred(self._provider))
        if left := self._pause.seconds_left:
            for submission in waiting if self._pause.reason is not None else ():
                self._notifications.queued(submission)
                for follower in await self._store.queue.followers(submission):
                    self._notifications.queued(follower)
            return left
        if not waiting and not self._sends:
            self._pause.forget()
            self._notifications.queue_moved()
        for submission in waiting:
            if len(self._sends) >= self._pause.limit(_CONCURRENCY):
                break
            button = (submission.parent_id, submission.button)
            if submission.tier is CostTier.PICK and submission.kind is SubmissionKind.BUTTON:
                if button in picked:
                    continue
                picked.add(button)
            start(self._sends, submission, self._sender.send)
        return min((until - now for until in self._skip_until.values()), default=_LONGEST_PAUSE)
