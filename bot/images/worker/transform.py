"""Decodes a picture, completely or not at all, and rotates, resizes, splits, joins and encodes it.

A worker's memory has room for two copies of the largest picture and a quarter of one; the WebP encoder needs up to 25
bytes a pixel. So large pictures are encoded as JPEG, and copied as rarely as possible.
"""

import contextlib
import io
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
QUALITIES = (60, 65, 70, 75, 80, 85, 90, 95)
"""Below these, compression artefacts show; above them, only the file grows."""

_GROWTH = 1.13  # of a file from one quality to the next, about
_NEAR = 1.08  # a file this close to its limit is not encoded again at a better quality
_LOSSLESS = {"PNG", "GIF"}
_WEBP_PIXELS = 6_000_000  # above, the encoder needs more memory than a worker has; Midjourney's own have 4.8 million
_LOSSLESS_GAIN = 2  # lossless WebP saves at most half of a PNG: not tried where that is not enough
_WEBP_EDGE = 16383  # https://developers.google.com/speed/webp/faq
_JPEG_EDGE = 65500  # libjpeg's JPEG_MAX_DIMENSION
_PREVIEW_QUALITY = 80
_GRID_QUALITY = 90
_EMPTY = "gray"  # of a quarter without a picture: neither a light nor a dark picture
_SMALLEST = 16  # pixels of the longer edge: a file that is too large even then is given up
_EXIF_ERRORS = (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error)


class TooLarge(Exception):
    """Too many pixels to decode; or no size worth looking at gives a file small enough."""


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A decoded picture: RGB or RGBA, upright, sRGB, without metadata (camera, location, owner)."""

    image: Image.Image
    size: int
    """Bytes of the file."""
    lossless: bool
    """Whether the file's format is lossless."""
    animated: bool


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """An encoded picture."""

    data: bytes
    format: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        """The extension of a file name."""
        return {"JPEG": "jpg"}.get(self.format, self.format.lower())

    def save(self, folder: Path, stem: str) -> dict[str, object]:
        """Write the file and return its entry in the result."""
        path = folder / f"{stem}.{self.extension}"
        path.write_bytes(self.data)
        return {
            "path": str(path),
            "content_type": f"image/{self.format.lower()}",
            "extension": self.extension,
            "size": len(self.data),
            "width": self.width,
            "height": self.height,
        }


def open_picture(source: Path, *, pixels: int) -> Decoded:
    """Decode the first frame, of at most `pixels`; Midjourney's animations begin with the picture they were made from.

    Raises `UnidentifiedImageError` if it is no picture, `TooLarge` or `DecompressionBombError` for too many pixels, and
    anything for a broken file: a partly decoded picture is never returned.
    """
    with Image.open(source, formats=FORMATS) as file:
        if file.width * file.height > pixels:
            raise TooLarge
        animated = bool(getattr(file, "is_animated", False))
        file.load()
        with contextlib.suppress(*_EXIF_ERRORS):
            ImageOps.exif_transpose(file, in_place=True)
        image = _plain(_srgb(file))
    return Decoded(image=image, size=source.stat().st_size, lossless=file.format in _LOSSLESS, animated=animated)


