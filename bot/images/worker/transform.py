"""What is done to a picture: decoded whole or not at all, turned upright, made smaller, cut in four."""

import contextlib
import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
QUALITIES = (60, 65, 70, 75, 80, 85, 90, 95)
"""Below these a painting shows its blocks; beyond them the file alone grows."""

_GROWTH = 1.13  # of a file from one of these to the next, about
_NEAR = 1.08  # a file this near to its limit is not tried at a better quality
_LOSSLESS = {"PNG", "GIF"}
_LOSSLESS_PIXELS = 4096 * 4096  # for more, the lossless encoder takes more memory than a worker has
_LOSSLESS_GAIN = 2  # a PNG of a picture never shrinks to less than a half, so that need not be tried
_WEBP_EDGE = 16383  # https://developers.google.com/speed/webp/faq
_JPEG_EDGE = 65500  # libjpeg's JPEG_MAX_DIMENSION
_PREVIEW_QUALITY = 80
_SMALLEST = 16  # pixels of the longer edge: a picture whose file is too large even then is given up
_ODD_EXIF = (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error)


class TooLarge(Exception):
    """In pixels to be decoded; or as a file, in every size that is worth seeing."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A picture to be worked on: RGB or RGBA, upright, sRGB, without a word about camera, place or owner."""

    image: Image.Image
    size: int
    """Bytes of the file."""
    lossless: bool
    moving: bool


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A picture as the bytes of a file."""

    data: bytes
    format: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        """As in a file name."""
        return {"JPEG": "jpg"}.get(self.format, self.format.lower())

    def keep(self, folder: Path, stem: str) -> dict[str, object]:
        """Write the file; what the answer says of it."""
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


def opened(source: Path, *, pixels: int) -> Opened:
    """Decode the first frame, of at most `pixels`; Midjourney's animations begin with the picture they were made from.

    Raises `UnidentifiedImageError` for what is no picture, `TooLarge` or `DecompressionBombError` for too many pixels,
    and anything at all for a broken file: half a picture is never given out.
    """
    with Image.open(source, formats=FORMATS) as file:
        if file.width * file.height > pixels:
            raise TooLarge
        moving = bool(getattr(file, "is_animated", False))
        file.load()
        with contextlib.suppress(*_ODD_EXIF):
            ImageOps.exif_transpose(file, in_place=True)
        image = _plain(_srgb(file))
    return Opened(image=image, size=source.stat().st_size, lossless=file.format in _LOSSLESS, moving=moving)


def _srgb(image: Image.Image) -> Image.Image:
    """Phones photograph in wider colours: they would look dull once the profile that says so is dropped."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode != "RGB":
        return image
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), inPlace=True)
    return image


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would cut off instead of scaling
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    plain = image if image.mode == mode else image.convert(mode)
    plain.info.clear()
    return plain


def within(picture: Opened, limit: int) -> Encoded:
    """The best that fits `limit` bytes: lossless where the original was, then less quality, then fewer pixels.

    Raises `TooLarge` where nothing does.
    """
    image = picture.image
    if picture.lossless and picture.size <= _LOSSLESS_GAIN * limit and _may_be_lossless(image):
        whole = _encoded(image, "WEBP", lossless=True, quality=0, method=0)  # quick, and yet smaller than any PNG
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


def _may_be_lossless(image: Image.Image) -> bool:
    return image.width * image.height <= _LOSSLESS_PIXELS and max(image.size) <= _WEBP_EDGE


def _scaled(image: Image.Image, share: float) -> Image.Image:
    size = max(1, int(image.width * share)), max(1, int(image.height * share))
    return image.resize(size, Image.Resampling.LANCZOS)


def _best(image: Image.Image, limit: int, first: int) -> tuple[Encoded | None, int]:
    """The best quality that fits, else None; and the bytes of the last try that did not.

    `first` is the place in `QUALITIES` to begin at. Each try tells where to go on, so that two or three are enough: one
    takes seconds for the largest pictures.
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
    """As WebP, else as JPEG: for what is wider or higher than WebP can be, or too rich for its first partition."""
    if max(image.size) <= _WEBP_EDGE:
        with contextlib.suppress(ValueError):
            return _encoded(image, "WEBP", quality=quality, method=4)
    return _encoded(_on_white(image), "JPEG", quality=quality)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _encoded(image: Image.Image, format: str, **options: object) -> Encoded:  # noqa: A002 -- Pillow's own word
    file = io.BytesIO()
    image.save(file, format, **options)
    return Encoded(data=file.getvalue(), format=format, width=image.width, height=image.height)


def quarters(picture: Opened, limit: int) -> list[Encoded]:
    """Left and right of the upper half, then of the lower, each of at most `limit` bytes and all of one kind.

    Where an edge is odd, the middle line belongs to the right or lower one: every pixel is in just one quarter.
    """
    quarters = [picture.image.crop(box) for box in _boxes(picture.image.size)]
    whole = [_encoded(quarter, "PNG", compress_level=3) for quarter in quarters]
    if max(len(file.data) for file in whole) <= limit:
        return whole
    return [within(Opened(image=quarter, size=0, lossless=False, moving=False), limit) for quarter in quarters]


def _boxes(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    width, height = size
    for top, bottom in ((0, height // 2), (height // 2, height)):
        for left, right in ((0, width // 2), (width // 2, width)):
            yield left, top, right, bottom


def thumbnail(picture: Opened, edge: int) -> Encoded:
    """Small, with both edges of at most `edge` pixels."""
    small = picture.image.copy()
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return _encoded(small, "WEBP", quality=_PREVIEW_QUALITY, method=4)
