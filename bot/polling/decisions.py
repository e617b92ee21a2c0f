"""What the outcome of a poll means for the job: pure, so that every case can be read in one place.

    outcome                                     recorded     next poll
    the job, with news                          the job      after the interval; none where it is over (1)
    the job, without news                       -            after the interval
        for 24 hours, and 12 polls since        SILENT       none
    it is not found (404, 400 …)                -            after the interval; 5 s after a webhook call (2)
        three times in a row                    EXPIRED      none
    it is no longer kept (410)                  EXPIRED      none
    trouble                                     -            after the interval, or the pause that was asked for
        of this job alone, for as long as above SILENT       none

(1) A cancelled job is polled on, because Midjourney may finish it all the same, until the store ends that.
(2) The first of these does not count then: useapi calls about jobs that exist, and may know a fresh one late.
"""

from datetime import datetime, timedelta

import msgspec

from bot.errors import JobExpired, ProviderError
from bot.models import Job, PollTarget, Status, follow
from bot.polling.circuit_breaker import requested_pause
from bot.polling.job_records import NOTHING, JobRecord

LONGEST_INTERVAL = 300.0  # seconds
CALLED_LATELY = 25.0  # seconds for which a webhook call counts as just before a poll ends; a request may take 20

_SILENCE = timedelta(hours=24)
_QUIET_POLLS = 12  # an hour of polls besides: a wall clock that was set forward must not end all subscriptions at once
_MISSES = 3  # in a row: a fresh job may not be known everywhere at once
_AFTER_MISSED_CALL = 5.0  # seconds


class FinishedPoll(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a decision depends on, besides the outcome.

    `record` is that of before the poll. `called`: a webhook call made the job due at most `CALLED_LATELY` ago. `now` is
    the wall clock, `poll_seconds` the interval of a fresh job, and `jitter` (0.9-1.1) spreads the intervals.
    """

    target: PollTarget
    record: JobRecord
    called: bool
    now: datetime
    poll_seconds: float
    jitter: float


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
        record = msgspec.structs.replace(record, misses=0, first_miss_excused=False)
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
    misses = poll.record.misses + 1
    excused = poll.called if misses == 1 else poll.record.first_miss_excused
    if isinstance(error, JobExpired) or misses - excused >= _MISSES:
        return of_answer(poll, msgspec.structs.replace(poll.target.known.job, status=Status.EXPIRED))
    return Decision(
        delay=_AFTER_MISSED_CALL if excused and misses == 1 else _delay(poll),
        record=msgspec.structs.replace(poll.record, misses=misses, first_miss_excused=excused),
    )


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


def _delay(poll: FinishedPoll) -> float:
    if poll.target.known.job.over:  # cancelled
        return LONGEST_INTERVAL * poll.jitter
    waited = (poll.now - poll.target.subscribed_at).total_seconds()
    return interval(waited, poll.poll_seconds) * poll.jitter
