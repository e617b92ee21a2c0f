"""Thousands of results for a thousand channels: the real process against a Discord that keeps its rate limits."""

import asyncio
import sqlite3
import statistics
import time
from collections import Counter, defaultdict
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.jobs import Attachment, Job
from bot.store import open_store
from bot.store.database import FILE
from bot.store.rows import encode
from tests import sample_pictures
from tests.bench.alone import rss_of
from tests.bench.filled import jobid_of
from tests.bench.report import Table
from tests.crash.conftest import Street
from tests.pretend_discord.limits import Limits
from tests.pretend_discord.server import Received

A_SECOND = 50  # requests that Discord takes of one bot
BUCKET, REFILL = 5, 5.0  # messages that a channel takes, and in how many seconds


@dataclass(frozen=True, kw_only=True)
class Plan:
    """So many results, dealt out to so many channels, but for those of one busy channel, which stand first in line."""

    results: int
    channels: int
    busy: int


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    plan = Plan(results=300, channels=50, busy=10) if quick else Plan(results=10_000, channels=1000, busy=150)
    with TemporaryDirectory(prefix="bench-delivery-") as folder:
        return [await _deliver(Path(folder), plan)]


async def _deliver(folder: Path, plan: Plan) -> Table:
    street = Street(folder)
    street.discord.limits = Limits((BUCKET, REFILL), whole=(A_SECOND, 1.0))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(street.useapi)
        await stack.enter_async_context(street.discord)
        await street.open(LOG_LEVEL="WARNING", POLL_SECONDS="15")
        picture = street.useapi.serve_file("p.png", sample_pictures.png(256, 256, noise=5), content_type="image/png")
        places = [street.discord.add_channel(street.guild, f"c{number}") for number in range(plan.channels)]
        wanted = await fill_outbox(folder / "data", street.guild, places, plan, picture)
        await street.bot.start()
        stack.push_async_callback(street.bot.kill)
        await street.discord.wait_ready()
        ready = time.time()
        memory = await _wait_for(street, plan.results)
        posts = [each for each in street.discord.requests if each.method == "POST" and each.path.endswith("/messages")]
        refused = Counter(each.status for each in street.discord.requests if each.status >= 400)
        shown = {where: [_number(message) for message in street.discord.messages(where)] for where in places}
    assert street.discord.violations == []
    return _table(
        plan, posts, ready, memory, refused, [where for where in places if shown[where] != wanted[where]], places
    )


async def fill_outbox(folder: Path, guild: int, places: list[int], plan: Plan, picture: str) -> dict[int, list[int]]:
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
    wanted: defaultdict[int, list[int]] = defaultdict(list)
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as db:
        db.execute("BEGIN")
        for number in range(1, plan.results + 1):
            where = places[0] if number <= plan.busy else places[1 + number % (plan.channels - 1)]
            wanted[where].append(number)
            text = encode(job).replace('"?"', f'"{jobid_of(number)}"').replace("picture ?", f"picture {number:05}")
            db.execute(
                """INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at, over_at)
                   VALUES (?, ?, ?, 'completed', 1, ?, ?, ?, ?)""",
                (number, f"k{number}", jobid_of(number), text, now, now, now),
            )
            db.execute(
                """INSERT INTO watches (job_id, guild_id, channel_id, user_id, user_name, asked_at)
                   VALUES (?, ?, ?, 1, 'Mira', ?)""",
                (number, guild, where, now),
            )
            db.execute(
                """INSERT INTO deliveries (kind, job_id, guild_id, channel_id, nonce, next_try, created_at)
                   VALUES ('result', ?, ?, ?, ?, ?, ?)""",
                (number, guild, where, f"{number:024}", now, now),
            )
        db.execute("COMMIT")
    return wanted


async def _wait_for(street: Street, results: int) -> float:
    """Until so many messages stand; the most memory that the bot had meanwhile."""
    most, since, stood = 0.0, time.monotonic(), 0
    while (stand := sum(len(channel.messages) for channel in street.discord.channels.values())) < results:
        if stand > stood:
            since, stood = time.monotonic(), stand
        assert time.monotonic() - since < 60, f"nothing was posted for a minute\n{street.bot.screen[-2000:]}"
        most = max(most, rss_of(street.bot.pid))
        await asyncio.sleep(0.5)
    return most


def _number(message: object) -> int:
    return int(str(getattr(message, "embeds", "")).split("picture ")[1][:5])


def _table(
    plan: Plan,
    posts: list[Received],
    ready: float,
    memory: float,
    refused: Counter[int],
    disordered: list[int],
    places: list[int],
) -> Table:
    busy = f"/channels/{places[0]}/messages"
    times = [post.at for post in posts]
    took = max(times) - min(times)
    others = [post.at for post in posts if post.path != busy]
    alone = [post.at for post in posts if post.path == busy]
    bound = plan.results / A_SECOND
    busy_bound = (plan.busy - 1) // BUCKET * REFILL
    worst = max(Counter(int(at - min(times)) for at in times).values())
    gaps = [later - earlier for earlier, later in zip(sorted(others), sorted(others)[1:], strict=False)]
    return Table(
        before=f"{plan.results:,} results with a small picture each, for {plan.channels:,} channels, {plan.busy} of "
        f"them for one busy channel and first in line; the pretend Discord takes {A_SECOND} requests a second, and "
        f"{BUCKET} messages in {REFILL:.0f} s a channel.",
        head=["what", "figure"],
        rows=[
            ["from the first post to the last", f"{took:.1f} s; the limits alone make it {bound:.1f} s"],
            ["over the bound", f"{took / bound - 1:+.1%}"],
            ["from READY to the first post", f"{min(times) - ready:.1f} s"],
            ["answers of 429", str(refused[429])],
            ["other refusals", str(refused.total() - refused[429])],
            ["requests for each message", f"{len(posts) / plan.results:.3f}"],
            ["most posts in one second", str(worst)],
            ["channels whose messages stand in another order, or not once each", str(len(disordered))],
            [
                "the busy channel",
                f"{max(alone) - min(alone):.1f} s; its own limit makes it {busy_bound:.1f} s",
            ],
            [
                "the longest pause between two posts for the other channels",
                f"{max(gaps):.2f} s; median {statistics.median(gaps) * 1000:.0f} ms",
            ],
            ["most memory", f"{memory:.0f} MB"],
        ],
    )
