"""Where a job's buttons stand: as Midjourney has them, with one place left for `⋯`."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec

from bot.text import clean, clip

ROW_LIMIT = 5
"""Discord's limit for the buttons in a row, and for the rows."""
LABEL_LIMIT = 80
"""Discord's limit for a button's label."""
FACES_LIMIT = ROW_LIMIT * ROW_LIMIT - 1
"""One place is the `⋯`'s."""

_EMOJI = {"🔄": "🔄", "⬅": "⬅️", "➡": "➡️", "⬆": "⬆️", "⬇": "⬇️"}  # an emoji that Discord does not know is a 400
_FAMILIES = [
    re.compile(pattern)
    for pattern in (
        r"U[1-4]|🔄|[1-4]\ufe0f?\u20e3",  # describe's 1️⃣ 2️⃣ 3️⃣ 4️⃣ 🔄 too
        r"V[1-4]",
        r"(Redo )?Upscale\b.*|Vary\b.*|Make Variations|Remaster",
        r"Zoom Out\b.*|Custom Zoom|Make Square",
        r"[⬅➡⬆⬇]\ufe0f?",
        r"(Animate|Extend)\b.*",
    )
]


class ButtonFace(msgspec.Struct, frozen=True, kw_only=True):
    """How a button looks; `index` is its place among the job's labels, where the unclipped label stands."""

    index: int
    label: str = ""
    emoji: str | None = None


Rows = list[list[ButtonFace]]


def rows(labels: Sequence[str]) -> tuple[tuple[ButtonFace, ...], ...]:
    """Lay a job's buttons out in rows of five at most, so that one more button fits into the last or a further row.

    Each family of buttons begins a row; where that needs too many rows, small families share one. Labels of unknown
    kind come last, and are the first to go when there are more than 24.
    """
    faces = _faces(labels)
    families = [
        row for _, family in groupby(faces, key=lambda face: _family(labels[face.index])) for row in _in_fives(family)
    ]
    layout = next(filter(_leaves_a_place, (families, _shared(families), _in_fives(faces))))
    return tuple(tuple(row) for row in layout)


def _in_fives(faces: Iterable[ButtonFace]) -> Rows:
    line = list(faces)
    return [line[start : start + ROW_LIMIT] for start in range(0, len(line), ROW_LIMIT)]


def _faces(labels: Sequence[str]) -> list[ButtonFace]:
    faces: dict[str, ButtonFace] = {}
    for index, label in enumerate(labels):
        words = clean(label)
        emoji = _EMOJI.get(words.replace("\ufe0f", ""))
        if words:
            face = (
                ButtonFace(index=index, emoji=emoji)
                if emoji
                else ButtonFace(index=index, label=clip(words, LABEL_LIMIT))
            )
            faces.setdefault(emoji or words, face)
    return sorted(faces.values(), key=lambda face: _family(labels[face.index]))[:FACES_LIMIT]


def _family(label: str) -> int:
    return next((place for place, family in enumerate(_FAMILIES) if family.fullmatch(clean(label))), len(_FAMILIES))


def _shared(families: Rows) -> Rows:
    shared: Rows = []
    for row in families:
        if shared and len(shared[-1]) + len(row) <= ROW_LIMIT:
            shared[-1] = shared[-1] + row
        else:
            shared.append(row)
    return shared


def _leaves_a_place(layout: Rows) -> bool:
    return len(layout) < ROW_LIMIT or (len(layout) == ROW_LIMIT and len(layout[-1]) < ROW_LIMIT)
