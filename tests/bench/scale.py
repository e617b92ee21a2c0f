"""A hundred thousand subscribed jobs beside a million ended ones: memory, start, lateness, and what history costs."""

import asyncio
import math
import random
import shutil
import statistics
import time
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import aiohttp

from bot.models import Destination, Job, Person
from bot.polling import Poller
from bot.providers.base import Provider
from bot.providers.useapi import UseapiClient
from bot.store import Store, open_store
from tests.bench.alone import alone, rss
from tests.bench.filled import GUILD, fill
from tests.bench.remote import jobid_of, quick_useapi
from tests.bench.report import Table, percentile, spread
from tests.fakes.alerts import NoAlerts

CONNECTIONS = 8  # the default of POLL_CONCURRENCY
OLDEST, YOUNGEST = 600.0, 200.0
"""Seconds since the subscriptions: a twentieth of it, 10 to 30 s, is the interval between two polls."""
POLL = 10.0


class Clocked(UseapiClient):
    """Notes when each poll starts, how many are in flight, and by how much each is late."""

    def __init__(self, **wiring: Any) -> None:
        super().__init__(**wiring)
        self.due_time: Callable[[int], float] = lambda _job_id: 0.0
        self.started = array("d")
        self.first = asyncio.Event()
        self.late = array("d")
        self.in_flight = 0
        self.most_in_flight = 0

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:
        now = asyncio.get_running_loop().time()
        self.started.append(now)
        self.first.set()
        due = self.due_time(int(jobid[4:21]))
        self.late.append(0.0 if due == math.inf else now - due)
        return super().poll(jobid, known)

    async def _poll(self, jobid: str, known: Job | None) -> Job:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await super()._poll(jobid, known)
        finally:
            self.in_flight -= 1


