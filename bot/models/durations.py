"""How long jobs of a kind usually take, from the durations of jobs that this bot polled from start to end."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from bot.models.job import Job, Status
from bot.models.midjourney_buttons import button_for

KEPT = 200
"""The number of samples stored for each kind and mode; only the newest count."""
MIN_SAMPLES = 20
"""Fewer samples give no typical duration."""


class TypicalDuration(NamedTuple):
    """The 10th and 90th percentile of the durations, counted from a job's creation."""

    low: timedelta
    high: timedelta


def typical(seconds: Sequence[float]) -> TypicalDuration | None:
    """The typical duration of these samples; `None` for fewer than `MIN_SAMPLES`."""
    if len(seconds) < MIN_SAMPLES:
        return None
    ordered = sorted(seconds)
    return TypicalDuration(*(timedelta(seconds=ordered[round(share * (len(ordered) - 1))]) for share in (0.1, 0.9)))


def kind_of(job: Job) -> str:
    """The kind by which durations are compared: the verb, or for a pressed button its duration class ("U" for U2)."""
    if job.verb != "button":
        return job.verb
    return button_for(job.button).duration_class or job.button


def mode_of(job: Job) -> str:
    """The mode ("fast", "relaxed", "turbo") without stealth; "" while it is unknown."""
    return job.mode.partition(",")[0]


def seconds_of(job: Job) -> float | None:
    """Seconds from a job's creation until the provider reported it completed; `None` where unknown."""
    if job.status != Status.COMPLETED or job.private or job.created is None or job.updated is None:
        return None
    seconds = (job.updated - job.created).total_seconds()
    return seconds if seconds > 0 else None
