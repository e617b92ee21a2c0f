"""Drawing functions of the scenes. Lengths are fractions of the picture, so that it looks the same at any size."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

from PIL import Image, ImageDraw

from bot.demo.pictures.themes import Colour

Point = tuple[float, float]
SOFT = Image.Resampling.BICUBIC
_FINE = 2  # masks are drawn this much larger and shrunk: smooth edges


def rng_of(seed: int) -> Random:
    """Return a random generator: the same numbers for the same seed."""
    return Random(seed)  # noqa: S311 -- for pictures, not for secrets


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour of `one` with `share` (0-1) of `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def gradient(size: tuple[int, int], colours: Sequence[Colour]) -> Image.Image:
    """Return a gradient of the colours from top to bottom, evenly spread."""
    steps = 32
    mixed = bytearray()
    for y in range(steps):
        position = y / (steps - 1) * (len(colours) - 1)
        first = min(int(position), len(colours) - 2)
        mixed += bytes(mix(colours[first], colours[first + 1], position - first))
    strip = Image.frombytes("RGB", (1, steps), bytes(mixed))
    return strip.resize((1, size[1]), SOFT).resize(size, Image.Resampling.NEAREST)


def noise(size: tuple[int, int], cells: tuple[int, int], rng: Random) -> Image.Image:
    """Return soft random clouds, `cells` wide and high."""
    columns, rows = cells
    finer = (columns * 3, rows * 3)
    coarse = Image.frombytes("L", cells, rng.randbytes(columns * rows)).resize(finer, SOFT)
    fine = Image.frombytes("L", finer, rng.randbytes(finer[0] * finer[1]))
    return Image.blend(coarse, fine, 0.3).resize(size, SOFT)


def glow(size: tuple[int, int], centre: Point, radius: float, strength: float) -> Image.Image:
    """Return a mask that is brightest at `centre` and fades out over `radius` widths."""
    width, height = size
    reach = max(1, round(radius * width))
    fade = Image.radial_gradient("L").point(
        [round(strength * 255 * max(0.0, 1 - level / 180) ** 2) for level in range(256)]
    )
    fade = fade.resize((reach * 2, reach * 2), Image.Resampling.BILINEAR)
    mask = Image.new("L", size)
    mask.paste(fade, (round(centre[0] * width) - reach, round(centre[1] * height) - reach))
    return mask


def mask(size: tuple[int, int], draw: Callable[[ImageDraw.ImageDraw, int, int], None]) -> Image.Image:
    """Return a mask with smooth edges; `draw` gets the pen, and the width and height to draw in."""
    width, height = size
    large = Image.new("L", (width * _FINE, height * _FINE))
    draw(ImageDraw.Draw(large), width * _FINE, height * _FINE)
    return large.reduce(_FINE)


def shape(size: tuple[int, int], outlines: Sequence[Sequence[Point]]) -> Image.Image:
    """Return a mask of filled outlines."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        for outline in outlines:
            pen.polygon([(x * width, y * height) for x, y in outline], fill=255)

    return mask(size, draw)


def disc(size: tuple[int, int], centre: Point, radius: float) -> Image.Image:
    """Return a mask of a circle; `radius` in widths."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        x, y, reach = centre[0] * width, centre[1] * height, radius * width
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)

    return mask(size, draw)


def dimmed(layer: Image.Image, share: float) -> Image.Image:
    """Return a mask with `share` (0-1) of its strength."""
    return layer.point([round(level * share) for level in range(256)])


def ridge(rng: Random, level: float, height: float, roughness: float) -> list[float]:
    """Return the skyline of a mountain range: 257 heights by midpoint displacement."""
    line = [level + rng.uniform(-1, 1) * height for _ in range(5)]
    swing = height * 0.9
    while len(line) < 257:
        middles = [(a + b) / 2 + rng.uniform(-1, 1) * swing for a, b in pairwise(line)]
        line = [y for pair in zip(line, middles, strict=False) for y in pair] + [line[-1]]
        swing *= roughness
    return line


def ground(line: Sequence[float]) -> list[Point]:
    """Return the outline of everything under a skyline."""
    last = len(line) - 1
    return [(-0.01, 1.02), *((x / last, y) for x, y in enumerate(line)), (1.01, 1.02)]


def height_at(line: Sequence[float], x: float) -> float:
    """Return the height of a skyline at `x` (0-1)."""
    return line[min(len(line) - 1, max(0, round(x * (len(line) - 1))))]
