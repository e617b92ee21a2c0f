"""Records of the requests that a fake provider received."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from aiohttp import web


async def body_fields(request: web.Request) -> dict[str, Any]:
    """Return the fields of a request's body, JSON or form; empty for anything else."""
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        return {name: form.getall(name) if name == "blendUrls" else form[name] for name in form}
    try:
        sent = await request.json()
    except ValueError:
        return {}
    return sent if isinstance(sent, dict) else {}


_SECRETS = ("authorization", "mj-api-secret")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; the token is not kept, only whether it was right."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    authorized: bool
    json: Mapping[str, Any]

    @classmethod
    async def of(cls, request: web.Request, *, authorized: bool) -> Self:
        """Return the record of an incoming request."""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _SECRETS}
        return cls(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=headers,
            authorized=authorized,
            json=await body_fields(request),
        )


class Requests:
    """All recorded requests, in the order of arrival."""

    def __init__(self) -> None:
        self.all: list[Request] = []
        self._arrived = asyncio.Event()

    def add(self, request: Request) -> None:
        """Record a request and wake the waiters."""
        self.all.append(request)
        self._arrived.set()
        self._arrived = asyncio.Event()

    async def wait(self, count: int, path: str) -> Request:
        """Wait until `count` requests for a path that matches `path` have arrived; return the last of them."""
        while len(found := [request for request in self.all if fnmatchcase(request.path, path)]) < count:
            await self._arrived.wait()
        return found[count - 1]
