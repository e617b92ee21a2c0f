"""The values that everything else speaks in: frozen, keyword-only, without I/O.

Field names follow useapi's model (https://useapi.net/docs/api-v2/get-jobs-jobid) in Python's spelling.
Texts in a `Job` were cleaned and bounded by `bot.providers.useapi`, but they are still a stranger's words: escape before showing.
"""

from datetime import datetime
from enum import IntEnum, StrEnum

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
    def lost(self) -> bool:
        """Whether it was we who stopped looking; useapi may have news all the same."""
        return self.status in {Status.EXPIRED, Status.SILENT}

    @property
    def settled(self) -> bool:
        """Whether useapi can have no other news: Midjourney may finish what was only cancelled at useapi."""
        return self.over and not self.lost and self.status != Status.CANCELLED

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


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A channel or thread of a server, by Discord's ids."""

    guild_id: int
    channel_id: int


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A member: Discord's id and the display name at the time."""

    id: int
    name: str


NO_PERSON = Person(id=0, name="")
"""Who waits for a job that named the channel for its result by itself."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A person's wish to be told in one place about one job."""

    destination: Destination
    person: Person
    subscribed_at: datetime


class DeliveryKind(StrEnum):
    """What a delivery posts: a notice tells a presser what became of a press, a split holds a grid's four pictures."""

    RESULT = "result"
    CARD = "card"
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


class CostTier(StrEnum):
    """What a button costs, and so who may press it: U1-U4, a job of the usual size, or one that takes much more."""

    PICK = "pick"
    VARY = "vary"
    UPSCALE = "upscale"


class SubmissionState(StrEnum):
    """How far a press has come. `SENT` may have become a job already: nobody heard useapi's answer yet."""

    QUEUED = "queued"
    """It waits for its turn; nothing was sent."""
    SENT = "asked"
    UNCONFIRMED = "unknown"
    """It was sent, and the answer was lost: its job is looked for."""
    ACCEPTED = "made"
    REPEATED = "used"
    """The button had been used before: its job is shown, and nothing was charged."""
    DECLINED = "declined"
    REFUSED = "refused"
    LOST = "lost"
    """It was sent, and no job of it was found."""
    WITHDRAWN = "withdrawn"
    """Taken back by the presser."""


OPEN_SUBMISSIONS = frozenset({SubmissionState.QUEUED, SubmissionState.SENT, SubmissionState.UNCONFIRMED})


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A click on a job's button; `reference` is sent to useapi as replyRef.

    `error` is the sentence of a press that came to nothing, and of an unknown one the sentence in case it does; of a
    declined one Midjourney's own words, for the presser alone. `waits_for` is the press of the same button that this one
    waits for: what comes of that counts.
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


class Spoiler(StrEnum):
    """When pictures are hidden behind a click."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_AGE_RESTRICTED = "unless age-restricted"
    """Only in channels that are not marked age-restricted."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server's admins chose in `/darkroom settings`.

    `press_role` `None`: moderators. `daily` and `server_daily` count presses of the tiers VARY and UPSCALE in 24 hours;
    `cooldown` is in seconds; `results_channel` `None`: where the job was asked for; `ping_after` in seconds, `None`: as
    the bot's own setting says.
    """

    press_role: int | None = None
    daily: int = 10
    server_daily: int = 100
    cooldown: int = 5
    paused: bool = False
    remix: bool = False
    spoiler: Spoiler = Spoiler.NEVER
    results_channel: int | None = None
    pings: bool = True
    ping_after: int | None = None


class PollTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What the watcher needs to look at a job: what is known of it, and when and where its youngest watch began."""

    known: KnownJob
    subscribed_at: datetime
    destination: Destination


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
    if not old.lost and not finished_all_the_same and (old.over or _progress(new) < _progress(old)):
        return None
    if not new.over and new.updated is not None and old.updated is not None and new.updated < old.updated:
        return None
    kept = {name: getattr(old, name) for name in _KEPT if not getattr(new, name)}
    merged = msgspec.structs.replace(new, jobid=old.jobid, digest=old.digest, **kept)
    return None if merged == old else msgspec.structs.replace(merged, digest=new.digest)


def _progress(job: Job) -> tuple[int, int]:
    rank = _RANKS.get(job.status, 1)  # a status that useapi invents later: on its way, it is not over
    return (rank, job.percent or 0 if rank == 2 else 0)
