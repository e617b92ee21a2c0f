"""The seeds that a client was asked for: each is requested once, shared by all who wait for it, and remembered."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bot import errors

AT_ONCE = 5
"""Requests at a time: everyone may press the button for a seed, and one may be many requests to the provider."""

_MOST_SEEDS = 1000
_TOO_MANY = "Too many seeds are being requested at the moment. Please try again in half a minute."


class SharedSeeds:
    """At most one request at a time for the seed of a job; `fetch` makes one, from the job's id."""

    def __init__(self, fetch: Callable[[str], Coroutine[Any, Any, str]]) -> None:
        self._fetch = fetch
        self._requests: dict[str, asyncio.Task[str]] = {}  # under way or answered, by job id

    async def of(self, jobid: str) -> str:
        """Return the seed of a job; raises what `fetch` does, and the next caller begins a new request.

        Raises `Busy` while `AT_ONCE` others are under way.
        """
        task = self._requests.get(jobid)
        if task is None:
            if sum(not each.done() for each in self._requests.values()) >= AT_ONCE:
                raise errors.Busy(_TOO_MANY)
            task = self._requests[jobid] = asyncio.create_task(self._fetch(jobid))
            task.add_done_callback(lambda done: self._done(jobid, done))
        return await asyncio.shield(task)

    def _done(self, jobid: str, task: asyncio.Task[str]) -> None:
        if task.cancelled() or task.exception() is not None:
            del self._requests[jobid]
        elif len(self._requests) > _MOST_SEEDS:
            oldest = next(each for each, request in self._requests.items() if request.done())
            del self._requests[oldest]