def _srgb(image: Image.Image) -> Image.Image:
    """Convert from the picture's colour profile: phones use wider ones, and colours look dull when it is dropped."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode != "RGB":
        return image
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), inPlace=True)
    return image


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which `convert` clips instead of scaling
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    plain = image if image.mode == mode else image.convert(mode)
    plain.info.clear()
    return plain


def fit(picture: Decoded, limit: int) -> Encoded:
    """Return the best encoding within `limit` bytes: lossless if the source was, then less quality, then fewer pixels.

    Raises `TooLarge` if there is none.
    """
    image = picture.image
    if picture.lossless and picture.size <= _LOSSLESS_GAIN * limit and _may_be_webp(image):
        whole = _encoded(image, "WEBP", lossless=True, quality=0, method=0)  # fast, and smaller than any PNG
        if len(whole.data) <= limit:
            return whole
    if max(image.size) > _JPEG_EDGE:
        image = _scaled(image, _JPEG_EDGE / max(image.size))
    first = len(QUALITIES) - 1
    while True:
        best, least = _best(image, limit, first)
        if best is not None:
            return best
        if max(image.size) <= _SMALLEST:
            raise TooLarge
        image = _scaled(image, min(0.9, (limit / least) ** 0.5))
        first = 0


def _may_be_webp(image: Image.Image) -> bool:
    return image.width * image.height <= _WEBP_PIXELS and max(image.size) <= _WEBP_EDGE


def _scaled(image: Image.Image, share: float) -> Image.Image:
    """Return a copy with this share of the edges, or with half of them where a better filter has no room."""
    if image.width * image.height > _WEBP_PIXELS:
        return image.reduce(2)
    size = max(1, int(image.width * share)), max(1, int(image.height * share))
    return image.resize(size, Image.Resampling.LANCZOS)


def _best(image: Image.Image, limit: int, first: int) -> tuple[Encoded | None, int]:
    """Return the best quality that fits, else `None`, and the bytes of the last encoding that did not fit.

    `first` is the index in `QUALITIES` to start at. The next index is estimated from each size, so that two or three
    encodings are enough: one takes seconds for the largest pictures.
    """
    best, over = None, 0
    low, high, at = 0, len(QUALITIES) - 1, first
    while low <= high:
        tried = _lossy(image, QUALITIES[at])
        size = len(tried.data)
        if size <= limit:
            best, low = tried, at + 1
            if size * _NEAR > limit:
                break
        else:
            over, high = size, at - 1
        at = min(high, max(low, at + math.floor(math.log(limit / size, _GROWTH))))
    return best, over


def _lossy(image: Image.Image, quality: int) -> Encoded:
    """Encode as WebP; as JPEG if the picture is too large for that, or the encoder fails.

    Its first partition may overflow, or the memory be used by the picture from which this one was cut (`ValueError`).
    """
    if _may_be_webp(image):
        with contextlib.suppress(ValueError, MemoryError):
            return _encoded(image, "WEBP", quality=quality, method=4)
    return _encoded(_on_white(image), "JPEG", quality=quality)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _encoded(image: Image.Image, format: str, **options: object) -> Encoded:  # noqa: A002 -- Pillow's own name
    file = io.BytesIO()
    image.save(file, format, **options)
    return Encoded(data=file.getvalue(), format=format, width=image.width, height=image.height)


def split(picture: Decoded, limit: int) -> list[Encoded]:
    """Return left and right of the upper half, then of the lower, of at most `limit` bytes each, all in one format.

    Where an edge is odd, the middle line belongs to the right or lower one: every pixel is in exactly one quarter.
    """
    boxes = list(_boxes(picture.image.size))
    lossless = []
    for box in boxes:
        lossless.append(_encoded(picture.image.crop(box), "PNG", compress_level=3))
        if len(lossless[-1].data) > limit:
            break
    else:
        return lossless
    del lossless
    return [fit(Decoded(image=picture.image.crop(box), size=0, lossless=False, animated=False), limit) for box in boxes]


def _boxes(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    width, height = size
    for top, bottom in ((0, height // 2), (height // 2, height)):
        for left, right in ((0, width // 2), (width // 2, width)):
            yield left, top, right, bottom


def grid(sources: Sequence[Path | None], *, pixels: int) -> Encoded:
    """Join four pictures of at most `pixels` each, upper left, upper right, lower left, lower right.

    The quarters have the size of the first picture, or less where the grid would be too large for WebP; another ratio
    is centred. The quarter of a `None` is grey. Raises as `open_picture` does, if one of them is broken.
    """
    size = (0, 0)
    quarters: list[Image.Image | None] = []
    for source in sources:
        quarter = None if source is None else _quarter(source, size, pixels)
        size = size if quarter is None or size != (0, 0) else quarter.size
        quarters.append(quarter)
    width, height = size
    joined = Image.new("RGB", (2 * width, 2 * height), _EMPTY)
    for number, quarter in enumerate(quarters):
        if quarter is not None:
            left = number % 2 * width + (width - quarter.width) // 2
            top = number // 2 * height + (height - quarter.height) // 2
            joined.paste(quarter, (left, top))
    return _lossy(joined, _GRID_QUALITY)


def _quarter(source: Path, size: tuple[int, int], pixels: int) -> Image.Image:
    """Decode a picture and scale it into `size`; (0, 0) is the picture's own size, or what a quarter may have."""
    image = open_picture(source, pixels=pixels).image
    if size == (0, 0):
        area, edge = image.width * image.height, max(image.size)
        share = min(1.0, (_WEBP_PIXELS / 4 / area) ** 0.5, _WEBP_EDGE / 2 / edge)
        size = max(1, int(image.width * share)), max(1, int(image.height * share))
    return _on_white(image if image.size == size else ImageOps.contain(image, size, Image.Resampling.LANCZOS))


def thumbnail(picture: Decoded, edge: int) -> Encoded:
    """Resize the picture itself, so that both edges have at most `edge` pixels, and encode it."""
    picture.image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return _encoded(picture.image, "WEBP", quality=_PREVIEW_QUALITY, method=4)
