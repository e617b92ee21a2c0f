"""What is done with one press: it is sent, and what useapi answered is written down; or its job is looked for.

A request costs Midjourney time, so it is never repeated unless useapi said for certain that it did not take it (a 429
or 596 does, a 5xx of another kind does not):

    take      the row says ASKED              crash before: nothing was sent, the press is sent later
    send      useapi makes a job              crash before or after: nobody knows, the job is looked for
    end       the row says MADE               crash before: the look finds the job, which echoes the press's `reference`
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from bot import logs
from bot.errors import (
    AccountBlocked,
    Busy,
    ButtonUsed,
    JobExpired,
    Misconfigured,
    NotSent,
    ProviderError,
    StoreUnavailable,
    SubmissionDeclined,
    TransientError,
)
from bot.models import CostTier, Job, KnownJob, Status, Submission, SubmissionState
from bot.providers.useapi import UseapiClient
from bot.store import Store
from bot.submissions.notifications import Telling
from bot.submissions.pause import Hold
from bot.submissions.reconciler import Search

log = logging.getLogger(__name__)

CARD_AFTER = 15.0
"""Seconds before a child has a card: the first look finds the quick ones done."""

_TOO_OLD = timedelta(hours=24)  # nobody expects a press of yesterday to cost something today
_WRITE_AGAIN = 5.0

_USABLE_AGAIN = frozenset({Status.MODERATED, Status.FAILED, Status.EXPIRED})

_LOST = "This press did not reach Midjourney, so nothing was charged. Press again if you still want it."
_UNTRACKED = (
    "useapi.net lost track of this press. Midjourney may have made it and charged for it, but its job was not found. "
    "Please look there before you press again."
)
"""After a 504: useapi's own means that it cannot track the job, and that Midjourney will still process it."""
_TOO_MANY = "You have {} presses waiting already. Please wait until one of them was sent, or take one back in `/jobs`."
_WAITED = "This press waited for a whole day, so I did not send it any more. Press again if you still want it."
_NOT_SERVED = "I don't serve this server any more, so I did not send this press."

_SENTENCES = {
    400: "Midjourney does not offer this button for this picture any more. `/job` shows the job as it is now.",
    412: "This button needs more than a press, and useapi.net did not get it. `/job` shows the job as it is now.",
    413: "This prompt is too long for Midjourney. Please shorten it and press again.",
}

T = TypeVar("T")


