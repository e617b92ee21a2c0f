"""Reads of submissions in any state: for repeated presses, for the parents' posts, and for a server's admins."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import aiosqlite

from bot.models import CostTier, Delivery, Destination, KnownJob, Person, Submission, SubmissionKind
from bot.store.repository import Repository
from bot.store.rows import delivery_of, known_of, submission_of
from bot.store.submission_statements import CHILD, DECLINED


class SubmissionHistory(Repository):
    """What became of the submissions."""

    async def child_of(self, parent_id: int, button: str) -> KnownJob | None:
        """The job that this button made, unless it was declined or failed: then the button may be used again."""
        rows = await self._db.rows(CHILD, (parent_id, button))
        return known_of(rows[0]) if rows else None

    async def lost_lately(self, parent_id: int, button: str, age: timedelta) -> bool:
        """Whether a submission of this button was sent at most `age` ago, in any server, and its job is not known."""
        rows = await self._db.rows(
            """SELECT 1 FROM submissions WHERE parent_id = ? AND button = ? AND state = 'lost' AND sent_at > ?
               LIMIT 1""",
            (parent_id, button, self._clock.time() - age.total_seconds()),
        )
        return bool(rows)

    async def of_child(self, child_id: int | None) -> Submission | None:
        """The submission that made a job."""
        rows = await self._db.rows(
            "SELECT * FROM submissions WHERE child_id = ? AND state = 'accepted' ORDER BY id LIMIT 1", (child_id,)
        )
        return submission_of(rows[0]) if rows else None

    async def by_id(self, submission_id: int) -> Submission | None:
        """A submission by its row id."""
        rows = await self._db.rows("SELECT * FROM submissions WHERE id = ?", (submission_id,))
        return submission_of(rows[0]) if rows else None

    async def by_reference(self, reference: str) -> Submission | None:
        """The submission that was sent with this reference."""
        rows = await self._db.rows("SELECT * FROM submissions WHERE reference = ?", (reference,))
        return submission_of(rows[0]) if rows else None

    async def prompts(self, user_id: int, guild_id: int, *, limit: int) -> list[tuple[int, str]]:
        """The row ids and prompts of what a member sent with `/imagine` in this server, the newest first.

        Left out are prompts that Midjourney declined.
        """
        rows = await self._db.rows(
            f"""SELECT id, prompt FROM submissions WHERE user_id = ? AND guild_id = ? AND kind = 'imagine'
                AND NOT {DECLINED} ORDER BY id DESC LIMIT ?""",
            (user_id, guild_id, limit),
        )
        return [(row["id"], row["prompt"]) for row in rows]

    async def prompt(self, submission_id: int, user_id: int, guild_id: int) -> str | None:
        """The prompt that this member sent with `/imagine` in this server, by its row id; `None` if it is another's."""
        rows = await self._db.rows(
            "SELECT prompt FROM submissions WHERE id = ? AND user_id = ? AND guild_id = ? AND kind = 'imagine'",
            (submission_id, user_id, guild_id),
        )
        return rows[0]["prompt"] if rows else None

    async def picks(self, parent_id: int, destination: Destination) -> dict[str, Delivery]:
        """The posts of the pictures that U1-U4 of a job made, by their labels; those in this channel first."""
        rows = await self._db.rows(
            """SELECT submissions.button, deliveries.* FROM submissions JOIN jobs ON jobs.id = child_id
               JOIN deliveries ON deliveries.job_id = jobs.id AND deliveries.kind = 'result'
               AND deliveries.state = 'posted'
               WHERE submissions.parent_id = ? AND tier = 'pick' AND jobs.status = 'completed'
               AND deliveries.guild_id = ? AND message_id IS NOT NULL
               ORDER BY deliveries.channel_id = ?, deliveries.id""",
            (parent_id, destination.guild_id, destination.channel_id),
        )
        return {row["button"]: delivery_of(row) for row in rows}

    async def page(self, guild_id: int, *, before: int | None, limit: int) -> list[tuple[Submission, KnownJob | None]]:
        """A server's submissions with their parents, if any, the newest first, those before the row id `before`."""
        rows = await self._db.rows(
            """SELECT * FROM submissions WHERE guild_id = ? AND id < coalesce(?, 9223372036854775807)
               ORDER BY id DESC LIMIT ?""",
            (guild_id, before, limit),
        )
        return await self._with_parents(rows)

    async def newer_page(self, guild_id: int, *, after: int, limit: int) -> list[tuple[Submission, KnownJob | None]]:
        """The same for those just after the row id `after`, the newest first too."""
        rows = await self._db.rows(
            "SELECT * FROM submissions WHERE guild_id = ? AND id > ? ORDER BY id LIMIT ?", (guild_id, after, limit)
        )
        return await self._with_parents(reversed(rows))

    async def totals(self, guild_id: int, since: datetime) -> list[tuple[Person, CostTier | SubmissionKind, int]]:
        """How many submissions each member has made since then, in whatever state, by tier, most first.

        Descriptions, which have the tier of U1-U4, are counted by their kind.
        """
        rows = await self._db.rows(
            """SELECT user_id, max(user_name) AS user_name, iif(kind = 'describe', kind, tier) AS what,
               count(*) AS number FROM submissions
               WHERE guild_id = ? AND created_at > ? GROUP BY user_id, what ORDER BY number DESC, user_id""",
            (guild_id, since.timestamp()),
        )
        return [
            (Person(id=row["user_id"], name=row["user_name"]), _counted_as(row["what"]), row["number"]) for row in rows
        ]

    async def _with_parents(self, rows: Iterable[aiosqlite.Row]) -> list[tuple[Submission, KnownJob | None]]:
        found = []
        for submission in map(submission_of, rows):
            parents = await self._db.rows("SELECT * FROM jobs WHERE id = ?", (submission.parent_id,))
            found.append((submission, next(map(known_of, parents), None)))
        return found


def _counted_as(what: str) -> CostTier | SubmissionKind:
    return SubmissionKind.DESCRIBE if what == SubmissionKind.DESCRIBE else CostTier(what)
