"""Whom a message rings for: what the server chose and what each member chose, and never twice within half a minute."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.models import NO_PERSON, Delivery, KnownJob, Person, Subscription
from bot.store import Store

_ONE_RING = 30.0  # seconds in which what one member pressed rings once


class Mentions:
    """Knows whom to call; `ping_after` seconds of waiting are worth a call where a server did not choose."""

    def __init__(self, *, store: Store, ping_after: float) -> None:
        self._store = store
        self._ping_after = ping_after

    async def of_result(
        self, delivery: Delivery, known: KnownJob, subscriptions: Sequence[Subscription], over_at: datetime
    ) -> list[int]:
        """The members who waited long enough for this result, and want to be called."""
        chosen = await self._store.servers.settings(delivery.destination.guild_id)
        if not chosen.pings:
            return []
        patience = timedelta(seconds=self._ping_after if chosen.ping_after is None else chosen.ping_after)
        people = [subscription for subscription in subscriptions if subscription.person != NO_PERSON]
        waited = [subscription.person for subscription in people if over_at - subscription.subscribed_at > patience]
        if not waited:
            return []
        submission = await self._store.history.of_child(known.id)
        presser = submission.person.id if submission is not None else None
        return [
            person.id
            for person in waited
            if await self._wanted(delivery, person)
            and not (person.id == presser and await self._rang(delivery, person))
        ]

    async def of_notice(self, delivery: Delivery, presser: Person) -> bool:
        """Whether a notice, which names its presser anyway, rings for them."""
        return (
            (await self._store.servers.settings(delivery.destination.guild_id)).pings
            and await self._wanted(delivery, presser)
            and not await self._rang(delivery, presser)
        )

    async def _wanted(self, delivery: Delivery, person: Person) -> bool:
        return await self._store.servers.wants_pings(delivery.destination.guild_id, person.id)

    async def _rang(self, delivery: Delivery, person: Person) -> bool:
        return await self._store.deliveries.pinged_recently(delivery.destination, person.id, _ONE_RING)
