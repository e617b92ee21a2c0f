"""Discord's rate limits: a bucket per channel, and one for the whole bot."""

from dataclasses import dataclass, field
from typing import Any

BUCKETS = {
    ("POST", "/channels/{channel_id}/messages"): "create",
    ("PATCH", "/channels/{channel_id}/messages/{message_id}"): "edit",
}


@dataclass
class Window:
    """`limit` requests in `seconds`, counted from the first one on."""

    limit: int
    seconds: float
    ends: float = float("-inf")
    used: int = 0

    def take(self, now: float) -> float:
        """0 where there was room, else the seconds to wait."""
        if now >= self.ends:
            self.ends, self.used = now + self.seconds, 0
        if self.used >= self.limit:
            return self.ends - now
        self.used += 1
        return 0.0

    def headers(self, name: str, now: float) -> dict[str, str]:
        left = {"Limit": self.limit, "Remaining": self.limit - self.used, "Bucket": name}
        times = {"Reset": f"{self.ends:.3f}", "Reset-After": f"{self.ends - now:.3f}"}
        return {f"X-RateLimit-{key}": str(value) for key, value in (left | times).items()}


@dataclass
class Limits:
    """`message_bucket`: creates (and edits) a channel takes, in how many seconds; `whole`: all requests of the bot.

    Discord publishes neither; 5 in 5 s is what channels give in practice, 50 in 1 s stands in its documentation.
    """

    message_bucket: tuple[int, float] = (5, 5.0)
    whole: tuple[int, float] = (50, 1.0)
    _windows: dict[tuple[str, ...], Window] = field(default_factory=dict)

    def take(self, method: str, route: str, channel: str, now: float) -> tuple[dict[str, str], dict[str, Any] | None]:
        """The headers of the answer, and the body of a 429 where there is no room."""
        everything = self._windows.setdefault((), Window(*self.whole))
        if not route.startswith(("/interactions", "/webhooks")) and (wait := everything.take(now)):
            return {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}, _slow_down(wait, everywhere=True)
        name = BUCKETS.get((method, route))
        if name is None:
            return {}, None
        window = self._windows.setdefault((name, channel), Window(*self.message_bucket))
        wait = window.take(now)
        headers = window.headers(name, now)
        return (headers | {"X-RateLimit-Scope": "user"}, _slow_down(wait)) if wait else (headers, None)


def _slow_down(wait: float, *, everywhere: bool = False) -> dict[str, Any]:
    return {"message": "You are being rate limited.", "code": 0, "retry_after": round(wait, 3), "global": everywhere}
