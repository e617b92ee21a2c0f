"""What of a member is forgotten, and when: statements that run inside the transaction of their caller.

A subscription is needed until its job is over and posted. A submission keeps its member until it ended and its presser
was notified; its member's id is needed for another day, because it counts for the numbers of single members. Both stay
without the member, for the numbers of the server, for rights to the job, and to find the job of a pressed button.
"""

import aiosqlite

from bot.store.delivery_statements import OPEN
from bot.store.member_statements import SHUT_OUT
from bot.store.submission_statements import OPEN_STATES

COUNTED_SECONDS = 86400.0
"""How long a submission counts for its member: see `Limits` and `bot.store.declined_statements`."""
_CANCELLED_SECONDS = 3600.0  # Midjourney may finish a cancelled job all the same, see bot.store.jobs

AWAITED = f"""NOT stopped AND EXISTS (
    SELECT 1 FROM jobs WHERE jobs.id = job_id
    AND (over = 0 OR (status = 'cancelled' AND over_at > :now - {_CANCELLED_SECONDS}) OR EXISTS (
        SELECT 1 FROM deliveries WHERE deliveries.job_id = jobs.id
        AND deliveries.channel_id = subscriptions.channel_id AND kind <> 'status_card'
        AND ({OPEN} OR (state = 'posted' AND picture_until IS NOT NULL)))))"""
"""Of a row of `subscriptions`: something is still to be posted for it."""
UNFINISHED = f"""(state IN ({OPEN_STATES}) OR notified = 0
    OR (state = 'lost' AND ended_at > :now - {COUNTED_SECONDS})
    OR EXISTS (SELECT 1 FROM deliveries WHERE submission_id = submissions.id AND deliveries.{OPEN}))"""
"""Of a row of `submissions`: its outcome is open, may still change, or was not said."""
_COUNTS = f"""(coalesce(ended_at, created_at) > :now - {COUNTED_SECONDS}
    OR EXISTS (SELECT 1 FROM jobs WHERE jobs.id = child_id AND over = 0))"""
_MEANT = "user_id = :user_id AND created_at <= :requested_at"
_ANONYMOUS = "user_id = 0, user_name = '', notify = 0, stopped = 1"
_BROUGHT = "origin IN ('job_id', 'press')"

_REQUESTED = (
    # Their rows are from before the request: a time that is later is left from a wall clock that was set back.
    "UPDATE subscriptions SET created_at = :now WHERE user_id = :user_id AND created_at > :now",
    """UPDATE submissions SET created_at = min(created_at, :now), ended_at = min(ended_at, :now)
        WHERE user_id = :user_id AND (created_at > :now OR ended_at > :now)""",
    "INSERT OR REPLACE INTO forget_requests VALUES (:user_id, :now)",
)
_AT_ONCE = (
    # There may be a row of another forgotten member: the one that gives moderators more rights stays.
    f"UPDATE OR REPLACE subscriptions SET {_ANONYMOUS} WHERE {_MEANT} AND {_BROUGHT} AND NOT ({AWAITED})",
    f"UPDATE OR IGNORE subscriptions SET {_ANONYMOUS} WHERE {_MEANT} AND NOT ({AWAITED})",
    f"DELETE FROM subscriptions WHERE {_MEANT} AND NOT ({AWAITED})",
    f"""UPDATE submissions SET user_name = '', prompt = '', error = '', interaction_id = NULL, interaction_token = ''
        WHERE {_MEANT} AND NOT {UNFINISHED}""",
    f"UPDATE submissions SET user_id = 0 WHERE {_MEANT} AND NOT {UNFINISHED} AND NOT {_COUNTS}",
    "DELETE FROM stars WHERE user_id = :user_id",
    "UPDATE members SET name = '' WHERE user_id = :user_id",
    "UPDATE audit_entries SET user_name = '' WHERE user_id = :user_id AND alert = 'none'",
)
_IN_THE_END = (
    f"""UPDATE audit_entries SET user_id = 0 WHERE user_id = :user_id AND NOT EXISTS (
        SELECT 1 FROM members WHERE members.guild_id = audit_entries.guild_id AND members.user_id = :user_id
        AND {SHUT_OUT})""",
    f"DELETE FROM members WHERE user_id = :user_id AND NOT ({SHUT_OUT})",
    "UPDATE members SET pings = 1 WHERE user_id = :user_id",
    "DELETE FROM forget_requests WHERE user_id = :user_id",
)
_LEFT = f"""
SELECT 1 FROM subscriptions WHERE {_MEANT} UNION ALL SELECT 1 FROM submissions WHERE {_MEANT}
UNION ALL SELECT 1 FROM audit_entries WHERE user_id = :user_id AND alert <> 'none' LIMIT 1
"""


async def request(db: aiosqlite.Connection, now: float, user_id: int) -> None:
    """Note that a member asks to be forgotten, with what is kept about them until now."""
    for statement in _REQUESTED:
        await db.execute(statement, {"user_id": user_id, "now": now})


async def forget(db: aiosqlite.Connection, now: float, user_id: int, requested_at: float) -> None:
    """Forget what is not needed any more of what was kept when the member asked for it.

    The rest is left for a later call, and so is the request.
    """
    if requested_at > now:  # the clock was set back since then: what comes from now on is not meant
        await request(db, now, user_id)
        requested_at = now
    values = {"user_id": user_id, "requested_at": requested_at, "now": now}
    for statement in _AT_ONCE:
        await db.execute(statement, values)
    if not await db.execute_fetchall(_LEFT, values):
        for statement in _IN_THE_END:
            await db.execute(statement, values)
