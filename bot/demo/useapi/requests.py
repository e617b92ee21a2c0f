"""What came in, for tests to look at."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from aiohttp import web


async def fields(request: web.Request) -> dict[str, Any]:
    """The fields of a request's body, from JSON or a form; of anything else none."""
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        return {name: form.getall(name) if name == "blendUrls" else form[name] for name in form}
    try:
        sent = await request.json()
    except ValueError:
        return {}
    return sent if isinstance(sent, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; the token is not kept, only whether it was the right one."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    authorized: bool
    json: Mapping[str, Any]

    @classmethod
    async def of(cls, request: web.Request, *, authorized: bool) -> Self:
        """The record of a request that just came in."""
        headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
        return cls(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=headers,
            authorized=authorized,
            json=await fields(request),
        )


class Requests:
    """All of them, in the order of arrival."""

    def __init__(self) -> None:
        self.all: list[Request] = []
        self._came = asyncio.Event()

    def add(self, request: Request) -> None:
        """Note a request and wake those who wait for it."""
        self.all.append(request)
        self._came.set()
        self._came = asyncio.Event()

    async def wait(self, count: int, path: str) -> Request:
        """Until `count` requests for a path like `path` came; the answer is the last of them."""
        while len(found := [request for request in self.all if fnmatchcase(request.path, path)]) < count:
            await self._came.wait()
        return found[count - 1]
