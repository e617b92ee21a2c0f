"""The documented endpoints of useapi's v2, as far as a bot may meet them (https://useapi.net/docs/api-v2)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bot.demo.useapi.account import Account
from bot.demo.useapi.attachments import files
from bot.demo.useapi.cdn import Cdn
from bot.demo.useapi.job import CHANNEL, Job
from bot.demo.useapi.requests import fields
from bot.demo.useapi.serializer import Body, body
from bot.demo.useapi.timeline import Kind

LONGEST_PROMPT = 5000
LONGEST_REPLY = 1024
FORBIDDEN = "forbidden"
"""A prompt with this word is declined at once, as a banned one is."""

SWITCHES = ("info", "relax", "fast", "turbo", "variability", "remix")
"""Verbs that are answered in the same call and take no place in the queue."""

_ECHOED = ("replyUrl", "replyRef")


class Refusal(Exception):
    """An error answer: the HTTP status, which the body repeats as "code", and what else the body says."""

    def __init__(self, code: int, error: str, **more: object) -> None:
        super().__init__(error)
        self.code = code
        self.body: Body = {"error": error, **more, "code": code}


class Api:
    """The handlers.

    `plans` holds options for the jobs that the next POSTs start, first come first served; `pinned` holds answers that
    replace the truth about a job. `started` is told of each job that a POST has made, before that is answered.
    """

    def __init__(self, account: Account, cdn: Cdn, *, post_delay: float, grid_size: int) -> None:
        self.plans: list[dict[str, Any]] = []
        self.started: Callable[[Job], Awaitable[None]] = _nothing
        self.pinned: dict[str, Callable[[], web.StreamResponse]] = {}
        self.account = account
        self._cdn = cdn
        self._post_delay = post_delay
        self._grid_size = grid_size

    def routes(self) -> list[web.RouteDef]:
        """Every path that is spoken."""
        posts = {"imagine": self.imagine, "button": self.button, "blend": self.blend, "describe": self.describe}
        posts |= {"seed": self.seed, "seed_async": self.seed}
        posts |= dict.fromkeys(SWITCHES, self.switch)
        return [
            web.get("/v2/jobs/", self.look),
            web.get("/v2/jobs", self.executing),
            web.get("/v2/jobs/cancel/", self.cancel),
            web.get("/v2/jobs/cancel", self.cancel),
            *(web.post(f"/v2/jobs/{verb}", handler) for verb, handler in posts.items()),
            web.get("/v2/account/midjourney", self.accounts),
        ]

    async def look(self, request: web.Request) -> web.StreamResponse:
        """GET jobs/?jobid=: the job as it was at the last refresh."""
        jobid = request.query.get("jobid", "")
        if jobid in self.pinned:
            return self.pinned[jobid]()
        return await self._told(self._job(jobid))

    async def executing(self, _: web.Request) -> web.Response:
        """GET jobs: the ids of what runs now."""
        return web.json_response(self.account.executing())

    async def cancel(self, request: web.Request) -> web.Response:
        """GET jobs/cancel/?jobid=: useapi stops following it; it stays among its parent's children."""
        job = self._job(request.query.get("jobid", ""))
        job.cancel(self.account.now())
        status = job.seen(self.account.now()).status
        return web.json_response({"jobid": job.jobid, "status": status, "code": 200})

    async def accounts(self, _: web.Request) -> web.Response:
        """GET account/midjourney: what is configured, by channel."""
        return web.json_response({CHANNEL: self.configuration()})

    def configuration(self) -> Body:
        """The one configured account."""
        return {"channel": CHANNEL, "discord": "MTI…secured…xyz", "maxJobs": self.account.max_jobs}

    async def imagine(self, request: web.Request) -> web.Response:
        """POST jobs/imagine {prompt}."""
        asked = await fields(request)
        prompt = _text(asked, "prompt")
        if not prompt:
            raise Refusal(412, "prompt, discord, server or channel value is missing")
        return await self._start(asked, verb="imagine", prompt=prompt)

    async def blend(self, request: web.Request) -> web.Response:
        """POST jobs/blend {blendUrls, blendDimensions}."""
        asked = await fields(request)
        urls = asked.get("blendUrls")
        if not isinstance(urls, list) or not 2 <= len(urls) <= 5:
            raise Refusal(412, "blendUrls value is missing or holds less than 2 or more than 5 addresses")
        shape = _text(asked, "blendDimensions") or "Square"
        echoed = {"blendUrls": urls, "blendDimensions": shape}
        return await self._start(asked, verb="blend", prompt=" ".join(map(str, urls)), echoed=echoed)

    async def describe(self, request: web.Request) -> web.Response:
        """POST jobs/describe {describeUrl}."""
        asked = await fields(request)
        url = _text(asked, "describeUrl")
        if not url:
            raise Refusal(412, "describeUrl value is missing")
        return await self._start(asked, verb="describe", echoed={"describeUrl": url})

    async def seed(self, request: web.Request) -> web.Response:
        """POST jobs/seed and jobs/seed_async {jobid}; since 2024-11 both are the second."""
        asked = await fields(request)
        parent = self._parent(asked, "jobid value is missing")
        if parent.kind in (Kind.FILMS, Kind.FILM):
            raise Refusal(400, "Seed is not supported for videos")
        return await self._start(asked, verb="seed_async", parent=parent.jobid)

    async def switch(self, request: web.Request) -> web.Response:
        """POST jobs/info, fast, relax, turbo, variability, remix: completed in the same call."""
        asked = await fields(request)
        verb = request.path.rpartition("/")[2]
        if verb == "remix":
            self.account.remix = not self.account.remix
        mode = "on" if self.account.remix else "off"
        return await self._start(asked, verb=verb, mode=mode if verb == "remix" else "fast")

    async def button(self, request: web.Request) -> web.Response:
        """POST jobs/button {jobid, button, prompt, mask}."""
        asked = await fields(request)
        button = _text(asked, "button")
        if not button:
            raise Refusal(412, "jobid or button value is missing")
        parent = self._parent(asked, "jobid or button value is missing")
        offered = parent.overrides.get("buttons", parent.buttons)
        if not isinstance(offered, list | tuple) or button not in offered:
            raise Refusal(400, "Button not supported or not found in jobid buttons array")
        self._once(parent, button)
        prompt = _text(asked, "prompt")
        if button == "Custom Zoom" and not prompt:
            raise Refusal(412, "prompt value is missing")
        if button == "Vary (Region)" and not _text(asked, "mask"):
            raise Refusal(412, "mask value is missing")
        return await self._start(asked, verb="button", button=button, parent=parent.jobid, prompt=prompt or None)

    def _once(self, parent: Job, button: str) -> None:
        """U1 to U4 work once; a cancelled child counts, one that came to nothing does not."""
        for child in parent.children:
            came_to_nothing = child.seen(self.account.now()).status in ("failed", "moderated")
            if button == child.button and button in ("U1", "U2", "U3", "U4") and not came_to_nothing:
                error = f"Button {button} already executed by job {child.jobid}"
                raise Refusal(409, error, button=button, jobid=child.jobid)

    def _job(self, jobid: str) -> Job:
        if not jobid:
            raise Refusal(400, "Query param jobid not provided")
        job = self.account.jobs.get(jobid)
        if job is None:
            raise Refusal(404, f"Unable to locate job {jobid}")
        self.account.wake(job)
        if job.expired(self.account.now()):
            raise Refusal(410, "Job has expired")
        return job

    def _parent(self, asked: Mapping[str, object], missing: str) -> Job:
        """The finished job that a request is about."""
        jobid = _text(asked, "jobid")
        if not jobid:
            raise Refusal(412, missing)
        parent = self._job(jobid)
        if parent.seen(self.account.now()).status != "completed":
            raise Refusal(400, f"Job {jobid} is not completed")
        return parent

    async def _start(self, asked: Mapping[str, object], **options: Any) -> web.Response:
        """Begin a job when there is a place for it, wait as long as Discord takes to show it, and tell about it."""
        prompt = options.get("prompt") or ""
        if len(prompt) > LONGEST_PROMPT or any(len(_text(asked, name)) > LONGEST_REPLY for name in _ECHOED):
            raise Refusal(413, "prompt, replyRef or replyUrl is too long")
        options["max_jobs"] = _places(asked) or self.account.max_jobs
        self._admit(options["verb"], options["max_jobs"])
        if FORBIDDEN in prompt.lower():
            options |= {"ends": "moderated", "duration": 0.0}
        said_back = {name: _text(asked, name) for name in _ECHOED if _text(asked, name)}
        options["echoed"] = said_back | options.get("echoed", {})
        planned = self.plans.pop(0) if self.plans else {}
        job = self.account.add(**{**options, **planned})
        await asyncio.sleep(self._post_delay)
        job.answer(self.account.now())
        await self.started(job)
        return await self._told(job, posted=True)

    def _admit(self, verb: str, most: int) -> None:
        executing = self.account.executing()
        if verb not in SWITCHES and len(executing) >= most:
            raise Refusal(429, f"Maximum of {most} jobs executing in parallel supported", executingJobs=executing)

    async def tell(self, job: Job) -> Body:
        """What there is to say about a job now."""
        now = self.account.now()
        for file in files(job, job.seen(now), self._grid_size):
            await asyncio.to_thread(file.draw)  # once; afterwards it is remembered
        return body(job, now, self._cdn, grid_size=self._grid_size)

    async def _told(self, job: Job, *, posted: bool = False) -> web.Response:
        answer = await self.tell(job)
        if posted and answer["status"] == "moderated":
            told = {name: answer[name] for name in ("errorDetails", "jobid", "status")}
            raise Refusal(422, str(answer["error"]), **told)
        return web.json_response(answer, status=job.over_code if job.seen(self.account.now()).over else 200)


async def _nothing(_job: Job) -> None:
    """Nobody is told."""


def _text(asked: Mapping[str, object], name: str) -> str:
    value = asked.get(name)
    return value if isinstance(value, str) else ""


def _places(asked: Mapping[str, object]) -> int:
    value = str(asked.get("maxJobs", ""))
    return int(value) if value.isdecimal() else 0
