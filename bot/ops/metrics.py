"""Numbers for Prometheus. Imported only where HEALTH_PORT is set: without it nothing is counted.

What stands in the database is read when somebody asks; only what passes by is counted as it does, on the sessions
through which it passes.
"""

import asyncio
import math
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from yarl import URL

from bot import __version__
from bot.client import Darkroom
from bot.ops.health import Part

CONTENT_TYPE = CONTENT_TYPE_LATEST
_RECOUNT = 60.0  # seconds between two counts of the whole database
_DELIVERY_BUCKETS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400)
_LOOK_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20)


class Metrics:
    """All numbers, in a registry of their own. `useapi` and `discord` are traces for the sessions to these two."""

    def __init__(self) -> None:
        ours = self._registry = CollectorRegistry()
        Info("darkroom", "The bot.", registry=ours).info({"version": __version__})
        ProcessCollector(registry=ours)
        self._looks = Histogram(
            "darkroom_look_seconds", "How long useapi took to tell of a job.", buckets=_LOOK_BUCKETS, registry=ours
        )
        self._useapi = Counter("darkroom_useapi_answers", "Answers of useapi.", ["request", "code"], registry=ours)
        self._discord = Counter(
            "darkroom_discord_answers",
            "Answers of Discord's REST interface; 429 asks for a pause.",
            ["code"],
            registry=ours,
        )
        self._sent = Counter(
            "darkroom_discord_sent_bytes", "Sent to Discord, nearly all of it pictures.", registry=ours
        )
        self._delivery = Histogram(
            "darkroom_delivery_seconds", "From a job's end to its post.", buckets=_DELIVERY_BUCKETS, registry=ours
        )
        self._retries = Counter(
            "darkroom_delivery_retries", "Sends after the first, of what was posted.", registry=ours
        )
        self._jobs = Gauge("darkroom_jobs", "Jobs in the database.", ["status"], registry=ours)
        self._deliveries = Gauge("darkroom_deliveries", "Messages in the database.", ["kind", "state"], registry=ours)
        self._presses = Gauge("darkroom_presses", "Presses in the database.", ["state"], registry=ours)
        self._size = Gauge("darkroom_database_bytes", "The size of the database.", registry=ours)
        self._free = Gauge("darkroom_disk_free_bytes", "What is free on the database's disk.", registry=ours)
        self._latency = Gauge("darkroom_gateway_latency_seconds", "A heartbeat to Discord and back.", registry=ours)
        self._healthy = Gauge("darkroom_healthy", "1 where a part does its work.", ["part"], registry=ours)
        self.useapi = aiohttp.TraceConfig()
        self.useapi.on_request_start.append(_note_start)
        self.useapi.on_request_end.append(self._note_useapi)
        self.useapi.on_request_exception.append(self._note_no_answer)
        self._counted_at = -math.inf
        self._posted_until: datetime | None = None
        self._repeats_told = 0

    def follow_discord(self, trace: aiohttp.TraceConfig) -> None:
        """Count what passes through Discord's session; before that is opened."""
        trace.on_request_end.append(self._note_discord)
        trace.on_request_chunk_sent.append(self._note_sent)

    async def render(self, bot: Darkroom, report: Mapping[str, Part], now: Callable[[], datetime]) -> bytes:
        """Everything, in Prometheus' text form."""
        for name, part in report.items():
            self._healthy.labels(name).set(part.ok)
        if not math.isnan(bot.latency) and not math.isinf(bot.latency):
            self._latency.set(bot.latency)
        self._free.set(shutil.disk_usage(bot.settings.data_dir).free)
        self._retries.inc(bot.dispatcher.repeats - self._repeats_told)
        self._repeats_told = bot.dispatcher.repeats
        await self._note_posts(bot, now())
        await self._count(bot)
        return generate_latest(self._registry)

    async def _note_posts(self, bot: Darkroom, now: datetime) -> None:
        """What was posted since the last time somebody asked; nothing at the first time."""
        since, self._posted_until = self._posted_until or now, now
        for post in await bot.store.stats.newly_posted(since):
            self._delivery.observe(max(post.seconds, 0.0))
            self._posted_until = max(self._posted_until, post.at)

    async def _count(self, bot: Darkroom) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._counted_at < _RECOUNT:
            return
        self._counted_at = now
        counts = await bot.store.stats.counts()
        for gauge in (self._jobs, self._deliveries, self._presses):
            gauge.clear()
        for status, number in counts.jobs.items():
            self._jobs.labels(status).set(number)
        for (kind, state), number in counts.deliveries.items():
            self._deliveries.labels(kind, state).set(number)
        for state, number in counts.submissions.items():
            self._presses.labels(state).set(number)
        self._size.set(counts.size)

    # --- what passes by ---------------------------------------------------------------------------------------------

    async def _note_useapi(
        self, _session: aiohttp.ClientSession, context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        request = _request_of(end.url)
        self._useapi.labels(request, str(end.response.status)).inc()
        if request == "look":
            self._looks.observe(asyncio.get_running_loop().time() - context.started)

    async def _note_no_answer(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self._useapi.labels(_request_of(end.url), "none").inc()

    async def _note_discord(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        self._discord.labels(str(end.response.status)).inc()

    async def _note_sent(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, sent: aiohttp.TraceRequestChunkSentParams
    ) -> None:
        self._sent.inc(len(sent.chunk))


async def _note_start(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _start: aiohttp.TraceRequestStartParams
) -> None:
    context.started = asyncio.get_running_loop().time()


def _request_of(url: URL) -> str:
    """A word for what was asked; never a part of the address, which may hold a job's id."""
    path = url.path
    if path.endswith("/jobs/") and "jobid" in url.query:
        return "look"
    return "press" if path.endswith("/jobs/button") else "other"
