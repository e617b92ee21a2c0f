"""Deliveries by nonce, job, channel and server, for everything but the dispatcher's own work."""

import json
from collections.abc import Collection

import aiosqlite

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination, KnownJob
from bot.store.delivery_statements import OPEN, insert_delivery, one_delivery, rearm
from bot.store.repository import Repository
from bot.store.rows import aware, delivery_of

RESTORED = "restored"
"""The fact that `bot.store.restore` leaves: when a copy was put back, and Discord's newest id in it."""


class Deliveries(Repository):
    """The table `deliveries`, as everybody else asks about it."""

    async def by_nonce(self, nonce: str) -> Delivery | None:
        """The delivery that a message or a custom_id names; a custom_id is a claim, so compare its destination."""
        rows = await self._db.rows("SELECT * FROM deliveries WHERE nonce = ?", (nonce,))
        return delivery_of(rows[0]) if rows else None

    async def newest_result(self, job_id: int, channel_id: int) -> Delivery | None:
        """The newest result of a job in a channel, in whatever state."""
        rows = await self._db.rows(
            """SELECT * FROM deliveries WHERE job_id = ? AND channel_id = ? AND kind = 'result'
               ORDER BY id DESC LIMIT 1""",
            (job_id, channel_id),
        )
        return delivery_of(rows[0]) if rows else None

    async def undeliverable(self, guild_id: int) -> list[Delivery]:
        """The undeliverable results of a server, the oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM deliveries WHERE guild_id = ? AND state = 'undeliverable' ORDER BY id", (guild_id,)
        )
        return [delivery_of(row) for row in rows]

    async def is_first_given_up(self, delivery: Delivery, error: str) -> bool:
        """Whether no other message to its channel is undeliverable for this error; starboard posts are for themselves.

        `delivery` is in that state with this error.
        """
        rows = await self._db.rows(
            """SELECT 1 FROM deliveries WHERE guild_id = ? AND state = 'undeliverable' AND channel_id = ? AND error = ?
               AND (kind = 'starboard_post') = ? AND id <> ? LIMIT 1""",
            (
                delivery.destination.guild_id,
                delivery.destination.channel_id,
                error,
                delivery.kind is DeliveryKind.STARBOARD_POST,
                delivery.id,
            ),
        )
        return not rows

    async def rearm(self, guild_id: int) -> int:
        """Have the undeliverable results of a server posted after all, with their pictures; how many there are."""
        return await self._db.transaction(lambda db: rearm(db, self._clock, "guild_id = ?", (guild_id,)))

    async def count_waiting(self, guild_id: int) -> int:
        """How many results of a server are still to be posted."""
        (row,) = await self._db.rows(
            f"SELECT count(*) FROM deliveries WHERE guild_id = ? AND kind = 'result' AND {OPEN}", (guild_id,)
        )
        return int(row[0])

    async def post_of(self, job_id: int, channel_id: int) -> Delivery | None:
        """The newest post about a job in a channel: its result, else its status card."""
        rows = await self._db.rows(
            """SELECT * FROM deliveries WHERE job_id = ? AND channel_id = ? AND kind IN ('result', 'status_card')
               AND state = 'posted' AND message_id IS NOT NULL ORDER BY kind = 'result' DESC, id DESC LIMIT 1""",
            (job_id, channel_id),
        )
        return delivery_of(rows[0]) if rows else None

    async def posts_in_server(self, job_id: int, guild_id: int, limit: int = 1) -> list[Delivery]:
        """The posted results of a job in all channels of a server, the newest first."""
        rows = await self._db.rows(
            """SELECT * FROM deliveries WHERE job_id = ? AND guild_id = ? AND kind = 'result' AND state = 'posted'
               AND message_id IS NOT NULL ORDER BY +id DESC LIMIT ?""",  # +: not through all jobs
            (job_id, guild_id, limit),
        )
        return [delivery_of(row) for row in rows]

    async def posts_of_jobs(
        self, job_ids: Collection[int], destination: Destination, channels: Collection[int]
    ) -> dict[int, Delivery]:
        """The newest post of each of these jobs in these channels, one in the channel of `destination` first.

        A result goes before a status card; jobs without a post there are left out.
        """
        rows = await self._db.rows(
            f"""SELECT * FROM deliveries WHERE job_id IN ({", ".join("?" * len(job_ids))}) AND guild_id = ?
                AND kind IN ('result', 'status_card') AND state = 'posted' AND message_id IS NOT NULL
                AND channel_id IN (SELECT value FROM json_each(?))
                ORDER BY channel_id = ?, kind = 'result', id""",
            (*job_ids, destination.guild_id, json.dumps([*channels]), destination.channel_id),
        )
        return {row["job_id"]: delivery_of(row) for row in rows}

    async def add_split(self, job_id: int, destination: Destination, *, again: bool = False) -> Delivery | None:
        """Have the four pictures of a grid posted in a channel; the post that shows them already, `None` without one.

        `again` posts them once more all the same.
        """

        async def work(db: aiosqlite.Connection) -> Delivery | None:
            split = await one_delivery(
                db,
                "job_id = ? AND channel_id = ? AND kind = 'split' AND state <> 'dropped' ORDER BY id DESC LIMIT 1",
                (job_id, destination.channel_id),
            )
            if split is None:
                await insert_delivery(db, self._clock, DeliveryKind.SPLIT, job_id, destination)
            elif split.state is DeliveryState.UNDELIVERABLE:
                await rearm(db, self._clock, "id = ?", (split.id,))
            elif split.state is DeliveryState.POSTED:
                if split.message_id is not None and not again:
                    return split
                await insert_delivery(db, self._clock, DeliveryKind.SPLIT, job_id, destination)
            return None

        return await self._db.transaction(work)

    async def pinged_recently(self, destination: Destination, user_id: int, seconds: float) -> bool:
        """Whether a message about this member's own submissions mentioned anybody here in the last `seconds`."""
        rows = await self._db.rows(
            """SELECT 1 FROM deliveries WHERE channel_id = ? AND pinged = 1 AND posted_at > ?
               AND ? IN (SELECT user_id FROM submissions WHERE id = submission_id
                         UNION ALL SELECT user_id FROM submissions WHERE child_id = deliveries.job_id) LIMIT 1""",
            (destination.channel_id, self._clock.time() - seconds, user_id),
        )
        return bool(rows)

    async def posted_since(self, delivery: Delivery, known: KnownJob) -> int | None:
        """The snowflake after which the history is searched for a post that names this job, before its result is sent.

        Only for the first result of a job that was running when a restored copy was made: it may have been posted in
        the time that the copy does not know. `None` for every other delivery.
        """
        first = known.over_at is not None and delivery.created_at == known.over_at
        if delivery.kind is not DeliveryKind.RESULT or not first:
            return None
        rows = await self._db.rows("SELECT value FROM facts WHERE name = ?", (RESTORED,))
        restored = json.loads(rows[0]["value"]) if rows else {"at": 0}
        was_running = known.added_at <= aware(restored["at"]) <= delivery.created_at
        return int(restored["after"]) if was_running else None
