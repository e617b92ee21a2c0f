"""Notifies pressers: once that a submission is queued or being reconciled, and of its end until that is confirmed.

A submission whose presser has no answer yet is left out: a notification changes that answer, or would be one.
"""

from collections.abc import Awaitable, Callable, Collection

from bot.models import ProviderName, Submission, SubmissionState
from bot.store import Store
from bot.submissions.pause import QueuePause
from bot.submissions.tasks import Tasks, start, start_by_id
from bot.wakeup import loop_time

_CONCURRENCY = 8
_NOTIFY_AGAIN = 30.0  # seconds
_LONGEST_PAUSE = 300.0


class Notifications:
    """The notifications that are due; those of ended submissions are read from the store, the others kept in memory.

    `answering` holds the references of submissions that are being answered at the moment; `notify`: see
    `SubmissionQueue`.
    """

    def __init__(
        self,
        *,
        provider: ProviderName,
        store: Store,
        pause: QueuePause,
        notify: Callable[[Submission], Awaitable[None]],
        answering: Collection[str],
    ) -> None:
        self._provider = provider
        self._store = store
        self._pause = pause
        self._notify = notify
        self._answering = answering
        self._notified_queued: set[int] = set()  # row ids of the queued submissions whose pressers know that
        self._notified_deferred: set[int] = set()  # the same for those that wait for a running job of their member
        self._updates: set[int] = set()  # row ids of those queued or unconfirmed that are to be notified once
        self._notify_at: dict[int, float] = {}  # by row id of an ended submission: its next attempt, in loop time
        self.tasks: Tasks = {}

    def queued(self, submission: Submission) -> None:
        """Notify the presser, once, that the submission is queued."""
        if submission.id not in self._notified_queued and submission.answered:
            self._notified_queued.add(submission.id)
            self._updates.add(submission.id)

    def deferred(self, submissions: Collection[Submission]) -> None:
        """Notify the pressers, once, of all submissions that wait for a running job of their member."""
        ids = {submission.id for submission in submissions}
        self._updates |= ids - self._notified_deferred
        self._notified_deferred = ids

    def left_queue(self, submission: Submission) -> None:
        """Forget a submission that is no longer queued."""
        self._notified_queued.discard(submission.id)

    def queue_moved(self) -> None:
        """Notify those that are queued from now on again: their position has changed."""
        self._notified_queued.clear()

    def reconciling(self, submission: Submission) -> None:
        """Notify the presser, once, that the submission's job is being searched for."""
        self._updates.add(submission.id)

    async def start_due(self) -> float:
        """Start the notifications that are due; return the seconds until the next one is."""
        wait = _LONGEST_PAUSE
        now = loop_time()
        ended = [
            submission
            for submission in await self._store.queue.to_notify(self._provider)
            if submission.reference not in self._answering
        ]
        self._notify_at = {submission.id: self._notify_at.get(submission.id, now) for submission in ended}
        for submission in ended:
            if submission.id in self.tasks:
                continue
            if (due := self._notify_at[submission.id]) > now:
                wait = min(wait, due - now)
            elif len(self.tasks) < _CONCURRENCY:
                self._notify_at[submission.id] = now + _NOTIFY_AGAIN
                start(self.tasks, submission, self._notify)
        for submission_id in self._updates - self.tasks.keys() - self._notify_at.keys():
            self._updates.discard(submission_id)
            start_by_id(self.tasks, submission_id, self._notify_update)
        self._updates -= self._notify_at.keys()
        return wait

    async def _notify_update(self, submission_id: int) -> None:
        submission = await self._store.history.by_id(submission_id)
        if submission is None:
            return
        waits = submission.state is SubmissionState.QUEUED and (
            self._pause.reason is not None or await self._store.queue.exceeded_running_limit(submission) is not None
        )
        if waits or submission.state is SubmissionState.UNCONFIRMED:
            await self._notify(submission)
