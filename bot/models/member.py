"""Members of a server who are shut out, their numbers, and the audit of both."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bot.models.server import Person


class ShutOutReason(StrEnum):
    """Why a member can submit nothing in a server. The values are those of the database."""

    DECLINED = "declined"
    """Midjourney declined too many of their submissions in a day; the bot's doing. It does not hold for moderators."""
    MANAGER = "manager"
    """A member with Manage Server did it."""


class ShutOut(msgspec.Struct, frozen=True, kw_only=True):
    """That a member can submit nothing in a server; without `until`, until they are let in again."""

    reason: ShutOutReason
    until: datetime | None = None

    def applies_to(self, *, by_moderator: bool) -> bool:
        """Whether it holds for a submission: for one by a moderator, only a manager's does."""
        return self.reason is ShutOutReason.MANAGER or not by_moderator


class AuditAction(StrEnum):
    """What happened to a member. The values are those of the database."""

    DECLINED = "declined"
    """Shut out for `ShutOutReason.DECLINED`."""
    SHUT_OUT = "shut out"
    """Shut out by a manager."""
    LET_IN = "let in"
    """Let in again by a manager."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `manager_name` is the name of who did it, empty where it was the bot."""

    id: int
    action: AuditAction
    guild_id: int
    person: Person
    manager_name: str = ""
    until: datetime | None = None
    created_at: datetime


class MemberNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What a member did in a server: uses and declined submissions of the last 24 hours, and jobs running now.

    `next_at`: when one of the uses is free again; `None` without one.
    """

    used: int = 0
    declined: int = 0
    running: int = 0
    next_at: datetime | None = None
