"""A picture as a file, its type by its first bytes, and its size by its headers; no pixel is decoded here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from bot.images.chunks import MAX_STEPS, chunks, read, segments
from bot.images.errors import NotAPicture

VIDEO = "video/mp4"
MIN_BYTES = 12
"""Bytes that identify the type; no picture is shorter."""

_TYPES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", "png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", "jpg"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp", "webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif", "gif"),
    (re.compile(rb".{4}ftyp(?:iso|mp4|avc1|M4V|dash|MSNV)", re.DOTALL), VIDEO, "mp4"),  # not avif, heic, mov
)
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of frame headers; the three are tables
_GIF_PICTURE, _GIF_EXTENSION = b",", b"!"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A file of `size` bytes at `path`, which belongs to the caller; its type was read from its bytes.

    `width` and `height` are pixels by the file's header, 0 where it does not say so simply, as in videos. Which of them
    is which may change when the picture is turned upright, as its Exif says.
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


def measure(file: IO[bytes], extension: str) -> Measures:
    """Read a picture's headers in its whole file: profiles and previews of any size may come before what is searched.

    Blocks on the disk. The formats: https://www.w3.org/TR/png-3/,
    https://developers.google.com/speed/webp/docs/riff_container, https://www.w3.org/Graphics/GIF/spec-gif89a.txt,
    https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B.2).
    """
    measures = {"png": _png, "webp": _webp, "gif": _gif, "jpg": _jpeg}
    return measures[extension](file) if extension in measures else Measures()


def _png(file: IO[bytes]) -> Measures:
    head = read(file, 0, 24)
    if head[12:16] != b"IHDR":
        return Measures()
    animated = False
    for kind, _, _ in chunks(file, 8, file.seek(0, 2), length_first=True, order="big", trailer=4):
        animated = animated or kind == b"acTL"
        if kind == b"IDAT":
            break
    return Measures(_big(head[16:20]), _big(head[20:24]), animated)


def _webp(file: IO[bytes]) -> Measures:
    head = read(file, 0, 30)
    chunk, body = head[12:16], head[20:]
    if chunk == b"VP8X":
        return Measures(_little(body[4:7]) + 1, _little(body[7:10]) + 1, bool(body[:1] and body[0] & 2))
    if chunk == b"VP8L":
        bits = _little(body[1:5])
        return Measures((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return Measures(_little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF)
    return Measures()


def _gif(file: IO[bytes]) -> Measures:
    """Read a GIF up to its second picture: one that plays once says nowhere else that it is an animation."""
    head = read(file, 0, 13)
    file.read(_palette(head[10:11]))
    still = Measures(_little(head[6:8]), _little(head[8:10]))
    found = in_data = False
    for _ in range(MAX_STEPS):
        start = file.read(1)
        if in_data:  # a piece of up to 255 bytes, after its length; the last one is empty
            in_data = start not in (b"", b"\0")
            file.read(_big(start))
        elif start == _GIF_EXTENSION:
            file.read(1)
            in_data = True
        elif start == _GIF_PICTURE and not found:
            file.read(_palette(file.read(9)[8:]) + 1)
            found = in_data = True
        else:
            return still._replace(animated=start == _GIF_PICTURE)
    return still


def _palette(flags: bytes) -> int:
    """The bytes of the palette that follows."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _jpeg(file: IO[bytes]) -> Measures:
    for marker, start, _ in segments(file, file.seek(0, 2)):
        if marker in _JPEG_FRAMES:
            frame = read(file, start, 6)
            return Measures(_big(frame[3:5]), _big(frame[1:3]), cmyk=frame[5:] == b"\x04")
    return Measures()


def _big(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
