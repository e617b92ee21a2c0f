"""Statements about jobs that several transactions share; each runs inside the transaction of its caller."""

import secrets
import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

import aiosqlite
import msgspec

from bot.models import DeliveryKind, Destination, Job, KnownJob, Status, follow
from bot.store.clock import Clock
from bot.store.declined_statements import note_declined
from bot.store.delivery_statements import insert_delivery
from bot.store.durations import note_duration
from bot.store.prompt_statements import index_prompt, update_prompt
from bot.store.rows import IDS, aware, decode_all, encode, ids_parameter, known_of

_KEY_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is mistaken for another when read aloud
_KEY_LENGTHS = (4, 4, 4, 5, 6, 8)  # a longer one after each clash

_ROWS = 200  # of a statement with two parameters for each; older SQLites allow 999


async def one_known(db: aiosqlite.Connection, where: str, values: tuple[Any, ...]) -> KnownJob | None:
    """The first job that fits `where`."""
    rows = await db.execute_fetchall(f"SELECT * FROM jobs WHERE {where}", values)
    return next((known_of(row) for row in rows), None)


async def known_as(db: aiosqlite.Connection, job: Job) -> KnownJob | None:
    """The row of a job that the provider described, if there is one."""
    return await one_known(db, "jobid = ? AND provider = ?", (job.jobid, job.provider))


async def upsert_job(db: aiosqlite.Connection, clock: Clock, job: Job) -> KnownJob:
    """Store a job that the provider described; one that is known already is updated, see `apply_update`."""
    known = await known_as(db, job)
    if known is not None:
        return await apply_update(db, clock, known, job)
    now = clock.time()
    over_at = now if job.over else None
    values = (job.provider, job.jobid, job.parent_jobid, job.status, job.over, encode(job), now, now, over_at)
    for length in _KEY_LENGTHS:
        try:
            await db.execute(
                """INSERT INTO jobs (key, provider, jobid, parent_jobid, status, over, answer, added_at, changed_at,
                                     over_at)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                ("".join(secrets.choice(_KEY_LETTERS) for _ in range(length)), *values),
            )
            break
        except sqlite3.IntegrityError as clash:
            if length == _KEY_LENGTHS[-1] or "jobs.key" not in str(clash):
                raise
    known = await known_as(db, job)
    assert known is not None
    await index_prompt(db, known.id, job)
    return known


async def apply_update(db: aiosqlite.Connection, clock: Clock, known: KnownJob, answer: Job) -> KnownJob:
    """Store what an answer says about a known job; an answer without news changes nothing.

    When the job is over, one result delivery per subscribed channel is added in the same transaction.
    """
    job = follow(known.job, answer)
    if job is None:
        return known
    now = clock.time()
    await _store_updates(db, clock, [(known.id, known.job, job)], now)
    when = aware(now)
    return msgspec.structs.replace(known, job=job, changed_at=when, over_at=when if job.over else None)


async def apply_updates(db: aiosqlite.Connection, clock: Clock, answers: Sequence[tuple[int, Job]]) -> None:
    """Do what `apply_update` does for many jobs, given by their row ids, with one statement for all where it can."""
    job_ids = ids_parameter(job_id for job_id, _ in answers)
    ((ids, texts),) = await db.execute_fetchall(
        f"SELECT json_group_array(id), group_concat(answer) FROM jobs WHERE id IN {IDS}", (job_ids,)
    )
    known = dict(zip(msgspec.json.decode(ids), decode_all(texts), strict=True))
    updates = []
    for job_id, answer in answers:
        old = known.get(job_id)
        if old is not None and (new := follow(old, answer)) is not None:
            updates.append((job_id, old, new))
            known[job_id] = new  # there may be a second answer about it
    await _store_updates(db, clock, updates, clock.time())


async def _store_updates(
    db: aiosqlite.Connection, clock: Clock, updates: Sequence[tuple[int, Job, Job]], now: float
) -> None:
    """Store what has become of jobs, given by their row ids, and all that follows from that."""
    if not updates:
        return
    # Most news change no status: a statement that sets a column of an index rewrites the index, changed or not.
    # One statement for many, because each costs two switches between threads, see `decode_all`.
    answers = list({job_id: encode(new) for job_id, _, new in updates}.items())
    for start in range(0, len(answers), _ROWS):
        part = answers[start : start + _ROWS]
        await db.execute(
            f"""WITH news (job_id, new_answer) AS (VALUES {", ".join(["(?, ?)"] * len(part))})
                UPDATE jobs SET answer = new_answer, changed_at = ? FROM news WHERE id = job_id""",
            (*chain.from_iterable(part), now),
        )
    await db.execute(
        f"UPDATE deliveries SET revision = revision + 1 WHERE job_id IN {IDS} AND kind = 'status_card'",
        (ids_parameter(job_id for job_id, _, _ in updates),),
    )
    for job_id, old, new in updates:
        await update_prompt(db, job_id, old, new)
        if new.over or (new.status, new.parent_jobid) != (old.status, old.parent_jobid):
            await _change_status(db, clock, job_id, old, new, now)


async def _change_status(db: aiosqlite.Connection, clock: Clock, job_id: int, old: Job, new: Job, now: float) -> None:
    await db.execute(
        "UPDATE jobs SET parent_jobid = ?, status = ?, over = ?, over_at = ? WHERE id = ?",
        (new.parent_jobid, new.status, new.over, now if new.over else None, job_id),
    )
    if old.over:
        await _drop_outdated(db, job_id)
    if new.over:
        if not old.over:
            await note_duration(db, new)
        if new.status == Status.MODERATED and old.status != Status.MODERATED:
            await note_declined(db, clock, "child_id = ? AND state = 'accepted'", job_id)
        await _add_results(db, clock, job_id, over_at=now)


async def _drop_outdated(db: aiosqlite.Connection, job_id: int) -> None:
    """The job was not over after all: drop what is still to be posted about that end."""
    await db.execute(
        "UPDATE deliveries SET state = 'dropped' WHERE job_id = ? AND kind <> 'status_card' AND state <> 'posted'",
        (job_id,),
    )


async def _add_results(db: aiosqlite.Connection, clock: Clock, job_id: int, *, over_at: float) -> None:
    await db.execute(  # a status card that was never sent is not needed any more
        "UPDATE deliveries SET state = 'dropped' WHERE job_id = ? AND kind = 'status_card' AND state = 'waiting'",
        (job_id,),
    )
    destinations = await db.execute_fetchall(
        """SELECT guild_id, channel_id FROM subscriptions WHERE job_id = ? AND NOT stopped
           GROUP BY channel_id ORDER BY min(id)""",
        (job_id,),
    )
    for row in destinations:  # created when the job was over: results requested later are not
        destination = Destination(guild_id=row[0], channel_id=row[1])
        await insert_delivery(db, clock, DeliveryKind.RESULT, job_id, destination, created_at=over_at)
