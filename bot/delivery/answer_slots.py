"""How many answers to interactions are under way at once.

Each takes a connection of its own while others are under way: a thousand commands in one second would open a thousand
at once, more than many systems let a process have (1,024 open files), and each costs a TLS handshake.
"""

import asyncio
from types import SimpleNamespace

import aiohttp

_AT_ONCE = 200  # of each kind; where Discord takes 0.1 s for one, a thousand take half a second
_LONGEST_WAIT = 1.0  # Discord expects the first answer to an interaction within 3


class AnswerSlots:
    """Lets `at_once` first answers to interactions, and as many later ones, be under way; the others wait in order.

    None waits longer than `longest_wait` seconds: where Discord leaves requests unanswered, the next are sent too.
    """

    def __init__(self, *, at_once: int = _AT_ONCE, longest_wait: float = _LONGEST_WAIT) -> None:
        self._longest_wait = longest_wait
        self._slots = {part: asyncio.Semaphore(at_once) for part in ("/interactions/", "/webhooks/")}

    def follow(self, trace: aiohttp.TraceConfig) -> None:
        """Bound the requests of the trace's session; what else may stop a request at its start is to be added before.

        A request that is stopped at its start has no end, and would keep its slot.
        """
        trace.on_request_start.append(self._take)
        trace.on_request_end.append(_give_back)
        trace.on_request_exception.append(_give_back)

    async def _take(
        self, _session: aiohttp.ClientSession, context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
    ) -> None:
        slots = next((slots for part, slots in self._slots.items() if part in start.url.path), None)
        if slots is None:
            return
        try:
            async with asyncio.timeout(self._longest_wait):
                await slots.acquire()
        except TimeoutError:
            return
        context.taken_from = slots


async def _give_back(_session: aiohttp.ClientSession, context: SimpleNamespace, _end: object) -> None:
    slots: asyncio.Semaphore | None = vars(context).pop("taken_from", None)
    if slots is not None:
        slots.release()
