"""Midjourney's parameters in one table: names, value, versions, cost, and what each one requires. As of 2026-11.

Sources: https://docs.midjourney.com/hc/en-us/articles/32859204029709-Parameter-List and the pages linked from it;
V8.2 is the default since 2026-07-24, the Edit model dates from 2026-08-27. Midjourney changes its parameters about
every two months, so the table only gives advice: a parameter that is not in it passes. A new one is one more entry of
`_PARAMETERS`; where the sources contradict each other about a version, it is not listed as refused.
"""

from difflib import get_close_matches
from enum import Enum, auto
from functools import lru_cache

import msgspec

from bot.models.submission import CostTier

DEFAULT_VERSION = "V8.2"
"""The version of a prompt that names none."""
PICTURE = "picture"
"""The link of a picture at the beginning of a prompt, where a parameter requires one."""
MAX_REPEAT = 40
"""The jobs that `--repeat` makes at most (plans Pro and Mega)."""

_V = ("8.2", "8.1", "8", "7", "6.1", "6", "5.2", "5.1", "5", "4", "3", "2", "1")
_NIJI = ("7", "6", "5", "4")
_CLOSE_ENOUGH = 0.7
_LONGEST_TYPO = 32
_TYPOS_CACHED = 256


class ValueKind(Enum):
    """What a parameter's value is."""

    FLAG = auto()
    """It has no value."""
    NUMBER = auto()
    RATIO = auto()
    """Two whole numbers, such as `16:9`."""
    CHOICE = auto()
    LINK = auto()
    """The link of a picture."""
    ANY = auto()
    """Words, codes or several links, which are not checked."""


