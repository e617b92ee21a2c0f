"""The buttons of a task: their labels, their custom ids, and what to send to servers that give no buttons.

A custom id says what its button does: `MJ::JOB::upsample::2::<uuid>` is U2. Labels may be missing, where Midjourney's
button has only a sign, and identify a button of a `Job` only because they are made unique here.
"""

import re
from typing import NamedTuple

from bot.models.midjourney_buttons import PICKS
from bot.providers.values import LABEL, Fields, each_object, exact_text, newest, text_of

CUSTOM_ID = 200  # the longest known has about 85 characters; Discord allows 100
GRID = (*PICKS, "🔄", "V1", "V2", "V3", "V4")
"""The buttons of a grid, in Midjourney's order."""

OWN_FORMS = ("MJ::CustomZoom::", "MJ::Inpaint::")
"""The buttons that open a form without remix mode, too."""

_NOT_PRESSABLE = ("MJ::BOOKMARK", "MJ::Job::PromptAnalyzer", "MJ::JOB::Rating")
"""What trueai and new-api answer with "unknown action": hearts, ratings, and the words of shorten."""

_LABELS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(f"MJ::{pattern}", re.IGNORECASE), label)
    for pattern, label in {
        r"JOB::(?:upsample|video_virtual_upscale)::([1-4])\b": r"U\1",
        r"JOB::variation::([1-4])\b": r"V\1",
        r"JOB::reroll::": "🔄",
        r"JOB::high_variation::": "Vary (Strong)",
        r"JOB::low_variation::": "Vary (Subtle)",
        r"JOB::upsample_\w*subtle": "Upscale (Subtle)",
        r"JOB::upsample_\w*creative": "Upscale (Creative)",
        r"JOB::upsample_\w*?([24])x\b": r"Upscale (\1x)",
        r"JOB::upsample_": "Upscale",
        r"JOB::pan_left::": "⬅️",
        r"JOB::pan_right::": "➡️",
        r"JOB::pan_up::": "⬆️",
        r"JOB::pan_down::": "⬇️",
        r"JOB::animate_high_extend": "Extend (High motion)",
        r"JOB::animate_low_extend": "Extend (Low motion)",
        r"JOB::animate_high": "Animate (High motion)",
        r"JOB::animate_low": "Animate (Low motion)",
        r"Outpaint::100::": "Make Square",
        r"Outpaint::75::": "Zoom Out 1.5x",
        r"Outpaint::": "Zoom Out 2x",
        r"CustomZoom::": "Custom Zoom",
        r"Inpaint::": "Vary (Region)",
        r"Job::PicReader::([1-4])\b": "\\1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}",
        r"Picread::Retry": "🔄",
    }.items()
)
"""The beginning of a custom id → the label of its button; the first that matches counts."""

_CHANGES = re.compile(r"([UV])([1-4])|🔄")
_CHANGE_DESCRIPTION = re.compile(r"/up ([0-9A-Za-z_-]{1,64}) (?:([UV][1-4])|R)")
_ACTION_DESCRIPTION = re.compile(r"/action (MJ::\S+)")
_MAKES_GRID = re.compile(r"V[1-4]|🔄|Vary .*|Zoom Out .*|Custom Zoom|Make Square|[⬅➡⬆⬇]\ufe0f?")


class Button(NamedTuple):
    """A button, by its label and the provider's id."""

    label: str
    custom_id: str


class Change(NamedTuple):
    """A press for submit/change: UPSCALE or VARIATION of picture `number` (1-4), or REROLL."""

    action: str
    number: int | None


def buttons_in(value: object) -> tuple[Button, ...]:
    """Return the buttons that can be pressed; labels that are not unique are numbered."""
    buttons: dict[str, Button] = {}
    labels: set[str] = set()
    for label, custom_id in each_object(newest(value), _button):
        if custom_id not in buttons:
            unique = _unique(label, labels)
            labels.add(unique)
            buttons[custom_id] = Button(unique, custom_id)
    return tuple(buttons.values())


def label_of(custom_id: str) -> str:
    """Return the label of the button with this custom id; empty for an unknown kind."""
    for pattern, label in _LABELS:
        if match := pattern.match(custom_id):
            return match.expand(label)
    return ""


def change_of(label: str) -> Change | None:
    """Return what submit/change takes for a button of a grid; `None` for any other button."""
    match = _CHANGES.fullmatch(label)
    if match is None:
        return None
    return Change("UPSCALE" if match[1] == "U" else "VARIATION", int(match[2])) if match[1] else Change("REROLL", None)


def described_press(description: str) -> tuple[str, str]:
    """Return parent and button of a press, as far as "/up <parent> U2" or "/action <custom id>" says."""
    if match := _CHANGE_DESCRIPTION.fullmatch(description):
        return match[1], match[2] or "🔄"
    match = _ACTION_DESCRIPTION.fullmatch(description)
    return ("", label_of(match[1])) if match else ("", "")


def makes_grid(label: str) -> bool:
    """Whether a button makes four pictures."""
    return _MAKES_GRID.fullmatch(label) is not None


def _button(fields: Fields) -> Button | None:
    custom_id = exact_text(fields.get("customId"), CUSTOM_ID)
    if not custom_id or custom_id.startswith(_NOT_PRESSABLE):
        return None
    label = text_of(fields.get("label"), LABEL) or label_of(custom_id) or _sign(fields.get("emoji"))
    return Button(label, custom_id) if label else None


def _sign(emoji: object) -> str:
    """Return a button's emoji: the port gives an object with its name."""
    return text_of(emoji.get("name") if isinstance(emoji, dict) else emoji, LABEL)


def _unique(label: str, labels: set[str]) -> str:
    unique, number = label, 1
    while unique in labels:
        number += 1
        unique = f"{label[: LABEL - 8]} ({number})"
    return unique
