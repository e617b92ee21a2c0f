"""Finds out whether the presser of a queued submission saw that it was taken, where that is not known.

A submission is stored before its presser is answered, and is not sent before Discord has confirmed the answer:

    add              the row says QUEUED, not answered    crash before: nothing is stored, Discord shows a failure
    answer           Discord shows that it was taken      crash before: the check finds no answer, it is withdrawn
    mark_answered    the row says that it was answered    crash before: the check finds the answer, it is sent

The same goes for an answer that is cut off or met by a 5xx, which Discord may show or not.
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

import msgspec

from bot.backoff import backoff
from bot.models import INTERACTION_TOKEN_LIFETIME, ProviderName, Submission
from bot.store import Store
from bot.submissions import sentences
from bot.submissions.tasks import Tasks, start
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_CONCURRENCY = 8
_FINAL_AFTER = 5.0  # seconds from the interaction: Discord takes a first answer for 3, so what is absent then stays so
_FIRST_RETRY = 2.0
_LONGEST_PAUSE = 300.0
_LONGEST_RETRY = 60.0


class _Check(msgspec.Struct):
    due: float  # in loop time
    attempts: int = 0


class AnswerChecks:
    """The checks that are due, of queued submissions without a confirmed answer; a start of the bot begins anew.

    `answering` holds the references of submissions that are being answered at the moment; `is_visible`: see
    `SubmissionQueue`.
    """

    def __init__(
        self,
        *,
        provider: ProviderName,
        store: Store,
        is_visible: Callable[[Submission], Awaitable[bool | None]],
        answering: Collection[str],
        now: Callable[[], datetime],
    ) -> None:
        self._provider = provider
        self._store = store
        self._is_visible = is_visible
        self._answering = answering
        self._now = now
        self._checks: dict[int, _Check] = {}  # by row id
        self.tasks: Tasks = {}

    async def start_due(self) -> float:
        """Start the checks that are due; return the seconds until the next one is."""
        now = loop_time()
        unanswered = [
            submission
            for submission in await self._store.queue.unanswered(self._provider)
            if submission.reference not in self._answering
        ]
        self._checks = {
            submission.id: self._checks.get(submission.id) or _Check(due=now + self._final_in(submission))
            for submission in unanswered
        }
        wait = _LONGEST_PAUSE
        for submission in unanswered:
            check = self._checks[submission.id]
            if submission.id in self.tasks:
                continue
            if check.due > now:
                wait = min(wait, check.due - now)
            elif len(self.tasks) < _CONCURRENCY:  # else the end of one of them wakes the loop
                check.due = now + backoff(check.attempts, first=_FIRST_RETRY, cap=_LONGEST_RETRY)
                check.attempts += 1
                start(self.tasks, submission, self._check)
        return wait

    def _final_in(self, submission: Submission) -> float:
        """The seconds until Discord no longer takes a first answer; a wall clock that was set back adds none."""
        age = (self._now() - submission.created_at).total_seconds()
        return min(max(_FINAL_AFTER - age, 0.0), _FINAL_AFTER)

    async def _check(self, submission: Submission) -> None:
        """Have the submission sent if the answer is there; withdraw it if it is not, or if that can't be found out."""
        expired = self._now() - submission.created_at > INTERACTION_TOKEN_LIFETIME
        visible = False if expired else await self._is_visible(submission)
        if visible:
            await self._store.submissions.mark_answered(submission)
        elif visible is not None:
            log.info("Submission %d was not seen to be taken; it is withdrawn", submission.id)
            await self._store.submissions.withdraw(submission, sentences.WITHDRAWN[submission.kind])
