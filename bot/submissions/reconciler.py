"""Finds the job of a submission whose answer was lost: the job echoes the submission's `reference`.

One check uses whatever the provider offers: a search for the reference, the parent's children of this button (a prompt
has no parent), the jobs that run now. Where it offers none of them, the submission counts as lost at once. When a
complete check three minutes after the request finds nothing, the submission counts as lost. That is no proof that there
is no job: it may be listed late, or echo the reference late. So the checks go on for a day, ever more rarely, and the
presser reads what is known: that no job was found, or that there is one of this button, or this prompt, which may be
theirs.

The three minutes are measured by the loop's clock, because a wall clock may jump. Only the time before the start of the
bot is read from the wall clock, and then at least two more checks are made.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from bot.errors import Busy, Misconfigured, ProviderError, TransientError
from bot.models import Job, KnownJob, Submission, SubmissionKind, SubmissionState
from bot.models.midjourney_buttons import same_button
from bot.providers.base import Provider
from bot.store import Store
from bot.wakeup import loop_time

LATE_JOBS_FOUND_FOR = timedelta(hours=24)
"""How long after its request the job of a lost submission is still searched for."""

_FIRST_CHECK = 5.0  # seconds from a lost answer to the first check
_CHECK_INTERVAL = 15.0  # seconds between two checks
_VISIBLE_WITHIN = 180.0  # seconds from the request until its job is listed, in nearly all cases
_MIN_AFTER_START = 40.0  # seconds of checks after a start, however long the bot was away
_LATE_INTERVAL = 60.0  # seconds between the first checks for a lost submission; later a half of its age
_LONGEST_LATE_INTERVAL = 3600.0
_CLOCK_SKEW = timedelta(minutes=1)  # between the provider's clock and ours, where they are right
_CLOCK_ERROR = timedelta(hours=1)  # the same, where one is wrong


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a complete check found: the submission's `job`, or a `candidate` that may be its job.

    A candidate is a job of the same button, prompt or command that was made after the request, belongs to no other
    submission and has not echoed any reference.
    """

    job: Job | None = None
    candidate: Job | None = None


@dataclass(kw_only=True)
class _Unconfirmed:
    """What is remembered of an unconfirmed submission; times are those of the loop's clock."""

    until: float
    next_check: float
    others: set[str] = field(default_factory=set)  # ids of jobs that certainly belong to something else
    checked: bool = False


