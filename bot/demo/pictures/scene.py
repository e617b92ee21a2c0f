"""A landscape, drawn from the sky to the nearest hill.

The number `composition` decides the layout (position of the sun, number of ranges), `detail` the shape of each ridge
and tree: pictures with the same composition and different details are variations of each other.

A picture of a few pixels, as the tests have them, is a sketch of all this, which costs a tenth of the time.
"""

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw

from bot.demo.pictures import brush, figures
from bot.demo.pictures.themes import Theme, theme

SKETCHED = 48
"""The longer side in pixels up to which a picture is a sketch: trees and birds would be no larger than a pixel."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things are, in fractions of the picture."""

    sun: brush.Point
    radius: float
    horizon: float
    ranges: int
    water: float | None
    mist: float
    figure_at: float
    wind: int

    @classmethod
    def random_for(cls, figure: str, rng: Random) -> "Layout":
        """Return a random layout that suits the figure."""
        wet = figure in ("boat", "lighthouse") or (figure != "dunes" and rng.random() < 0.4)
        side = rng.choice((-1, 1))
        horizon = rng.uniform(0.5, 0.58)
        return cls(
            sun=(0.5 + side * rng.uniform(0.04, 0.26), rng.uniform(0.2, horizon - 0.1)),
            radius=rng.choice((0.045, 0.06, 0.085, 0.13)),
            horizon=horizon,
            ranges=rng.randint(2, 3) if figure == "boat" else rng.randint(4, 5),
            water=rng.uniform(0.64, 0.7) if wet else None,
            mist=rng.uniform(0.3, 0.6),
            figure_at=0.5 - side * rng.uniform(0.08, 0.24),
            wind=side,
        )


