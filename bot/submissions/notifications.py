"""Who is told how a press stands: once that it waits or is looked for, and how it ended until that is known.

Nothing is said of a press whose presser has not been answered yet: that answer is what is changed.
"""

from collections.abc import Awaitable, Callable, Collection

from bot.models import Submission, SubmissionState
from bot.store import Store
from bot.submissions.pause import QueuePause
from bot.submissions.tasks import Tasks, start, start_by_id
from bot.wakeup import loop_time

_AT_ONCE = 8
_TELL_AGAIN = 30.0
_LONGEST_PAUSE = 300.0


class Telling:
    """What is still to be said, as far as memory must hold it; how presses ended stands in the store.

    `answering` holds the references of submissions whose presser has no answer yet; `tell`: see `SubmissionQueue`.
    """

    def __init__(
        self,
        *,
        store: Store,
        pause: QueuePause,
        tell: Callable[[Submission], Awaitable[None]],
        answering: Collection[str],
    ) -> None:
        self._store = store
        self._pause = pause
        self._tell = tell
        self._answering = answering
        self._count_queued: set[int] = set()  # presses whose pressers know that they wait
        self._news: set[int] = set()  # presses that wait or are looked for, to be told once
        self._tell_at: dict[int, float] = {}
        self.tasks: Tasks = {}

    def waits(self, submission: Submission) -> None:
        """Have a presser told, once, that the press waits in line."""
        if submission.id not in self._count_queued and submission.reference not in self._answering:
            self._count_queued.add(submission.id)
            self._news.add(submission.id)

    def waits_no_more(self, submission: Submission) -> None:
        """A press left the line."""
        self._count_queued.discard(submission.id)

    def line_moves(self) -> None:
        """Whoever waits from now on is told so anew."""
        self._count_queued.clear()

    def is_looked_for(self, submission: Submission) -> None:
        """Have a presser told that the press's job is looked for."""
        self._news.add(submission.id)

    async def begin(self) -> float:
        """Begin to tell what is due; seconds until something more is."""
        wait = _LONGEST_PAUSE
        now = loop_time()
        to_notify = [
            submission for submission in await self._store.to_notify() if submission.reference not in self._answering
        ]
        self._tell_at = {submission.id: self._tell_at.get(submission.id, now) for submission in to_notify}
        for submission in to_notify:
            if submission.id in self.tasks:
                continue
            if (due := self._tell_at[submission.id]) > now:
                wait = min(wait, due - now)
            elif len(self.tasks) < _AT_ONCE:
                self._tell_at[submission.id] = now + _TELL_AGAIN
                start(self.tasks, submission, self._tell)
        for submission_id in self._news - self.tasks.keys() - self._tell_at.keys():
            self._news.discard(submission_id)
            start_by_id(self.tasks, submission_id, self._tell_news)
        self._news -= self._tell_at.keys()
        return wait

    async def _tell_news(self, submission_id: int) -> None:
        submission = await self._store.by_id(submission_id)
        if submission is not None and (
            submission.state is SubmissionState.UNCONFIRMED
            or (submission.state is SubmissionState.QUEUED and self._pause.reason is not None)
        ):
            await self._tell(submission)
