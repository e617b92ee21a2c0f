"""The HTTP side of useapi's v2: one request, one bounded answer, one outcome."""

import asyncio
import re
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from bot import errors
from bot.models import Job
from bot.providers.useapi.parsing import Account, accounts_in, job_from, jobids
from bot.providers.useapi.responses import Response, read, read_job

_FRESH = 1.0  # seconds for which those who ask are given what another of them was told
LARGEST = 1024 * 1024  # bytes of an answer after decompression; a job has about 2 KB
_PLAIN = re.compile(r"[\w:.~-]+", re.ASCII)
"""An id that stands in an address as it is, but for its colons."""


class UseapiClient:
    """useapi.net's Midjourney API v2 at `url`, paid for with `token`; `session` stays the caller's to close.

    A look at a job may take `poll_seconds`; a press `press_seconds`, because useapi answers it only when Midjourney's
    message has appeared in Discord. Where there is a `reply_url`, useapi is asked to call it when a press has news.
    Every method raises `errors.ProviderError`, each outcome by its own class; no error holds the token, a job id, or
    useapi's words.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        reply_url: str = "",
        poll_seconds: float = 20.0,
        press_seconds: float = 75.0,
    ) -> None:
        self._session = session
        self._url = URL(url.rstrip("/"))
        self._reply_url = reply_url
        self._headers = CIMultiDict({"Authorization": f"Bearer {token}", "Accept": "application/json"})
        self._poll_timeout = _timeout(poll_seconds)
        self._press_timeout = _timeout(press_seconds)
        self._polls: dict[str, asyncio.Task[Job]] = {}
        self._fresh: dict[str, Job] = {}
        self._changes = 0  # how often we changed a job: what was asked for before that is shared no more

    def __repr__(self) -> str:
        return f"<Useapi at {self._url.host}>"

    async def job(self, jobid: str) -> Job:
        """The job as useapi knows it now.

        Those who ask for the same job at the same time share one request, and its answer for a second; one who stops
        waiting stops nobody else.
        """
        job = self._fresh.get(jobid)
        if job is None:
            changes = self._changes
            job = await asyncio.shield(self.poll(jobid))
            if changes == self._changes:
                self._fresh[jobid] = job
                asyncio.get_running_loop().call_later(_FRESH, self._fresh.pop, jobid, None)
        return job

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:
        """The request for a job that is under way, or a new one; shared with others, so it is not to be cancelled.

        An answer with the very bytes that told `known`, a job that was not given up, is not read again: it is `known`.
        """
        poll = self._polls.get(jobid)
        if poll is None:
            poll = self._polls[jobid] = asyncio.create_task(self._poll(jobid, known))
            poll.add_done_callback(lambda done: self._polled(jobid, done))
        return poll

    async def press(self, jobid: str, button: str, *, reply_ref: str, prompt: str | None = None) -> Job:
        """Press `button` (the exact label) of a job, and return the child job.

        Every call spends money: it is sent once and never repeated. After a `TransientError` other than `NotSent` it is
        unknown whether the press counted; the parent's `children` may show it. A 504 (`code`) is such an error.
        """
        body = {"jobid": jobid, "button": button, "replyRef": reply_ref}
        if self._reply_url:
            body["replyUrl"] = self._reply_url
        if prompt is not None:
            body["prompt"] = prompt
        try:
            said = read(await self._ask("POST", "/jobs/button", self._press_timeout, body))
        finally:
            self._changed(jobid)
        child = job_from(said, jobid="") if isinstance(said, dict) else None
        if child is None or child.jobid in ("", jobid):
            raise errors.InvalidResponse  # a child without an id of its own cannot be followed
        return child

    async def running(self) -> tuple[str, ...]:
        """The ids of the jobs that run now, on all of the payer's accounts."""
        said = read(await self._ask("GET", "/jobs", self._poll_timeout))
        if not isinstance(said, list):
            raise errors.InvalidResponse
        return jobids(said)

    async def cancel(self, jobid: str) -> None:
        """Have useapi give up a job; Midjourney may go on with it, and charge."""
        try:
            query = f"jobid={_quoted(jobid)}"
            read(await self._ask("GET", "/jobs/cancel/", self._poll_timeout, query=query))
        finally:
            self._changed(jobid)

    async def accounts(self) -> tuple[Account, ...]:
        """The Midjourney accounts that are configured at useapi; none is an empty answer, no error.

        GET account/midjourney, https://useapi.net/docs/api-v2/get-account-midjourney: what it says of the payer's
        Discord token is dropped.
        """
        try:
            said = read(await self._ask("GET", "/account/midjourney", self._poll_timeout))
        except errors.JobUnknown:  # 404: none
            return ()
        if not isinstance(said, dict):
            raise errors.InvalidResponse
        return accounts_in(said)

    async def _poll(self, jobid: str, known: Job | None) -> Job:
        answer = await self._ask("GET", "/jobs/", self._poll_timeout, query=f"jobid={_quoted(jobid)}")
        digest = blake2b(answer.body, digest_size=8).hexdigest() if answer.status == 200 else ""
        if known is not None and digest and known.digest == digest and not known.given_up:
            return known
        return msgspec.structs.replace(read_job(answer, jobid=jobid), digest=digest)

    def _changed(self, jobid: str) -> None:
        """Whoever asks for a job from now on sees what a press or an end has made of it, if we were answered or not."""
        self._changes += 1
        self._fresh.pop(jobid, None)
        self._polls.pop(jobid, None)

    def _polled(self, jobid: str, poll: asyncio.Task[Job]) -> None:
        if self._polls.get(jobid) is poll:
            del self._polls[jobid]
        if not poll.cancelled():
            poll.exception()  # taken here, because all who asked may have left; asyncio would complain about it

    async def _ask(
        self,
        method: str,
        path: str,
        patience: aiohttp.ClientTimeout,
        body: dict[str, Any] | None = None,
        *,
        query: str = "",
    ) -> Response:
        """Send one request and read its bounded answer.

        Errors are raised behind the `except` clauses, not inside: aiohttp's own hold the request's headers, and with
        them the token, so they must not even be the context of ours.
        """
        error: errors.TransientError
        try:
            return await self._exchange(method, self._address(path, query), patience, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):  # there never was a connection
            error = errors.NotSent()
        except TimeoutError:
            error = errors.RequestTimeout()
        except (aiohttp.ClientError, OSError):
            error = errors.Unreachable()
        raise error

    def _address(self, path: str, query: str) -> URL:
        """Put together from its parts, which costs a third of reading it."""
        at = self._url
        path = at.raw_path + path
        return URL.build(scheme=at.scheme, authority=at.raw_authority, path=path, query_string=query, encoded=True)

    async def _exchange(
        self, method: str, url: URL, patience: aiohttp.ClientTimeout, body: dict[str, Any] | None
    ) -> Response:
        async with self._session.request(
            method,
            url,
            data=None if body is None else msgspec.json.encode(body),
            headers=self._headers if body is None else {**self._headers, "Content-Type": "application/json"},
            timeout=patience,
            allow_redirects=False,  # a redirect would carry the token along; `read` calls it nonsense
        ) as response:
            answer = await _read_bounded(response)
            return Response(response.status, answer, response.headers.get("Retry-After"))


def _quoted(jobid: str) -> str:
    """An id as a query has it; what useapi makes is plain already, what a person pastes may hold anything."""
    if _PLAIN.fullmatch(jobid):
        return jobid.replace(":", "%3A")
    return quote(jobid, safe="", errors="replace")  # a lone surrogate has no UTF-8; useapi will not know it either


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, connect=min(seconds, 10.0))


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, decompressed piece by piece: 600 MB of zeros fit into 600 KB of gzip."""
    body = b""
    while piece := await response.content.readany():
        body += piece
        if len(body) > LARGEST:
            raise errors.InvalidResponse(code=response.status)
    return body
