"""What the private panels read: a member's waiting, and its ends."""

import aiosqlite
import msgspec

from bot.models import Destination, KnownJob
from bot.store.outbox import Outbox
from bot.store.rows import destination_of, known_of

_NEWEST = 60  # of a member's newest wishes, for those that ended lately


class MemberJob(msgspec.Struct, frozen=True, kw_only=True):
    """A member's wish in one channel; `message_id` is what stands there for the job: its card, or its result."""

    known: KnownJob
    destination: Destination
    message_id: int | None = None


class SubscriptionLists(Outbox):
    """Reads for one person or one server at a time."""

    async def waiting_for(self, user_id: int, guild_id: int, limit: int = 25) -> list[MemberJob]:
        """What a member waits for in this server, the oldest wish first."""
        rows = await self._db.rows(
            """SELECT jobs.*, guild_id, channel_id, NULL AS message_id
               FROM jobs CROSS JOIN watches ON job_id = jobs.id
               WHERE over = 0 AND +user_id = ? AND guild_id = ? AND NOT stopped ORDER BY watches.id LIMIT ?""",
            (user_id, guild_id, limit),
        )
        return [_member_job_of(row) for row in rows]

    async def recently_finished(self, user_id: int, guild_id: int, limit: int = 8) -> list[MemberJob]:
        """What ended of what a member asked for in this server, with the newest post of it, the last to end first."""
        rows = await self._db.rows(
            """SELECT * FROM (
                   SELECT jobs.*, guild_id, channel_id,
                          (SELECT message_id FROM deliveries
                           WHERE deliveries.job_id = jobs.id AND deliveries.channel_id = wishes.channel_id
                           AND kind = 'result' AND state = 'posted' AND message_id IS NOT NULL
                           ORDER BY id DESC LIMIT 1) AS message_id
                   FROM (SELECT job_id, guild_id, channel_id FROM watches WHERE user_id = ? AND guild_id = ?
                         ORDER BY id DESC LIMIT ?) AS wishes
                   CROSS JOIN jobs ON jobs.id = job_id AND over = 1)
               WHERE message_id IS NOT NULL ORDER BY over_at DESC, id DESC LIMIT ?""",
            (user_id, guild_id, _NEWEST, limit),
        )
        return [_member_job_of(row) for row in rows]

    async def unsubscribe(self, job_id: int, channel_id: int, user_id: int) -> bool:
        """End a member's own wait for a job in a channel; whether there was one."""

        async def work(db: aiosqlite.Connection) -> bool:
            cursor = await db.execute(
                "UPDATE watches SET stopped = 1 WHERE job_id = ? AND channel_id = ? AND user_id = ? AND NOT stopped",
                (job_id, channel_id, user_id),
            )
            await db.execute(
                "UPDATE deliveries SET wanted = wanted + 1 WHERE job_id = ? AND channel_id = ? AND kind = 'card'",
                (job_id, channel_id),
            )
            return bool(cursor.rowcount)

        return await self._db.transaction(work)

    async def sqlite_version(self) -> str:
        """The version of the library that keeps the file."""
        (row,) = await self._db.rows("SELECT sqlite_version()")
        return str(row[0])


def _member_job_of(row: aiosqlite.Row) -> MemberJob:
    return MemberJob(
        known=known_of(row),
        destination=destination_of(row),
        message_id=row["message_id"],
    )
