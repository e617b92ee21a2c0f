"""The words of notices: what became of a press, where everybody can read it."""

from bot import formatting
from bot.formatting import Link
from bot.models import Submission, SubmissionState
from bot.text import clip

_LIMIT = 1900


def notice(submission: Submission, *, parent: Link | None, child: str) -> str:
    """Two lines: the presser and what became of the press, then the button, and the way to its picture.

    `child` is the address of what the button had made before, or "".
    """
    told = (
        formatting.used(submission, child, done=True)
        if submission.state is SubmissionState.REPEATED and child
        else formatting.ended(submission)
    )
    pressed = f"-# {formatting.plain(submission.button, 100)}"
    if parent is not None:
        name = formatting.plain(formatting.linkable(parent.text), 120) or "this picture"
        pressed += f" of {formatting.link(name, parent.url)}"
    return f"<@{submission.person.id}> {clip(told, _LIMIT - len(pressed))}\n{pressed}"
