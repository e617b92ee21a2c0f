"""Counts the requests that one call of discord.py becomes: it repeats a POST after a 5xx or a lost connection.

A message's first request may have been stored, and only the nonce would keep its repetition from being a second
message. So the repetition is stopped before it is sent; the delivery stays SENDING, and the channel's history is
searched first. An interaction takes one answer only: it may be repeated, and who counts knows whether a refusal of the
second one may be due to the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp


class SendRepeated(aiohttp.ClientError):
    """discord.py was about to repeat a request that may have been stored."""


@dataclass(slots=True)
class RequestCount:
    """The requests that were started within one `counted_requests` and were not answered with 429."""

    number: int = 0
    at_most: int | None = 1


_COUNT: ContextVar[RequestCount | None] = ContextVar("requests of the call under way", default=None)


@contextmanager
def counted_requests(*, at_most: int | None = 1) -> Iterator[RequestCount]:
    """Count the requests that this task makes in the context, and stop those beyond `at_most`; see `trace_requests`.

    aiohttp calls a trace in the task that makes the request, so that sends to other channels are counted apart.
    """
    count = RequestCount(at_most=at_most)
    token = _COUNT.set(count)
    try:
        yield count
    finally:
        _COUNT.reset(token)


def trace_requests(trace: aiohttp.TraceConfig) -> None:
    """Have the requests of the trace's session counted; raises `SendRepeated` from one too many."""
    trace.on_request_start.append(_count)
    trace.on_request_end.append(_discount_refused)


async def _count(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _start: aiohttp.TraceRequestStartParams
) -> None:
    if (count := _COUNT.get()) is None:
        return
    if count.at_most is not None and count.number >= count.at_most:
        raise SendRepeated
    count.number += 1


async def _discount_refused(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
) -> None:
    """A 429 was certainly not stored: discord.py waits as Discord says, and may repeat it."""
    if (count := _COUNT.get()) is not None and end.response.status == 429:
        count.number -= 1
