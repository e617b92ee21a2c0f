"""A job of the fake Midjourney account: how it was started, and what a refresh sees of it.

No timer runs. A job is a start time, a timeline and a speed; each snapshot is computed from the clock.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self
from uuid import UUID

from bot.demo import pictures
from bot.demo.midjourney.timeline import Kind, Step, Timeline

RETENTION = 31 * 86_400.0
"""Seconds for which useapi keeps a job; after that it answers 410."""

ENDS = ("completed", "moderated", "failed", "silent", "expired")

CHANNEL = "1122334455667788990"
FIRST_MESSAGE_DELAY = 0.488
"""Seconds from a job's creation to Midjourney's first message, as measured."""

_EPSILON = 1e-6  # a virtual clock that adds 0.1 three times does not arrive at 0.3
_DISCORD_EPOCH = 1_420_070_400_000  # milliseconds; snowflakes count from 2015
_EARLIEST = 1_640_995_200_000  # 2022: a test's clock may begin at zero, but snowflakes have at least 18 digits


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """How a job is started, how it runs and how it ends. `bot.demo.useapi.FakeUseapi.add_job` explains the fields.

    `echoed` holds what the request said and every response repeats; `overrides` replace fields of every response.
    An unknown `ends` raises `ValueError`.
    """

    verb: str = "imagine"
    prompt: str | None = None
    ends: str = "completed"
    age: float = 0.0
    duration: float | None = None
    queued: float = 0.0
    button: str | None = None
    parent: str | None = None
    buttons: tuple[str, ...] | None = None
    jobid: str | None = None
    mode: str = "fast"
    over_code: int = 200
    starts_when_polled: bool = False
    max_jobs: int | None = None
    phase: float = 0.0
    listed_after: float = 0.0
    listed_as: str = "{}"
    echoed_after: float = 0.0
    brief: bool = False
    echoed: Mapping[str, object] = field(default_factory=dict)
    overrides: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ends not in ENDS:
            raise ValueError(f"a job ends as one of {', '.join(ENDS)}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the plan with these fields; options that are no field of a plan become overrides."""
        names = {each.name for each in fields(cls)}
        own = {name: value for name, value in options.items() if name in names}
        if own.get("buttons") is not None:
            own["buttons"] = tuple(own["buttons"])
        others = {name: value for name, value in options.items() if name not in names}
        return cls(**{**own, "overrides": {**own.get("overrides", {}), **others}})


@dataclass(frozen=True, kw_only=True)
class Art:
    """What a job's picture shows: the arguments of `bot.demo.pictures`; `index` is None for a grid."""

    prompt: str
    seed: int
    like: int | None = None
    index: int | None = None

    def composition(self, index: int | None = None) -> int:
        """Return the composition of one of the pictures, for a child to vary."""
        selected = index if index is not None else self.index
        return pictures.composition(self.seed, selected or 0, self.like)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the provider knew after a refresh: the status, the message's step, and when that was (epoch seconds)."""

    status: str
    step: Step
    at: float

    @property
    def over(self) -> bool:
        """Whether the job no longer counts as running."""
        return self.status not in ("created", "started", "progress")


@dataclass(kw_only=True, eq=False)
class Job:
    """One job. `started_at` is in epoch seconds, `refresh` the seconds between two refreshes from Discord.

    While `dormant` it has not started: that waits for the first poll.
    """

    plan: JobPlan
    jobid: str
    number: int
    verb: str
    kind: Kind
    timeline: Timeline
    art: Art
    started_at: float
    created_ms: int
    speed: float
    refresh: float
    prompt: str
    echoed: dict[str, object]
    buttons: tuple[str, ...]
    max_jobs: int
    parent: "Job | None" = None
    dormant: bool = False
    children: "list[Job]" = field(default_factory=list)
    posted_at: float = 0.0
    cancelled_at: float | None = None

    @property
    def button(self) -> str:
        """The pressed button's label; empty where none was pressed."""
        return self.plan.button or ""

    @property
    def ends_at(self) -> float:
        """When Midjourney is done with it, in epoch seconds; the provider notices at the next refresh."""
        return math.inf if self.plan.ends == "silent" else self._last_step_at

    @property
    def _last_step_at(self) -> float:
        return self.started_at + (self.plan.queued + self.timeline.end) / self.speed

    @property
    def uuid(self) -> UUID:
        """Midjourney's own id of the job."""
        return UUID(bytes=hashlib.blake2b(self.jobid.encode(), digest_size=16).digest(), version=4)

    def expired(self, now: float) -> bool:
        """Whether the provider has deleted it."""
        return self.plan.ends == "expired" or now - self.started_at > RETENTION

    def snapshot(self, now: float) -> Snapshot:
        """Return what the provider knows: the job as of its last refresh, or as of when its POST was answered."""
        at = self._refreshed_at(now)
        if self.cancelled_at is not None:
            return Snapshot(status="cancelled", step=self._step(self.cancelled_at), at=self.cancelled_at)
        if at + _EPSILON >= self.ends_at:
            return Snapshot(status=self.plan.ends, step=self.timeline.steps[-1], at=self.ends_at)
        if (at - self.started_at + _EPSILON) * self.speed < self.plan.queued:
            return Snapshot(status="created", step=self.timeline.steps[0], at=at)
        step = self._step(at)
        if self.plan.ends == "silent":
            at = min(at, self._last_step_at)
        return Snapshot(status="started" if step.percent is None else "progress", step=step, at=at)

    def listed(self, now: float) -> bool:
        """Whether it is among its parent's children and the running jobs."""
        return now - self.started_at + _EPSILON >= self.plan.listed_after

    def echoes_reference(self, now: float) -> bool:
        """Whether responses about it repeat the `replyRef` of its request."""
        return now - self.started_at + _EPSILON >= self.plan.echoed_after

    def note_post_answered(self, now: float) -> None:
        """A POST refreshes from Discord before it is answered; later snapshots never show less than that one."""
        self.posted_at = max(self.posted_at, now)

    def cancel(self, now: float) -> None:
        """Stop tracking it; a job that is over stays as it is."""
        if not self.snapshot(now).over:
            self.cancelled_at = now

    def _refreshed_at(self, now: float) -> float:
        if not self.refresh:
            return max(now, self.started_at)
        ticks = math.floor((max(0.0, now - self.started_at - self.plan.phase) + _EPSILON) / self.refresh)
        tick = self.started_at + self.plan.phase + ticks * self.refresh
        return max(tick if tick <= now else self.started_at, self.posted_at)

    def next_refresh(self, now: float) -> float:
        """Return when the provider refreshes from Discord the next time, in epoch seconds."""
        ticks = math.floor((now - self.started_at - self.plan.phase + _EPSILON) / self.refresh) + 1
        return self.started_at + self.plan.phase + max(ticks, 0) * self.refresh

    def _step(self, at: float) -> Step:
        return self.timeline.step((at - self.started_at + _EPSILON) * self.speed - self.plan.queued)

    def snowflake(self, number: int, at: float) -> str:
        """Return this job's Discord id of that number (0-15), made `at` epoch seconds."""
        milliseconds = max(round(at * 1000), _EARLIEST) - _DISCORD_EPOCH
        return str(milliseconds << 22 | (self.number * 16 + number) & 0x3FFFFF)

    def message_id(self, snapshot: Snapshot) -> str:
        """Return the id of Midjourney's message: the result is a new one, before that one message is edited."""
        if snapshot.status == "completed":
            return self.snowflake(1, snapshot.at)
        return self.snowflake(0, self.started_at + FIRST_MESSAGE_DELAY)
