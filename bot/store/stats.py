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
        """Count everything: 0.2 s for 100,000 jobs, in which the database is busy. So not too often."""
        jobs = await self._db.rows("SELECT status, count(*) FROM jobs GROUP BY status")
        deliveries = await self._db.rows("SELECT kind, state, count(*) FROM deliveries GROUP BY kind, state")
        submissions = await self._db.rows("SELECT state, count(*) FROM submissions GROUP BY state")
        (size,) = await self._db.rows("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return Counts(
            jobs={row[0]: row[1] for row in jobs},
            deliveries={(row[0], row[1]): row[2] for row in deliveries},
            submissions={row[0]: row[1] for row in submissions},
            size=size[0],
        )

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
