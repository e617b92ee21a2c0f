"""The documented endpoints of useapi's API v2, as far as the bot may use them (https://useapi.net/docs/api-v2)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from bot.demo.fake_server.requests import body_fields
from bot.demo.midjourney.account import Account
from bot.demo.midjourney.attachments import files
from bot.demo.midjourney.cdn import Cdn
from bot.demo.midjourney.job import CHANNEL, Job, JobPlan
from bot.demo.midjourney.timeline import Kind
from bot.demo.useapi.serializer import Body, job_body

LONGEST_PROMPT = 5000
LONGEST_REPLY = 1024
FORBIDDEN = "forbidden"
"""A prompt with this word is declined at once, as one with a banned word is."""

SWITCHES = ("info", "relax", "fast", "turbo", "variability", "remix")
"""Verbs that are completed within the POST and do not count as running jobs."""

_ECHOED = ("replyUrl", "replyRef")


class ErrorResponse(Exception):
    """An error response: the HTTP status, which the body repeats as "code", and the other fields of the body."""

    def __init__(self, code: int, error: str, **more: object) -> None:
        super().__init__(error)
        self.code = code
        self.body: Body = {"error": error, **more, "code": code}


class Api:
    """The request handlers.

    `plans` holds options of `JobPlan` for the jobs that the next POSTs start, one each in this order; `pinned` holds
    responses by job id, which replace the computed ones. `on_started` is called with each job that a POST has started,
    before the POST is answered.
    """

    def __init__(self, account: Account, cdn: Cdn, *, post_delay: float, grid_size: int) -> None:
        self.plans: list[dict[str, Any]] = []
        self.on_started: Callable[[Job], Awaitable[None]] = _ignore
        self.pinned: dict[str, Callable[[], web.StreamResponse]] = {}
        self.account = account
        self._cdn = cdn
        self._post_delay = post_delay
        self._grid_size = grid_size

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all endpoints."""
        posts = {"imagine": self.imagine, "button": self.button, "blend": self.blend, "describe": self.describe}
        posts |= {"seed": self.seed, "seed_async": self.seed}
        posts |= dict.fromkeys(SWITCHES, self.switch)
        return [
            web.get("/v2/jobs/", self.job),
            web.get("/v2/jobs", self.running),
            web.get("/v2/jobs/cancel/", self.cancel),
            web.get("/v2/jobs/cancel", self.cancel),
            *(web.post(f"/v2/jobs/{verb}", handler) for verb, handler in posts.items()),
            web.get("/v2/account/midjourney", self.accounts),
        ]

    async def job(self, request: web.Request) -> web.StreamResponse:
        """GET jobs/?jobid=: the job as it was at the last refresh."""
        jobid = request.query.get("jobid", "")
        if jobid in self.pinned:
            return self.pinned[jobid]()
        return await self._respond(self._job(jobid))

    async def running(self, _: web.Request) -> web.Response:
        """GET jobs: the ids of what runs now."""
        return web.json_response(self.account.running())

    async def cancel(self, request: web.Request) -> web.Response:
        """GET jobs/cancel/?jobid=: useapi stops tracking it; it stays among its parent's children."""
        job = self._job(request.query.get("jobid", ""))
        job.cancel(self.account.now())
        status = job.snapshot(self.account.now()).status
        return web.json_response({"jobid": job.jobid, "status": status, "code": 200})

    async def accounts(self, _: web.Request) -> web.Response:
        """GET account/midjourney: the configured accounts, by channel."""
        return web.json_response({CHANNEL: self.configuration()})

    def configuration(self) -> Body:
        """Return the one configured account."""
        return {"channel": CHANNEL, "discord": "MTI…secured…xyz", "maxJobs": self.account.max_jobs}

    async def imagine(self, request: web.Request) -> web.Response:
        """POST jobs/imagine {prompt}."""
        fields = await body_fields(request)
        prompt = _text(fields, "prompt")
        if not prompt:
            raise ErrorResponse(412, "prompt, discord, server or channel value is missing")
        return await self._start(fields, verb="imagine", prompt=prompt)

    async def blend(self, request: web.Request) -> web.Response:
        """POST jobs/blend {blendUrls, blendDimensions}."""
        fields = await body_fields(request)
        urls = fields.get("blendUrls")
        if not isinstance(urls, list) or not 2 <= len(urls) <= 5:
            raise ErrorResponse(412, "blendUrls value is missing or holds less than 2 or more than 5 addresses")
        self._check_links(urls)
        dimensions = _text(fields, "blendDimensions") or "Square"
        echoed = {"blendUrls": urls, "blendDimensions": dimensions}
        return await self._start(fields, verb="blend", prompt=" ".join(map(str, urls)), echoed=echoed)

    async def describe(self, request: web.Request) -> web.Response:
        """POST jobs/describe {describeUrl}."""
        fields = await body_fields(request)
        url = _text(fields, "describeUrl")
        if not url:
            raise ErrorResponse(412, "describeUrl value is missing")
        self._check_links([url])
        return await self._start(fields, verb="describe", echoed={"describeUrl": url})

    def _check_links(self, links: Sequence[object]) -> None:
        """Raise a 400 unless Midjourney could fetch all of these: web addresses, and none of Discord's that expired."""
        for link in links:
            address = urlsplit(str(link))
            expires = parse_qs(address.query).get("ex", [""])[0]
            expired = "hm=" in address.query and int(expires or "0", 16) < self.account.now()
            if address.scheme not in ("http", "https") or expired:
                raise ErrorResponse(400, "Unable to retrieve the picture")

    async def seed(self, request: web.Request) -> web.Response:
        """POST jobs/seed and jobs/seed_async {jobid}; since 2024-11 both are the second."""
        fields = await body_fields(request)
        parent = self._parent(fields, "jobid value is missing")
        if parent.kind in (Kind.VIDEOS, Kind.VIDEO):
            raise ErrorResponse(400, "Seed is not supported for videos")
        return await self._start(fields, verb="seed_async", parent=parent.jobid)

    async def switch(self, request: web.Request) -> web.Response:
        """POST jobs/info, fast, relax, turbo, variability, remix: completed in the same call."""
        fields = await body_fields(request)
        verb = request.path.rpartition("/")[2]
        if verb == "remix":
            self.account.remix = not self.account.remix
        mode = "on" if self.account.remix else "off"
        return await self._start(fields, verb=verb, mode=mode if verb == "remix" else "fast")

    async def button(self, request: web.Request) -> web.Response:
        """POST jobs/button {jobid, button, prompt, mask}."""
        fields = await body_fields(request)
        button = _text(fields, "button")
        if not button:
            raise ErrorResponse(412, "jobid or button value is missing")
        parent = self._parent(fields, "jobid or button value is missing")
        offered = parent.plan.overrides.get("buttons", parent.buttons)
        if not isinstance(offered, list | tuple) or button not in offered:
            raise ErrorResponse(400, "Button not supported or not found in jobid buttons array")
        self._check_single_use(parent, button)
        prompt = _text(fields, "prompt")
        if button == "Custom Zoom" and not prompt:
            raise ErrorResponse(412, "prompt value is missing")
        if button == "Vary (Region)" and not _text(fields, "mask"):
            raise ErrorResponse(412, "mask value is missing")
        return await self._start(fields, verb="button", button=button, parent=parent.jobid, prompt=prompt or None)

    def _check_single_use(self, parent: Job, button: str) -> None:
        """Raise a 409 for U1 to U4 where a child exists; a cancelled one counts, a failed or moderated one does not."""
        for child in parent.children:
            without_result = child.snapshot(self.account.now()).status in ("failed", "moderated")
            if button == child.button and button in ("U1", "U2", "U3", "U4") and not without_result:
                error = f"Button {button} already executed by job {child.jobid}"
                raise ErrorResponse(409, error, button=button, jobid=child.jobid)

    def _job(self, jobid: str) -> Job:
        if not jobid:
            raise ErrorResponse(400, "Query param jobid not provided")
        job = self.account.jobs.get(jobid)
        if job is None:
            raise ErrorResponse(404, f"Unable to locate job {jobid}")
        self.account.start_if_dormant(job)
        if job.expired(self.account.now()):
            raise ErrorResponse(410, "Job has expired")
        return job

    def _parent(self, fields: Mapping[str, object], missing: str) -> Job:
        """Return the completed job that a request refers to."""
        jobid = _text(fields, "jobid")
        if not jobid:
            raise ErrorResponse(412, missing)
        parent = self._job(jobid)
        if parent.snapshot(self.account.now()).status != "completed":
            raise ErrorResponse(400, f"Job {jobid} is not completed")
        return parent

    async def _start(self, fields: Mapping[str, object], **options: Any) -> web.Response:
        """Start a job unless too many run, wait for as long as Discord takes to show it, and respond with it."""
        prompt = options.get("prompt") or ""
        if len(prompt) > LONGEST_PROMPT or any(len(_text(fields, name)) > LONGEST_REPLY for name in _ECHOED):
            raise ErrorResponse(413, "prompt, replyRef or replyUrl is too long")
        options["max_jobs"] = _max_jobs(fields) or self.account.max_jobs
        self._admit(options["verb"], options["max_jobs"])
        if FORBIDDEN in prompt.lower():
            options |= {"ends": "moderated", "duration": 0.0}
        echoed = {name: _text(fields, name) for name in _ECHOED if _text(fields, name)}
        options["echoed"] = echoed | options.get("echoed", {})
        planned = self.plans.pop(0) if self.plans else {}
        job = self.account.add(JobPlan.of({**options, **planned}))
        await asyncio.sleep(self._post_delay)
        job.note_post_answered(self.account.now())
        await self.on_started(job)
        return await self._respond(job, posted=True)

    def _admit(self, verb: str, most: int) -> None:
        running = self.account.running()
        if verb not in SWITCHES and len(running) >= most:
            raise ErrorResponse(429, f"Maximum of {most} jobs executing in parallel supported", executingJobs=running)

    async def describe_job(self, job: Job) -> Body:
        """Return the body of a response about a job, as of now."""
        now = self.account.now()
        for file in files(job, job.snapshot(now), self._grid_size):
            await asyncio.to_thread(file.draw)  # drawn once, then cached
        return job_body(job, now, self._cdn, grid_size=self._grid_size)

    async def _respond(self, job: Job, *, posted: bool = False) -> web.Response:
        body = await self.describe_job(job)
        if posted and body["status"] == "moderated":
            more = {name: body[name] for name in ("errorDetails", "jobid", "status")}
            raise ErrorResponse(422, str(body["error"]), **more)
        return web.json_response(body, status=job.plan.over_code if job.snapshot(self.account.now()).over else 200)


async def _ignore(_job: Job) -> None:
    """Do nothing: without webhooks no one is called."""


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _max_jobs(fields: Mapping[str, object]) -> int:
    value = str(fields.get("maxJobs", ""))
    return int(value) if value.isdecimal() else 0
