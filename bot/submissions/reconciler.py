"""Looks for the job of a press that was sent and whose answer nobody heard: it echoes the press's `reference`.

A look goes through the parent's children that this button made, and through the jobs that run now. When a whole look
three minutes after the request finds nothing, the press was not made, or, after a 504, cannot be tracked by useapi.

The three minutes are the loop's, because a wall clock may jump; only what passed before the bot was started is read
from the wall clock, and then at least two more looks are made.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from bot.errors import Busy, Misconfigured, ProviderError, TransientError
from bot.models import Job, KnownJob, Submission
from bot.providers.useapi import UseapiClient
from bot.store import Store

_LOOK_AFTER = 5.0  # seconds from a lost answer to the first look,
_LOOK_AGAIN = 15.0  # and between two
_SETTLED = 180.0  # seconds after the request: what is not to be seen by then will not be
_AT_LEAST = 40.0  # seconds of looking after a start, however long the bot was away


@dataclass(kw_only=True)
class _Doubt:
    """What is remembered of a press in doubt; times of the loop's clock."""

    until: float
    look_at: float
    seen: set[str] = field(default_factory=set)  # the jobs that turned out to be others'
    looked: bool = False


class Search:
    """All presses in doubt, as far as memory must hold them; a new start begins anew."""

    def __init__(self, *, api: UseapiClient, store: Store, now: Callable[[], datetime]) -> None:
        self._api = api
        self._store = store
        self._now = now
        self._doubts: dict[int, _Doubt] = {}

    def begin(self, submission: Submission, asked_at: float) -> None:
        """The answer to a request of `asked_at` (loop's clock) was lost a moment ago."""
        self._doubts[submission.id] = _Doubt(until=asked_at + _SETTLED, look_at=_loop_time() + _LOOK_AFTER)

    def keep(self, press_ids: Collection[int]) -> None:
        """Forget all but these."""
        self._doubts = {
            submission_id: mark_unconfirmed
            for submission_id, mark_unconfirmed in self._doubts.items()
            if submission_id in press_ids
        }

    def due_in(self, submission: Submission) -> float:
        """Seconds until this press's next look."""
        return self._doubt(submission).look_at - _loop_time()

    def is_late(self, submission: Submission) -> bool:
        """Whether a look that begins now is the last one, unless it is cut short."""
        return _loop_time() >= self._doubt(submission).until

    def is_first(self, submission: Submission) -> bool:
        """Whether no look for it has ended yet."""
        return not self._doubt(submission).looked

    async def look(self, submission: Submission, parent: KnownJob) -> Job | None:
        """The press's job, or `None` where a whole look found none; raises `ProviderError` where it was cut short."""
        mark_unconfirmed = self._doubt(submission)
        try:
            for jobid in (*await self._children(parent, submission.button), *await self._api.running()):
                if jobid in mark_unconfirmed.seen or jobid == parent.job.jobid:
                    continue
                job = await self._describe(jobid)
                if job is not None and job.reply_ref == submission.reference:
                    return job
                if job is not None:  # one that is not to be found may be too fresh to be known everywhere
                    mark_unconfirmed.seen.add(jobid)
        finally:
            mark_unconfirmed.look_at = _loop_time() + _LOOK_AGAIN
            mark_unconfirmed.looked = True
        return None

    def _doubt(self, submission: Submission) -> _Doubt:
        mark_unconfirmed = self._doubts.get(submission.id)
        if mark_unconfirmed is None:  # it was sent by a bot that died, or what came of it could not be written down
            assert submission.sent_at is not None
            left = _SETTLED - (self._now() - submission.sent_at).total_seconds()
            until = _loop_time() + min(max(left, _AT_LEAST), _SETTLED)
            mark_unconfirmed = self._doubts[submission.id] = _Doubt(until=until, look_at=_loop_time())
        return mark_unconfirmed

    async def _children(self, parent: KnownJob, button: str) -> list[str]:
        try:
            job = await self._api.job(parent.job.jobid)
        except ProviderError as outcome:
            if isinstance(outcome, TransientError | Busy | Misconfigured):
                raise
            return []  # useapi knows the parent no more, so it tells of no children
        return [child.jobid for child in job.children if child.button == button]

    async def _describe(self, jobid: str) -> Job | None:
        known = await self._store.by_jobid(jobid)
        if known is not None and known.job.reply_ref:
            return known.job
        try:
            return await self._api.job(jobid)
        except ProviderError as outcome:
            if isinstance(outcome, TransientError | Busy | Misconfigured):
                raise
            return None


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
