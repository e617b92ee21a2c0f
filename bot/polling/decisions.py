"""What the outcome of a poll means for the job: pure, so that every case can be read in one place.

    outcome                                     recorded     next poll
    the job, with news                          the job      after the interval; none where it is over (1)
    the job, without news                       -            after the interval
        for 24 hours, and 12 polls since        SILENT       none
    it is completed, but without its picture    -            soon, four times; then it is recorded as it is (3)
    a job that was seen is not found (404, 410) -            after the interval; 5 s after a webhook call (2)
        three times in a row                    -            every five minutes
        for 24 hours, and 12 polls more         EXPIRED      none
        for an hour, where a restart loses jobs EXPIRED      none
        and its last news are 30 days old       EXPIRED      none
    a job that was never seen is not found      -            after the interval; 5 s after a webhook call (2)
        three times in a row, or no longer kept EXPIRED      none
    trouble                                     -            after the interval, or the pause that was asked for
        of this job alone, for as long as above SILENT       none

Many jobs that are not found at the same time are trouble, see `PollBreaker.missed`, unless a restart of the provider's
server loses all jobs (`Capabilities.keeps_jobs`).

(1) A cancelled job is polled on, because Midjourney may finish it all the same, until the store ends that.
(2) The first of these does not count then: a provider calls about jobs that exist, and may know a fresh one late.
(3) The provider may see the end of a job before the message with its picture.
"""

from datetime import datetime, timedelta

import msgspec

from bot.errors import JobExpired, ProviderError
from bot.models import Job, PollTarget, Status, follow
from bot.polling.circuit_breaker import requested_pause
from bot.polling.job_records import NOTHING, JobRecord

LONGEST_INTERVAL = 300.0  # seconds
JITTER = (0.9, 1.0)  # of an interval; never more than one, so that a result is at most one interval late
CALLED_LATELY = 25.0  # seconds for which a webhook call counts as just before a poll ends; a request may take 20

_SILENCE = timedelta(hours=24)
_QUIET_POLLS = 12  # an hour of polls besides: a wall clock that was set forward must not end all subscriptions at once
MISSES = 3
"""Misses in a row that end a job which was never seen, and from which on one that was seen is polled rarely.

One or two mean little: a fresh job may not be known everywhere at once.
"""

_MISSING_FOR = timedelta(hours=24)  # a provider may lose its jobs for a while, as by a bad deployment
_FORGOTTEN_FOR = timedelta(hours=1)  # where a restart loses them, which is likelier
_RARE_POLLS = 12  # an hour of them at least: see _QUIET_POLLS
_KEPT_FOR = timedelta(days=30)  # useapi deletes jobs after about 31 days
_AFTER_MISSED_CALL = 5.0  # seconds
_WITH_PICTURE = frozenset({"imagine", "blend", "button"})
"""The verbs whose result has a picture; others, such as shorten, may have none."""
_POLLS_WITHOUT_PICTURE = 4
_PICTURE_PAUSE = 15.0  # seconds between them


