"""The fake providers as tests see them: one protocol, whatever they call a reference or a button."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import unquote

from bot.demo.fake_server.requests import Request
from bot.demo.midjourney_proxy import TRUEAI, Dialect, FakeMidjourneyProxy
from bot.demo.useapi import FakeUseapi
from bot.models import ProviderName
from bot.settings import Secret

Clock = Callable[[], float]


class Press(NamedTuple):
    """A submission of a pressed button: the parent's id, the button's label, and the bot's reference."""

    parent: str
    button: str
    reference: str


class FakeProvider(Protocol):
    """A fake provider; the methods are those of `FakeUseapi`."""

    name: ProviderName
    polls: str
    """The paths of status requests, as a pattern."""
    submissions: str
    """The paths of submissions."""
    webhook: str
    """The field of a submission with the address to call, and the option of `add_job` for it."""
    reference: str
    """The same for the reference."""
    origin: str
    slots: int
    """How many jobs it takes: those that run, and those that it queues itself."""

    @property
    def requests(self) -> list[Request]: ...
    @property
    def jobids(self) -> list[str]: ...
    async def wait_for_request(self, count: int = 1, *, path: str = "*") -> Request: ...
    def add_job(self, verb: str = "imagine", **options: Any) -> str: ...
    def calls(self) -> None: ...
    async def call(self, jobid: str) -> int: ...
    def plan(self, **options: Any) -> None: ...
    def set_answer(self, jobid: str, body: object, *, status: int = 200) -> None: ...
    def fail(
        self, kind: int | str, *, times: float = 1, path: str | None = None, retry_after: float | None = None
    ) -> None: ...
    def heal(self) -> None: ...
    def serve_uploads(self, find: Callable[[str], bytes | None]) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

    def settings(self) -> dict[str, Any]:
        """The bot's settings for it."""

    def times_polled(self, jobid: str) -> int:
        """How often its status was requested, alone or among others."""

    def submitted(self) -> list[Press]:
        """Every press that came to it, in this order."""


class Useapi(FakeUseapi):
    """Implements `FakeProvider`."""

    name = ProviderName.USEAPI
    webhook = "replyUrl"
    reference = "replyRef"
    slots = 3

    def settings(self) -> dict[str, Any]:
        return {"useapi_token": Secret("demo-token"), "useapi_url": self.url}

    def times_polled(self, jobid: str) -> int:
        return sum(unquote(request.query.get("jobid", "")) == jobid for request in self.requests)

    def submitted(self) -> list[Press]:
        return [
            Press(request.json["jobid"], request.json["button"], request.json["replyRef"])
            for request in self.requests
            if request.path == self.submissions
        ]


class MidjourneyProxy(FakeMidjourneyProxy):
    """Implements `FakeProvider`."""

    name = ProviderName.MIDJOURNEY_PROXY
    webhook = "notifyHook"
    reference = "state"
    slots = 3 + 10

    def settings(self) -> dict[str, Any]:
        return {
            "mj_proxy_url": Secret(self.url),
            "mj_proxy_secret": Secret("demo-token"),
            "mj_proxy_auth": "bearer" if self.dialect.bearer else self.dialect.header.lower(),
        }

    def times_polled(self, jobid: str) -> int:
        return sum(
            request.path == f"/mj/task/{jobid}/fetch"
            or (request.path == "/mj/task/list-by-condition" and jobid in request.json["ids"])
            for request in self.requests
        )

    def submitted(self) -> list[Press]:
        return [
            Press(request.json["taskId"], self._label(request), request.json["state"])
            for request in self.requests
            if request.path in ("/mj/submit/action", "/mj/submit/change")
        ]

    def _label(self, request: Request) -> str:
        parent, sent = request.json["taskId"], request.json
        if custom_id := sent.get("customId"):
            return self.label_of(parent, custom_id)
        return {"UPSCALE": "U", "VARIATION": "V", "REROLL": "🔄"}[sent["action"]] + str(sent.get("index", ""))


def fake_provider(name: ProviderName, now: Clock, dialect: Dialect = TRUEAI) -> FakeProvider:
    """Return a fake provider whose jobs move by the clock `now`."""
    if name is ProviderName.USEAPI:
        return Useapi(now=now, refresh=0, grid_size=48)
    return MidjourneyProxy(dialect, now=now, refresh=0, grid_size=48)
