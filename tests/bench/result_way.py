"""The way of one result on an idle bot: from the provider's answer that says "over" to the message at Discord."""

import time
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.demo.useapi import FakeUseapi
from tests import sample_pictures
from tests.bench.report import Table, percentile
from tests.crash.conftest import ProcessHarness
from tests.fakes.discord.messages import Message

_CHANNELS = 20


class Way(NamedTuple):
    """Milliseconds of one result from one moment to the next."""

    to_download: float
    """From the answer to the request for the picture: what is new is recorded, and the dispatcher begins."""
    to_post: float
    """From there to the whole message at Discord: download, check, claim, upload."""
    in_all: float
    """From the answer to the accepted message."""


class TimedUseapi(FakeUseapi):
    """Notes when it answered that a job is over, and when each file was requested."""

    def __init__(self) -> None:
        super().__init__(refresh=0, max_jobs=1000)
        self.over: dict[str, float] = {}
        self.requested: defaultdict[str, list[float]] = defaultdict(list)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requested[request.path].append(time.time())
        response = await super()._answer(request, handler)
        if isinstance(response, web.Response) and '"status": "completed"' in (response.text or ""):
            self.over.setdefault(request.query.get("jobid", ""), time.time())
        return response


async def ways(folder: Path, results: int) -> list[Way]:
    """As many results, each of a job that ends while the bot does nothing else."""
    harness = ProcessHarness(folder)
    harness.useapi = useapi = TimedUseapi()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(useapi)
        await stack.enter_async_context(harness.discord)
        await harness.open(LOG_LEVEL="WARNING", POLL_SECONDS="0.2")
        channels = [harness.discord.add_channel(harness.guild, f"c{number}") for number in range(_CHANNELS)]
        await harness.bot.start()
        stack.push_async_callback(harness.bot.kill)
        await harness.discord.wait_ready()
        found = [await _one(harness, useapi, channels[number % _CHANNELS], number) for number in range(results)]
    assert harness.discord.violations == []
    return found


async def _one(harness: ProcessHarness, useapi: TimedUseapi, channel: int, number: int) -> Way:
    discord = harness.discord
    picture = useapi.serve_file(f"p{number}.png", sample_pictures.png(256, 256, noise=5), content_type="image/png")
    jobid = useapi.add_job(prompt=f"picture {number:03}", duration=0.5, attachments=[{"url": picture}])
    who = discord.add_member(harness.guild, f"M{number}")
    await discord.slash(channel, who, "job", {"jobid": jobid})
    message = await discord.wait_until(lambda: _result(discord.messages(channel), number))
    posts = (each for each in reversed(discord.requests) if each.path == f"/channels/{channel}/messages" and each.files)
    post = next(each for each in posts if each.at <= message.created)
    over = useapi.over[jobid]
    downloads = useapi.requested[picture.removeprefix(useapi.origin)]
    requested = next(at for at in downloads if at >= over)  # before that, the status card had it
    return Way((requested - over) * 1000, (post.at - requested) * 1000, (message.created - over) * 1000)


def _result(messages: list[Message], number: int) -> Message | None:
    results = (each for each in messages if each.files and any("image" in embed for embed in each.embeds))
    return next((each for each in results if f"picture {number:03}" in str(each.embeds)), None)


def table(found: list[Way]) -> Table:
    """The parts of the way, and the whole."""
    names = {
        "to_download": "recorded, and its picture requested",
        "to_post": "picture checked, and the whole message at Discord",
        "in_all": "all of it, until the message is accepted",
    }
    return Table(
        before=f"### The way of one result\n\n{len(found)} results with a small picture, one by one on an idle bot, "
        "from the provider's answer that says “over”.",
        head=["until", "ms: p50", "p95", "max"],
        rows=[
            [text, *(f"{percentile([getattr(way, name) for way in found], share):.0f}" for share in (0.5, 0.95, 1.0))]
            for name, text in names.items()
        ],
    )
