"""What stands where, and what is still to come: what the outbox is asked about, beside the courier's own work."""

import aiosqlite

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination
from bot.store.outbox import OPEN, Outbox, rearm
from bot.store.rows import delivery_of, one_delivery


class Deliveries(Outbox):
    """Questions about deliveries, by job, channel and server."""

    async def open_result(self, job_id: int, channel_id: int) -> Delivery | None:
        """The result that is still to be posted in a channel."""
        rows = await self._db.rows(
            f"SELECT * FROM deliveries WHERE job_id = ? AND channel_id = ? AND kind = 'result' AND {OPEN}",
            (job_id, channel_id),
        )
        return delivery_of(rows[0]) if rows else None

    async def undeliverable(self, guild_id: int) -> list[Delivery]:
        """The results of a server that were given up, the oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM deliveries WHERE guild_id = ? AND state = 'undeliverable' ORDER BY id", (guild_id,)
        )
        return [delivery_of(row) for row in rows]

    async def rearm(self, guild_id: int) -> int:
        """Try the given up results of a server again, whole, from now on; how many there are."""
        return await self._db.transaction(lambda db: rearm(db, "guild_id = ?", (guild_id,), self._time()))

    async def waiting(self, guild_id: int) -> int:
        """How many results of a server are still to be posted."""
        (row,) = await self._db.rows(
            f"SELECT count(*) FROM deliveries WHERE guild_id = ? AND kind = 'result' AND {OPEN}",
            (guild_id,),
        )
        return int(row[0])

    async def post_of(self, job_id: int, channel_id: int) -> Delivery | None:
        """The newest message that stands for a job in a channel: its result, else its card."""
        rows = await self._db.rows(
            """SELECT * FROM deliveries WHERE job_id = ? AND channel_id = ? AND kind IN ('result', 'card')
               AND state = 'posted' AND message_id IS NOT NULL ORDER BY kind = 'result' DESC, id DESC LIMIT 1""",
            (job_id, channel_id),
        )
        return delivery_of(rows[0]) if rows else None

    async def posts_in_server(self, job_id: int, guild_id: int, limit: int = 1) -> list[Delivery]:
        """The results of a job that stand anywhere in a server, the newest first."""
        rows = await self._db.rows(
            """SELECT * FROM deliveries WHERE job_id = ? AND guild_id = ? AND kind = 'result' AND state = 'posted'
               AND message_id IS NOT NULL ORDER BY +id DESC LIMIT ?""",  # +: not through all jobs
            (job_id, guild_id, limit),
        )
        return [delivery_of(row) for row in rows]

    async def ask_split(self, job_id: int, destination: Destination, *, again: bool = False) -> Delivery | None:
        """Have the four pictures of a grid posted in a channel; where they stand already, or `None`: they are coming.

        `again` posts them once more where they stand.
        """

        async def work(db: aiosqlite.Connection) -> Delivery | None:
            there = await one_delivery(
                db,
                "job_id = ? AND channel_id = ? AND kind = 'split' AND state <> 'dropped' ORDER BY id DESC LIMIT 1",
                (job_id, destination.channel_id),
            )
            if there is not None and there.state is DeliveryState.POSTED and there.message_id is not None and not again:
                return there
            if there is not None and there.state is DeliveryState.UNDELIVERABLE:
                await rearm(db, "id = ?", (there.id,), self._time())
            elif there is None or there.state is DeliveryState.POSTED:
                await self._insert(db, DeliveryKind.SPLIT, job_id, destination, self._time())
            return None

        return await self._db.transaction(work)

    async def pinged_recently(self, destination: Destination, user_id: int, seconds: float) -> bool:
        """Whether what this member pressed rang here within the last `seconds`."""
        rows = await self._db.rows(
            """SELECT 1 FROM deliveries WHERE channel_id = ? AND pinged = 1 AND posted_at > ?
               AND ? IN (SELECT user_id FROM presses WHERE id = press_id
                         UNION ALL SELECT user_id FROM presses WHERE child_id = deliveries.job_id) LIMIT 1""",
            (destination.channel_id, self._time() - seconds, user_id),
        )
        return bool(rows)
