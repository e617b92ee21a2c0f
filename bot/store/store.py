"""What Darkroom keeps: jobs, watches, the outbox of deliveries, presses. No SQL is spoken outside this folder.

Times in the file are seconds since 1970, outside they are aware UTC. Every method that changes something is one
transaction.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite

from bot.models import Destination, Job, KnownJob, PollTarget
from bot.store.connection import FILE, Database, as_store_error, open_database
from bot.store.deliveries import Deliveries
from bot.store.durations import Durations
from bot.store.family import Family
from bot.store.outbox import OPEN
from bot.store.pruning import Pruning
from bot.store.restore import Restores
from bot.store.rows import aware, destination_of, known_of, one_known
from bot.store.servers import Servers
from bot.store.stats import Stats
from bot.store.submission_history import SubmissionHistory
from bot.store.submission_queue import QueuedSubmissions
from bot.store.submissions import Submissions, mark_sent_unconfirmed
from bot.store.subscription_lists import SubscriptionLists

_AFTER_CANCELLING = 3600.0  # seconds
_PAGE = 2000


@asynccontextmanager
async def open_store(folder: Path, now: Callable[[], datetime]) -> AsyncIterator["Store"]:
    """The store in `folder`, with `now` as its clock; raises `StoreError`, see `open_database`."""
    async with open_database(folder) as database:
        with as_store_error(folder / FILE):
            seen = await _read_what_is_live(database)
            await database.transaction(mark_sent_unconfirmed)
        yield Store(database, now, seen=seen)


async def _read_what_is_live(database: Database) -> int:
    """Meet what is damaged under the work to be done now, not in the midst of it; the newest snowflake of Discord's.

    The newest deliveries are enough for that one: each noted it when it was made. One that is too old costs a longer
    look back, no more.
    """
    await database.rows("SELECT sum(length(answer)) FROM jobs WHERE over = 0")
    await database.rows(f"SELECT sum(length(trouble)) FROM deliveries WHERE {OPEN}")
    (newest,) = await database.rows(
        """SELECT max(max(after_id), max(coalesce(message_id, 0)))
           FROM (SELECT after_id, message_id FROM deliveries ORDER BY id DESC LIMIT 1000)"""
    )
    return newest[0] or 0


class Store(
    Submissions,
    QueuedSubmissions,
    SubmissionHistory,
    Deliveries,
    Servers,
    Pruning,
    Restores,
    SubscriptionLists,
    Family,
    Stats,
    Durations,
):
    """The only door to the database."""

    # --- what is known ----------------------------------------------------------------------------------------------

    async def recent(self, destination: Destination, user_id: int, limit: int = 100) -> list[KnownJob]:
        """The jobs last asked for by this member in this server, or by anybody in this channel, the newest first.

        Read from the newest wishes of both, twice as many as `limit`: a job has as many as people who asked for it.
        """
        rows = await self._db.rows(
            """SELECT jobs.* FROM jobs JOIN (
                   SELECT job_id, max(id) AS newest FROM (
                       SELECT * FROM (SELECT id, job_id FROM watches WHERE guild_id = ? AND user_id = ?
                                      ORDER BY id DESC LIMIT ?)
                       UNION ALL
                       SELECT * FROM (SELECT id, job_id FROM watches WHERE channel_id = ? ORDER BY id DESC LIMIT ?))
                   GROUP BY job_id ORDER BY newest DESC LIMIT ?
               ) ON jobs.id = job_id ORDER BY newest DESC""",
            (destination.guild_id, user_id, 2 * limit, destination.channel_id, 2 * limit, limit),
        )
        return [known_of(row) for row in rows]

    # --- looking ----------------------------------------------------------------------------------------------------

    async def running(self) -> list[int]:
        """The row ids of the jobs that somebody waits for, and that may still bring something."""
        found: list[int] = []
        while rows := await self._db.rows(  # page by page: others get their turn, and no row stays in memory
            """SELECT id FROM jobs WHERE over = 0 AND id > ?
               AND EXISTS (SELECT 1 FROM watches WHERE job_id = jobs.id AND NOT stopped) ORDER BY id LIMIT ?""",
            (found[-1] if found else 0, _PAGE),
        ):
            found += (row["id"] for row in rows)
        cancelled = await self._db.rows(
            """SELECT id FROM jobs WHERE status = 'cancelled' AND over_at > ?
               AND EXISTS (SELECT 1 FROM watches WHERE job_id = jobs.id AND NOT stopped)""",
            (self._time() - _AFTER_CANCELLING,),
        )
        return [*found, *(row["id"] for row in cancelled)]

    async def poll_targets(self, job_ids: Sequence[int]) -> list[PollTarget]:
        """What a look at each of these jobs needs; those that are over or that nobody waits for are left out.

        One that was cancelled is looked at for a while: Midjourney may finish it all the same.
        """
        rows = await self._db.rows(
            f"""SELECT jobs.*, max(asked_at) AS asked_at, guild_id, channel_id
                FROM jobs JOIN watches ON job_id = jobs.id AND NOT stopped
                WHERE jobs.id IN ({", ".join("?" * len(job_ids))})
                AND (over = 0 OR status = 'cancelled' AND over_at > ?) GROUP BY jobs.id""",
            (*job_ids, self._time() - _AFTER_CANCELLING),
        )
        return [
            PollTarget(known=known_of(row), subscribed_at=aware(row["asked_at"]), destination=destination_of(row))
            for row in rows
        ]

    async def record(self, news: Sequence[tuple[int, Job]]) -> None:
        """Write what these jobs have become, all or nothing; each that is over gets a delivery per watched place."""

        async def work(db: aiosqlite.Connection) -> None:
            for job_id, job in news:
                known = await one_known(db, "id = ?", (job_id,))
                if known is not None:
                    await self._apply_update(db, known, job)

        await self._db.transaction(work)

    # --- single values ----------------------------------------------------------------------------------------------

    async def fact(self, name: str) -> str | None:
        """A value kept under a name."""
        rows = await self._db.rows("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    async def set_fact(self, name: str, value: str) -> None:
        """Keep a value under a name."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

        await self._db.transaction(work)
