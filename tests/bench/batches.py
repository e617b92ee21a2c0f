"""Many subscribed jobs at a midjourney-proxy server, which is asked about up to 200 of them in one request."""

import asyncio
import math
import sqlite3
import time
from array import array
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import msgspec

from bot.models import Job, ProviderName
from bot.providers.midjourney_proxy import MidjourneyProxyClient
from bot.providers.midjourney_proxy.parsing import parse_task
from bot.store.connection import FILE
from bot.store.rows import encode
from tests.bench.alone import alone
from tests.bench.filled import fill
from tests.bench.remote_proxy import answer, jobid_of, number_of, quick_proxy
from tests.bench.report import Table, percentile, spread
from tests.bench.scale import OLDEST, POLL, YOUNGEST, polling


class ClockedProxy(MidjourneyProxyClient):
    """Notes by how much each poll is late, in seconds."""

    def __init__(self, **wiring: Any) -> None:
        super().__init__(**wiring)
        self.due_time: Callable[[int], float] = lambda _job_id: 0.0
        self.late = array("d")

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:
        due = self.due_time(number_of(jobid))
        self.late.append(0.0 if due == math.inf else max(asyncio.get_running_loop().time() - due, 0.0))
        return super().poll(jobid, known)


async def poll_all(folder: str, url: str, seconds: float, filled: float) -> dict[str, float]:
    """Poll all jobs of a database: for two intervals, in which it makes up for the time before, then for `seconds`.

    The wall clock goes from when the database was filled, so that the jobs have the same age in each run.
    """
    ago = timedelta(seconds=time.time() - filled)
    requests = 0

    async def count(*_: object) -> None:
        nonlocal requests
        requests += 1

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(count)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]) as session:
        provider = ClockedProxy(session=session, url=url, secret="demo-token")
        await provider.probe()
        async with polling(Path(folder), provider, POLL, lambda: datetime.now(UTC) - ago):
            await asyncio.sleep(2 * POLL)
            settled, requests, cpu, then = len(provider.late), 0, time.process_time(), time.perf_counter()
            await asyncio.sleep(seconds)
            used, took, late = time.process_time() - cpu, time.perf_counter() - then, provider.late[settled:]
    return {
        "rate": len(late) / took,
        "requests": requests / took,
        "cpu": used / took,
        "poll": used / max(len(late), 1) * 1e6,
        "p99": percentile(late, 0.99),
        "longest": max(late, default=0.0),
    }


def _move_to_proxy(file: Path) -> None:
    """Give all jobs of a database to the server of `quick_proxy`, whose answers are nothing new for any of them."""
    known = parse_task(answer(jobid_of(0)), jobid=jobid_of(0), now=datetime.now(UTC))
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        numbers = [number for (number,) in db.execute("SELECT id FROM jobs")]
        db.execute("BEGIN")
        db.executemany(
            f"UPDATE jobs SET provider = '{ProviderName.MIDJOURNEY_PROXY}', jobid = ?, answer = ? WHERE id = ?",
            ((jobid_of(number), _known_answer(known, number), number) for number in numbers),
        )
        db.execute("COMMIT")


def _known_answer(known: Job, number: int) -> str:
    digest = blake2b(answer(jobid_of(number)), digest_size=8).hexdigest()
    return encode(msgspec.structs.replace(known, jobid=jobid_of(number), digest=digest))


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    subscribed, seconds, turns = (2_000, 3.0, 1) if quick else (100_000, 30.0, 3)
    with TemporaryDirectory(prefix="bench-batches-") as folder, quick_proxy() as url:
        await fill(Path(folder), running=subscribed, subscribed_ago=(YOUNGEST, OLDEST))
        await asyncio.to_thread(_move_to_proxy, Path(folder) / FILE)
        what = {"folder": folder, "url": url, "seconds": seconds, "filled": time.time()}
        runs = [await alone("batches", "poll_all", **what) for _ in range(turns)]

    def of(name: str, form: str, factor: float = 1.0) -> str:
        return spread([run[name] * factor for run in runs], form)

    return [
        Table(
            before=f"{subscribed:,} subscribed jobs at a midjourney-proxy server, subscribed {YOUNGEST:.0f} to "
            f"{OLDEST:.0f} s ago, so each is polled every 10 to 30 s. One request asks for up to 200 of them, and each "
            f"task in its answer has {len(answer(jobid_of(0))) / 1024:.1f} KB and nothing new. The server is a small "
            "one in Python, in a process of its own.",
            head=["what", "figure"],
            rows=[
                ["polls a second", of("rate", ",.0f")],
                ["requests a second", of("requests", ".1f")],
                ["processor time", of("cpu", ".0%") + " of one core"],
                ["processor time per poll", of("poll", ".0f") + " µs"],
                ["how late a poll starts: 99 of 100", of("p99", ".0f", 1000) + " ms"],
                ["how late: the longest", of("longest", ".0f", 1000) + " ms"],
            ],
        )
    ]
