"""How long jobs took, for `bot.models.durations`: in a table of its own, so that no query scans the ended jobs."""

import aiosqlite

from bot.models import Job
from bot.models.durations import KEPT, TypicalDuration, kind_of, mode_of, seconds_of, typical
from bot.store.repository import Repository

_MODES = ("fast", "relaxed", "turbo", "")


class Durations(Repository):
    """The table `durations`."""

    async def typical(self, job: Job) -> TypicalDuration | None:
        """How long jobs of this kind take here, in all modes while its own is unknown; `None` with few samples."""
        modes = (mode,) if (mode := mode_of(job)) else _MODES
        rows = await self._db.rows(
            f"SELECT seconds FROM durations WHERE kind = ? AND mode IN ({', '.join('?' * len(modes))})",
            (kind_of(job), *modes),
        )
        return typical([row["seconds"] for row in rows])


async def note_duration(db: aiosqlite.Connection, job: Job) -> None:
    """Store, inside a transaction, how long a job took that was polled to its end; the oldest of its kind go."""
    if (seconds := seconds_of(job)) is None:
        return
    kind, mode = kind_of(job), mode_of(job)
    await db.execute("INSERT INTO durations (kind, mode, seconds) VALUES (?, ?, ?)", (kind, mode, seconds))
    await db.execute(
        """DELETE FROM durations WHERE kind = ? AND mode = ? AND id <=
           (SELECT id FROM durations WHERE kind = ? AND mode = ? ORDER BY id DESC LIMIT 1 OFFSET ?)""",
        (kind, mode, kind, mode, KEPT),
    )
