"""Sends one submission and stores what the provider answered, or reconciles one whose answer was lost.

A request costs Midjourney time, so it is never repeated unless the provider said for certain that it did not accept it
(a 429 or 596 does, a 5xx of another kind does not):

    mark_sent                       the row says SENT         crash before: nothing was sent, it is sent after the start
    POST                            the provider makes a job  crash before or after: unknown, so it is reconciled
    mark_accepted or mark_failed    the row says the outcome  crash before: reconciled, the job echoes the `reference`
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
from bot.models.midjourney_buttons import same_button
from bot.models.provider import worded
from bot.providers.base import Provider
from bot.store import Store
from bot.submissions.notifications import Notifications
from bot.submissions.pause import QueuePause
from bot.submissions.reconciler import LATE_JOBS_FOUND_FOR, Reconciler
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

STATUS_CARD_DELAY = 15.0
"""Seconds before a child gets a status card: the first poll finds quick jobs done."""

_TOO_OLD = timedelta(hours=24)  # a button pressed yesterday must not cost something today
_WRITE_AGAIN = 5.0  # seconds

_USABLE_AGAIN = frozenset({Status.MODERATED, Status.FAILED, Status.EXPIRED})

_LOST = (
    "{provider} gave no clear answer, and no job was found for this button. It may have been charged all the same. "
    "If its job turns up within a day, I'll post it here."
)
_CANNOT_RECONCILE = (
    "{provider} gave no clear answer, and it can't be asked what became of this. It may have been charged, so I don't "
    "send it again. If its job turns up within a day, I'll post it here."
)
_UNTRACKED = (
    "{provider} lost track of this press. Midjourney may have made it and charged for it, but its job was not found. "
    "Please look there before you press again."
)
"""After a 504: the provider's own means that it cannot track the job, and that Midjourney will still process it."""
_PERHAPS = (
    "{provider} gave no clear answer. A job of this button was made at about that time{post}: it may be yours, and it "
    "may have been charged. Press the button again only if you want another one."
)
_PERHAPS_PICKED = (
    "This was pressed before, and {provider} gave no clear answer to that. It may have been charged, so I don't send "
    "it again for a day. If its job turns up, I'll post it here."
)
_TOO_MANY = "You already have {} queued. Wait until one of them is sent, or cancel one in `/jobs`."
_EXPIRED = "This was queued for a whole day, so I didn't send it. Press the button again if you still want it."
_NOT_SERVED = "I no longer work for this server, so I didn't send this."

_SENTENCES = {
    400: "Midjourney no longer offers this button for this picture. `/job` shows the job as it is now.",
    412: "This button needs more than a press, and {provider} did not get it. `/job` shows the job as it is now.",
    413: "This prompt is too long for Midjourney. Please shorten it and try again.",
}

T = TypeVar("T")


