"""What is kept about a member in all servers, for the member to read; ids are texts, as Discord's API has them."""

from datetime import datetime

import msgspec


class KeptSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A job of which the member is, or was, notified; `how` is the value of an `Origin`."""

    job: str
    server: str
    channel: str
    name: str
    since: datetime
    how: str
    stopped: bool


class KeptSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt or a press; `of` and `job` are the jobs before and after it, `pictures` how many are kept with it."""

    kind: str
    button: str
    prompt: str
    server: str
    channel: str
    name: str
    created: datetime
    state: str
    of: str | None
    job: str | None
    pictures: int


class KeptStar(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that the member starred."""

    job: str
    server: str


class KeptMembership(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept about a member of one server: their choice of pings, and whether they are shut out."""

    server: str
    name: str
    pings: bool
    shut_out: str | None
    shut_out_until: datetime | None


class KeptAuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """That the member was shut out or let in; `action` is the value of an `AuditAction`."""

    server: str
    name: str
    action: str
    created: datetime
    until: datetime | None


class KeptData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, the newest first; of each kind so many at most, and `left_out` says how many more there are."""

    user: str
    subscriptions: tuple[KeptSubscription, ...]
    submissions: tuple[KeptSubmission, ...]
    stars: tuple[KeptStar, ...]
    memberships: tuple[KeptMembership, ...]
    audit: tuple[KeptAuditEntry, ...]
    left_out: int = 0


class KeptCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept about a member in all servers.

    `awaited` of the `subscriptions` are to jobs that run, or whose pictures are still to be posted; `unfinished` of the
    `submissions` are queued or being sent, or their end was not said yet. `shut_out`: in how many servers.
    `requested_at`: when the member asked to be forgotten, if that is not completed.
    """

    subscriptions: int = 0
    awaited: int = 0
    submissions: int = 0
    unfinished: int = 0
    stars: int = 0
    memberships: int = 0
    shut_out: int = 0
    audit: int = 0
    requested_at: datetime | None = None

    @property
    def nothing(self) -> bool:
        """Whether nothing is kept."""
        return not (self.subscriptions or self.submissions or self.stars or self.memberships or self.audit)
