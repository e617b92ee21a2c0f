"""Midjourney's buttons in one table: cost, layout, prompt, duration class and text of each label.

Labels are an open set (https://useapi.net/docs/api-v2/post-jobs-button), so `button_for` also answers for a label that
is not in the table. A new button is one more entry of `_BUTTONS`.
"""

import re
from collections.abc import Collection
from enum import Enum, IntEnum, auto
from functools import lru_cache

import msgspec

from bot.models.submission import CostTier

CUSTOM_ZOOM = "Custom Zoom"
"""The one button that Midjourney refuses without a prompt; the prompt must hold `--zoom`."""

PICKS = ("U1", "U2", "U3", "U4")
"""The buttons that pick one of a grid's four pictures, in the order of the pictures."""

_LABELS_CACHED = 512


class ButtonRow(IntEnum):
    """The group that a button is laid out with; the groups below a post follow this order."""

    PICK = auto()
    VARIATION = auto()
    REWORK = auto()
    ZOOM = auto()
    PAN = auto()
    VIDEO = auto()
    OTHER = auto()


class PromptUse(Enum):
    """Whether a press sends a prompt."""

    NEVER = auto()
    WITH_REMIX = auto()
    """Optional; Midjourney uses it while remix mode is on."""
    ALWAYS = auto()


class MidjourneyButton(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a button.

    `duration_class` groups labels whose jobs take equally long; `None`: each label is a class of its own. A label that
    is only a sign has an `emoji`, which Discord shows in place of the label, and a `text`, its name in a sentence.
    A button that is not `offered` is neither shown nor accepted.
    """

    tier: CostTier
    row: ButtonRow
    prompt: PromptUse = PromptUse.NEVER
    duration_class: str | None = None
    emoji: str | None = None
    text: str | None = None
    offered: bool = True


def _pan(arrow: str, direction: str) -> MidjourneyButton:
    emoji = f"{arrow}\ufe0f"  # Discord refuses a button whose arrow lacks U+FE0F
    return MidjourneyButton(
        tier=CostTier.VARY,
        row=ButtonRow.PAN,
        prompt=PromptUse.WITH_REMIX,
        duration_class="Pan",
        emoji=emoji,
        text=f"Pan {direction} {emoji}",
    )


# Pattern of the whole label, without U+FE0F -> button. The first match counts: special cases stand above general ones.
_BUTTONS = {
    r"U[1-4]": MidjourneyButton(tier=CostTier.PICK, row=ButtonRow.PICK, duration_class="U"),
    r"🔄": MidjourneyButton(
        tier=CostTier.VARY, row=ButtonRow.PICK, prompt=PromptUse.WITH_REMIX, emoji="🔄", text="Re-roll 🔄"
    ),
    # Describe's 1️⃣ to 4️⃣ start a job of a prompt at once; ours open the form with it.
    r"[1-4]\u20e3": MidjourneyButton(tier=CostTier.UPSCALE, row=ButtonRow.PICK, offered=False),
    r"V[1-4]": MidjourneyButton(
        tier=CostTier.VARY, row=ButtonRow.VARIATION, prompt=PromptUse.WITH_REMIX, duration_class="V"
    ),
    r"(\w+ )?Upscale\b.*": MidjourneyButton(tier=CostTier.UPSCALE, row=ButtonRow.REWORK),
    r"Vary \((Subtle|Strong)\)": MidjourneyButton(
        tier=CostTier.VARY, row=ButtonRow.REWORK, prompt=PromptUse.WITH_REMIX, duration_class="Vary"
    ),
    r"Vary \(Region\)": MidjourneyButton(  # the API requires a mask, which a Discord form cannot take
        tier=CostTier.VARY, row=ButtonRow.REWORK, duration_class="Vary", offered=False
    ),
    r"Vary\b.*": MidjourneyButton(tier=CostTier.VARY, row=ButtonRow.REWORK, duration_class="Vary"),
    r"Make Variations|Remaster": MidjourneyButton(tier=CostTier.VARY, row=ButtonRow.REWORK),
    r"Zoom Out\b.*|Make Square": MidjourneyButton(tier=CostTier.VARY, row=ButtonRow.ZOOM, duration_class="Zoom Out"),
    CUSTOM_ZOOM: MidjourneyButton(
        tier=CostTier.VARY, row=ButtonRow.ZOOM, prompt=PromptUse.ALWAYS, duration_class="Zoom Out"
    ),
    r"⬅": _pan("⬅", "left"),
    r"➡": _pan("➡", "right"),
    r"⬆": _pan("⬆", "up"),
    r"⬇": _pan("⬇", "down"),
    r"Animate\b.*": MidjourneyButton(tier=CostTier.UPSCALE, row=ButtonRow.VIDEO, duration_class="Animate"),
    r"Extend\b.*": MidjourneyButton(tier=CostTier.UPSCALE, row=ButtonRow.VIDEO, duration_class="Extend"),
}
_PATTERNS = tuple((re.compile(pattern), button) for pattern, button in _BUTTONS.items())

_UNKNOWN = MidjourneyButton(tier=CostTier.UPSCALE, row=ButtonRow.OTHER)
_UNKNOWN_SIGN = MidjourneyButton(tier=CostTier.UPSCALE, row=ButtonRow.OTHER, offered=False)


@lru_cache(maxsize=_LABELS_CACHED)
def button_for(label: str) -> MidjourneyButton:
    """Return what is known about a button with this label; U+FE0F in it makes no difference.

    An unknown label has the highest tier, the last row and no prompt. An unknown sign without a word, such as the
    website's heart, is not offered.
    """
    bare = label.replace("\ufe0f", "")
    for pattern, button in _PATTERNS:
        if pattern.fullmatch(bare):
            return button
    return _UNKNOWN if re.search(r"\w", bare) else _UNKNOWN_SIGN


def same_button(label: str, other: str) -> bool:
    """Return whether two labels are the same button: case, spaces and U+FE0F make no difference."""
    return _bare(label) == _bare(other)


def _bare(label: str) -> str:
    return "".join(label.replace("\ufe0f", "").split()).casefold()


def is_grid(labels: Collection[str]) -> bool:
    """Whether a job with these buttons made a grid, of pictures or of videos."""
    return PICKS[0] in labels


def is_picture_grid(labels: Collection[str]) -> bool:
    """Whether a job with these buttons made four pictures in one file; a grid of videos has U1-U4 but no V1."""
    return {*PICKS, "V1"} <= set(labels)
