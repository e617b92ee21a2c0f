"""Lays out a job's buttons as Midjourney does, with room left for `⋯`."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec

from bot.models.midjourney_buttons import ButtonRow, button_for
from bot.text import clean, clip

ROW_LIMIT = 5
"""Discord's limit for the buttons in a row, and for the rows."""
LABEL_LIMIT = 80
"""Discord's limit for a button's label."""
FACES_LIMIT = ROW_LIMIT * ROW_LIMIT - 1
"""Discord's limit for the buttons of a message, less one for `⋯`."""


class ButtonFace(msgspec.Struct, frozen=True, kw_only=True):
    """How a button looks: a clipped label or an emoji. `index` counts in the job's labels, which are not clipped."""

    index: int
    label: str = ""
    emoji: str | None = None


Rows = list[list[ButtonFace]]


def button_rows(labels: Sequence[str]) -> tuple[tuple[ButtonFace, ...], ...]:
    """Lay a job's buttons out in rows of five at most, so that one more button fits into the last or a further row.

    Each group of buttons begins a row; where that needs too many rows, small groups share one. Unknown labels come
    last, and are the first to be left out when there are more than 24.
    """
    faces = _faces(labels)
    layout = [
        row for _, group in groupby(faces, key=lambda face: _group(labels[face.index])) for row in _in_fives(group)
    ]
    if not _has_room(layout):
        layout = _shared(layout)
    if not _has_room(layout):
        layout = _in_fives(faces)
    return tuple(tuple(row) for row in layout)


def _in_fives(faces: Iterable[ButtonFace]) -> Rows:
    listed = list(faces)
    return [listed[start : start + ROW_LIMIT] for start in range(0, len(listed), ROW_LIMIT)]


def _faces(labels: Sequence[str]) -> list[ButtonFace]:
    faces: dict[str, ButtonFace] = {}
    for index, label in enumerate(labels):
        text = clean(label)
        if not text:
            continue
        if emoji := button_for(text).emoji:
            faces.setdefault(emoji, ButtonFace(index=index, emoji=emoji))
        else:
            faces.setdefault(text, ButtonFace(index=index, label=clip(text, LABEL_LIMIT)))
    return sorted(faces.values(), key=lambda face: _group(labels[face.index]))[:FACES_LIMIT]


def _group(label: str) -> ButtonRow:
    return button_for(clean(label)).row


def _shared(rows: Rows) -> Rows:
    """Put neighbouring rows together as long as they fit into one."""
    shared: Rows = []
    for row in rows:
        if shared and len(shared[-1]) + len(row) <= ROW_LIMIT:
            shared[-1] = shared[-1] + row
        else:
            shared.append(row)
    return shared


def _has_room(layout: Rows) -> bool:
    """Whether one more button fits, into the last row or a further one."""
    return len(layout) < ROW_LIMIT or (len(layout) == ROW_LIMIT and len(layout[-1]) < ROW_LIMIT)
