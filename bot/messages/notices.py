"""The words of notices: what became of a press, where everybody can read it."""

from bot import formatting
from bot.formatting import Link
from bot.models.job import Press, PressState
from bot.text import clip

_LIMIT = 1900


def notice(press: Press, *, parent: Link | None, child: str) -> str:
    """Two lines: the presser and what became of the press, then the button, and the way to its picture.

    `child` is the address of what the button had made before, or "".
    """
    told = (
        formatting.used(press, child, done=True)
        if press.state is PressState.USED and child
        else formatting.ended(press)
    )
    pressed = f"-# {formatting.plain(press.button, 100)}"
    if parent is not None:
        pressed += f" of {formatting.link(formatting.plain(formatting.linkable(parent.text), 120) or 'this picture', parent.url)}"
    return f"<@{press.person.id}> {clip(told, _LIMIT - len(pressed))}\n{pressed}"
