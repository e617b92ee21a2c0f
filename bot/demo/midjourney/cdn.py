"""The file host of a fake provider: like Discord's CDN it serves signed links that expire."""

import asyncio
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from urllib.parse import quote

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

LINK_LIFE = 86_400
"""Seconds for which a signed link works, as measured at Discord."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A picture that is drawn on request. `created_at` and `deleted_at` (with its message) are in epoch seconds."""

    channel: str
    id: str
    filename: str
    content_type: str
    width: int
    height: int
    created_at: float
    draw: Callable[[], bytes]
    deleted_at: float = math.inf

    @property
    def path(self) -> str:
        """The path at which it is served."""
        return f"/attachments/{self.channel}/{self.id}/{self.filename}"


class RawResponse(web.StreamResponse):
    """A response with exactly the given status, headers and body, however wrong; then the connection closes.

    `pieces` are sent until they end or the client is gone, with `pause` seconds after each and after the headers.
    Without a pause all of it is one write, which arrives as one if it is small.
    """

    def __init__(self, status: int, headers: Mapping[str, str], pieces: Iterable[bytes], *, pause: float = 0.0) -> None:
        super().__init__(status=status)
        self._lines = [f"{name}: {value}" for name, value in headers.items()]
        self._pieces = pieces
        self._pause = pause

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Write the whole response without aiohttp's checks and corrections."""
        transport = request.transport
        if transport is None:
            return None
        known = self.status in HTTPStatus._value2member_map_
        first = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase if known else 'Unknown'}"
        head = "\r\n".join((first, *self._lines, "Connection: close", "", "")).encode()
        for piece in chain([head], self._pieces) if self._pause else [b"".join([head, *self._pieces])]:
            if transport.is_closing():
                break
            transport.write(piece)
            if self._pause:
                await asyncio.sleep(self._pause)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: `prepare` has written everything."""


class Cdn:
    """Serves every file that a response has mentioned, until its link expires."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.origin = ""
        self._now = now
        self._files: dict[str, File] = {}
        self._permanent: dict[str, Callable[[], bytes]] = {}
        self._pinned: dict[str, Callable[[], web.StreamResponse]] = {}
        self.find_upload: Callable[[str], bytes | None] = lambda _url: None
        """Returns the file that somebody uploaded to Discord, by its URL below `origin`."""

    def attachment(self, file: File) -> dict[str, object]:
        """Return Discord's attachment object for a file; draws the picture, because the object holds its size."""
        url = self.link(file)
        return {
            "id": file.id,
            "content_type": file.content_type,
            "filename": file.filename,
            "url": url,
            "proxy_url": url,
            "size": len(file.draw()),
            "width": file.width,
            "height": file.height,
        }

    def link(self, file: File) -> str:
        """Return a signed link, valid for a day from when the file was created."""
        self._files[file.path] = file
        since, until = f"{int(file.created_at):x}", f"{int(file.created_at) + LINK_LIFE:x}"
        return f"{self.origin}{quote(file.path)}?ex={until}&is={since}&hm={_signature(file.path, since, until)}&"

    def permanent_link(self, path: str, draw: Callable[[], bytes]) -> str:
        """Return a link that does not expire, like those of Midjourney's own host."""
        self._permanent[path] = draw
        return self.origin + path

    def serve(self, name: str, response: Callable[[], web.StreamResponse]) -> str:
        """Return a URL that answers with this response."""
        path = f"/files/{len(self._pinned) + 1}/{name}"
        self._pinned[path] = response
        return self.origin + quote(path)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Handle the GET of a file."""
        if request.path in self._pinned:
            return self._pinned[request.path]()
        if request.path in self._permanent:
            return web.Response(body=await asyncio.to_thread(self._permanent[request.path]), content_type="image/jpeg")
        if (upload := self.find_upload(f"{self.origin}{request.path}")) is not None:
            return web.Response(body=upload, content_type="application/octet-stream")
        file = self._files.get(request.path)
        if file is None or not self._is_valid(file, request.query):
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=await asyncio.to_thread(file.draw), content_type=file.content_type)

    def _is_valid(self, file: File, query: Mapping[str, str]) -> bool:
        since, until = query.get("is", ""), query.get("ex", "")
        signed = query.get("hm") == _signature(file.path, since, until)
        return signed and self._now() < min(int(until, 16), file.deleted_at)


def _signature(path: str, since: str, until: str) -> str:
    return hashlib.blake2b(f"{path} {since} {until}".encode(), digest_size=32).hexdigest()
