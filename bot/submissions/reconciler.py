"""Finds the job of a submission whose answer was lost: the job echoes the submission's `reference`.

One check goes through the parent's children of this button and through the jobs that run now. When a complete check
three minutes after the request finds nothing, the submission counts as lost.

The three minutes are measured by the loop's clock, because a wall clock may jump. Only the time before the start of the
bot is read from the wall clock, and then at least two more checks are made.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from bot.errors import Busy, Misconfigured, ProviderError, TransientError
from bot.models import Job, KnownJob, Submission
from bot.providers.useapi import UseapiClient
from bot.store import Store
from bot.wakeup import loop_time

_FIRST_CHECK = 5.0  # seconds from a lost answer to the first check
_CHECK_INTERVAL = 15.0  # seconds between two checks
_VISIBLE_WITHIN = 180.0  # seconds from the request until its job is listed, if there is one
_MIN_AFTER_START = 40.0  # seconds of checks after a start, however long the bot was away


@dataclass(kw_only=True)
class _Unconfirmed:
    """What is remembered of an unconfirmed submission; times are those of the loop's clock."""

    until: float
    next_check: float
    others: set[str] = field(default_factory=set)  # ids of jobs that belong to something else
    checked: bool = False


class Reconciler:
    """The unconfirmed submissions, as far as memory must hold them; a start of the bot begins anew."""

    def __init__(self, *, provider: UseapiClient, store: Store, now: Callable[[], datetime]) -> None:
        self._provider = provider
        self._store = store
        self._now = now
        self._unconfirmed: dict[int, _Unconfirmed] = {}

    def add(self, submission: Submission, sent_at: float) -> None:
        """Begin to check for a submission that was sent at `sent_at` (loop's clock) and got no answer just now."""
        self._unconfirmed[submission.id] = _Unconfirmed(
            until=sent_at + _VISIBLE_WITHIN, next_check=loop_time() + _FIRST_CHECK
        )

    def keep_only(self, submission_ids: Collection[int]) -> None:
        """Forget all submissions but these."""
        self._unconfirmed = {
            submission_id: unconfirmed
            for submission_id, unconfirmed in self._unconfirmed.items()
            if submission_id in submission_ids
        }

    def due_in(self, submission: Submission) -> float:
        """Return the seconds until the submission's next check."""
        return self._of(submission).next_check - loop_time()

    def is_last_check(self, submission: Submission) -> bool:
        """Whether a check that begins now is the last one, provided that it is complete."""
        return loop_time() >= self._of(submission).until

    def is_first_check(self, submission: Submission) -> bool:
        """Whether no check for it has ended yet."""
        return not self._of(submission).checked

    async def find_job(self, submission: Submission, parent: KnownJob) -> Job | None:
        """Return the submission's job; `None` after a complete check; raises `ProviderError` where it was cut short."""
        unconfirmed = self._of(submission)
        try:
            for jobid in (*await self._children(parent, submission.button), *await self._provider.running()):
                if jobid in unconfirmed.others or jobid == parent.job.jobid:
                    continue
                job = await self._describe(jobid)
                if job is not None and job.reply_ref == submission.reference:
                    return job
                if job is not None:  # one that is not found may be too fresh to be known everywhere
                    unconfirmed.others.add(jobid)
        finally:
            unconfirmed.next_check = loop_time() + _CHECK_INTERVAL
            unconfirmed.checked = True
        return None

    def _of(self, submission: Submission) -> _Unconfirmed:
        unconfirmed = self._unconfirmed.get(submission.id)
        if unconfirmed is None:  # it was sent before a crash, or its outcome could not be stored
            assert submission.sent_at is not None
            left = _VISIBLE_WITHIN - (self._now() - submission.sent_at).total_seconds()
            until = loop_time() + min(max(left, _MIN_AFTER_START), _VISIBLE_WITHIN)
            unconfirmed = self._unconfirmed[submission.id] = _Unconfirmed(until=until, next_check=loop_time())
        return unconfirmed

    async def _children(self, parent: KnownJob, button: str) -> list[str]:
        try:
            job = await self._provider.job(parent.job.jobid)
        except ProviderError as error:
            if isinstance(error, TransientError | Busy | Misconfigured):
                raise
            return []  # useapi no longer knows the parent, so it lists no children
        return [child.jobid for child in job.children if child.button == button]

    async def _describe(self, jobid: str) -> Job | None:
        known = await self._store.jobs.by_jobid(jobid)
        if known is not None and known.job.reply_ref:
            return known.job
        try:
            return await self._provider.job(jobid)
        except ProviderError as error:
            if isinstance(error, TransientError | Busy | Misconfigured):
                raise
            return None
