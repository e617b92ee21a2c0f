"""The fake useapi: a real HTTP server on loopback, and what tests can order from it."""

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.demo.fake_server.server import FakeServer
from bot.demo.fake_server.webhook_sender import WebhookSender
from bot.demo.midjourney.account import Account
from bot.demo.midjourney.cdn import Cdn
from bot.demo.midjourney.job import JobPlan
from bot.demo.useapi.api import Api, ErrorResponse
from bot.demo.useapi.error_answers import ERROR_ANSWERS
from bot.demo.useapi.formats import jobid_of


class FakeUseapi(FakeServer):
    """A fake useapi.net; `async with FakeUseapi() as useapi` listens at `useapi.url`.

    The clock is `now` alone (epoch seconds): a test's clock moves every job. `refresh` is the number of seconds between
    useapi's refreshes from Discord, counted from each job's start (0: every response is up to date). Jobs run `speed`
    times as fast as real ones, at most `max_jobs` at a time. A POST is answered after `post_delay` real seconds, with
    what Discord shows then. Grids are `grid_size` pixels wide; another `seed` makes other pictures. `port` 0 takes a
    free port.
    """

    polls = "/v2/jobs/"
    submissions = "/v2/jobs/button"
    _provider_paths = "/v2/*"
    _largest_body = 16 << 20  # a mask is a picture in base64

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
        account = Account(jobid_of=jobid_of, now=now, refresh=refresh, speed=speed, max_jobs=max_jobs, seed=seed)
        super().__init__(account=account, cdn=Cdn(now), errors=ERROR_ANSWERS, port=port)
        self._token = token
        self._api = Api(account, self._cdn, post_delay=post_delay, grid_size=grid_size)
        self._plans, self._pinned = self._api.plans, self._api.pinned
        self._webhooks = WebhookSender(self._api.describe_job, now, address="replyUrl")

    @property
    def url(self) -> str:
        """The setting USEAPI_URL; pictures are served at `origin`."""
        return f"{self.origin}/v2"

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

    def _routes(self) -> list[web.RouteDef]:
        return [*self._api.routes(), web.post("/v2/account/midjourney/{channel}/reset", self._reset)]

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Make every error response JSON, that of an unknown path included."""
        try:
            if request.path.startswith("/v2") and not self._is_authorized(request):
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

    def _is_authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self._token}"
