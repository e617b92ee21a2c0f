"""What the fake providers share: an HTTP server on loopback, and what tests can order from it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.demo.fake_server.control import Control
from bot.demo.fake_server.faults import ErrorAnswers, Fault, Faults
from bot.demo.fake_server.requests import Request, Requests
from bot.demo.fake_server.webhook_sender import WebhookSender
from bot.demo.midjourney.account import Account
from bot.demo.midjourney.cdn import Cdn, RawResponse


class FakeServer(ABC):
    """A fake provider; `async with` it to have it listen at `url`. `port` 0 takes a free port.

    A subclass sets `_webhooks`, `_plans` (options for the jobs that the next submissions start) and `_pinned`
    (responses by job id, which replace the computed ones), which its request handlers use.
    """

    polls: str
    """The paths of status requests, as a pattern."""
    submissions: str
    """The paths of submissions."""
    _provider_paths: ClassVar[str]
    """The paths of the whole API, without pictures."""
    _largest_body: ClassVar[int]
    """Bytes."""
    _webhooks: WebhookSender
    _plans: list[dict[str, Any]]
    _pinned: dict[str, Callable[[], web.StreamResponse]]

    def __init__(self, *, account: Account, cdn: Cdn, errors: ErrorAnswers, port: int) -> None:
        self.origin = ""
        self._account = account
        self._cdn = cdn
        self._port = port
        self._faults = Faults(errors)
        self._requests = Requests()
        self._runner: web.AppRunner | None = None

    # --- of each provider -------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def url(self) -> str:
        """The setting with the address of the API; pictures are served at `origin`."""

    @abstractmethod
    def add_job(self, verb: str = "imagine", **options: Any) -> str:
        """Add a job that was started elsewhere, and return its id; `options` are those of `JobPlan`."""

    @abstractmethod
    def calls(self) -> None:
        """From now on call the webhook of each job that a submission starts; in real time only."""

    @abstractmethod
    def _routes(self) -> Iterable[web.RouteDef]:
        """The routes of the API."""

    @abstractmethod
    def _is_authorized(self, request: web.Request) -> bool:
        """Whether the request has the right token."""

    @abstractmethod
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as `handler` does, and a wrong token, an error or a missing route as this provider does."""

    def _fault_for(self, path: str) -> Fault | None:
        return self._faults.take(path)

    # --- what tests see and order -----------------------------------------------------------------------------------

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

    async def call(self, jobid: str) -> int:
        """Call a job's webhook now, with the body of a GET; return the status of the response, 0 without one."""
        return await self._webhooks.call(self._account.jobs[jobid])

    def plan(self, **options: Any) -> None:
        """Set options of `add_job` for the job that the next submission starts (the one after it with a second)."""
        self._plans.append(options)

    def set_answer(
        self,
        jobid: str,
        body: object,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Pin the response to a GET of the job with this id, known or not: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"Content-Type": content_type, **(headers or {})}
        self._pinned[jobid] = lambda: web.Response(body=data, status=status, headers=all_headers)

    def forget_answer(self, jobid: str) -> None:
        """Unpin the response for this id."""
        self._pinned.pop(jobid, None)

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

        `headers` may be wrong, such as the Content-Length; None leaves a header out. With `drip` the headers and every
        `piece` (bytes) are followed by a pause of that many seconds.
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
        "queue_full", "busy", "unknown_job", "account_blocked", "declined", or a name in the provider's
        `ERROR_ANSWERS`; with "made_reset", "made_hang", "made_500" and "made_504" the request is carried out, and only
        its response is lost. `path` is a pattern such as "/v2/jobs/button" or "/attachments/*"; without it the whole
        API fails and pictures do not. `retry_after` and `more` go into the header and the body. An aiohttp client
        repeats a GET on its own, once, when its connection was lost: order "reset" and "close" twice for one of those.
        """
        self._faults.add(Fault(kind=kind, path=path or self._provider_paths, retry_after=retry_after, more=more), times)

    def heal(self) -> None:
        """Remove all faults."""
        self._faults.remove()

    # --- the server -------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(
            middlewares=[self._recorded, self._faulty, self._answered], client_max_size=self._largest_body
        )
        app.add_routes(self._routes())
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
            self._requests.add(await Request.of(request, authorized=self._is_authorized(request)))
        return await handler(request)

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._fault_for(request.path)
        if fault is None:
            return await handler(request)
        if fault.takes_effect:
            await handler(request)
        return await self._faults.answer(fault, request)

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return await self._answer(request, handler)
