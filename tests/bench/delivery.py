"""Thousands of results for a thousand channels: the real process against a Discord that keeps its rate limits."""

import asyncio
import gc
import sqlite3
import statistics
import time
from collections import Counter, defaultdict
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.models import Attachment, Job
from bot.store import open_store
from bot.store.connection import FILE
from bot.store.rows import encode
from tests import sample_pictures
from tests.bench import result_way
from tests.bench.alone import rss_of
from tests.bench.remote import jobid_of
from tests.bench.report import Table
from tests.crash.conftest import ProcessHarness
from tests.fakes.discord.limits import Limits

A_SECOND = 50  # requests that Discord takes of one bot
_BLINK = 0.1  # seconds
BUCKET, REFILL = 5, 5.0  # messages that a channel takes, and in how many seconds


@dataclass(frozen=True, kw_only=True)
class Plan:
    """So many results, dealt out to so many channels; before them in line those of one busy channel, if any."""

    results: int
    channels: int
    busy: int = 0


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What came of a plan; times in seconds. `others` and `busy` are the moments at which messages were asked for."""

    others: list[float]
    busy: list[float]
    ready: float
    refused: Counter[int]
    wrong: int
    memory: float
    blocked: float


async def run(*, quick: bool) -> list[Table]:
    """The section: three tables."""
    even = Plan(results=200, channels=50) if quick else Plan(results=10_000, channels=1000)
    beside = Plan(results=100, channels=50, busy=10) if quick else Plan(results=600, channels=150, busy=60)
    tables = []
    for plan, table in ((even, _evenly), (beside, _beside)):
        with TemporaryDirectory(prefix="bench-delivery-") as folder:
            tables.append(table(plan, await _deliver(Path(folder), plan)))
    with TemporaryDirectory(prefix="bench-delivery-") as folder:
        tables.append(result_way.table(await result_way.ways(Path(folder), 20 if quick else 200)))
    return tables


async def _deliver(folder: Path, plan: Plan) -> Delivered:
    harness = ProcessHarness(folder)
    harness.discord.limits = Limits((BUCKET, REFILL), whole=(A_SECOND, 1.0))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(harness.useapi)
        await stack.enter_async_context(harness.discord)
        await harness.open(LOG_LEVEL="WARNING", POLL_SECONDS="15")
        picture = harness.useapi.serve_file("p.png", sample_pictures.png(256, 256, noise=5), content_type="image/png")
        channels = [harness.discord.add_channel(harness.guild, f"c{number}") for number in range(1 + plan.channels)]
        expected = await fill_outbox(folder / "data", harness.guild, channels, plan, picture)
        await harness.bot.start()
        stack.push_async_callback(harness.bot.kill)
        await harness.discord.wait_ready()
        ready = time.time()
        gc.disable()  # what Discord keeps of ten thousand messages: a search through it looks like a burst of requests
        try:
            memory, blocked = await _wait_for(harness, plan.results + plan.busy)
        finally:
            gc.enable()
        posts = [each for each in harness.discord.requests if each.method == "POST" and each.path.endswith("/messages")]
        posted = {where: [_number(message) for message in harness.discord.messages(where)] for where in channels}
    assert harness.discord.violations == []
    busy = f"/channels/{channels[0]}/messages"
    return Delivered(
        others=[post.at for post in posts if post.path != busy],
        busy=[post.at for post in posts if post.path == busy],
        ready=ready,
        refused=Counter(each.status for each in harness.discord.requests if each.status >= 400),
        wrong=sum(posted[where] != expected[where] for where in channels),
        memory=memory,
        blocked=blocked,
    )


async def fill_outbox(folder: Path, guild: int, channels: list[int], plan: Plan, picture: str) -> dict[int, list[int]]:
    """An outbox of results that are due; which numbers each channel is owed, in order."""
    async with open_store(folder, lambda: datetime.now(UTC)):
        pass
    now = time.time()
    job = Job(
        jobid="?",
        verb="imagine",
        status="completed",
        prompt="picture ?",
        created=datetime.now(UTC),
        updated=datetime.now(UTC),
        attachments=(Attachment(url=picture, filename="p.png", content_type="image/png"),),
        buttons=("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"),
    )
    expected: defaultdict[int, list[int]] = defaultdict(list)
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as db:
        db.execute("BEGIN")
        for number in range(1, plan.results + plan.busy + 1):
            where = channels[0] if number <= plan.busy else channels[1 + number % plan.channels]
            expected[where].append(number)
            text = encode(job).replace('"?"', f'"{jobid_of(number)}"').replace("picture ?", f"picture {number:05}")
            db.execute(
                """INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at, over_at)
                   VALUES (?, ?, ?, 'completed', 1, ?, ?, ?, ?)""",
                (number, f"k{number}", jobid_of(number), text, now, now, now),
            )
            db.execute(
                """INSERT INTO subscriptions (job_id, guild_id, channel_id, user_id, user_name, created_at)
                   VALUES (?, ?, ?, 1, 'Mira', ?)""",
                (number, guild, where, now),
            )
            db.execute(
                """INSERT INTO deliveries (kind, job_id, guild_id, channel_id, nonce, next_try, created_at)
                   VALUES ('result', ?, ?, ?, ?, ?, ?)""",
                (number, guild, where, f"{number:024}", now, now),
            )
        db.execute("COMMIT")
    return expected


async def _wait_for(harness: ProcessHarness, results: int) -> tuple[float, float]:
    """Until so many messages stand; the most memory that the bot had, and how long this process itself was held up."""
    most, blocked, since, stood = 0.0, 0.0, time.monotonic(), 0
    while (count := sum(len(channel.messages) for channel in harness.discord.channels.values())) < results:
        if count > stood:
            since, stood = time.monotonic(), count
        assert time.monotonic() - since < 60, f"nothing was posted for a minute\n{harness.bot.screen[-2000:]}"
        most = max(most, rss_of(harness.bot.pid))
        before = time.monotonic()
        await asyncio.sleep(_BLINK)
        blocked = max(blocked, time.monotonic() - before - _BLINK)
    return most, blocked


def _number(message: object) -> int:
    return int(str(getattr(message, "embeds", "")).split("picture ")[1][:5])


def _evenly(plan: Plan, got: Delivered) -> Table:
    took = max(got.others) - min(got.others)
    in_channel = -(-plan.results // plan.channels)
    bound = max((plan.results - 1) / A_SECOND, (in_channel - 1) // BUCKET * REFILL)
    most = max(Counter(int(at - min(got.others)) for at in got.others).values())
    return Table(
        before=f"### {plan.results:,} results for {plan.channels:,} channels\n\nEach with a small picture. The fake "
        f"Discord takes {A_SECOND} requests a second of the bot, and {BUCKET} messages in {REFILL:.0f} s a channel; "
        "Darkroom paces itself at 48 a second.",
        head=["what", "figure"],
        rows=[
            ["from the first post to the last", f"{took:.1f} s; the limits alone make it {bound:.1f} s"],
            ["over that bound", f"{took / bound - 1:+.1%}"],
            ["from READY to the first post", f"{max(min(got.others) - got.ready, 0):.1f} s"],
            ["requests for each message", f"{len(got.others) / plan.results:.3f}"],
            ["most posts in one second", str(most)],
            *_refusals(got),
            ["most memory", f"{got.memory:.0f} MB"],
        ],
    )


def _beside(plan: Plan, got: Delivered) -> Table:
    started = min(got.others + got.busy)
    gaps = [later - earlier for earlier, later in pairwise(sorted(got.others))]
    busy_bound = (plan.busy - 1) // BUCKET * REFILL
    done = max(got.others) - started
    meanwhile = sum(at <= max(got.others) for at in got.busy)
    bound = (plan.results + meanwhile - 1) / A_SECOND
    return Table(
        before=f"### One busy channel\n\n{plan.busy} results for one channel, queued first, and behind them "
        f"{plan.results:,} for {plan.channels:,} others.",
        head=["what", "figure"],
        rows=[
            ["the others have theirs after", f"{done:.1f} s; the limit of the whole bot makes it {bound:.1f} s"],
            [
                "the longest pause between two posts for the others",
                f"{max(gaps):.2f} s; median {statistics.median(gaps) * 1000:.0f} ms",
            ],
            [
                "the busy channel has all of its own after",
                f"{max(got.busy) - started:.1f} s; its own limit makes it {busy_bound:.1f} s",
            ],
            *_refusals(got),
        ],
        after="Channels take turns: while others have something to post, the busy one gets as much as each of them.",
    )


def _refusals(got: Delivered) -> list[list[str]]:
    return [
        ["answers of 429", str(got.refused[429])],
        ["other refusals", str(got.refused.total() - got.refused[429])],
        ["channels with messages in the wrong order, or not once each", str(got.wrong)],
        ["the longest that the fake Discord itself was blocked", f"{got.blocked * 1000:.0f} ms"],
    ]
