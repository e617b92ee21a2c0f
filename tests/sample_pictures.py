"""Pictures in the formats and at the sizes that Midjourney posts, made in milliseconds and remembered."""

import io
import struct
import zlib
from functools import lru_cache

from PIL import Image, ImageChops

COLOURS = ((200, 60, 40), (60, 160, 70), (50, 80, 200), (220, 200, 60))
"""The four quarters of `painted`: upper left, upper right, lower left, lower right."""

FILM = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(4000)
"""The beginning of an MP4; nothing here looks further."""


@lru_cache(8)
def painted(width: int, height: int, noise: int = 0) -> Image.Image:
    """Four quarters of one colour each; `noise` (0-100) makes files of it large."""
    picture = Image.new("RGB", (2, 2))
    picture.putdata(COLOURS)
    picture = picture.resize((width, height), Image.Resampling.NEAREST)
    if not noise:
        return picture
    grain = Image.effect_noise((width, height), noise)
    return ImageChops.add(picture, Image.merge("RGB", (grain, grain, grain)), offset=-128)


@lru_cache(32)
def png(width: int, height: int, *, noise: int = 0, compress_level: int = 1) -> bytes:
    """As after U1 and Upscale; with `compress_level` 0 it takes three bytes a pixel."""
    return saved(painted(width, height, noise), "PNG", compress_level=compress_level)


@lru_cache(32)
def webp(width: int, height: int, *, noise: int = 0) -> bytes:
    """As a grid, or a pan of it."""
    return saved(painted(width, height, noise), "WEBP", quality=80, method=0)


@lru_cache(4)
def moving_webp(width: int = 624, height: int = 624, *, size: int = 12_500_000) -> bytes:
    """As after Animate, of `size` bytes at least; all frames but the first are one and the same."""
    first = _frame(painted(width, height))
    other = _frame(painted(width, height, noise=60).rotate(180))
    frames = first + other * max(1, -(-(size - len(first)) // len(other)))
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + _chunk(b"VP8X", b"\2\0\0\0" + canvas) + _chunk(b"ANIM", bytes(6)) + frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _frame(picture: Image.Image) -> bytes:
    bitstream = saved(picture, "WEBP", quality=90, method=0)[12:]
    width, height = ((edge - 1).to_bytes(3, "little") for edge in picture.size)
    return _chunk(b"ANMF", bytes(6) + width + height + (40).to_bytes(3, "little") + b"\2" + bitstream)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


@lru_cache(4)
def gif(width: int, height: int, *, frames: int = 1) -> bytes:
    """A GIF; with more than one frame it moves, for ever."""
    others = [painted(width, height).rotate(90 * turn) for turn in range(1, frames)]
    moves = {"save_all": True, "append_images": others, "loop": 0} if others else {}
    return saved(painted(width, height), "GIF", **moves)


def photograph(width: int, height: int) -> bytes:
    """A JPEG as from a phone that was held upright: it lies on its side, and says who took it where."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x013B] = "Mira"
    exif.get_ifd(0x8825)[1] = "N"  # the place
    return saved(painted(width, height), "JPEG", exif=exif, comment=b"Mira's phone")


def bomb(width: int, height: int) -> bytes:
    """A PNG of one black that is small as a file, and far from small when it is decoded."""
    return _png(width, height, 1, 0, bytes(1 + -(-width // 8)), min(height, 64))  # nobody gets as far as the last line


@lru_cache(2)
def crafted(edge: int) -> bytes:
    """A square PNG, complete and transparent: some kilobytes as a file, and four bytes a pixel when it is decoded."""
    return _png(edge, edge, 8, 6, bytes(1 + 4 * edge), edge)


def _png(width: int, height: int, bits: int, colours: int, line: bytes, lines: int) -> bytes:
    rows = zlib.compressobj(1)
    data = b"".join(rows.compress(line) for _ in range(lines)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def opened(data: bytes) -> Image.Image:
    """Decode it, here and now."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def saved(picture: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002 -- Pillow's own word
    """As a file."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def similar(one: Image.Image, other: Image.Image) -> bool:
    """Whether both show the same picture, apart from compression."""
    small = [image.convert("RGB").resize((8, 8), Image.Resampling.BOX) for image in (one, other)]
    return max(high for _, high in ImageChops.difference(*small).getextrema()) < 12  # type: ignore[misc]
