"""A measurement in a process and on a core of its own: `alone("polls", "bare", seconds=3)` gives its figures."""

import asyncio
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from bot.__main__ import reduce_gc

ROOT = Path(__file__).parents[2]
FAR, NEAR = 0, 1
"""The cores of the far end and of what is measured, where there are two."""


def pin(core: int) -> None:
    """Keep this process on one core, where the system can do that and has as many."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


async def alone(module: str, function: str, **what: Any) -> Any:
    """What the coroutine function of `tests.bench.<module>` returns there, as JSON; raises where it broke."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.alone", module, function, json.dumps(what)),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"{module}.{function} ended with {process.returncode}")
    return json.loads(output)


def rss() -> float:
    """The megabytes of memory that this process has now."""
    return rss_of(os.getpid())


def rss_of(pid: int) -> float:
    """The megabytes of memory that a process has now; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


def main() -> None:
    import uvloop  # not to be had on Windows

    _, module, function, what = sys.argv
    reduce_gc()
    work = getattr(importlib.import_module(f"tests.bench.{module}"), function)
    gc.freeze()
    pin(NEAR)
    json.dump(uvloop.run(work(**json.loads(what))), sys.stdout)


if __name__ == "__main__":
    main()
