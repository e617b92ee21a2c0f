"""Control API for tests whose fake useapi is another process: methods of `FakeUseapi` over HTTP, under /_control/."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from bot.demo.useapi.server import FakeUseapi


class Control:
    """POST jobs {options of add_job}, GET requests, POST faults {options of fail}, DELETE faults, POST plans."""

    def __init__(self, useapi: "FakeUseapi") -> None:
        self._useapi = useapi

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the control API."""
        return [
            web.post("/_control/jobs", self.add_job),
            web.post("/_control/plans", self.plan),
            web.get("/_control/requests", self.requests),
            web.post("/_control/faults", self.fail),
            web.delete("/_control/faults", self.heal),
        ]

    async def add_job(self, request: web.Request) -> web.Response:
        """Add a job and respond with {"jobid"}; an option with a wrong value is a 400."""
        options: dict[str, Any] = await request.json()
        try:
            return web.json_response({"jobid": self._useapi.add_job(**options)})
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error), "code": 400}, status=400)

    async def plan(self, request: web.Request) -> web.Response:
        """Set options for the job that the next POST starts."""
        self._useapi.plan(**await request.json())
        return web.json_response({})

    async def requests(self, _: web.Request) -> web.Response:
        """Respond with every request so far, as a list of objects."""
        return web.json_response([asdict(request) for request in self._useapi.requests])

    async def fail(self, request: web.Request) -> web.Response:
        """Add a fault; "times" null stands for all requests to come."""
        options: dict[str, Any] = await request.json()
        if options.get("times", 1) is None:
            options["times"] = math.inf
        try:
            self._useapi.fail(**options)
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error), "code": 400}, status=400)
        return web.json_response({})

    async def heal(self, _: web.Request) -> web.Response:
        """Remove all faults."""
        self._useapi.heal()
        return web.json_response({})