class Reconciler:
    """The unconfirmed and lost submissions, as far as memory must hold them; a start of the bot begins anew."""

    def __init__(self, *, provider: Provider, store: Store, now: Callable[[], datetime]) -> None:
        self._provider = provider
        self._store = store
        self._now = now
        self._unconfirmed: dict[int, _Unconfirmed] = {}
        self._late_checks: dict[int, float] = {}  # by row id of a lost submission: its next check, in loop time

    def can_reconcile(self, submission: Submission) -> bool:
        """Whether the provider can say at all that a submission has become a job."""
        can = self._provider.capabilities
        return can.find or can.running or (can.children and submission.parent_id is not None)

    def add(self, submission: Submission, sent_at: float) -> None:
        """Begin to check for a submission that was sent at `sent_at` (loop's clock) and got no answer just now."""
        self._unconfirmed[submission.id] = _Unconfirmed(
            until=sent_at + _VISIBLE_WITHIN, next_check=loop_time() + _FIRST_CHECK
        )

    def keep_only(self, *, unconfirmed: Collection[int], lost: Collection[int]) -> None:
        """Forget all submissions but these, by their row ids."""
        self._unconfirmed = {each: known for each, known in self._unconfirmed.items() if each in unconfirmed}
        self._late_checks = {each: due for each, due in self._late_checks.items() if each in lost}

    def due_in(self, submission: Submission) -> float:
        """Return the seconds until the submission's next check."""
        if submission.state is SubmissionState.LOST and not self.can_reconcile(submission):
            return math.inf
        if submission.state is SubmissionState.LOST:
            return self._late_checks.setdefault(submission.id, loop_time() + _LATE_INTERVAL) - loop_time()
        return self._of(submission).next_check - loop_time()

    def is_last_check(self, submission: Submission) -> bool:
        """Whether a check that begins now is the last one before it counts as lost, provided that it is complete."""
        return not self.can_reconcile(submission) or loop_time() >= self._of(submission).until

    def is_first_check(self, submission: Submission) -> bool:
        """Whether no check for it has ended yet."""
        return not self._of(submission).checked

    async def find_job(self, submission: Submission, parent: KnownJob | None) -> CheckResult:
        """Return what a complete check found; raises `ProviderError` where it was cut short."""
        unconfirmed = self._of(submission)
        try:
            return await self._check(submission, parent, unconfirmed.others)
        finally:
            unconfirmed.next_check = loop_time() + _CHECK_INTERVAL
            unconfirmed.checked = True

    async def find_late_job(self, submission: Submission, parent: KnownJob | None) -> Job | None:
        """Return the job of a lost submission, if it has turned up; raises `ProviderError` as `find_job` does."""
        try:
            return (await self._check(submission, parent, set())).job
        finally:
            age = (self._now() - _sent_at(submission)).total_seconds()
            interval = min(max(age / 2, _LATE_INTERVAL), _LONGEST_LATE_INTERVAL)
            self._late_checks[submission.id] = loop_time() + interval

    def _of(self, submission: Submission) -> _Unconfirmed:
        unconfirmed = self._unconfirmed.get(submission.id)
        if unconfirmed is None:  # it was sent before a crash, or its outcome could not be stored
            left = _VISIBLE_WITHIN - (self._now() - _sent_at(submission)).total_seconds()
            until = loop_time() + min(max(left, _MIN_AFTER_START), _VISIBLE_WITHIN)
            unconfirmed = self._unconfirmed[submission.id] = _Unconfirmed(until=until, next_check=loop_time())
        return unconfirmed

    async def _check(self, submission: Submission, parent: KnownJob | None, others: set[str]) -> CheckResult:
        """Read every job that may be the submission's, and note in `others` those that never can be.

        A job without a reference is read again by the next check: the provider may echo it late.
        """
        can = self._provider.capabilities
        if can.find:
            return CheckResult(job=await self._provider.find(submission.reference))
        candidate = None
        children = await self._children(parent, submission.button) if parent is not None and can.children else {}
        running = await self._provider.running() if can.running else ()
        for jobid in dict.fromkeys((*children, *running)):
            if jobid in others or (parent is not None and jobid == parent.job.jobid):
                continue
            job = await self._describe(jobid)
            if job is not None and job.reply_ref == submission.reference:
                return CheckResult(job=job)
            created = (job.created if job is not None else None) or self._provider.created_in(jobid)
            age = timedelta() if created is None else _sent_at(submission) - created  # at the request
            if (job is not None and job.reply_ref) or age > _CLOCK_ERROR or await self._has_owner(jobid):
                others.add(jobid)
            elif (
                candidate is None and age <= _CLOCK_SKEW and (jobid in children or _may_be_of(submission, job, parent))
            ):
                candidate = job or Job(jobid=jobid, verb="button", button=submission.button)
        return CheckResult(candidate=candidate)

    async def _children(self, parent: KnownJob, button: str) -> dict[str, None]:
        """Return the ids of the parent's children of this button, and of those whose button is not known."""
        try:
            job = await self._provider.job(parent.job.jobid)
        except ProviderError as error:
            if isinstance(error, TransientError | Busy | Misconfigured):
                raise
            return {}  # the provider no longer knows the parent, so it lists no children
        return dict.fromkeys(
            child.jobid for child in job.children if not child.button or same_button(child.button, button)
        )

    async def _has_owner(self, jobid: str) -> bool:
        """Whether another submission certainly made this job."""
        known = await self._store.jobs.by_jobid(self._provider.name, jobid)
        return known is not None and await self._store.history.of_child(known.id) is not None

    async def _describe(self, jobid: str) -> Job | None:
        """Return a job; `None` where it cannot be described, such as a fresh one that is not known everywhere."""
        known = await self._store.jobs.by_jobid(self._provider.name, jobid)
        if known is not None and known.job.reply_ref:
            return known.job
        try:
            return await self._provider.job(jobid)
        except ProviderError as error:
            if isinstance(error, TransientError | Busy | Misconfigured):
                raise
            return None


def _may_be_of(submission: Submission, job: Job | None, parent: KnownJob | None) -> bool:
    """Whether a running job says itself that it came of this button, of this prompt, or of the command without one."""
    if job is None:
        return False
    if parent is None:
        same_prompt = submission.kind is not SubmissionKind.IMAGINE or job.prompt == submission.prompt
        return job.verb == submission.kind and same_prompt
    return (
        bool(job.button) and same_button(job.button, submission.button) and job.parent_jobid in ("", parent.job.jobid)
    )


def _sent_at(submission: Submission) -> datetime:
    assert submission.sent_at is not None  # both states come after SENT
    return submission.sent_at
