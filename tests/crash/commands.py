"""What the people of a kill run ask for: jobs of every kind, some in two channels, some by two members."""

import random
from dataclasses import dataclass
from typing import Any

KINDS: tuple[dict[str, Any], ...] = (
    {"verb": "imagine"},  # a picture and nine buttons
    {"verb": "imagine"},
    {"verb": "imagine"},
    {"verb": "seed"},  # these have no buttons of their own
    {"verb": "describe"},
    {"verb": "imagine", "ends": "failed"},
    {"verb": "imagine", "ends": "moderated"},
)
IN_TWO_CHANNELS = BY_TWO_MEMBERS = 0.1
IN_FOUR = 0.6  # of the grids


@dataclass(eq=False)
class Order:
    """A job that begins when it is first asked for, and the options of `add_job` for it."""

    options: dict[str, Any]
    jobid: str = ""


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """One `/job`, in a channel by its place in the list; `in_four`: the grid is then split there, too."""

    order: Order
    channel: int
    in_four: bool = False


def requests_for(deliveries: int, channels: int, chance: random.Random) -> list[JobRequest]:
    """Wishes that come to so many results in so many channels.

    In the last channel the jobs are over before they are asked for, so that nothing but results is posted there.
    """
    requests: list[JobRequest] = []
    left = deliveries
    while left:
        channel = chance.randrange(channels)
        others = [(channel + 1) % (channels - 1)] if chance.random() < IN_TWO_CHANNELS else []
        order = Order(_options(chance, len(requests), over=channel == channels - 1))
        for number in [channel, *others][:left]:
            left -= 1
            members = 1 + (chance.random() < BY_TWO_MEMBERS)
            grid = order.options["verb"] == "imagine" and "ends" not in order.options and number != channels - 1
            requests += [JobRequest(order=order, channel=number, in_four=grid and chance.random() < IN_FOUR)] * members
    return requests


def _options(chance: random.Random, number: int, *, over: bool) -> dict[str, Any]:
    if over:
        return {"verb": "imagine", "prompt": f"wish {number}", "duration": 0, "age": 1}
    length = chance.choice((0.0, chance.uniform(0.2, 3.0), chance.uniform(0.2, 3.0)))
    return {**chance.choice(KINDS), "prompt": f"wish {number}", "duration": length, "starts_when_polled": True}
