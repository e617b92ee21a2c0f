"""Silhouettes in the landscape, as outlines around a foot point; `size` is a fraction of the width."""

from random import Random

from bot.demo.pictures.brush import Point

Outline = list[Point]


def _scaled(points: list[Point], foot: Point, size: float, ratio: float) -> Outline:
    """Scale an outline, which is designed in widths; `ratio` (width over height) keeps its proportions."""
    return [(foot[0] + x * size, foot[1] - y * size * ratio) for x, y in points]


def pine(foot: Point, size: float, ratio: float, rng: Random) -> Outline:
    """Return a fir of four to six ragged tiers."""
    tiers = rng.randint(4, 6)
    lean = rng.uniform(-0.03, 0.03)
    right: list[Point] = []
    left: list[Point] = []
    for tier in range(tiers):
        low, top = tier / tiers, (tier + 1.25) / tiers
        reach = 0.24 * (1 - tier / (tiers + 0.6)) * rng.uniform(0.85, 1.15)
        right += [(reach, low), (reach * 0.38, low + (top - low) * 0.55)]
        left += [(-reach, low), (-reach * 0.38, low + (top - low) * 0.55)]
    outline = [(0.03, -0.1), *right, (lean, 1.12), *reversed(left), (-0.03, -0.1)]
    return _scaled(outline, foot, size, ratio)


def castle(foot: Point, size: float, ratio: float, rng: Random) -> list[Outline]:
    """Return a keep between towers with pointed roofs."""
    parts: list[list[Point]] = [[(-0.5, -0.3), (-0.5, 0.3), (0.5, 0.3), (0.5, -0.3)]]
    parts.append([(-0.16, 0.2), (-0.16, 0.62), (0.16, 0.62), (0.16, 0.2)])
    towers = [
        (-0.5, 0.1, 0.5),
        (0.5, 0.09, 0.44),
        (-0.2, 0.065, 0.86),
        (0.19, 0.075, 0.72),
        (0.0, 0.055, 1.08),
        (-0.34, 0.05, 0.42),
    ]
    for x, half, top in towers:
        high = top * rng.uniform(0.92, 1.1)
        parts.append([(x - half, -0.3), (x - half, high), (x + half, high), (x + half, -0.3)])
        eaves, spire = half * 1.3, high + half * 4.2
        parts.append([(x - eaves, high), (x, spire), (x + eaves, high)])
        parts.append([(x - 0.006, spire - 0.02), (x - 0.006, spire + 0.1), (x + 0.07, spire + 0.08), (x, spire + 0.05)])
    for merlon in range(9):
        x = -0.44 + merlon * 0.11
        parts.append([(x - 0.025, 0.28), (x - 0.025, 0.35), (x + 0.025, 0.35), (x + 0.025, 0.28)])
    return [_scaled(part, foot, size, ratio) for part in parts]


def boat(foot: Point, size: float, ratio: float, wind: int) -> list[Outline]:
    """Return a small boat with two sails; `wind` is -1 or 1."""
    hull = [(-0.5, 0.12), (0.55, 0.15), (0.38, -0.02), (-0.34, -0.02)]
    main = [(-0.02, 0.2), (-0.02, 1.15), (-0.2, 0.75), (-0.42, 0.2)]
    jib = [(0.03, 0.22), (0.03, 1.05), (0.22, 0.62), (0.46, 0.22)]
    mast = [(-0.012, 0.1), (-0.012, 1.25), (0.012, 1.25), (0.012, 0.1)]
    return [_scaled([(x * wind, y) for x, y in part], foot, size, ratio) for part in (hull, main, jib, mast)]


def lighthouse(foot: Point, size: float, ratio: float) -> list[Outline]:
    """Return a tower on its rock, with gallery, lantern and cap."""
    tower = [(-0.13, -0.2), (-0.08, 0.8), (0.08, 0.8), (0.13, -0.2)]
    gallery = [(-0.12, 0.8), (-0.12, 0.84), (0.12, 0.84), (0.12, 0.8)]
    posts = [[(x - 0.008, 0.84), (x - 0.008, 0.96), (x + 0.008, 0.96), (x + 0.008, 0.84)] for x in (-0.06, 0.0, 0.06)]
    cap = [(-0.09, 0.95), (-0.05, 1.02), (0.0, 1.08), (0.05, 1.02), (0.09, 0.95)]
    house = [(0.12, -0.2), (0.12, 0.2), (0.28, 0.36), (0.44, 0.2), (0.44, -0.2)]
    rock = [(-0.9, -0.4), (-0.5, -0.02), (-0.25, 0.05), (0.3, 0.04), (0.6, 0.0), (0.85, -0.12), (1.2, -0.4)]
    return [_scaled(part, foot, size, ratio) for part in (tower, gallery, *posts, cap, house, rock)]


def bird(centre: Point, size: float, ratio: float, rng: Random) -> Outline:
    """Return a distant bird: two bent wings."""
    lift = rng.uniform(0.15, 0.45)
    points = [
        (-1.0, lift),
        (-0.45, lift * 1.15),
        (0.0, 0.0),
        (0.45, lift * 1.15),
        (1.0, lift),
        (0.5, lift * 0.75),
        (0.0, -0.18),
        (-0.5, lift * 0.75),
    ]
    return _scaled(points, centre, size, ratio)
