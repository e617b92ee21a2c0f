"""Calls the `replyUrl` of jobs as useapi does: at each change that a refresh finds, the end included."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
from yarl import URL

from bot.demo.midjourney.job import Job
from bot.demo.useapi.serializer import Body

_CHECK_SECONDS = 0.05  # between two checks of a job where every response is up to date
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class WebhookSender:
    """`describe_job` returns the body of GET jobs/; `now` is the clock of the jobs, which must be a real one."""

    def __init__(self, describe_job: Callable[[Job], Awaitable[Body]], now: Callable[[], float]) -> None:
        self._describe_job = describe_job
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    async def follow(self, job: Job) -> None:
        """Call about this job until it is over; where it is over already, call now, before its POST is answered."""
        if job.snapshot(self._now()).over:
            await self.call(job)
            return
        task = asyncio.create_task(self._follow(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def call(self, job: Job) -> int:
        """Make one call and return the status of its response, 0 without one. Calls go to 127.0.0.1 only."""
        url = URL(str({**job.echoed, **job.plan.overrides}.get("replyUrl", "")))
        if url.host != "127.0.0.1":
            return 0
        with suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.post(url, json=await self._describe_job(job)) as response,
            ):
                return response.status
        return 0

    async def close(self) -> None:
        """Stop all calls."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, job: Job) -> None:
        last = job.snapshot(self._now())
        while not last.over:
            await asyncio.sleep(self._until_next_refresh(job))
            snapshot = job.snapshot(self._now())
            if (snapshot.status, snapshot.step) != (last.status, last.step):
                await self.call(job)
            last = snapshot

    def _until_next_refresh(self, job: Job) -> float:
        if not job.refresh:
            return _CHECK_SECONDS
        return max(job.next_refresh(self._now()) - self._now(), 0.001)
