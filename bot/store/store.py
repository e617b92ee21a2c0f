"""What Darkroom keeps: jobs, watches, the outbox of deliveries, presses. No SQL is spoken outside this folder.

Times in the file are seconds since 1970, outside they are aware UTC. Every method that changes something is one
transaction.
"""

import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path

import aiosqlite
import msgspec

from bot.jobs import (
    Delivery,
    Job,
    Kind,
    KnownJob,
    Look,
    Person,
    Place,
    Press,
    State,
    Watch,
    follow,
)
from bot.store.database import FILE, Database, open_database, told_in_a_sentence
from bot.store.outbox import OPEN, Outbox, rearm
from bot.store.rows import aware, encode, known_of, one_delivery, one_known

_KEY_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is mistaken for something else when read aloud


class Asked(Enum):
    """What a wish to be told came to."""

    NEW = "a new watch"
    JOINED = "somebody watched this job here already, or the asker did"
    COMING = "the job is over, its result is being posted here"
    POSTED = "the result stands here already"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `Store.ask`: what came of it, and the card or result in that place, where there is one."""

    asked: Asked
    known: KnownJob
    delivery: Delivery | None = None


@asynccontextmanager
async def open_store(folder: Path, now: Callable[[], datetime]) -> AsyncIterator["Store"]:
    """The store in `folder`, with `now` as its clock; raises `StoreError`, see `open_database`."""
    async with open_database(folder) as database:
        with told_in_a_sentence(folder / FILE):
            seen = await _read_what_is_live(database)
            await database.transaction(_note_cut_off_presses)
        yield Store(database, now, seen=seen)


async def _read_what_is_live(database: Database) -> int:
    """Meet what is damaged under the work to be done now, not in the midst of it; the newest snowflake of Discord's.

    The newest deliveries are enough for that one: each noted it when it was made. One that is too old costs a longer
    look back, no more.
    """
    await database.rows("SELECT sum(length(answer)) FROM jobs WHERE over = 0")
    await database.rows(f"SELECT sum(length(trouble)) FROM deliveries WHERE {OPEN}")  # noqa: S608 -- constants only
    (newest,) = await database.rows(
        """SELECT max(max(after_id), max(coalesce(message_id, 0)))
           FROM (SELECT after_id, message_id FROM deliveries ORDER BY id DESC LIMIT 1000)"""
    )
    return newest[0] or 0


class Store(Outbox):
    """The only door to the database."""

    # --- asking ---------------------------------------------------------------------------------------------------

    async def ask(self, job: Job, place: Place, person: Person, *, again: bool = False, quiet_for: float = 0) -> Wish:
        """Keep the wish of `person` to be told in `place` about `job`, which useapi just described.

        A running job gets a card (after `quiet_for` seconds), one that is over a delivery, unless the place has it;
        `again` posts the result of a job that is over once more.
        """

        async def work(db: aiosqlite.Connection) -> Wish:
            known = await self._learn(db, job)
            await db.execute(
                """INSERT INTO watches (job_id, guild_id, channel_id, user_id, user_name, asked_at)
                   VALUES (?, ?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET user_name = excluded.user_name, stopped = 0,
                   asked_at = iif(stopped, excluded.asked_at, asked_at)""",
                (known.id, place.guild_id, place.channel_id, person.id, person.name, self._time()),
            )
            if known.job.over:
                return await self._ask_result(db, known, place, again=again)
            return await self._ask_card(db, known, place, quiet_for)

        return await self._db.transaction(work)

    async def _ask_result(self, db: aiosqlite.Connection, known: KnownJob, place: Place, *, again: bool) -> Wish:
        there = await one_delivery(
            db,
            "job_id = ? AND channel_id = ? AND kind = 'result' AND state <> 'dropped' ORDER BY id DESC LIMIT 1",
            (known.id, place.channel_id),
        )
        stands = there is not None and there.state is State.POSTED and there.message_id is not None
        if stands and not again:
            return Wish(asked=Asked.POSTED, known=known, delivery=there)
        if there is not None and there.state is State.UNDELIVERABLE:
            await rearm(db, "id = ?", (there.id,), self._time())
        elif there is None or there.state is State.POSTED:
            await self._insert(db, Kind.RESULT, known.id, place, self._time())
        return Wish(asked=Asked.COMING, known=known)

    async def _ask_card(self, db: aiosqlite.Connection, known: KnownJob, place: Place, quiet_for: float) -> Wish:
        here = (known.id, place.channel_id)
        card = await one_delivery(db, "job_id = ? AND channel_id = ? AND kind = 'card'", here)
        if card is None:
            await self._insert(db, Kind.CARD, known.id, place, self._time(), quiet_for)
            return Wish(asked=Asked.NEW, known=known)
        if card.state is State.DROPPED:  # deleted by hand, or done with: show a new one
            await db.execute("DELETE FROM deliveries WHERE id = ?", (card.id,))
            await self._insert(db, Kind.CARD, known.id, place, self._time(), quiet_for)
            return Wish(asked=Asked.NEW, known=known)
        await db.execute("UPDATE deliveries SET wanted = wanted + 1 WHERE id = ?", (card.id,))
        return Wish(asked=Asked.JOINED, known=known, delivery=card)

    async def _learn(self, db: aiosqlite.Connection, job: Job) -> KnownJob:
        known = await one_known(db, "jobid = ?", (job.jobid,))
        if known is not None:
            return await self._advance(db, known, job)
        now = self._time()
        values = (job.jobid, job.status, job.over, encode(job), now, now, now if job.over else None)
        for length in (4, 4, 4, 5, 6, 8):
            try:
                await db.execute(
                    """INSERT INTO jobs (key, jobid, status, over, answer, added_at, changed_at, over_at)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                    ("".join(secrets.choice(_KEY_LETTERS) for _ in range(length)), *values),
                )
                break
            except sqlite3.IntegrityError as clash:
                if length == 8 or "jobs.key" not in str(clash):
                    raise
        known = await one_known(db, "jobid = ?", (job.jobid,))
        assert known is not None
        return known

    async def stop(self, card: Delivery, user_id: int | None) -> bool:
        """End the watch of one person at this card's place, or everybody's (`None`); whether anybody still watches."""

        async def work(db: aiosqlite.Connection) -> bool:
            await db.execute(
                "UPDATE watches SET stopped = 1 WHERE job_id = ? AND channel_id = ? AND coalesce(user_id = ?, 1)",
                (card.job_id, card.place.channel_id, user_id),
            )
            await db.execute("UPDATE deliveries SET wanted = wanted + 1 WHERE id = ?", (card.id,))
            left = await db.execute_fetchall(
                "SELECT count(*) FROM watches WHERE job_id = ? AND channel_id = ? AND NOT stopped",
                (card.job_id, card.place.channel_id),
            )
            return bool(next(iter(left))[0])

        return await self._db.transaction(work)

    async def watches(self, job_id: int, channel_id: int) -> list[Watch]:
        """Who wants to be told in this channel, the first asker first."""
        rows = await self._db.rows(
            """SELECT guild_id, channel_id, user_id, user_name, asked_at FROM watches
               WHERE job_id = ? AND channel_id = ? AND NOT stopped ORDER BY +id""",  # +: not through the whole channel
            (job_id, channel_id),
        )
        return [
            Watch(
                place=Place(guild_id=row["guild_id"], channel_id=row["channel_id"]),
                person=Person(id=row["user_id"], name=row["user_name"]),
                asked_at=aware(row["asked_at"]),
            )
            for row in rows
        ]

    async def asker(self, job_id: int, channel_id: int) -> int | None:
        """Who brought this job to this channel: the member of its first watch, whether it was stopped since or not."""
        rows = await self._db.rows(
            "SELECT user_id FROM watches WHERE job_id = ? AND channel_id = ? ORDER BY +id LIMIT 1",  # as above
            (job_id, channel_id),
        )
        return rows[0]["user_id"] if rows else None

    async def count_running(self, user_id: int, guild_id: int) -> int:
        """How many running jobs this member watches in this server."""
        (row,) = await self._db.rows(
            """SELECT count(DISTINCT job_id) FROM jobs CROSS JOIN watches ON job_id = jobs.id
               WHERE over = 0 AND +user_id = ? AND guild_id = ? AND NOT stopped""",  # +: not through their history
            (user_id, guild_id),
        )
        return int(row[0])

    async def count_watched(self, guild_id: int) -> int:
        """How many running jobs are watched in this server."""
        (row,) = await self._db.rows(
            """SELECT count(DISTINCT job_id) FROM jobs CROSS JOIN watches ON job_id = jobs.id
               WHERE over = 0 AND guild_id = ? AND NOT stopped""",
            (guild_id,),
        )
        return int(row[0])

    # --- what is known ----------------------------------------------------------------------------------------------

    async def known(self, job_id: int) -> KnownJob:
        """The job of a row id that the store itself gave out."""
        (row,) = await self._db.rows("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return known_of(row)

    async def by_jobid(self, jobid: str) -> KnownJob | None:
        """The job with useapi's id, wherever it was asked for."""
        rows = await self._db.rows("SELECT * FROM jobs WHERE jobid = ?", (jobid,))
        return known_of(rows[0]) if rows else None

    async def by_key(self, key: str, guild_id: int) -> KnownJob | None:
        """The job with this key, if its jobid was given in this server."""
        rows = await self._db.rows(
            """SELECT * FROM jobs WHERE key = ?
               AND EXISTS (SELECT 1 FROM watches WHERE guild_id = ? AND job_id = jobs.id)""",
            (key.upper(), guild_id),
        )
        return known_of(rows[0]) if rows else None

    async def recent(self, place: Place, user_id: int, limit: int = 100) -> list[KnownJob]:
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
            (place.guild_id, user_id, 2 * limit, place.channel_id, 2 * limit, limit),
        )
        return [known_of(row) for row in rows]

    # --- looking ----------------------------------------------------------------------------------------------------

    async def running(self) -> list[int]:
        """The row ids of the jobs that somebody waits for."""
        rows = await self._db.rows(
            """SELECT id FROM jobs WHERE over = 0
               AND EXISTS (SELECT 1 FROM watches WHERE job_id = jobs.id AND NOT stopped)"""
        )
        return [row["id"] for row in rows]

    async def looks(self, job_ids: Sequence[int]) -> list[Look]:
        """What a look at each of these jobs needs; those that are over or that nobody waits for are left out."""
        rows = await self._db.rows(
            f"""SELECT jobs.*, max(asked_at) AS asked_at FROM jobs JOIN watches ON job_id = jobs.id AND NOT stopped
                WHERE over = 0 AND jobs.id IN ({", ".join("?" * len(job_ids))}) GROUP BY jobs.id""",  # noqa: S608 -- question marks only
            job_ids,
        )
        return [Look(known=known_of(row), asked_at=aware(row["asked_at"])) for row in rows]

    async def record(self, news: Sequence[tuple[int, Job]]) -> None:
        """Write what these jobs have become, all or nothing; each that is over gets a delivery per watched place."""

        async def work(db: aiosqlite.Connection) -> None:
            for job_id, job in news:
                known = await one_known(db, "id = ?", (job_id,))
                if known is not None:
                    await self._advance(db, known, job)

        await self._db.transaction(work)

    async def _advance(self, db: aiosqlite.Connection, known: KnownJob, answer: Job) -> KnownJob:
        job = follow(known.job, answer)
        if job is None:
            return known
        now = self._time()
        await db.execute(
            "UPDATE jobs SET status = ?, over = ?, answer = ?, changed_at = ?, over_at = ? WHERE id = ?",
            (job.status, job.over, encode(job), now, now if job.over else None, known.id),
        )
        await db.execute("UPDATE deliveries SET wanted = wanted + 1 WHERE job_id = ? AND kind = 'card'", (known.id,))
        if known.job.over and not job.over:  # given up, and found alive: its cards shrank to a line, new ones may come
            await db.execute(
                "UPDATE deliveries SET state = 'dropped' WHERE job_id = ? AND (kind = 'card' OR state <> 'posted')",
                (known.id,),
            )
        if job.over:
            await db.execute(  # a card that was never sent is not needed any more
                "UPDATE deliveries SET state = 'dropped' WHERE job_id = ? AND kind = 'card' AND state = 'waiting'",
                (known.id,),
            )
            places = await db.execute_fetchall(
                """SELECT guild_id, channel_id FROM watches WHERE job_id = ? AND NOT stopped
                   GROUP BY channel_id ORDER BY min(id)""",
                (known.id,),
            )
            for row in places:  # made the moment the job was over: that tells them from those asked for later
                await self._insert(db, Kind.RESULT, known.id, Place(guild_id=row[0], channel_id=row[1]), now)
        when = aware(now)
        return msgspec.structs.replace(known, job=job, changed_at=when, over_at=when if job.over else None)

    # --- pressing ---------------------------------------------------------------------------------------------------

    async def press(self, parent: KnownJob, button: str, place: Place, person: Person) -> Press:
        """Write a press down before anything is sent."""
        ref = secrets.token_hex(12)

        async def work(db: aiosqlite.Connection) -> Press:
            cursor = await db.execute(
                """INSERT INTO presses (ref, parent_id, button, guild_id, channel_id, user_id, user_name, pressed_at)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                (ref, parent.id, button, place.guild_id, place.channel_id, person.id, person.name, self._time()),
            )
            assert cursor.lastrowid is not None
            return Press(id=cursor.lastrowid, ref=ref, parent_id=parent.id, button=button, place=place, person=person)

        return await self._db.transaction(work)

    async def press_made(self, press: Press, child: KnownJob) -> None:
        """The press became a job."""
        await self._press_ends(press, "made", "", child.id)

    async def press_failed(self, press: Press, trouble: str, *, refused: bool) -> None:
        """The press came to nothing (`refused`), or nobody knows (a time-out, a reset)."""
        await self._press_ends(press, "refused" if refused else "unknown", trouble, None)

    async def _press_ends(self, press: Press, state: str, trouble: str, child_id: int | None) -> None:
        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                "UPDATE presses SET state = ?, trouble = ?, child_id = ? WHERE id = ?",
                (state, trouble, child_id, press.id),
            )

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


async def _note_cut_off_presses(db: aiosqlite.Connection) -> None:
    """A press that was asked when the bot died was perhaps made: nobody knows, so it is not sent again."""
    await db.execute("UPDATE presses SET state = 'unknown', trouble = 'the bot ended' WHERE state = 'asked'")
