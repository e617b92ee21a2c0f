"""useapi.net calls when a job has news. What a call says is not believed: useapi itself is asked, and polling goes on.

So a forged call, should the secret address be known, can bring about one look at a job, and a lost one costs nothing
but the time until the next look.

A job that was made elsewhere may name the channel for its result by itself, as its `replyRef`: `discord:<channel id>`.
That is read from useapi's own answer, never from a call.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

from bot import logs
from bot.errors import Busy, JobUnknown, Misconfigured, ProviderError, StoreUnavailable, TransientError
from bot.models import Destination, Job, KnownJob
from bot.providers.useapi import UseapiClient
from bot.rate_limiter import RateLimiter
from bot.store import Store
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_CHANNEL = re.compile(r"discord:(\d{15,20})", re.ASCII)
_REMEMBERED = 1000  # job ids
_EARLY = 180.0  # seconds: a press may be answered up to 75 s after its job's first call
_ASK_AGAIN = 30.0  # seconds between two questions about a job that nobody here asked for
_BURST, _EACH = 30, 2.0  # so many of them are asked about at once, then one in so many seconds, whoever calls
_PAUSES = (5.0, 15.0, 60.0, 240.0)  # before what was in trouble, a far end or the disk, is tried again
_LAST_CALLS = 1.0  # seconds at the end for calls that were answered, and whose job useapi is being asked about
_TOO_FRESH = _PAUSES[:2]  # before it is asked again about a job that it does not know, while there is room for others


class WebhookInbox:
    """Takes up what useapi calls about.

    `poll_soon` polls a subscribed job now. `destination_of` finds a channel, `None` where nothing may be posted; it
    raises `OSError` where nobody can say just now. `adopted` sets in motion what was taken in.
    """

    def __init__(
        self,
        *,
        api: UseapiClient,
        store: Store,
        poll_soon: Callable[[int], None],
        destination_of: Callable[[int], Awaitable[Destination | None]],
        adopted: Callable[[KnownJob], None],
    ) -> None:
        self._api = api
        self._store = store
        self._wake = poll_soon
        self._place_of = destination_of
        self._adopted = adopted
        self._early: dict[str, float] = {}  # jobs that nobody knew when a call came, and when that was
        self._asked: dict[str, float] = {}  # jobs that useapi was asked about, and when
        self._tasks: set[asyncio.Task[None]] = set()
        self._questions = RateLimiter(_EACH, burst=_BURST)
        self.last_received: float | None = None
        """When useapi last called, by the loop's clock."""

    async def received(self, jobid: str) -> None:
        """Somebody at the secret address says that this job has news."""
        self.last_received = loop_time()
        known = await self._store.jobs.by_jobid(jobid)
        if known is not None:
            self._wake(known.id)
        else:
            _note(self._early, jobid)
        if await self._may_be_owed(known):
            self._take_in_soon(jobid)

    def watched(self, known: KnownJob) -> None:
        """A job is watched from now on; where a call came before that, there is news already."""
        heard_at = self._early.pop(known.job.jobid, None)
        if heard_at is not None and loop_time() - heard_at < _EARLY:
            self._wake(known.id)

    def catch_up(self) -> None:
        """Look through the jobs that run now: calls about them may have come while the bot was away."""
        self._start(self._catch_up())

    async def close(self) -> None:
        """Give the calls that were answered a moment to be acted on, then end the rest.

        Nothing may call `received` any more. A job that useapi could not describe in time is lost, unless it runs at
        the next start.
        """
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_CALLS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- jobs that were made elsewhere ------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        try:
            running = await self._api.running()
        except ProviderError:
            return  # of which others tell
        for jobid in running:
            if await self._may_be_owed(await self._store.jobs.by_jobid(jobid)):
                self._take_in_soon(jobid)

    async def _may_be_owed(self, known: KnownJob | None) -> bool:
        """Whether a job may name a channel in which it was not shown yet; many calls are about those that were."""
        if known is None:
            return True
        channel_id = _channel_in(known.job)
        return channel_id is not None and not await self._store.subscriptions.has_unattended(known.id, channel_id)

    def _take_in_soon(self, jobid: str) -> None:
        asked_at = self._asked.get(jobid)
        if asked_at is not None and loop_time() - asked_at < _ASK_AGAIN:
            return
        if self._questions.try_acquire():
            _note(self._asked, jobid)
            self._start(self._take_in(jobid))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("A call of useapi.net could not be followed", exc_info=bug)

    async def _take_in(self, jobid: str) -> None:
        for pause in (*_PAUSES, None):
            try:
                await self._take_in_once(jobid)
                return
            except (TransientError, Busy, Misconfigured, StoreUnavailable, OSError) as error:
                if pause is None:
                    log.warning("A job that may belong here is not watched: %s", type(error).__name__)
                    return
                await asyncio.sleep(pause)
            except JobUnknown:  # a fresh job may not be known everywhere at once, and there may be no other call
                if pause not in _TOO_FRESH:
                    return
                await asyncio.sleep(pause)
                if not self._questions.try_acquire(leaving=_BURST / 2):
                    return
            except ProviderError:
                return  # there is no such job

    async def _take_in_once(self, jobid: str) -> None:
        """Watch the job where it says itself.

        Raises `ProviderError` or `OSError` where that is not known now, `StoreUnavailable` where it cannot be kept.
        """
        known = await self._store.jobs.by_jobid(jobid)
        job = known.job if known is not None else await self._api.job(jobid)
        channel_id = _channel_in(job)
        if channel_id is None or job.private:
            return
        destination = await self._place_of(channel_id)
        if destination is None:
            return
        subscribed = await self._store.subscriptions.add_unattended(job, destination)
        if subscribed is not None:
            logs.turn_to(key=subscribed.known.key, destination=destination)
            log.info("A job that was made elsewhere is shown here, as it asked")
            self._adopted(subscribed.known)


def _channel_in(job: Job) -> int | None:
    """The channel that a job names for its result; `None` where it names none, or what no id of Discord's can be."""
    named = _CHANNEL.fullmatch(job.reply_ref)
    return int(named[1]) if named is not None and int(named[1]) < 1 << 63 else None


def _note(times: dict[str, float], jobid: str) -> None:
    """Remember a job as the newest of at most a thousand."""
    times.pop(jobid, None)
    times[jobid] = loop_time()
    if len(times) > _REMEMBERED:
        del times[next(iter(times))]
