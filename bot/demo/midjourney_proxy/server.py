"""The fake server: a real HTTP server on loopback, and what tests can order from it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.demo.fake_server.control import Control
from bot.demo.fake_server.faults import Fault, Faults
from bot.demo.fake_server.requests import Request, Requests
from bot.demo.fake_server.webhook_sender import WebhookSender
from bot.demo.midjourney.account import Account
from bot.demo.midjourney.cdn import Cdn
from bot.demo.midjourney.job import Job, JobPlan
from bot.demo.midjourney_proxy import buttons
from bot.demo.midjourney_proxy.dialects import TRUEAI, Body, Dialect
from bot.demo.midjourney_proxy.error_answers import ERROR_ANSWERS
from bot.demo.midjourney_proxy.reading import Reading
from bot.demo.midjourney_proxy.serializer import Serializer
from bot.demo.midjourney_proxy.submitting import Submitting
from bot.demo.midjourney_proxy.tasks import Tasks

_LARGEST_BODY = 64 << 20  # pictures in base64


class FakeMidjourneyProxy:
    """A fake server of the protocol; `async with FakeMidjourneyProxy() as proxy` listens at `proxy.url`.

    The clock is `now` alone (epoch seconds): a test's clock moves every job. `refresh` is the number of seconds between
    two looks at Midjourney, counted from each job's start (0: every response is up to date). Jobs run `speed` times as
    fast as real ones, at most `max_jobs` at a time; `queue_size` more are queued. A submission is answered after
    `post_delay` real seconds. Grids are `grid_size` pixels wide, and with `four_pictures` come as four files too;
    another `seed` makes other pictures. With `drops_state` no task has its `state`. `port` 0 takes a free port.
    """

    polls = "/mj/task/*"
    """The paths of status requests, as a pattern."""
    submissions = "/mj/submit/*"
    """The paths of submissions."""

    def __init__(
        self,
        dialect: Dialect = TRUEAI,
        *,
        token: str = "demo-token",  # noqa: S107 -- it opens nothing
        admin_token: str = "admin-token",  # noqa: S107 -- it opens nothing
        now: Callable[[], float] = time.time,
        refresh: float = 3.0,
        speed: float = 1.0,
        max_jobs: int = 3,
        queue_size: int = 10,
        post_delay: float = 0.0,
        grid_size: int = 1024,
        seed: int = 0,
        four_pictures: bool = False,
        drops_state: bool = False,
        port: int = 0,
    ) -> None:
        self.origin = ""
        self.dialect = dialect
        self._token = token
        self._admin_token = admin_token
        self._port = port
        account = Account(jobid_of=_jobid_of, now=now, refresh=refresh, speed=speed, max_jobs=max_jobs, seed=seed)
        self._cdn = Cdn(now)
        self._tasks = Tasks(account, dialect, queue_size=queue_size)
        serializer = Serializer(
            dialect, self._cdn, grid_size=grid_size, four_pictures=four_pictures, drops_state=drops_state
        )
        self._reading = Reading(self._tasks, serializer, dialect, is_admin=self._is_admin)
        self._submitting = Submitting(self._tasks, dialect, post_delay=post_delay)
        self._webhooks = WebhookSender(
            lambda job: self._describe_job(job.jobid),
            now,
            address="notifyHook",
            every=dialect.calls_every,
            unordered=dialect.unordered_calls,
        )
        self._faults = Faults(ERROR_ANSWERS)
        self._requests = Requests()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The setting MJ_PROXY_URL; pictures are served there too."""
        return self.origin

    @property
    def requests(self) -> list[Request]:
        """Every request so far, to the API and for pictures, in the order of arrival."""
        return self._requests.all

    @property
    def jobids(self) -> list[str]:
        """The ids of all tasks."""
        return list(self._tasks.account.jobs)

    @property
    def charges(self) -> Counter[tuple[str, str]]:
        """How often each button was paid for, by the parent's id and the custom id (the label with submit/change)."""
        return self._tasks.charges

    @property
    def remix(self) -> bool:
        """Whether Midjourney's remix mode is on: some presses open a form then."""
        return self._tasks.account.remix

    @remix.setter
    def remix(self, on: bool) -> None:
        self._tasks.account.remix = on

    async def wait_for_request(self, count: int = 1, *, path: str = "*") -> Request:
        """Wait until `count` requests for `path` (a pattern with `*`) have arrived in all; return the last of them."""
        return await self._requests.wait(count, path)

    def add_job(self, verb: str = "imagine", **options: Any) -> str:
        """Add a task that was started elsewhere, and return its id.

        `options` are those of `bot.demo.useapi.FakeUseapi.add_job`. A pressed button's `custom_id` is that of its
        label; `state` is the reference of the request; `echoed` holds it and its `notifyHook`.
        """
        plan = JobPlan.of({"verb": verb, **options})
        parent = self._tasks.get(plan.parent)
        own_id = "" if parent is None or plan.button is None else _custom_id(parent.job, plan.button)
        description = f"/imagine {plan.prompt or ''}".strip() if verb == "imagine" else f"/{verb}"
        return self._tasks.add(plan, custom_id=own_id, description=description).job.jobid

    def wait_for_form(self, parent: str, label: str, **options: Any) -> str:
        """Add a task that waits for submit/modal, for ever unless that comes; return its id."""
        job = self._tasks.account.jobs[parent]
        plan = JobPlan.of({"verb": "button", "button": label, "parent": parent, **options})
        return self._tasks.add(plan, custom_id=_custom_id(job, label), form=True).job.jobid

    def custom_id(self, jobid: str, label: str) -> str:
        """Return the custom id of a task's button."""
        return _custom_id(self._tasks.account.jobs[jobid], label)

    def label_of(self, jobid: str, custom_id: str) -> str:
        """Return the label of the task's button with this custom id; empty where it has none."""
        return buttons.label_of(self._tasks.account.jobs[jobid], custom_id) or ""

    def double(self, jobid: str) -> None:
        """Have another task under the same id, with another `state`: it comes first in every answer."""
        self._tasks.doubled.add(jobid)

    def restart(self) -> None:
        """Forget all tasks, as a server that keeps them in memory does."""
        self._tasks.forget()

    def lock_account(self, *, locked: bool = True) -> None:
        """Lock the only Midjourney account: no submission is taken."""
        self._submitting.locked = self._reading.locked = locked

    def calls(self) -> None:
        """From now on call the notifyHook of each job that a submission starts; in real time only."""
        self._submitting.on_started = self._webhooks.follow

    async def call(self, jobid: str, *, ago: float = 0.0) -> int:
        """Call a task's notifyHook now; return the status of the response, 0 without one.

        The body is that of a GET, `ago` seconds before now: such a call was overtaken by others.
        """
        return await self._webhooks.send(self._tasks.account.jobs[jobid], await self._describe_job(jobid, ago=ago))

    def plan(self, **options: Any) -> None:
        """Set options of `add_job` for the job that the next submission starts (the one after it with a second)."""
        self._submitting.plans.append(options)

    def set_answer(
        self,
        jobid: str,
        body: object,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Pin the response to GET task/{id}/fetch for this id: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"Content-Type": content_type, **(headers or {})}
        self._reading.pinned[jobid] = lambda: web.Response(body=data, status=status, headers=all_headers)

    def forget_answer(self, jobid: str) -> None:
        """Unpin the response for this id."""
        self._reading.pinned.pop(jobid, None)

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

        `kind` and the rest are those of `bot.demo.useapi.FakeUseapi.fail`; "queue_full" is code 23. The protocol's own
        are "queue_full_9", "limit", "daily_limit" and "unreadable" (-1), "failure" (9), "group_full" (429, code 30),
        "no_quota" and "upstream_400" (400), "model_not_found" (503) and "exists" (21). `path` is a pattern such as
        "/mj/submit/*"; without it all routes of the protocol fail and pictures do not.
        """
        self._faults.add(Fault(kind=kind, path=path or "/mj*", retry_after=retry_after, more=more), times)

    def heal(self) -> None:
        """Remove all faults."""
        self._faults.remove()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._recorded, self._faulty, self._checked], client_max_size=_LARGEST_BODY)
        app.router.add_get("/mj/image/{id}", self._cdn.get)
        app.add_routes([*self._reading.routes(), *self._submitting.routes()])
        app.add_routes(Control(self).routes())
        app.router.add_post("/_control/restart", self._restarted)
        app.router.add_get("/_control/charges", self._charged)
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

    async def _describe_job(self, jobid: str, *, ago: float = 0.0) -> Body:
        task = self._tasks.get(jobid)
        assert task is not None
        return await self._reading.describe(task, ago=ago)

    @web.middleware
    async def _recorded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/_control/"):
            self._requests.add(await Request.of(request, authorized=self._is_authorized(request)))
        return await handler(request)

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = None if request.path.startswith("/mj/image/") else self._faults.take(request.path)
        if fault is None:
            return await handler(request)
        if fault.takes_effect:
            await handler(request)
        return await self._faults.answer(fault, request)

    @web.middleware
    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a wrong secret and a route that is missing as this server does."""
        is_protocol = request.path.startswith("/mj") and not request.path.startswith(("/mj/image/", "/mj/home"))
        if is_protocol and not self._is_authorized(request):
            text, content_type = self.dialect.unauthorized
            return web.Response(status=401, text=text, content_type=content_type)
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            status, text, content_type = self.dialect.missing_route
            return web.Response(status=status, text=text, content_type=content_type)

    async def _restarted(self, _: web.Request) -> web.Response:
        self.restart()
        return web.json_response({})

    async def _charged(self, _: web.Request) -> web.Response:
        return web.json_response([[*key, count] for key, count in self.charges.items()])

    def _is_authorized(self, request: web.Request) -> bool:
        return self._secret_of(request) in (self._token, self._admin_token)

    def _is_admin(self, request: web.Request) -> bool:
        return self._secret_of(request) == self._admin_token

    def _secret_of(self, request: web.Request) -> str:
        """Return the secret that this server reads; trueai reads `Authorization` first, as it is."""
        value = request.headers.get(self.dialect.header)
        if value is None and self.dialect.also:
            return request.headers.get(self.dialect.also, "")
        return (value or "").removeprefix(self.dialect.bearer)


def _custom_id(job: Job, label: str) -> str:
    return buttons.custom_id(label, job.uuid, job.kind)


def _jobid_of(milliseconds: int) -> str:
    """Return a task's id: 13 digits of milliseconds since 1970, and three more, which are random in real servers."""
    return f"{milliseconds:013d}{milliseconds * 7919 % 1000:03d}"
