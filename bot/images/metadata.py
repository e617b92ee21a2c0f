"""Erases what a picture's file says besides its pixels: Midjourney writes the payer's name and the job's id into it.

The bytes are overwritten in place, so that sizes, and the offsets that MP4 keeps of its frames, stay as they are.
"""

import zlib
from typing import IO

from bot.images.chunks import MAX_STEPS, chunks, read, segments

_PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})
_PNG_ERASED = b"zeRo"  # by its letters' cases an ancillary, private chunk, which readers skip
_JPEG_TEXTS = frozenset({0xE1, 0xED, 0xFE})  # APP1: Exif and XMP; APP13: IPTC; COM
_WEBP_TEXTS = frozenset({b"EXIF", b"XMP "})
_WEBP_FLAGS = 0b1100  # in the first byte of VP8X: there is Exif, there is XMP
_MP4_TEXTS = frozenset({b"udta", b"meta", b"uuid"})
_MP4_CONTAINERS = frozenset({b"moov", b"trak", b"mdia"})
_MP4_DEPTH = 3  # of containers
_PIECE = 64 * 1024


def erase(file: IO[bytes], extension: str) -> None:
    """Erase texts and Exif from a PNG, JPEG, WebP or MP4 in `file`; other and malformed content stays as it is.

    Blocks on the disk. The formats: https://www.w3.org/TR/png-3/#11Chunks, https://www.w3.org/Graphics/JPEG/itu-t81.pdf
    (B.1), https://developers.google.com/speed/webp/docs/riff_container, ISO/IEC 14496-12 (4.2).
    """
    erasers = {"png": _erase_png, "jpg": _erase_jpeg, "webp": _erase_webp, "mp4": _erase_mp4}
    if extension in erasers:
        end = file.seek(0, 2)
        erasers[extension](file, end)
        file.seek(end)
        file.flush()


def _erase_png(file: IO[bytes], end: int) -> None:
    for kind, start, stop in chunks(file, 8, end, length_first=True, order="big", trailer=4):
        if kind in _PNG_TEXTS:
            checksum = _zero(file, start, stop, zlib.crc32(_PNG_ERASED))
            file.write(checksum.to_bytes(4, "big"))
            _write(file, start - 4, _PNG_ERASED)


def _erase_jpeg(file: IO[bytes], end: int) -> None:
    for marker, start, stop in segments(file, end):
        if marker in _JPEG_TEXTS:
            _zero(file, start, stop)


def _erase_webp(file: IO[bytes], end: int) -> None:
    for kind, start, stop in chunks(file, 12, end, length_first=False, order="little", align=2):
        if kind == b"VP8X":
            flags = read(file, start, 1)
            _write(file, start, bytes(flag & ~_WEBP_FLAGS for flag in flags))
        elif kind in _WEBP_TEXTS:
            _zero(file, start, stop)
            _write(file, start - 8, b"zero")


def _erase_mp4(file: IO[bytes], end: int, at: int = 0, depth: int = 0) -> None:
    for _ in range(MAX_STEPS):
        header = read(file, at, 16)
        size, kind, start = int.from_bytes(header[:4], "big"), header[4:8], at + 8
        if size == 1:  # a 64-bit size follows
            size, start = int.from_bytes(header[8:], "big"), at + 16
        stop = end if size == 0 else min(at + size, end)
        if stop < start or at >= end:
            return
        if kind in _MP4_CONTAINERS and depth < _MP4_DEPTH:
            _erase_mp4(file, stop, start, depth + 1)
        elif kind in _MP4_TEXTS:
            _zero(file, start, stop)
            _write(file, at + 4, b"free")
        at = stop


def _write(file: IO[bytes], at: int, content: bytes) -> None:
    file.seek(at)
    file.write(content)


def _zero(file: IO[bytes], start: int, stop: int, checksum: int = 0) -> int:
    """Overwrite with zeros; return the CRC-32 of `checksum` and them, and leave the file's position behind them."""
    file.seek(start)
    for at in range(start, stop, _PIECE):
        zeros = bytes(min(_PIECE, stop - at))
        checksum = zlib.crc32(zeros, checksum)
        file.write(zeros)
    return checksum
