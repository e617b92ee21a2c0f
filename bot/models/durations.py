"""How long jobs of a kind usually take, learnt from those that were followed here."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from bot.models.job import Job, Status
from bot.models.midjourney_buttons import button_for

KEPT = 200
"""As many of the newest durations of a kind and mode are remembered: what was usual in spring is forgotten."""
ENOUGH = 20
"""With fewer of them nothing is said."""


class TypicalDuration(NamedTuple):
    """The span in which eight of ten jobs of a kind end, from their creation on."""

    low: timedelta
    high: timedelta


def typical(seconds: Sequence[float]) -> TypicalDuration | None:
    """What these durations have in common; `None` of fewer than `ENOUGH`."""
    if len(seconds) < ENOUGH:
        return None
    ordered = sorted(seconds)
    return TypicalDuration(*(timedelta(seconds=ordered[round(share * (len(ordered) - 1))]) for share in (0.1, 0.9)))


def kind_of(job: Job) -> str:
    """The kind by which durations are compared: the verb, or for a pressed button its duration class ("U" for U2)."""
    if job.verb != "button":
        return job.verb
    return button_for(job.button).duration_class or job.button


def mode_of(job: Job) -> str:
    """Midjourney's word for the mode, "" before it said one; stealth makes no difference."""
    return job.mode.partition(",")[0]


def seconds_of(job: Job) -> float | None:
    """How long a job took until useapi knew that it was done, which is what people wait for; `None` where unknown."""
    if job.status != Status.COMPLETED or job.private or job.created is None or job.updated is None:
        return None
    seconds = (job.updated - job.created).total_seconds()
    return seconds if seconds > 0 else None
