"""One paid request to the provider, its states, and the limits that it must keep."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bot.models.server import Destination, Person


class CostTier(StrEnum):
    """What a button costs, and so who may press it: U1-U4, a job of the usual size, or one that takes much more."""

    PICK = "pick"
    VARY = "vary"
    UPSCALE = "upscale"


class SubmissionState(StrEnum):
    """How far a press has come. `SENT` may have become a job already: nobody heard useapi's answer yet."""

    QUEUED = "queued"
    """It waits for its turn; nothing was sent."""
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"
    """It was sent, and the answer was lost: its job is looked for."""
    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The button had been used before: its job is shown, and nothing was charged."""
    DECLINED = "declined"
    REFUSED = "refused"
    LOST = "lost"
    """It was sent, and no job of it was found."""
    CANCELLED = "cancelled"
    """Taken back by the presser."""


OPEN_SUBMISSIONS = frozenset({SubmissionState.QUEUED, SubmissionState.SENT, SubmissionState.UNCONFIRMED})


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One paid request to the provider: a pressed button. `reference` is sent along, and the provider echoes it.

    `error` is the sentence for the presser of a failed submission, of an unconfirmed one the sentence in case it fails;
    of a declined one Midjourney's own words, for the presser alone. `waits_for` is the row id of the open submission of
    the same button: its outcome counts for this one too.
    """

    id: int
    reference: str
    parent_id: int
    button: str
    tier: CostTier
    destination: Destination
    person: Person
    created_at: datetime
    prompt: str = ""
    state: SubmissionState = SubmissionState.QUEUED
    child_id: int | None = None
    waits_for: int | None = None
    error: str = ""
    sent_at: datetime | None = None


class Limit(StrEnum):
    """The numbers of a server that a press would have passed."""

    COOLDOWN = "cooldown"
    DAILY = "daily"
    SERVER_DAILY = "server daily"
    QUEUE = "queue"


class LimitExceeded(msgspec.Struct, frozen=True, kw_only=True):
    """A press that was not taken; `free_at` is when the next one may be, where time alone helps."""

    why: Limit
    free_at: datetime | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that one press must keep; `None`: none for this one. `cooldown` is in seconds."""

    daily: int | None = None
    server_daily: int | None = None
    cooldown: float = 0.0
    queue: int | None = None
