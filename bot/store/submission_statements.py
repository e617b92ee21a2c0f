"""Statements about submissions that several transactions share; each runs inside the transaction of its caller."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aiosqlite

from bot.models import (
    CostTier,
    KnownJob,
    Limit,
    LimitExceeded,
    Limits,
    Person,
    ProviderName,
    Status,
    Submission,
    SubmissionKind,
    SubmissionRequest,
    SubmissionState,
)
from bot.store.clock import Clock
from bot.store.member_statements import shut_out
from bot.store.rows import aware, known_of, submission_of

OPEN_STATES = f"'{SubmissionState.QUEUED}', '{SubmissionState.SENT}', '{SubmissionState.UNCONFIRMED}'"
"""In the order of the partial index `submissions_open`: SQLite uses it for exactly these words."""
QUEUED = f"state IN ({OPEN_STATES}) AND state = 'queued'"
"""Waiting for a slot; both conditions, so that the partial index is used."""
COUNTED = f"""tier <> 'pick' AND (state IN ({OPEN_STATES}, '{SubmissionState.ACCEPTED}')
    OR state IN ('{SubmissionState.DECLINED}', '{SubmissionState.LOST}') AND sent_at IS NOT NULL)"""
"""What was sent, or will be, whatever became of it: it counts for the cooldown and the daily numbers.

Left out are submissions that certainly were not taken (refused, cancelled) or cost nothing (repeated).
"""
DECLINED = f"""(state = '{SubmissionState.DECLINED}' AND sent_at IS NOT NULL
    OR state = '{SubmissionState.ACCEPTED}'
    AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = child_id AND jobs.status = '{Status.MODERATED}'))"""
"""What Midjourney declined, at once or when it saw the picture."""
_DAY = timedelta(days=1).total_seconds()
ADDED_LATELY = f"abs(added_at - :now) < {_DAY}"
"""Of a row of `jobs`: it is at most a day old, or newer than now by less, which a clock that was set back has left."""
STARTED_LATELY = f"""{ADDED_LATELY}
    AND EXISTS (SELECT 1 FROM submissions WHERE child_id = jobs.id AND state = '{SubmissionState.ACCEPTED}')"""
"""Of a row of `jobs`: a member started it, so it is polled, and counts as running, also when nobody is subscribed.

Else a member could stop their subscriptions to have more jobs running, or more declined, than they may. After a day
that ends, so that a job whose end is never known is not polled for ever.
"""
RUNNING = f"""
    SELECT +guild_id AS guild_id, +user_id AS user_id, +provider AS provider FROM submissions
    WHERE state IN ({OPEN_STATES}) AND state <> 'queued' AND tier <> 'pick'
    UNION ALL
    SELECT +guild_id, +user_id, jobs.provider FROM jobs CROSS JOIN submissions ON child_id = jobs.id
    WHERE over = 0 AND state = 'accepted' AND tier <> 'pick'
    AND ({ADDED_LATELY} OR EXISTS (SELECT 1 FROM subscriptions WHERE job_id = jobs.id AND NOT stopped))
"""
"""The jobs that members started, or are starting, and that are not over, without those of U1-U4: a query for FROM.

