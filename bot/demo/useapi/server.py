"""The pretend useapi itself: a real HTTP server on loopback, and what tests may order from it."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.demo.useapi.account import Account
from bot.demo.useapi.api import Api, Refusal
from bot.demo.useapi.cdn import Cdn, Raw
from bot.demo.useapi.control import Control
from bot.demo.useapi.faults import Fault, Faults, answer
from bot.demo.useapi.requests import Request, Requests
from bot.demo.useapi.webhook_sender import Calls

_LARGEST_BODY = 16 << 20  # a mask is a picture in base64


class FakeUseapi:
    """A useapi.net of our own; `async with FakeUseapi() as useapi` listens at `useapi.url`.

    Time is only what `now` says (epoch seconds): a test's clock moves every job. `refresh` is how many seconds lie
    between useapi's looks at Discord, counted from each job's birth (0: every answer is fresh). Jobs run `speed` times
    as fast as real ones. At most `max_jobs` run at a time. A POST is answered after `post_delay` real seconds, with
    what Discord shows then. Pictures of a grid are `grid_size` pixels wide; `seed` makes another set of them.
    `port` 0 takes a free one.
    """

    def __init__(
        self,
        *,
        token: str = "demo-token",  # noqa: S107 - it opens nothing
        now: Callable[[], float] = time.time,
        refresh: float = 15.0,
        speed: float = 1.0,
        max_jobs: int = 3,
        post_delay: float = 0.0,
        grid_size: int = 1024,
        seed: int = 0,
        port: int = 0,
    ) -> None:
        self.origin = ""
        self._token = token
        self._port = port
        self._account = Account(now=now, refresh=refresh, speed=speed, max_jobs=max_jobs, seed=seed)
        self._cdn = Cdn(now)
        self._api = Api(self._account, self._cdn, post_delay=post_delay, grid_size=grid_size)
        self._calls = Calls(self._api.tell, now)
        self._faults = Faults()
        self._requests = Requests()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The setting USEAPI_URL; pictures are served at `origin`."""
        return f"{self.origin}/v2"

    @property
    def requests(self) -> list[Request]:
        """Every request so far, to the API and for pictures, in the order of arrival."""
        return self._requests.all

    @property
    def jobids(self) -> list[str]:
        """The ids of all its jobs."""
        return list(self._account.jobs)

    async def wait_for_request(self, count: int = 1, *, path: str = "*") -> Request:
        """Wait until `count` requests for `path` (a pattern with `*`) came in all; the answer is the last of them."""
        return await self._requests.wait(count, path)

    def add_job(
        self,
        verb: str = "imagine",
        *,
        prompt: str | None = None,
        ends: str = "completed",
        age: float = 0.0,
        duration: float | None = None,
        queued: float = 0.0,
        button: str | None = None,
        parent: str | None = None,
        buttons: Iterable[str] | None = None,
        jobid: str | None = None,
        mode: str = "fast",
        over_code: int = 200,
        asleep: bool = False,
        phase: float = 0.0,
        **overrides: object,
    ) -> str:
        """A job that somebody started elsewhere; the answer is its id.

        It began `age` seconds ago and takes `duration` seconds (before `speed`) instead of what its kind takes, after
        `queued` seconds as "created". `ends` is completed, moderated, failed, silent (no news for ever) or expired.
        A job with a `button` is a press, a child of `parent` where that one is known. Once over it is answered with
        the HTTP status `over_code`. One that is `asleep` begins when it is first asked for. `phase`: useapi
        first looks at Discord so many seconds after it began, not at once. `overrides` replace fields
        of every answer about it, verbatim.
        """
        job = self._account.add(
            verb,
            prompt=prompt,
            ends=ends,
            age=age,
            duration=duration,
            queued=queued,
            button=button,
            parent=parent,
            buttons=None if buttons is None else tuple(buttons),
            jobid=jobid,
            mode=mode,
            over_code=over_code,
            asleep=asleep,
            phase=phase,
            overrides=overrides,
        )
        return job.jobid

    def calls(self) -> None:
        """From now on, call the replyUrl of each job that a POST makes, whenever it has news; in real time only."""
        self._api.started = self._calls.follow

    async def call(self, jobid: str) -> int:
        """Call a job's replyUrl now, with what GET would answer; the status that came back."""
        return await self._calls.call(self._account.jobs[jobid])

    def plan(self, **options: Any) -> None:
        """Options of `add_job` for the job that the next POST starts (the one after it with a second plan)."""
        self._api.plans.append(options)

    def set_answer(
        self,
        jobid: str,
        body: object,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Pin what GET jobs/?jobid= answers for this id, known or not: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"Content-Type": content_type, **(headers or {})}
        self._api.pinned[jobid] = lambda: web.Response(body=data, status=status, headers=told)

    def forget_answer(self, jobid: str) -> None:
        """Tell the truth about this job again."""
        self._api.pinned.pop(jobid, None)

    def serve_file(
        self,
        name: str,
        data: bytes,
        *,
        content_type: str,
        status: int = 200,
        headers: Mapping[str, str | None] | None = None,
        drip: float = 0.0,
        piece: int = 1024,
    ) -> str:
        """Serve bytes at an address of their own, lies included.

        `headers` may claim any Content-Length or Location; None leaves a header out. With `drip` every `piece` (bytes)
        is followed by that many seconds of silence.
        """
        claimed = {"Content-Type": content_type, "Content-Length": str(len(data)), **(headers or {})}
        told = {name: value for name, value in claimed.items() if value is not None}
        step = piece if drip else max(1, len(data))
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        return self._cdn.serve(name, lambda: Raw(status, told, pieces, pause=drip))

    def fail(
        self,
        kind: int | str,
        *,
        times: float = 1,
        path: str | None = None,
        retry_after: float | None = None,
        **more: object,
    ) -> None:
        """Answer the next `times` requests (`math.inf`: all) wrongly.

        `kind` is an HTTP status, or one of "reset", "close" (no answer), "hang", "empty", "html", "truncated", "cut"
        (the connection ends early), "wrong_shape", "huge" (2 MiB), "bomb" (32 MiB of blanks in gzip), "slow_drip",
        "queue_full"; with "made_reset", "made_hang", "made_500" and "made_504" what was asked for is done, and only the
        answer is lost. `path` is a pattern such as "/v2/jobs/button" or "/attachments/*"; without it the whole API
        fails and pictures do not. `retry_after` and `more` go into the header and the body. An aiohttp client repeats a
        GET by itself, once, when its connection was lost: order "reset" and "close" twice for one of those.
        """
        self._faults.add(Fault(kind=kind, path=path or "/v2/*", retry_after=retry_after, more=more), times)

    def heal(self) -> None:
        """No more faults."""
        self._faults.forget()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._recorded, self._faulty, self._refused], client_max_size=_LARGEST_BODY)
        app.add_routes(self._api.routes())
        app.router.add_post("/v2/account/midjourney/{channel}/reset", self._reset)
        app.add_routes(Control(self).routes())
        app.router.add_get("/{path:(attachments|files|[0-9a-f-]{36})/.*}", self._cdn.get)
        # A handler ends when its client goes away, and none is waited for at the end: both happen to "hang".
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.origin = self._cdn.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._calls.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _recorded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/_pretend/"):
            self._requests.add(await Request.of(request, authorized=self._authorized(request)))
        return await handler(request)

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._faults.take(request.path)
        if fault is None:
            return await handler(request)
        if fault.made:
            await handler(request)
        return await answer(fault, request)

    @web.middleware
    async def _refused(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every refusal is JSON, that of a path that does not exist included."""
        try:
            if request.path.startswith("/v2") and not self._authorized(request):
                raise Refusal(401, "Unauthorized")
            return await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.code)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return web.json_response({"error": f"Unsupported path {request.path}", "code": 404}, status=404)

    async def _reset(self, _: web.Request) -> web.Response:
        """POST account/midjourney/{channel}/reset: the owner solved the CAPTCHA."""
        self._faults.forget(596)
        return web.json_response({**self._api.configuration(), "code": 200})

    def _authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self._token}"
