"""Where the parts of a picture's file begin and end: the chunks of a PNG or WebP, the segments of a JPEG.

All of it is untrusted: a step reads some bytes, and the number of steps is bounded.
"""

from collections.abc import Iterator
from typing import IO, Literal

MAX_STEPS = 100_000
"""Parts side by side; a picture of 64 MB has some thousands."""

_JPEG_SCAN = 0xDA

Span = tuple[bytes, int, int]
"""The type of a chunk, where its content begins, and where it ends."""


def chunks(
    file: IO[bytes],
    at: int,
    end: int,
    *,
    length_first: bool,
    order: Literal["big", "little"],
    trailer: int = 0,
    align: int = 1,
) -> Iterator[Span]:
    """Yield the chunks of a PNG or WebP, whose headers are a length and a type of four bytes each."""
    for _ in range(MAX_STEPS):
        header = read(file, at, 8)
        length, kind = (header[:4], header[4:]) if length_first else (header[4:], header[:4])
        start = at + 8
        stop = start + int.from_bytes(length, order)
        if len(header) < 8 or stop + trailer > end:
            return
        yield kind, start, stop
        at = stop + -stop % align + trailer


def segments(file: IO[bytes], end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the segments of a JPEG up to its first scan: marker, where the content begins, and where it ends."""
    at = 2
    for _ in range(MAX_STEPS):
        marker = read(file, at, 4)
        if len(marker) < 4 or marker[0] != 0xFF or marker[1] == _JPEG_SCAN:
            return
        if marker[1] == 0xFF:  # fill, of which any number may precede a marker
            at += 1
            continue
        stop = max(at + 2 + int.from_bytes(marker[2:], "big"), at + 4)
        yield marker[1], at + 4, min(stop, end)
        at = stop


def read(file: IO[bytes], at: int, size: int) -> bytes:
    """Read at most `size` bytes from a position."""
    file.seek(at)
    return file.read(size)