class MidjourneyParameter(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a parameter.

    The first of its `names` is the one it is called by, without `--`. A number is from `low` to `high`, both included,
    without decimals if it is `whole`; `optional`: the value may be left out. `only_in` and `never_in` are families of
    versions (see `family`). `weight_of` is the parameter without which this one cannot work, `requires` the one that
    usually comes with it; either may be `PICTURE`. Of parameters with the same `group` a prompt takes one. `tier` is
    that of the job, from the value `costly_from` on if that is not `None`. A `restricted` one overrides a setting of
    the account, which its owner pays for. `words_optional`: the prompt may be just the link of a picture.
    """

    names: tuple[str, ...]
    kind: ValueKind = ValueKind.FLAG
    low: float = 0
    high: float = 0
    whole: bool = True
    choices: tuple[str, ...] = ()
    optional: bool = False
    only_in: tuple[str, ...] = ()
    never_in: tuple[str, ...] = ()
    weight_of: str | None = None
    requires: str | None = None
    group: str | None = None
    tier: CostTier = CostTier.VARY
    costly_from: float | None = None
    restricted: bool = False
    multiplies_jobs: bool = False
    words_optional: bool = False

    @property
    def name(self) -> str:
        """The name it is called by."""
        return self.names[0]


_P, _K, _MORE = MidjourneyParameter, ValueKind, CostTier.UPSCALE
_PARAMETERS = (
    # Size, style and chance
    _P(names=("ar", "aspect"), kind=_K.RATIO),
    _P(names=("s", "stylize"), kind=_K.NUMBER, high=1000),
    _P(names=("c", "chaos"), kind=_K.NUMBER, high=100),
    _P(names=("w", "weird"), kind=_K.NUMBER, high=3000),
    _P(names=("exp",), kind=_K.NUMBER, high=100),
    _P(names=("raw",)),
    _P(names=("style",), kind=_K.CHOICE, choices=("raw", "cute", "expressive", "original", "scenic")),
    _P(names=("no",), kind=_K.ANY),
    _P(names=("seed",), kind=_K.NUMBER, high=4_294_967_295),
    _P(names=("tile",), never_in=("niji 7",)),
    _P(names=("stop",), kind=_K.NUMBER, low=10, high=100),
    _P(names=("p", "profile", "personalize"), kind=_K.ANY, optional=True),
    # References and their weights
    _P(names=("iw",), kind=_K.NUMBER, high=3, whole=False, weight_of=PICTURE),
    _P(names=("sref",), kind=_K.ANY),
    _P(names=("sw",), kind=_K.NUMBER, high=1000, weight_of="sref"),
    _P(names=("sv",), kind=_K.NUMBER, low=1, high=7, requires="sref"),
    _P(names=("oref",), kind=_K.LINK, only_in=("V7",), tier=_MORE),  # twice the GPU time
    _P(names=("ow",), kind=_K.NUMBER, low=1, high=1000, weight_of="oref"),
    _P(names=("cref",), kind=_K.LINK, only_in=("V6", "niji 6")),
    _P(names=("cw",), kind=_K.NUMBER, high=100, weight_of="cref"),
    _P(names=("edit",), kind=_K.ANY, optional=True),
    # Quality
    _P(
        names=("q", "quality"),
        kind=_K.CHOICE,
        choices=("1", "2", "4", "0.25", "0.5", ".25", ".5"),
        never_in=("V8",),
        tier=_MORE,
        costly_from=2,
    ),
    _P(names=("hd",), only_in=("V8",), tier=_MORE),  # 2048 pixels, up to 1.5 times the GPU time
    _P(names=("draft",), never_in=("V8",)),  # V8 has it on the web only
    # Modes of the account
    _P(names=("turbo",), group="speed", restricted=True, never_in=("V8",), tier=_MORE),  # twice the GPU time
    _P(names=("fast",), group="speed", restricted=True),
    _P(names=("relax",), group="speed", restricted=True),
    _P(names=("stealth",), group="visibility", restricted=True),
    _P(names=("public",), group="visibility", restricted=True),
    # Several jobs: https://docs.midjourney.com/hc/en-us/articles/32757107922061-Repeat
    _P(names=("repeat", "r"), kind=_K.NUMBER, low=2, high=MAX_REPEAT, multiplies_jobs=True),
    # Video: https://docs.midjourney.com/hc/en-us/articles/37460773864589-Video
    _P(
        names=("video",),
        kind=_K.NUMBER,
        low=1,
        high=1,
        optional=True,
        requires=PICTURE,
        tier=_MORE,
        words_optional=True,
    ),
    _P(names=("motion",), kind=_K.CHOICE, choices=("low", "high"), requires="video"),
    _P(names=("loop",), requires="video"),
    _P(names=("end",), kind=_K.ANY, requires="video"),
    _P(names=("bs",), kind=_K.CHOICE, choices=("1", "2", "4"), requires="video"),
    # Version
    _P(names=("v", "version"), kind=_K.CHOICE, choices=_V, group="version"),
    _P(names=("niji",), kind=_K.CHOICE, choices=_NIJI, optional=True, group="version"),
    # Custom Zoom: https://docs.midjourney.com/hc/en-us/articles/32595476770957-Zoom-Out
    _P(names=("zoom",), kind=_K.NUMBER, low=1, high=2, whole=False),
)
_BY_NAME = {name: parameter for parameter in _PARAMETERS for name in parameter.names}

NAMES = tuple(sorted(_BY_NAME, key=lambda name: (-len(name), name)))
"""All names, without `--`; the longest first."""


def parameter_for(name: str) -> MidjourneyParameter | None:
    """Return the parameter of a name or alias without `--`, in any case; `None` if it is not known."""
    return _BY_NAME.get(name.lower())


@lru_cache(maxsize=_TYPOS_CACHED)
def similar_name(name: str) -> str | None:
    """Return the known name that a misspelt one resembles most; `None` if it resembles none."""
    return next(iter(get_close_matches(name.lower()[:_LONGEST_TYPO], NAMES, n=1, cutoff=_CLOSE_ENOUGH)), None)


def version(name: str, value: str | None) -> str | None:
    """Return the version that `--v` or `--niji` selects, such as `V8.2` or `niji 7`; `None` if there is none such."""
    number = (value or (_NIJI[0] if name == "niji" else "")).removesuffix(".0")
    if name == "niji":
        return f"niji {number}" if number in _NIJI else None
    return f"V{number}" if number in _V else None


def family(of_version: str) -> str:
    """Return the family of a version, which takes the same parameters: `V8` of `V8.2`, `niji 7` of `niji 7`."""
    return of_version.partition(".")[0]
