"""Trouble on demand: what may go wrong between the bot and Discord, before or after Discord did its part."""

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

KINDS = {"reset", "hang", "garbage", "cloudflare", "blocked", "limited"}


@dataclass
class Fault:
    pattern: str
    kind: str
    times: int | None


@dataclass
class Faults:
    """Faults asked for by name, then faults at random: `rate` (0-1) of all requests to channels, one of `kinds`."""

    rate: float = 0.0
    kinds: tuple[str, ...] = ("500", "502", "503", "504", "reset", "stored-reset")
    chance: random.Random = field(default_factory=random.Random)
    planned: list[Fault] = field(default_factory=list)

    def fail(self, pattern: str, kind: str | int, times: int | None = 1) -> None:
        """Let the next `times` requests that match ("POST /channels/*/messages") fail; `None`: all, until `heal`.

        Kinds: an HTTP status; "reset" (the connection is cut), "hang" (no answer, ever), "garbage" (200 with HTML),
        "cloudflare" (429 without `Via`), "blocked" (403 with HTML, Cloudflare's too), "limited" (429, for 20 s). With
        "stored-" in front Discord does what was asked first.
        """
        kind = str(kind)
        plain = kind.removeprefix("stored-")
        if plain not in KINDS and not plain.isdecimal():
            raise ValueError(f"Unknown fault {kind!r}: a status or one of {sorted(KINDS)}, perhaps after stored-")
        self.planned.append(Fault(pattern, kind, times))

    def heal(self) -> None:
        """No more trouble, neither planned nor at random."""
        self.planned.clear()
        self.rate = 0.0

    def take(self, request: str) -> str:
        """The fault that this request ("GET /users/@me") meets, or an empty string."""
        for fault in self.planned:
            if fnmatchcase(request, fault.pattern):
                if fault.times is not None:
                    fault.times -= 1
                    self.planned = [each for each in self.planned if each.times != 0]
                return fault.kind
        unlucky = " /channels/" in request and self.chance.random() < self.rate
        return self.chance.choice(self.kinds) if unlucky else ""
