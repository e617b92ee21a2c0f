"""How much of Discord's patience is used up, and how fast it may be.

10,000 answers with 401, 403 or 429 within ten minutes, and Cloudflare shuts the whole address out; 1,000 IDENTIFYs in
a day, and Discord takes the token away (https://discord.com/developers/docs/topics/rate-limits, .../gateway).
"""

import asyncio
import time
from collections import deque
from types import SimpleNamespace

import aiohttp

_WINDOW = 600.0
_INVALID = frozenset({401, 403, 429})
_EVEN = 1 / 48  # seconds between two requests: Discord allows 50 a second, and discord.py alone does not keep to that
_CLOSEST = 1 / 49  # what is allowed between two of all our requests, when they come in a bunch
_EXEMPT = ("/interactions/", "/webhooks/")  # answers to people do not count for these 50, and must not wait
_CAREFUL = 500  # invalid answers in the window from which on one request a second is enough
_RESERVE = 200  # IDENTIFYs that are left for people who restart the bot by hand
_LONGEST_PAUSE = 600.0


class DiscordRateLimits:
    """Sees all REST requests, discord.py's own and its retries included, through `trace`.

    It counts their invalid answers, and keeps those apart that would come in a bunch: after a hold-up of the loop, or
    those of a start beside the first results. Answers to interactions are never held up.
    """

    def __init__(self) -> None:
        self._next = 0.0
        self._invalid: deque[float] = deque(maxlen=10_000)
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_start.append(self._keep_apart)
        self.trace.on_request_end.append(self._note)

    async def _keep_apart(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
    ) -> None:
        if any(part in start.url.path for part in _EXEMPT):
            return
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + _CLOSEST
        if turn > now:
            await asyncio.sleep(turn - now)

    async def _note(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        if end.response.status in _INVALID:
            self._invalid.append(time.monotonic())

    @property
    def invalid(self) -> int:
        """Invalid answers in the last ten minutes."""
        while self._invalid and self._invalid[0] < time.monotonic() - _WINDOW:
            self._invalid.popleft()
        return len(self._invalid)

    @property
    def spacing(self) -> float:
        """Seconds to leave between two requests: 1/48 in good times, 1 when Discord refuses much."""
        return _EVEN if self.invalid < _CAREFUL else 1.0


def pause_before_identify(remaining: int, reset_after: float) -> float:
    """Seconds to wait so that a bot that is restarted over and over never uses up its IDENTIFYs of the day.

    Discord counts them itself: `remaining` until `reset_after` seconds from now. The last 200 are spread evenly.
    """
    if remaining > _RESERVE:
        return 0.0
    return min(reset_after / max(remaining, 1), _LONGEST_PAUSE if remaining else reset_after)
