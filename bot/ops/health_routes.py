"""Routes served on `HEALTH_PORT`: `/healthz` for monitors, `/metrics` for Prometheus."""

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from bot import __version__
from bot.client import Darkroom
from bot.errors import StoreUnavailable
from bot.ops.health import Health, is_healthy
from bot.ops.metrics import CONTENT_TYPE, Metrics


class HealthRoutes:
    """Handlers of both routes. Responses hold no token, id or name."""

    def __init__(self, bot: Darkroom, health: Health, metrics: Metrics, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._health = health
        self._metrics = metrics
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; any other path is 404."""
        return [web.get("/healthz", self.healthz), web.get("/metrics", self.metrics)]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer 200 if every part works, else 503, with the state of each part as JSON."""
        report = await self._health.report()
        healthy = is_healthy(report)
        parts = {name: {"ok": part.ok, "is": part.detail} for name, part in report.items()}
        body = {"healthy": healthy, "version": __version__, "parts": parts}
        return web.json_response(body, status=200 if healthy else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with all metrics in Prometheus' text format; 503 if the database cannot be read."""
        try:
            text = await self._metrics.render(self._bot, await self._health.report(), self._now)
        except StoreUnavailable:
            raise web.HTTPServiceUnavailable from None
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})
