"""Decides which subscribers a message mentions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.models import NO_PERSON, Delivery, KnownJob, Person, Subscription
from bot.store import Store

_PING_INTERVAL = 30.0  # seconds between two pings of a member in a channel for jobs that the member pressed for


class Mentions:
    """Applies the ping settings of server and member.

    `ping_after` is the number of seconds a member must have waited to be mentioned, where the server did not set it.
    """

    def __init__(self, *, store: Store, ping_after: float) -> None:
        self._store = store
        self._ping_after = ping_after

    async def for_result(
        self, delivery: Delivery, known: KnownJob, subscriptions: Sequence[Subscription], over_at: datetime
    ) -> list[int]:
        """The ids of the members who pressed "Notify me", and of those who waited long enough and want pings."""
        settings = await self._store.servers.settings(delivery.destination.guild_id)
        if not settings.pings:
            return []
        ping_after = timedelta(seconds=self._ping_after if settings.ping_after is None else settings.ping_after)
        people = [subscription for subscription in subscriptions if subscription.person != NO_PERSON]
        submission = await self._store.history.of_child(known.id)
        presser = submission.person.id if submission is not None else None

        async def is_mentioned(subscription: Subscription) -> bool:
            person = subscription.person
            return subscription.notify or (
                over_at - subscription.subscribed_at > ping_after
                and await self._wants_pings(delivery, person)
                and not (person.id == presser and await self._pinged_recently(delivery, person))
            )

        return [subscription.person.id for subscription in people if await is_mentioned(subscription)]

    async def for_notice(self, delivery: Delivery, presser: Person) -> bool:
        """Whether a notice pings the member whom it addresses."""
        return (
            (await self._store.servers.settings(delivery.destination.guild_id)).pings
            and await self._wants_pings(delivery, presser)
            and not await self._pinged_recently(delivery, presser)
        )

    async def _wants_pings(self, delivery: Delivery, person: Person) -> bool:
        return await self._store.servers.wants_pings(delivery.destination.guild_id, person.id)

    async def _pinged_recently(self, delivery: Delivery, person: Person) -> bool:
        return await self._store.deliveries.pinged_recently(delivery.destination, person.id, _PING_INTERVAL)
