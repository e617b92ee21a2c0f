"""Erases what a picture's file says besides its pixels: Midjourney writes the payer's name and the job's id into it.

The bytes are overwritten in place, so that sizes, and the offsets that MP4 keeps of its frames, stay as they are. Of
Exif the orientation is kept: phones save a photo as the sensor saw it, and how it has to be turned to be upright.
"""

import zlib
from typing import IO

from bot.images.chunks import MAX_STEPS, chunks, read, segments
from bot.images.orientation import only_orientation

_PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})
_PNG_ERASED = b"zeRo"  # by its letters' cases an ancillary, private chunk, which readers skip
_JPEG_EXIF = 0xE1
_JPEG_TEXTS = frozenset({_JPEG_EXIF, 0xED, 0xFE})  # APP1: Exif and XMP; APP13: IPTC; COM
_WEBP_TEXTS = frozenset({b"EXIF", b"XMP "})
_WEBP_XMP, _WEBP_EXIF = 0b0100, 0b1000  # in the first byte of VP8X: there is such a chunk
_MP4_TEXTS = frozenset({b"udta", b"meta", b"uuid"})
_MP4_CONTAINERS = frozenset({b"moov", b"trak", b"mdia"})
_MP4_DEPTH = 3  # of containers
_PIECE = 64 * 1024


def erase(file: IO[bytes], extension: str) -> None:
    """Erase texts, and Exif but for the orientation, from a PNG, JPEG, WebP or MP4 in `file`.

    Other and malformed content stays as it is. Blocks on the disk. The formats: https://www.w3.org/TR/png-3/#11Chunks,
    https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B.1), https://developers.google.com/speed/webp/docs/riff_container,
    ISO/IEC 14496-12 (4.2).
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
            kept = _kept(file, start, stop) if kind == b"eXIf" else b""
            left = kind if kept else _PNG_ERASED
            checksum = _overwrite(file, start, stop, kept, zlib.crc32(left))
            file.write(checksum.to_bytes(4, "big"))
            _write(file, start - 4, left)


def _erase_jpeg(file: IO[bytes], end: int) -> None:
    for marker, start, stop in segments(file, end):
        if marker in _JPEG_TEXTS:
            _overwrite(file, start, stop, _kept(file, start, stop) if marker == _JPEG_EXIF else b"")


def _erase_webp(file: IO[bytes], end: int) -> None:
    flags_at, left = None, 0
    for kind, start, stop in chunks(file, 12, end, length_first=False, order="little", align=2):
        if kind == b"VP8X" and stop > start:
            flags_at = start
        elif kind in _WEBP_TEXTS:
            kept = _kept(file, start, stop) if kind == b"EXIF" else b""
            _overwrite(file, start, stop, kept)
            if kept:
                left = _WEBP_EXIF
            else:
                _write(file, start - 8, b"zero")
    if flags_at is not None:
        flags = read(file, flags_at, 1)[0] & ~(_WEBP_XMP | _WEBP_EXIF)
        _write(file, flags_at, bytes([flags | left]))


def _kept(file: IO[bytes], start: int, stop: int) -> bytes:
    return only_orientation(read(file, start, min(stop - start, _PIECE)))


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
            _overwrite(file, start, stop)
            _write(file, at + 4, b"free")
        at = stop


def _write(file: IO[bytes], at: int, content: bytes) -> None:
    file.seek(at)
    file.write(content)


def _overwrite(file: IO[bytes], start: int, stop: int, kept: bytes = b"", checksum: int = 0) -> int:
    """Overwrite with `kept` and zeros; return the CRC-32 of `checksum` and them, and leave the position behind them."""
    _write(file, start, kept)
    checksum = zlib.crc32(kept, checksum)
    for at in range(start + len(kept), stop, _PIECE):
        zeros = bytes(min(_PIECE, stop - at))
        checksum = zlib.crc32(zeros, checksum)
        file.write(zeros)
    return checksum
