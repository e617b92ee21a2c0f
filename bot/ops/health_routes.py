"""The bot's own small HTTP server, where HEALTH_PORT is set: `/healthz` for monitors, `/metrics` for Prometheus."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from bot import __version__
from bot.client import Darkroom
from bot.errors import StoreUnavailable
from bot.ops.health import Health, is_healthy
from bot.ops.metrics import CONTENT_TYPE, Metrics


class HealthRoutes:
    """What can be asked. Nothing in the answers is secret: no token, no id, no name."""

    def __init__(self, bot: Darkroom, health: Health, metrics: Metrics, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._health = health
        self._metrics = metrics
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Every path; anything else is 404."""
        return [web.get("/healthz", self.healthz), web.get("/metrics", self.metrics)]

    async def healthz(self, _request: web.Request) -> web.Response:
        """200 where every part does its work, else 503; in both cases which does, and how."""
        report = await self._health.report()
        healthy = is_healthy(report)
        parts = {name: {"ok": part.ok, "is": part.words} for name, part in report.items()}
        told = {"healthy": healthy, "version": __version__, "parts": parts}
        return web.json_response(told, status=200 if healthy else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Everything that is counted."""
        try:
            text = await self._metrics.render(self._bot, await self._health.report(), self._now)
        except StoreUnavailable:
            raise web.HTTPServiceUnavailable from None
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})
