"""What follows when Midjourney declined a submission; part of the transaction that stores this."""

import aiosqlite
import msgspec

from bot.models import ServerSettings
from bot.models.member import AuditAction, ShutOut, ShutOutReason
from bot.store.clock import Clock
from bot.store.member_statements import DAY, insert_audit_entry, set_shut_out, shut_out
from bot.store.rows import aware
from bot.store.submission_statements import DECLINED, one_submission

COUNTED_AS_DECLINED = f"""
    +guild_id = :guild_id AND user_id = :user_id AND NOT by_moderator
    AND (tier <> 'pick' OR kind = 'describe') AND {DECLINED}
    AND created_at <= :now AND created_at > :now - {DAY.total_seconds()}
    AND created_at > coalesce((SELECT declined_from FROM members AS member
        WHERE member.guild_id = :guild_id AND member.user_id = :user_id AND declined_from <= :now), 0)
"""
"""The submissions of a member in a server that count."""


async def note_declined(db: aiosqlite.Connection, clock: Clock, which: str, row_id: int) -> None:
    """Shut out the member of a declined submission for a day, where it is one too many in its server.

    `which` is a condition of a submission, with `row_id` as its value.
    """
    submission = await one_submission(db, which, (row_id,))
    if submission is None:
        return
    guild_id, person = submission.destination.guild_id, submission.person
    if await shut_out(db, clock, guild_id, person.id) is not None:
        return
    values = {"guild_id": guild_id, "user_id": person.id, "now": clock.time()}
    rows = await db.execute_fetchall(f"SELECT count(*) FROM submissions WHERE {COUNTED_AS_DECLINED}", values)
    if next(iter(rows))[0] < await _declined_limit(db, guild_id):
        return
    until = aware(clock.time()) + DAY
    await set_shut_out(db, clock, guild_id, person, ShutOut(reason=ShutOutReason.DECLINED, until=until))
    await insert_audit_entry(db, clock, AuditAction.DECLINED, guild_id, person, until=until)


async def _declined_limit(db: aiosqlite.Connection, guild_id: int) -> int:
    rows = await db.execute_fetchall("SELECT settings FROM servers WHERE guild_id = ?", (guild_id,))
    text = next((row["settings"] for row in rows), "{}")
    return msgspec.json.decode(text, type=ServerSettings).declined
