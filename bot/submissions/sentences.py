"""Sentences on how a submission ended without a job; `{provider}` is filled in by `bot.models.provider.worded`.

They are stored with the submission and may be posted in the channel, so they repeat nothing of a prompt.
"""

from bot.errors import BadRequest, JobOver, ProviderError
from bot.models import SubmissionKind

_STARTED_BY = {
    SubmissionKind.IMAGINE: "prompt",
    SubmissionKind.BLEND: "blend",
    SubmissionKind.DESCRIBE: "description",
}
"""What a sentence calls that which a command started."""


def _by_kind(*, button: str, command: str) -> dict[SubmissionKind, str]:
    """A sentence for a pressed button, and one for what each command starts, which is called `{it}` in it."""
    return {SubmissionKind.BUTTON: button} | {kind: command.replace("{it}", it) for kind, it in _STARTED_BY.items()}


LOST = _by_kind(
    button=(
        "{provider} gave no clear answer, and no job was found for this button. It may have been charged all the same. "
        "If its job turns up within a day, I'll post it here."
    ),
    command=(
        "{provider} gave no clear answer, and no job was found for this {it}. It may have been charged, so it counts "
        "as spent. If its job turns up within a day, I'll post it here."
    ),
)
CANNOT_RECONCILE = (
    "{provider} gave no clear answer, and it can't be asked what became of this. It may have been charged, so I don't "
    "send it again. If its job turns up within a day, I'll post it here."
)
UNTRACKED = _by_kind(
    button=(
        "{provider} lost track of this press. Midjourney may have made it and charged for it, but its job was not "
        "found. Please look there before you press again."
    ),
    command=(
        "{provider} lost track of this {it}. Midjourney may have made it and charged for it, but its job was not "
        "found. Please look there before you send it again."
    ),
)
"""After a 504: the provider's own means that it cannot track the job, and that Midjourney will still process it."""
PERHAPS = _by_kind(
    button=(
        "{provider} gave no clear answer. A job of this button was made at about that time{post}: it may be yours, and "
        "it may have been charged. Press the button again only if you want another one."
    ),
    command=(
        "{provider} gave no clear answer. A {it} was started at about that time{post}: it may be yours, and it may "
        "have been charged. Send it again only if you want another one."
    ),
) | {
    SubmissionKind.IMAGINE: (
        "{provider} gave no clear answer. A job of this prompt was made at about that time{post}: it may be yours, and "
        "it may have been charged. Send the prompt again only if you want another one."
    ),
}
"""`{post}` is where the key of that job goes."""
PERHAPS_PICKED = (
    "This was pressed before, and {provider} gave no clear answer to that. It may have been charged, so I don't send "
    "it again for a day. If its job turns up, I'll post it here."
)
TOO_MANY = "You already have {} queued. Wait until one of them is sent, or cancel one in `/jobs`."
NOT_QUEUED = "{reason} Nothing is queued here, so this was not sent, and nothing was charged. Please try again later."
"""Where no submission may be queued; `{reason}` is that of the queue's pause."""
EXPIRED = _by_kind(
    button="This was queued for a whole day, so I didn't send it. Press the button again if you still want it.",
    command="This was queued for a whole day, so I didn't send it. Send it again if you still want it.",
)
LINK_EXPIRED = (
    "The link to its picture expired while this was queued, so I didn't send it, and nothing was charged. Attach the "
    "picture again if you still want it."
)
NOT_SERVED = "I no longer work for this server, so I didn't send this."
SHUT_OUT = "You can't start anything here at the moment, so I didn't send this. `/jobs` says until when."
WITHDRAWN = _by_kind(
    button=(
        "Discord didn't confirm my answer to this press, so I didn't send it, and nothing was charged. Press the "
        "button again if you still want it."
    ),
    command=(
        "Discord didn't confirm my answer to this {it}, so I didn't send it, and nothing was charged. Send it again "
        "if you still want it."
    ),
)

_TOO_LONG = "This prompt is too long for Midjourney. Please shorten it and try again."
_REFUSED_BUTTONS = {
    400: "Midjourney no longer offers this button for this picture. `/job` shows the job as it is now.",
    412: "This button needs more than a press, and {provider} did not get it. `/job` shows the job as it is now.",
    413: _TOO_LONG,
}
_REFUSED_PROMPT = "{provider} did not accept this prompt, so nothing was sent to Midjourney. Please check it."
_REFUSED_PICTURES = (
    "{provider} did not accept this, so nothing was sent to Midjourney. The picture may have been deleted meanwhile. "
    "Attach it again if it still exists."
)
_TOO_LARGE = (
    "{provider} takes only smaller pictures, so nothing was sent to Midjourney. Make them smaller and try again."
)
_NOT_OFFERED = {
    SubmissionKind.IMAGINE: "{provider} can't start jobs of prompts, so nothing was sent to Midjourney.",
    SubmissionKind.BLEND: "{provider} can't blend pictures, so nothing was sent to Midjourney.",
    SubmissionKind.DESCRIBE: "{provider} can't describe pictures, so nothing was sent to Midjourney.",
}


def refused(kind: SubmissionKind, error: ProviderError) -> str:
    """The sentence for an answer that certainly refuses a submission for good."""
    if kind is SubmissionKind.BUTTON:
        return _REFUSED_BUTTONS.get(error.code or 0, str(error))
    match error:
        case JobOver():  # it was asked for a job that it does not know, as if that were one
            return _NOT_OFFERED[kind]
        case BadRequest() if error.code == 413:
            return _TOO_LONG if kind is SubmissionKind.IMAGINE else _TOO_LARGE
        case BadRequest():
            return _REFUSED_PROMPT if kind is SubmissionKind.IMAGINE else _REFUSED_PICTURES
        case _:
            return str(error)