@asynccontextmanager
async def at_work(
    folder: Path, url: str, poll: float, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[tuple[Store, Clocked]]:
    """A poller of useapi's jobs on the database in `folder`; `now` is its wall clock."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        provider = Clocked(session=session, url=url, token="demo-token")
        async with polling(folder, provider, poll, now) as store:
            yield store, provider


class ClockedProvider(Provider, Protocol):
    """A provider that notes how late each poll is."""

    due_time: Callable[[int], float]


@asynccontextmanager
async def polling(
    folder: Path, provider: ClockedProvider, poll: float, now: Callable[[], datetime]
) -> AsyncIterator[Store]:
    """The store in `folder`, while a poller asks about its jobs."""
    async with open_store(folder, now) as store:
        poller = Poller(
            provider=provider,
            store=store,
            poll_seconds=poll,
            concurrency=CONNECTIONS,
            now=now,
            on_recorded=lambda: None,
            alerts=NoAlerts(),
            rng=random.Random(1),
        )
        provider.due_time = poller._schedule.due_time
        loop = asyncio.create_task(poller.run())
        try:
            yield store
            assert not loop.done(), "the poller failed"
            assert not poller.outage
        finally:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop


async def follow_all(folder: str, url: str, seconds: float, filled: float) -> dict[str, Any]:
    """Start on a full database, as after a restart: everything in it is overdue; then follow it for a while.

    The wall clock goes from when the database was filled, so that the jobs have the same age in each run.
    """
    ago = timedelta(seconds=time.time() - filled)
    with TemporaryDirectory(prefix="bench-idle-") as empty:
        async with at_work(Path(empty), url, POLL):
            await asyncio.sleep(0.3)
            idle = rss()
    memory: list[float] = []
    started = time.perf_counter()
    async with at_work(Path(folder), url, POLL, lambda: datetime.now(UTC) - ago) as (_, provider):
        await provider.first.wait()
        to_first_poll = time.perf_counter() - started
        first = provider.started[0]
        for _ in range(int(2 * POLL)):
            await asyncio.sleep(1)
            memory.append(rss())
        per_second = Counter(int(start - first) for start in provider.started)
        settled, cpu, then = len(provider.late), time.process_time(), time.perf_counter()
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            memory.append(rss())
        late = provider.late[settled:]
        took = time.perf_counter() - then
        return {
            "idle": idle,
            "memory": memory[-1] - len(provider.late) * 16 / 2**20,  # without what this measurement keeps itself
            "start": to_first_poll,
            "restart": [per_second[second] for second in range(int(POLL))],
            "most": provider.most_in_flight,
            "rate": len(late) / took,
            "cpu": (time.process_time() - cpu) / took,
            "p50": percentile(late, 0.5),
            "p99": percentile(late, 0.99),
            "longest": max(late, default=0.0),
        }


async def history(folder: str, url: str) -> dict[str, float]:
    """What single steps cost on this database, in milliseconds, and a poll, in microseconds of processor time."""
    destination, person = Destination(guild_id=GUILD, channel_id=7), Person(id=1, name="Mira")
    started = time.perf_counter()
    async with at_work(Path(folder), url, 0.001) as (store, provider):
        await provider.first.wait()
        figures = {"start": time.perf_counter() - started}
        await asyncio.sleep(0.5)
        before, cpu = len(provider.started), time.process_time()
        await asyncio.sleep(2)
        figures["poll"] = (time.process_time() - cpu) / (len(provider.started) - before) * 1e6
    async with open_store(Path(folder), lambda: datetime.now(UTC)) as store:

        async def ask() -> None:
            await store.subscriptions.add(
                Job(jobid=jobid_of(time.time_ns() % 10**17), status="started"), destination, person
            )

        steps: dict[str, Callable[[], Awaitable[Any]]] = {
            "ask": ask,
            "outbox": lambda: store.outbox.due(),
            "edits": lambda: store.outbox.to_edit(),
            "recent": lambda: store.jobs.recent(destination, 7, [destination.channel_id]),
        }
        for name, step in steps.items():
            figures[name] = await _milliseconds(step)
        figures["memory"] = rss()
    return figures


async def _milliseconds(step: Callable[[], Awaitable[Any]], times: int = 30) -> float:
    took = []
    for _ in range(times):
        started = time.perf_counter()
        await step()
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


async def run(*, quick: bool) -> list[Table]:
    """The section: two tables."""
    subscribed, ended, seconds, turns = (2_000, 5_000, 3.0, 1) if quick else (100_000, 1_000_000, 30.0, 3)
    ages = (YOUNGEST, OLDEST)
    with TemporaryDirectory(prefix="bench-scale-") as name, quick_useapi() as (url, _):
        full = Path(name) / "full"
        await fill(full, running=subscribed, ended=ended, subscribed_ago=ages)
        size = sum(file.stat().st_size for file in full.iterdir()) / 2**20
        what = {"folder": str(full), "url": url, "seconds": seconds, "filled": time.time()}
        runs = [await alone("scale", "follow_all", **what) for _ in range(turns)]
        shutil.rmtree(full)
        past = {}
        for number in (ended // 100, ended // 10, ended):
            folder = Path(name) / str(number)
            await fill(folder, running=1000, ended=number)
            past[number] = [await alone("scale", "history", folder=str(folder), url=url) for _ in range(turns)]
            shutil.rmtree(folder)
    return [_followed(runs, subscribed, ended, size), _history(past)]


def _followed(runs: list[dict[str, Any]], subscribed: int, ended: int, size: float) -> Table:
    def of(name: str, form: str, factor: float = 1.0) -> str:
        return spread([run[name] * factor for run in runs], form)

    restarts = [max(run["restart"]) for run in runs]
    return Table(
        before=f"### {subscribed:,} subscribed jobs and {ended:,} ended ones ({size:,.0f} MB of database)\n\n"
        f"Subscribed {YOUNGEST:.0f} to {OLDEST:.0f} s ago, so each is polled every 10 to 30 s; {CONNECTIONS} "
        "connections. All of them are overdue at the start, as after a restart.",
        head=["what", "figure"],
        rows=[
            ["memory above an idle poller", spread([run["memory"] - run["idle"] for run in runs], ".1f") + " MB"],
            ["opening the database to the first poll", of("start", ".2f") + " s"],
            [
                "most polls started in one second after the start",
                f"{spread(restarts)} ({subscribed / POLL:,.0f} if even)",
            ],
            ["most polls in flight at once", f"{of('most', '.0f')} of {CONNECTIONS} allowed"],
            ["polls a second, from then on", of("rate", ",.0f")],
            ["processor time", of("cpu", ".0%") + " of one core"],
            ["how late a poll starts: median", of("p50", ".0f", 1000) + " ms"],
            ["how late: 99 of 100", of("p99", ".0f", 1000) + " ms"],
            ["how late: the longest", of("longest", ".0f", 1000) + " ms"],
        ],
    )


def _history(past: dict[int, list[dict[str, float]]]) -> Table:
    names = {
        "start": ("open, to the first poll", "s", ".2f"),
        "poll": ("a poll", "µs", ".0f"),
        "ask": ("a new subscription, committed", "ms", ".2f"),
        "outbox": ("what is to be sent", "ms", ".2f"),
        "edits": ("what is to be edited", "ms", ".2f"),
        "recent": ("the choices of `/job`", "ms", ".2f"),
        "memory": ("memory of the process", "MB", ".0f"),
    }
    rows = [
        [f"{label}, {unit}", *(spread([run[name] for run in runs], form) for runs in past.values())]
        for name, (label, unit, form) in names.items()
    ]
    return Table(
        before="### What history costs: 1,000 subscribed jobs, and more and more ended ones",
        head=["what", *(f"{number:,} ended" for number in past)],
        rows=rows,
    )
