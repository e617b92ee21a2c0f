"""Timelines of jobs: which percentage Midjourney shows how many seconds after the start.

The times were measured on a real account (v7, fast mode); all jobs of a kind share one timeline.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a job produces; it decides the timeline, the pictures and the buttons."""

    GRID = "grid"
    SINGLE = "single"
    UPSCALED = "upscaled"
    VIDEOS = "videos"
    VIDEO = "video"
    DESCRIBED = "described"
    SEED = "seed"
    ANSWER = "answer"


@dataclass(frozen=True, kw_only=True)
class Step:
    """From second `at` on the message shows `percent` (None: "Waiting to start"), with a preview picture or without."""

    at: float
    percent: int | None = None
    preview: bool = False


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The steps of a job, and the second at which it ends."""

    steps: tuple[Step, ...]
    end: float

    def step(self, elapsed: float) -> Step:
        """Return the step that the message shows after `elapsed` seconds."""
        return [self.steps[0], *(step for step in self.steps if step.at <= elapsed)][-1]

    def scaled_to(self, seconds: float) -> "Timeline":
        """Return this timeline stretched or compressed, so that it ends after `seconds`."""
        factor = seconds / self.end if self.end else 0.0
        steps = tuple(Step(at=step.at * factor, percent=step.percent, preview=step.preview) for step in self.steps)
        return Timeline(steps=steps, end=seconds)


def _timeline(end: float, preview_from: float, *steps: tuple[float, int]) -> Timeline:
    later = (Step(at=at, percent=percent, preview=at >= preview_from) for at, percent in steps)
    return Timeline(steps=(Step(at=0.0), *later), end=end)


IMAGINE = _timeline(26.7, 12.9, (6.4, 17), (9.1, 32), (12.9, 35), (15.5, 47), (20.0, 59), (23.0, 75))
VARY = _timeline(23.8, 12.0, (6.1, 17), (9.0, 32), (12.0, 35), (15.0, 47), (18.0, 63), (20.5, 75), (22.6, 95))
ZOOM = _timeline(27.0, 15.5, (9.1, 10), (12.5, 26), (15.5, 35), (19.0, 52), (23.0, 75))
PAN = _timeline(29.8, 18.0, (11.5, 10), (15.0, 26), (18.0, 35), (22.0, 52), (26.0, 75))
UPSCALE = _timeline(47.6, 13.5, (9.3, 0), (13.5, 0), (18.5, 15), (27.0, 37), (36.0, 58), (45.0, 78))
ANIMATE = _timeline(49.5, 24.5, (7.3, 0), (14.0, 17), (20.1, 35), (24.5, 35), (31.0, 52), (41.0, 83))
BLEND = _timeline(25.0, 12.0, (6.0, 17), (9.0, 32), (12.0, 35), (15.0, 47), (18.5, 59), (21.5, 75))
PICK = Timeline(steps=(Step(at=0.0),), end=0.6)
DESCRIBE = Timeline(steps=(Step(at=0.0),), end=13.0)
SEED = Timeline(steps=(Step(at=0.0),), end=8.0)
AT_ONCE = Timeline(steps=(Step(at=0.0),), end=0.0)

_VERBS = {
    "imagine": (Kind.GRID, IMAGINE),
    "blend": (Kind.GRID, BLEND),
    "describe": (Kind.DESCRIBED, DESCRIBE),
    "seed": (Kind.SEED, SEED),
    "seed_async": (Kind.SEED, SEED),
}
_PANS = ("⬅️", "➡️", "⬆️", "⬇️")


def timeline_of(verb: str, button: str | None = None, parent: Kind | None = None) -> tuple[Kind, Timeline]:
    """Return kind and timeline of a job; those of a pressed button depend on the kind of its parent too."""
    if verb != "button":
        return _VERBS.get(verb, (Kind.ANSWER, AT_ONCE))
    button = button or ""
    parent_is_video = parent in (Kind.VIDEOS, Kind.VIDEO)
    if button in ("U1", "U2", "U3", "U4"):
        return (Kind.VIDEO if parent_is_video else Kind.SINGLE), PICK
    if "Upscale" in button:
        return Kind.UPSCALED, UPSCALE
    if parent_is_video or button.startswith(("Animate", "Extend")):
        return Kind.VIDEOS, ANIMATE
    if "Zoom" in button or button == "Make Square":
        return Kind.GRID, ZOOM
    if button in _PANS:
        return Kind.GRID, PAN
    return Kind.GRID, IMAGINE if button == "🔄" else VARY


_ANIMATES = ("Animate (High motion)", "Animate (Low motion)")
_GRID = ("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4")
_BUTTONS: dict[Kind, tuple[str, ...]] = {
    Kind.GRID: _GRID,
    Kind.SINGLE: (
        *("Upscale (Subtle)", "Upscale (Creative)", "Vary (Subtle)", "Vary (Strong)", "Vary (Region)"),
        *("Zoom Out 2x", "Zoom Out 1.5x", "Custom Zoom", *_PANS, *_ANIMATES),
    ),
    Kind.UPSCALED: (
        *("Redo Upscale (Subtle)", "Redo Upscale (Creative)", "Vary (Subtle)", "Vary (Strong)", *_ANIMATES),
    ),
    Kind.VIDEOS: ("U1", "U2", "U3", "U4", "🔄"),
    Kind.VIDEO: ("Extend (High motion)", "Extend (Low motion)"),
}


def buttons_of(kind: Kind, *, square: bool = True) -> tuple[str, ...]:
    """Return the buttons of a finished job in Midjourney's order; only a single that is not square has Make Square."""
    buttons = _BUTTONS.get(kind, ())
    if kind is Kind.SINGLE and not square:
        at = buttons.index("Custom Zoom") + 1
        return (*buttons[:at], "Make Square", *buttons[at:])
    return buttons
