"""How a picture has to be turned to be upright, by its Exif, and an Exif that says nothing else.

The formats: CIPA DC-008 (Exif; tag 0x0112), TIFF 6.0 (section 2).
"""

import struct
from typing import Literal

_PREFIX = b"Exif\0\0"  # in a JPEG always, in a WebP sometimes
_TAG, _SHORT = 0x0112, 3
_TURNED = range(2, 9)  # 1 is upright
_ENTRY = 12
"""Bytes of a tag with its value."""


def only_orientation(exif: bytes) -> bytes:
    """Return an Exif that holds the orientation alone, never longer than `exif`; none where the picture is upright.

    `exif` is the content of such a segment or chunk, from outside: anything.
    """
    prefix = _PREFIX if exif.startswith(_PREFIX) else b""
    orientation = _orientation(exif[len(prefix) :])
    if orientation not in _TURNED:
        return b""
    only = prefix + struct.pack(">2sHI HHHIHH I", b"MM", 42, 8, 1, _TAG, _SHORT, 1, orientation, 0, 0)
    return only if len(only) <= len(exif) else b""


def _orientation(tiff: bytes) -> int:
    """The orientation in the first directory, 0 where there is none."""
    orders: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
    if (order := orders.get(tiff[:4])) is None:
        return 0

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    first = number(4, 4) + 2
    last = min(first + _ENTRY * number(first - 2, 2), len(tiff)) - _ENTRY
    for at in range(first, last + 1, _ENTRY):
        if (number(at, 2), number(at + 2, 2)) == (_TAG, _SHORT):
            return number(at + 8, 2)
    return 0
