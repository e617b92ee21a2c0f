"""The same jobs through Darkroom and through the loop that every tutorial shows: latency, requests, a kill, memory."""

import asyncio
import random
import statistics
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.demo.useapi import FakeUseapi
from tests.bench.alone import ROOT, rss_of
from tests.bench.report import Table, percentile, spread
from tests.crash.conftest import ProcessHarness
from tests.fakes.discord import Message

COMMANDS = {
    "Darkroom": ("-m", "bot", "run"),
    "the tutorial's loop": ("-m", "tests.bench.tutorial_bot"),
}
SHORTEST, LONGEST = 6.0, 14.0
POLL = 5.0


@dataclass(kw_only=True)
class Run:
    """What came of the jobs; latencies in seconds from a job's end to its message."""

    late: list[float] = field(default_factory=list)
    requests: float = 0.0
    memory: float = 0.0
    lost: int = 0
    repeated: int = 0


class BotHarness:
    """A Discord, a useapi, and one of the bots between them."""

    def __init__(self, folder: Path, jobs: int, seed: int) -> None:
        self._harness = ProcessHarness(folder)
        self._harness.useapi = FakeUseapi(refresh=0, grid_size=64, max_jobs=1000)
        self._jobs = jobs
        self._chance = random.Random(seed)
        self._ends: dict[str, float] = {}
        self._bot: asyncio.subprocess.Process

    async def play(self, name: str, *, kill: bool) -> Run:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._harness.useapi)
            await stack.enter_async_context(self._harness.discord)
            await self._harness.open()
            await self._start(name)
            stack.push_async_callback(self._end)
            requesting = asyncio.create_task(self._ask_all())
            if kill:
                await asyncio.sleep(LONGEST)  # some jobs are over, some run, some have not begun
                await self._end()
                await self._start(name)
            await requesting
            return await self._outcome()

    async def _start(self, name: str) -> None:
        harness = self._harness
        before = len(harness.discord.identifies)
        self._bot = await asyncio.create_subprocess_exec(
            *(sys.executable, *COMMANDS[name]),
            cwd=harness.folder,
            env={
                "PYTHONPATH": str(ROOT),
                "DISCORD_TOKEN": harness.discord.token,
                "USEAPI_TOKEN": "demo-token",
                "ALLOWED_GUILDS": str(harness.guild),
                "DISCORD_API_URL": harness.discord.api_url,
                "UPDATE_CHECK": "off",
                "USEAPI_URL": harness.useapi.url,
                "IMAGE_HOSTS": harness.useapi.origin,
                "POLL_SECONDS": str(POLL),
                "LOG_LEVEL": "ERROR",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await harness.discord.wait_until(lambda: len(harness.discord.identifies) > before, 20)
        await harness.discord.wait_ready()

    async def _end(self) -> None:
        if self._bot.returncode is None:
            self._bot.kill()
            await self._bot.wait()

    async def _ask_all(self) -> None:
        """One job every half a second; each ends after 6 to 14 s. A person who gets no answer asks again."""
        await asyncio.gather(*(self._ask(number) for number in range(self._jobs)))

    async def _ask(self, number: int) -> None:
        harness = self._harness
        takes = self._chance.uniform(SHORTEST, LONGEST)
        who = harness.discord.add_member(harness.guild, f"M{number}")
        await asyncio.sleep(number * 0.5)
        jobid = harness.useapi.add_job(prompt=f"picture {number:03}", duration=takes)
        self._ends[f"picture {number:03}"] = time.time() + takes
        while True:
            await harness.discord.wait_ready(within=30)
            interaction = await harness.discord.slash(harness.channel, who, "job", {"jobid": jobid})
            try:
                await interaction.answered(within=3)
            except TimeoutError:
                continue
            return

    async def _outcome(self) -> Run:
        last = max(self._ends.values())
        await asyncio.sleep(max(last - time.time(), 0) + 3 * POLL)
        found: Counter[str] = Counter()
        run = Run(memory=rss_of(self._bot.pid))
        for message in self._harness.discord.messages(self._harness.channel):
            name = _name_of(message)
            if message.files and name:
                found[name] += 1
                if found[name] == 1:
                    run.late.append(message.created - self._ends[name])
        polls = [each for each in self._harness.useapi.requests if each.path == "/v2/jobs/"]
        run.requests = len(polls) / self._jobs
        run.lost = self._jobs - len(found)
        run.repeated = found.total() - len(found)
        return run


def _name_of(message: Message) -> str:
    text = f"{message.content} {message.embeds}"
    at = text.find("picture ")
    return text[at : at + 11] if at >= 0 else ""


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    jobs, killed_jobs, turns = (6, 6, 1) if quick else (120, 40, 3)
    calm: dict[str, list[Run]] = {name: [] for name in COMMANDS}
    killed: dict[str, list[Run]] = {name: [] for name in COMMANDS}
    for turn in range(turns):
        for name in COMMANDS:
            with TemporaryDirectory(prefix="bench-neighbours-") as folder:
                calm[name].append(await BotHarness(Path(folder), jobs, turn).play(name, kill=False))
            with TemporaryDirectory(prefix="bench-neighbours-") as folder:
                killed[name].append(await BotHarness(Path(folder), killed_jobs, turn).play(name, kill=True))
    rows = [
        ["latency: mean, s", *(spread([statistics.mean(each.late) for each in runs], ".2f") for runs in calm.values())],
        [
            "latency: 95 of 100, s",
            *(spread([percentile(each.late, 0.95) for each in runs], ".2f") for runs in calm.values()),
        ],
        ["requests to useapi a job", *(spread([each.requests for each in runs], ".2f") for runs in calm.values())],
        ["memory at the end, MB", *(spread([each.memory for each in runs]) for runs in calm.values())],
        ["lost, without a kill", *(spread([each.lost for each in runs]) for runs in calm.values())],
        ["lost after a kill -9", *(spread([each.lost for each in runs]) for runs in killed.values())],
        ["repeated after a kill -9", *(spread([each.repeated for each in runs]) for runs in killed.values())],
    ]
    return [
        Table(
            before=f"{jobs} jobs of {SHORTEST:.0f} to {LONGEST:.0f} s, one begun every half a second, POLL_SECONDS "
            f"{POLL:.0f} on both sides, a useapi that answers at once and always knows the current state. The loop is "
            "[tests/bench/tutorial_bot.py](../tests/bench/tutorial_bot.py): `discord.ext.tasks`, one request after the "
            f"other, a dictionary. The kill comes {LONGEST:.0f} s after the first of {killed_jobs} jobs.",
            head=["", *COMMANDS],
            rows=rows,
            after="Latency is the time from the job's end to the message with its picture. Darkroom also posts a "
            "status card and edits it, and one of its requests a job is that of `/job`, which shows the job's status. "
            "Measured before for AI_Horde_Discord on such a run, with a poll of 5 s: mean 2.25 s, 95 of 100 "
            "within 4.40 s, 4.5 requests a job, 74 MB, the one job that was pending at a kill lost.",
        )
    ]
