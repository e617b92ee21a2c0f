"""A member's wish to be told about a job, and what the poller needs to poll it."""

from datetime import datetime

import msgspec

from bot.models.job import KnownJob
from bot.models.server import Destination, Person


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A person's wish to be told in one place about one job."""

    destination: Destination
    person: Person
    subscribed_at: datetime


class PollTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What the watcher needs to look at a job: what is known of it, and when and where its youngest watch began."""

    known: KnownJob
    subscribed_at: datetime
    destination: Destination