class Scene:
    """One picture; `paint` draws it."""

    def __init__(self, prompt: str, *, composition: int, detail: int, size: tuple[int, int]) -> None:
        self.theme: Theme = theme(prompt)
        self.layout = Layout.random_for(self.theme.figure, brush.rng_of(composition))
        self.rng = brush.rng_of(detail)
        self.size = size
        self.ratio = size[0] / size[1]
        self.image = Image.new("RGB", size)
        self.lantern: brush.Point | None = None

    def paint(self) -> Image.Image:
        """Draw and return the picture."""
        if max(self.size) <= SKETCHED:
            self._sketch()
            return self.image
        self._sky()
        self._land()
        if self.layout.water is not None:
            self._water(self.layout.water)
        self._foreground()
        self._light()
        return self.image

    def _sketch(self) -> None:
        """Draw the sky, the sun and one slope."""
        palette, layout = self.theme.palette, self.layout
        width, height = self.size
        self.image.paste(brush.gradient(self.size, palette.sky), (0, 0))
        pen = ImageDraw.Draw(self.image)
        x, y, reach = layout.sun[0] * width, layout.sun[1] * height, max(1.0, layout.radius * width)
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=palette.disc)
        line = [height * (layout.horizon + 0.15 + self.rng.uniform(-0.08, 0.08)) for _ in range(5)]
        crest = [(step * width / 4, y) for step, y in enumerate(line)]
        pen.polygon([(0, height), *crest, (width, height)], fill=palette.near)

    def _fill(self, colour: tuple[int, int, int], mask: Image.Image) -> None:
        if box := mask.getbbox():  # most masks are empty nearly everywhere
            self.image.paste(colour, box, mask.crop(box))

    def _sky(self) -> None:
        palette, layout = self.theme.palette, self.layout
        width, height = self.size
        sky = brush.gradient((width, round(height * (layout.horizon + 0.12))), palette.sky)
        self.image.paste(palette.sky[-1], (0, 0, width, height))
        self.image.paste(sky, (0, 0))
        if palette.stars:
            self._stars()
        if palette.aurora:
            self._aurora()
        self._fill(palette.glow, brush.glow(self.size, layout.sun, 0.62, 0.75))
        disc = brush.disc(self.size, layout.sun, layout.radius)
        self._fill(palette.disc, disc)
        if palette.stars:
            seas = brush.noise(self.size, (26, 26), self.rng).point([max(0, 150 - level) for level in range(256)])
            self._fill(palette.far, brush.dimmed(ImageChops.multiply(disc, seas), 0.5))
        self._clouds()
        if not palette.stars:
            self._birds()

    def _stars(self) -> None:
        def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
            for _ in range(260):
                x, y = self.rng.random() * width, self.rng.random() ** 1.4 * height * self.layout.horizon
                reach = width * (0.0007 + 0.0019 * self.rng.random() ** 6)
                light = round(255 * self.rng.uniform(0.25, 1.0))
                pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=light)

        self._fill((255, 255, 255), brush.mask(self.size, draw))

    def _aurora(self) -> None:
        width, height = self.size
        for colour, strength in (((90, 240, 170), 0.75), ((120, 120, 240), 0.5)):
            lean = self.rng.uniform(-0.35, 0.35)
            small = (max(1, width // 4), max(1, height // 4))
            curtain = brush.noise((small[0] * 2, 4), (14, 1), self.rng)
            curtain = curtain.transform(
                small, Image.Transform.AFFINE, (1, lean, small[0] / 2, 0, 4 / small[1], 0), Image.Resampling.BILINEAR
            ).resize(self.size, brush.SOFT)
            curtain = curtain.point([round(255 * max(0.0, level / 255 - 0.35) * 1.5) for level in range(256)])
            fall = Image.linear_gradient("L").point([round(level * (1 - (level / 255) ** 3)) for level in range(256)])
            veil = Image.new("L", self.size)
            veil.paste(fall.resize((width, round(height * (self.layout.horizon + 0.1))), brush.SOFT))
            self._fill(colour, brush.dimmed(ImageChops.multiply(curtain, veil), strength))

    def _clouds(self) -> None:
        palette = self.theme.palette
        clouds = brush.noise(self.size, (3, 14), self.rng)
        clouds = clouds.point([round(255 * max(0.0, level / 255 - 0.5) * 1.1) for level in range(256)])
        self._fill(brush.mix(palette.sky[-1], palette.glow, 0.5), brush.dimmed(clouds, 0.35 if palette.stars else 0.7))

    def _birds(self) -> None:
        x, y = self.rng.uniform(0.2, 0.8), self.rng.uniform(0.14, 0.34)
        flock = [
            figures.bird(
                (x + self.rng.gauss(0, 0.07), y + self.rng.gauss(0, 0.035)),
                self.rng.uniform(0.007, 0.016),
                self.ratio,
                self.rng,
            )
            for _ in range(self.rng.randint(3, 8))
        ]
        self._fill(brush.mix(self.theme.palette.near, self.theme.palette.far, 0.35), brush.shape(self.size, flock))

    def _land(self) -> None:
        palette, layout = self.theme.palette, self.layout
        smooth = self.theme.figure == "dunes"
        last = layout.ranges - 1
        for layer in range(layout.ranges):
            depth = layer / max(1, last)
            level = layout.horizon - 0.03 + 0.30 * depth**1.2 * (0.55 if layout.water else 1)
            swing = (0.05 if smooth else 0.085) * (1 - 0.35 * depth)
            line = brush.ridge(self.rng, level, swing, 0.34 if smooth else 0.5)
            colour = brush.mix(brush.mix(palette.far, palette.sky[-1], 0.45), palette.near, depth**1.3 * 0.78)
            outlines = [brush.ground(line), *self._figures_on(line, layer, last)]
            self._slope(brush.shape(self.size, outlines), colour, level)

    def _slope(self, mask: Image.Image, colour: tuple[int, int, int], level: float) -> None:
        """Draw a slope: darkest at its crest, fading into mist towards its foot."""
        misty = brush.mix(colour, self.theme.palette.sky[-1], self.layout.mist)
        crest = round((level + 0.06) * 20)  # in twentieths of the height, as the shades are
        fading = [brush.mix(colour, misty, share) for share in (0.2, 0.4, 0.6, 0.8)]
        shades = [*[colour] * crest, *fading, *[misty] * 20][:21]
        self.image.paste(brush.gradient(self.size, shades), (0, 0), mask)

    def _figures_on(self, line: list[float], layer: int, last: int) -> list[list[brush.Point]]:
        """Return the outlines on this range: the figure on a middle one, firs on the nearer ones."""
        figure, x = self.theme.figure, self.layout.figure_at
        if figure == "castle" and layer == max(1, last - 2):
            return figures.castle((x, brush.height_at(line, x) + 0.015), 0.19, self.ratio, self.rng)
        if figure == "lighthouse" and layer == last:
            self.lantern = (x, min(brush.height_at(line, x), (self.layout.water or 1.0) - 0.025))
            return figures.lighthouse(self.lantern, 0.24, self.ratio)
        if figure == "pines" and layer >= 1:
            return self._firs(line, count=34, size=0.035 + 0.05 * layer / last)
        return []

    def _firs(self, line: list[float], *, count: int, size: float) -> list[list[brush.Point]]:
        trees = []
        for _ in range(count):
            x = self.rng.random()
            tall = size * self.rng.uniform(0.5, 1.25)
            trees.append(figures.pine((x, brush.height_at(line, x) + 0.01), tall, self.ratio, self.rng))
        return trees

    def _water(self, level: float) -> None:
        """Draw everything above the shore mirrored, with ripples that grow towards the viewer."""
        width, height = self.size
        shore = round(level * height)
        depth = height - shore
        mirrored = self.image.crop((0, max(0, shore - depth), width, shore)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        mirrored = mirrored.resize((width, depth), brush.SOFT)
        sheen = brush.gradient((width, depth), (self.theme.palette.sky[-1], self.theme.palette.sky[0]))
        mirrored = Image.blend(mirrored, sheen, 0.32)
        step = max(1, height // 256)
        ripples = brush.rng_of(self.layout.ranges)  # a generator of its own: how often it is used depends on the size
        for y in range(0, depth, step):
            swing = round(width * (0.002 + 0.012 * y / depth) * ripples.uniform(-1, 1))
            self.image.paste(mirrored.crop((0, y, width, y + step)), (0, shore + y))
            self.image.paste(mirrored.crop((0, y, width, y + step)), (swing, shore + y))
        self._glitter(level)
        if self.theme.figure == "boat":
            self._boat(level)

    def _glitter(self, level: float) -> None:
        sun = self.layout.sun[0]

        def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
            for _ in range(150):
                near = self.rng.random() ** 1.3
                x = sun + self.rng.gauss(0, 0.02 + 0.07 * near)
                y = level + 0.004 + (1 - level) * near
                reach = self.rng.uniform(0.004, 0.02) * (0.4 + near)
                light = round(self.rng.uniform(50, 190) * (1 - near * 0.6))
                thick = 0.0008 + 0.0016 * near
                pen.ellipse(
                    ((x - reach) * width, (y - thick) * height, (x + reach) * width, (y + thick) * height), fill=light
                )

        self._fill(self.theme.palette.glow, brush.mask(self.size, draw))

    def _boat(self, level: float) -> None:
        x, y, size = self.layout.figure_at, level + 0.075, 0.15
        sails = brush.shape(self.size, figures.boat((x, y), size, self.ratio, self.layout.wind))
        mirrored = brush.shape(self.size, figures.boat((x, y + 0.008), size, -self.ratio * 0.7, self.layout.wind))
        self._fill(self.theme.palette.near, brush.dimmed(mirrored, 0.35))
        self._fill(brush.mix(self.theme.palette.near, self.theme.palette.far, 0.08), sails)

    def _foreground(self) -> None:
        """Draw a dark bank with firs in a lower corner, for depth."""
        palette = self.theme.palette
        side = 1 if self.layout.figure_at < 0.5 else 0
        rise = 0.16 if self.layout.water else 0.1
        rough = brush.ridge(self.rng, 0.0, 0.018, 0.55)
        line = [0.985 + y - rise * (1 - abs(x / 256 - side)) ** 2.2 for x, y in enumerate(rough)]
        outlines = [brush.ground(line)]
        if self.theme.figure == "dunes":
            line = [0.93 + y * 0.6 for y in rough]
            outlines = [brush.ground(line)]
        elif self.theme.figure != "boat":
            for _ in range(9):
                x = abs(side - abs(self.rng.gauss(0, 0.13)))
                tall = self.rng.uniform(0.12, 0.3) * (1 - abs(x - side))
                outlines.append(figures.pine((x, brush.height_at(line, x) + 0.015), tall, self.ratio, self.rng))
        self._fill(palette.near, brush.shape(self.size, outlines))

    def _light(self) -> None:
        """Draw the sun's haze over everything, darker corners, and the lighthouse's lamp."""
        palette = self.theme.palette
        self._fill(palette.glow, brush.glow(self.size, self.layout.sun, 0.5, 0.16))
        corners = Image.radial_gradient("L").resize(self.size, brush.SOFT)
        corners = corners.point([round(90 * max(0.0, level / 255 - 0.45)) for level in range(256)])
        self._fill(palette.near, corners)
        if self.lantern:
            lamp = (self.lantern[0], self.lantern[1] - 0.9 * 0.24 * self.ratio)
            self._fill((255, 226, 150), brush.glow(self.size, lamp, 0.16, 0.85))
            self._fill((255, 246, 214), brush.disc(self.size, lamp, 0.008))
