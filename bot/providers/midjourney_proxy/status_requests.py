"""Status requests for single jobs, which become one request for many where they begin together.

The route for many is task/list-by-condition: it leaves out the ids that it does not know, and has an order of its own.
"""

import asyncio
import copy
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from bot import errors
from bot.models import Job, ProviderName
from bot.providers.base import attributed
from bot.providers.http import Http, RequestKind, Response, time_limit
from bot.providers.midjourney_proxy.parsing import job_from, jobid_of, waits_for_form
from bot.providers.midjourney_proxy.responses import http_refusal, read_task
from bot.providers.values import Fields, decode
from bot.wakeup import loop_time

MOST_JOBS = 200
"""How many jobs one request asks for at most."""
MAX_LIST_BYTES = 8 * 1024 * 1024  # a task of trueai has about 6 KB

_SINGLES_AT_ONCE = 8
_TRY_AGAIN_AFTER = 600.0  # seconds; a bad answer, or none of the route, may be a gateway's while the server restarts


class _Request(NamedTuple):
    jobid: str
    known: Job | None
    answer: asyncio.Future[Job]


class _Task(NamedTuple):
    """A task in an answer, and a hash of its bytes. Most have nothing new, so `fields` decodes it when called."""

    fields: Callable[[], Fields]
    digest: str


