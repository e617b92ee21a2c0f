"""Reads of the submissions that are not over, or whose presser does not know the outcome yet."""

from datetime import timedelta

from bot.models import ProviderName, Submission
from bot.store.repository import Repository
from bot.store.rows import submission_of
from bot.store.submission_statements import OPEN_STATES, QUEUED


class QueuedSubmissions(Repository):
    """The queue of submissions as it is stored."""

    async def next(self, provider: ProviderName, limit: int) -> list[Submission]:
        """The first submissions that may be sent to this provider.

        Left out are those whose pressers are not known to have seen them taken, those of paused servers, and U1-U4
        while the same button was sent for another server: its outcome decides.
        """
        rows = await self._db.rows(
            f"""SELECT submissions.* FROM submissions LEFT JOIN servers USING (guild_id)
                WHERE {QUEUED} AND provider = ? AND answered AND waits_for IS NULL
                AND NOT coalesce(json_extract(settings, '$.paused'), 0)
                AND NOT (tier = 'pick' AND EXISTS (
                    SELECT 1 FROM submissions AS twin WHERE twin.parent_id = submissions.parent_id
                    AND twin.button = submissions.button AND twin.state IN ('sent', 'unconfirmed')))
                ORDER BY submissions.id LIMIT ?""",
            (provider, limit),
        )
        return [submission_of(row) for row in rows]

    async def unanswered(self, provider: ProviderName) -> list[Submission]:
        """The submissions queued for this provider whose pressers are not known to have seen them taken."""
        rows = await self._db.rows(
            f"SELECT * FROM submissions WHERE {QUEUED} AND provider = ? AND NOT answered ORDER BY id", (provider,)
        )
        return [submission_of(row) for row in rows]

    async def followers(self, submission: Submission) -> list[Submission]:
        """The submissions that wait for this one."""
        rows = await self._db.rows("SELECT * FROM submissions WHERE waits_for = ? ORDER BY id", (submission.id,))
        return [submission_of(row) for row in rows]

    async def position(self, submission: Submission) -> int:
        """The position in its provider's queue, from 1; 0 where it is not queued, or waits for one that was sent."""
        first_id = submission.waits_for or submission.id
        rows = await self._db.rows(
            f"""SELECT count(*) FROM submissions WHERE {QUEUED} AND provider = :provider AND waits_for IS NULL
                AND id <= :id AND EXISTS (SELECT 1 FROM submissions WHERE id = :id AND state = 'queued')""",
            {"id": first_id, "provider": submission.provider},
        )
        return int(rows[0][0])

    async def of_member(self, user_id: int, guild_id: int) -> list[Submission]:
        """What a member has in the queue in this server, the oldest first."""
        rows = await self._db.rows(
            f"SELECT * FROM submissions WHERE {QUEUED} AND +user_id = ? AND +guild_id = ? ORDER BY id",
            (user_id, guild_id),
        )
        return [submission_of(row) for row in rows]

    async def count(self) -> int:
        """How many submissions wait for a slot, of all servers and providers."""
        (row,) = await self._db.rows(f"SELECT count(*) FROM submissions WHERE {QUEUED} AND waits_for IS NULL")
        return int(row[0])

    async def count_in_server(self, guild_id: int) -> int:
        """How many submissions of this server are queued."""
        (row,) = await self._db.rows(f"SELECT count(*) FROM submissions WHERE {QUEUED} AND +guild_id = ?", (guild_id,))
        return int(row[0])

    async def unconfirmed(self, provider: ProviderName) -> list[Submission]:
        """The submissions that were sent to this provider and whose answer is not known, those in flight included."""
        rows = await self._db.rows(
            f"""SELECT * FROM submissions WHERE state IN ({OPEN_STATES}) AND state <> 'queued' AND provider = ?
                ORDER BY id""",
            (provider,),
        )
        return [submission_of(row) for row in rows]

    async def lost(self, provider: ProviderName, age: timedelta) -> list[Submission]:
        """The submissions without a job that were sent to this provider at most `age` ago: theirs may turn up."""
        rows = await self._db.rows(
            "SELECT * FROM submissions WHERE state = 'lost' AND sent_at > ? AND provider = ? ORDER BY sent_at",
            (self._clock.time() - age.total_seconds(), provider),
        )
        return [submission_of(row) for row in rows]

    async def to_notify(self, provider: ProviderName) -> list[Submission]:
        """The submissions to this provider that ended without their presser knowing it."""
        rows = await self._db.rows(
            "SELECT * FROM submissions WHERE notified = 0 AND ended_at IS NOT NULL AND provider = ? ORDER BY id",
            (provider,),
        )
        return [submission_of(row) for row in rows]
