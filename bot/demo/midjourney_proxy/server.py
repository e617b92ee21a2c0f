"""The fake server: a real HTTP server on loopback, and what tests can order from it."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.demo.fake_server.faults import Fault
from bot.demo.fake_server.server import FakeServer
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


class FakeMidjourneyProxy(FakeServer):
    """A fake server of the protocol; `async with FakeMidjourneyProxy() as proxy` listens at `proxy.url`.

    The clock is `now` alone (epoch seconds): a test's clock moves every job. `refresh` is the number of seconds between
    two looks at Midjourney, counted from each job's start (0: every response is up to date). Jobs run `speed` times as
    fast as real ones, at most `max_jobs` at a time; `queue_size` more are queued. A submission is answered after
    `post_delay` real seconds. Grids are `grid_size` pixels wide, and with `four_pictures` come as four files too;
    another `seed` makes other pictures. With `drops_state` no task has its `state`. `port` 0 takes a free port.
    """

    polls = "/mj/task/*"
    submissions = "/mj/submit/*"
    _provider_paths = "/mj*"
    _largest_body = 64 << 20  # pictures in base64

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
        account = Account(jobid_of=_jobid_of, now=now, refresh=refresh, speed=speed, max_jobs=max_jobs, seed=seed)
        super().__init__(account=account, cdn=Cdn(now), errors=ERROR_ANSWERS, port=port)
        self.dialect = dialect
        self._token = token
        self._admin_token = admin_token
        self._tasks = Tasks(account, dialect, queue_size=queue_size)
        serializer = Serializer(
            dialect, self._cdn, grid_size=grid_size, four_pictures=four_pictures, drops_state=drops_state
        )
        self._reading = Reading(self._tasks, serializer, dialect, is_admin=self._is_admin)
        self._submitting = Submitting(self._tasks, dialect, post_delay=post_delay)
        self._plans, self._pinned = self._submitting.plans, self._reading.pinned
        self._webhooks = WebhookSender(
            lambda job: self._describe_job(job.jobid),
            now,
            address="notifyHook",
            every=dialect.calls_every,
            unordered=dialect.unordered_calls,
        )

    @property
    def url(self) -> str:
        """The setting MJ_PROXY_URL; pictures are served there too."""
        return self.origin

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

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get("/mj/image/{id}", self._cdn.get),
            *self._reading.routes(),
            *self._submitting.routes(),
            web.post("/_control/restart", self._restarted),
            web.get("/_control/charges", self._charged),
        ]

    async def _describe_job(self, jobid: str, *, ago: float = 0.0) -> Body:
        task = self._tasks.get(jobid)
        assert task is not None
        return await self._reading.describe(task, ago=ago)

    def _fault_for(self, path: str) -> Fault | None:
        return None if path.startswith("/mj/image/") else super()._fault_for(path)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
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
