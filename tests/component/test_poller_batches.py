"""Many running jobs at a provider that answers about many at once: few requests, and each job is polled in time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from bot.demo.midjourney_proxy import FakeMidjourneyProxy
from bot.models import Destination, Job, Person, ProviderName, Status
from bot.polling import Poller
from bot.provider_clients import midjourney_proxy_client
from bot.settings import Secret
from bot.store import open_store
from tests.database import migrated
from tests.fakes.alerts import NoAlerts

HERE = Destination(guild_id=100, channel_id=200)
MIRA = Person(id=1, name="Mira")
INTERVAL = 1.0
JOBS = 250


@pytest.fixture
async def proxy() -> AsyncIterator[FakeMidjourneyProxy]:
    async with FakeMidjourneyProxy(refresh=3600.0) as fake:
        yield fake


async def test_hundreds_of_running_jobs_cost_few_requests_an_interval(
    proxy: FakeMidjourneyProxy, tmp_path: Path
) -> None:
    jobids = [proxy.add_job(duration=9000) for _ in range(JOBS)]
    async with (
        open_store(migrated(tmp_path), lambda: datetime.now(UTC)) as store,
        aiohttp.ClientSession() as session,
    ):
        client = midjourney_proxy_client(
            session, url=Secret(proxy.url), secret=Secret("demo-token"), auth="authorization"
        )
        assert (await client.probe()).batch > 1
        for jobid in jobids:
            job = Job(provider=ProviderName.MIDJOURNEY_PROXY, jobid=jobid, status=Status.STARTED, percent=1)
            await store.subscriptions.add(job, HERE, MIRA)
        poller = Poller(
            provider=client,
            store=store,
            poll_seconds=INTERVAL,
            concurrency=2,
            now=lambda: datetime.now(UTC),
            on_recorded=lambda: None,
            alerts=NoAlerts(),
        )
        before = len(proxy.requests)
        loop = asyncio.create_task(poller.run())
        await asyncio.sleep(3 * INTERVAL)
        requests = [request for request in proxy.requests[before:] if "/task/" in request.path]
        loop.cancel()
        await asyncio.wait({loop})
        assert poller.overdue < INTERVAL
    assert 3 * JOBS / 200 <= len(requests) <= 10 * 3, "at most ten requests an interval"
