"""A provider's job as a frozen value, and how its status moves forward.

Field names follow useapi's model (https://useapi.net/docs/api-v2/get-jobs-jobid) in Python's spelling. Texts in a `Job`
were cleaned and bounded by the provider's adapter, but they are untrusted: escape them before showing.
"""

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from bot.models.provider import ProviderName


class Status(StrEnum):
    """The statuses of a job; a provider may add more, so `Job.status` is any string."""

    CREATED = "created"
    STARTED = "started"
    PROGRESS = "progress"
    COMPLETED = "completed"
    MODERATED = "moderated"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Set by us: the provider has deleted the job (410), or does not know it any more (404)."""
    SILENT = "silent"
    """Set by us: no news from the provider for a day."""


class Halt(StrEnum):
    """What Midjourney did to a running job, as it says in place of the percentage."""

    PAUSED = "paused"
    STOPPED = "stopped"


OVER = frozenset({Status.COMPLETED, Status.MODERATED, Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.SILENT})
"""The statuses of jobs that have ended."""

_GIVEN_UP = frozenset({Status.EXPIRED, Status.SILENT})


ACCOUNT_VERBS = frozenset({"info", "relax", "fast", "turbo", "variability", "remix"})
"""Verbs whose answer shows the payer's account; it is shown to the asker only."""


SEED_VERBS = frozenset({"seed", "seed_async"})
"""Verbs that return the seed of another job."""


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
    """A job that a press of the parent's `button` created."""

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


_NUMBER = re.compile(r"\d{1,40}", re.ASCII)


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
    """A job as its provider describes it; any field but `jobid` and `status` may be missing (empty, `None` or `()`).

    `jobid` holds the payer's account number, or can be guessed, and is never shown in public. Times are aware UTC.
    `percent` (0-100) and `mode` ("fast", "relaxed" or "turbo", followed by ", stealth" if it applies) are parsed from
    `content`, and so is `halted`.
    """

    jobid: str
    provider: ProviderName = ProviderName.USEAPI
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
    custom_ids: tuple[str, ...] = ()
    """The provider's id of each button, in the order of `buttons`; empty where the label identifies a button."""
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
    halted: Halt | None = None
    digest: str = ""
    """Hash of what it was parsed from, empty if not known: an equal hash means that nothing changed."""

    def custom_id(self, label: str) -> str | None:
        """Return the provider's id of a button; `None` where it has none. It is never sent to Discord."""
        return dict(zip(self.buttons, self.custom_ids, strict=False)).get(label)

    @property
    def full_prompt(self) -> str:
        """The prompt as submitted, else as Midjourney repeats it between `**` and `**`; empty where neither has it."""
        return self.prompt or _bold(self.content) or (_bold(self.seed.content) if self.seed else "")

    @property
    def seed_number(self) -> str | None:
        """The seed in digits, where it is known and a number."""
        return self.seed.value if self.seed is not None and _NUMBER.fullmatch(self.seed.value) else None

    @property
    def separate_pictures(self) -> tuple[Media, ...]:
        """The four pictures of a grid that has no file of its own, in the order of U1-U4; else `()`."""
        grid = self.attachments[0].url if self.attachments else ""
        without_file = not grid or any(media.url == grid for media in self.image_ux)
        return self.image_ux if len(self.image_ux) == 4 and without_file and not self.video_ux else ()

    @property
    def over(self) -> bool:
        """Whether the job has ended."""
        return self.status in OVER

    @property
    def given_up(self) -> bool:
        """Whether it ended only because we stopped polling; the provider may still have news."""
        return self.status in _GIVEN_UP

    @property
    def final(self) -> bool:
        """Whether its status can never change: Midjourney may still finish a job that was cancelled at the provider."""
        return self.over and not self.given_up and self.status != Status.CANCELLED

    @property
    def private(self) -> bool:
        """Whether it shows the payer's account, so that only the member who asked may see it."""
        return self.verb in ACCOUNT_VERBS


class KnownJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job in the store, with its row id and its key, the short public name ("4K7Q")."""

    id: int
    key: str
    job: Job
    added_at: datetime
    changed_at: datetime
    over_at: datetime | None = None


def _bold(content: str) -> str:
    """The text between the first `**` and the `**` before ` - <@someone>`; a prompt may itself hold `**`."""
    start = content.find("**") + 2
    end = content.rfind("** - ")
    if end < start:
        end = content.find("**", start)
    return content[start:end] if 2 <= start <= end else ""


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
    """Return `old` updated by the response `new`; `None` if nothing changed: it is equal, late, or the job has ended.

    Statuses only move forward. Fields that are missing in `new` (a moderated job has few) keep their old values.
    """
    if new is old or new == old:  # the common case
        return None
    if new.halted and new.percent is None:  # Midjourney shows "(paused)" in place of the percentage
        new = msgspec.structs.replace(new, percent=old.percent)
    completed_after_cancel = old.status == Status.CANCELLED and new.status == Status.COMPLETED
    if not old.given_up and not completed_after_cancel and (old.over or _progress(new) < _progress(old)):
        return None
    if not new.over and new.updated is not None and old.updated is not None and new.updated < old.updated:
        return None
    kept = {name: value for name in _KEPT if not getattr(new, name) and (value := getattr(old, name))}
    merged = msgspec.structs.replace(new, provider=old.provider, jobid=old.jobid, digest=old.digest, **kept)
    return None if merged == old else msgspec.structs.replace(merged, digest=new.digest)


def _progress(job: Job) -> tuple[int, int]:
    rank = _RANKS.get(job.status, 1)  # an unknown status counts as started: it has not ended
    return (rank, job.percent or 0 if rank == 2 else 0)
