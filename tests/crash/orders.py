"""What the people of a kill run ask for: jobs of every kind, some in two channels, some by two members."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KINDS: tuple[dict[str, Any], ...] = (
    {"verb": "imagine"},  # the picture and nine buttons
    {"verb": "imagine"},
    {"verb": "imagine"},
    {"verb": "seed"},  # these have no buttons of their own
    {"verb": "describe"},
    {"verb": "imagine", "ends": "failed"},
    {"verb": "imagine", "ends": "moderated"},
)
TWO_CHANNELS = TWO_MEMBERS = 0.1  # shares of the jobs


@dataclass(eq=False)
class Order:
    """A job that is started when it is first asked for: the options of `add_job`."""

    options: dict[str, Any]
    jobid: str = ""


@dataclass(frozen=True)
class Wish:
    """One `/job` by one member in one channel, both by their place in the lists."""

    order: Order
    channel: int
    member: int


@dataclass
class Book:
    """All wishes of a run: enough for `deliveries` results in `channels` channels.

    The last channel gets jobs that are over already, so that nothing but results is posted there.
    """

    deliveries: int
    channels: int
    chance: random.Random
    wishes: list[Wish] = field(default_factory=list)

    def __post_init__(self) -> None:
        places = 0
        while places < self.deliveries:
            order, channels = self._order(places)
            for channel in channels[: self.deliveries - places]:
                places += 1
                self.wishes += [Wish(order, channel, member) for member in self._members()]

    @property
    def members(self) -> int:
        """How many members it takes: each may ask six times a minute."""
        return len(self.wishes) // 4 + 2

    def _order(self, number: int) -> tuple[Order, list[int]]:
        word, kind = f"wish{number:05}", self.chance.choice(KINDS)
        channel = self.chance.randrange(self.channels)
        if channel == self.channels - 1:
            return Order({"verb": "imagine", "prompt": word, "duration": 0, "age": 1}), [channel]
        length = self.chance.choice((0.0, self.chance.uniform(0.2, 3.0), self.chance.uniform(0.2, 3.0)))
        order = Order({**kind, "prompt": word, "duration": length})
        others = [(channel + 1) % (self.channels - 1)] if self.chance.random() < TWO_CHANNELS else []
        return order, [channel, *others]

    def _members(self) -> Iterator[int]:
        for _ in range(1 + (self.chance.random() < TWO_MEMBERS)):
            self._asked = getattr(self, "_asked", -1) + 1
            yield self._asked
