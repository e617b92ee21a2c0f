"""A job as the pretend useapi keeps it: what was asked, how it runs, and what a look at it sees.

Nothing here ticks. A job is a birth, a course and a speed; every look computes where it stands from the clock.
"""

import hashlib
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from bot.demo import pictures
from bot.demo.useapi.timeline import Course, Kind, Step

KEPT = 31 * 86_400.0
"""Seconds that useapi keeps a job; after that it answers 410."""

CHANNEL = "1122334455667788990"
FIRST_MESSAGE = 0.488
"""Seconds from a job's creation to Midjourney's first message, as measured."""

_FUZZ = 1e-6  # a virtual clock adds 0.1 three times and is not at 0.3
_DISCORD_BEGAN = 1_420_070_400_000  # milliseconds; snowflakes count from 2015
_EARLIEST = 1_640_995_200_000  # 2022: a test's clock may begin at zero, but snowflakes have at least 18 digits


@dataclass(frozen=True, kw_only=True)
class Art:
    """What a job's picture shows: the arguments of `bot.demo.pictures`; `index` is None for a grid."""

    prompt: str
    seed: int
    like: int | None = None
    index: int | None = None

    def look(self, index: int | None = None) -> int:
        """The composition of one of the pictures, to be varied by a child."""
        chosen = index if index is not None else self.index
        return pictures.look(self.seed, chosen or 0, self.like)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What a look saw: the status, the message's step, and when that was (epoch seconds)."""

    status: str
    step: Step
    at: float

    @property
    def over(self) -> bool:
        """Whether the job takes no place in the queue any more."""
        return self.status not in ("created", "started", "progress")


@dataclass(kw_only=True, eq=False)
class Job:
    """One job. `begun` is epoch seconds, `queued` the course's seconds before Discord shows a first message; `phase` is
    how long after the beginning useapi looks at Discord for the first time.
    """

    jobid: str
    number: int
    verb: str
    kind: Kind
    course: Course
    art: Art
    begun: float
    created_ms: int
    speed: float
    refresh: float
    prompt: str
    echoed: dict[str, object]
    button: str = ""
    parent: "Job | None" = None
    mode: str = "fast"
    ends: str = "completed"
    over_code: int = 200
    queued: float = 0.0
    buttons: tuple[str, ...] = ()
    max_jobs: int = 3
    overrides: dict[str, object] = field(default_factory=dict)
    asleep: bool = False
    phase: float = 0.0
    children: "list[Job]" = field(default_factory=list)
    answered: float = 0.0
    cancelled: float | None = None

    @property
    def end(self) -> float:
        """When Midjourney is done with it, epoch seconds; whether useapi has noticed is another question."""
        if self.ends == "silent":
            return math.inf
        return self.begun + (self.queued + self.course.end) / self.speed

    @property
    def uuid(self) -> UUID:
        """Midjourney's own name of the job."""
        return UUID(bytes=hashlib.blake2b(self.jobid.encode(), digest_size=16).digest(), version=4)

    def expired(self, now: float) -> bool:
        """Whether useapi has thrown it away."""
        return self.ends == "expired" or now - self.begun > KEPT

    def seen(self, now: float) -> Moment:
        """What useapi knows: the job as it was at its last refresh, or when its POST was answered."""
        looked = self._looked(now)
        if self.cancelled is not None:
            return Moment(status="cancelled", step=self._step(self.cancelled), at=self.cancelled)
        if looked + _FUZZ >= self.end:
            return Moment(status=self.ends, step=self.course.steps[-1], at=self.end)
        if (looked - self.begun + _FUZZ) * self.speed < self.queued:
            return Moment(status="created", step=self.course.steps[0], at=looked)
        step = self._step(looked)
        if self.ends == "silent":
            looked = min(looked, self.begun + (self.queued + self.course.end) / self.speed)
        return Moment(status="started" if step.percent is None else "progress", step=step, at=looked)

    def answer(self, now: float) -> None:
        """A POST looks at Discord itself before it answers; later looks never see less than that one."""
        self.answered = max(self.answered, now)

    def cancel(self, now: float) -> None:
        """Stop following it; a job that is over stays what it is."""
        if not self.seen(now).over:
            self.cancelled = now

    def _looked(self, now: float) -> float:
        if not self.refresh:
            return max(now, self.begun)
        ticks = math.floor((max(0.0, now - self.begun - self.phase) + _FUZZ) / self.refresh)
        tick = self.begun + self.phase + ticks * self.refresh
        return max(tick if tick <= now else self.begun, self.answered)

    def next_look(self, now: float) -> float:
        """When useapi looks at Discord the next time."""
        ticks = math.floor((now - self.begun - self.phase + _FUZZ) / self.refresh) + 1
        return self.begun + self.phase + max(ticks, 0) * self.refresh

    def _step(self, looked: float) -> Step:
        return self.course.step((looked - self.begun + _FUZZ) * self.speed - self.queued)

    def snowflake(self, nth: int, at: float) -> str:
        """The `nth` (0-15) Discord id of this job, made `at` epoch seconds."""
        passed = max(round(at * 1000), _EARLIEST) - _DISCORD_BEGAN
        return str(passed << 22 | (self.number * 16 + nth) & 0x3FFFFF)

    def message_id(self, moment: Moment) -> str:
        """A result is a new message; until then one message is edited."""
        if moment.status == "completed":
            return self.snowflake(1, moment.at)
        return self.snowflake(0, self.begun + FIRST_MESSAGE)


def stamp(milliseconds: int) -> str:
    """A time as useapi writes it: ISO 8601 with milliseconds and a Z."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def discord_stamp(at: float) -> str:
    """A time as Discord writes it: ISO 8601 with microseconds and an offset."""
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="microseconds")


def jobid_of(milliseconds: int) -> str:
    """A job id: its 17-digit stamp is the time of creation."""
    digits = "".join(sign for sign in stamp(milliseconds) if sign.isdigit())
    return f"job:{digits}-user:12345-channel:{CHANNEL}-bot:midjourney"
