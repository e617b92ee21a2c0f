"""Sends one submission and stores what the provider answered, or reconciles one whose answer was lost.

A request costs Midjourney time, so it is never repeated unless the provider said for certain that it did not accept it
(a 429 or 596 does, a 5xx of another kind does not):

    mark_sent                       the row says SENT         crash before: nothing was sent, it is sent after the start
    POST                            the provider makes a job  crash before or after: unknown, so it is reconciled
    mark_accepted or mark_failed    the row says the outcome  crash before: reconciled, the job echoes the `reference`
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from bot import logs
from bot.errors import (
    AccountBlocked,
    Busy,
    ButtonUsed,
    InvalidResponse,
    JobExpired,
    Misconfigured,
    NotSent,
    ProviderError,
    StoreUnavailable,
    SubmissionDeclined,
    TransientError,
)
from bot.models import (
    CostTier,
    Dimensions,
    InputPicture,
    Job,
    KnownJob,
    Status,
    Submission,
    SubmissionKind,
    SubmissionState,
)
from bot.models.midjourney_buttons import same_button
from bot.models.provider import worded
from bot.providers.base import Provider
from bot.store import Store
from bot.submissions import sentences
from bot.submissions.notifications import Notifications
from bot.submissions.pause import QueuePause
from bot.submissions.reconciler import LATE_JOBS_FOUND_FOR, Reconciler
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

STATUS_CARD_DELAY = 15.0
"""Seconds before the job of a button gets a status card: the first poll finds quick jobs done."""

_COMMAND_STATUS_CARD_DELAY = 1.0  # seconds: the private answer is edited before the card replaces it
_TOO_OLD = timedelta(hours=24)  # what was asked for yesterday must not cost something today
_WRITE_AGAIN = 5.0  # seconds

_NAMES_ANOTHER_JOB = "{provider} named a job that this button did not make."
_COMMANDS = frozenset({SubmissionKind.IMAGINE, SubmissionKind.BLEND, SubmissionKind.DESCRIBE})
_USABLE_AGAIN = frozenset({Status.MODERATED, Status.FAILED, Status.EXPIRED})

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
            await self._refuse_alone(submission, sentences.EXPIRED[submission.kind])
            return
        if not self._is_served(submission.destination.guild_id):
            await self._fail(submission, SubmissionState.REFUSED, sentences.NOT_SERVED)
            return
        if submission.expires_at is not None and self._now() >= submission.expires_at:
            await self._fail(submission, SubmissionState.REFUSED, sentences.LINK_EXPIRED)
            return
        shut_out = await self._store.members.shut_out(submission.destination.guild_id, submission.person.id)
        if shut_out is not None and shut_out.applies_to(by_moderator=submission.by_moderator):
            await self._refuse_alone(submission, sentences.SHUT_OUT)
            return
        parent = await self._parent(submission)
        if await self._ended_before_request(submission, parent):
            return
        pictures = await self._store.queue.pictures(submission)
        sent = await self._store.submissions.mark_sent(submission)
        if sent is None:
            return  # it was cancelled meanwhile
        sent_at = loop_time()
        try:
            child = await self._request(sent, parent, pictures)
            await self._accept(sent, _of_parent(child, parent), repeated=False)
        except ProviderError as error:
            await self._handle_error(error, sent, parent, sent_at)
        else:
            self._resume_queue(sent_at)

    async def _request(self, submission: Submission, parent: KnownJob | None, pictures: Sequence[InputPicture]) -> Job:
        provider, reference = self._provider, submission.reference
        match submission.kind:
            case SubmissionKind.BUTTON:
                assert parent is not None, "a button is one of a job"
                prompt = submission.prompt or None
                return await provider.press(parent.job, submission.button, reference=reference, prompt=prompt)
            case SubmissionKind.IMAGINE:
                return await provider.imagine(submission.prompt, reference=reference)
            case SubmissionKind.BLEND:
                dimensions = submission.dimensions or Dimensions.SQUARE
                return await provider.blend(pictures, dimensions=dimensions, reference=reference)
            case SubmissionKind.DESCRIBE:
                return await provider.describe(pictures[0], reference=reference)

    async def _parent(self, submission: Submission) -> KnownJob | None:
        """Return the job whose button was pressed, `None` without one; what is logged from here on names it."""
        parent = await self._store.jobs.find(submission.parent_id)
        key = logs.prompt_key(submission.id) if parent is None else parent.key
        logs.turn_to(key=key, destination=submission.destination)
        return parent

    async def _ended_before_request(self, submission: Submission, parent: KnownJob | None) -> bool:
        """End one of U1-U4 without a request, where its job was made before, or may have been."""
        if parent is None or submission.tier is not CostTier.PICK:
            return False
        if child := await self._existing_child(submission, parent):
            await self._accept(submission, child, repeated=True)
            return True
        if await self._may_have_been_picked(submission, parent):
            await self._fail(submission, SubmissionState.LOST, self._worded(sentences.PERHAPS_PICKED))
            return True
        return False

    async def _handle_error(
        self, error: ProviderError, submission: Submission, parent: KnownJob | None, sent_at: float
    ) -> None:
        """Store what the provider answered instead of a job."""
        match error:
            case Busy() | AccountBlocked() | NotSent():
                self._pause.begin(error)
                too_many = self._too_many()
                await self._retry_write(
                    lambda: self._store.submissions.requeue(submission, self._queue_limit, too_many)
                )
            case TransientError():
                log.warning("Submission %d got no clear answer (%s); its job may exist", submission.id, error)
                self._pause.begin(error)
                if not self._reconciler.can_reconcile(submission):
                    await self._fail(submission, SubmissionState.LOST, self._worded(sentences.CANNOT_RECONCILE))
                    return
                self._reconciler.add(submission, sent_at)
                by_kind = sentences.UNTRACKED if error.code == 504 else sentences.LOST
                unless_found = self._worded(by_kind[submission.kind])
                await self._retry_write(lambda: self._store.submissions.mark_unconfirmed(submission, unless_found))
            case Misconfigured():
                self._pause.refused(error)
                await self._fail(submission, SubmissionState.REFUSED, str(error))
            case ButtonUsed():
                child = await self._child(error.child_jobid, submission)
                if not await self._may_be_child(child, parent):
                    invalid = InvalidResponse(_NAMES_ANOTHER_JOB, provider=self._provider.name)
                    await self._handle_error(invalid, submission, parent, sent_at)
                    return
                self._resume_queue(sent_at)
                await self._accept(submission, _of_parent(child, parent), repeated=True)
            case SubmissionDeclined():
                self._resume_queue(sent_at)
                await self._fail(submission, SubmissionState.DECLINED, error.reason)
            case _:
                self._resume_queue(sent_at)
                if isinstance(error, JobExpired) and parent is not None:
                    job_id = parent.id
                    await self._retry_write(lambda: self._store.jobs.remove_buttons(job_id))
                    self._deliver_soon()
                sentence = self._worded(sentences.refused(submission.kind, error))
                await self._fail(submission, SubmissionState.REFUSED, sentence)

    async def _may_have_been_picked(self, submission: Submission, parent: KnownJob) -> bool:
        """Whether an earlier press of U1-U4 may have made the job, and the provider would make, and charge, another."""
        if self._provider.capabilities.picks_once:
            return False
        return await self._store.history.lost_lately(parent.id, submission.button, LATE_JOBS_FOUND_FOR)

    async def _existing_child(self, submission: Submission, parent: KnownJob) -> Job | None:
        """Return the job that a button of the tier PICK has made already, as far as it is known without a POST."""
        known = await self._store.history.child_of(parent.id, submission.button)
        if known is not None:
            return known.job
        for child in parent.job.children:
            if same_button(child.button, submission.button):
                job = await self._child(child.jobid, submission)
                if job.status not in _USABLE_AGAIN:
                    return _of_parent(job, parent)
        return None

    async def _child(self, jobid: str, submission: Submission) -> Job:
        """Return a job that exists for certain; its bare id, which can be polled, where it cannot be described."""
        try:
            return await self._provider.job(jobid)
        except ProviderError:
            verb = submission.kind.value  # the provider's name for it, too
            return Job(jobid=jobid, provider=self._provider.name, verb=verb, button=submission.button)

    async def _may_be_child(self, job: Job, parent: KnownJob | None) -> bool:
        """Whether a button of `parent` may have made a job, as far as the provider has said what made it."""
        if parent is None:
            return False
        known = await self._store.jobs.by_jobid(self._provider.name, job.jobid)
        described = job if known is None else known.job
        return described.parent_jobid in ("", parent.job.jobid) and described.verb not in _COMMANDS

    async def _accept(self, submission: Submission, child: Job, *, repeated: bool) -> None:
        """Store that a submission became `child`; raises `InvalidResponse` as `Submissions.mark_accepted` does."""
        delay = _status_card_delay(submission)
        subscribed = await self._retry_write(
            lambda: self._store.submissions.mark_accepted(submission, child, repeated=repeated, delay=delay)
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

    async def _refuse_alone(self, submission: Submission, error: str) -> None:
        await self._retry_write(lambda: self._store.submissions.refuse_alone(submission, error))

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
        parent = await self._parent(submission)
        # As it was when the check began:
        is_last = self._reconciler.is_last_check(submission)
        is_first = self._reconciler.is_first_check(submission)
        try:
            result = await self._reconciler.find_job(submission, parent)
        except ProviderError as error:
            log.debug("The check for the job of submission %d was cut short: %s", submission.id, error)
            result, is_last = None, False
        if result is not None and result.job is not None and await self._accept_found(submission, result.job, parent):
            return
        if is_last:
            log.warning("No job of submission %d was found", submission.id)
            candidate = None if result is None else result.candidate
            sentence = (
                self._lost(submission) if candidate is None else await self._candidate_sentence(submission, candidate)
            )
            await self._fail(submission, SubmissionState.LOST, sentence)
        elif is_first:
            self._notifications.reconciling(submission)

    async def reconcile_lost(self, submission: Submission) -> None:
        """Check once more for the job of a lost submission: it may be listed late, or echo the reference late."""
        parent = await self._parent(submission)
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
            await self._accept_found(submission, job, await self._parent(submission))

    async def _accept_found(self, submission: Submission, job: Job, parent: KnownJob | None) -> bool:
        """Accept an unconfirmed or lost submission: `job` has its reference. Return `False` where it is another's."""
        child = _of_parent(job, parent)
        try:
            if submission.state is SubmissionState.LOST:
                await self._accept_lost(submission, child)
            else:
                await self._accept(submission, child, repeated=False)
        except InvalidResponse as error:
            log.debug("The job that was found for submission %d is not its job: %s", submission.id, error)
            return False
        log.info("Found the job of submission %d", submission.id)
        return True

    async def _accept_lost(self, submission: Submission, child: Job) -> None:
        delay = _status_card_delay(submission)
        subscribed = await self._retry_write(lambda: self._store.submissions.mark_found(submission, child, delay=delay))
        if subscribed is not None:
            self.follow(subscribed.known)

    async def _candidate_sentence(self, submission: Submission, job: Job) -> str:
        """Return the sentence for a submission that may have become `job`; a post of it in this channel has a key."""
        known = await self._store.jobs.by_jobid(job.provider, job.jobid)
        post = (
            None
            if known is None or known.job.private
            else await self._store.deliveries.post_of(known.id, submission.destination.channel_id)
        )
        key = "" if known is None or post is None else f" (#{known.key})"
        return self._worded(sentences.PERHAPS[submission.kind]).replace("{post}", key)

    def _lost(self, submission: Submission) -> str:
        """Return the sentence for a submission of which nothing was found."""
        if not self._reconciler.can_reconcile(submission):  # what the server offers may have been learnt meanwhile
            return self._worded(sentences.CANNOT_RECONCILE)
        return submission.error or self._worded(sentences.LOST[submission.kind])

    def _too_many(self) -> str:
        """Return the sentence for what does not fit into the queue while it is paused."""
        if self._queue_limit:
            return sentences.TOO_MANY.format(self._queue_limit)
        return sentences.NOT_QUEUED.format(reason=self._pause.reason)

    def _worded(self, sentence: str) -> str:
        return worded(sentence, self._provider.name)


def _of_parent(job: Job, parent: KnownJob | None) -> Job:
    """Return the job with its parent's id, which the provider may leave out."""
    return job if parent is None else msgspec.structs.replace(job, parent_jobid=parent.job.jobid)


def _status_card_delay(submission: Submission) -> float:
    """Return the seconds until a status card: few for what a command started: the channel knows nothing of it yet."""
    return STATUS_CARD_DELAY if submission.kind is SubmissionKind.BUTTON else _COMMAND_STATUS_CARD_DELAY