class StatusRequests:
    """Makes the status requests. `on_form` is called with the id of each job that waits for its form."""

    name = ProviderName.MIDJOURNEY_PROXY

    def __init__(
        self, *, http: Http, poll_timeout: float, now: Callable[[], datetime], on_form: Callable[[str], None]
    ) -> None:
        self._http = http
        self._timeout = time_limit(poll_timeout)
        self._now = now
        self._on_form = on_form
        self._waiting: list[_Request] = []
        self._running: set[asyncio.Task[None]] = set()
        self._singles = asyncio.Semaphore(_SINGLES_AT_ONCE)
        self._singly_until = 0.0  # in loop time
        self._grid_buttons = True

    def probed(self, *, has_route: bool, grid_buttons: bool) -> None:
        """Note whether the server has the route for many jobs, and whether grids without buttons get some.

        Servers with submit/change may give none.
        """
        self._grid_buttons = grid_buttons
        self._singly_until = 0.0
        if not has_route:
            self._ask_singly()

    @property
    def batch(self) -> int:
        """How many jobs one request asks for now: one for a while after a bad answer, or none of the route for many."""
        return MOST_JOBS if not self._singly_until or loop_time() >= self._singly_until else 1

    @attributed
    async def fetch(self, jobid: str, known: Job | None) -> Job:
        """Return a job; `known` itself where the answer has the very bytes that its digest was made of.

        Raises `JobUnknown` where the server has no such task, or now another one under that id.
        """
        if not jobid_of(jobid):
            raise errors.JobUnknown  # no server of this protocol has such ids
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Job] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._start)  # after all that begin in this round of the loop
        self._waiting.append(_Request(jobid, known, answer))
        return await answer

    def _start(self) -> None:
        requests, self._waiting = self._waiting, []
        most = self.batch
        for at in range(0, len(requests), most):
            task = asyncio.create_task(self._answer(requests[at : at + most]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _answer(self, requests: list[_Request]) -> None:
        """Answer all these requests, whatever happens."""
        try:
            if len(requests) == 1:
                await self._fetch_singly(requests[0])
            else:
                await self._fetch_together(requests)
        except Exception as error:  # noqa: BLE001 -- every waiter gets its answer, a bug too
            for request in requests:
                if not request.answer.done():
                    request.answer.set_exception(copy.copy(error))  # each waiter raises its own

    async def _fetch_singly(self, request: _Request) -> None:
        async with self._singles:
            response = await self._http.request(
                "GET", f"/mj/task/{request.jobid}/fetch", self._timeout, kind=RequestKind.POLL
            )
        digest = blake2b(response.body, digest_size=8).hexdigest()
        if request.known is not None and _is_unchanged(request.known, digest):
            _resolve(request, request.known)
            return
        fields = read_task(response, jobid=request.jobid)
        self._resolve_with(request, [_Task(lambda: fields, digest)])

    async def _fetch_together(self, requests: list[_Request]) -> None:
        ids = [*dict.fromkeys(request.jobid for request in requests)]
        try:
            response = await self._http.request(
                "POST",
                "/mj/task/list-by-condition",
                self._timeout,
                {"ids": ids},
                max_bytes=MAX_LIST_BYTES,
                kind=RequestKind.POLL,
            )
            found = self._tasks_in(response, requests)
        except errors.InvalidResponse:
            self._ask_singly()
            await asyncio.gather(*(self._answer([request]) for request in requests))
            return
        if found.keys().isdisjoint(ids):  # it forgot them all, or the route works differently there
            first, *requests = requests
            await self._answer([first])
            if not first.answer.cancelled() and first.answer.exception() is None:
                self._ask_singly()
                await asyncio.gather(*(self._answer([request]) for request in requests))
                return
        for request in requests:
            self._resolve_with(request, found.get(request.jobid, []))

    def _ask_singly(self) -> None:
        """Ask for one job at a time, for a while."""
        self._singly_until = loop_time() + _TRY_AGAIN_AFTER

    def _tasks_in(self, response: Response, requests: list[_Request]) -> dict[str, list[_Task]]:
        """Return the tasks by their ids; raises `InvalidResponse` where the server has no such route, too."""
        if response.status in (404, 405, 501):
            raise errors.InvalidResponse(code=response.status)
        if (refusal := http_refusal(response)) is not None:
            raise refusal
        if response.status >= 500:
            raise errors.ProviderServerError(code=response.status)
        if not 200 <= response.status < 300:
            raise errors.InvalidResponse(code=response.status)
        known = {request.known.digest: request.jobid for request in requests if request.known is not None}
        found: dict[str, list[_Task]] = {}
        for raw in _raw_items(response.body):
            digest = blake2b(raw, digest_size=8).hexdigest()
            fields = partial(_fields_of, raw)
            if jobid := known.get(digest) or jobid_of(fields().get("id")):
                found.setdefault(jobid, []).append(_Task(fields, digest))
        return found

    def _resolve_with(self, request: _Request, tasks: list[_Task]) -> None:
        """Answer with the task that is meant: ids of the same millisecond may be the same."""
        for task in tasks:
            job = self._job(request, task)
            known = request.known
            if known is None or not known.reply_ref or job.reply_ref in ("", known.reply_ref):
                _resolve(request, job)
                return
        if not request.answer.done():
            request.answer.set_exception(errors.JobUnknown())

    def _job(self, request: _Request, task: _Task) -> Job:
        if request.known is not None and _is_unchanged(request.known, task.digest):
            return request.known
        fields = task.fields()
        job = job_from(fields, jobid=request.jobid, now=self._now(), grid_buttons=self._grid_buttons)
        if not job.over and waits_for_form(fields):
            self._on_form(job.jobid)
            return job  # without a digest: the same bytes mean something else when the time is over
        return msgspec.structs.replace(job, digest=task.digest)


def _raw_items(body: bytes) -> list[bytes]:
    """Return the JSON of each item of a list; raises `InvalidResponse` for anything else."""
    try:
        return [bytes(item) for item in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        items = decode(body)  # what JavaScript writes and msgspec refuses
        if not isinstance(items, list):
            raise errors.InvalidResponse from None
        return [json.dumps(item).encode() for item in items if isinstance(item, dict)]  # msgspec encodes no surrogates


def _fields_of(raw: bytes) -> Fields:
    """Return the fields of a list's item; none where it is no object."""
    fields = decode(raw)
    return fields if isinstance(fields, dict) else {}


def _is_unchanged(known: Job, digest: str) -> bool:
    return bool(digest) and known.digest == digest and not known.given_up


def _resolve(request: _Request, job: Job) -> None:
    if not request.answer.done():  # its caller may be gone
        request.answer.set_result(job)
