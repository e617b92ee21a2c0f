"""Wishes: who wants to be told where about which job, and the deliveries that follow from it."""

import secrets
import sqlite3
from enum import Enum

import aiosqlite
import msgspec

from bot.models import (
    NO_PERSON,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Destination,
    Job,
    KnownJob,
    Person,
    Subscription,
    follow,
)
from bot.store.durations import note_duration
from bot.store.outbox import Outbox, rearm
from bot.store.rows import aware, encode, known_of, one_delivery, one_known

_KEY_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is mistaken for something else when read aloud
_BY_ITSELF = "SELECT 1 FROM watches WHERE job_id = ? AND channel_id = ? AND user_id = ?"


class SubscriptionOutcome(Enum):
    """What a wish to be told came to."""

    NEW = "a new watch"
    JOINED = "somebody watched this job here already, or the asker did"
    COMING = "the job is over, its result is being posted here"
    POSTED = "the result stands here already"


class SubscriptionResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `Store.ask`: what came of it, and the card or result in that place, where there is one."""

    asked: SubscriptionOutcome
    known: KnownJob
    delivery: Delivery | None = None


class Subscriptions(Outbox):
    """Jobs as they become known, the watches on them, and what is owed to the watchers."""

    async def ask(
        self, job: Job, destination: Destination, person: Person, *, again: bool = False, quiet_for: float = 0
    ) -> SubscriptionResult:
        """Keep the wish of `person` to be told in `destination` about `job`, which useapi just described.

        A running job gets a card (after `quiet_for` seconds), one that is over a delivery, unless the place has it;
        `again` posts the result of a job that is over once more.
        """

        async def work(db: aiosqlite.Connection) -> SubscriptionResult:
            return await self._ask(db, job, destination, person, again=again, quiet_for=quiet_for)

        return await self._db.transaction(work)

    async def subscribe_unattended(self, job: Job, destination: Destination) -> SubscriptionResult | None:
        """Show a job in the place that it named itself; `None` where that was done before, whatever came of it."""

        async def work(db: aiosqlite.Connection) -> SubscriptionResult | None:
            known = await one_known(db, "jobid = ?", (job.jobid,))
            if known is not None and await db.execute_fetchall(
                _BY_ITSELF, (known.id, destination.channel_id, NO_PERSON.id)
            ):
                return None
            return await self._ask(db, job, destination, NO_PERSON, again=False, quiet_for=0)

        return await self._db.transaction(work)

    async def has_unattended_subscription(self, job_id: int, channel_id: int) -> bool:
        """Whether `subscribe_unattended` did its work for this job in this channel."""
        return bool(await self._db.rows(_BY_ITSELF, (job_id, channel_id, NO_PERSON.id)))

    async def _ask(
        self,
        db: aiosqlite.Connection,
        job: Job,
        destination: Destination,
        person: Person,
        *,
        again: bool,
        quiet_for: float,
    ) -> SubscriptionResult:
        known = await self._upsert_job(db, job)
        await db.execute(
            """INSERT INTO watches (job_id, guild_id, channel_id, user_id, user_name, asked_at)
               VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET user_name = excluded.user_name, stopped = 0,
               asked_at = iif(stopped, excluded.asked_at, asked_at)""",
            (known.id, destination.guild_id, destination.channel_id, person.id, person.name, self._time()),
        )
        if known.job.over:
            return await self._want_result(db, known, destination, again=again)
        return await self._want_status_card(db, known, destination, quiet_for)

    async def _want_result(
        self, db: aiosqlite.Connection, known: KnownJob, destination: Destination, *, again: bool
    ) -> SubscriptionResult:
        there = await one_delivery(
            db,
            "job_id = ? AND channel_id = ? AND kind = 'result' AND state <> 'dropped' ORDER BY id DESC LIMIT 1",
            (known.id, destination.channel_id),
        )
        stands = there is not None and there.state is DeliveryState.POSTED and there.message_id is not None
        if stands and not again:
            return SubscriptionResult(asked=SubscriptionOutcome.POSTED, known=known, delivery=there)
        if there is not None and there.state is DeliveryState.UNDELIVERABLE:
            await rearm(db, "id = ?", (there.id,), self._time())
        elif there is None or there.state is DeliveryState.POSTED:
            await self._insert(db, DeliveryKind.RESULT, known.id, destination, self._time())
        return SubscriptionResult(asked=SubscriptionOutcome.COMING, known=known)

    async def _want_status_card(
        self, db: aiosqlite.Connection, known: KnownJob, destination: Destination, quiet_for: float
    ) -> SubscriptionResult:
        here = (known.id, destination.channel_id)
        card = await one_delivery(db, "job_id = ? AND channel_id = ? AND kind = 'card'", here)
        if card is None:
            await self._insert(db, DeliveryKind.CARD, known.id, destination, self._time(), quiet_for)
            return SubscriptionResult(asked=SubscriptionOutcome.NEW, known=known)
        if card.state is DeliveryState.DROPPED:  # deleted by hand, or done with: show a new one
            await db.execute("DELETE FROM deliveries WHERE id = ?", (card.id,))
            await self._insert(db, DeliveryKind.CARD, known.id, destination, self._time(), quiet_for)
            return SubscriptionResult(asked=SubscriptionOutcome.NEW, known=known)
        await db.execute("UPDATE deliveries SET wanted = wanted + 1 WHERE id = ?", (card.id,))
        return SubscriptionResult(asked=SubscriptionOutcome.JOINED, known=known, delivery=card)

    async def _upsert_job(self, db: aiosqlite.Connection, job: Job) -> KnownJob:
        known = await one_known(db, "jobid = ?", (job.jobid,))
        if known is not None:
            return await self._apply_update(db, known, job)
        now = self._time()
        values = (job.jobid, job.parent_jobid, job.status, job.over, encode(job), now, now, now if job.over else None)
        for length in (4, 4, 4, 5, 6, 8):
            try:
                await db.execute(
                    """INSERT INTO jobs
                       (key, jobid, parent_jobid, status, over, answer, added_at, changed_at, over_at)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                    ("".join(secrets.choice(_KEY_LETTERS) for _ in range(length)), *values),
                )
                break
            except sqlite3.IntegrityError as clash:
                if length == 8 or "jobs.key" not in str(clash):
                    raise
        known = await one_known(db, "jobid = ?", (job.jobid,))
        assert known is not None
        return known

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

    async def stop(self, card: Delivery, user_id: int | None) -> bool:
        """End the watch of one person at this card's place, or everybody's (`None`); whether anybody still watches."""

        async def work(db: aiosqlite.Connection) -> bool:
            await db.execute(
                "UPDATE watches SET stopped = 1 WHERE job_id = ? AND channel_id = ? AND coalesce(user_id = ?, 1)",
                (card.job_id, card.destination.channel_id, user_id),
            )
            await db.execute("UPDATE deliveries SET wanted = wanted + 1 WHERE id = ?", (card.id,))
            left = await db.execute_fetchall(
                "SELECT count(*) FROM watches WHERE job_id = ? AND channel_id = ? AND NOT stopped",
                (card.job_id, card.destination.channel_id),
            )
            return bool(next(iter(left))[0])

        return await self._db.transaction(work)

    async def subscriptions(self, job_id: int, channel_id: int) -> list[Subscription]:
        """Who wants to be told in this channel, the first asker first."""
        rows = await self._db.rows(
            """SELECT guild_id, channel_id, user_id, user_name, asked_at FROM watches
               WHERE job_id = ? AND channel_id = ? AND NOT stopped ORDER BY +id""",  # +: not through the whole channel
            (job_id, channel_id),
        )
        return [
            Subscription(
                destination=Destination(guild_id=row["guild_id"], channel_id=row["channel_id"]),
                person=Person(id=row["user_id"], name=row["user_name"]),
                subscribed_at=aware(row["asked_at"]),
            )
            for row in rows
        ]

    async def requester(self, job_id: int, channel_id: int) -> int | None:
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

    async def count_subscribed(self, guild_id: int) -> int:
        """How many running jobs are watched in this server."""
        (row,) = await self._db.rows(
            """SELECT count(DISTINCT job_id) FROM jobs CROSS JOIN watches ON job_id = jobs.id
               WHERE over = 0 AND guild_id = ? AND NOT stopped""",
            (guild_id,),
        )
        return int(row[0])

    async def _apply_update(self, db: aiosqlite.Connection, known: KnownJob, answer: Job) -> KnownJob:
        job = follow(known.job, answer)
        if job is None:
            return known
        now = self._time()
        await db.execute(
            """UPDATE jobs SET parent_jobid = ?, status = ?, over = ?, answer = ?, changed_at = ?, over_at = ?
               WHERE id = ?""",
            (job.parent_jobid, job.status, job.over, encode(job), now, now if job.over else None, known.id),
        )
        await db.execute("UPDATE deliveries SET wanted = wanted + 1 WHERE job_id = ? AND kind = 'card'", (known.id,))
        if known.job.over:  # its end was none: what is still owed of that is not to stand beside what comes now
            await db.execute(
                "UPDATE deliveries SET state = 'dropped' WHERE job_id = ? AND kind <> 'card' AND state <> 'posted'",
                (known.id,),
            )
        if known.job.over and not job.over:  # its cards shrank to a line, new ones may come
            await db.execute("UPDATE deliveries SET state = 'dropped' WHERE job_id = ? AND kind = 'card'", (known.id,))
        if job.over:
            if not known.job.over:
                await note_duration(db, job)
            await db.execute(  # a card that was never sent is not needed any more
                "UPDATE deliveries SET state = 'dropped' WHERE job_id = ? AND kind = 'card' AND state = 'waiting'",
                (known.id,),
            )
            destinations = await db.execute_fetchall(
                """SELECT guild_id, channel_id FROM watches WHERE job_id = ? AND NOT stopped
                   GROUP BY channel_id ORDER BY min(id)""",
                (known.id,),
            )
            for row in destinations:  # made the moment the job was over: that tells them from those asked for later
                await self._insert(
                    db, DeliveryKind.RESULT, known.id, Destination(guild_id=row[0], channel_id=row[1]), now
                )
        when = aware(now)
        return msgspec.structs.replace(known, job=job, changed_at=when, over_at=when if job.over else None)
