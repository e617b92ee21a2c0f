"""Control API for tests whose fake provider is another process: its methods over HTTP, under /_control/."""

import math
from dataclasses import asdict
from typing import Any, Protocol

from aiohttp import web

from bot.demo.fake_server.requests import Request


class Controlled(Protocol):
    """A fake provider: see the methods of `bot.demo.fake_server.server.FakeServer`."""

    @property
    def requests(self) -> list[Request]:
        """Every request so far."""

    @property
    def jobids(self) -> list[str]:
        """The ids of all jobs."""

    def add_job(self, verb: str = "imagine", **options: Any) -> str:
        """Add a job; an option with a wrong value raises `TypeError` or `ValueError`."""

    def plan(self, **options: Any) -> None:
        """Set options for the job that the next POST starts."""

    def fail(self, kind: int | str, **options: Any) -> None:
        """Order a wrong response; one that is not known raises `TypeError` or `ValueError`."""

    def heal(self) -> None:
        """Remove all faults."""


class Control:
    """POST jobs {options of add_job}, GET jobs, GET requests, POST and DELETE faults {options of fail}, POST plans."""

    def __init__(self, fake: Controlled) -> None:
        self._fake = fake

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the control API."""
        return [
            web.post("/_control/jobs", self.add_job),
            web.get("/_control/jobs", self.jobs),
            web.post("/_control/plans", self.plan),
            web.get("/_control/requests", self.requests),
            web.post("/_control/faults", self.fail),
            web.delete("/_control/faults", self.heal),
        ]

    async def add_job(self, request: web.Request) -> web.Response:
        """Add a job and respond with {"jobid"}; an option with a wrong value is a 400."""
        options: dict[str, Any] = await request.json()
        try:
            return web.json_response({"jobid": self._fake.add_job(**options)})
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error), "code": 400}, status=400)

    async def jobs(self, _: web.Request) -> web.Response:
        """Respond with the ids of all jobs."""
        return web.json_response(self._fake.jobids)

    async def plan(self, request: web.Request) -> web.Response:
        """Set options for the job that the next POST starts."""
        self._fake.plan(**await request.json())
        return web.json_response({})

    async def requests(self, _: web.Request) -> web.Response:
        """Respond with every request so far, as a list of objects."""
        return web.json_response([asdict(request) for request in self._fake.requests])

    async def fail(self, request: web.Request) -> web.Response:
        """Add a fault; "times" null stands for all requests to come."""
        options: dict[str, Any] = await request.json()
        if options.get("times", 1) is None:
            options["times"] = math.inf
        try:
            self._fake.fail(**options)
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error), "code": 400}, status=400)
        return web.json_response({})

    async def heal(self, _: web.Request) -> web.Response:
        """Remove all faults."""
        self._fake.heal()
        return web.json_response({})
