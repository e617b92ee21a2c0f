"""Acts on a provider's webhook calls about jobs with news. A call is only a hint: the provider itself is asked.

So a forged call, should the secret address be known, can bring about one poll of a job, and a lost call costs nothing
but the time until the next poll.

A job that was made elsewhere can name the channel for its result in its `replyRef`: `discord:<channel id>`. That is
read from the provider's own answer, never from a call. Such a job gets a subscription without a member.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

from bot import logs
from bot.errors import Busy, JobUnknown, Misconfigured, ProviderError, StoreUnavailable, TransientError
from bot.models import Destination, Job, KnownJob
from bot.models.provider import GUESSABLE_IDS
from bot.providers.base import Provider
from bot.rate_limiter import RateLimiter
from bot.store import Store
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_REPLY_REF = re.compile(r"discord:(\d{15,20})", re.ASCII)
_LARGEST_ID = (1 << 63) - 1
_MAX_REMEMBERED = 1000  # job ids in each of the two memories
_EARLY_CALL_COUNTS_FOR = 180.0  # seconds: a press may be answered up to 75 s after the first call about its job
_FETCH_AGAIN_AFTER = 30.0  # seconds between two requests for a job without a subscription, whatever number of calls
_FETCH_BURST, _FETCH_INTERVAL = 30, 2.0  # such requests at once, and seconds between two of them after that
_RETRY_PAUSES = (5.0, 15.0, 60.0, 240.0)  # seconds, where the provider, Discord or the disk has trouble
_UNKNOWN_JOB_PAUSES = _RETRY_PAUSES[:2]  # where the provider does not know the job (yet)
_CLOSE_TIMEOUT = 1.0  # seconds


class WebhookInbox:
    """Polls subscribed jobs that the provider calls about, and subscribes jobs that name their channel themselves.

    `poll_soon` gets the row id of a subscribed job. `destination_of` returns the destination of a channel id, `None`
    where nothing may be posted, and raises `OSError` where that is not known just now. `on_subscribed` is called after
    a job got a subscription here, `on_job_seen` with each job that the provider described and the store does not know:
    a submission whose answer was lost may have made it.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        store: Store,
        poll_soon: Callable[[int], None],
        destination_of: Callable[[int], Awaitable[Destination | None]],
        on_subscribed: Callable[[KnownJob], None],
        on_job_seen: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._provider = provider
        self._store = store
        self._poll_soon = poll_soon
        self._destination_of = destination_of
        self._on_subscribed = on_subscribed
        self._on_job_seen = on_job_seen
        self._early_calls: dict[str, float] = {}  # when the last call came about a job that the store did not know
        self._fetched: dict[str, float] = {}  # when a job was last requested to see whether it names a channel
        self._fetch_limit = RateLimiter(_FETCH_INTERVAL, burst=_FETCH_BURST)
        self._tasks: set[asyncio.Task[None]] = set()
        self.last_received: float | None = None
        """When the last call came, by the loop's clock."""

    async def received(self, jobid: str) -> bool:
        """Act on a call that says that this job has news; return `False` where an equal call later may do more."""
        self.last_received = loop_time()
        known = await self._store.jobs.by_jobid(self._provider.name, jobid)
        if known is not None:
            self._poll_soon(known.id)
        else:
            _remember(self._early_calls, jobid)
        return not await self._may_name_a_channel(known) or self._fetch_soon(jobid)

    def job_added(self, known: KnownJob) -> None:
        """Poll a job that got its subscription just now, where a call about it came before that."""
        called_at = self._early_calls.pop(known.job.jobid, None)
        if called_at is not None and loop_time() - called_at < _EARLY_CALL_COUNTS_FOR:
            self._poll_soon(known.id)

    def catch_up(self) -> None:
        """Check all jobs that run now, in the background: calls about them may have come while the bot was off."""
        self._start(self._catch_up())

    async def close(self) -> None:
        """Wait a second for what calls have begun, then cancel the rest.

        Nothing may call `received` any more. A job that the provider could not describe in time is lost, unless it
        still runs at the next start.
        """
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_TIMEOUT)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- jobs that were made elsewhere ------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        if self._provider.name in GUESSABLE_IDS:
            return  # such a server lists the jobs of all its users, and theirs must not choose a channel here
        try:
            running = await self._provider.running()
        except ProviderError:
            return  # already logged and alerted by the poller
        for jobid in running:
            if await self._may_name_a_channel(await self._store.jobs.by_jobid(self._provider.name, jobid)):
                self._fetch_soon(jobid)

    async def _may_name_a_channel(self, known: KnownJob | None) -> bool:
        """Whether a job may name a channel in which it has no subscription yet; most calls are about other jobs."""
        if known is None:
            return True
        channel_id = _channel_in(known.job)
        return channel_id is not None and not await self._store.subscriptions.has_unattended(known.id, channel_id)

    def _fetch_soon(self, jobid: str) -> bool:
        """Request the job in the background; `False` where that was done a moment ago, or is too much just now."""
        fetched_at = self._fetched.get(jobid)
        if fetched_at is not None and loop_time() - fetched_at < _FETCH_AGAIN_AFTER:
            return False
        if not self._fetch_limit.try_acquire():
            return False
        _remember(self._fetched, jobid)
        self._start(self._subscribe(jobid))
        return True

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("A webhook call failed in an unexpected way", exc_info=bug)

    async def _subscribe(self, jobid: str) -> None:
        """Subscribe the job in the channel that it names, if any; retry while something has trouble."""
        for pause in (*_RETRY_PAUSES, None):
            try:
                await self._subscribe_once(jobid)
                return
            except (TransientError, Busy, Misconfigured, StoreUnavailable, OSError) as error:
                if pause is None:
                    log.warning("A job that may name a channel here is given up: %s", type(error).__name__)
                    return
                await asyncio.sleep(pause)
            except JobUnknown:  # a fresh job may not be known everywhere at once, and there may be no other call
                if pause not in _UNKNOWN_JOB_PAUSES:
                    return
                await asyncio.sleep(pause)
                if not self._fetch_limit.try_acquire(leaving=_FETCH_BURST / 2):
                    return
            except ProviderError:
                return  # there is no such job

    async def _subscribe_once(self, jobid: str) -> None:
        """Subscribe the job in the channel that it names, if any.

        Raises `ProviderError` or `OSError` where the job or the channel is not known just now, `StoreUnavailable` where
        the subscription cannot be written.
        """
        known = await self._store.jobs.by_jobid(self._provider.name, jobid)
        job = known.job if known is not None else await self._provider.job(jobid)
        if known is None:
            await self._on_job_seen(job)
        channel_id = _channel_in(job)
        if channel_id is None or job.private:
            return
        destination = await self._destination_of(channel_id)
        if destination is None:
            return
        subscribed = await self._store.subscriptions.add_unattended(job, destination)
        if subscribed is not None:
            logs.turn_to(key=subscribed.known.key, destination=destination)
            log.info("Subscribed a job that was made elsewhere and names this channel")
            self._on_subscribed(subscribed.known)


def _channel_in(job: Job) -> int | None:
    """The channel id in a job's `replyRef`; `None` where there is none, or a number that no id of Discord can be."""
    match = _REPLY_REF.fullmatch(job.reply_ref)
    if match is None or int(match[1]) > _LARGEST_ID:
        return None
    return int(match[1])


def _remember(times: dict[str, float], jobid: str) -> None:
    """Note the time for a job, as the newest of at most `_MAX_REMEMBERED`."""
    times.pop(jobid, None)
    times[jobid] = loop_time()
    if len(times) > _MAX_REMEMBERED:
        del times[next(iter(times))]
