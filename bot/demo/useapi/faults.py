"""Trouble on order: what the pretend useapi answers instead of the truth."""

import asyncio
import gzip
import json
import socket
import struct
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import repeat

from aiohttp import web

from bot.demo.useapi.cdn import Raw

BODIES: dict[int, dict[str, object]] = {
    400: {"error": "Query param jobid not provided"},
    401: {"error": "Unauthorized"},
    402: {"error": "Account has no subscription or subscription expired"},
    404: {"error": "Unable to locate job"},
    410: {"error": "Job has expired"},
    422: {"error": "Banned prompt detected", "errorDetails": "A filter stopped it.", "status": "moderated"},
    429: {"error": "Discord 429"},
    500: {"error": "Internal server error"},
    504: {"error": "query overflow"},
    596: {"error": "Action required to continue", "errorDetails": "Please complete the task in Discord."},
}
"""What useapi says with each status; others come from a proxy before it, as HTML."""

KINDS = (
    "reset",
    "close",
    "hang",
    "empty",
    "html",
    "truncated",
    "cut",
    "wrong_shape",
    "huge",
    "bomb",
    "slow_drip",
    "queue_full",
    "made_reset",
    "made_hang",
    "made_500",
    "made_504",
)
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_JOB = json.dumps(
    {"jobid": "job:1", "verb": "imagine", "status": "progress", "content": "**x** (35%) (fast)", "code": 200}
)
_JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind of trouble for requests whose path matches `path` (a pattern with `*`)."""

    kind: int | str
    path: str
    retry_after: float | None = None
    more: dict[str, object] = field(default_factory=dict)

    @property
    def made(self) -> bool:
        """Whether what was asked for is done all the same: only its answer is lost."""
        return isinstance(self.kind, str) and self.kind.startswith("made_")

    def __post_init__(self) -> None:
        if isinstance(self.kind, str) and self.kind not in KINDS:
            raise ValueError(f"a fault is an HTTP status or one of {', '.join(KINDS)}")


class Faults:
    """The faults to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, float]] = []

    def add(self, fault: Fault, times: float) -> None:
        """Answer the next `times` requests (`math.inf`: all) with this fault."""
        self._waiting.append((fault, times))

    def forget(self, *kinds: int | str) -> None:
        """Be well again: no more faults of these kinds, or of any."""
        self._waiting = [(fault, left) for fault, left in self._waiting if kinds and fault.kind not in kinds]

    def take(self, path: str) -> Fault | None:
        """The fault that this request gets."""
        for place, (fault, left) in enumerate(self._waiting):
            if fnmatchcase(path, fault.path):
                self._waiting[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None


async def answer(fault: Fault, request: web.Request) -> web.StreamResponse:
    """The faulty answer; it may never come."""
    kind = fault.kind.removeprefix("made_") if isinstance(fault.kind, str) else fault.kind
    if isinstance(kind, int) or kind.isdecimal():
        return _status(fault, int(kind))
    match kind:
        case "reset" | "close":
            _hang_up(request, rudely=kind == "reset")
            return web.Response()  # nobody is there to get it
        case "hang":
            await asyncio.Event().wait()
        case "queue_full":
            full = {
                "error": "Maximum of 3 jobs executing in parallel supported",
                "executingJobs": ["job:1"],
                "code": 429,
            }
            return web.json_response(full | fault.more, status=429, headers=_waits(fault))
        case "cut":
            return Raw(200, {**_JSON, "Content-Length": str(len(_JOB))}, [_JOB[:40].encode()])
        case "slow_drip":
            return Raw(200, _JSON, repeat(b" "), pause=0.05)
    return _nonsense(kind)


def _status(fault: Fault, status: int) -> web.Response:
    if status not in BODIES:
        return web.Response(status=status, text=_PAGE.format(f"{status} Bad Gateway"), content_type="text/html")
    return web.json_response({**BODIES[status], "code": status, **fault.more}, status=status, headers=_waits(fault))


def _waits(fault: Fault) -> dict[str, str]:
    return {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}


def _nonsense(kind: str) -> web.Response:
    bodies = {
        "html": _PAGE.format("Just a moment...").encode(),
        "truncated": _JOB[: len(_JOB) // 2].encode(),
        "wrong_shape": b'[{"jobid": {"is": 7}, "status": ["?"]}, null]',
        "huge": json.dumps({"content": "x" * (2 << 20)}).encode(),
    }
    headers = {"Content-Type": "text/html"} if kind == "html" else dict(_JSON)
    if kind == "bomb":
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=gzip.compress(b" " * (16 << 20), 1), headers=headers)
    return web.Response(body=bodies.get(kind, b""), headers=headers)


def _hang_up(request: web.Request, *, rudely: bool) -> None:
    """Close the connection: rudely is a TCP reset, else it just ends."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if rudely and sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
