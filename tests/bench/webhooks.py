"""How long a picture waits after useapi knows that it is done: by polling, and where useapi calls."""

import asyncio
import math
import random
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.demo.useapi import FakeUseapi
from tests.bench.report import Table, percentile, spread
from tests.crash.conftest import ProcessHarness
from tests.crash.test_the_real_process import button
from tests.fakes.discord import Message
from tests.ports import free_port

POLL = 15
REFRESH = 15.0
WITHIN = 20.0  # seconds in which all presses come


async def play(folder: Path, jobs: int, seed: int, *, webhooks: bool) -> tuple[list[float], float]:
    """As many presses of V1, by as many moderators: each picture's seconds, and the polls per job."""
    harness = ProcessHarness(folder)
    harness.useapi = FakeUseapi(refresh=REFRESH, grid_size=64, max_jobs=1000)
    port = free_port()
    called = {"PUBLIC_URL": f"http://127.0.0.1:{port}", "WEBHOOK_PORT": str(port)} if webhooks else {}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(harness.useapi)
        await stack.enter_async_context(harness.discord)
        harness.useapi.calls()
        await harness.open(LOG_LEVEL="WARNING", POLL_SECONDS=str(POLL), **called)
        await harness.bot.start()
        stack.push_async_callback(harness.bot.kill)
        await harness.discord.wait_ready()
        grid = await _grid(harness)
        before = _polls(harness)
        await _press(harness, grid, jobs, random.Random(seed))
        await harness.discord.wait_until(lambda: len(list(_pictures(harness))) == jobs, within=120)
        return list(_late(harness)), (_polls(harness) - before) / jobs


async def _grid(harness: ProcessHarness) -> Message:
    jobid = harness.useapi.add_job(prompt="grid", age=600)
    await (await harness.discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    return await harness.discord.wait_until(lambda: next(iter(harness.discord.messages(harness.channel)), None))


async def _press(harness: ProcessHarness, grid: Message, jobs: int, chance: random.Random) -> None:
    began = time.monotonic()
    for number, at in enumerate(sorted(chance.uniform(0, WITHIN) for _ in range(jobs))):
        await asyncio.sleep(max(began + at - time.monotonic(), 0))
        took, phase = 23.8 * chance.lognormvariate(0, 0.12), chance.uniform(0, REFRESH)
        harness.useapi.plan(prompt=f"picture {number:03}", duration=took, phase=phase)
        who = harness.discord.add_member(harness.guild, f"M{number}", permissions=("MANAGE_MESSAGES",))
        await (await harness.discord.click(grid, who, button(grid, "V1"))).answered()


def _pictures(harness: ProcessHarness) -> Iterator[tuple[str, float]]:
    for message in harness.discord.messages(harness.channel):
        picture = next((embed for embed in message.embeds if "image" in embed), None)  # a card has a thumbnail
        if picture is not None and (at := picture["description"].find("picture ")) >= 0:
            yield picture["description"][at : at + 11], message.created


def _late(harness: ProcessHarness) -> Iterator[float]:
    ended = {job.prompt: job for job in harness.useapi._account.jobs.values() if job.button == "V1"}
    for name, accepted in _pictures(harness):
        job = ended[name]
        knows = (
            job.started_at
            + job.plan.phase
            + math.ceil((job.ends_at - job.started_at - job.plan.phase) / REFRESH) * REFRESH
        )
        yield accepted - knows


def _polls(harness: ProcessHarness) -> int:
    return sum(request.path == "/v2/jobs/" for request in harness.useapi.requests)


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    jobs, turns = (6, 1) if quick else (40, 2)
    ways: dict[str, list[tuple[list[float], float]]] = {f"polling, every {POLL} s": [], "useapi calls": []}
    for turn in range(turns):
        for way, webhooks in zip(ways, (False, True), strict=True):
            with TemporaryDirectory(prefix="bench-push-") as folder:
                ways[way].append(await play(Path(folder), jobs, turn, webhooks=webhooks))
    rows = [
        [
            way,
            spread([percentile(late, 0.5) for late, _ in runs], ".2f"),
            spread([percentile(late, 0.95) for late, _ in runs], ".2f"),
            spread([max(late) for late, _ in runs], ".2f"),
            spread([polls for _, polls in runs], ".2f"),
        ]
        for way, runs in ways.items()
    ]
    return [
        Table(
            before="### From “useapi knows” to “message accepted”",
            head=["news come by", "seconds: p50", "p95", "max", "polls a job"],
            rows=rows,
            after=f"{jobs} presses of V1 by as many moderators within {WITHIN:.0f} s, each a job of 24 s; useapi.net "
            f"refreshes from Discord every {REFRESH:.0f} s. By polling half an interval is to be expected, a whole one "
            "at most. All pictures go to one channel, in which Discord takes five messages in five seconds.",
        )
    ]
