"""Subscribing, as a statement that the transactions of subscriptions and of submissions share."""

from enum import Enum

import aiosqlite
import msgspec

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination, Job, KnownJob, Origin, Person
from bot.store.clock import Clock
from bot.store.delivery_statements import insert_delivery, one_delivery, rearm
from bot.store.job_statements import upsert_job
from bot.store.prompt_statements import index_channel

BROUGHT = f"origin IN ('{Origin.JOB_ID}', '{Origin.PRESS}')"
"""The subscriptions of those who gave the job's id, or started the job."""


class SubscriptionOutcome(Enum):
    """What subscribing came to."""

    NEW = "the first subscription in this channel: a status card is being posted"
    JOINED = "the channel has a status card of this job already"
    COMING = "the job is over, its result is being posted here"
    POSTED = "the result is posted here already"


class SubscriptionResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome, the job, and its status card or result in that channel, where there is one."""

    outcome: SubscriptionOutcome
    known: KnownJob
    delivery: Delivery | None = None


async def subscribe(
    db: aiosqlite.Connection,
    clock: Clock,
    job: Job,
    destination: Destination,
    person: Person,
    *,
    origin: Origin,
    again: bool = False,
    delay: float = 0,
) -> SubscriptionResult:
    """Subscribe `person` in `destination` to `job`, which the provider just described; see `Subscriptions.add`.

    An earlier subscription of theirs keeps its origin, unless it is now that they gave the id or started the job; and
    their wish to be notified, unless they stopped it.
    """
    known = await upsert_job(db, clock, job)
    await index_channel(db, known.id, destination)
    await db.execute(
        f"""INSERT INTO subscriptions (job_id, guild_id, channel_id, user_id, user_name, created_at, origin, notify)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET user_name = excluded.user_name, stopped = 0,
            created_at = iif(stopped, excluded.created_at, created_at),
            notify = iif(stopped, excluded.notify, max(notify, excluded.notify)),
            origin = iif({BROUGHT}, origin, iif(excluded.{BROUGHT}, excluded.origin, origin))""",
        (
            known.id,
            destination.guild_id,
            destination.channel_id,
            person.id,
            person.name,
            clock.time(),
            origin,
            origin is Origin.NOTIFY,
        ),
    )
    if known.job.over:
        return await _add_result(db, clock, known, destination, again=again)
    return await _add_status_card(db, clock, known, destination, delay=delay)


async def _add_result(
    db: aiosqlite.Connection, clock: Clock, known: KnownJob, destination: Destination, *, again: bool
) -> SubscriptionResult:
    result = await one_delivery(
        db,
        "job_id = ? AND channel_id = ? AND kind = 'result' AND state <> 'dropped' ORDER BY id DESC LIMIT 1",
        (known.id, destination.channel_id),
    )
    if result is None:
        await insert_delivery(db, clock, DeliveryKind.RESULT, known.id, destination)
    elif result.state is DeliveryState.UNDELIVERABLE:
        await rearm(db, clock, "id = ?", (result.id,))
    elif result.state is DeliveryState.POSTED:
        if result.message_id is not None and not again:
            return SubscriptionResult(outcome=SubscriptionOutcome.POSTED, known=known, delivery=result)
        await insert_delivery(db, clock, DeliveryKind.RESULT, known.id, destination)
    return SubscriptionResult(outcome=SubscriptionOutcome.COMING, known=known)


async def _add_status_card(
    db: aiosqlite.Connection, clock: Clock, known: KnownJob, destination: Destination, *, delay: float
) -> SubscriptionResult:
    status_card = await one_delivery(
        db, "job_id = ? AND channel_id = ? AND kind = 'status_card'", (known.id, destination.channel_id)
    )
    if status_card is not None and status_card.state is not DeliveryState.DROPPED:
        await db.execute("UPDATE deliveries SET revision = revision + 1 WHERE id = ?", (status_card.id,))
        return SubscriptionResult(outcome=SubscriptionOutcome.JOINED, known=known, delivery=status_card)
    if status_card is not None:  # deleted by hand, or edited for the last time: a new one is posted
        await db.execute("DELETE FROM deliveries WHERE id = ?", (status_card.id,))
    await insert_delivery(db, clock, DeliveryKind.STATUS_CARD, known.id, destination, delay=delay)
    return SubscriptionResult(outcome=SubscriptionOutcome.NEW, known=known)
