"""What Darkroom needs when it does little: memory, the start, what guilds and messages leave behind, requests."""

import asyncio
import gc
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.app import open_darkroom
from bot.demo.useapi import FakeUseapi
from bot.models import Attachment, Destination, Job, Person
from bot.settings import Secret, Settings
from tests import sample_pictures
from tests.bench.alone import ROOT, alone, rss_of
from tests.bench.remote import jobid_of
from tests.bench.report import Table, spread
from tests.crash.conftest import Process, ProcessHarness

GUILDS, GUILDS_A_SHARD = 5000, 2500
WARM_UP, MESSAGES = 3000, 2500
"""Python's table of interned strings, into which pathlib puts the names of folders, grows once by 2 MB before that."""


@asynccontextmanager
async def process_harness(**settings: str) -> AsyncIterator[ProcessHarness]:
    """A bot between its fake far ends, not started yet."""
    with TemporaryDirectory(prefix="bench-small-") as folder:
        harness = ProcessHarness(Path(folder), kind=Process)  # with its imports
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(harness.useapi)
            await stack.enter_async_context(harness.discord)
            await harness.open(LOG_LEVEL="WARNING", **settings)
            yield harness
        assert harness.discord.violations == []


async def start(guilds: int, settle: float) -> dict[str, float]:
    """Seconds from the command line to READY, and the megabytes a while later."""
    async with process_harness(ALLOWED_GUILDS="*", POLL_SECONDS="15") as harness:
        harness.discord.gateway.shards = max(1, guilds // GUILDS_A_SHARD)
        for number in range(guilds):
            harness.discord.add_guild(f"Guild {number}")
        started = time.perf_counter()
        await harness.bot.start()
        try:
            await harness.discord.wait_ready(within=30)
            ready = time.perf_counter() - started
            await asyncio.sleep(settle)
            return {"ready": ready, "memory": rss_of(harness.bot.pid)}
        finally:
            await harness.bot.kill()


def imports() -> float:
    """Seconds that importing the whole bot takes, in a Python of its own, without that Python's own start."""
    code = (
        "import time; started = time.perf_counter(); import bot.__main__; bot.__main__.reduce_gc(); "
        "import bot.settings, bot.cli.run, bot.providers.useapi, uvloop; from bot.client import COGS; "
        "[__import__(cog) for cog in COGS]; print(time.perf_counter() - started)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(result.stdout)


# --- what messages leave behind -------------------------------------------------------------------------------------


async def kept(discord: str, useapi: str, picture: str, channels: list[int], guild: int, messages: int) -> float:
    """The bytes that stay in this process for each message that it posted with buttons, counted by tracemalloc."""
    origin = useapi.removesuffix("/v2")
    with TemporaryDirectory(prefix="bench-kept-") as folder:
        settings = Settings(
            discord_token=Secret("MTk4.pretend.token"),
            useapi_token=Secret("demo-token"),
            allowed_guilds=None,
            useapi_url=useapi,
            discord_api_url=discord,
            image_hosts=(origin,),
            data_dir=Path(folder),
            backups=0,
        )
        tracemalloc.start(1)
        sizes = []
        async with open_darkroom(settings) as bot:
            await bot.login(settings.discord_token.reveal())
            connected = asyncio.create_task(bot.connect())
            for count in (WARM_UP, messages):
                for number in range(count):
                    at = Destination(guild_id=guild, channel_id=channels[number % len(channels)])
                    await bot.store.subscriptions.add(_done(number + count, picture), at, Person(id=1, name="Mira"))
                bot.deliver_soon()
                while await bot.store.deliveries.count_waiting(guild):  # noqa: ASYNC110 -- the outbox rings for nobody when it is empty
                    await asyncio.sleep(0.2)
                await asyncio.sleep(1)
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
            connected.cancel()
            with suppress(asyncio.CancelledError):
                await connected
    return (sizes[1] - sizes[0]) / messages


def _done(number: int, picture: str) -> Job:
    return Job(
        jobid=jobid_of(number),
        verb="imagine",
        status="completed",
        prompt=f"picture {number}",
        attachments=(Attachment(url=picture, filename="p.png", content_type="image/png"),),
        buttons=("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"),
    )


async def bytes_a_message(messages: int) -> float:
    """As `kept` finds them, with both far ends in this process."""
    async with process_harness() as harness:
        picture = harness.useapi.serve_file("p.png", sample_pictures.png(64, 64), content_type="image/png")
        channels = [harness.discord.add_channel(harness.guild, f"c{number}") for number in range(50)]
        where = {"discord": harness.discord.api_url, "useapi": harness.useapi.url, "picture": picture}
        return float(await alone("small", "kept", **where, channels=channels, guild=harness.guild, messages=messages))


# --- requests -------------------------------------------------------------------------------------------------------


async def requests_an_imagine(jobs: int, poll: float, scale: float) -> float:
    """Requests to useapi's API for each finished imagine, `/job` included; everything `scale` times as fast as real."""
    with TemporaryDirectory(prefix="bench-requests-") as folder:
        harness = ProcessHarness(Path(folder))
        harness.useapi = FakeUseapi(refresh=15.0 / scale, speed=scale, grid_size=64, max_jobs=100)
        async with harness.useapi, harness.discord:
            await harness.open(LOG_LEVEL="WARNING", POLL_SECONDS=str(poll / scale))
            await harness.bot.start()
            try:
                await harness.discord.wait_ready()
                for number in range(jobs):
                    who = harness.discord.add_member(harness.guild, f"M{number}")
                    jobid = harness.useapi.add_job(prompt=f"picture {number}")
                    await asyncio.sleep(4.0 / scale)  # what useapi takes to answer, and a person to paste the id
                    await (await harness.discord.slash(harness.channel, who, "job", {"jobid": jobid})).answered()
                await harness.discord.wait_until(
                    lambda: sum(bool(m.files) for m in harness.discord.messages(harness.channel)) == jobs, within=300
                )
            finally:
                await harness.bot.kill()
            requests = [request for request in harness.useapi.requests if request.path == "/v2/jobs/"]
        return len(requests) / jobs


# --- the section ----------------------------------------------------------------------------------------------------


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    turns, settle, messages, jobs = (1, 1.0, 100, 6) if quick else (5, 5.0, MESSAGES, 40)
    importing = [await asyncio.to_thread(imports) for _ in range(turns)]
    idle, many = [], []
    for _ in range(turns):
        idle.append(await start(0, settle))
        many.append(await start(GUILDS, settle))
    guilds = statistics.median(run["memory"] for run in many) - statistics.median(run["memory"] for run in idle)
    left = [await bytes_a_message(messages) for _ in range(min(turns, 3))]
    per_job = [await requests_an_imagine(jobs, 15.0, 5.0) for _ in range(min(turns, 3))]
    return [
        Table(
            head=["what", "figure"],
            rows=[
                ["memory, idle", spread([run["memory"] for run in idle], ".1f") + " MB"],
                ["importing everything", spread([taken * 1000 for taken in importing]) + " ms"],
                ["from the command line to READY", spread([run["ready"] for run in idle], ".2f") + " s"],
                [f"the same with {GUILDS:,} servers", spread([run["ready"] for run in many], ".2f") + " s"],
                [f"memory with {GUILDS:,} servers", spread([run["memory"] for run in many], ".1f") + " MB"],
                ["bytes for each server", f"{guilds * 2**20 / GUILDS:,.0f}"],
                ["bytes that stay for each posted message with buttons", spread(left)],
                ["requests for a finished imagine at POLL_SECONDS 15", spread(per_job, ".2f")],
            ],
            after="Memory is the resident set of `python -m bot run`. Discord wants a shard for each "
            f"{GUILDS_A_SHARD:,} servers, and lets one shard identify itself in 5 s. What stays for a message was "
            f"counted by tracemalloc over {messages:,} results, after {WARM_UP:,} others. An imagine runs for 26.7 s, "
            "useapi refreshes it every 15 s, and `/job` comes 4 s after it began; its own request counts.",
        )
    ]
