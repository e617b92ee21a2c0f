"""A database as a busy bot has it after a while, written with sqlite3 directly, because `/job` takes its time."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.models import Job
from bot.providers.useapi.digest import digest_of
from bot.providers.useapi.parsing import parse_job
from bot.store import open_store
from bot.store.connection import FILE
from bot.store.rows import encode
from tests.bench.remote import SAMPLE, answer, jobid_of

GUILD, CHANNELS, MEMBERS = 100, 1000, 5000
_DONE = SAMPLE.with_name("imagine_completed.json")


async def fill(folder: Path, *, running: int, ended: int = 0, subscribed_ago: tuple[float, float] = (0.0, 0.0)) -> None:
    """Put a new database into `folder`; the running jobs were asked for that many seconds ago, evenly spread.

    What `quick_useapi` answers is nothing new for any of them. An ended job has a subscription, a status card, a result
    and a submission of its own, and belongs to one of 1,000 channels.
    """
    async with open_store(folder, lambda: datetime.now(UTC)):
        pass
    await asyncio.to_thread(_fill, folder / FILE, running, ended, subscribed_ago)


def _fill(file: Path, running: int, ended: int, subscribed_ago: tuple[float, float]) -> None:
    now = time.time()
    body = json.dumps(answer(0)).encode()
    known = msgspec.structs.replace(parse_job(body, jobid=jobid_of(0)), digest=digest_of(body))
    done = parse_job(_DONE.read_bytes(), jobid="")
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -200000")
        db.execute("BEGIN")
        db.executemany(
            """INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at, over_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            _jobs(done, known, body, ended, running, now),
        )
        db.execute(
            f"""INSERT INTO subscriptions (job_id, guild_id, channel_id, user_id, user_name, created_at)
                SELECT id, {GUILD}, id % {CHANNELS}, id % {MEMBERS}, 'Mira', changed_at
                FROM jobs WHERE over ORDER BY id"""
        )
        first, last = subscribed_ago
        db.execute(
            f"""INSERT INTO subscriptions (job_id, guild_id, channel_id, user_id, user_name, created_at)
                SELECT id, {GUILD}, id % {CHANNELS}, id % {MEMBERS}, 'Mira', ? - ? - ? * (id % 9973) / 9973.0
                FROM jobs WHERE NOT over ORDER BY id""",
            (now, first, last - first),
        )
        for kind in ("status_card", "result"):
            db.execute(
                f"""INSERT INTO deliveries
                    (kind, job_id, guild_id, channel_id, nonce, state, message_id, next_try, posted_revision,
                     created_at, posted_at)
                    SELECT '{kind}', id, {GUILD}, id % {CHANNELS}, '{kind[0]}' || printf('%023d', id), 'posted', id, 0,
                    1, changed_at, changed_at FROM jobs WHERE over ORDER BY id"""
            )
        db.execute(
            f"""INSERT INTO submissions (reference, parent_id, child_id, button, guild_id, channel_id, user_id,
                                         user_name, state, created_at, sent_at, ended_at, notified)
                SELECT 'r' || id, id, NULL, 'U1', {GUILD}, id % {CHANNELS}, id % {MEMBERS}, 'Mira', 'accepted',
                changed_at, changed_at, changed_at, 1 FROM jobs WHERE over ORDER BY id"""
        )
        db.execute("COMMIT")


def _jobs(done: Job, known: Job, body: bytes, ended: int, running: int, now: float) -> Iterator[tuple[object, ...]]:
    """First those that ended, one every five seconds until now, then those that run: `body` with their own ids."""
    for job, first, last in ((done, 1, ended), (known, ended + 1, ended + running)):
        text = encode(job)
        for number in range(first, last + 1):
            jobid = jobid_of(number)
            at = now - (ended - number) * 5.0 if job.over else now
            answer_kept = text.replace(job.jobid, jobid)
            if job.digest:
                digest = digest_of(body.replace(job.jobid.encode(), jobid.encode()))
                answer_kept = answer_kept.replace(job.digest, digest)
            yield number, f"k{number}", jobid, job.status, job.over, answer_kept, at, at, at if job.over else None
