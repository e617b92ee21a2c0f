"""Members of a server: who is shut out, what they did lately, and the audit of both."""

from datetime import datetime

import aiosqlite

from bot.models import Person
from bot.models.member import AuditAction, AuditEntry, MemberNumbers, ShutOut, ShutOutReason
from bot.store.declined_statements import COUNTED_AS_DECLINED
from bot.store.member_statements import DAY, SHUT_OUT, insert_audit_entry, set_shut_out, shut_out_of
from bot.store.repository import Repository
from bot.store.rows import aware, person_of
from bot.store.submission_statements import COUNTED, RUNNING

_NEVER = 1e12  # seconds since 1970
_IS_SHUT_OUT = f"""EXISTS (SELECT 1 FROM members WHERE members.guild_id = audit_entries.guild_id
    AND members.user_id = audit_entries.user_id AND shut_out = 'declined' AND {SHUT_OUT})"""


class Members(Repository):
    """The tables `members`, apart from what members choose for themselves, and `audit_entries`."""

    async def shut_out(self, guild_id: int, user_id: int) -> ShutOut | None:
        """Whether a member is shut out of a server."""
        rows = await self._db.rows(
            f"SELECT * FROM members WHERE guild_id = :guild_id AND user_id = :user_id AND {SHUT_OUT}",
            {"guild_id": guild_id, "user_id": user_id, "now": self._clock.time()},
        )
        return shut_out_of(rows[0]) if rows else None

    async def all_shut_out(self, guild_id: int, limit: int) -> list[tuple[Person, ShutOut]]:
        """The members who are shut out of a server."""
        rows = await self._db.rows(
            f"SELECT *, name AS user_name FROM members WHERE guild_id = :guild_id AND {SHUT_OUT} LIMIT :limit",
            {"guild_id": guild_id, "limit": limit, "now": self._clock.time()},
        )
        return [(person_of(row), shut_out_of(row)) for row in rows]

    async def remember_name(self, guild_id: int, person: Person) -> None:
        """Store a member's display name."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                """INSERT INTO members (guild_id, user_id, name) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET name = ?3""",
                (guild_id, person.id, person.name),
            )

        await self._db.transaction(work)

    async def person(self, guild_id: int, user_id: int) -> Person:
        """A member with the name that was stored; the name is empty where none was."""
        rows = await self._db.rows("SELECT name FROM members WHERE guild_id = ? AND user_id = ?", (guild_id, user_id))
        return Person(id=user_id, name=rows[0]["name"] if rows else "")

    async def change(
        self, guild_id: int, user_id: int, *, shut_out: bool, until: datetime | None, manager_name: str
    ) -> None:
        """Shut a member out, or let them in; either is in the audit, and what was declined before counts no longer."""
        person = await self.person(guild_id, user_id)

        async def work(db: aiosqlite.Connection) -> None:
            shut = ShutOut(reason=ShutOutReason.MANAGER, until=until) if shut_out else None
            action = AuditAction.SHUT_OUT if shut_out else AuditAction.LET_IN
            await set_shut_out(db, self._clock, guild_id, person, shut)
            await insert_audit_entry(db, self._clock, action, guild_id, person, manager_name=manager_name, until=until)

        await self._db.transaction(work)

    async def numbers(self, guild_id: int, user_id: int, daily: int | None) -> MemberNumbers:
        """What a member did in a server in the last 24 hours, of which `daily` uses are allowed, and what goes on."""
        now = self._clock.time()
        values = {"guild_id": guild_id, "user_id": user_id, "now": now, "since": now - DAY.total_seconds()}
        uses = await self._db.rows(
            f"""SELECT created_at FROM submissions
                WHERE +guild_id = :guild_id AND user_id = :user_id AND created_at > :since AND created_at <= :now
                AND tier <> 'pick' AND {COUNTED} ORDER BY created_at DESC""",
            values,
        )
        (declined,) = await self._db.rows(f"SELECT count(*) FROM submissions WHERE {COUNTED_AS_DECLINED}", values)
        (running,) = await self._db.rows(
            f"SELECT count(*) FROM ({RUNNING}) WHERE guild_id = :guild_id AND user_id = :user_id", values
        )
        next_use = uses[: daily or None][-1:]
        return MemberNumbers(
            used=len(uses),
            declined=declined[0],
            running=running[0],
            next_at=aware(next_use[0]["created_at"]) + DAY if next_use else None,
        )

    # --- audit ------------------------------------------------------------------------------------------------------

    async def audit(
        self, guild_id: int, *, since: datetime | None, before: datetime | None, limit: int
    ) -> list[AuditEntry]:
        """The newest entries of a server, from `since` on and before `before`, the newest first."""
        rows = await self._db.rows(
            """SELECT * FROM audit_entries WHERE guild_id = ? AND created_at >= ? AND created_at < ?
               ORDER BY created_at DESC, id DESC LIMIT ?""",
            (
                guild_id,
                0.0 if since is None else since.timestamp(),
                _NEVER if before is None else before.timestamp(),
                limit,
            ),
        )
        return [_entry_of(row) for row in rows]

    async def audit_of(self, guild_id: int, user_id: int, limit: int) -> list[AuditEntry]:
        """The newest entries about a member of a server, the newest first."""
        rows = await self._db.rows(
            """SELECT * FROM audit_entries WHERE guild_id = ? AND user_id = ?
               ORDER BY created_at DESC, id DESC LIMIT ?""",
            (guild_id, user_id, limit),
        )
        return [_entry_of(row) for row in rows]

    async def any_alert(self) -> bool:
        """Whether an alert about a shut-out is due or open."""
        (row,) = await self._db.rows("SELECT EXISTS (SELECT 1 FROM audit_entries WHERE alert <> 'none')")
        return bool(row[0])

    async def alerts_due(self) -> list[AuditEntry]:
        """The entries about which the admin of the bot has to be alerted."""
        return await self._with_alert("alert = 'due'")

    async def alerts_over(self) -> list[AuditEntry]:
        """The entries of which an alert is open although their member is not shut out for that any more."""
        return await self._with_alert(f"alert = 'open' AND NOT {_IS_SHUT_OUT}")

    async def set_alert(self, entry: AuditEntry, *, is_open: bool) -> None:
        """Record that the alert about an entry was opened, or closed."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                "UPDATE audit_entries SET alert = ? WHERE id = ?", ("open" if is_open else "none", entry.id)
            )

        await self._db.transaction(work)

    async def next_end(self) -> datetime | None:
        """When the first shut-out ends of which an alert is open."""
        (row,) = await self._db.rows("SELECT min(until) FROM audit_entries WHERE alert <> 'none' AND alert = 'open'")
        return None if row[0] is None else aware(row[0])

    async def _with_alert(self, which: str) -> list[AuditEntry]:
        rows = await self._db.rows(
            f"SELECT * FROM audit_entries WHERE alert <> 'none' AND {which} ORDER BY id",
            {"now": self._clock.time()},
        )
        return [_entry_of(row) for row in rows]


def _entry_of(row: aiosqlite.Row) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        action=AuditAction(row["action"]),
        guild_id=row["guild_id"],
        person=person_of(row),
        manager_name=row["manager_name"],
        until=None if row["until"] is None else aware(row["until"]),
        created_at=aware(row["created_at"]),
    )
