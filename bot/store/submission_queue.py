"""The line of presses as it stands in the file: who waits, where, and what is still to be heard or told of."""

from bot.models import Submission, SubmissionState
from bot.store.outbox import Outbox
from bot.store.rows import submission_of

OPEN_STATES = f"'{SubmissionState.QUEUED}', '{SubmissionState.SENT}', '{SubmissionState.UNCONFIRMED}'"
"""In the order of the index `presses_open`: SQLite uses it for exactly these words."""


class QueuedSubmissions(Outbox):
    """Reads of the presses that are not over, or whose pressers do not know how they ended."""

    async def next_in_queue(self, limit: int) -> list[Submission]:
        """The first in line that may be sent.

        Left out are the servers whose admins paused them, and U1-U4 whose own job may just have been made for another
        server: that shows when the other press has ended.
        """
        rows = await self._db.rows(
            f"""SELECT presses.* FROM presses LEFT JOIN servers USING (guild_id)
                WHERE state IN ({OPEN_STATES}) AND state = 'queued' AND behind IS NULL
                AND NOT coalesce(json_extract(settings, '$.paused'), 0)
                AND NOT (tier = 'pick' AND EXISTS (
                    SELECT 1 FROM presses AS twin WHERE twin.parent_id = presses.parent_id
                    AND twin.button = presses.button AND twin.state IN ('asked', 'unknown')))
                ORDER BY presses.id LIMIT ?""",
            (limit,),
        )
        return [submission_of(row) for row in rows]

    async def waits_for(self, submission: Submission) -> list[Submission]:
        """The presses that wait for what comes of this one."""
        rows = await self._db.rows("SELECT * FROM presses WHERE behind = ? ORDER BY id", (submission.id,))
        return [submission_of(row) for row in rows]

    async def position_in_queue(self, submission: Submission) -> int:
        """How many presses are sent before this one is through, itself included; 0 where it does not wait."""
        rows = await self._db.rows(
            f"""SELECT count(*) FROM presses WHERE state IN ({OPEN_STATES}) AND state = 'queued' AND behind IS NULL
                AND id <= ? AND EXISTS (SELECT 1 FROM presses WHERE id = ?2 AND state = 'queued')""",
            (submission.waits_for or submission.id, submission.waits_for or submission.id),
        )
        return int(rows[0][0])

    async def queued_of(self, user_id: int, guild_id: int) -> list[Submission]:
        """What a member has in line in this server, the oldest first."""
        rows = await self._db.rows(
            f"""SELECT * FROM presses WHERE state IN ({OPEN_STATES}) AND state = 'queued'
                AND +user_id = ? AND +guild_id = ? ORDER BY id""",
            (user_id, guild_id),
        )
        return [submission_of(row) for row in rows]

    async def count_queued(self) -> int:
        """How many presses wait for the account, whoever made them."""
        rows = await self._db.rows(
            f"SELECT count(*) FROM presses WHERE state IN ({OPEN_STATES}) AND state = 'queued' AND behind IS NULL"
        )
        return int(rows[0][0])

    async def count_queued_in(self, guild_id: int) -> int:
        """How many presses of this server wait for their turn."""
        (row,) = await self._db.rows(
            f"SELECT count(*) FROM presses WHERE state IN ({OPEN_STATES}) AND state = 'queued' AND +guild_id = ?",
            (guild_id,),
        )
        return int(row[0])

    async def unconfirmed(self) -> list[Submission]:
        """The presses that were sent and whose answer is not known, those under way included."""
        rows = await self._db.rows(
            f"SELECT * FROM presses WHERE state IN ({OPEN_STATES}) AND state <> 'queued' ORDER BY id"
        )
        return [submission_of(row) for row in rows]

    async def to_notify(self) -> list[Submission]:
        """The presses that ended without their presser knowing how."""
        rows = await self._db.rows("SELECT * FROM presses WHERE told = 0 AND ended_at IS NOT NULL ORDER BY id")
        return [submission_of(row) for row in rows]
