"""One paid request to the provider, its states, and the limits that it must keep."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from bot.models.member import ShutOut
from bot.models.picture import Dimensions, InputPicture
from bot.models.provider import ProviderName
from bot.models.server import Destination, Person


class CostTier(StrEnum):
    """What a button costs, and so who may press it."""

    PICK = "pick"
    """U1-U4: one picture of a grid. And the description of a picture, which is words alone."""
    VARY = "vary"
    """A job of the usual size."""
    UPSCALE = "upscale"
    """A job that takes much more GPU time."""


class SubmissionKind(StrEnum):
    """What a submission asks the provider for."""

    BUTTON = "button"
    """A button of a job, its parent."""
    IMAGINE = "imagine"
    """A job of a prompt alone; it has no parent."""
    BLEND = "blend"
    """A job of two to five pictures."""
    DESCRIBE = "describe"
    """Four prompts for a picture."""


class SubmissionState(StrEnum):
    """How far a submission has come. The values are those of the database.

    ===========  ==========================================  ===========  ==================================
    state        event                                       state        in
    ===========  ==========================================  ===========  ==================================
    (none)       a member submits it                         QUEUED       `Submissions.add`
    (none)       the button's job is known already           REPEATED     `Submissions.add`
    QUEUED       its turn, if its presser saw it taken;      SENT         `Sender.send`
                 committed before the request
    QUEUED       the button's job is known already           REPEATED     `Sender.send`
    QUEUED       a day old, its link has expired, its        REFUSED      `Sender.send`
                 presser is shut out, or its server is not
                 served
    QUEUED       its presser has too many queued             REFUSED      `Submissions.requeue` of another one
    QUEUED       cancelled                                   CANCELLED    `SubmissionQueue.cancel_queued`
    QUEUED       its server removed the bot long ago         CANCELLED    `LeftServers.delete`
    QUEUED       Discord did not take the answer, or does    CANCELLED    `PressesJob.submit`, `AnswerChecks`
                 not show it, or did not say in 15 minutes
    QUEUED       a lost one of this U may have its job       LOST         `Sender.send`
    SENT         a job                                       ACCEPTED     `Sender.send`
    SENT         409: the job was made before                REPEATED     `Sender.send`
    SENT         422: declined by Midjourney                 DECLINED     `Sender.send`
    SENT         another refusal                             REFUSED      `Sender.send`
    SENT         429, 596 or not sent: certainly no job      QUEUED       `Sender.send`, by `Submissions.requeue`
    SENT         no clear answer: 5xx, reset, time-out, or   UNCONFIRMED  `Sender.send`
                 a job that it cannot have made
    SENT         the bot was killed; at the next start       UNCONFIRMED  `mark_sent_unconfirmed`
    SENT         no clear answer, and no way to search       LOST         `Sender.send`
    UNCONFIRMED  a job with its reference is found           ACCEPTED     `Sender.reconcile`
    UNCONFIRMED  a webhook's job has its reference           ACCEPTED     `Sender.accept_by_reference`
    UNCONFIRMED  none within three minutes, or no search     LOST         `Sender.reconcile`
    LOST         its job turns up within a day               ACCEPTED     `Sender.reconcile_lost`
    LOST         a webhook's job has its reference           ACCEPTED     `Sender.accept_by_reference`
    LOST         it waited for one whose job turns up        REPEATED     `Submissions.mark_found`
    ===========  ==========================================  ===========  ==================================

    A submission is added before its presser is answered, and `answered` says whether they are known to have seen it
    taken. Until then it stays QUEUED, and `AnswerChecks` asks Discord whether the answer is there, for as long as the
    interaction's token lives. An interaction that is delivered again adds nothing. One that ends before it was sent
    costs nothing, and ends also without an answer, as REPEATED.

    A submission that waits for another one of the same button (`waits_for`) stays QUEUED. It ends as that one ends, or
    as REPEATED where that one is ACCEPTED. When that one ends unsent for its presser alone (cancelled, a day old, shut
    out, too many queued), the oldest of those that wait takes its place.
    All states except QUEUED, SENT and UNCONFIRMED have ended, and all of those except LOST are final: the job of a lost
    submission is searched for ever more rarely, until a day after the request. Nothing is ever sent again for it.
    """

    QUEUED = "queued"
    """Waiting for its turn; nothing was sent."""
    SENT = "sent"
    """Sent, or about to be, without an answer yet: its job may exist."""
    UNCONFIRMED = "unconfirmed"
    """Sent, and the answer was lost: its job is searched for."""
    ACCEPTED = "accepted"
    """It became a job."""
    REPEATED = "repeated"
    """The button had been used before: its job is shown, and nothing was charged."""
    DECLINED = "declined"
    """Midjourney declined it."""
    REFUSED = "refused"
    """Not sent, or refused by the provider: no job."""
    LOST = "lost"
    """Sent, and no job with its reference was found (yet). It may have been charged."""
    CANCELLED = "cancelled"
    """Taken out of the queue unsent: by its presser, or because they did not see that it was taken."""


INTERACTION_TOKEN_LIFETIME = timedelta(minutes=15)
"""How long an answer can be read and edited.

