"""How many HTTP requests one send became: discord.py repeats a POST by itself after a 5xx or a lost connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp


@dataclass(slots=True)
class RequestCount:
    """The requests that were started within one `counted_requests`, the one under way included."""

    number: int = 0


_COUNT: ContextVar[RequestCount | None] = ContextVar("requests of the send under way", default=None)


@contextmanager
def counted_requests() -> Iterator[RequestCount]:
    """Count the requests that this task makes in the context; only in a session whose trace has `count_request`.

    aiohttp calls a trace in the task that makes the request, so that sends to other channels are counted apart.
    """
    count = RequestCount()
    token = _COUNT.set(count)
    try:
        yield count
    finally:
        _COUNT.reset(token)


async def count_request(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _start: aiohttp.TraceRequestStartParams
) -> None:
    """For `TraceConfig.on_request_start`: count a request where `counted_requests` is open."""
    if (count := _COUNT.get()) is not None:
        count.number += 1
