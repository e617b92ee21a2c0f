"""A picture as a file, and what its first bytes tell about it; no pixel is decoded here."""

import re
from dataclasses import dataclass
from pathlib import Path

from bot.images.errors import NotAPicture

VIDEO = "video/mp4"
HEAD = 12
"""Bytes that tell the type; no picture is shorter."""
LOOKED_AT = 128 * 1024
"""Bytes in which width and height are looked for: a JPEG may carry a preview of its own before them."""

_KINDS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", "png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", "jpg"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp", "webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif", "gif"),
    (re.compile(rb".{4}ftyp(?:iso|mp4|avc1|M4V|dash|MSNV)", re.DOTALL), VIDEO, "mp4"),  # not avif, heic, mov
)
_SIZED = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's frame headers; the three are tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A file of `size` bytes at `path`, which now belongs to the caller; its type was read from its bytes.

    `width` and `height` are pixels as they stand in the file, 0 where that was not easily read, as in films.
    """

    path: Path
    content_type: str
    extension: str
    size: int
    width: int = 0
    height: int = 0
    animated: bool = False
    """Whether it is a picture that moves; a film is told by its `content_type`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A picture that fits, and what that took: whether it is a smaller copy, and whether it stood still for it."""

    picture: Picture
    smaller: bool = False
    still: bool = False


def kind(head: bytes) -> tuple[str, str]:
    """Content type and extension, whatever a header or a file name said; raises `NotAPicture`."""
    for start, content_type, extension in _KINDS:
        if start.match(head):
            return content_type, extension
    raise NotAPicture


def measure(head: bytes, extension: str) -> tuple[int, int, bool]:
    """Width, height and whether it moves, from the first `LOOKED_AT` bytes; zeros where they do not tell.

    The formats: https://www.w3.org/TR/png-3/, https://developers.google.com/speed/webp/docs/riff_container,
    https://www.w3.org/Graphics/GIF/spec-gif89a.txt, https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B.2).
    """
    measures = {"png": _png, "webp": _webp, "gif": _gif, "jpg": _jpeg}
    return measures[extension](head) if extension in measures else (0, 0, False)


def _png(head: bytes) -> tuple[int, int, bool]:
    if head[12:16] != b"IHDR":
        return 0, 0, False
    return _big(head[16:20]), _big(head[20:24]), b"acTL" in head.partition(b"IDAT")[0]


def _webp(head: bytes) -> tuple[int, int, bool]:
    chunk, body = head[12:16], head[20:30]
    if chunk == b"VP8X":
        return _little(body[4:7]) + 1, _little(body[7:10]) + 1, bool(body[:1] and body[0] & 2)
    if chunk == b"VP8L":
        bits = _little(body[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, False
    if chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return _little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF, False
    return 0, 0, False


def _gif(head: bytes) -> tuple[int, int, bool]:
    moves = b"NETSCAPE2.0" in head[:2048]  # "play again", right behind the colours; counting frames takes the file
    return _little(head[6:8]), _little(head[8:10]), moves


def _jpeg(head: bytes) -> tuple[int, int, bool]:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        if head[at + 1] in _SIZED:
            return _big(head[at + 7 : at + 9]), _big(head[at + 5 : at + 7]), False
        at += 2 + _big(head[at + 2 : at + 4])
    return 0, 0, False


def _big(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
