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
async def street(**settings: str) -> AsyncIterator[ProcessHarness]:
    """A bot's surroundings, with nothing started yet."""
    with TemporaryDirectory(prefix="bench-small-") as folder:
        made = ProcessHarness(Path(folder), kind=Process)  # with its imports
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(made.useapi)
            await stack.enter_async_context(made.discord)
            await made.open(LOG_LEVEL="WARNING", **settings)
            yield made
        assert made.discord.violations == []


async def start(guilds: int, settle: float) -> dict[str, float]:
    """Seconds from the command line to READY, and the megabytes a while later."""
    async with street(ALLOWED_GUILDS="*", POLL_SECONDS="15") as made:
        made.discord.gateway.shards = max(1, guilds // GUILDS_A_SHARD)
        for number in range(guilds):
            made.discord.add_guild(f"Guild {number}")
        started = time.perf_counter()
        await made.bot.start()
        try:
            await made.discord.wait_ready(within=30)
            ready = time.perf_counter() - started
            await asyncio.sleep(settle)
            return {"ready": ready, "memory": rss_of(made.bot.pid)}
        finally:
            await made.bot.kill()


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
    async with street() as made:
        picture = made.useapi.serve_file("p.png", sample_pictures.png(64, 64), content_type="image/png")
        channels = [made.discord.add_channel(made.guild, f"c{number}") for number in range(50)]
        where = {"discord": made.discord.api_url, "useapi": made.useapi.url, "picture": picture}
        return float(await alone("small", "kept", **where, channels=channels, guild=made.guild, messages=messages))


# --- requests -------------------------------------------------------------------------------------------------------


async def requests_an_imagine(jobs: int, poll: float, scale: float) -> float:
    """Requests to useapi's API for each finished imagine, `/job` included; everything `scale` times as fast as real."""
    with TemporaryDirectory(prefix="bench-requests-") as folder:
        made = ProcessHarness(Path(folder))
        made.useapi = FakeUseapi(refresh=15.0 / scale, speed=scale, grid_size=64, max_jobs=100)
        async with made.useapi, made.discord:
            await made.open(LOG_LEVEL="WARNING", POLL_SECONDS=str(poll / scale))
            await made.bot.start()
            try:
                await made.discord.wait_ready()
                for number in range(jobs):
                    who = made.discord.add_member(made.guild, f"M{number}")
                    jobid = made.useapi.add_job(prompt=f"picture {number}")
                    await asyncio.sleep(4.0 / scale)  # what useapi takes to answer, and a person to paste the id
                    await (await made.discord.slash(made.channel, who, "job", {"jobid": jobid})).answered()
                await made.discord.wait_until(
                    lambda: sum(bool(m.files) for m in made.discord.messages(made.channel)) == jobs, within=300
                )
            finally:
                await made.bot.kill()
            requests = [request for request in made.useapi.requests if request.path == "/v2/jobs/"]
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
