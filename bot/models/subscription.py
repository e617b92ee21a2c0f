"""A member's subscription to a job, and what the poller needs to poll it."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bot.models.job import KnownJob
from bot.models.server import Destination, Person


class Origin(StrEnum):
    """How a subscription came about. Keys and posts are public, so what comes of them gives no right to the job."""

    JOB_ID = "job_id"
    """The member gave the provider's job id."""
    PRESS = "press"
    """The member's submission started the job."""
    KEY = "key"
    """The member gave the job's key."""
    NOTIFY = "notify"
    """The member pressed "Notify me" below a status card."""
    POST = "post"
    """The member pressed another button: "Post again", or a U1-U4 that had made the job before."""
    UNATTENDED = "unattended"
    """The job's own request named the channel for its result; there is no member."""


class Requesters(msgspec.Struct, frozen=True, kw_only=True):
    """Who brought a job: the first in the server, and the first in one channel, who gave its id or started it.

    Where ids can be guessed, the first in the server is the only one. `here`: whether one of them brought it to this
    channel, or it came there unattended; `False` where only the key did.
    """

    user_ids: frozenset[int] = frozenset()
    here: bool = False


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One member's request to be notified in one destination about one job."""

    destination: Destination
    person: Person
    subscribed_at: datetime
    notify: bool = False
    """Whether the member pressed "Notify me": the result mentions them, however short they waited."""


class PollTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A job to poll, with the time and the destination of its newest subscription.

    Where nobody is subscribed any more to a job that a member started: when it was added, and where they started it.
    """

    known: KnownJob
    subscribed_at: datetime
    destination: Destination
