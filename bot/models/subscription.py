"""A member's subscription to a job, and what the poller needs to poll it."""

from datetime import datetime

import msgspec

from bot.models.job import KnownJob
from bot.models.server import Destination, Person


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One member's request to be notified in one destination about one job."""

    destination: Destination
    person: Person
    subscribed_at: datetime


class PollTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A job to poll, with the time and the destination of its newest subscription."""

    known: KnownJob
    subscribed_at: datetime
    destination: Destination
