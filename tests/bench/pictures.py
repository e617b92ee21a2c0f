"""Pictures: what the real bot spends on one from useapi to Discord, and how long its loop is held up meanwhile."""

import asyncio
import os
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.demo.useapi import FakeUseapi
from bot.images import ImageClient
from tests import sample_pictures as samples
from tests.bench.alone import alone
from tests.bench.report import Table, percentile, spread
from tests.crash.conftest import ProcessHarness

MIB = 1024 * 1024
AT_ONCE = 4
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, kw_only=True)
class Spent:
    """On one picture: seconds of processor, and megabytes above what the process had before (a worker: in all)."""

    bot: float
    worker: float
    memory: float
    worker_memory: float


# --- from useapi to Discord -----------------------------------------------------------------------------------------


async def _spent(rounds: int) -> dict[str, list[Spent]]:
    """The real process, `python -m bot run`; each picture is posted `rounds` times, in turn with the others."""
    upscale = samples.png(2048, 2048, noise=28)
    large = samples.png(2048, 2048, noise=90, compress_level=0)
    moving = samples.moving_webp()
    kinds = {
        f"PNG of {len(upscale) / 1e6:.1f} MB, unchanged": (upscale, 10 * MIB),
        f"animated WebP of {len(moving) / 1e6:.1f} MB, unchanged": (moving, 25 * MIB),
        f"animated WebP of {len(moving) / 1e6:.1f} MB, as a still": (moving, 10 * MIB),
        f"PNG of {len(large) / 1e6:.1f} MB, made smaller": (large, 10 * MIB),
    }
    spent: dict[str, list[Spent]] = {kind: [] for kind in kinds}
    with TemporaryDirectory(prefix="bench-pictures-") as folder:
        harness = ProcessHarness(Path(folder))
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(harness.useapi)
            await stack.enter_async_context(harness.discord)
            await harness.open(LOG_LEVEL="WARNING")
            await harness.bot.start()
            stack.push_async_callback(harness.bot.kill)
            await harness.discord.wait_ready()
            await _post(harness, upscale, 10 * MIB)  # the first of everything is dearer
            for _ in range(rounds):
                for kind, (data, limit) in kinds.items():
                    spent[kind].append(await _post(harness, data, limit))
    return spent


async def _post(harness: ProcessHarness, data: bytes, limit: int) -> Spent:
    harness.discord.file_limit = limit
    requester = harness.discord.add_member(harness.guild, "Mira", permissions=("MANAGE_MESSAGES",))
    address = harness.useapi.serve_file("picture", data, content_type="application/octet-stream")
    jobid = harness.useapi.add_job(prompt="a lighthouse", age=600, attachments=[{"url": address}])
    await asyncio.sleep(0.5)  # what the last one left behind is done
    pid = harness.bot.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest memory so far is forgotten
    before, stood = _used(pid), len(harness.discord.messages(harness.channel))
    workers = _Peak(pid)
    sampling = asyncio.create_task(workers.sample())
    await harness.discord.slash(harness.channel, requester, "job", {"jobid": jobid})
    await harness.discord.wait_until(lambda: len(harness.discord.messages(harness.channel)) > stood, within=60)
    await asyncio.sleep(0.3)
    sampling.cancel()
    after = _used(pid)
    assert harness.discord.messages(harness.channel)[-1].files, "the picture was not attached"
    return Spent(
        bot=after[0] - before[0],
        worker=after[1] - before[1],
        memory=_memory(pid, "VmHWM") - before[2],
        worker_memory=workers.highest,
    )


def _used(pid: int) -> tuple[float, float, float]:
    """Seconds of processor of the process and of its ended children, and its megabytes now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, children = (sum(map(int, fields[first : first + 2])) / TICK for first in (11, 13))
    return own, children, _memory(pid, "VmRSS")


def _memory(pid: int, which: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{which}:")), 0) / 1024


class _Peak:
    """The most memory that a worker of the bot had, in megabytes, seen every few milliseconds."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.highest = 0.0

    async def sample(self) -> None:
        while True:
            with suppress(OSError):
                for child in Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split():
                    self.highest = max(self.highest, _memory(int(child), "VmHWM"))
            await asyncio.sleep(0.005)


# --- how long the loop is held up -----------------------------------------------------------------------------------


async def lag(url: str, origin: str, limit: int) -> dict[str, float]:
    """How late a timer of a millisecond fires, in milliseconds, while four pictures are fetched and made smaller.

    `own` is the most that the loop itself worked in one go: what others on this machine took is not in it. Without a
    `url` nothing else is done for two seconds.
    """
    late: list[float] = []
    own: list[float] = []

    async def clock() -> None:
        while True:
            started, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            late.append((time.perf_counter() - started - 0.001) * 1000)
            own.append((time.thread_time() - worked) * 1000)

    async def shrink(pictures: ImageClient, folder: Path) -> None:
        picture = await pictures.fetch(url, into=folder)
        assert (await pictures.fit(picture, limit=limit, into=folder)).smaller

    started = time.perf_counter()
    ticking = asyncio.create_task(clock())
    if url:
        with TemporaryDirectory(prefix="bench-lag-") as folder:
            async with ImageClient(hosts=(origin,)) as pictures:
                await asyncio.gather(*(shrink(pictures, Path(folder)) for _ in range(AT_ONCE)))
    else:
        await asyncio.sleep(2)
    ticking.cancel()
    quantiles = {name: percentile(late, share) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}
    return quantiles | {"own": max(own), "seconds": time.perf_counter() - started}


# --- the section ----------------------------------------------------------------------------------------------------


async def run(*, quick: bool) -> list[Table]:
    """The section: two tables."""
    spent = await _spent(2 if quick else 5)
    rows = [
        [
            kind,
            spread([each.bot * 1000 for each in all_spent]),
            spread([each.memory for each in all_spent], ".1f"),
            spread([each.worker * 1000 for each in all_spent]),
            spread([each.worker_memory for each in all_spent]),
        ]
        for kind, all_spent in spent.items()
    ]
    ways = Table(
        head=("From useapi to Discord", "bot: ms CPU", "bot: MB above idle", "worker: ms CPU", "worker: MB"),
        rows=rows,
        before="### One picture, from `/job` to its post",
        after="All of it: poll of useapi, download, database, upload, all of `python -m bot run`.",
    )
    return [ways, await _lags(1 if quick else 3)]


async def _lags(rounds: int) -> Table:
    data = samples.png(2048, 2048, noise=90, compress_level=0)
    kinds: dict[str, list[dict[str, float]]] = {
        "nothing": [],
        f"{AT_ONCE} PNG of {len(data) / 1e6:.1f} MB fetched and made smaller": [],
    }
    async with FakeUseapi() as far:
        url = far.serve_file("picture", data, content_type="image/png")
        for _ in range(rounds):
            for kind, address in zip(kinds, ("", url), strict=True):
                kinds[kind].append(await alone("pictures", "lag", url=address, origin=far.origin, limit=10 * MIB))
    return Table(
        head=("Meanwhile", "timer late, ms: p50", "p99", "max", "its own work, ms: max", "seconds"),
        rows=[
            [kind, *(spread([each[name] for each in lags], ".2f") for name in ("p50", "p99", "max", "own", "seconds"))]
            for kind, lags in kinds.items()
        ],
        before="### How long the bot's loop is blocked",
        after="The workers share one core with the loop here, which is the hardest case: one processor for all.",
    )
