"""The server: reads a call, lets the validator, the limits and the faults have their say, and answers."""

import asyncio
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from tests.fakes.discord import control
from tests.fakes.discord.bodies import complaints
from tests.fakes.discord.channels import Refusal
from tests.fakes.discord.faults import Faults
from tests.fakes.discord.gateway import Identify
from tests.fakes.discord.limits import Limits
from tests.fakes.discord.openapi_validator import openapi_validator
from tests.fakes.discord.people import People
from tests.fakes.discord.rest import ROUTES, Call, Reply

API = "/api/v10"
VIA = {"Via": "1.1 google"}  # what tells Discord's own 429 from Cloudflare's
LARGEST = 64 * 1024 * 1024


@dataclass(kw_only=True)
class Received:
    """A request as it came; `status` is 0 while (or where) it got no answer, `fault` what was done to it."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    json: Any
    files: list[tuple[str, int]]
    status: int = 0
    fault: str = ""


class FakeDiscord(People):
    """A Discord for one bot, listening while the `async with` lasts.

    `limits`: keep Discord's rate limits (5 messages in 5 s a channel, 50 requests in 1 s; put other `Limits` into the
    attribute for other figures). `port`: 0 is any. `fault_rate`, `fault_kinds`: see `Faults`; drawn with `seed`.
    Further keywords: `now` of `ChannelState`, `nonce_window`, `file_limit` and `old_edits` of `World`, `shards` of
    `Gateway`.
    """

    def __init__(
        self,
        *,
        token: str = "MTk4.pretend.token",
        port: int = 0,
        limits: bool = False,
        fault_rate: float = 0.0,
        fault_kinds: tuple[str, ...] = Faults.kinds,
        seed: int | None = None,
        **world: Any,
    ) -> None:
        super().__init__(**world)
        self.token = self.gateway.token = token
        self.limits = Limits() if limits else None
        self.faults = Faults(rate=fault_rate, kinds=fault_kinds, chance=random.Random(seed), now=self.now)
        self.requests: list[Received] = []
        self.downloads: list[str] = []  # the names of files that were asked for
        self._port = port
        self._closing = asyncio.Event()

    # life

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_get("/attachments/{channel_id}/{file_id}/{name}", self._cdn)
        app.router.add_post("/_control/{verb}", control.handler(self))
        for method, route, answer in ROUTES:
            app.router.add_route(method, API + route, self._api(route, answer))
        app.router.add_route("*", "/{anything:.*}", self._unmodelled)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=2048)
        await site.start()
        port = self._runner.addresses[0][1]
        self.origin, self.gateway.url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/gateway"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing.set()
        await self.gateway.close()
        await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return self.origin + API

    # what a test asks

    @property
    def faults_met(self) -> Counter[str]:
        """How many requests met each fault, by method and kind; refusals that were not planned have their status."""
        wrong = (each for each in self.requests if each.fault or each.status >= 400)
        return Counter(f"{each.method} {each.fault or each.status}" for each in wrong)

    @property
    def identifies(self) -> list[Identify]:
        return self.gateway.identifies

    @property
    def invalid_requests(self) -> int:
        """Answers that count towards Cloudflare's 10,000 in 10 minutes."""
        return sum(
            count for status, count in Counter(r.status for r in self.requests).items() if status in {401, 403, 429}
        )

    async def wait_ready(self, within: float = 20.0) -> None:
        """Until every shard heard READY (or RESUMED)."""
        await self.wait_until(lambda: self.gateway.ready, within, "READY")

    def fail(self, request: str, kind: str | int, times: int | None = 1, seconds: float | None = None) -> None:
        """See `Faults.fail`; the gateway's handshake is "GET /gateway"."""
        self.faults.fail(request, kind, times, seconds)

    def heal(self) -> None:
        self.faults.heal()

    # the endpoints

    def _api(
        self, route: str, answer: Callable[[People, Call], Reply]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                call = await Call.read(request, route)
            except ConnectionError:
                return web.Response()  # the bot died while it spoke: nothing was asked
            except ValueError:
                self.violations.append(f"{request.method} {route}: a body that is no JSON")
                return _json(400, Refusal(50035).body)
            received = self._note(request, call)
            response = await self._serve(request, call, answer, received.fault)
            gone = request.transport is None or request.transport.is_closing()
            received.status = 0 if gone else response.status
            self.changed()
            return response

        return handle

    def _note(self, request: web.Request, call: Call) -> Received:
        path = request.path.removeprefix(API)
        received = Received(
            at=self.now(), method=call.method, path=path, query=call.query, json=call.body,
            files=[(name, len(data)) for _, name, data in call.uploads],
            fault=self.faults.take(f"{call.method} {path}"),
        )  # fmt: skip
        self.requests.append(received)
        self.changed()
        return received

    async def _serve(
        self, request: web.Request, call: Call, answer: Callable[[People, Call], Reply], fault: str
    ) -> web.StreamResponse:
        if fault == "slow":
            await asyncio.sleep(1.0)
        elif fault and not fault.startswith("stored-"):
            return await self._break(request, fault)
        try:
            response = self._answer(call, answer)
        except Exception as broken:
            self.violations.append(f"The fake Discord itself broke over {call}: {broken!r}")
            raise
        return await self._break(request, fault.removeprefix("stored-")) if fault not in {"", "slow"} else response

    def _answer(self, call: Call, answer: Callable[[People, Call], Reply]) -> web.Response:
        headers: dict[str, str] = {}
        try:
            if not call.route.startswith(("/interactions", "/webhooks")) and call.authorization != f"Bot {self.token}":
                raise Refusal(0)
            if self.limits:
                channel = call.params.get("channel_id", "")
                headers, full = self.limits.take(call.method, call.route, channel, self.now())
                if full:
                    return self._judged(call, 429, full, headers | {"Retry-After": str(full["retry_after"])})
            self._judge_request(call)
            body = answer(self, call)
        except Refusal as refusal:
            return self._judged(call, refusal.status, refusal.body, headers)
        return self._judged(call, 204 if body is None else 200, body, headers)

    def _judge_request(self, call: Call) -> None:
        wrong = complaints(call.body, len(call.uploads))
        if judge := openapi_validator():
            wrong += filter(None, [judge.request(call.method, call.route, call.body)])
        if wrong:
            self.violations += [f"{call.method} {call.route}: {each}" for each in wrong]
            raise Refusal(50035)

    def _judged(self, call: Call, status: int, body: Any, headers: dict[str, str]) -> web.Response:
        judge = openapi_validator()
        if judge and (wrong := judge.answer(call.method, call.route, status, body)):
            self.violations.append(f"The fake Discord itself: {wrong}")
        return _json(status, body, headers)

    async def _break(self, request: web.Request, kind: str) -> web.StreamResponse:
        """An answer as no one wants it."""
        if kind == "hang":
            await self._closing.wait()
        if kind in {"reset", "hang"} and request.transport:
            # lingering for no time at all makes the close a reset
            linger = struct.pack("ii", 1, 0)
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.transport.abort()
        if kind == "garbage":
            return web.Response(text="<html>Sorry</html>", content_type="text/html", headers=VIA)
        if kind in {"cloudflare", "proxy"}:
            via = VIA if kind == "proxy" else None
            return web.Response(status=429, text="<html>You are banned</html>", content_type="text/html", headers=via)
        if kind == "blocked":
            return web.Response(status=403, text="<html>You have been blocked</html>", content_type="text/html")
        if kind in {"429", "limited"}:
            seconds = 20 if kind == "limited" else 0.1
            return _json(
                429, {"message": "You are being rate limited.", "code": 0, "retry_after": seconds, "global": False}
            )
        number, _, code = kind.partition("-")
        status = int(number) if number.isdecimal() else 500
        known = int(code) if code else 50035 if status == 400 else 0
        return _json(status, {"message": f"{status}: a fault on demand", "code": known})

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if fault := self.faults.take("GET /gateway"):
            return await self._break(request, fault)
        return await self.gateway.serve(request)

    async def _cdn(self, request: web.Request) -> web.Response:
        self.downloads.append(request.match_info["name"])
        file_id = int(request.match_info["file_id"])
        files = (file for message in self.every_message.values() for file in message.files if file.id == file_id)
        found = self.uploads.get(file_id) or next(files, None)
        if found is None or not found.opens(request.query):
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=found.data, content_type=found.content_type)

    async def _unmodelled(self, request: web.Request) -> web.Response:
        self.violations.append(f"Not modelled: {request.method} {request.path}")
        return _json(501, {"message": f"The fake Discord does not model {request.method} {request.path}", "code": 0})


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """Discord's JSON; the content type stands alone, discord.py takes none with a charset."""
    head = VIA | (headers or {})
    if body is None:
        return web.Response(status=status, headers=head)
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json", headers=head)
