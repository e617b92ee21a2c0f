"""The duty to post one message once, and how far it has come."""

from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from bot.models.server import Destination


class DeliveryKind(StrEnum):
    """What a delivery posts: a notice tells a presser what became of a press, a split holds a grid's four pictures."""

    RESULT = "result"
    STATUS_CARD = "status_card"
    NOTICE = "notice"
    SPLIT = "split"


class DeliveryState(StrEnum):
    """How far a delivery has come. `SENDING` may have been sent: nobody heard Discord's answer yet."""

    WAITING = "waiting"
    SENDING = "sending"
    POSTED = "posted"
    UNDELIVERABLE = "undeliverable"
    DROPPED = "dropped"


class Fallback(IntEnum):
    """How much of a message is sent; each is what is tried when the one before it was refused."""

    NONE = 0
    NO_FILE = 1
    TEXT = 2


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The duty to post one message, a result or the card before it, in one place.

    `nonce` (24 characters) is its name at Discord: sent as the nonce and held by the custom_ids of its buttons.
    `after_id` is a snowflake older than any message that this delivery can have posted.
    """

    id: int
    kind: DeliveryKind
    job_id: int
    destination: Destination
    nonce: str
    state: DeliveryState
    created_at: datetime
    after_id: int = 0
    message_id: int | None = None
    attempts: int = 0
    timeouts: int = 0
    fallback: Fallback = Fallback.NONE
    gone_since: datetime | None = None
    error: str = ""
    revision: int = 1
    posted_revision: int = 0
    submission_id: int | None = None
    picture_until: datetime | None = None
    """It was posted without its picture, which is tried again until then."""
