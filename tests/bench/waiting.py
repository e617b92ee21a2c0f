"""When to poll first: a simulation of whether a first poll at the learned time saves requests at equal staleness.

Nothing is measured here, so the machine does not matter. What runs is the poller's own rule, on jobs with the times
that were captured of a real account (fast mode), and on relaxed ones, which wait in a queue of an invented heavy tail.
"""

import random
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.models.durations import TypicalDuration, typical
from bot.polling.decisions import JITTER, interval
from bot.polling.first_poll import not_before
from tests.bench.report import Table, percentile

POLL = 15.0
REFRESH = 15.0  # seconds between two readings of Discord by useapi
KIND = "imagine"  # none that takes a few seconds
SUBSCRIBED = 4.0  # seconds after the creation of the job, when the POST is answered or a member has pasted the id
CAPTURED = {
    "imagine": (26.7, 25.0),
    "vary": (23.8,),
    "zoom out": (27.0,),
    "pan": (29.8,),
    "upscale": (47.6,),
    "animate": (49.5, 72.6),
}
SPREAD = 0.12  # sigma of a job's time around the captured ones
QUEUE, TAIL = 180.0, 0.9  # median and sigma of the wait before a relaxed job


class Run(NamedTuple):
    """One job: how often it was polled, by how many seconds the last poll was late, and whether its card moved."""

    polls: int
    late: float
    moved: bool


class Rule(NamedTuple):
    """Before which second after its creation a job is not polled; `None`: one interval after its subscription."""

    name: str
    first: Callable[[TypicalDuration, float], float] | None


RULES = (
    Rule("one interval after `/job`", None),
    Rule("at the learned median", lambda _typical, median: median),
    Rule("at the learned 10th percentile", lambda typical, _median: typical.low.total_seconds()),
    Rule("Darkroom's rule, before it has learned", lambda _typical, _median: not_before(KIND, None, POLL)),
    Rule("Darkroom's rule", lambda typical, _median: not_before(KIND, typical, POLL)),
)


def duration(chance: random.Random, kind: str, *, relaxed: bool) -> float:
    """How long Midjourney takes."""
    took = chance.choice(CAPTURED[kind]) * chance.lognormvariate(0, SPREAD)
    return took + (QUEUE * chance.lognormvariate(0, TAIL) if relaxed else 0.0)


def known_at(chance: random.Random, took: float) -> float:
    """When useapi knows: the next time that it reads Discord."""
    phase = chance.uniform(0, REFRESH)
    return phase + REFRESH * max(-(-(took - phase) // REFRESH), 0)


def follow(chance: random.Random, over: float, first: float | None, poll_seconds: float) -> Run:
    """The polls of one job that useapi knows to be over at `over`."""
    at = max(SUBSCRIBED + poll_seconds * chance.uniform(*JITTER), first or 0.0)
    polls = 1
    while at < over:
        at += interval(at - SUBSCRIBED, poll_seconds) * chance.uniform(*JITTER)
        polls += 1
    return Run(polls, at - over, polls > 1)


def play(rule: Rule, poll_seconds: float, jobs: int, *, relaxed: bool) -> list[Run]:
    """As many jobs of each kind, after a history of 200."""
    runs: list[Run] = []
    for kind in CAPTURED:
        chance = random.Random(f"{kind} {relaxed}")
        past = [known_at(chance, duration(chance, kind, relaxed=relaxed)) for _ in range(200)]
        span = typical(past)
        assert span is not None
        first = None if rule.first is None else rule.first(span, statistics.median(past))
        runs += (
            follow(chance, known_at(chance, duration(chance, kind, relaxed=relaxed)), first, poll_seconds)
            for _ in range(jobs)
        )
    return runs


def as_fresh(rule: Rule, late: float, jobs: int, *, relaxed: bool) -> tuple[float, list[Run]]:
    """The interval, of useapi's 10 to 30 s, at which a rule is on average as late as another."""
    intervals = [10 + step / 2 for step in range(41)]
    tried = [(seconds, play(rule, seconds, jobs, relaxed=relaxed)) for seconds in intervals]
    return min(tried, key=lambda pair: abs(statistics.mean(run.late for run in pair[1]) - late))


def row(mode: str, rule: Rule, poll_seconds: float, runs: Sequence[Run]) -> list[str]:
    late = [run.late for run in runs]
    return [
        mode,
        rule.name,
        f"{poll_seconds:g} s",
        f"{statistics.mean(run.polls for run in runs):.2f}",
        f"{statistics.mean(late):.1f} s",
        f"{percentile(late, 0.95):.1f} s",
        f"{statistics.mean(run.moved for run in runs):.0%}",
    ]


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    jobs = 300 if quick else 3000
    rows = []
    for mode, relaxed in (("fast", False), ("relaxed", True)):
        plain = play(RULES[0], POLL, jobs, relaxed=relaxed)
        rows.append(row(mode, RULES[0], POLL, plain))
        late = statistics.mean(each.late for each in plain)
        for rule in RULES[1:]:
            rows.append(row(mode, rule, POLL, play(rule, POLL, jobs, relaxed=relaxed)))
            rows.append(row(mode, rule, *as_fresh(rule, late, jobs // 3, relaxed=relaxed)))
    return [
        Table(
            before="Whether a first poll at the time that such jobs usually take saves requests. Every second row of "
            "the other rules has the interval at which they are as late as the first one.",
            head=["mode", "first poll", "interval", "polls a job", "late: mean", "95 of 100", "cards that moved"],
            rows=rows,
            after="A card that moved showed progress, or a preview, before the end. Fast jobs have the times captured "
            f"of a real account, with a spread of {SPREAD:.0%}; relaxed ones wait before that, {QUEUE:.0f} s in the "
            f"median, a sixth of them more than {QUEUE * 2.459:.0f} s. useapi.net refreshes from Discord every "
            f"{REFRESH:.0f} s. Simulated, {jobs * len(CAPTURED):,} jobs a row.",
        )
    ]
