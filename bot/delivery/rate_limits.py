"""Client-side rate limits and the count of invalid requests for Discord.

Discord bans an address by Cloudflare after 10,000 answers with 401, 403 or 429 within ten minutes, and resets the token
of a bot that sends 1,000 IDENTIFYs in a day
(https://discord.com/developers/docs/topics/rate-limits, .../events/gateway).
"""

import time
from collections import deque
from types import SimpleNamespace

import aiohttp

from bot.delivery.answer_slots import AnswerSlots
from bot.rate_limiter import RateLimiter
from bot.request_count import trace_requests

_WINDOW = 600.0
_INVALID = frozenset({401, 403, 429})
_EVEN = 1 / 48  # seconds between two messages: Discord allows 50 requests a second, discord.py does not enforce it
_CLOSEST = 1 / 49  # seconds between any two of our requests when they come in a burst
_EXEMPT = ("/interactions/", "/webhooks/")  # answers to people do not count towards the 50, and must not wait
_MANY_INVALID = 500  # invalid answers in the window from which on one message a second is sent
_RESERVE = 200  # IDENTIFYs that are left for restarts by hand
_LONGEST_PAUSE = 600.0


class DiscordRateLimits:
    """Sees all REST requests, discord.py's own and its retries included, through `trace`.

    It counts the requests of each send and the invalid answers, and spaces requests that would come in a burst: after
    the event loop was blocked, or those of a start beside the first results. Answers to interactions wait for none of
    them, see `answer_slots`. Messages keep a wider spacing besides, see `wait_for_turn`.
    """

    def __init__(self) -> None:
        self._requests = RateLimiter(_CLOSEST)
        self._messages = RateLimiter(_EVEN)
        self._invalid: deque[float] = deque(maxlen=10_000)
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_start.append(self._space)
        trace_requests(self.trace)
        self.trace.on_request_end.append(self._count_invalid)
        AnswerSlots().follow(self.trace)

    async def wait_for_turn(self) -> None:
        """Return when the next message may be sent or edited; they are evenly spaced, `spacing` seconds apart.

        Even spacing, because a burst after a pause would double the number of requests in its first second.
        """
        self._messages.interval = self.spacing
        await self._messages.acquire()

    async def _space(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
    ) -> None:
        if not any(part in start.url.path for part in _EXEMPT):
            await self._requests.acquire()

    async def _count_invalid(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        if end.response.status in _INVALID:
            self._invalid.append(time.monotonic())

    @property
    def invalid(self) -> int:
        """The number of invalid answers in the last ten minutes."""
        while self._invalid and self._invalid[0] < time.monotonic() - _WINDOW:
            self._invalid.popleft()
        return len(self._invalid)

    @property
    def spacing(self) -> float:
        """Seconds between two messages: 1/48, or 1 when Discord has refused many requests lately."""
        return _EVEN if self.invalid < _MANY_INVALID else 1.0


def pause_before_identify(remaining: int, reset_after: float) -> float:
    """Return the seconds to wait so that a bot in a crash loop never uses up the day's IDENTIFYs.

    Discord counts them itself: `remaining` until `reset_after` seconds from now. The last 200 are spread evenly.
    """
    if remaining > _RESERVE:
        return 0.0
    return min(reset_after / max(remaining, 1), _LONGEST_PAUSE if remaining else reset_after)
