"""Statements about members that several transactions share; each runs inside the transaction of its caller."""

from datetime import datetime, timedelta

import aiosqlite

from bot.models import Person
from bot.models.member import AuditAction, ShutOut, ShutOutReason
from bot.store.clock import Clock
from bot.store.rows import aware

DAY = timedelta(days=1)
"""For how long declined submissions count, and their member has to wait."""
SHUT_OUT = f"""shut_out IS NOT NULL AND (shut_out_until IS NULL OR shut_out_until > :now)
    AND (shut_out <> '{ShutOutReason.DECLINED}' OR shut_out_until < :now + {2 * DAY.total_seconds()})"""
"""Whether a row of `members` is that of somebody who is shut out.

A day for declined jobs that would be over only later than in two days is left from a wall clock that was set back.
"""


def shut_out_of(row: aiosqlite.Row) -> ShutOut:
    """A row of `members` for which `SHUT_OUT` holds."""
    until = row["shut_out_until"]
    return ShutOut(reason=ShutOutReason(row["shut_out"]), until=None if until is None else aware(until))


async def shut_out(db: aiosqlite.Connection, clock: Clock, guild_id: int, user_id: int) -> ShutOut | None:
    """Whether a member is shut out of a server."""
    rows = await db.execute_fetchall(
        f"SELECT * FROM members WHERE guild_id = :guild_id AND user_id = :user_id AND {SHUT_OUT}",
        {"guild_id": guild_id, "user_id": user_id, "now": clock.time()},
    )
    return next((shut_out_of(row) for row in rows), None)


async def set_shut_out(
    db: aiosqlite.Connection, clock: Clock, guild_id: int, person: Person, shut: ShutOut | None
) -> None:
    """Shut a member out, or let them in; what was declined until now does not count any more."""
    until = None if shut is None or shut.until is None else shut.until.timestamp()
    await db.execute(
        """INSERT INTO members (guild_id, user_id, name, shut_out, shut_out_until, declined_from)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6)
           ON CONFLICT DO UPDATE SET name = ?3, shut_out = ?4, shut_out_until = ?5, declined_from = ?6""",
        (guild_id, person.id, person.name, None if shut is None else shut.reason, until, clock.time()),
    )


async def insert_audit_entry(
    db: aiosqlite.Connection,
    clock: Clock,
    action: AuditAction,
    guild_id: int,
    person: Person,
    *,
    manager_name: str = "",
    until: datetime | None = None,
) -> None:
    """Add an entry; the bot's own ones are due to be alerted."""
    await db.execute(
        """INSERT INTO audit_entries (action, guild_id, user_id, user_name, manager_name, until, created_at, alert)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            action,
            guild_id,
            person.id,
            person.name,
            manager_name,
            None if until is None else until.timestamp(),
            clock.time(),
            "due" if action is AuditAction.DECLINED else "none",
        ),
    )
