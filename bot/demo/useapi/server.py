"""The fake useapi: a real HTTP server on loopback, and what tests can order from it."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.demo.fake_server.control import Control
from bot.demo.fake_server.faults import Fault, Faults
from bot.demo.fake_server.requests import Request, Requests
from bot.demo.fake_server.webhook_sender import WebhookSender
from bot.demo.midjourney.account import Account
from bot.demo.midjourney.cdn import Cdn, RawResponse
from bot.demo.midjourney.job import JobPlan
from bot.demo.useapi.api import Api, ErrorResponse
from bot.demo.useapi.error_answers import ERROR_ANSWERS
from bot.demo.useapi.formats import jobid_of

_LARGEST_BODY = 16 << 20  # a mask is a picture in base64


class FakeUseapi:
    """A fake useapi.net; `async with FakeUseapi() as useapi` listens at `useapi.url`.

    The clock is `now` alone (epoch seconds): a test's clock moves every job. `refresh` is the number of seconds between
    useapi's refreshes from Discord, counted from each job's start (0: every response is up to date). Jobs run `speed`
    times as fast as real ones, at most `max_jobs` at a time. A POST is answered after `post_delay` real seconds, with
    what Discord shows then. Grids are `grid_size` pixels wide; another `seed` makes other pictures. `port` 0 takes a
    free port.
    """

    polls = "/v2/jobs/"
    """The paths of status requests, as a pattern."""
    submissions = "/v2/jobs/button"
    """The paths of submissions."""

    def __init__(
        self,
        *,
        token: str = "demo-token",  # noqa: S107 -- it opens nothing
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
        self._account = Account(jobid_of=jobid_of, now=now, refresh=refresh, speed=speed, max_jobs=max_jobs, seed=seed)
        self._cdn = Cdn(now)
        self._api = Api(self._account, self._cdn, post_delay=post_delay, grid_size=grid_size)
        self._webhooks = WebhookSender(self._api.describe_job, now, address="replyUrl")
        self._faults = Faults(ERROR_ANSWERS)
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
        """The ids of all jobs."""
        return list(self._account.jobs)

    async def wait_for_request(self, count: int = 1, *, path: str = "*") -> Request:
        """Wait until `count` requests for `path` (a pattern with `*`) have arrived in all; return the last of them."""
        return await self._requests.wait(count, path)

    def add_job(self, verb: str = "imagine", **options: Any) -> str:
        """Add a job that was started elsewhere, and return its id. `options` are those of `JobPlan`:

        - `prompt`: without one the parent's, or a castle
        - `ends`: completed, moderated, failed, silent (no news for ever) or expired
        - `age`: it started so many seconds ago
        - `queued`: its seconds as "created", before Midjourney's first message
        - `duration`: its seconds after that, instead of what its kind takes; both count before `speed`
        - `button` and `parent`: the label that made it, and the job id of its parent
        - `buttons`: the labels it offers when completed, instead of those of its kind
        - `jobid`: its id; an id that is taken raises `ValueError`
        - `mode`: "fast", "relaxed" or "turbo", with ", stealth" after it
        - `over_code`: the HTTP status of its responses once it is over
        - `starts_when_polled`: it starts at the first request for it
        - `max_jobs`: the `maxJobs` of its responses
        - `phase`: seconds from its start to useapi's first refresh from Discord
        - `listed_after`: seconds from its start until it is listed, among its parent's children and what runs
        - `listed_as`: its button's label among its parent's children, with `{}` for the true one
        - `echoed_after`: seconds from its start until responses repeat the `replyRef` of its request
        - `brief`: once it is over, responses have only its id, its status, its error and the code

        Any other option replaces the field of that name in every response about it, verbatim.
        """
        return self._account.add(JobPlan.of({"verb": verb, **options})).jobid

    def calls(self) -> None:
        """From now on call the replyUrl of each job that a POST starts, whenever it changes; in real time only."""
        self._api.on_started = self._webhooks.follow

    async def call(self, jobid: str) -> int:
        """Call a job's replyUrl now, with the body of a GET; return the status of the response, 0 without one."""
        return await self._webhooks.call(self._account.jobs[jobid])

    def plan(self, **options: Any) -> None:
        """Set options of `add_job` for the job that the next POST starts (the one after it with a second plan)."""
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
        """Pin the response to GET jobs/?jobid= for this id, known or not: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"Content-Type": content_type, **(headers or {})}
        self._api.pinned[jobid] = lambda: web.Response(body=data, status=status, headers=all_headers)

    def forget_answer(self, jobid: str) -> None:
        """Unpin the response for this id."""
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
        """Serve bytes at a URL of their own, and return it.

        `headers` may be wrong, such as the Content-Length; None leaves a header out. With `drip` every `piece` (bytes)
        is followed by a pause of that many seconds.
        """
        given = {"Content-Type": content_type, "Content-Length": str(len(data)), **(headers or {})}
        all_headers = {name: value for name, value in given.items() if value is not None}
        step = piece if drip else max(1, len(data))
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        return self._cdn.serve(name, lambda: RawResponse(status, all_headers, pieces, pause=drip))

    def serve_uploads(self, find: Callable[[str], bytes | None]) -> None:
        """Serve what was uploaded to Discord, too: `find` returns a file by its URL below `origin`."""
        self._cdn.find_upload = find

    def fail(
        self,
        kind: int | str,
        *,
        times: float = 1,
        path: str | None = None,
        retry_after: float | None = None,
        **more: object,
    ) -> None:
        """Give the next `times` requests (`math.inf`: all) a wrong response.

        `kind` is an HTTP status, or one of "reset", "close" (no answer), "hang", "empty", "html", "truncated", "cut"
        (the connection ends early), "wrong_shape", "huge" (2 MiB), "bomb" (32 MiB of blanks in gzip), "slow_drip",
        "queue_full", "busy", "unknown_job", "account_blocked", "declined"; with "made_reset", "made_hang", "made_500"
        and "made_504" the request is carried out, and only its response is lost. `path` is a pattern such as
        "/v2/jobs/button" or "/attachments/*"; without it the whole API fails and pictures do not. `retry_after` and
        `more` go into the header and the body. An aiohttp client repeats a GET on its own, once, when its connection
        was lost: order "reset" and "close" twice for one of those.
        """
        self._faults.add(Fault(kind=kind, path=path or "/v2/*", retry_after=retry_after, more=more), times)

    def heal(self) -> None:
        """Remove all faults."""
        self._faults.remove()

    async def __aenter__(self) -> Self:
        app = web.Application(
            middlewares=[self._recorded, self._faulty, self._errors_as_json], client_max_size=_LARGEST_BODY
        )
        app.add_routes(self._api.routes())
        app.router.add_post("/v2/account/midjourney/{channel}/reset", self._reset)
        app.add_routes(Control(self).routes())
        app.router.add_get("/{path:(attachments|files|[0-9a-f-]{36})/.*}", self._cdn.get)
        # Handlers of "hang" must end when their client is gone, and must not delay the shutdown.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.origin = self._cdn.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._webhooks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _recorded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/_control/"):
            self._requests.add(await Request.of(request, authorized=self._authorized(request)))
        return await handler(request)

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._faults.take(request.path)
        if fault is None:
            return await handler(request)
        if fault.takes_effect:
            await handler(request)
        return await self._faults.answer(fault, request)

    @web.middleware
    async def _errors_as_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Make every error response JSON, that of an unknown path included."""
        try:
            if request.path.startswith("/v2") and not self._authorized(request):
                raise ErrorResponse(401, "Unauthorized")
            return await handler(request)
        except ErrorResponse as error:
            return web.json_response(error.body, status=error.code)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return web.json_response({"error": f"Unsupported path {request.path}", "code": 404}, status=404)

    async def _reset(self, _: web.Request) -> web.Response:
        """POST account/midjourney/{channel}/reset: the owner has solved the CAPTCHA."""
        self._faults.remove(596)
        return web.json_response({**self._api.configuration(), "code": 200})

    def _authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self._token}"
