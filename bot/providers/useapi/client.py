"""HTTP client for useapi's API v2: each method sends one request and reads one bounded response."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import quote

import aiohttp
import msgspec

from bot import errors
from bot.models import Dimensions, InputPicture, Job, ProviderName
from bot.models.provider import WORDS
from bot.providers.base import Account, Cancellation, Capabilities, attributed
from bot.providers.http import Http, RequestKind, time_limit
from bot.providers.shared_polls import SharedPolls
from bot.providers.shared_seeds import SharedSeeds
from bot.providers.useapi.digest import digest_of
from bot.providers.useapi.parsing import accounts_in, created_in, job_from, jobids, parse_job
from bot.providers.useapi.responses import read, read_job
from bot.wakeup import loop_time

_UNRESERVED = re.compile(r"[\w:.~-]+", re.ASCII)
"""A job id in which only colons need percent-encoding."""
_JOBID = re.compile(r"job:\d{17}-.+", re.ASCII)
_SEED_WITHIN = 90.0  # seconds for which the job of a seed is polled; useapi looks at Discord every 15 s
_SEED_POLL = 5.0  # seconds between two of these polls
_MOST_SEED_JOBS = 1000


class UseapiClient:
    """Client for the API v2 at `url`, authorized by `token`. The caller opens and closes `session`.

    Implements `bot.providers.base.Provider`.

    `poll_timeout` is the limit in seconds for every request but a POST, which has `press_timeout`: useapi answers a
    POST only when Midjourney's message has appeared in Discord. With a `reply_url`, useapi is asked to call it when
    the job of a submission changes. `ended`: the server is useapi.net's own, whose Midjourney service has ended.

    Every method raises `errors.ProviderError`, with a class for each outcome. Apart from the reason in a
    `SubmissionDeclined` no error holds the token, a job id, or text of the response; that reason is kept out of its
    message.
    """

    name = ProviderName.USEAPI
    title = WORDS[name].title
    capabilities = Capabilities(
        children=True,
        running=True,
        echoes_reference=True,
        picks_once=True,
        cancel=Cancellation.WORKS,
        webhooks=True,
        accounts=True,
        seed=True,
    )

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        reply_url: str = "",
        ended: bool = False,
        poll_timeout: float = 20.0,
        press_timeout: float = 75.0,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = Http(session=session, url=url, headers=headers)
        self._reply_url = reply_url
        self._ended = ended
        self._poll_timeout = time_limit(poll_timeout)
        self._press_timeout = time_limit(press_timeout)
        self._polls = SharedPolls(self._poll)
        self._seeds = SharedSeeds(self._request_seed)
        self._seed_jobs: dict[str, str] = {}  # the jobs that return a seed and are not over yet, by their parents

    def __repr__(self) -> str:
        return f"<UseapiClient for {self._http.host}>"

    async def job(self, jobid: str) -> Job:
        """Return the job as useapi knows it now; a moderated job is one with that status.

        The answer may be up to a second old, but never older than this client's last press on the job or its
        cancellation. Callers at the same time share one request (see `poll`); cancelling one of them leaves the
        request to the others.
        """
        return await self._polls.job(jobid)

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:
        """Return the task of a GET of this job; a moderated job is one with that status.

        Shared: the request for the same job that `poll` or `job` began and that is not answered yet, unless a press
        or cancellation of that job by this client has ended since. Otherwise a new request begins; the cache of `job`
        is not used. Because other callers may wait for the same task, it must not be cancelled.

        `known` is what the caller has of the job, and only the caller that begins the request can pass one: when
        `known.digest` is that of the response, see `digest_of`, the task returns `known`, and nothing is parsed. A job
        that was given up is always parsed again.
        """
        return self._polls.poll(jobid, known)

    @attributed
    async def press(self, parent: Job, button: str, *, reference: str, prompt: str | None = None) -> Job:
        """Press `button` (the exact label) of a job, and return the child job.

        Every call spends money: it is sent once and never repeated. After a `TransientError` other than `NotSent` it is
        unknown whether the press counted; the parent's `children` may show it. A 504 (`code`) is such an error.
        Raises `SubmissionDeclined` where Midjourney declined the prompt at once.
        """
        fields = {"jobid": parent.jobid, "button": button}
        if prompt is not None:
            fields["prompt"] = prompt
        try:
            child = await self._submit("/jobs/button", fields, reference)
        finally:
            self._polls.invalidate(parent.jobid)
        if child.jobid == parent.jobid:
            raise errors.InvalidResponse  # the parent is not the job that it made
        return child

    @attributed
    async def imagine(self, prompt: str, *, reference: str) -> Job:
        """Start a job of a prompt, and return it: https://useapi.net/docs/api-v2/post-jobs-imagine.

        Sent once and never repeated, as a press is. After a 504 (`code`) Midjourney may still make the job, although
        useapi does not track it.
        """
        return await self._submit("/jobs/imagine", {"prompt": prompt}, reference)

    @attributed
    async def blend(self, pictures: Sequence[InputPicture], *, dimensions: Dimensions, reference: str) -> Job:
        """Start a blend of the pictures behind these links: https://useapi.net/docs/api-v2/post-jobs-blend."""
        links = [picture.link for picture in pictures]
        fields = {"blendUrls": links, "blendDimensions": dimensions.capitalize()}
        return await self._submit("/jobs/blend", fields, reference)

    @attributed
    async def describe(self, picture: InputPicture, *, reference: str) -> Job:
        """Describe the picture behind its link: https://useapi.net/docs/api-v2/post-jobs-describe."""
        return await self._submit("/jobs/describe", {"describeUrl": picture.link}, reference)

    async def _submit(self, route: str, fields: Mapping[str, object], reference: str) -> Job:
        """Send a submission and return the new job; raises `InvalidResponse` for one without an id."""
        fields = {**fields, "replyRef": reference} | ({"replyUrl": self._reply_url} if self._reply_url else {})
        with self._noticing_end(errors.SubscriptionEnded):
            body = read(await self._http.request("POST", route, self._press_timeout, fields, kind=RequestKind.SUBMIT))
        job = job_from(body, jobid="") if isinstance(body, dict) else None
        if job is None or not job.jobid:
            raise errors.InvalidResponse  # a job without an id cannot be polled
        if job.reply_ref not in ("", reference):
            raise errors.InvalidResponse  # the job of another submission: what became of this one is not known
        return job

    @attributed
    async def probe(self) -> Capabilities:
        """Ask for the running jobs, which every token may; the capabilities are always the same."""
        await self.running()
        return self.capabilities

    @attributed
    async def running(self) -> tuple[str, ...]:
        """Return the ids of the jobs that run now, on all of the payer's accounts.

        Raises `ServiceEnded` for each answer that only a service that is gone gives: here even a 404 is none about a
        job.
        """
        with self._noticing_end(errors.ProviderError):
            body = read(await self._http.request("GET", "/jobs", self._poll_timeout))
            if not isinstance(body, list):
                raise errors.InvalidResponse
        return jobids(body)

    @attributed
    async def cancel(self, jobid: str) -> None:
        """Make useapi stop tracking a job; Midjourney may finish it all the same, and charge for it."""
        try:
            query = f"jobid={_quoted(jobid)}"
            read(await self._http.request("GET", "/jobs/cancel/", self._poll_timeout, query=query))
        finally:
            self._polls.invalidate(jobid)

    @attributed
    async def accounts(self) -> tuple[Account, ...]:
        """Return the Midjourney accounts that are configured at useapi; without any the tuple is empty.

        GET account/midjourney, https://useapi.net/docs/api-v2/get-account-midjourney. The payer's Discord token in the
        response is dropped.
        """
        try:
            body = read(await self._http.request("GET", "/account/midjourney", self._poll_timeout))
        except errors.JobUnknown:  # a 404: no account is configured
            return ()
        if not isinstance(body, dict):
            raise errors.InvalidResponse
        return accounts_in(body)

    @attributed
    async def find(self, reference: str) -> Job | None:  # noqa: ARG002 -- of the protocol
        """Raise `Unsupported`: useapi cannot search for a `replyRef`."""
        raise errors.Unsupported

    @attributed
    async def seed(self, jobid: str) -> str:
        """Return the seed of a job; see `Provider.seed`.

        useapi makes a job for it, which is polled: https://useapi.net/docs/api-v2/post-jobs-seed_async. Where that job
        is not over in time, the next call polls it again.
        """
        return await self._seeds.of(jobid)

    def recognises(self, jobid: str) -> bool:
        """Whether an id has the form `job:<time>-…`, as all of useapi's ids have."""
        return _JOBID.fullmatch(jobid) is not None

    def created_in(self, jobid: str) -> datetime | None:
        """Return when a job was created, as its id says; `None` for an id of another form."""
        return created_in(jobid)

    def jobid_in_call(self, body: bytes) -> str:
        """Return the job id in the body of a webhook call; empty where there is none.

        For its format, see `replyUrl` in https://useapi.net/docs/api-v2/post-jobs-imagine.
        """
        try:
            return parse_job(body, jobid="").jobid
        except errors.InvalidResponse:
            return ""

    async def _request_seed(self, jobid: str) -> str:
        seed_jobid = self._seed_jobs.get(jobid) or await self._start_seed_job(jobid)
        until = loop_time() + _SEED_WITHIN
        while True:
            await asyncio.sleep(_SEED_POLL)
            try:
                job = await self._polls.poll(seed_jobid)
            except errors.JobOver:  # not known, or not any more: the next call makes another one
                del self._seed_jobs[jobid]
                raise errors.SeedNotReady from None
            if job.over:
                break
            if loop_time() >= until:
                raise errors.SeedNotReady
        del self._seed_jobs[jobid]
        if job.seed_number is None:
            raise errors.NoSeed
        return job.seed_number

    async def _start_seed_job(self, jobid: str) -> str:
        """Have useapi make a job that returns the seed of this one; return its id."""
        fields = {"jobid": jobid}
        try:
            with self._noticing_end(errors.SubscriptionEnded):
                body = read(await self._http.request("POST", "/jobs/seed_async", self._press_timeout, fields))
        except errors.ButtonUsed as used:  # it has one
            seed_jobid = used.child_jobid
        else:
            seed_jobid = job_from(body, jobid="").jobid if isinstance(body, dict) else ""
        if seed_jobid in ("", jobid):
            raise errors.InvalidResponse
        if len(self._seed_jobs) >= _MOST_SEED_JOBS:
            self._seed_jobs.clear()
        self._seed_jobs[jobid] = seed_jobid
        return seed_jobid

    @contextmanager
    def _noticing_end(self, signs: type[errors.ProviderError]) -> Iterator[None]:
        """Raise `ServiceEnded` in place of an error of the type `signs` that is a sign of useapi.net's end.

        Of other servers that speak this protocol nothing of the kind is known.
        """
        error: errors.ProviderError
        try:
            yield
            return
        except signs as caught:
            error = caught
        raise errors.ServiceEnded(code=error.code) if self._ended and _is_sign_of_end(error) else error

    @attributed
    async def _poll(self, jobid: str, known: Job | None) -> Job:
        query = f"jobid={_quoted(jobid)}"
        response = await self._http.request("GET", "/jobs/", self._poll_timeout, query=query, kind=RequestKind.POLL)
        digest = digest_of(response.body) if response.status == 200 else ""
        if known is not None and digest and known.digest == digest and not known.given_up:
            return known
        with self._noticing_end(errors.SubscriptionEnded):
            return msgspec.structs.replace(read_job(response, jobid=jobid), digest=digest)


def _is_sign_of_end(error: errors.ProviderError) -> bool:
    """Whether useapi.net answers so where its Midjourney API is gone: 402, 404, 410, HTML, or no address at all."""
    gone = isinstance(
        error,
        errors.SubscriptionEnded | errors.JobUnknown | errors.JobExpired | errors.InvalidResponse | errors.HostUnknown,
    )
    return gone or (isinstance(error, errors.ProviderServerError) and error.code in {404, 410})


def _quoted(jobid: str) -> str:
    """Percent-encode a job id for a query. useapi's own ids need little of it, but a pasted one may hold anything."""
    if _UNRESERVED.fullmatch(jobid):
        return jobid.replace(":", "%3A")
    return quote(jobid, safe="", errors="replace")  # a lone surrogate has no UTF-8; useapi will not know the id anyway
