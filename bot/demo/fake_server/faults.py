"""Faults that tests order: wrong responses of a fake provider."""

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import repeat

from aiohttp import web

from bot.demo.midjourney.cdn import RawResponse

Body = Mapping[str, object]

_MADE = "made_"
_MALFORMED = ("empty", "html", "truncated", "cut", "wrong_shape", "huge", "bomb", "slow_drip")
_SILENT = ("reset", "close", "hang")
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, kw_only=True)
class ErrorAnswers:
    """A provider's own error responses.

    `statuses` has the body of each HTTP status; other statuses come from a gateway in front of it, as HTML. `named` has
    the status and body of each response that a test can order by its name. `job` is the body about a running job.
    """

    statuses: Mapping[int, Body]
    named: Mapping[str, tuple[int, Body]]
    job: Body


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
        return isinstance(self.kind, str) and self.kind.startswith(_MADE)


class Faults:
    """The faults to come, in the order in which they were added."""

    def __init__(self, answers: ErrorAnswers) -> None:
        self._answers = answers
        self._pending: list[tuple[Fault, float]] = []

    def add(self, fault: Fault, times: float) -> None:
        """Use this fault for the next `times` requests (`math.inf`: all); an unknown kind raises `ValueError`."""
        kinds = (*_SILENT, *_MALFORMED, *self._answers.named)
        kind = fault.kind.removeprefix(_MADE) if isinstance(fault.kind, str) else fault.kind
        if isinstance(kind, str) and kind not in kinds and not (fault.takes_effect and kind.isdecimal()):
            raise ValueError(f"a fault is an HTTP status or one of {', '.join(kinds)}")
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

    async def answer(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        """Return the wrong response; it may never come."""
        kind = fault.kind.removeprefix(_MADE) if isinstance(fault.kind, str) else fault.kind
        if isinstance(kind, int) or kind.isdecimal():
            status = int(kind)
            return (
                _json(fault, status, self._answers.statuses[status])
                if status in self._answers.statuses
                else _page(status)
            )
        if kind in self._answers.named:
            return _json(fault, *self._answers.named[kind])
        job = json.dumps(self._answers.job)
        match kind:
            case "reset" | "close":
                _close_connection(request, reset=kind == "reset")
                return web.Response()  # the connection is closed already
            case "hang":
                await asyncio.Event().wait()
            case "cut":
                return RawResponse(200, {**_JSON, "Content-Length": str(len(job))}, [job[:40].encode()])
            case "slow_drip":
                return RawResponse(200, _JSON, repeat(b" "), pause=0.05)
        return _malformed(kind, job)


def _json(fault: Fault, status: int, body: Body) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return web.json_response({**body, **fault.more}, status=status, headers=headers)


def _page(status: int) -> web.Response:
    return web.Response(status=status, text=_PAGE.format(f"{status} Bad Gateway"), content_type="text/html")


def _malformed(kind: str, job: str) -> web.Response:
    bodies = {
        "html": _PAGE.format("Just a moment...").encode(),
        "truncated": job[: len(job) // 2].encode(),
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
