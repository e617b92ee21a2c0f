"""The nightly copy of a large database: how long it keeps a small transaction waiting, beside `VACUUM INTO`."""

import asyncio
import shutil
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.store import Store, open_store
from bot.store.backups import FOLDER, flush
from bot.store.connection import FILE
from tests.bench.alone import alone
from tests.bench.filled import fill
from tests.bench.report import Table, percentile, spread

EVERY = 0.02  # seconds between two transactions
WITHOUT, VACUUM, STEPS = "no copy", "`VACUUM INTO`", "in steps"


async def meanwhile(folder: str, way: str, seconds: float) -> dict[str, float]:
    """What a transaction takes while a copy is made, in milliseconds; without one, so many seconds long."""
    taken: list[float] = []
    wal: list[int] = []
    path = Path(folder)
    async with open_store(path, lambda: datetime.now(UTC)) as store:
        started = time.perf_counter()
        copying = asyncio.create_task(_copy(store, path, way, seconds))
        while not copying.done():
            begun = time.perf_counter()
            await store.facts.set("bench", str(begun))
            taken.append((time.perf_counter() - begun) * 1000)
            wal.append((path / f"{FILE}-wal").stat().st_size)
            await asyncio.sleep(EVERY)
        await copying
        took = time.perf_counter() - started
    shutil.rmtree(path / FOLDER, ignore_errors=True)
    return {
        "median": statistics.median(taken),
        "p99": percentile(taken, 0.99),
        "slowest": max(taken),
        "wal": max(wal) / 2**20,
        "seconds": took,
    }


async def _copy(store: Store, folder: Path, way: str, seconds: float) -> None:
    if way == STEPS:
        await store.backups.create(folder, 1)
    elif way == VACUUM:
        file = folder / FOLDER / "copy"
        file.parent.mkdir()
        await store.database.rows("VACUUM INTO ?", (str(file),))
        await asyncio.to_thread(flush, file)
    else:
        await asyncio.sleep(seconds)


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    ended, seconds, turns = (5_000, 0.5, 1) if quick else (750_000, 30.0, 2)
    with TemporaryDirectory(prefix="bench-copying-") as folder:
        await fill(Path(folder), running=1000, ended=ended)
        size = (Path(folder) / FILE).stat().st_size / 2**20
        runs: dict[str, list[dict[str, Any]]] = {WITHOUT: [], VACUUM: [], STEPS: []}
        for _ in range(turns):
            for way, figures in runs.items():
                figures.append(await alone("copying", "meanwhile", folder=folder, way=way, seconds=seconds))
    before = statistics.median(run["slowest"] for run in runs[VACUUM])
    return [
        Table(
            before=f"{size:,.0f} MB on the disk, a small transaction every {EVERY * 1000:.0f} ms, each waiting for the "
            f"disk, {turns} runs in turn.",
            head=["copy", "transaction: median", "99 of 100", "the slowest", "ratio", "largest -wal", "all of it"],
            rows=[
                [
                    way,
                    spread([run["median"] for run in figures], ",.1f") + " ms",
                    spread([run["p99"] for run in figures]) + " ms",
                    spread([run["slowest"] for run in figures]) + " ms",
                    spread([run["slowest"] / before for run in figures], ".3f"),
                    spread([run["wal"] for run in figures], ".1f") + " MB",
                    spread([run["seconds"] for run in figures], ".1f") + " s",
                ]
                for way, figures in runs.items()
            ],
            after="`VACUUM INTO` is one statement, and was the way of 0.1.0. The copy in steps includes its check.",
        )
    ]
