"""What is kept about one member in all servers: counted, listed, and forgotten when the member asks for it."""

from datetime import datetime
from typing import Any

import aiosqlite

from bot.models.kept_data import (
    KeptAuditEntry,
    KeptCounts,
    KeptData,
    KeptMembership,
    KeptStar,
    KeptSubmission,
    KeptSubscription,
)
from bot.store.forget_statements import AWAITED, UNFINISHED, forget, request
from bot.store.member_statements import SHUT_OUT
from bot.store.repository import Repository
from bot.store.rows import aware

_LISTED = 10_000  # of each kind: some megabytes, which Discord takes as a file


class KeptDataOfMembers(Repository):
    """Reads and changes by the id of a member, in whatever table; and the table `forget_requests`."""

    async def counts(self, user_id: int) -> KeptCounts:
        """How much is kept about a member."""
        values = {"user_id": user_id, "now": self._clock.time()}
        (subscriptions,) = await self._db.rows(
            f"SELECT count(*), coalesce(sum({AWAITED}), 0) FROM subscriptions WHERE user_id = :user_id", values
        )
        (submissions,) = await self._db.rows(
            f"SELECT count(*), coalesce(sum({UNFINISHED}), 0) FROM submissions WHERE user_id = :user_id", values
        )
        (stars,) = await self._db.rows("SELECT count(*) FROM stars WHERE user_id = :user_id", values)
        (members,) = await self._db.rows(
            f"SELECT count(*), coalesce(sum({SHUT_OUT}), 0) FROM members WHERE user_id = :user_id", values
        )
        (audit,) = await self._db.rows("SELECT count(*) FROM audit_entries WHERE user_id = :user_id", values)
        requests = await self._db.rows("SELECT requested_at FROM forget_requests WHERE user_id = :user_id", values)
        return KeptCounts(
            subscriptions=subscriptions[0],
            awaited=subscriptions[1],
            submissions=submissions[0],
            unfinished=submissions[1],
            stars=stars[0],
            memberships=members[0],
            shut_out=members[1],
            audit=audit[0],
            requested_at=aware(requests[0][0]) if requests else None,
        )

    async def read(self, user_id: int) -> KeptData:
        """All of it, without tokens and without ids of jobs, which may name the payer."""
        subscriptions = await self._newest(
            "SELECT subscriptions.*, key FROM subscriptions JOIN jobs ON jobs.id = job_id WHERE user_id = ?", user_id
        )
        submissions = await self._newest(
            """SELECT submissions.*, (SELECT key FROM jobs WHERE jobs.id = parent_id) AS parent_key,
                      (SELECT key FROM jobs WHERE jobs.id = child_id) AS child_key,
                      (SELECT count(*) FROM submission_pictures WHERE submission_id = submissions.id) AS pictures
               FROM submissions WHERE user_id = ?""",
            user_id,
        )
        audit = await self._newest("SELECT * FROM audit_entries WHERE user_id = ?", user_id)
        stars = await self._newest(
            "SELECT stars.*, key, job_id AS id FROM stars JOIN jobs ON jobs.id = job_id WHERE user_id = ?", user_id
        )
        members = await self._db.rows("SELECT * FROM members WHERE user_id = ? LIMIT ?", (user_id, _LISTED))
        counts = await self.counts(user_id)
        listed = len(subscriptions) + len(submissions) + len(stars) + len(audit) + len(members)
        kept = counts.subscriptions + counts.submissions + counts.stars + counts.audit + counts.memberships
        return KeptData(
            user=str(user_id),
            subscriptions=tuple(map(_subscription_of, subscriptions)),
            submissions=tuple(map(_submission_of, submissions)),
            stars=tuple(KeptStar(job=f"#{row['key']}", server=str(row["guild_id"])) for row in stars),
            memberships=tuple(map(_membership_of, members)),
            audit=tuple(map(_audit_entry_of, audit)),
            left_out=max(kept - listed, 0),
        )

    async def forget(self, user_id: int) -> None:
        """Forget a member: at once what is not needed any more, the rest when `forget_more` finds that it is not."""
        now = self._clock.time()

        async def work(db: aiosqlite.Connection) -> None:
            await request(db, now, user_id)
            await forget(db, now, user_id, now)

        await self._db.transaction(work)

    async def forget_more(self) -> None:
        """Forget more of the members who asked for it, a transaction each."""
        for user_id, requested_at in await self._db.rows("SELECT user_id, requested_at FROM forget_requests"):

            async def work(db: aiosqlite.Connection, user_id: int = user_id, since: float = requested_at) -> None:
                await forget(db, self._clock.time(), user_id, since)

            await self._db.transaction(work)

    async def _newest(self, query: str, user_id: int) -> list[aiosqlite.Row]:
        return list(await self._db.rows(f"SELECT * FROM ({query}) ORDER BY id DESC LIMIT ?", (user_id, _LISTED)))


def _key(key: str | None) -> str | None:
    return None if key is None else f"#{key}"


def _where(row: aiosqlite.Row) -> dict[str, Any]:
    return {"server": str(row["guild_id"]), "channel": str(row["channel_id"]), "name": row["user_name"]}


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else aware(seconds)


def _subscription_of(row: aiosqlite.Row) -> KeptSubscription:
    return KeptSubscription(
        job=f"#{row['key']}",
        since=aware(row["created_at"]),
        how=row["origin"],
        stopped=bool(row["stopped"]),
        **_where(row),
    )


def _submission_of(row: aiosqlite.Row) -> KeptSubmission:
    return KeptSubmission(
        kind=row["kind"],
        button=row["button"],
        prompt=row["prompt"],
        created=aware(row["created_at"]),
        state=row["state"],
        of=_key(row["parent_key"]),
        job=_key(row["child_key"]),
        pictures=row["pictures"],
        **_where(row),
    )


def _membership_of(row: aiosqlite.Row) -> KeptMembership:
    return KeptMembership(
        server=str(row["guild_id"]),
        name=row["name"],
        pings=bool(row["pings"]),
        shut_out=row["shut_out"],
        shut_out_until=_time(row["shut_out_until"]),
    )


def _audit_entry_of(row: aiosqlite.Row) -> KeptAuditEntry:
    return KeptAuditEntry(
        server=str(row["guild_id"]),
        name=row["user_name"],
        action=row["action"],
        created=aware(row["created_at"]),
        until=_time(row["until"]),
    )
