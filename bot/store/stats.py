"""Numbers for health checks and metrics; read only."""

from datetime import datetime
from typing import NamedTuple

from bot.store.outbox import BLOCKED, DUE
from bot.store.repository import Repository
from bot.store.rows import aware

_NEWEST = 5000


class Counts(NamedTuple):
    """How many rows there are of each kind, and how many bytes the database has."""

    jobs: dict[str, int]
    deliveries: dict[tuple[str, str], int]
    """By kind and state."""
    submissions: dict[str, int]
    size: int


class Post(NamedTuple):
    """When a result was posted, and how many seconds after its job was over."""

    at: datetime
    seconds: float


class Stats(Repository):
    """Numbers of the whole database."""

    async def counts(self) -> Counts:
        """How many rows there are, which triggers count as they change, so that this costs the same with a million."""
        rows = await self._db.rows("SELECT table_name, kind, state, number FROM row_counts WHERE number > 0")
        (size,) = await self._db.rows("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        counts = Counts(jobs={}, deliveries={}, submissions={}, size=size[0])
        for row in rows:
            match row["table_name"]:
                case "jobs":
                    counts.jobs[row["state"]] = row["number"]
                case "deliveries":
                    counts.deliveries[row["kind"], row["state"]] = row["number"]
                case "submissions":
                    counts.submissions[row["state"]] = row["number"]
        return counts

    async def newly_posted(self, after: datetime) -> list[Post]:
        """The results that were posted after this moment, of the newest thousands of deliveries."""
        rows = await self._db.rows(
            f"""SELECT posted_at, posted_at - created_at AS seconds FROM deliveries
                WHERE id > (SELECT max(id) FROM deliveries) - {_NEWEST}
                AND kind = 'result' AND state = 'posted' AND posted_at > ?""",
            (after.timestamp(),),
        )
        return [Post(aware(row["posted_at"]), row["seconds"]) for row in rows]

    async def due_channels(self) -> dict[int, datetime]:
        """The channels in which something could be posted now, and since when the oldest of it could."""
        rows = await self._db.rows(
            f"{BLOCKED} SELECT channel_id, min(next_try) {DUE} GROUP BY channel_id",
            {"now": self._clock.time()},
        )
        return {row[0]: aware(row[1]) for row in rows}

    async def sqlite_version(self) -> str:
        """The version of the SQLite library."""
        (row,) = await self._db.rows("SELECT sqlite_version()")
        return str(row[0])
