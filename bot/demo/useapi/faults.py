"""Faults that tests order: wrong responses of the fake useapi."""

import asyncio
import gzip
import json
import socket
import struct
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import repeat

from aiohttp import web

from bot.demo.useapi.cdn import RawResponse

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
"""useapi's body for each status; other statuses come from a proxy in front of it, as HTML."""

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
    """A fault for requests whose path matches `path` (a pattern with `*`)."""

    kind: int | str
    path: str
    retry_after: float | None = None
    more: dict[str, object] = field(default_factory=dict)

    @property
    def takes_effect(self) -> bool:
        """Whether the request is carried out, and only its response is lost."""
        return isinstance(self.kind, str) and self.kind.startswith("made_")

    def __post_init__(self) -> None:
        if isinstance(self.kind, str) and self.kind not in KINDS:
            raise ValueError(f"a fault is an HTTP status or one of {', '.join(KINDS)}")


class Faults:
    """The faults to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._pending: list[tuple[Fault, float]] = []

    def add(self, fault: Fault, times: float) -> None:
        """Use this fault for the next `times` requests (`math.inf`: all)."""
        self._pending.append((fault, times))

    def remove(self, *kinds: int | str) -> None:
        """Remove the faults of these kinds, or all of them."""
        self._pending = [(fault, left) for fault, left in self._pending if kinds and fault.kind not in kinds]

    def take(self, path: str) -> Fault | None:
        """Return the fault for a request, and count it as used; `None` without one."""
        for index, (fault, left) in enumerate(self._pending):
            if fnmatchcase(path, fault.path):
                self._pending[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None


async def answer(fault: Fault, request: web.Request) -> web.StreamResponse:
    """Return the wrong response; it may never come."""
    kind = fault.kind.removeprefix("made_") if isinstance(fault.kind, str) else fault.kind
    if isinstance(kind, int) or kind.isdecimal():
        return _status(fault, int(kind))
    match kind:
        case "reset" | "close":
            _close_connection(request, reset=kind == "reset")
            return web.Response()  # the connection is closed already
        case "hang":
            await asyncio.Event().wait()
        case "queue_full":
            full = {
                "error": "Maximum of 3 jobs executing in parallel supported",
                "executingJobs": ["job:1"],
                "code": 429,
            }
            return web.json_response(full | fault.more, status=429, headers=_retry_after_header(fault))
        case "cut":
            return RawResponse(200, {**_JSON, "Content-Length": str(len(_JOB))}, [_JOB[:40].encode()])
        case "slow_drip":
            return RawResponse(200, _JSON, repeat(b" "), pause=0.05)
    return _malformed(kind)


def _status(fault: Fault, status: int) -> web.Response:
    if status not in BODIES:
        return web.Response(status=status, text=_PAGE.format(f"{status} Bad Gateway"), content_type="text/html")
    return web.json_response(
        {**BODIES[status], "code": status, **fault.more}, status=status, headers=_retry_after_header(fault)
    )


def _retry_after_header(fault: Fault) -> dict[str, str]:
    return {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}


def _malformed(kind: str) -> web.Response:
    bodies = {
        "html": _PAGE.format("Just a snapshot...").encode(),
        "truncated": _JOB[: len(_JOB) // 2].encode(),
        "wrong_shape": b'[{"jobid": {"is": 7}, "status": ["?"]}, null]',
        "huge": json.dumps({"content": "x" * (2 << 20)}).encode(),
    }
    headers = {"Content-Type": "text/html"} if kind == "html" else dict(_JSON)
    if kind == "bomb":
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=gzip.compress(b" " * (16 << 20), 1), headers=headers)
    return web.Response(body=bodies.get(kind, b""), headers=headers)


def _close_connection(request: web.Request, *, reset: bool) -> None:
    """Close the connection, with a TCP reset or in order."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if reset and sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
