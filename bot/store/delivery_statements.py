"""Statements about deliveries that several transactions share; each runs inside the transaction of its caller."""

import secrets
from typing import Any

import aiosqlite

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination
from bot.store.clock import Clock
from bot.store.rows import delivery_of

OPEN = f"state IN ('{DeliveryState.WAITING}', '{DeliveryState.SENDING}')"
"""In the words of the partial index `deliveries_open`."""

_NONCE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_GATHER_SECONDS = 5.0  # children of one parent that end together make one edit of its post


async def insert_delivery(
    db: aiosqlite.Connection,
    clock: Clock,
    kind: DeliveryKind,
    job_id: int | None,
    destination: Destination,
    *,
    created_at: float | None = None,
    delay: float = 0,
    submission_id: int | None = None,
) -> None:
    """Add a message to post, due `delay` seconds after `created_at` (now, where it is not given)."""
    nonce = "".join(secrets.choice(_NONCE_LETTERS) for _ in range(24))
    now = clock.time() if created_at is None else created_at
    await db.execute(
        """INSERT INTO deliveries
           (kind, job_id, submission_id, guild_id, channel_id, nonce, after_id, next_try, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            kind,
            job_id,
            submission_id,
            destination.guild_id,
            destination.channel_id,
            nonce,
            clock.after_id(),
            now + delay,
            now,
        ),
    )


async def one_delivery(db: aiosqlite.Connection, where: str, values: tuple[Any, ...]) -> Delivery | None:
    """The first delivery that fits `where`."""
    rows = await db.execute_fetchall(f"SELECT * FROM deliveries WHERE {where}", values)
    return next((delivery_of(row) for row in rows), None)


async def update_delivery(
    db: aiosqlite.Connection, delivery: Delivery, assignments: str, values: tuple[Any, ...], *, where: str = "1"
) -> Delivery | None:
    """Change one delivery if its row fits `where`; the row as it is then, `None`: no change.

    `values` are those of `assignments`, then those of `where`.
    """
    rows = await db.execute_fetchall(
        f"UPDATE deliveries SET {assignments} WHERE {where} AND id = ? RETURNING *",
        (*values, delivery.id),
    )
    return next((delivery_of(row) for row in rows), None)


async def rearm(
    db: aiosqlite.Connection,
    clock: Clock,
    where: str,
    values: tuple[Any, ...],
    *,
    state: DeliveryState = DeliveryState.UNDELIVERABLE,
) -> int:
    """Put undeliverable messages, or those in another `state`, back into the outbox; how many."""
    # SENDING, not WAITING: an earlier send may have been stored, so the channel's history is searched first.
    cursor = await db.execute(
        f"""UPDATE deliveries SET state = 'sending', next_try = ?, attempts = 0, timeouts = 0, fallback = 0,
            gone_since = NULL WHERE {where} AND state = ?""",
        (clock.time(), *values, state),
    )
    return cursor.rowcount


async def edit_status_card(db: aiosqlite.Connection, clock: Clock, result: Delivery) -> None:
    """Have the status card in a result's channel edited, or deleted, at once: the result is posted or given up."""
    await db.execute(
        """UPDATE deliveries SET revision = revision + 1, next_try = min(next_try, ?)
           WHERE kind = 'status_card' AND job_id = ? AND channel_id = ?""",
        (clock.time(), result.job_id, result.destination.channel_id),
    )


async def edit_parents(db: aiosqlite.Connection, clock: Clock, result: Delivery) -> None:
    """Have the parent's posts edited where this job came from U1-U4: the button becomes a link, or a button again."""
    await db.execute(
        """UPDATE deliveries
           SET revision = revision + 1, next_try = iif(state = 'posted', max(next_try, ?), next_try)
           WHERE kind = 'result' AND guild_id = ? AND job_id IN (
               SELECT parent_id FROM submissions JOIN jobs ON jobs.id = child_id
               WHERE child_id = ? AND tier = 'pick' AND status = 'completed')
           AND (state IN ('waiting', 'sending') OR (state = 'posted' AND message_id IS NOT NULL))""",
        (clock.time() + _GATHER_SECONDS, result.destination.guild_id, result.job_id),
    )


async def edit_results(db: aiosqlite.Connection, clock: Clock, job_id: int) -> None:
    """Have the posted results of a job edited at once."""
    await db.execute(
        """UPDATE deliveries SET revision = revision + 1, next_try = min(next_try, ?)
           WHERE job_id = ? AND kind = 'result' AND state = 'posted' AND message_id IS NOT NULL""",
        (clock.time(), job_id),
    )
