"""What the bot does to its own database by night: a copy, and the deletion of what nobody needs any more."""

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiosqlite

from bot.errors import StoreUnavailable
from bot.models import OPEN_SUBMISSIONS
from bot.store import backups
from bot.store.outbox import OPEN, Outbox
from bot.store.rows import aware

log = logging.getLogger(__name__)

_BATCH = 50  # jobs in one transaction
_BREATH = 0.1  # seconds between two of them, in which everybody else may have the database
_DISCORDS_FIRST_SECOND = 1420070400.0

_IS_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_SUBMISSIONS))
# Deleting a job deletes its watches, its deliveries and the presses of its buttons. So nothing of these may be younger
# than the limit: presses are counted against a server's numbers, and a post of yesterday has buttons that should work.
_DONE_WITH = f"""
SELECT id, EXISTS (SELECT 1 FROM deliveries WHERE job_id = jobs.id AND state = 'undeliverable')
FROM jobs WHERE id > :after AND id <= :upto
AND (over_at < :before OR (over = 0 AND changed_at < :before
     AND NOT EXISTS (SELECT 1 FROM watches WHERE job_id = jobs.id AND NOT stopped)))
AND NOT EXISTS (SELECT 1 FROM watches WHERE job_id = jobs.id AND asked_at >= :before)
AND NOT EXISTS (SELECT 1 FROM deliveries WHERE job_id = jobs.id AND (
    {OPEN} OR created_at >= :before OR (state = 'posted' AND (wanted > shown OR picture_until IS NOT NULL))))
AND NOT EXISTS (SELECT 1 FROM presses WHERE parent_id = jobs.id
                AND (state IN ({_IS_OPEN}) OR told = 0 OR pressed_at >= :before))
AND NOT EXISTS (SELECT 1 FROM presses WHERE child_id = jobs.id AND pressed_at >= :before)
"""


class Pruning(Outbox):
    """The nightly work, each piece of which lets everybody else through."""

    async def back_up(self, data_dir: Path, keep: int) -> Path:
        """Make a checked copy of the database in data_dir/backups, of which the newest `keep` stay; where it is.

        Nobody else has the database while SQLite writes the copy: 0.75 s for 100,000 jobs (265 MB) on a fast disk. Its
        check takes place beside. Raises `backups.BackupError`.
        """
        part = backups.begin(data_dir, self._now())
        try:
            await self._db.rows("VACUUM INTO ?", (str(part),))
        except sqlite3.Error as error:
            part.unlink(missing_ok=True)
            raise backups.BackupError(f"The nightly copy of the database could not be made ({error}).") from None
        return await asyncio.to_thread(backups.finish, part, keep)

    async def prune(self, days: int) -> int:
        """Delete the jobs of which nothing was heard, asked or pressed for so many days; how many there were.

        In small transactions. The clock is ours or Discord's, whichever is behind: one that runs ahead by years must
        not delete what is young.
        """
        before = self._last_sure_time() - timedelta(days=days)
        deleted = unposted = after = 0
        while window := await self._db.rows(
            "SELECT max(id), min(added_at) FROM (SELECT id, added_at FROM jobs WHERE id > ? ORDER BY id LIMIT ?)",
            (after, _BATCH),
        ):
            upto, oldest = window[0]
            if upto is None or oldest >= before.timestamp():  # row ids grow with the time: what follows is younger
                break
            try:
                gone = await self._delete(after, upto, before)
            except StoreUnavailable:  # of which the store itself tells
                break
            deleted += len(gone)
            unposted += sum(gone)
            after = upto
            if gone:
                await asyncio.sleep(_BREATH)
        if deleted:
            log.info(
                "Deleted %d jobs that ended before %s, %d of them with a result that could never be posted",
                deleted,
                before.date(),
                unposted,
            )
        return deleted

    async def _delete(self, after: int, upto: int, before: datetime) -> list[int]:
        async def work(db: aiosqlite.Connection) -> list[int]:
            within = {"after": after, "upto": upto, "before": before.timestamp()}
            rows = [tuple(row) for row in await db.execute_fetchall(_DONE_WITH, within)]
            await db.executemany("DELETE FROM jobs WHERE id = ?", [(job_id,) for job_id, _ in rows])
            return [unposted for _, unposted in rows]

        return await self._db.transaction(work)

    def _last_sure_time(self) -> datetime:
        """The time of the newest thing that Discord made, unless our clock is behind that."""
        discords = aware(_DISCORDS_FIRST_SECOND + (self._seen >> 22) / 1000)
        return min(self._now().astimezone(UTC), discords)
