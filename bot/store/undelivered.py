"""Results that a member waits for although their job is over: Discord refuses them, or they were given up."""

import aiosqlite
import msgspec

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination, KnownJob, Origin, Person, Submission
from bot.store.delivery_statements import OPEN, one_delivery, rearm, update_delivery
from bot.store.job_statements import one_known
from bot.store.repository import Repository
from bot.store.rows import delivery_of, known_of, submission_of
from bot.store.subscription_statements import BROUGHT, SubscriptionOutcome, SubscriptionResult, subscribe

_GIVEN_UP = f"state = '{DeliveryState.UNDELIVERABLE}' AND kind = '{DeliveryKind.RESULT}'"
_NOTICE_GIVEN_UP = f"deliveries.state = '{DeliveryState.UNDELIVERABLE}' AND deliveries.kind = '{DeliveryKind.NOTICE}'"
_NOTICE_SECONDS = 3 * 86400.0
_REFUSED = f"{OPEN} AND kind = '{DeliveryKind.RESULT}' AND error LIKE 'HTTP 4%'"
_OWN = "job_id = ? AND channel_id = ? AND user_id = ? AND NOT stopped"


class UndeliveredResult(msgspec.Struct, frozen=True, kw_only=True):
    """A result that a member waits for; `brought`: they gave the job's id, or started it."""

    known: KnownJob
    delivery: Delivery
    brought: bool

    @property
    def given_up(self) -> bool:
        """Whether it is not retried any more."""
        return self.delivery.state is DeliveryState.UNDELIVERABLE


class Undelivered(Repository):
    """The tables `deliveries` and `subscriptions`, where a result is not posted."""

    async def of_member(self, user_id: int, guild_id: int, limit: int = 5) -> list[UndeliveredResult]:
        """The results of a server that a member waits for and that were given up or refused, the newest first."""
        results = []
        for where in (_GIVEN_UP, _REFUSED):
            rows = await self._db.rows(
                f"""SELECT deliveries.*, {BROUGHT} AS brought
                    FROM deliveries CROSS JOIN subscriptions USING (job_id, channel_id)
                    WHERE {where} AND deliveries.guild_id = ? AND user_id = ? AND NOT stopped
                    ORDER BY +deliveries.id DESC LIMIT ?""",  # +: not through all deliveries
                (guild_id, user_id, limit),
            )
            for row in rows:
                (job,) = await self._db.rows("SELECT * FROM jobs WHERE id = ?", (row["job_id"],))
                result = UndeliveredResult(known=known_of(job), delivery=delivery_of(row), brought=bool(row["brought"]))
                results.append(result)
        return results

    async def notices_of(self, user_id: int, guild_id: int, limit: int = 5) -> list[Submission]:
        """A member's submissions of the last days whose notice was given up, the newest first."""
        rows = await self._db.rows(
            f"""SELECT submissions.* FROM deliveries CROSS JOIN submissions ON submissions.id = submission_id
                WHERE {_NOTICE_GIVEN_UP} AND deliveries.guild_id = ? AND user_id = ? AND deliveries.created_at > ?
                ORDER BY +deliveries.id DESC LIMIT ?""",
            (guild_id, user_id, self._clock.time() - _NOTICE_SECONDS, limit),
        )
        return [submission_of(row) for row in rows]

    async def post_in(self, delivery_id: int, destination: Destination, person: Person) -> SubscriptionResult | None:
        """Have a given-up result posted for a member in `destination`; `None` where they do not wait for it any more.

        In its own channel the delivery is rearmed. In another one of the server the member's subscription moves there,
        with a delivery of its own; the given-up one is kept for the other members who wait for it, and dropped without
        any.
        """

        async def work(db: aiosqlite.Connection) -> SubscriptionResult | None:
            given_up = await one_delivery(db, f"{_GIVEN_UP} AND id = ?", (delivery_id,))
            if given_up is None or given_up.destination.guild_id != destination.guild_id:
                return None
            own = (given_up.job_id, given_up.destination.channel_id, person.id)
            subscribed = await db.execute_fetchall(f"SELECT origin FROM subscriptions WHERE {_OWN}", own)
            known = await one_known(db, "id = ?", (given_up.job_id,))
            if known is None or not subscribed:
                return None
            if given_up.destination == destination:
                await rearm(db, self._clock, "id = ?", (given_up.id,))
                return SubscriptionResult(outcome=SubscriptionOutcome.COMING, known=known)
            await db.execute(f"UPDATE subscriptions SET stopped = 1 WHERE {_OWN}", own)
            if not await db.execute_fetchall(
                "SELECT 1 FROM subscriptions WHERE job_id = ? AND channel_id = ? AND NOT stopped LIMIT 1", own[:2]
            ):
                await update_delivery(db, given_up, "state = 'dropped'", (), where=_GIVEN_UP)
            origin = Origin(next(iter(subscribed))["origin"])
            return await subscribe(db, self._clock, known.job, destination, person, origin=origin)

        return await self._db.transaction(work)
