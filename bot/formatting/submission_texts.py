"""Sentences about a submission, one for each state, and the notice that says them in the channel.

`submission.error` is shown as it is: it holds our own sentence, except in state `DECLINED`, where it holds Midjourney's
title and details, which only the presser may read.
"""

from bot.formatting.captions import Link, decline_reason, link, linkable
from bot.models import Job, Submission, SubmissionKind, SubmissionState
from bot.models.provider import WORDS
from bot.text import clip, plain

NOTICE_LIMIT = 1900
"""The content of a notice, mention included; below Discord's limit of 2,000."""


_TAKEN = "On it: "
_NAMES = {SubmissionKind.BLEND: "blend", SubmissionKind.DESCRIBE: "description"}
"""What a sentence calls a submission without a button and without a prompt."""


def taken(submission: Submission) -> str:
    """The first answer to the presser: it was stored."""
    return f"{_TAKEN}{_name_or_prompt(submission)}."


def is_taken(content: str) -> bool:
    """Whether an answer to a presser, as Discord shows it, says that the submission was taken."""
    return content.startswith(_TAKEN)


def running_limit(number: int) -> str:
    """Why a submission is not sent now: so many jobs of its member run already."""
    if number == 1:
        return "One of your jobs is running. Each member may have one at a time here."
    return f"{number} of your jobs are running, as many as each member may have at a time here."


def queued(submission: Submission, *, position: int, reason: str | None) -> str:
    """It waits for its turn: `position` counts from 1, `reason` is a sentence on why it is not sent now.

    Position 0: it waits for the outcome of an earlier submission of the same button, which was sent.
    """
    if position:
        name = _capitalized(_name_or_prompt(submission))
        sentence = f"{name} is queued ({_ordinal(position)}). Cancel it in `/jobs`."
    else:
        sentence = f"{_name(submission)} is waiting for the outcome of an earlier press. Cancel it in `/jobs`."
    return f"{reason} {sentence}" if reason else sentence


def unconfirmed(submission: Submission) -> str:
    """It was sent, the answer was lost, and its job is being reconciled."""
    title = WORDS[submission.provider].title
    again = "press" if submission.kind is SubmissionKind.BUTTON else "send"
    return (
        f"{title} did not confirm that Midjourney received {_name(submission)}. I'm checking for up to 3 minutes, "
        f"please don't {again} it again until then."
    )


def accepted(submission: Submission) -> str:
    """It became a job."""
    return f"{_first(submission)} is on its way. I'll post it here."


def repeated(submission: Submission, url: str | None, *, done: bool) -> str:
    """Its job had been made before; `url` is the jump link of that job's result, or of its card until `done`."""
    before = "already picked" if submission.kind is SubmissionKind.BUTTON else "already sent"
    known = f"{_first(submission)} was {before}, so this was free"
    if url is None:
        return f"{known}. I'll post it here."
    return f"{known}: {link('see it here' if done else 'follow it here', url)}"


def declined(submission: Submission) -> str:
    """Midjourney declined it, with the reasons: for its presser only."""
    title, _, details = submission.error.partition("\n")
    return f"Midjourney declined this one.\n{decline_reason(Job(jobid='', error=title, error_details=details))}"


def ended(submission: Submission) -> str:
    """How it ended, in words that everyone may read: Midjourney's reasons for declining it are left out."""
    match submission.state:
        case SubmissionState.DECLINED:
            return f"Midjourney declined {_name(submission)}."
        case SubmissionState.REPEATED:
            return repeated(submission, None, done=False)
        case SubmissionState.ACCEPTED:
            return accepted(submission)
        case _:
            return submission.error


def notice(submission: Submission, *, parent: Link | None, child_url: str | None) -> str:
    """How a submission ended, as a public message of two lines: a mention and the outcome, then the button or command.

    Of a prompt nothing is repeated: it may be why it was declined. `parent` is the job whose button was pressed,
    `child_url` the jump link of what that button had made before.
    """
    if submission.state is SubmissionState.REPEATED and child_url:
        outcome = repeated(submission, child_url, done=True)
    else:
        outcome = ended(submission)
    button = f"-# {plain(submission.button, 100) or command(submission)}"
    if parent is not None:
        name = plain(linkable(parent.text), 120) or "this picture"
        button += f" of {link(name, parent.url)}"
    return f"<@{submission.person.id}> {clip(outcome, NOTICE_LIMIT - len(button))}\n{button}"


def command(submission: Submission) -> str:
    """The command that a submission without a button came with."""
    return f"/{submission.kind}"


def _name(submission: Submission) -> str:
    """What a sentence that everyone may read calls it."""
    return plain(submission.button, 100) or f"your {_NAMES.get(submission.kind, 'prompt')}"


def _first(submission: Submission) -> str:
    """The same at the beginning of a sentence."""
    return _capitalized(_name(submission))


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _name_or_prompt(submission: Submission) -> str:
    """The same for its presser alone, who may have several."""
    if submission.kind in _NAMES:
        return f"your {_NAMES[submission.kind]}"
    return plain(submission.button, 100) or f"“{plain(submission.prompt, 60)}”"


def _ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st…"""
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
