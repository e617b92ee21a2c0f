"""Metrics for Prometheus. Imported only if `HEALTH_PORT` is set: without it nothing is counted.

What the database holds is read at the scrape. Requests are counted as they happen, by tracing the HTTP sessions.
"""

import asyncio
import math
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from types import SimpleNamespace

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from bot import __version__
from bot.client import Darkroom
from bot.models import ProviderName
from bot.ops.health import Part
from bot.providers.http import RequestKind

CONTENT_TYPE = CONTENT_TYPE_LATEST
_DELIVERY_BUCKETS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400)
_POLL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20)


class Metrics:
    """All metrics in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        Info("darkroom", "Version of the bot.", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)
        self._polls = Histogram(
            "darkroom_poll_seconds",
            "Duration of one status request.",
            ["provider"],
            buckets=_POLL_BUCKETS,
            registry=registry,
        )
        self._providers = Counter(
            "darkroom_provider_responses",
            "Responses of the providers by request and HTTP status.",
            ["provider", "request", "code"],
            registry=registry,
        )
        self._discord = Counter(
            "darkroom_discord_responses",
            "Responses of Discord's REST API by HTTP status; 429 is a rate limit.",
            ["code"],
            registry=registry,
        )
        self._sent = Counter(
            "darkroom_discord_sent_bytes", "Bytes sent to Discord, nearly all of them pictures.", registry=registry
        )
        self._delivery = Histogram(
            "darkroom_delivery_seconds",
            "Time from the end of a job to its post.",
            buckets=_DELIVERY_BUCKETS,
            registry=registry,
        )
        self._retries = Counter(
            "darkroom_delivery_retries", "Sends after the first one of each delivery.", registry=registry
        )
        self._jobs = Gauge("darkroom_jobs", "Jobs in the database by status.", ["status"], registry=registry)
        self._deliveries = Gauge(
            "darkroom_deliveries", "Deliveries in the database by kind and state.", ["kind", "state"], registry=registry
        )
        self._submissions = Gauge(
            "darkroom_submissions", "Submissions in the database by state.", ["state"], registry=registry
        )
        self._size = Gauge("darkroom_database_bytes", "Size of the database.", registry=registry)
        self._free = Gauge("darkroom_disk_free_bytes", "Free space on the disk of the database.", registry=registry)
        self._latency = Gauge(
            "darkroom_gateway_latency_seconds", "Round trip of a gateway heartbeat.", registry=registry
        )
        self._healthy = Gauge("darkroom_healthy", "1 if the part works, else 0.", ["part"], registry=registry)
        self._posted_until: datetime | None = None
        self._retries_counted = 0

    def follow_provider(self, provider: ProviderName) -> aiohttp.TraceConfig:
        """Return the trace that counts the requests of a provider's HTTP session."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(_note_start)
        trace.on_request_end.append(partial(self._count_response, provider))
        trace.on_request_exception.append(partial(self._count_no_response, provider))
        return trace

    def follow_discord(self, trace: aiohttp.TraceConfig) -> None:
        """Count the requests of Discord's HTTP session; call this before the session is opened."""
        trace.on_request_end.append(self._count_discord)
        trace.on_request_chunk_sent.append(self._count_sent)

    async def render(self, bot: Darkroom, report: Mapping[str, Part], now: Callable[[], datetime]) -> bytes:
        """Return all metrics in Prometheus' text format."""
        for name, part in report.items():
            self._healthy.labels(name).set(part.ok)
        if not math.isnan(bot.latency) and not math.isinf(bot.latency):
            self._latency.set(bot.latency)
        self._free.set(shutil.disk_usage(bot.settings.data_dir).free)
        self._retries.inc(bot.dispatcher.repeats - self._retries_counted)
        self._retries_counted = bot.dispatcher.repeats
        await self._observe_deliveries(bot, now())
        await self._count_rows(bot)
        return generate_latest(self._registry)

    async def _observe_deliveries(self, bot: Darkroom, now: datetime) -> None:
        """Observe the deliveries posted since the last scrape; none at the first scrape."""
        since, self._posted_until = self._posted_until or now, now
        for post in await bot.store.stats.newly_posted(since):
            self._delivery.observe(max(post.seconds, 0.0))
            self._posted_until = max(self._posted_until, post.at)

    async def _count_rows(self, bot: Darkroom) -> None:
        counts = await bot.store.stats.counts()
        for gauge in (self._jobs, self._deliveries, self._submissions):
            gauge.clear()
        for status, number in counts.jobs.items():
            self._jobs.labels(status).set(number)
        for (kind, state), number in counts.deliveries.items():
            self._deliveries.labels(kind, state).set(number)
        for state, number in counts.submissions.items():
            self._submissions.labels(state).set(number)
        self._size.set(counts.size)

    # --- requests as they happen ------------------------------------------------------------------------------------

    async def _count_response(
        self,
        provider: ProviderName,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams,
    ) -> None:
        request = _request_of(context)
        self._providers.labels(provider, request, str(end.response.status)).inc()
        if request == RequestKind.POLL:
            self._polls.labels(provider).observe(asyncio.get_running_loop().time() - context.started)

    async def _count_no_response(
        self,
        provider: ProviderName,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _end: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self._providers.labels(provider, _request_of(context), "none").inc()

    async def _count_discord(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        self._discord.labels(str(end.response.status)).inc()

    async def _count_sent(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, sent: aiohttp.TraceRequestChunkSentParams
    ) -> None:
        self._sent.inc(len(sent.chunk))


async def _note_start(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _start: aiohttp.TraceRequestStartParams
) -> None:
    context.started = asyncio.get_running_loop().time()


def _request_of(context: SimpleNamespace) -> RequestKind:
    """Return the `request` label, which the provider's client gave; never a part of the URL, which may hold an id."""
    kind = context.trace_request_ctx
    return kind if isinstance(kind, RequestKind) else RequestKind.OTHER
