"""Calls the webhook of jobs as a provider does: at each change, the end included, or all the time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import aiohttp
from yarl import URL

from bot.demo.midjourney.job import Job

Body = Mapping[str, object]

_CHECK_SECONDS = 0.05  # between two checks of a job where every response is up to date
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class WebhookSender:
    """`describe_job` returns the body of a call; `now` is the clock of the jobs, which must be a real one.

    The address of a job's calls is the field `address` of the request that made it. With `every` a job is called about
    each so many seconds, news or not; without, when it has changed. `unordered`: every other call is overtaken by the
    next one, and the one about the end comes twice, as from a server that sends them in parallel.
    """

    def __init__(
        self,
        describe_job: Callable[[Job], Awaitable[Body]],
        now: Callable[[], float],
        *,
        address: str,
        every: float | None = None,
        unordered: bool = False,
    ) -> None:
        self._describe_job = describe_job
        self._now = now
        self._address = address
        self._every = every
        self._unordered = unordered
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
        """Make one call about the job as it is now; return as `send` does."""
        return await self.send(job, await self._describe_job(job))

    async def send(self, job: Job, body: Body) -> int:
        """Make one call and return the status of its response, 0 without one. Calls go to 127.0.0.1 only."""
        url = URL(str({**job.echoed, **job.plan.overrides}.get(self._address, "")))
        if url.host != "127.0.0.1":
            return 0
        with suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.post(url, json=body) as response,
            ):
                return response.status
        return 0

    async def close(self) -> None:
        """Stop all calls."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, job: Job) -> None:
        last, overtaken = job.snapshot(self._now()), list[Body]()
        while not last.over:
            await asyncio.sleep(self._until_next_check(job))
            snapshot = job.snapshot(self._now())
            if self._every is not None or (snapshot.status, snapshot.step) != (last.status, last.step):
                body = await self._describe_job(job)
                if self._unordered and not snapshot.over and not overtaken:
                    overtaken.append(body)
                else:
                    for each in (body, *overtaken, *([body] if self._unordered and snapshot.over else [])):
                        await self.send(job, each)
                    overtaken.clear()
            last = snapshot

    def _until_next_check(self, job: Job) -> float:
        if self._every is not None:
            return self._every
        if not job.refresh:
            return _CHECK_SECONDS
        return max(job.next_refresh(self._now()) - self._now(), 0.001)
