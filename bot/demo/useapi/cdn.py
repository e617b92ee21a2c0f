"""The pretend useapi's other half: a host of files like Discord's CDN, with links that are signed and that die."""

import asyncio
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

LINK_LIFE = 86_400
"""Seconds that a signed link works, as measured on Discord's."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A picture that can be drawn: `made` and `dies` are epoch seconds, `dies` is when its message is deleted."""

    channel: str
    id: str
    filename: str
    content_type: str
    width: int
    height: int
    made: float
    draw: Callable[[], bytes]
    dies: float = math.inf

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/attachments/{self.channel}/{self.id}/{self.filename}"


class Raw(web.StreamResponse):
    """An answer that says exactly what it was told to say, however wrong; the connection closes behind it.

    `pieces` are sent with `pause` seconds after each, until they end or the client has gone.
    """

    def __init__(self, status: int, headers: Mapping[str, str], pieces: Iterable[bytes], *, pause: float = 0.0) -> None:
        super().__init__(status=status)
        self._lines = [f"{name}: {value}" for name, value in headers.items()]
        self._pieces = pieces
        self._pause = pause

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Write it all; aiohttp's own idea of a response is left out."""
        transport = request.transport
        if transport is None:
            return None
        known = self.status in HTTPStatus._value2member_map_
        first = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase if known else 'Unknown'}"
        transport.write("\r\n".join((first, *self._lines, "Connection: close", "", "")).encode())
        for piece in self._pieces:
            if transport.is_closing():
                break
            transport.write(piece)
            if self._pause:
                await asyncio.sleep(self._pause)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written."""


class Cdn:
    """Remembers every file that an answer mentioned, and serves it while its link lives."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.origin = ""
        self._now = now
        self._files: dict[str, File] = {}
        self._lasting: dict[str, Callable[[], bytes]] = {}
        self._served: dict[str, Callable[[], web.StreamResponse]] = {}

    def attachment(self, file: File) -> dict[str, object]:
        """The attachment object of Discord for this file; draws it, because its size must be told."""
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
        """A signed link, good for a day from when the file was made."""
        self._files[file.path] = file
        since, until = f"{int(file.made):x}", f"{int(file.made) + LINK_LIFE:x}"
        return f"{self.origin}{quote(file.path)}?ex={until}&is={since}&hm={_signature(file.path, since, until)}&"

    def lasting(self, path: str, draw: Callable[[], bytes]) -> str:
        """A link that does not die, as those of Midjourney's own host."""
        self._lasting[path] = draw
        return self.origin + path

    def serve(self, name: str, answer: Callable[[], web.StreamResponse]) -> str:
        """An address at which this answer is given, whatever it is."""
        path = f"/files/{len(self._served) + 1}/{name}"
        self._served[path] = answer
        return self.origin + quote(path)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """GET of any file."""
        if request.path in self._served:
            return self._served[request.path]()
        if request.path in self._lasting:
            return web.Response(body=await asyncio.to_thread(self._lasting[request.path]), content_type="image/jpeg")
        file = self._files.get(request.path)
        if file is None or not self._alive(file, request.query):
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=await asyncio.to_thread(file.draw), content_type=file.content_type)

    def _alive(self, file: File, query: Mapping[str, str]) -> bool:
        since, until = query.get("is", ""), query.get("ex", "")
        signed = query.get("hm") == _signature(file.path, since, until)
        return signed and self._now() < min(int(until, 16), file.dies)


def _signature(path: str, since: str, until: str) -> str:
    return hashlib.blake2b(f"{path} {since} {until}".encode(), digest_size=32).hexdigest()
