"""Jobs as the provider described them last."""

import json
from collections.abc import Collection, Sequence

import aiosqlite
import msgspec

from bot.models import Destination, Job, KnownJob, PollTarget, ProviderName
from bot.store.delivery_statements import edit_results
from bot.store.job_statements import apply_updates, one_known
from bot.store.repository import Repository
from bot.store.rows import aware, decode_all, destination_of, encode, ids_parameter, known_job, known_of
from bot.store.submission_statements import ADDED_LATELY, STARTED_LATELY

_POLL_CANCELLED_FOR = 3600.0  # seconds: Midjourney may finish a cancelled job all the same
_PAGE = 2000
_SUBSCRIBED = "EXISTS (SELECT 1 FROM subscriptions WHERE job_id = jobs.id AND NOT stopped)"
_TARGETS = msgspec.json.Decoder(list[tuple[int, str, float, float, float | None, float, int, int]])


class Jobs(Repository):
    """The table `jobs`."""

    async def find(self, job_id: int | None) -> KnownJob | None:
        """The job with this row id; `None` without an id."""
        return None if job_id is None else await self.get(job_id)

    async def get(self, job_id: int) -> KnownJob:
        """The job of a row id that the store itself gave out."""
        (row,) = await self._db.rows("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return known_of(row)

    async def by_jobid(self, provider: ProviderName, jobid: str) -> KnownJob | None:
        """The job with the provider's id, in whatever server it was requested."""
        rows = await self._db.rows("SELECT * FROM jobs WHERE jobid = ? AND provider = ?", (jobid, provider))
        return known_of(rows[0]) if rows else None

    async def by_key(self, key: str, guild_id: int) -> KnownJob | None:
        """The job with this key, if it was ever subscribed in this server."""
        rows = await self._db.rows(
            """SELECT * FROM jobs WHERE key = ?
               AND EXISTS (SELECT 1 FROM subscriptions WHERE guild_id = ? AND job_id = jobs.id)""",
            (key.upper(), guild_id),
        )
        return known_of(rows[0]) if rows else None

    async def recent(
        self, destination: Destination, user_id: int, channels: Collection[int], limit: int = 100
    ) -> list[KnownJob]:
        """The jobs last subscribed by this member in these channels, or by any member in this channel, newest first.

        Read from the newest subscriptions of both, twice as many as `limit`: a job has one per member and channel.
        """
        rows = await self._db.rows(
            """SELECT jobs.* FROM jobs JOIN (
                   SELECT job_id, max(id) AS newest FROM (
                       SELECT * FROM (SELECT id, job_id FROM subscriptions WHERE guild_id = ? AND user_id = ?
                                      AND channel_id IN (SELECT value FROM json_each(?))
                                      ORDER BY id DESC LIMIT ?)
                       UNION ALL
                       SELECT * FROM (SELECT id, job_id FROM subscriptions WHERE channel_id = ?
                                      ORDER BY id DESC LIMIT ?))
                   GROUP BY job_id ORDER BY newest DESC LIMIT ?
               ) ON jobs.id = job_id ORDER BY newest DESC""",
            (
                destination.guild_id,
                user_id,
                json.dumps([*channels]),
                2 * limit,
                destination.channel_id,
                2 * limit,
                limit,
            ),
        )
        return [known_of(row) for row in rows]

    async def to_poll(self, provider: ProviderName) -> list[int]:
        """The row ids of a provider's jobs that may have news: running, or cancelled within an hour.

        Those that run are subscribed or `STARTED_LATELY`. Those that were cancelled are subscribed: whatever Midjourney
        makes of them, they count no more.
        """
        now = self._clock.time()
        found: list[int] = []
        while rows := await self._db.rows(  # page by page: other queries get their turn, and no row stays in memory
            f"""SELECT id FROM jobs WHERE over = 0 AND provider = :provider AND id > :after
                AND ({_SUBSCRIBED} OR {STARTED_LATELY}) ORDER BY id LIMIT :limit""",
            {"provider": provider, "after": found[-1] if found else 0, "now": now, "limit": _PAGE},
        ):
            found += (row["id"] for row in rows)
        cancelled = await self._db.rows(
            f"SELECT id FROM jobs WHERE status = 'cancelled' AND over_at > ? AND provider = ? AND {_SUBSCRIBED}",
            (now - _POLL_CANCELLED_FOR, provider),
        )
        return [*found, *(row["id"] for row in cancelled)]

    async def poll_targets(self, job_ids: Sequence[int]) -> list[PollTarget]:
        """What polling each of these jobs needs; those that are over or without a subscription are left out."""
        # One row, see `decode_all`. As JSON, times are exact to 10 microseconds.
        ((answers, columns),) = await self._db.rows(
            f"""SELECT group_concat(answer), json_group_array(json_array(
                    id, key, added_at, changed_at, over_at, subscribed_at, guild_id, channel_id))
                FROM (SELECT jobs.id AS id, key, answer, added_at, changed_at, over_at,
                             max(created_at) AS subscribed_at, guild_id, channel_id
                      FROM jobs JOIN subscriptions ON job_id = jobs.id AND NOT stopped
                      WHERE jobs.id IN ({", ".join("?" * len(job_ids))})
                      AND (over = 0 OR status = 'cancelled' AND over_at > ?) GROUP BY jobs.id)""",
            (*job_ids, self._clock.time() - _POLL_CANCELLED_FOR),
        )
        jobs = zip(decode_all(answers), _TARGETS.decode(columns), strict=True)
        return [
            PollTarget(
                known=known_job(job_id, key, job, added_at, changed_at, over_at),
                subscribed_at=aware(subscribed_at),
                destination=Destination(guild_id=guild_id, channel_id=channel_id),
            )
            for job, (job_id, key, added_at, changed_at, over_at, subscribed_at, guild_id, channel_id) in jobs
        ]

    async def targets_without_subscription(self, job_ids: Sequence[int]) -> list[PollTarget]:
        """What polling those of these jobs needs that run and are `STARTED_LATELY`."""
        rows = await self._db.rows(
            f"""SELECT jobs.*, guild_id, channel_id, max(submissions.id)
                FROM jobs CROSS JOIN submissions ON child_id = jobs.id AND state = 'accepted'
                WHERE jobs.id IN (SELECT value FROM json_each(:ids)) AND over = 0 AND {ADDED_LATELY}
                GROUP BY jobs.id""",
            {"ids": ids_parameter(job_ids), "now": self._clock.time()},
        )
        return [
            PollTarget(known=(known := known_of(row)), subscribed_at=known.added_at, destination=destination_of(row))
            for row in rows
        ]

    async def record(self, news: Sequence[tuple[int, Job]]) -> None:
        """Store what polls of these jobs (by row id) found, all or nothing; see `apply_updates`."""

        async def work(db: aiosqlite.Connection) -> None:
            await apply_updates(db, self._clock, news)

        await self._db.transaction(work)

    async def remove_buttons(self, job_id: int) -> None:
        """Remove the buttons of a job from it and from its posts, because none of them works any more."""

        async def work(db: aiosqlite.Connection) -> None:
            known = await one_known(db, "id = ?", (job_id,))
            if known is not None and known.job.buttons:
                bare = msgspec.structs.replace(known.job, buttons=())
                await db.execute("UPDATE jobs SET answer = ? WHERE id = ?", (encode(bare), job_id))
                await edit_results(db, self._clock, job_id)

        await self._db.transaction(work)