class Sender:
    """Sends and reconciles single submissions; its parts and callbacks are those of `SubmissionQueue`."""

    def __init__(
        self,
        *,
        provider: Provider,
        store: Store,
        pause: QueuePause,
        reconciler: Reconciler,
        notifications: Notifications,
        poll_child: Callable[[KnownJob], None],
        deliver_soon: Callable[[], None],
        queue_limit: int,
        now: Callable[[], datetime],
        is_served: Callable[[int], bool],
    ) -> None:
        self._provider = provider
        self._store = store
        self._pause = pause
        self._reconciler = reconciler
        self._notifications = notifications
        self._poll_child = poll_child
        self._deliver_soon = deliver_soon
        self._queue_limit = queue_limit
        self._now = now
        self._is_served = is_served

    async def send(self, submission: Submission) -> None:
        """Send a queued submission and store the outcome."""
        if self._now() - submission.created_at > _TOO_OLD:
            await self._fail(submission, SubmissionState.REFUSED, _EXPIRED)
            return
        if not self._is_served(submission.destination.guild_id):
            await self._fail(submission, SubmissionState.REFUSED, _NOT_SERVED)
            return
        parent = await self._store.jobs.get(submission.parent_id)
        logs.turn_to(key=parent.key, destination=submission.destination)
        if submission.tier is CostTier.PICK and (child := await self._existing_child(parent, submission.button)):
            await self._accept(submission, child, repeated=True)
            return
        if await self._may_have_been_picked(submission):
            await self._fail(submission, SubmissionState.LOST, self._worded(_PERHAPS_PICKED))
            return
        sent = await self._store.submissions.mark_sent(submission)
        if sent is None:
            return  # it was cancelled meanwhile
        sent_at = loop_time()
        try:
            child = await self._provider.press(
                parent.job, submission.button, reference=submission.reference, prompt=submission.prompt or None
            )
        except ProviderError as error:
            await self._handle_error(error, sent, parent, sent_at)
        else:
            self._resume_queue(sent_at)
            await self._accept(sent, msgspec.structs.replace(child, parent_jobid=parent.job.jobid), repeated=False)

    async def _handle_error(
        self, error: ProviderError, submission: Submission, parent: KnownJob, sent_at: float
    ) -> None:
        """Store what the provider answered instead of a job."""
        match error:
            case Busy() | AccountBlocked() | NotSent():
                self._pause.begin(error)
                text = _TOO_MANY.format(self._queue_limit)
                await self._retry_write(lambda: self._store.submissions.requeue(submission, self._queue_limit, text))
            case TransientError():
                log.warning("Submission %d got no clear answer (%s); its job may exist", submission.id, error)
                self._pause.begin(error)
                if not self._reconciler.can_reconcile:
                    await self._fail(submission, SubmissionState.LOST, self._worded(_CANNOT_RECONCILE))
                    return
                self._reconciler.add(submission, sent_at)
                unless_found = self._worded(_UNTRACKED if error.code == 504 else _LOST)
                await self._retry_write(lambda: self._store.submissions.mark_unconfirmed(submission, unless_found))
            case Misconfigured():
                self._pause.refused(error)
                await self._fail(submission, SubmissionState.REFUSED, str(error))
            case ButtonUsed():
                self._resume_queue(sent_at)
                child = await self._child(error.child_jobid, parent, submission.button)
                await self._accept(submission, child, repeated=True)
            case SubmissionDeclined():
                self._resume_queue(sent_at)
                await self._fail(submission, SubmissionState.DECLINED, error.reason)
            case _:
                self._resume_queue(sent_at)
                if isinstance(error, JobExpired):
                    await self._retry_write(lambda: self._store.jobs.remove_buttons(parent.id))
                    self._deliver_soon()
                sentence = self._worded(_SENTENCES.get(error.code or 0, str(error)))
                await self._fail(submission, SubmissionState.REFUSED, sentence)

    async def _may_have_been_picked(self, submission: Submission) -> bool:
        """Whether an earlier press of U1-U4 may have made the job, and the provider would make, and charge, another."""
        return (
            submission.tier is CostTier.PICK
            and not self._provider.capabilities.picks_once
            and await self._store.history.lost_lately(submission.parent_id, submission.button, LATE_JOBS_FOUND_FOR)
        )

    async def _existing_child(self, parent: KnownJob, button: str) -> Job | None:
        """Return the job that a button of the tier PICK has made already, as far as it is known without a POST."""
        known = await self._store.history.child_of(parent.id, button)
        if known is not None:
            return known.job
        for child in parent.job.children:
            if same_button(child.button, button):
                job = await self._child(child.jobid, parent, button)
                if job.status not in _USABLE_AGAIN:
                    return job
        return None

    async def _child(self, jobid: str, parent: KnownJob, button: str) -> Job:
        """Return a child that exists for certain; its bare id, which can be polled, where it cannot be described."""
        try:
            job = await self._provider.job(jobid)
        except ProviderError:
            job = Job(jobid=jobid, verb="button", button=button)
        return msgspec.structs.replace(job, parent_jobid=parent.job.jobid)  # the provider may leave it out

    async def _accept(self, submission: Submission, child: Job, *, repeated: bool) -> None:
        subscribed = await self._retry_write(
            lambda: self._store.submissions.mark_accepted(submission, child, repeated=repeated, delay=STATUS_CARD_DELAY)
        )
        # The child is subscribed from this commit on; after a crash before it, the submission is reconciled.
        self.follow(subscribed.known)

    def follow(self, child: KnownJob) -> None:
        """Have a child polled, or posted where it is over."""
        if not child.job.over:
            self._poll_child(child)
        self._deliver_soon()

    async def _fail(self, submission: Submission, state: SubmissionState, error: str) -> None:
        await self._retry_write(lambda: self._store.submissions.mark_failed(submission, state, error))

    async def _retry_write(self, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Repeat `write` until the disk takes it or the bot dies: a provider gives an answer only once."""
        while True:
            try:
                return await write()
            except StoreUnavailable:  # already logged and alerted by Database
                await asyncio.sleep(_WRITE_AGAIN)

    def _resume_queue(self, sent_at: float) -> None:
        """End a pause after an answer to a request that was sent at `sent_at` (loop's clock)."""
        if self._pause.end(sent_at):
            self._notifications.queue_moved()

    async def reconcile(self, submission: Submission) -> None:
        """Check once for the job of an unconfirmed submission; a complete last check that finds none makes it LOST."""
        parent = await self._store.jobs.get(submission.parent_id)
        logs.turn_to(key=parent.key, destination=submission.destination)
        # As it was when the check began:
        is_last = self._reconciler.is_last_check(submission)
        is_first = self._reconciler.is_first_check(submission)
        try:
            result = await self._reconciler.find_job(submission, parent)
        except ProviderError as error:
            log.debug("The check for the job of submission %d was cut short: %s", submission.id, error)
            result, is_last = None, False
        if result is not None and result.job is not None:
            await self._accept_found(submission, result.job, parent)
        elif is_last:
            log.warning("No job of submission %d was found", submission.id)
            perhaps = None if result is None else result.perhaps
            lost = submission.error or self._worded(_LOST if self._reconciler.can_reconcile else _CANNOT_RECONCILE)
            sentence = lost if perhaps is None else await self._perhaps(submission, perhaps)
            await self._fail(submission, SubmissionState.LOST, sentence)
        elif is_first:
            self._notifications.reconciling(submission)

    async def reconcile_lost(self, submission: Submission) -> None:
        """Check once more for the job of a lost submission: it may be listed late, or echo the reference late."""
        parent = await self._store.jobs.get(submission.parent_id)
        logs.turn_to(key=parent.key, destination=submission.destination)
        try:
            job = await self._reconciler.find_late_job(submission, parent)
        except ProviderError as error:
            log.debug("The check for the job of lost submission %d was cut short: %s", submission.id, error)
            return
        if job is not None:
            await self._accept_found(submission, job, parent)

    async def accept_by_reference(self, job: Job) -> None:
        """Accept the submission whose reference a job echoes, where its answer was lost; other jobs are left alone."""
        submission = await self._store.history.by_reference(job.reply_ref)
        if submission is None or submission.provider is not job.provider:
            return
        if submission.state in {SubmissionState.UNCONFIRMED, SubmissionState.LOST}:
            parent = await self._store.jobs.get(submission.parent_id)
            logs.turn_to(key=parent.key, destination=submission.destination)
            await self._accept_found(submission, job, parent)

    async def _accept_found(self, submission: Submission, job: Job, parent: KnownJob) -> None:
        """Accept an unconfirmed or lost submission: `job` has its reference."""
        log.info("Found the job of submission %d", submission.id)
        child = msgspec.structs.replace(job, parent_jobid=parent.job.jobid)
        if submission.state is not SubmissionState.LOST:
            await self._accept(submission, child, repeated=False)
            return
        subscribed = await self._retry_write(
            lambda: self._store.submissions.mark_found(submission, child, delay=STATUS_CARD_DELAY)
        )
        if subscribed is not None:
            self.follow(subscribed.known)

    async def _perhaps(self, submission: Submission, job: Job) -> str:
        """Return the sentence for a submission that may have become `job`; a post of it in this channel has a key."""
        known = await self._store.jobs.by_jobid(job.provider, job.jobid)
        post = (
            None
            if known is None or known.job.private
            else await self._store.deliveries.post_of(known.id, submission.destination.channel_id)
        )
        key = "" if known is None or post is None else f" (#{known.key})"
        return self._worded(_PERHAPS).replace("{post}", key)

    def _worded(self, sentence: str) -> str:
        return worded(sentence, self._provider.name)
