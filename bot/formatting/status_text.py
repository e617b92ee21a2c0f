"""A job's state as a word, a progress bar or a time span, and the sentences for jobs that brought no picture."""

import math
from collections.abc import Callable
from datetime import timedelta

import msgspec

from bot.models import Halt, Job, Status
from bot.models.durations import TypicalDuration
from bot.models.provider import worded

_SEGMENTS = 8
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_TWO_MINUTES, _TWO_HOURS = timedelta(minutes=2), timedelta(hours=2)


class Ending(msgspec.Struct, frozen=True):
    """How a job ended that brought no picture: a sign, a word and a sentence."""

    sign: str
    word: str
    sentence: str


_ENDINGS: dict[str, Ending] = {
    Status.MODERATED: Ending("✗", "declined", "Midjourney declined this one."),
    Status.FAILED: Ending("✗", "failed", "Midjourney could not finish this job."),
    Status.CANCELLED: Ending("–", "cancelled", "This job was cancelled."),
    Status.EXPIRED: Ending("–", "expired", "{provider} no longer keeps this job."),
    Status.SILENT: Ending("–", "no news", "No news about this job for a day, so I stopped checking."),
}

_STOPPED = Ending("–", "stopped", "This job was stopped at Midjourney.")


def ending(job: Job) -> Ending | None:
    """How the job ended, where it brought no picture."""
    if job.status == Status.CANCELLED and job.halted is Halt.STOPPED:
        return _STOPPED
    end = _ENDINGS.get(job.status)
    return None if end is None else msgspec.structs.replace(end, sentence=worded(end.sentence, job.provider))


def percent(job: Job) -> int | None:
    """The progress, 0-100, where it is known."""
    return None if job.percent is None else min(max(job.percent, 0), 100)


def state(job: Job) -> str:
    """The job's state: "waiting", "47%", "in progress", "paused", "done", "declined"…"""
    if end := ending(job):
        return end.word
    if job.over:
        return "done"
    if job.halted is Halt.PAUSED:
        return "paused"
    if not job.percent and job.status in {Status.CREATED, Status.STARTED}:
        return "waiting"
    done = percent(job)
    return "in progress" if done is None else f"{done}%"


def bar(percent: int) -> str:
    """A progress bar of eight segments; at least one is filled, and all of them at 100 only."""
    filled = _SEGMENTS if percent >= 100 else min(max(round(percent * _SEGMENTS / 100), 1), _SEGMENTS - 1)
    return "▰" * filled + "▱" * (_SEGMENTS - filled)


def duration(time: timedelta) -> str:
    """A duration in its two largest units, at least one second: "52 s", "3 min 5 s", "2 h 10 min"."""
    minutes, seconds = divmod(max(round(time.total_seconds()), 1), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    while not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number)


def rough_duration(time: timedelta) -> str:
    """A duration in its largest unit alone: "52 s", "3 min", "2 h", "5 d"."""
    return " ".join(duration(time).split(" ")[:2])


def span(typical: TypicalDuration) -> str:
    """A range of durations, rounded outwards: "25–40 s", "2–6 min", "50 s – 3 min", "about 5 s"."""
    low, high = _rounded(typical.low, math.floor), _rounded(typical.high, math.ceil)
    if low == high:
        return f"about {duration(high)}"
    if high < _TWO_MINUTES:
        return f"{low // _SECOND}–{high // _SECOND} s"
    if low >= _TWO_MINUTES and high < _TWO_HOURS:
        return f"{low // _MINUTE}–{high // _MINUTE} min"
    return f"{duration(low)} – {duration(high)}"


def _rounded(time: timedelta, towards: Callable[[float], int]) -> timedelta:
    step = 5 * _SECOND if time < _TWO_MINUTES else _MINUTE
    return max(towards(time / step), 1) * step
