"""The theme of a prompt: a palette, and the figure in the landscape.

Words of the prompt decide; a prompt without a known word gets a theme by its hash, always the same one.
"""

import hashlib
import re
from typing import NamedTuple

Colour = tuple[int, int, int]


def colour(code: str) -> Colour:
    """Return `"1b1f4b"` as red, green, blue (0-255)."""
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


class Palette(NamedTuple):
    """The colours of a time of day or a mood; `sky` runs from the zenith to the horizon."""

    sky: tuple[Colour, ...]
    glow: Colour
    disc: Colour
    far: Colour
    near: Colour
    stars: bool = False
    aurora: bool = False


def palette(
    sky: str, *, glow: str, disc: str, far: str, near: str, stars: bool = False, aurora: bool = False
) -> Palette:
    """Return a palette from hexadecimal colours; those of the sky are separated by spaces."""
    return Palette(
        sky=tuple(colour(code) for code in sky.split()),
        glow=colour(glow),
        disc=colour(disc),
        far=colour(far),
        near=colour(near),
        stars=stars,
        aurora=aurora,
    )


PALETTES = {
    "dawn": palette("40508a 9a7fa8 f0a99a ffe0b0", glow="fff0c8", disc="fff8e6", far="b493ad", near="211c38"),
    "dusk": palette("161a45 54337a c2567a ff9d5c", glow="ffc46b", disc="ffe9b8", far="8a4c7c", near="120d26"),
    "night": palette(
        "050817 0e1b40 24447a 5b7fb0", glow="a9c4ee", disc="f4f7ff", far="3a5a8c", near="04060f", stars=True
    ),
    "forest": palette("8fb3ab b9d3c2 e2ecd2 fbf6dc", glow="fffbe0", disc="fffdf0", far="9dbfae", near="0f231c"),
    "ocean": palette("1a4a70 4b93aa a7cdc4 ffe2b8", glow="fff0cf", disc="fffaf0", far="6aa0ad", near="0c2536"),
    "desert": palette("4a3268 b3566a f0905c ffd595", glow="ffe2a0", disc="fff3d2", far="d9826a", near="38121f"),
    "winter": palette("5f84b4 9dbbdc d3e2f0 fff0ec", glow="fff6f0", disc="ffffff", far="b4c8e2", near="1c2f52"),
    "ink": palette("d9d4c6 e6e1d4 f1ede2 faf7ee", glow="fdf6e6", disc="c5402e", far="c4c0b6", near="1d1c1b"),
    "aurora": palette(
        "030b1a 08243a 10474f 2f7d74",
        glow="8ff0c0",
        disc="f0fff8",
        far="1f5560",
        near="020a0e",
        stars=True,
        aurora=True,
    ),
}

_PALETTE_WORDS = {
    "ink": "ink wash sumi charcoal drawing sketch monochrome fog",
    "aurora": "aurora borealis northern arctic cosmic",
    "night": "night moon moonlit star stars midnight galaxy space nebula dark owl",
    "dusk": "dusk sunset evening fire cyberpunk neon dragon synthwave volcano",
    "dawn": "dawn sunrise morning spring blossom pink garden",
    "winter": "winter snow ice frozen snowy christmas wolf",
    "desert": "desert dune dunes sand sahara mars canyon camel",
    "ocean": "ocean sea beach wave waves ship boat island harbour harbor lighthouse whale fish",
    "forest": "forest wood woods tree trees jungle green fox deer bird",
}

_FIGURE_WORDS = {
    "castle": "castle fortress palace tower kingdom knight dragon",
    "lighthouse": "lighthouse island beach coast",
    "boat": "ship boat ocean sea harbour harbor whale fish sail lake river",
    "pines": "forest wood woods tree trees pine fox deer wolf owl bird winter snow christmas cabin aurora",
    "dunes": "desert dune dunes sand sahara mars camel",
}


class Theme(NamedTuple):
    """A palette and a figure: castle, boat, lighthouse, pines or dunes."""

    palette: Palette
    figure: str


def number(*parts: object) -> int:
    """Return a 64-bit number that depends on every part and on nothing else."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def theme(prompt: str) -> Theme:
    """Return the theme of a prompt: known words decide, else its hash."""
    words = re.findall(r"[a-z]+", prompt.lower().split(" --")[0])
    fallback = number("theme", prompt)
    palette_name = _match(words, _PALETTE_WORDS) or list(PALETTES)[fallback % len(PALETTES)]
    figure = _match(words, _FIGURE_WORDS) or list(_FIGURE_WORDS)[fallback // 16 % 4]
    return Theme(PALETTES[palette_name], figure)


def _match(words: list[str], triggers: dict[str, str]) -> str | None:
    for name, known in triggers.items():
        if not set(words).isdisjoint(known.split()):
            return name
    return None


def ratio(prompt: str) -> float:
    """Return width over height of Midjourney's `--ar 3:2`; 1 without a usable one, at most 3 either way."""
    found = re.search(r"--(?:ar|aspect)\s+(\d{1,3}):(\d{1,3})\b", prompt)
    if not found or "0" in (found[1].lstrip("0") or "0", found[2].lstrip("0") or "0"):
        return 1.0
    return min(3.0, max(1 / 3, int(found[1]) / int(found[2])))