https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback
"""

OPEN_SUBMISSIONS = frozenset({SubmissionState.QUEUED, SubmissionState.SENT, SubmissionState.UNCONFIRMED})


class SubmissionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a member submits, before it is stored as a `Submission`, whose fields of the same names it becomes.

    `parent_id` is the row id of the job whose `button` was pressed. `pictures` are those of a blend, or the one to
    describe. `by_moderator`: the numbers of single members do not hold for it. `interaction_token` can edit the answer
    to the interaction until `INTERACTION_TOKEN_LIFETIME` has passed: never log it.
    """

    kind: SubmissionKind
    tier: CostTier
    destination: Destination
    person: Person
    parent_id: int | None = None
    button: str = ""
    prompt: str = ""
    pictures: tuple[InputPicture, ...] = ()
    dimensions: Dimensions | None = None
    expires_at: datetime | None = None
    interaction_id: int | None = None
    interaction_token: str = ""
    by_moderator: bool = False

    def __repr__(self) -> str:
        """Leave the token out, and what the member wrote."""
        return f"{type(self).__name__}(kind={self.kind!r}, tier={self.tier!r}, interaction_id={self.interaction_id})"


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One paid request to the provider. States and transitions: see `SubmissionState`.

    `reference` (24 hex digits) is sent along, and the provider echoes it in the job. `parent_id` and `child_id` are row
    ids of jobs; only a pressed button has a parent, and a `button`, which is its label. Its presser is the member who
    pressed the button or used the command. `dimensions` are those of a blend. It is not sent after `expires_at`, when a
    link that it is sent with stops working. `answered`: its presser is known to have seen it taken. `waits_for` is the
    row id of the open submission of the same button, whose outcome counts for this one. `error` is a sentence for the
    presser of a failed one. For an unconfirmed one it is the sentence in case that no job is found; for a declined one
    it is Midjourney's text, which only the presser may read. `by_moderator`: its presser moderated the channel.
    """

    id: int
    reference: str
    kind: SubmissionKind = SubmissionKind.BUTTON
    parent_id: int | None
    button: str = ""
    tier: CostTier
    destination: Destination
    person: Person
    created_at: datetime
    provider: ProviderName = ProviderName.USEAPI
    prompt: str = ""
    dimensions: Dimensions | None = None
    expires_at: datetime | None = None
    state: SubmissionState = SubmissionState.QUEUED
    answered: bool = False
    child_id: int | None = None
    waits_for: int | None = None
    error: str = ""
    sent_at: datetime | None = None
    by_moderator: bool = False

    @property
    def takes_time(self) -> bool:
        """Whether its pictures were read before its presser was answered, who saw "thinking…" meanwhile.

        A prompt has a time when it expires where it has the link of a picture.
        """
        return self.kind in {SubmissionKind.BLEND, SubmissionKind.DESCRIBE} or self.expires_at is not None


DECLINED_A_DAY = 5
"""After how many declined submissions, in all servers, a person has to wait, moderators too.

Midjourney blocks accounts that have many declined. A server's own number, which is lower, is for its members.
"""


class Limit(StrEnum):
    """Which limit a submission would exceed."""

    COOLDOWN = "cooldown"
    DAILY = "daily"
    SERVER_DAILY = "server daily"
    DECLINED = "declined"
    SHUT_OUT = "shut out"
    QUEUE = "queue"
    NO_QUEUE = "no queue"
    """Nothing is queued with this bot, and it can't be sent at once."""
    PICTURES = "pictures"
    """The pictures of all queued submissions together."""


class LimitExceeded(msgspec.Struct, frozen=True, kw_only=True):
    """A submission that was not stored; `free_at` is when the next one is allowed, where time alone helps.

    `shut_out`: what keeps its member from submitting anything, for `Limit.SHUT_OUT`.
    """

    why: Limit
    free_at: datetime | None = None
    shut_out: ShutOut | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits for one submission; `None` means no limit.

    `daily` and `server_daily` count submissions of the last 24 hours that were sent, whatever became of them, `queue`
    those that are queued; `cooldown` is the number of seconds between two. `declined` counts those of the member in any
    server that Midjourney declined in the last 24 hours. `leaving` more than `queue` may be queued, because they are
    about to be sent; so many are not where the member's running jobs then exceed `running`.
    """

    daily: int | None = None
    server_daily: int | None = None
    cooldown: float = 0.0
    declined: int | None = None
    queue: int | None = None
    leaving: int = 0
    running: int | None = None
