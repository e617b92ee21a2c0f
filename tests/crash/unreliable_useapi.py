"""A useapi in front of the fake one that answers status requests wrongly from time to time, until it is healed."""

import json
import random
import time
from collections import Counter
from typing import Any, Self

from aiohttp import ClientSession, web

_PICTURE = "attachments", "imageUx", "embeds"
_LONGEST_MISSING = 3.0  # seconds
_PAGE = "<!DOCTYPE html><html><body>Just a moment...</body></html>"


class UnreliableUseapi:
    """Forwards every request to `target`; `async with` listens at `url`.

    Only jobs that the bot was told of twice in one life are denied (404 for seconds, a single 410), because a job that
    was never seen may be called unknown. `new_life` begins another life. `met` counts the wrong answers by kind.
    """

    def __init__(self, chance: random.Random) -> None:
        self.target = ""
        self.healed = False
        self.met: Counter[str] = Counter()
        self._chance = chance
        self._answered: Counter[str] = Counter()  # in this life
        self._known: set[str] = set()
        self._missing_until: dict[str, float] = {}
        self._once: set[tuple[str, str]] = set()
        self._without_picture: Counter[str] = Counter()
        self._bodies: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v2/jobs/", self._job)
        app.router.add_route("*", "/{anything:.*}", self._forward)
        self._session = ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v2"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def new_life(self) -> None:
        """The bot may have lost what it was told only once."""
        self._answered.clear()

    async def _job(self, request: web.Request) -> web.Response:
        jobid = request.query.get("jobid", "")
        if self.healed:
            return await self._forward(request)
        denied = self._denial(jobid) if jobid in self._known else None
        if denied is not None:
            return denied
        response = await self._forward(request)
        if response.status != 200 or not isinstance(response.body, bytes):
            return response
        self._answered[jobid] += 1
        if self._answered[jobid] == 2:
            self._known.add(jobid)
        self._bodies[jobid] = response.body
        return self._without_its_picture(jobid, json.loads(response.body)) or response

    def _denial(self, jobid: str) -> web.Response | None:
        if time.monotonic() < self._missing_until.get(jobid, 0):
            return self._wrong("404", 404)
        if self._happens(jobid, "404", 0.1):
            self._missing_until[jobid] = time.monotonic() + self._chance.uniform(0.3, _LONGEST_MISSING)
            return self._wrong("404", 404)
        if self._happens(jobid, "410", 0.1):
            return self._wrong("410", 410)
        if self._happens(jobid, "another job", 0.1):
            other = self._chance.choice([each for each in self._bodies if each != jobid] or [jobid])
            self.met["another job"] += other != jobid
            return web.Response(body=self._bodies[other], content_type="application/json")
        if self._chance.random() < 0.05:
            self.met["200 with HTML"] += 1
            return web.Response(text=_PAGE, content_type="text/html")
        if self._chance.random() < 0.05:
            return self._wrong("5xx", self._chance.choice((500, 502, 503)))
        return None

    def _without_its_picture(self, jobid: str, body: dict[str, Any]) -> web.Response | None:
        """A completed job without what it shows, at its first two answers at most."""
        if body.get("status") != "completed" or body.get("verb") != "imagine" or self._without_picture[jobid] >= 2:
            return None
        self._without_picture[jobid] += 1
        if self._chance.random() < 0.5:
            self._without_picture[jobid] = 2
            return None
        self.met["completed without its picture"] += 1
        return web.json_response({name: value for name, value in body.items() if name not in _PICTURE})

    def _happens(self, jobid: str, what: str, rate: float) -> bool:
        """At most once to each job."""
        if (jobid, what) in self._once or self._chance.random() >= rate:
            return False
        self._once.add((jobid, what))
        return True

    def _wrong(self, name: str, status: int) -> web.Response:
        self.met[name] += 1
        return web.json_response({"error": "Unable to locate job", "code": status}, status=status)

    async def _forward(self, request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        async with self._session.request(
            request.method, self.target + request.path_qs, headers=headers, data=await request.read()
        ) as response:
            body = await response.read()
            return web.Response(status=response.status, body=body, content_type=response.content_type)
