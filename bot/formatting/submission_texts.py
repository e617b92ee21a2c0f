"""What a presser reads about a press: how it ended, or where in line it is."""

from bot.formatting.captions import why
from bot.models.job import Job, Press, PressState
from bot.text import plain

_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_LOOKING = (
    "useapi.net did not say whether Midjourney got {}. I'm looking for its job, for up to 3 minutes; please do not "
    "press again meanwhile."
)


def waits(press: Press, *, position: int, held: str) -> str:
    """A press that is kept: its place in line (from 1), and a sentence on what holds the line up, or "".

    Without a place (0) it waits for what comes of another press of the same button, which was sent.
    """
    until = f", {_ordinal(position)} in line" if position else " until it is known what came of the press before it"
    return f"{held} {_name(press)} is kept{until}. `/jobs` takes it back.".strip()


def looked_for(press: Press) -> str:
    """A press whose answer was lost."""
    return _LOOKING.format(_name(press))


def under_way(press: Press) -> str:
    """A press that became a job."""
    return f"{_name(press)} is on its way. I'll post it here."


def used(press: Press, url: str, *, done: bool) -> str:
    """A press of a button that had made its job before; `url` is where that job stands, or ""."""
    before = f"{_name(press)} was pressed before, so this cost nothing."
    if not url:
        return f"{before} I'll post it here."
    return f"{before} It stands here already: {url}" if done else f"{before} It is on its way: {url}"


def declined(press: Press) -> str:
    """A press that Midjourney refused, with its reasons: for the presser alone."""
    name, _, details = press.trouble.partition("\n")
    return f"Midjourney declined this one.\n{why(Job(jobid='', error=name, error_details=details))}"


def ended(press: Press) -> str:
    """How a press ended, in words that anybody may read; nobody else learns why Midjourney declined one."""
    match press.state:
        case PressState.DECLINED:
            return f"Midjourney declined {_name(press)}."
        case PressState.USED:
            return used(press, "", done=False)
        case PressState.MADE:
            return under_way(press)
        case _:
            return press.trouble


def _name(press: Press) -> str:
    return plain(press.button, 100)


def _ordinal(position: int) -> str:
    return _PLACES[position - 1] if 0 < position <= len(_PLACES) else f"number {position}"
