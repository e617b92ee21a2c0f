"""Calls the `replyUrl` of jobs, as useapi does: with each change that it sees, and with the end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
from yarl import URL

from bot.demo.useapi.job import Job
from bot.demo.useapi.serializer import Body

_GLANCE = 0.05  # seconds between two looks at Discord where every answer is fresh
_PATIENCE = aiohttp.ClientTimeout(total=10)


class Calls:
    """`tell` makes the body that GET jobs/ would answer; `now` is the clock of the jobs, which must be a real one."""

    def __init__(self, tell: Callable[[Job], Awaitable[Body]], now: Callable[[], float]) -> None:
        self._tell = tell
        self._now = now
        self._following: set[asyncio.Task[None]] = set()

    async def follow(self, job: Job) -> None:
        """Call about this job until it is over; about one that is over, now: before its POST is answered."""
        if job.seen(self._now()).over:
            await self.call(job)
            return
        task = asyncio.create_task(self._follow(job))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def call(self, job: Job) -> int:
        """One call; the answer's status, 0 without one. Nobody but this machine is ever called."""
        url = URL(str({**job.echoed, **job.overrides}.get("replyUrl", "")))
        if url.host != "127.0.0.1":
            return 0
        with suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession(timeout=_PATIENCE) as session,
                session.post(url, json=await self._tell(job)) as response,
            ):
                return response.status
        return 0

    async def close(self) -> None:
        """No more calls."""
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)

    async def _follow(self, job: Job) -> None:
        told = job.seen(self._now())
        while not told.over:
            await asyncio.sleep(self._until_next_look(job))
            moment = job.seen(self._now())
            if (moment.status, moment.step) != (told.status, told.step):
                await self.call(job)
            told = moment

    def _until_next_look(self, job: Job) -> float:
        if not job.refresh:
            return _GLANCE
        return max(job.next_look(self._now()) - self._now(), 0.001)