For as long as they are polled, see `STARTED_LATELY`: the end of others would never be known. `:now` is the time. The
signs `+` and the CROSS JOIN have SQLite begin with what runs, however much a member has submitted.
"""
CHILD = f"""
SELECT jobs.* FROM submissions JOIN jobs ON jobs.id = child_id
WHERE parent_id = ? AND submissions.button = ?
AND status NOT IN ('{Status.MODERATED}', '{Status.FAILED}', '{Status.EXPIRED}')
ORDER BY submissions.id DESC LIMIT 1
"""
"""The job that a button made, unless it was declined or failed: then the button may be used again."""
MAX_STORED_BYTES = 64 * 1024 * 1024
"""Bytes of the pictures of all submissions that were not sent yet: the database is copied each night."""


async def one_submission(db: aiosqlite.Connection, where: str, values: Sequence[Any]) -> Submission | None:
    """The first submission that fits `where`."""
    rows = await db.execute_fetchall(f"SELECT * FROM submissions WHERE {where}", values)
    return next((submission_of(row) for row in rows), None)


async def insert_submission(
    db: aiosqlite.Connection,
    clock: Clock,
    request: SubmissionRequest,
    *,
    provider: ProviderName,
    reference: str,
    waits_for: int | None,
) -> int:
    """Add a submission as QUEUED and not answered; its row id."""
    values = {
        "reference": reference,
        "provider": provider,
        "kind": request.kind,
        "parent_id": request.parent_id,
        "button": request.button,
        "tier": request.tier,
        "prompt": request.prompt,
        "dimensions": request.dimensions,
        "expires_at": None if request.expires_at is None else request.expires_at.timestamp(),
        "guild_id": request.destination.guild_id,
        "channel_id": request.destination.channel_id,
        "user_id": request.person.id,
        "user_name": request.person.name,
        "waits_for": waits_for,
        "created_at": clock.time(),
        "interaction_id": request.interaction_id,
        "interaction_token": request.interaction_token,
        "by_moderator": request.by_moderator,
    }
    cursor = await db.execute(
        f"INSERT INTO submissions ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", (*values.values(),)
    )
    row_id = cursor.lastrowid or 0
    for position, picture in enumerate(request.pictures):
        await db.execute(
            """INSERT INTO submission_pictures (submission_id, position, link, content_type, content, size)
               VALUES (?, ?, ?, ?, ?, ?)""",
            (row_id, position, picture.link, picture.content_type, picture.content, len(picture.content or b"")),
        )
    return row_id


async def existing_child(db: aiosqlite.Connection, parent_id: int, button: str) -> KnownJob | None:
    """The job that this button has made already, see `CHILD`."""
    rows = await db.execute_fetchall(CHILD, (parent_id, button))
    return next((known_of(row) for row in rows), None)


async def end_submissions(
    db: aiosqlite.Connection,
    clock: Clock,
    which: str,
    submission_id: int,
    state: SubmissionState,
    *,
    error: str = "",
    child_id: int | None = None,
) -> int:
    """End the open submissions that fit `which`, a condition with `submission_id` as its value; how many."""
    cursor = await db.execute(
        f"""UPDATE submissions SET state = ?, error = ?, child_id = ?, ended_at = ?, waits_for = NULL
            WHERE {which} AND state IN ({OPEN_STATES})""",
        (state, error, child_id, clock.time(), submission_id),
    )
    return cursor.rowcount


async def promote_follower(db: aiosqlite.Connection, submission_id: int) -> None:
    """Let the first submission that waits for this one take its part, when this one leaves the queue unsent."""
    first = await one_submission(db, "waits_for = ? ORDER BY id LIMIT 1", (submission_id,))
    if first is not None:
        await db.execute("UPDATE submissions SET waits_for = NULL WHERE id = ?", (first.id,))
        await db.execute("UPDATE submissions SET waits_for = ? WHERE waits_for = ?", (first.id, submission_id))


async def limit_exceeded(
    db: aiosqlite.Connection, clock: Clock, request: SubmissionRequest, provider: ProviderName, limits: Limits
) -> LimitExceeded | None:
    """The first of the numbers that one more submission would exceed; U1-U4 count against the queue only.

    So do descriptions, unless too many of the member's jobs were declined: pictures may be, as prompts. Whoever is shut
    out may submit nothing at all.
    """
    person = request.person
    shut = await shut_out(db, clock, request.destination.guild_id, person.id)
    if shut is not None and shut.applies_to(by_moderator=request.by_moderator):
        return LimitExceeded(why=Limit.SHUT_OUT, free_at=shut.until, shut_out=shut)
    if request.tier is not CostTier.PICK and (exceeded := await _numbers_exceeded(db, clock, request, limits)):
        return exceeded
    if limits.declined is not None and (request.tier is not CostTier.PICK or request.kind is SubmissionKind.DESCRIBE):
        declined = "user_id = ?", (person.id,)
        if free_at := await _free_at(db, clock, *declined, number=limits.declined, seconds=_DAY, counted=DECLINED):
            return LimitExceeded(why=Limit.DECLINED, free_at=aware(free_at))
    if limits.queue is not None:
        queued = await _count_queued(db, person)
        full = queued >= limits.queue
        if full and queued >= limits.queue + await _count_leaving(db, clock, request, provider, limits):
            return LimitExceeded(why=Limit.QUEUE if limits.queue else Limit.NO_QUEUE)
    return await _pictures_exceeded(db, request)


async def _numbers_exceeded(
    db: aiosqlite.Connection, clock: Clock, request: SubmissionRequest, limits: Limits
) -> LimitExceeded | None:
    """The first of the cooldown and the daily numbers that one more submission would exceed."""
    member = ("guild_id = ? AND user_id = ?", (request.destination.guild_id, request.person.id))
    server = ("guild_id = ?", (request.destination.guild_id,))
    if limits.cooldown and (free_at := await _free_at(db, clock, *member, number=1, seconds=limits.cooldown)):
        return LimitExceeded(why=Limit.COOLDOWN, free_at=aware(free_at))
    for limit, (whose, ids), number in (
        (Limit.DAILY, member, limits.daily),
        (Limit.SERVER_DAILY, server, limits.server_daily),
    ):
        if number == 0:
            return LimitExceeded(why=limit)
        if number and (free_at := await _free_at(db, clock, whose, ids, number=number, seconds=_DAY)):
            return LimitExceeded(why=limit, free_at=aware(free_at))
    return None


async def _pictures_exceeded(db: aiosqlite.Connection, request: SubmissionRequest) -> LimitExceeded | None:
    size = sum(len(picture.content or b"") for picture in request.pictures)
    if not size:
        return None
    (row,) = await db.execute_fetchall("SELECT coalesce(sum(size), 0) FROM submission_pictures")
    return LimitExceeded(why=Limit.PICTURES) if int(row[0]) + size > MAX_STORED_BYTES else None


async def _free_at(
    db: aiosqlite.Connection,
    clock: Clock,
    whose: str,
    ids: tuple[int, ...],
    *,
    number: int,
    seconds: float,
    counted: str = COUNTED,
) -> float | None:
    """When one more submission is allowed, where `number` were made within `seconds`; `None`: now.

    `whose` and `counted` are the conditions for those that count. Another is allowed when the `number`-th newest is old
    enough. Times in the future, which a wall clock that was set back has left, are not counted.
    """
    now = clock.time()
    rows = await db.execute_fetchall(
        f"""SELECT created_at FROM submissions WHERE {whose} AND created_at > ? AND created_at <= ?
            AND {counted}
            ORDER BY created_at DESC LIMIT 1 OFFSET ?""",
        (*ids, now - seconds, now, number - 1),
    )
    return next((row["created_at"] + seconds for row in rows), None)


async def _count_queued(db: aiosqlite.Connection, person: Person) -> int:
    rows = await db.execute_fetchall(
        f"SELECT count(*) FROM submissions WHERE {QUEUED} AND waits_for IS NULL AND +user_id = ?", (person.id,)
    )
    return int(next(iter(rows))[0])


async def _count_leaving(
    db: aiosqlite.Connection, clock: Clock, request: SubmissionRequest, provider: ProviderName, limits: Limits
) -> int:
    """How many of the member's queued submissions are about to be sent, at most."""
    if limits.running is None:
        return limits.leaving
    member = {"guild_id": request.destination.guild_id, "user_id": request.person.id}
    rows = await db.execute_fetchall(
        f"SELECT count(*) FROM ({RUNNING}) WHERE provider = :provider AND guild_id = :guild_id AND user_id = :user_id",
        member | {"provider": provider, "now": clock.time()},
    )
    running = int(next(iter(rows))[0])
    return min(limits.leaving, max(limits.running - running, 0))
