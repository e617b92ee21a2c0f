"""Subscriptions: which member is notified of which job in which channel."""

import aiosqlite
import msgspec

from bot.errors import TooManySubscriptions
from bot.models import NO_PERSON, Delivery, Destination, Job, KnownJob, Origin, Person, Requesters, Subscription
from bot.models.provider import GUESSABLE_IDS
from bot.store.job_statements import known_as
from bot.store.repository import Repository
from bot.store.rows import aware, destination_of, known_of, person_of
from bot.store.subscription_statements import BROUGHT, SubscriptionResult, subscribe

_UNATTENDED = "SELECT 1 FROM subscriptions WHERE job_id = ? AND channel_id = ? AND user_id = ?"
_COUNT_RUNNING = """
    SELECT count(DISTINCT job_id) FROM jobs CROSS JOIN subscriptions ON job_id = jobs.id
    WHERE over = 0 AND +user_id = ? AND guild_id = ? AND NOT stopped"""  # +: not through their history
_NEWEST = 60  # of a member's subscriptions, searched for the recently finished ones and for their channels


class MemberJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a member subscribed to in a channel; `message_id` is its newest post there."""

    known: KnownJob
    destination: Destination
    message_id: int | None = None


class Subscriptions(Repository):
    """The table `subscriptions`."""

    async def add(
        self,
        job: Job,
        destination: Destination,
        person: Person,
        *,
        origin: Origin = Origin.KEY,
        again: bool = False,
        delay: float = 0,
        limit: int | None = None,
    ) -> SubscriptionResult:
        """Subscribe `person` in `destination` to `job`, which the provider just described.

        `origin` decides whether that gives them rights to the job.

        A running job gets a status card (after `delay` seconds); one that is over a result, unless the channel has
        it: `again` posts it once more. `limit`: raises `TooManySubscriptions`, and changes nothing, where the member
        would then be subscribed to more running jobs in this server. The count is part of the transaction, because
        a member can ask for many jobs at the same time.
        """

        async def work(db: aiosqlite.Connection) -> SubscriptionResult:
            subscribed = await subscribe(
                db, self._clock, job, destination, person, origin=origin, again=again, delay=delay
            )
            if limit is not None and not subscribed.known.job.over:
                (row,) = await db.execute_fetchall(_COUNT_RUNNING, (person.id, destination.guild_id))
                if row[0] > limit:
                    raise TooManySubscriptions(limit)
            return subscribed

        return await self._db.transaction(work)

    async def add_unattended(self, job: Job, destination: Destination) -> SubscriptionResult | None:
        """Show a job in the channel that it named itself; `None` where that was done before, whatever its outcome."""

        async def work(db: aiosqlite.Connection) -> SubscriptionResult | None:
            known = await known_as(db, job)
            if known is not None and await db.execute_fetchall(
                _UNATTENDED, (known.id, destination.channel_id, NO_PERSON.id)
            ):
                return None
            return await subscribe(db, self._clock, job, destination, NO_PERSON, origin=Origin.UNATTENDED)

        return await self._db.transaction(work)

    async def has_unattended(self, job_id: int, channel_id: int) -> bool:
        """Whether `add_unattended` was done for this job in this channel."""
        return bool(await self._db.rows(_UNATTENDED, (job_id, channel_id, NO_PERSON.id)))

    async def stop(self, status_card: Delivery, user_id: int) -> bool:
        """End one member's subscription in this status card's channel; whether another one is left there."""
        return await self._stop(status_card, "user_id = ?", (user_id,))

    async def stop_all(self, status_card: Delivery) -> None:
        """End every subscription in this status card's channel."""
        await self._stop(status_card, "1", ())

    async def _stop(self, status_card: Delivery, whose: str, values: tuple[int, ...]) -> bool:
        async def work(db: aiosqlite.Connection) -> bool:
            here = (status_card.job_id, status_card.destination.channel_id)
            await db.execute(
                f"UPDATE subscriptions SET stopped = 1 WHERE job_id = ? AND channel_id = ? AND {whose}",
                (*here, *values),
            )
            await db.execute("UPDATE deliveries SET revision = revision + 1 WHERE id = ?", (status_card.id,))
            left = await db.execute_fetchall(
                "SELECT count(*) FROM subscriptions WHERE job_id = ? AND channel_id = ? AND NOT stopped", here
            )
            return bool(next(iter(left))[0])

        return await self._db.transaction(work)

    async def unsubscribe(self, job_id: int, channel_id: int, user_id: int) -> bool:
        """End a member's own subscription to a job in a channel; whether there was one."""

        async def work(db: aiosqlite.Connection) -> bool:
            cursor = await db.execute(
                """UPDATE subscriptions SET stopped = 1
                   WHERE job_id = ? AND channel_id = ? AND user_id = ? AND NOT stopped""",
                (job_id, channel_id, user_id),
            )
            await db.execute(
                """UPDATE deliveries SET revision = revision + 1
                   WHERE job_id = ? AND channel_id = ? AND kind = 'status_card'""",
                (job_id, channel_id),
            )
            return bool(cursor.rowcount)

        return await self._db.transaction(work)

    async def in_channel(self, job_id: int | None, channel_id: int) -> list[Subscription]:
        """The subscriptions to a job in a channel, the oldest first."""
        rows = await self._db.rows(
            """SELECT guild_id, channel_id, user_id, user_name, created_at, notify FROM subscriptions
               WHERE job_id = ? AND channel_id = ? AND NOT stopped ORDER BY +id""",  # +: not through the whole channel
            (job_id, channel_id),
        )
        return [
            Subscription(
                destination=destination_of(row),
                person=Person(id=row["user_id"], name=row["user_name"]),
                subscribed_at=aware(row["created_at"]),
                notify=bool(row["notify"]),
            )
            for row in rows
        ]

    async def requesters(self, job_id: int | None, destination: Destination) -> Requesters:
        """Who brought a job to this server and to this channel, whether they have stopped their subscription or not."""
        rows = await self._db.rows(
            f"""SELECT user_id, channel_id, origin, provider FROM subscriptions JOIN jobs ON jobs.id = job_id
                WHERE job_id = ? AND guild_id = ? AND ({BROUGHT} OR origin = ?)
                ORDER BY +subscriptions.id""",  # +: as above
            (job_id, destination.guild_id, Origin.UNATTENDED),
        )
        unattended = [row for row in rows if row["origin"] == Origin.UNATTENDED]
        brought = [row for row in rows if row["origin"] != Origin.UNATTENDED]
        if rows and rows[0]["provider"] in GUESSABLE_IDS:
            brought = brought[:1]
        brought_here = [row for row in brought if row["channel_id"] == destination.channel_id]
        return Requesters(
            user_ids=frozenset(row["user_id"] for row in (*brought[:1], *brought_here[:1])),
            here=bool(brought_here) or any(row["channel_id"] == destination.channel_id for row in unattended),
        )

    async def author(self, job_id: int, guild_id: int) -> Person | None:
        """Who was the first in a server to bring a job, with their name at the time; `None` where it came by itself."""
        rows = await self._db.rows(
            f"""SELECT user_id, user_name FROM subscriptions WHERE job_id = ? AND guild_id = ? AND {BROUGHT}
                ORDER BY +id LIMIT 1""",  # +: not through all subscriptions
            (job_id, guild_id),
        )
        return person_of(rows[0]) if rows else None

    async def channels_of_job(self, job_id: int, guild_id: int) -> list[int]:
        """The channels of a server in which a job was ever subscribed, the last ones first."""
        rows = await self._db.rows(
            """SELECT channel_id FROM subscriptions WHERE job_id = ? AND guild_id = ?
               GROUP BY channel_id ORDER BY max(id) DESC""",
            (job_id, guild_id),
        )
        return [row["channel_id"] for row in rows]

    async def any_of_job(self, job_id: int) -> bool:
        """Whether a job was ever subscribed in a server for which something is kept."""
        return bool(await self._db.rows("SELECT 1 FROM subscriptions WHERE job_id = ? LIMIT 1", (job_id,)))

    async def channels_of_member(self, user_id: int, guild_id: int) -> list[int]:
        """The channels of a member's newest subscriptions in a server, the last ones first."""
        rows = await self._db.rows(
            """SELECT channel_id FROM (SELECT id, channel_id FROM subscriptions WHERE user_id = ? AND guild_id = ?
                                       ORDER BY id DESC LIMIT ?)
               GROUP BY channel_id ORDER BY max(id) DESC""",
            (user_id, guild_id, _NEWEST),
        )
        return [row["channel_id"] for row in rows]

    async def count_running(self, user_id: int, guild_id: int) -> int:
        """How many running jobs this member is subscribed to in this server."""
        (row,) = await self._db.rows(_COUNT_RUNNING, (user_id, guild_id))
        return int(row[0])

    async def count_in_server(self, guild_id: int) -> int:
        """How many running jobs are subscribed in this server."""
        (row,) = await self._db.rows(
            """SELECT count(DISTINCT job_id) FROM jobs CROSS JOIN subscriptions ON job_id = jobs.id
               WHERE over = 0 AND guild_id = ? AND NOT stopped""",
            (guild_id,),
        )
        return int(row[0])

    async def running_of_member(self, user_id: int, guild_id: int, limit: int = 25) -> list[MemberJob]:
        """The running jobs that a member is subscribed to in this server, the oldest subscription first."""
        rows = await self._db.rows(
            """SELECT jobs.*, guild_id, channel_id, NULL AS message_id
               FROM jobs CROSS JOIN subscriptions ON job_id = jobs.id
               WHERE over = 0 AND +user_id = ? AND guild_id = ? AND NOT stopped ORDER BY subscriptions.id LIMIT ?""",
            (user_id, guild_id, limit),
        )
        return [_member_job_of(row) for row in rows]

    async def recently_finished(self, user_id: int, guild_id: int, limit: int = 8) -> list[MemberJob]:
        """The posted results of a member's subscriptions in this server, the last to end first."""
        rows = await self._db.rows(
            """SELECT * FROM (
                   SELECT jobs.*, guild_id, channel_id,
                          (SELECT message_id FROM deliveries
                           WHERE deliveries.job_id = jobs.id AND deliveries.channel_id = newest.channel_id
                           AND kind = 'result' AND state = 'posted' AND message_id IS NOT NULL
                           ORDER BY id DESC LIMIT 1) AS message_id
                   FROM (SELECT job_id, guild_id, channel_id FROM subscriptions WHERE user_id = ? AND guild_id = ?
                         ORDER BY id DESC LIMIT ?) AS newest
                   CROSS JOIN jobs ON jobs.id = job_id AND over = 1)
               WHERE message_id IS NOT NULL ORDER BY over_at DESC, id DESC LIMIT ?""",
            (user_id, guild_id, _NEWEST, limit),
        )
        return [_member_job_of(row) for row in rows]


def _member_job_of(row: aiosqlite.Row) -> MemberJob:
    return MemberJob(known=known_of(row), destination=destination_of(row), message_id=row["message_id"])