class Sending:
    """Sends presses, and looks for those whose answer was lost; what it is made of is as `SubmissionQueue` has it."""

    def __init__(
        self,
        *,
        api: UseapiClient,
        store: Store,
        hold: Hold,
        search: Search,
        telling: Telling,
        watch: Callable[[KnownJob], None],
        changed: Callable[[], None],
        alert: Callable[[str, str], None],
        queue: int,
        now: Callable[[], datetime],
        serves: Callable[[int], bool],
    ) -> None:
        self._api = api
        self._store = store
        self._hold = hold
        self._search = search
        self._telling = telling
        self._watch = watch
        self._changed = changed
        self._alert = alert
        self._queue = queue
        self._now = now
        self._serves = serves

    async def send(self, submission: Submission) -> None:
        """Send the press at the head of the line; each answer of useapi's has its clause."""
        if self._now() - submission.created_at > _TOO_OLD:
            await self._end(submission, SubmissionState.REFUSED, _WAITED)
            return
        if not self._serves(submission.destination.guild_id):
            await self._end(submission, SubmissionState.REFUSED, _NOT_SERVED)
            return
        parent = await self._store.known(submission.parent_id)
        logs.turn_to(key=parent.key, destination=submission.destination)
        if submission.tier is CostTier.PICK and (child := await self._made_before(parent, submission.button)):
            await self._made(submission, child, used=True)
            return
        taken = await self._store.mark_sent(submission)
        if taken is None:
            return
        asked_at = _loop_time()
        try:
            child = await self._api.press(
                parent.job.jobid, submission.button, reply_ref=submission.reference, prompt=submission.prompt or None
            )
        except ProviderError as outcome:
            await self._came_to(outcome, taken, parent, asked_at)
        else:
            self._moves_again(asked_at)
            await self._made(taken, msgspec.structs.replace(child, parent_jobid=parent.job.jobid), used=False)

    async def _came_to(self, outcome: ProviderError, submission: Submission, parent: KnownJob, asked_at: float) -> None:
        """What useapi answered instead of a job."""
        match outcome:
            case Busy() | AccountBlocked() | NotSent():
                self._hold.begin(outcome)
                words = _TOO_MANY.format(self._queue)
                await self._written(lambda: self._store.requeue(submission, self._queue, words))
            case TransientError():
                log.warning("Nobody knows what became of press %d (%s); its job is looked for", submission.id, outcome)
                self._hold.begin(outcome)
                self._search.begin(submission, asked_at)
                unless_found = _UNTRACKED if outcome.code == 504 else _LOST
                await self._written(lambda: self._store.mark_unconfirmed(submission, unless_found))
            case Misconfigured():
                self._alert("presses", f"Buttons do not work. {outcome.for_admin}")
                await self._end(submission, SubmissionState.REFUSED, str(outcome))
            case ButtonUsed():
                self._moves_again(asked_at)
                await self._made(submission, await self._job(outcome.child_jobid, parent, submission.button), used=True)
            case SubmissionDeclined():
                self._moves_again(asked_at)
                await self._end(submission, SubmissionState.DECLINED, outcome.reason)
            case _:
                self._moves_again(asked_at)
                if isinstance(outcome, JobExpired):
                    await self._written(lambda: self._store.remove_buttons(parent.id))
                    self._changed()
                await self._end(submission, SubmissionState.REFUSED, _SENTENCES.get(outcome.code or 0, str(outcome)))

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
        except ProviderError:
            job = Job(jobid=jobid, verb="button", button=button)
        return msgspec.structs.replace(job, parent_jobid=parent.job.jobid)  # useapi may leave it out

    async def _made(self, submission: Submission, child: Job, *, used: bool) -> None:
        subscribed = await self._written(
            lambda: self._store.mark_accepted(submission, child, used=used, quiet_for=CARD_AFTER)
        )
        # The child is watched from this commit on; a crash before it is what the look is for.
        self.follow(subscribed.known)

    def follow(self, child: KnownJob) -> None:
        """Have a child watched, and posted where it is over."""
        if not child.job.over:
            self._watch(child)
        self._changed()

    async def _end(self, submission: Submission, state: SubmissionState, error: str) -> None:
        await self._written(lambda: self._store.mark_failed(submission, state, error))

    async def _written(self, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What useapi has said is said once: it is kept here until the disk takes it, or until the bot dies."""
        while True:
            try:
                return await write()
            except StoreUnavailable:  # of which the store itself tells
                await asyncio.sleep(_WRITE_AGAIN)

    def _moves_again(self, asked_at: float) -> None:
        """A request of this time (loop's clock) was answered."""
        if self._hold.end(asked_at):
            self._telling.line_moves()

    # --- an answer that was lost ------------------------------------------------------------------------------------

    async def find(self, submission: Submission) -> None:
        """Adopt the job of a press; when a whole look finds none in time, there is none."""
        parent = await self._store.known(submission.parent_id)
        logs.turn_to(key=parent.key, destination=submission.destination)
        late, first = (
            self._search.is_late(submission),
            self._search.is_first(submission),
        )  # as it was when the look began
        try:
            child = await self._search.look(submission, parent)
        except ProviderError as error:
            log.debug("The look for the job of press %d was cut short: %s", submission.id, error)
            child, late = None, False
        if child is not None:
            log.info("Found the job of press %d", submission.id)
            await self._made(submission, msgspec.structs.replace(child, parent_jobid=parent.job.jobid), used=False)
        elif late:
            log.warning("No job of press %d was found", submission.id)
            await self._end(submission, SubmissionState.LOST, submission.error or _LOST)
        elif first:
            self._telling.is_looked_for(submission)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