class FinishedPoll(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a decision depends on, besides the outcome.

    `record` is that of before the poll. `called`: a webhook call made the job due at most `CALLED_LATELY` ago. `now` is
    the wall clock, `poll_seconds` the interval of a fresh job, and `jitter` (one of `JITTER`) spreads the intervals.
    `keeps_jobs` is the capability of the provider.
    """

    target: PollTarget
    record: JobRecord
    called: bool
    now: datetime
    poll_seconds: float
    jitter: float
    keeps_jobs: bool = True


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is done after a poll.

    `delay` is in seconds until the next poll, `None` where the job leaves the schedule. `news` is recorded. `record` is
    what is remembered from now on of a job that stays.
    """

    delay: float | None
    news: Job | None = None
    record: JobRecord = NOTHING


def of_answer(poll: FinishedPoll, answer: Job) -> Decision:
    """The provider answered with the job."""
    record = poll.record
    if record.misses:
        record = msgspec.structs.replace(record, misses=0, missing_since=None, first_miss_excused=False)
    if _lacks_picture(answer, poll.target.known.job):
        if record.polls_without_picture < _POLLS_WITHOUT_PICTURE:
            polls = record.polls_without_picture + 1
            delay = _PICTURE_PAUSE * poll.jitter
            return Decision(delay=delay, record=msgspec.structs.replace(record, polls_without_picture=polls))
    elif record.polls_without_picture:
        record = msgspec.structs.replace(record, polls_without_picture=0)
    news = follow(poll.target.known.job, answer)
    if news is None:
        return _without_news(poll, record, _delay(poll))
    if news.over and news.status != Status.CANCELLED:
        return Decision(news=news, delay=None)
    if record.quiet_polls:
        record = msgspec.structs.replace(record, quiet_polls=0)
    return Decision(news=news, delay=_delay(poll), record=record)


def of_miss(poll: FinishedPoll, error: ProviderError) -> Decision:
    """The provider answered that there is no such job, or no longer."""
    record = poll.record
    misses = record.misses + 1
    since = record.missing_since or poll.now
    excused = poll.called if misses == 1 else record.first_miss_excused
    counted = misses - excused
    if was_seen(poll):
        missing_for = _MISSING_FOR if poll.keeps_jobs else _FORGOTTEN_FOR
        ends = counted >= MISSES + _RARE_POLLS and poll.now - since > missing_for
    else:
        ends = counted >= MISSES or isinstance(error, JobExpired)
    if ends:
        return of_answer(poll, msgspec.structs.replace(poll.target.known.job, status=Status.EXPIRED))
    if excused and misses == 1:
        delay = _AFTER_MISSED_CALL
    else:
        delay = LONGEST_INTERVAL * poll.jitter if counted >= MISSES else _delay(poll)
    missed = msgspec.structs.replace(record, misses=misses, missing_since=since, first_miss_excused=excused)
    return Decision(delay=delay, record=missed)


def was_seen(poll: FinishedPoll) -> bool:
    """Whether the provider described the job lately, so that a single "no such job" is not believed.

    A job of which only the id is known was never described. One whose last news are older than the provider keeps a
    job may well be deleted.
    """
    job = poll.target.known.job
    described = job.digest or job.content or job.prompt or job.created or job.status != Status.CREATED
    return bool(described) and poll.now - poll.target.known.changed_at < _KEPT_FOR


def of_trouble(poll: FinishedPoll, error: ProviderError, *, its_own: bool) -> Decision:
    """The provider did not answer about the job; `its_own`: it answers about others.

    Trouble that may be everybody's ends no subscription, however long it lasts.
    """
    delay = max(_delay(poll), requested_pause(error))
    return _without_news(poll, poll.record, delay) if its_own else Decision(delay=delay, record=poll.record)


def interval(waited: float, poll_seconds: float) -> float:
    """Seconds between two polls, that many seconds after the youngest subscription: a twentieth of it, 300 at most."""
    return min(max(waited / 20, poll_seconds), LONGEST_INTERVAL)


def _without_news(poll: FinishedPoll, record: JobRecord, delay: float) -> Decision:
    known = poll.target.known
    if poll.now - known.changed_at <= _SILENCE:
        return Decision(delay=delay, record=record)
    if record.quiet_polls >= _QUIET_POLLS:
        return Decision(news=msgspec.structs.replace(known.job, status=Status.SILENT), delay=None)
    return Decision(delay=delay, record=msgspec.structs.replace(record, quiet_polls=record.quiet_polls + 1))


def _lacks_picture(answer: Job, known: Job) -> bool:
    """Whether the job is completed just now and has nothing to show, though its verb makes a picture."""
    return (
        answer.status == Status.COMPLETED
        and not known.over
        and (answer.verb or known.verb) in _WITH_PICTURE
        and not (answer.attachments or answer.embeds or answer.image_ux or answer.video_ux)
    )


def _delay(poll: FinishedPoll) -> float:
    if poll.target.known.job.over:  # cancelled
        return LONGEST_INTERVAL * poll.jitter
    waited = (poll.now - poll.target.subscribed_at).total_seconds()
    return interval(waited, poll.poll_seconds) * poll.jitter
