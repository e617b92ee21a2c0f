"""Polls per second: the poller's whole cycle against a loop that only GETs, on the same server, both with uvloop."""

import asyncio
import random
import statistics
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from bot.models import Job
from bot.polling import Poller
from bot.providers.useapi import UseapiClient
from bot.store import open_store
from tests.bench.alone import alone
from tests.bench.filled import fill
from tests.bench.remote import jobid_of, quick_useapi
from tests.bench.report import Table, spread
from tests.fakes.alerts import NoAlerts

JOBS = 20_000
WARM_UP = 0.5


class CountingUseapi(UseapiClient):
    """Counts the requests."""

    answers = 0

    async def _poll(self, jobid: str, known: Job | None) -> Job:
        self.answers += 1
        return await super()._poll(jobid, known)


async def bare(url: str, connections: int, seconds: float) -> dict[str, float]:
    """What aiohttp alone does: the same request, its body read and thrown away."""
    answers = 0
    headers = {"Authorization": "Bearer demo-token", "Accept": "application/json"}

    async def get(session: aiohttp.ClientSession) -> None:
        nonlocal answers
        number = 0
        while True:
            number += 1
            async with session.get(f"{url}/jobs/?jobid={jobid_of(number % JOBS)}", headers=headers) as response:
                await response.read()
            answers += 1

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        loops = [asyncio.create_task(get(session)) for _ in range(connections)]
        figures = await _measure(lambda: answers, seconds)
        await _end(loops)
    return figures


async def darkroom(url: str, connections: int, seconds: float) -> dict[str, float]:
    """The poller on a real database: due, GET, decode, compare, record news, reschedule."""
    with TemporaryDirectory(prefix="bench-polls-") as folder:
        await fill(Path(folder), running=JOBS)
        async with (
            open_store(Path(folder), lambda: datetime.now(UTC)) as store,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        ):
            provider = CountingUseapi(session=session, url=url, token="demo-token")
            written = 0

            def recorded() -> None:
                nonlocal written
                written += 1

            poller = Poller(
                provider=provider,
                store=store,
                poll_seconds=0.001,
                concurrency=connections,
                now=lambda: datetime.now(UTC),
                on_recorded=recorded,
                alerts=NoAlerts(),
                rng=random.Random(1),
            )
            loop = asyncio.create_task(poller.run())
            figures = await _measure(lambda: provider.answers, seconds)
            assert not loop.done(), "the poller failed"
            assert not poller.outage
            await _end([loop])
        return figures | {"transactions": written}


async def _measure(count: Any, seconds: float) -> dict[str, float]:
    await asyncio.sleep(WARM_UP)
    before, started, cpu = count(), time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - started
    answers = count() - before
    return {"rate": answers / took, "cpu": (time.process_time() - cpu) / max(answers, 1) * 1e6}


async def _end(loops: list[asyncio.Task[None]]) -> None:
    for loop in loops:
        loop.cancel()
    for loop in loops:
        with suppress(asyncio.CancelledError):
            await loop


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    seconds, turns, connections = (0.5, 2, 32) if quick else (3.0, 5, 32)
    found: dict[str, list[dict[str, float]]] = {"bare": [], "same": [], "calm": [], "news": []}
    with quick_useapi() as (url, server), quick_useapi("served") as (other, _), quick_useapi("updated") as (news, _):
        for _ in range(turns):
            for name, function, where in (
                ("bare", "bare", url),
                ("same", "darkroom", url),
                ("calm", "darkroom", other),
                ("news", "darkroom", news),
            ):
                found[name].append(await alone("polls", function, url=where, connections=connections, seconds=seconds))
    labels = {
        "bare": "aiohttp alone: GET, body read",
        "same": "Darkroom's whole cycle, each answer the same as the one before",
        "calm": "the same, answers with other bytes, but nothing new in them",
        "news": "the same, every answer brings news, recorded with synchronous=FULL",
    }
    rows = []
    for name, runs in found.items():
        ratios = [run["rate"] / bare["rate"] for run, bare in zip(runs, found["bare"], strict=True)]
        costs = [bare["cpu"] / run["cpu"] for run, bare in zip(runs, found["bare"], strict=True)]
        rows.append(
            [
                labels[name],
                spread([run["rate"] for run in runs]),
                spread(ratios, ".2f"),
                f"{statistics.median(run['cpu'] for run in runs):.0f} µs",
                spread(costs, ".2f"),
            ]
        )
    return [
        Table(
            before=f"{connections} connections, answers of 1.5 KB from {server}, {turns} runs of {seconds:.0f} s in "
            f"turn, {JOBS:,} subscribed jobs, each side alone on a core of its own, uvloop on both.",
            head=["what", "polls a second", "ratio", "processor time per poll", "ratio"],
            rows=rows,
            after="The cycle is: due, read subscribers and last state from SQLite, GET, decode, clean and compare, "
            "write what is new (one transaction for all that came together), schedule again.",
        )
    ]
