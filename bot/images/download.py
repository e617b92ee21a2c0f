"""One answer of a picture host, piece by piece into a file."""

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import aiohttp
from aiohttp.connector import AddrInfoType

from bot.images.errors import NoRoom, NotAPicture, PictureGone, PictureUnreachable, TooLarge
from bot.images.sniffing import HEAD, LOOKED_AT, Picture, kind, measure

PIECE = 64 * 1024
BATCH = 1024 * 1024
"""Bytes that are written in one go, by a thread: a slow disk must not hold up everybody."""
LEFT = 16 * 1024 * 1024
"""Bytes of the disk that no picture takes: the database needs them more."""

_AGENT = "Mozilla/5.0 (compatible; Darkroom)"  # cdn.midjourney.com turns away what does not look like a browser
_GONE = frozenset({403, 404, 410})  # Discord's links die after a day, with 404 or 403


def session(socket_factory: Callable[[AddrInfoType], socket.socket] | None = None) -> aiohttp.ClientSession:
    """No cookies, no proxy from the environment, nothing unpacked: a picture needs none, and a bomb needs all."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=socket_factory),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": _AGENT, "Accept": "image/*, video/mp4", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None),  # `ImageClient.fetch` bounds all of it
        auto_decompress=False,
        trust_env=False,
    )


def room(path: Path) -> int:
    """Bytes that pictures may take on the disk where this path lies; raises `OSError`."""
    return shutil.disk_usage(path).free - LEFT


@contextmanager
def new_file(folder: Path) -> Iterator[IO[bytes]]:
    """A new file, closed in the end, and removed when something went wrong."""
    with NamedTemporaryFile(dir=folder, prefix="picture-", delete=False) as file:
        try:
            yield file
        except BaseException:
            Path(file.name).unlink()
            raise


async def keep(response: aiohttp.ClientResponse, file: IO[bytes], limit: int) -> Picture:
    """Write the body, of at most `limit` bytes, to the file.

    Raises `PictureGone`, `PictureUnreachable`, `TooLarge`, `NoRoom` or `NotAPicture`; aiohttp's own
    `ClientPayloadError` where the body ends too early, and an `OSError` where the file cannot be written.
    """
    if response.status != 200:
        raise PictureGone if response.status in _GONE else PictureUnreachable
    if response.content_length is not None and response.content_length > limit:
        raise TooLarge(response.content_length)
    if room(Path(file.name)) < (response.content_length or 0):
        raise NoRoom
    head = await _head(response.content)
    content_type, extension = kind(head)
    size = written = len(head)
    pieces = [head]
    async for piece in response.content.iter_chunked(PIECE):
        size += len(piece)
        if size > limit:
            raise TooLarge(size)
        if len(head) < LOOKED_AT:
            head += piece
        pieces.append(piece)
        if size - written >= BATCH:
            await asyncio.to_thread(_write, file, pieces)
            pieces, written = [], size
    await asyncio.to_thread(_write, file, pieces)
    width, height, animated = measure(head, extension)
    return Picture(
        path=Path(file.name),
        content_type=content_type,
        extension=extension,
        size=size,
        width=width,
        height=height,
        animated=animated,
    )


def _write(file: IO[bytes], pieces: list[bytes]) -> None:
    file.writelines(pieces)
    file.flush()


async def _head(body: aiohttp.StreamReader) -> bytes:
    try:
        return await body.readexactly(HEAD)
    except asyncio.IncompleteReadError:
        raise NotAPicture from None
