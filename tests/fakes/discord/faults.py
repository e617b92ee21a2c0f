"""Trouble on demand: what may go wrong between the bot and Discord, before or after Discord did its part."""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

KINDS = {"reset", "hang", "slow", "garbage", "cloudflare", "proxy", "blocked", "limited"}
_STATUS = re.compile(r"\d{3}(-\d+)?")


@dataclass
class Fault:
    pattern: str
    kind: str
    times: int | None
    ends: float | None = None


@dataclass
class Faults:
    """Faults asked for by name, then faults at random: `rate` (0-1) of all requests to channels, one of `kinds`."""

    rate: float = 0.0
    kinds: tuple[str, ...] = ("500", "502", "503", "504", "reset", "stored-reset")
    chance: random.Random = field(default_factory=random.Random)
    planned: list[Fault] = field(default_factory=list)
    now: Callable[[], float] = time.time

    def fail(self, pattern: str, kind: str | int, times: int | None = 1, seconds: float | None = None) -> None:
        """Let the next `times` requests that match ("POST /channels/*/messages") fail; `None`: all, until `heal`.

        With `seconds` it ends by itself. Kinds: an HTTP status, with an error code of Discord's after it ("403-50013");
        "reset" (the connection is cut), "hang" (no answer, ever), "slow" (a second late), "garbage" (200 with HTML),
        "cloudflare" (429 with HTML, without `Via`), "proxy" (the same with it), "blocked" (403 with HTML, Cloudflare's
        too), "limited" (429, for 20 s). With "stored-" in front Discord does what was asked first.
        """
        kind = str(kind)
        plain = kind.removeprefix("stored-")
        if plain not in KINDS and not _STATUS.fullmatch(plain):
            raise ValueError(
                f"Unknown fault {kind!r}: a status (with a code) or one of {sorted(KINDS)}, perhaps after stored-"
            )
        ends = None if seconds is None else self.now() + seconds
        self.planned.append(Fault(pattern, kind, times, ends))

    def heal(self) -> None:
        """No more trouble, neither planned nor at random."""
        self.planned.clear()
        self.rate = 0.0

    def take(self, request: str) -> str:
        """The fault that this request ("GET /users/@me") meets, or an empty string."""
        now = self.now()
        self.planned = [fault for fault in self.planned if fault.ends is None or now < fault.ends]
        for fault in self.planned:
            if fnmatchcase(request, fault.pattern):
                if fault.times is not None:
                    fault.times -= 1
                    self.planned = [each for each in self.planned if each.times != 0]
                return fault.kind
        unlucky = " /channels/" in request and self.chance.random() < self.rate
        return self.chance.choice(self.kinds) if unlucky else ""
