"""The status requests of a client that are under way, shared by all who wait for the same job."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bot.models import Job

_CACHE_SECONDS = 1.0  # for which `job` returns the same answer again

Fetch = Callable[[str, Job | None], Coroutine[Any, Any, Job]]


class SharedPolls:
    """At most one request at a time for each job; `fetch` makes one, from the job's id and what is known of it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._polls: dict[str, asyncio.Task[Job]] = {}  # requests under way, by job id
        self._cache: dict[str, Job] = {}
        self._writes = 0  # writes so far; an answer requested before the newest one is not cached

    async def job(self, jobid: str) -> Job:
        """Return the job as it is now: an answer at most a second old, but never older than the last `invalidate`.

        Callers at the same time share one request; cancelling one of them leaves the request to the others.
        """
        job = self._cache.get(jobid)
        if job is None:
            writes = self._writes
            job = await asyncio.shield(self.poll(jobid))
            if writes == self._writes:
                self._cache[jobid] = job
                asyncio.get_running_loop().call_later(_CACHE_SECONDS, self._cache.pop, jobid, None)
        return job

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:
        """Return the task of a request for this job; other callers may wait for it too, so it must not be cancelled.

        Shared: the request that is not answered yet, unless `invalidate` was called since. Otherwise a new request
        begins, and only then `known` is used; the cache of `job` is not.
        """
        task = self._polls.get(jobid)
        if task is None:
            task = self._polls[jobid] = asyncio.create_task(self._fetch(jobid, known))
            task.add_done_callback(lambda done: self._done(jobid, done))
        return task

    def invalidate(self, jobid: str) -> None:
        """Share no answer about this job that was requested before now: something was written, answered or not."""
        self._writes += 1
        self._cache.pop(jobid, None)
        self._polls.pop(jobid, None)

    def _done(self, jobid: str, task: asyncio.Task[Job]) -> None:
        if self._polls.get(jobid) is task:
            del self._polls[jobid]
        if not task.cancelled():
            task.exception()  # retrieved here because all callers may be gone; asyncio would log it as never retrieved
