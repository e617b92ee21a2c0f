"""A picture as a file, and its type and size read from its first bytes; no pixel is decoded here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bot.images.errors import NotAPicture

VIDEO = "video/mp4"
MIN_BYTES = 12
"""Bytes that identify the type; no picture is shorter."""
MAX_HEADER_BYTES = 128 * 1024
"""Bytes in which width and height are searched: a JPEG may hold a preview of its own before them."""

_TYPES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", "png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", "jpg"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp", "webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif", "gif"),
    (re.compile(rb".{4}ftyp(?:iso|mp4|avc1|M4V|dash|MSNV)", re.DOTALL), VIDEO, "mp4"),  # not avif, heic, mov
)
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of frame headers; the three are tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A file of `size` bytes at `path`, which belongs to the caller; its type was read from its bytes.

    `width` and `height` are pixels by the file's header, 0 where it does not say so simply, as in videos.
    """

    path: Path
    content_type: str
    extension: str
    size: int
    width: int = 0
    height: int = 0
    animated: bool = False
    """Whether it is an animation; a video is recognised by its `content_type`."""
    cmyk: bool = False
    """Whether its colours are those of print, which few programs show right; only a JPEG's may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A picture that fits a limit."""

    picture: Picture
    smaller: bool = False
    """Whether it is a smaller copy."""
    still: bool = False
    """Whether it is only the first frame of an animation."""


def sniff_type(head: bytes) -> tuple[str, str]:
    """Return content type and extension by the first `MIN_BYTES` bytes; raises `NotAPicture`."""
    for start, content_type, extension in _TYPES:
        if start.match(head):
            return content_type, extension
    raise NotAPicture


class Measures(NamedTuple):
    """What a picture's header says, see `Picture`; zeros where it does not say so simply."""

    width: int = 0
    height: int = 0
    animated: bool = False
    cmyk: bool = False


def measure(head: bytes, extension: str) -> Measures:
    """Read the first `MAX_HEADER_BYTES` of a picture.

    The formats: https://www.w3.org/TR/png-3/, https://developers.google.com/speed/webp/docs/riff_container,
    https://www.w3.org/Graphics/GIF/spec-gif89a.txt, https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B.2).
    """
    measures = {"png": _png, "webp": _webp, "gif": _gif, "jpg": _jpeg}
    return measures[extension](head) if extension in measures else Measures()


def _png(head: bytes) -> Measures:
    if head[12:16] != b"IHDR":
        return Measures()
    return Measures(_big(head[16:20]), _big(head[20:24]), b"acTL" in head.partition(b"IDAT")[0])


def _webp(head: bytes) -> Measures:
    chunk, body = head[12:16], head[20:30]
    if chunk == b"VP8X":
        return Measures(_little(body[4:7]) + 1, _little(body[7:10]) + 1, bool(body[:1] and body[0] & 2))
    if chunk == b"VP8L":
        bits = _little(body[1:5])
        return Measures((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return Measures(_little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF)
    return Measures()


def _gif(head: bytes) -> Measures:
    animated = b"NETSCAPE2.0" in head[:2048]  # the loop extension, behind the palette; counting frames needs the file
    return Measures(_little(head[6:8]), _little(head[8:10]), animated)


def _jpeg(head: bytes) -> Measures:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        if head[at + 1] in _JPEG_FRAMES:
            four_components = head[at + 9 : at + 10] == b"\x04"
            return Measures(_big(head[at + 7 : at + 9]), _big(head[at + 5 : at + 7]), cmyk=four_components)
        at += 2 + _big(head[at + 2 : at + 4])
    return Measures()


def _big(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
