"""A provider's job as a frozen value, and how its status moves forward.

Field names follow useapi's model (https://useapi.net/docs/api-v2/get-jobs-jobid) in Python's spelling. Texts in a `Job`
were cleaned and bounded by the provider's adapter, but they are untrusted: escape them before showing.
"""

from datetime import datetime
from enum import StrEnum

import msgspec


class Status(StrEnum):
    """What a job can be; useapi may invent more, so `Job.status` is any string."""

    CREATED = "created"
    STARTED = "started"
    PROGRESS = "progress"
    COMPLETED = "completed"
    MODERATED = "moderated"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Ours: useapi forgot the job (410), or no longer knows it (404)."""
    SILENT = "silent"
    """Ours: a day without news from useapi."""


OVER = frozenset({Status.COMPLETED, Status.MODERATED, Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.SILENT})
"""The statuses after which nothing more happens to a job."""


ACCOUNT_VERBS = frozenset({"info", "relax", "fast", "turbo", "variability", "remix"})
"""Verbs whose answer shows the payer's account; it is shown to the asker only."""


SEED_VERBS = frozenset({"seed", "seed_async"})


class Attachment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that Midjourney posted; `size` in bytes, `width` and `height` in pixels, 0 where unknown."""

    url: str
    proxy_url: str = ""
    id: str = ""
    filename: str = ""
    content_type: str = ""
    size: int = 0
    width: int = 0
    height: int = 0


class Child(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job that was made by pressing `button` of its parent."""

    button: str
    jobid: str
    message_id: str = ""


class JobEmbed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An embed of Midjourney's message: describe's four prompts and the picture they describe."""

    type: str = ""
    description: str = ""
    image_url: str = ""
    image_proxy_url: str = ""
    width: int = 0
    height: int = 0


class Seed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a seed request; `value` is kept as text, because seeds may pass 2^53."""

    value: str = ""
    content: str = ""
    attachments: tuple[Attachment, ...] = ()


class Media(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A full-size file at cdn.midjourney.com; its address identifies the account: fetch it, never show it."""

    url: str
    id: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """useapi's job, as far as it was told: every field may be missing (empty, `None` or `()`).

    `jobid` holds the payer's account number and is never shown in public. Times are aware UTC.
    `percent` (0-100) and `mode` ("fast", "relaxed", "turbo", with ", stealth" behind it where so) are read from
    `content`.
    """

    jobid: str
    verb: str = ""
    status: str = Status.CREATED
    parent_jobid: str = ""
    seed: Seed | None = None
    created: datetime | None = None
    updated: datetime | None = None
    prompt: str = ""
    blend_urls: tuple[str, ...] = ()
    blend_dimensions: str = ""
    describe_url: str = ""
    button: str = ""
    children: tuple[Child, ...] = ()
    buttons: tuple[str, ...] = ()
    channel: str = ""
    server: str = ""
    max_jobs: int | None = None
    message_id: str = ""
    content: str = ""
    timestamp: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    embeds: tuple[JobEmbed, ...] = ()
    image_ux: tuple[Media, ...] = ()
    video_ux: tuple[Media, ...] = ()
    error: str = ""
    error_details: str = ""
    reply_url: str = ""
    reply_ref: str = ""
    code: int | None = None
    percent: int | None = None
    mode: str = ""
    digest: str = ""
    """Of the bytes of the answer that told it, where that is known: the same bytes are no news."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to this job."""
        return self.status in OVER

    @property
    def given_up(self) -> bool:
        """Whether it was we who stopped looking; useapi may have news all the same."""
        return self.status in {Status.EXPIRED, Status.SILENT}

    @property
    def final(self) -> bool:
        """Whether useapi can have no other news: Midjourney may finish what was only cancelled at useapi."""
        return self.over and not self.given_up and self.status != Status.CANCELLED

    @property
    def private(self) -> bool:
        """Whether the answer shows the payer's account, so that only the asker may see it."""
        return self.verb in ACCOUNT_VERBS


class KnownJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the store knows it: with its row id and its key, the short name that people see ("4K7Q")."""

    id: int
    key: str
    job: Job
    added_at: datetime
    changed_at: datetime
    over_at: datetime | None = None


_RANKS: dict[str, int] = {Status.CREATED: 0, Status.STARTED: 1, Status.PROGRESS: 2, **dict.fromkeys(OVER, 3)}


_KEPT = (
    "verb",
    "parent_jobid",
    "created",
    "prompt",
    "blend_urls",
    "blend_dimensions",
    "describe_url",
    "button",
    "channel",
    "server",
    "max_jobs",
    "content",
    "reply_url",
    "reply_ref",
    "mode",
)


def follow(old: Job, new: Job) -> Job | None:
    """The job after an answer, or `None` where the answer is no news: the same, late, or about a job that is over.

    Statuses only move forward. What an answer leaves out (a moderated one is short) is kept from before.
    """
    if new is old or new == old:  # as most answers are
        return None
    finished_all_the_same = old.status == Status.CANCELLED and new.status == Status.COMPLETED
    if not old.given_up and not finished_all_the_same and (old.over or _progress(new) < _progress(old)):
        return None
    if not new.over and new.updated is not None and old.updated is not None and new.updated < old.updated:
        return None
    kept = {name: getattr(old, name) for name in _KEPT if not getattr(new, name)}
    merged = msgspec.structs.replace(new, jobid=old.jobid, digest=old.digest, **kept)
    return None if merged == old else msgspec.structs.replace(merged, digest=new.digest)


def _progress(job: Job) -> tuple[int, int]:
    rank = _RANKS.get(job.status, 1)  # a status that useapi invents later: on its way, it is not over
    return (rank, job.percent or 0 if rank == 2 else 0)
