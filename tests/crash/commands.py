"""What the members of a kill run request: jobs of every kind, some in two channels, some by two members."""

import random
from dataclasses import dataclass
from typing import Any

from bot.models import ProviderName

KINDS: tuple[dict[str, Any], ...] = (
    {"verb": "imagine"},  # a picture and nine buttons
    {"verb": "imagine"},
    {"verb": "imagine"},
    {"verb": "seed"},  # these have no buttons of their own
    {"verb": "describe"},
    {"verb": "imagine", "ends": "failed"},
    {"verb": "imagine", "ends": "moderated"},
)
OF_USEAPI_ALONE = ("seed",)
"""The verbs that are commands of no other provider."""
IN_TWO_CHANNELS = BY_TWO_MEMBERS = 0.1
IN_FOUR = 0.6  # of the grids


@dataclass(eq=False)
class Order:
    """A job that begins when it is first polled, and the options of `add_job` for it."""

    options: dict[str, Any]
    jobid: str = ""


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """One `/job`, in a channel by its place in the list; the grid is then split in four there, or starred, too."""

    order: Order
    channel: int
    in_four: bool = False
    starred: bool = False


def job_requests(deliveries: int, channels: int, chance: random.Random, provider: ProviderName) -> list[JobRequest]:
    """Requests that lead to so many results in so many channels.

    In the last channel the jobs are over before they are requested, so that nothing but results is posted there.
    """
    requests: list[JobRequest] = []
    left = deliveries
    while left:
        channel = chance.randrange(channels)
        others = [(channel + 1) % (channels - 1)] if chance.random() < IN_TWO_CHANNELS else []
        order = Order(_options(chance, len(requests), provider, over=channel == channels - 1))
        for where in [channel, *others][:left]:
            left -= 1
            members = 1 + (chance.random() < BY_TWO_MEMBERS)
            grid = order.options["verb"] == "imagine" and "ends" not in order.options and where != channels - 1
            in_four, starred = grid and chance.random() < IN_FOUR, grid and len(requests) % 2 == 0
            requests += [JobRequest(order=order, channel=where, in_four=in_four, starred=starred)] * members
    return requests


def _options(chance: random.Random, number: int, provider: ProviderName, *, over: bool) -> dict[str, Any]:
    if over:
        return {"verb": "imagine", "prompt": f"scene {number}", "duration": 0, "age": 1}
    length = chance.choice((0.0, chance.uniform(0.2, 3.0), chance.uniform(0.2, 3.0)))
    kinds = [kind for kind in KINDS if provider is ProviderName.USEAPI or kind["verb"] not in OF_USEAPI_ALONE]
    return {**chance.choice(kinds), "prompt": f"scene {number}", "duration": length, "starts_when_polled": True}
