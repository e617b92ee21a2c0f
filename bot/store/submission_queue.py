"""Reads of the submissions that are not over, or whose presser does not know the outcome yet."""

from datetime import timedelta
from typing import Any

from bot.models import InputPicture, ProviderName, Submission
from bot.store.repository import Repository
from bot.store.rows import picture_of, submission_of
from bot.store.submission_statements import OPEN_STATES, QUEUED
from bot.store.submission_turns import DEFAULT_RUNNING, SENDABLE, WAITING, in_turn


class QueuedSubmissions(Repository):
    """The queue of submissions as it is stored."""

    async def any_open(self, provider: ProviderName, lost_for: timedelta) -> bool:
        """Whether this provider has submissions that `unanswered`, `next`, `unconfirmed`, `lost` or `to_notify` finds.

        `lost_for` is the age for `lost`.
        """
        (row,) = await self._db.rows(
            f"""SELECT EXISTS (SELECT 1 FROM submissions WHERE state IN ({OPEN_STATES}) AND provider = :provider)
                OR EXISTS (
                    SELECT 1 FROM submissions WHERE state = 'lost' AND sent_at > :since AND +provider = :provider)
                OR EXISTS (
                    SELECT 1 FROM submissions
                    WHERE notified = 0 AND ended_at IS NOT NULL AND provider = :provider)""",
            {"provider": provider, "since": self._clock.time() - lost_for.total_seconds()},
        )
        return bool(row[0])

    async def next(self, provider: ProviderName, limit: int) -> list[Submission]:
        """The submissions that may be sent to this provider next, in the order of `bot.store.submission_turns`."""
        rows = await self._db.rows(
            f"""WITH {SENDABLE}, {in_turn("(SELECT * FROM sendable WHERE NOT deferred)")}
                SELECT submissions.* FROM in_turn JOIN submissions USING (id) ORDER BY place LIMIT :limit""",
            self._turn_values(provider) | {"limit": limit},
        )
        return [submission_of(row) for row in rows]

    async def deferred(self, provider: ProviderName) -> list[Submission]:
        """The submissions that are sent when one of their member's running jobs is over, not before."""
        rows = await self._db.rows(
            f"""WITH {SENDABLE} SELECT submissions.* FROM sendable JOIN submissions USING (id)
                WHERE deferred ORDER BY submissions.id""",
            self._turn_values(provider),
        )
        return [submission_of(row) for row in rows]

    async def exceeded_running_limit(self, submission: Submission) -> int | None:
        """How many jobs its member may have running, where that is why it is not sent; else `None`."""
        rows = await self._db.rows(
            f"WITH {SENDABLE} SELECT running_limit FROM sendable WHERE deferred AND id = :id",
            self._turn_values(submission.provider) | {"id": submission.id},
        )
        return int(rows[0]["running_limit"]) if rows else None

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
        rows = await self._db.rows(
            f"""WITH {in_turn(f"(SELECT * FROM {WAITING})")}
                SELECT place FROM in_turn WHERE id = :id""",
            self._turn_values(submission.provider) | {"id": submission.waits_for or submission.id},
        )
        return int(rows[0]["place"]) if rows else 0

    async def of_member(self, user_id: int, guild_id: int) -> list[Submission]:
        """What a member has in the queue in this server, the oldest first."""
        rows = await self._db.rows(
            f"SELECT * FROM submissions WHERE {QUEUED} AND +user_id = ? AND +guild_id = ? ORDER BY id",
            (user_id, guild_id),
        )
        return [submission_of(row) for row in rows]

    async def pictures(self, submission: Submission) -> tuple[InputPicture, ...]:
        """The pictures that a submission is sent with, in their order; none once what became of it is known.

        They are kept in the database, so that a queued submission survives a restart and a picture that was deleted:
        nothing is fetched again. Its transaction stores both or neither, and `limit_exceeded` bounds their bytes.
        """
        rows = await self._db.rows(
            "SELECT * FROM submission_pictures WHERE submission_id = ? ORDER BY position", (submission.id,)
        )
        return tuple(map(picture_of, rows))

    async def count(self) -> int:
        """How many submissions wait for a slot, of all servers and providers."""
        (row,) = await self._db.rows(f"SELECT count(*) FROM submissions WHERE {QUEUED} AND waits_for IS NULL")
        return int(row[0])

    async def count_at(self, provider: ProviderName) -> int:
        """How many submissions wait for a slot of this provider, of all servers."""
        (row,) = await self._db.rows(
            f"SELECT count(*) FROM submissions WHERE {QUEUED} AND provider = ? AND waits_for IS NULL", (provider,)
        )
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
            "SELECT * FROM submissions WHERE state = 'lost' AND sent_at > ? AND +provider = ? ORDER BY sent_at",
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

    def _turn_values(self, provider: ProviderName) -> dict[str, Any]:
        return {"provider": provider, "now": self._clock.time(), "running": DEFAULT_RUNNING}
