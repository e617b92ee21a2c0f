"""Servers that removed the bot: noted, and deleted after a while with all that is kept for them.

Without an intent for servers Discord does not say that the bot was removed, so the servers that it is in are compared
with those that are known here. A server that the bot is in again is noted no longer, and keeps everything.
"""

from collections.abc import Collection
from datetime import timedelta

import aiosqlite

from bot.store.repository import Repository
from bot.store.submission_statements import OPEN_STATES

_KNOWN = """
SELECT guild_id FROM servers UNION SELECT guild_id FROM presets UNION SELECT guild_id FROM members
UNION SELECT guild_id FROM job_channels
"""
# Jobs, with what is left of these, are pruned as all are. What is queued in a paused server would wait for ever.
_DELETE = (
    """UPDATE submissions SET state = 'cancelled', ended_at = :now, waits_for = NULL, notified = 1
       WHERE guild_id = :guild_id AND state = 'queued'""",
    f"""UPDATE submissions SET user_id = 0, user_name = '', prompt = '', error = '', interaction_id = NULL,
                               interaction_token = ''
        WHERE guild_id = :guild_id AND state NOT IN ({OPEN_STATES})""",
    """DELETE FROM subscriptions WHERE guild_id = :guild_id
       AND channel_id IN (SELECT channel_id FROM job_channels WHERE guild_id = :guild_id)""",
    *(
        f"DELETE FROM {table} WHERE guild_id = :guild_id"
        for table in ("stars", "members", "audit_entries", "presets", "servers", "job_channels", "left_servers")
    ),
)


class LeftServers(Repository):
    """The table `left_servers`, and the rows of those servers in all tables."""

    async def note(self, joined: Collection[int]) -> None:
        """Note which of the known servers are not among those that the bot is in now."""

        async def work(db: aiosqlite.Connection) -> None:
            known = {row[0] for row in await db.execute_fetchall(_KNOWN)}
            for guild_id in joined:
                await db.execute("DELETE FROM left_servers WHERE guild_id = ?", (guild_id,))
            for guild_id in known.difference(joined):
                await db.execute("INSERT OR IGNORE INTO left_servers VALUES (?, ?)", (guild_id, self._clock.time()))

        await self._db.transaction(work)

    async def delete(self, days: int) -> int:
        """Delete what is kept for servers that were noted so many days ago; how many servers.

        The time is the wall clock's or Discord's, whichever is earlier, as for `Pruning.prune`.
        """
        before = self._clock.earliest_now() - timedelta(days=days)
        rows = await self._db.rows("SELECT guild_id FROM left_servers WHERE noted_at < ?", (before.timestamp(),))
        for row in rows:
            values = {"guild_id": row["guild_id"], "now": self._clock.time()}

            async def work(db: aiosqlite.Connection, values: dict[str, float] = values) -> None:
                for statement in _DELETE:
                    await db.execute(statement, values)

            await self._db.transaction(work)
        return len(rows)
