"""Draws the demo's pictures with Pillow: misty landscapes, in the formats and sizes that Midjourney posts.

A picture depends on its arguments alone; it is drawn once, then cached. The prompt decides the palette and the figure
in the landscape, `seed` the four compositions. With `like` (see `composition`) all four pictures have that one
composition and differ in detail only, as variations of one parent do.

Pillow is imported when the first picture is drawn.
"""

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.demo.pictures.themes import number, ratio

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["composition", "dimensions", "grid", "moving", "preview", "single"]

_CACHED = 48  # pictures, about 20 MB at the demo's size
_SMALLEST = 8  # pixels of one picture; smaller ones have no room for the shapes


def composition(seed: int, index: int, like: int | None = None) -> int:
    """Return the composition of picture `index` (0-3) of a grid: what its variations get as `like`."""
    return number("look", seed, index) if like is None else like


def dimensions(prompt: str, size: int) -> tuple[int, int]:
    """Return width and height in pixels of a picture whose longer side is `size`, by the prompt's `--ar`."""
    aspect = ratio(prompt)
    width, height = (size, size / aspect) if aspect >= 1 else (size * aspect, size)
    return max(_SMALLEST, round(width / 2) * 2), max(_SMALLEST, round(height / 2) * 2)


@lru_cache(_CACHED)
def grid(prompt: str, *, size: int, seed: int, like: int | None = None) -> bytes:
    """Draw four related pictures, two by two, as WebP."""
    return _saved(_grid(prompt, size, seed, like), "WEBP", quality=84, method=2)


@lru_cache(_CACHED)
def single(prompt: str, index: int, *, size: int, seed: int, like: int | None = None, format: str = "PNG") -> bytes:  # noqa: A002 -- Pillow's own name
    """Draw picture `index` (0-3) of the grid alone, as PNG or another of Pillow's formats ("JPEG", "WEBP")."""
    picture = _picture(prompt, index, dimensions(prompt, size), seed, like)
    return _saved(picture, format, **({"compress_level": 3} if format == "PNG" else {"quality": 86}))


@lru_cache(_CACHED)
def preview(
    prompt: str, percent: int, *, size: int = 512, seed: int, like: int | None = None, index: int | None = None
) -> bytes:
    """Draw the unfinished grid (or its picture `index` alone) as WebP: the lower `percent`, the more it is blurred."""
    from PIL import Image, ImageFilter

    half = max(2 * _SMALLEST, size // 2)  # a blurred picture needs no more
    if index is None:
        picture = _grid(prompt, half, seed, like)
    else:
        picture = _picture(prompt, index, dimensions(prompt, half), seed, like)
    blur = half / 20 * (1 - min(100, max(0, percent)) / 100) ** 1.5
    picture = picture.filter(ImageFilter.GaussianBlur(blur)).resize(dimensions(prompt, size), Image.Resampling.BICUBIC)
    return _saved(picture, "WEBP", quality=70, method=1)


@lru_cache(_CACHED)
def moving(prompt: str, *, size: int, seed: int, like: int | None = None, index: int | None = None) -> bytes:
    """Draw a short video as animated WebP: a pan across the grid's pictures (or across picture `index` alone)."""
    from PIL import Image

    width, height = dimensions(prompt, size)
    wide = (round(width * 1.15), round(height * 1.15))
    if index is None:
        pictures = [_picture(prompt, at, (wide[0] // 2, wide[1] // 2), seed, like) for at in range(4)]
        cell = (width // 2, height // 2)
    else:
        pictures, cell = [_picture(prompt, index, wide, seed, like)], (width, height)
    frames = []
    for step in (0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1):
        frame = Image.new("RGB", (width, height))
        for at, picture in enumerate(pictures):
            x, y = (picture.width - cell[0]) * step // 7, (picture.height - cell[1]) * step // 14
            frame.paste(picture.crop((x, y, x + cell[0], y + cell[1])), (at % 2 * cell[0], at // 2 * cell[1]))
        frames.append(frame)
    return _saved(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=160, loop=0, quality=60, method=0
    )


def _grid(prompt: str, size: int, seed: int, like: int | None) -> "Image.Image":
    from PIL import Image

    width, height = dimensions(prompt, max(size, 2 * _SMALLEST))
    whole = Image.new("RGB", (width, height))
    cell = (width // 2, height // 2)
    for index in range(4):
        whole.paste(_picture(prompt, index, cell, seed, like), (index % 2 * cell[0], index // 2 * cell[1]))
    return whole


def _picture(prompt: str, index: int, size: tuple[int, int], seed: int, like: int | None) -> "Image.Image":
    from bot.demo.pictures.scene import Scene

    return Scene(
        prompt, composition=composition(seed, index, like), detail=number("detail", seed, index), size=size
    ).paint()


def _saved(picture: "Image.Image", format: str, **options: object) -> bytes:  # noqa: A002 -- Pillow's own name
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()
