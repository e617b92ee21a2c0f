"""Writes one response of a picture host to a file, in bounded pieces."""

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
from bot.images.metadata import erase
from bot.images.sniffing import MIN_BYTES, Measures, Picture, measure, sniff_type

PIECE = 64 * 1024
BATCH = 1024 * 1024
"""Bytes that a thread writes at once: a slow disk must not block the event loop."""
RESERVED = 16 * 1024 * 1024
"""Bytes of the disk that pictures leave free for the database."""

_AGENT = "Mozilla/5.0 (compatible; Darkroom)"  # cdn.midjourney.com refuses other agents than browsers
_GONE = frozenset({403, 404, 410})  # Discord's links expire after a day, with 404 or 403


def new_session(socket_factory: Callable[[AddrInfoType], socket.socket] | None = None) -> aiohttp.ClientSession:
    """Create a session without cookies, without a proxy from the environment, and without decompression (bombs)."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=socket_factory),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": _AGENT, "Accept": "image/*, video/mp4", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None),  # `ImageClient.fetch` limits the whole fetch
        auto_decompress=False,
        trust_env=False,
    )


def free_bytes(path: Path) -> int:
    """Return the bytes that pictures may take on the disk of this path; raises `OSError`."""
    return shutil.disk_usage(path).free - RESERVED


@contextmanager
def new_file(folder: Path) -> Iterator[IO[bytes]]:
    """Create a file; it is closed at the end, and removed after an exception."""
    with NamedTemporaryFile(dir=folder, prefix="picture-", delete=False) as file:
        try:
            yield file
        except BaseException:
            Path(file.name).unlink()
            raise


async def save(response: aiohttp.ClientResponse, file: IO[bytes], limit: int) -> Picture:
    """Write the body, of at most `limit` bytes, to the file, and erase the texts in it, see `metadata`.

    Raises `PictureGone`, `PictureUnreachable`, `TooLarge`, `NoRoom` or `NotAPicture`; aiohttp's `ClientPayloadError`
    if the body ends early, and an `OSError` if the file cannot be written.
    """
    if response.status != 200:
        raise PictureGone if response.status in _GONE else PictureUnreachable
    if response.content_length is not None and response.content_length > limit:
        raise TooLarge(response.content_length)
    if free_bytes(Path(file.name)) < (response.content_length or 0):
        raise NoRoom
    head = await _head(response.content)
    content_type, extension = sniff_type(head)
    size = written = len(head)
    pieces = [head]
    async for piece in response.content.iter_chunked(PIECE):
        size += len(piece)
        if size > limit:
            raise TooLarge(size)
        pieces.append(piece)
        if size - written >= BATCH:
            await asyncio.to_thread(_write, file, pieces)
            pieces, written = [], size
    await asyncio.to_thread(_write, file, pieces)
    measures = await asyncio.to_thread(_erase_and_measure, file, extension)
    return Picture(
        path=Path(file.name),
        content_type=content_type,
        extension=extension,
        size=size,
        **measures._asdict(),
    )


def _write(file: IO[bytes], pieces: list[bytes]) -> None:
    file.writelines(pieces)
    file.flush()


def _erase_and_measure(file: IO[bytes], extension: str) -> Measures:
    erase(file, extension)
    return measure(file, extension)


async def _head(body: aiohttp.StreamReader) -> bytes:
    try:
        return await body.readexactly(MIN_BYTES)
    except asyncio.IncompleteReadError:
        raise NotAPicture from None
