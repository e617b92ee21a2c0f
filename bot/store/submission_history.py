"""What came of presses: for those who press again, for the posts of the parents, and for a server's admins."""

from datetime import datetime

from bot.models import CostTier, Delivery, Destination, KnownJob, Person, Status, Submission, SubmissionState
from bot.store.rows import delivery_of, known_of, submission_of
from bot.store.submission_queue import OPEN_STATES
from bot.store.subscriptions import Subscriptions

COUNTED = f"{OPEN_STATES}, '{SubmissionState.ACCEPTED}'"
"""What may have been charged, or will be."""
CHILD = f"""
SELECT jobs.* FROM presses JOIN jobs ON jobs.id = child_id
WHERE parent_id = ? AND presses.button = ?
AND status NOT IN ('{Status.MODERATED}', '{Status.FAILED}', '{Status.EXPIRED}')
ORDER BY presses.id DESC LIMIT 1
"""


class SubmissionHistory(Subscriptions):
    """Reads of presses, whatever has become of them."""

    async def child_of(self, parent_id: int, button: str) -> KnownJob | None:
        """The job that this button has made, unless it was declined or failed: then the button may be used again."""
        rows = await self._db.rows(CHILD, (parent_id, button))
        return known_of(rows[0]) if rows else None

    async def submission_of_child(self, child_id: int) -> Submission | None:
        """The press that made a job."""
        rows = await self._db.rows(
            "SELECT * FROM presses WHERE child_id = ? AND state = 'made' ORDER BY id LIMIT 1", (child_id,)
        )
        return submission_of(rows[0]) if rows else None

    async def by_id(self, submission_id: int) -> Submission | None:
        """A press by its row id."""
        rows = await self._db.rows("SELECT * FROM presses WHERE id = ?", (submission_id,))
        return submission_of(rows[0]) if rows else None

    async def picks(self, parent_id: int, destination: Destination) -> dict[str, Delivery]:
        """The posts of the pictures that U1-U4 of a job have made, by their labels; those in this channel first."""
        rows = await self._db.rows(
            """SELECT presses.button, deliveries.* FROM presses JOIN jobs ON jobs.id = child_id
               JOIN deliveries ON deliveries.job_id = jobs.id AND kind = 'result' AND deliveries.state = 'posted'
               WHERE presses.parent_id = ? AND tier = 'pick' AND jobs.status = 'completed'
               AND deliveries.guild_id = ? AND message_id IS NOT NULL
               ORDER BY deliveries.channel_id = ?, deliveries.id""",
            (parent_id, destination.guild_id, destination.channel_id),
        )
        return {row["button"]: delivery_of(row) for row in rows}

    async def history(self, guild_id: int, *, before: int | None, limit: int) -> list[tuple[Submission, KnownJob]]:
        """A server's presses with their parents, the newest first, from the one before the row id `before` on."""
        rows = await self._db.rows(
            """SELECT presses.* FROM presses WHERE guild_id = ? AND id < coalesce(?, 9223372036854775807)
               ORDER BY id DESC LIMIT ?""",
            (guild_id, before, limit),
        )
        return [(submission, await self.known(submission.parent_id)) for submission in map(submission_of, rows)]

    async def newer_history(self, guild_id: int, *, after: int, limit: int) -> list[tuple[Submission, KnownJob]]:
        """The same for those just after the row id `after`, the newest first, too."""
        rows = await self._db.rows(
            "SELECT presses.* FROM presses WHERE guild_id = ? AND id > ? ORDER BY id LIMIT ?", (guild_id, after, limit)
        )
        return [
            (submission, await self.known(submission.parent_id)) for submission in map(submission_of, reversed(rows))
        ]

    async def totals(self, guild_id: int, since: datetime) -> list[tuple[Person, CostTier, int]]:
        """How many jobs each member's presses since then made, or may make, by tier, most first."""
        rows = await self._db.rows(
            f"""SELECT user_id, max(user_name) AS user_name, tier, count(*) AS number FROM presses
                WHERE guild_id = ? AND pressed_at > ? AND state IN ({COUNTED})
                GROUP BY user_id, tier ORDER BY number DESC, user_id""",
            (guild_id, since.timestamp()),
        )
        return [
            (Person(id=row["user_id"], name=row["user_name"]), CostTier(row["tier"]), row["number"]) for row in rows
        ]
