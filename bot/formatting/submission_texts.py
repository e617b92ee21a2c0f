"""What a presser reads about a press: how it ended, or where in line it is."""

from bot.formatting.captions import why
from bot.models import Job, Submission, SubmissionState
from bot.text import plain

_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_LOOKING = (
    "useapi.net did not say whether Midjourney got {}. I'm looking for its job, for up to 3 minutes; please do not "
    "press again meanwhile."
)


def waits(submission: Submission, *, position: int, held: str | None) -> str:
    """A press that is kept: its place in line (from 1), and a sentence on what holds the line up, if anything.

    Without a place (0) it waits for what comes of another press of the same button, which was sent.
    """
    until = f", {_ordinal(position)} in line" if position else " until it is known what came of the press before it"
    return f"{held or ''} {_name(submission)} is kept{until}. `/jobs` takes it back.".strip()


def looked_for(submission: Submission) -> str:
    """A press whose answer was lost."""
    return _LOOKING.format(_name(submission))


def under_way(submission: Submission) -> str:
    """A press that became a job."""
    return f"{_name(submission)} is on its way. I'll post it here."


def used(submission: Submission, url: str, *, done: bool) -> str:
    """A press of a button that had made its job before; `url` is where that job stands, or ""."""
    before = f"{_name(submission)} was pressed before, so this cost nothing."
    if not url:
        return f"{before} I'll post it here."
    return f"{before} It stands here already: {url}" if done else f"{before} It is on its way: {url}"


def declined(submission: Submission) -> str:
    """A press that Midjourney refused, with its reasons: for the presser alone."""
    name, _, details = submission.error.partition("\n")
    return f"Midjourney declined this one.\n{why(Job(jobid='', error=name, error_details=details))}"


def ended(submission: Submission) -> str:
    """How a press ended, in words that anybody may read; nobody else learns why Midjourney declined one."""
    match submission.state:
        case SubmissionState.DECLINED:
            return f"Midjourney declined {_name(submission)}."
        case SubmissionState.REPEATED:
            return used(submission, "", done=False)
        case SubmissionState.ACCEPTED:
            return under_way(submission)
        case _:
            return submission.error


def _name(submission: Submission) -> str:
    return plain(submission.button, 100)


def _ordinal(position: int) -> str:
    return _PLACES[position - 1] if 0 < position <= len(_PLACES) else f"number {position}"
