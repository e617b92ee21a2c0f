"""Deletion of jobs that ended long ago, with everything that belongs to them."""

import asyncio
import logging
from datetime import datetime, timedelta

import aiosqlite

from bot.errors import StoreUnavailable
from bot.models import OPEN_SUBMISSIONS
from bot.store.delivery_statements import OPEN
from bot.store.prompt_statements import remove_from_index
from bot.store.repository import Repository
from bot.store.rows import IDS, ids_parameter

log = logging.getLogger(__name__)

_BATCH = 50  # jobs, or submissions without one, in one transaction
_PAUSE = 0.1  # seconds between two of them, for everything else that uses the database

_IS_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_SUBMISSIONS))
# Deleting a job deletes its subscriptions, its deliveries and the submissions of its buttons. So none of these may be
# younger than the limit: submissions count against a server's numbers, and the buttons of recent posts should work.
_PRUNABLE = f"""
SELECT id, EXISTS (SELECT 1 FROM deliveries WHERE job_id = jobs.id AND state = 'undeliverable')
FROM jobs WHERE id > :after AND id <= :upto
AND (over_at < :before OR (over = 0 AND changed_at < :before
     AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE job_id = jobs.id AND NOT stopped)))
AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE job_id = jobs.id AND created_at >= :before)
AND NOT EXISTS (SELECT 1 FROM deliveries WHERE job_id = jobs.id AND (
    {OPEN} OR created_at >= :before
    OR (state = 'posted' AND (revision > posted_revision OR picture_until IS NOT NULL))))
AND NOT EXISTS (SELECT 1 FROM submissions WHERE parent_id = jobs.id
                AND (state IN ({_IS_OPEN}) OR notified = 0 OR created_at >= :before))
AND NOT EXISTS (SELECT 1 FROM submissions WHERE child_id = jobs.id AND created_at >= :before)
"""
# Submissions of prompts that have no job, or no longer have it: no job's deletion deletes them. SQLite would take the
# index of children, in which all buttons of a job that made none stand.
_DELETE_PROMPTS = f"""
DELETE FROM submissions WHERE id IN (
SELECT id FROM submissions INDEXED BY submissions_without_job
WHERE parent_id IS NULL AND child_id IS NULL AND created_at < :before
AND state NOT IN ({_IS_OPEN}) AND notified = 1
AND NOT EXISTS (SELECT 1 FROM deliveries WHERE submission_id = submissions.id AND ({OPEN} OR created_at >= :before))
LIMIT {_BATCH})
"""
_DELETE_AUDIT = "DELETE FROM audit_entries WHERE created_at < :before AND alert = 'none'"


# Of members without a choice of their own who are not shut out; names that were looked up are needed for a moment.
_DELETE_MEMBERS = """
DELETE FROM members WHERE pings = 1 AND (shut_out IS NULL OR shut_out_until < :before) AND declined_from < :before
"""


class Pruning(Repository):
    """The nightly deletion, in steps between which other work gets the database."""

    async def prune(self, days: int) -> int:
        """Delete the jobs without news, subscriptions or submissions for so many days; how many there were.

        In small transactions. The time is the wall clock's or Discord's, whichever is earlier: a clock that runs ahead
        by years must not delete what is recent.
        """
        before = self._clock.earliest_now() - timedelta(days=days)
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
            except StoreUnavailable:  # already logged and alerted by Database
                break
            deleted += len(gone)
            unposted += sum(gone)
            after = upto
            if gone:
                await asyncio.sleep(_PAUSE)
        prompts = _BATCH
        while prompts == _BATCH:
            prompts = await self._execute(_DELETE_PROMPTS, before)
            await asyncio.sleep(_PAUSE if prompts else 0)
        await self._execute(_DELETE_AUDIT, before)
        await self._execute(_DELETE_MEMBERS, before)
        if deleted:
            log.info(
                "Deleted %d jobs that ended before %s, %d of them with a result that could never be posted",
                deleted,
                before.date(),
                unposted,
            )
        return deleted

    async def _execute(self, statement: str, before: datetime) -> int:
        """Delete in one transaction; how many rows, none where the database cannot be written."""

        async def work(db: aiosqlite.Connection) -> int:
            return (await db.execute(statement, {"before": before.timestamp()})).rowcount

        try:
            return await self._db.transaction(work)
        except StoreUnavailable:  # already logged and alerted by Database
            return 0

    async def _delete(self, after: int, upto: int, before: datetime) -> list[int]:
        async def work(db: aiosqlite.Connection) -> list[int]:
            within = {"after": after, "upto": upto, "before": before.timestamp()}
            rows = [tuple(row) for row in await db.execute_fetchall(_PRUNABLE, within)]
            job_ids = [job_id for job_id, _ in rows]
            await remove_from_index(db, job_ids)
            await db.execute(f"DELETE FROM jobs WHERE id IN {IDS}", (ids_parameter(job_ids),))
            return [unposted for _, unposted in rows]

        return await self._db.transaction(work)
