"""Whether the memory of the real bot grows: a straight line through half an hour of jobs, presses and panels.

    python -m tests.bench.soak --minutes 30

The first third of the time, or the first half hour, does not count: there caches fill, and Python learns how much it
needs.
"""

import argparse
import asyncio
import math
import statistics
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.demo.useapi import FakeUseapi
from tests.bench.alone import rss_of
from tests.crash.conftest import Process, ProcessHarness
from tests.fakes.discord import FakeDiscord, Message

INTERVAL = 1.0  # seconds from one job to the next
SAMPLE = 2.0  # seconds
WARM_UP = 1800.0  # seconds, at most
CHANNELS, MEMBERS = 12, 60
PANELS = ("jobs", "darkroom status", "darkroom settings", "darkroom presses")
SPEED = 20.0


@dataclass(frozen=True)
class Sample:
    """The bot's memory after so many seconds and finished jobs."""

    seconds: float
    jobs: int
    megabytes: float


@dataclass
class Soak:
    """Members who request jobs, press buttons and open panels, for so many seconds; a line is printed each minute."""

    harness: ProcessHarness
    seconds: float
    samples: list[Sample] = field(default_factory=list)
    jobs: int = 0
    presses: int = 0
    panels: int = 0

    async def run(self) -> None:
        harness = self.harness
        self._channels = [harness.discord.add_channel(harness.guild, f"c{number}") for number in range(CHANNELS)]
        permissions = ("MANAGE_MESSAGES", "MANAGE_GUILD")
        self._manager = harness.discord.add_member(harness.guild, "Kit", permissions=permissions)
        self._members = [harness.discord.add_member(harness.guild, f"M{number}") for number in range(MEMBERS)]
        self._started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(self._sample())
            for number in range(int(self.seconds / INTERVAL)):
                group.create_task(self._use(number))
                await asyncio.sleep(max(self._started + (number + 1) * INTERVAL - time.monotonic(), 0))
            sampling.cancel()

    async def _sample(self) -> None:
        while True:
            passed = time.monotonic() - self._started
            self.samples.append(Sample(passed, self.jobs, rss_of(self.harness.bot.pid)))
            if len(self.samples) % round(60 / SAMPLE) == 1:
                sys.stdout.write(f"{passed / 60:4.0f} min {self.samples[-1].megabytes:7.1f} MB {self.jobs:6} jobs\n")
                sys.stdout.flush()
            await asyncio.sleep(SAMPLE)

    async def _use(self, number: int) -> None:
        """A job of some seconds, U1 on every second picture, and a panel now and then."""
        discord, channel, who = self.harness.discord, self._channels[number % CHANNELS], self._members[number % MEMBERS]
        prompt = f"picture {number:06}"
        jobid = self.harness.useapi.add_job(prompt=prompt, duration=SPEED * (2 + number % 5))
        await (await discord.slash(channel, who, "job", {"jobid": jobid})).answered(within=20)
        if number % 5 == 0:
            panel = PANELS[number // 5 % len(PANELS)]
            await (await discord.slash(channel, self._manager, panel)).answered(within=20)
            self.panels += 1
        post = await discord.wait_until(lambda: self._post(channel, prompt), 60)
        self.jobs += 1
        if number % 2:
            await (await discord.click(post, who, post.button("U1"))).answered(within=20)
            self.presses += 1

    def _post(self, channel: int, prompt: str) -> Message | None:
        newest = self.harness.discord.messages(channel)[-30:]
        ours = (message for message in newest if prompt in str(message.embeds))
        return next((message for message in ours if any(part.get("label") == "U1" for part in message.buttons)), None)

    def report(self) -> str:
        warm_up = min(self.seconds / 3, WARM_UP)
        counted = [sample for sample in self.samples if sample.seconds > warm_up]
        hours = [sample.seconds / 3600 for sample in counted]
        hundreds = [sample.jobs / 100 for sample in counted]
        kilobytes = [sample.megabytes * 1024 for sample in counted]
        return (
            f"{self.jobs} jobs, {self.presses} presses, {self.panels} panels in {self.seconds / 60:.0f} minutes\n"
            f"memory: {self.samples[0].megabytes:.1f} MB at the start, {counted[0].megabytes:.1f} after "
            f"{warm_up / 60:.0f} minutes, {counted[-1].megabytes:.1f} at the end\n"
            f"slope from then on: {slope(hours, kilobytes)} KB an hour, {slope(hundreds, kilobytes)} KB for "
            "100 jobs\n"
        )


def slope(along: list[float], values: list[float]) -> str:
    """That of the straight line through these points, and its standard error."""
    line = statistics.linear_regression(along, values)
    off = sum((value - line.slope * at - line.intercept) ** 2 for at, value in zip(along, values, strict=True))
    middle = statistics.fmean(along)
    error = math.sqrt(off / max(len(along) - 2, 1) / sum((at - middle) ** 2 for at in along))
    return f"{line.slope:+,.0f} ± {error:,.0f}"


async def soak(seconds: float) -> str:
    with TemporaryDirectory(prefix="bench-soak-") as folder:
        harness = ProcessHarness(Path(folder), kind=Process)  # with its imports, not a fork
        harness.discord = FakeDiscord(limits=True)
        harness.useapi = FakeUseapi(refresh=0, grid_size=64, speed=SPEED, max_jobs=1000)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(harness.useapi)
            await stack.enter_async_context(harness.discord)
            await harness.open(LOG_LEVEL="WARNING", POLL_SECONDS="0.5")
            await harness.bot.start()
            stack.push_async_callback(harness.bot.kill)
            await harness.discord.wait_ready()
            run = Soak(harness, seconds)
            await run.run()
        assert harness.discord.violations == []
        assert "Traceback" not in harness.bot.screen, harness.bot.screen
        return run.report()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description="See whether the memory grows.")
    parser.add_argument("--minutes", type=float, default=30.0)
    sys.stdout.write(asyncio.run(soak(parser.parse_args().minutes * 60)))


if __name__ == "__main__":
    main()
