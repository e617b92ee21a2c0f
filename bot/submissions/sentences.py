"""Sentences on how a submission ended without a job; `{provider}` is filled in by `bot.models.provider.worded`.

They are stored with the submission and may be posted in the channel, so they repeat nothing of a prompt.
"""

from bot.errors import BadRequest, JobOver, ProviderError
from bot.models import SubmissionKind

LOST = {
    SubmissionKind.BUTTON: (
        "{provider} gave no clear answer, and no job was found for this button. It may have been charged all the same. "
        "If its job turns up within a day, I'll post it here."
    ),
    SubmissionKind.IMAGINE: (
        "{provider} gave no clear answer, and no job was found for this prompt. It may have been charged, so it counts "
        "as spent. If its job turns up within a day, I'll post it here."
    ),
}
CANNOT_RECONCILE = (
    "{provider} gave no clear answer, and it can't be asked what became of this. It may have been charged, so I don't "
    "send it again. If its job turns up within a day, I'll post it here."
)
UNTRACKED = {
    SubmissionKind.BUTTON: (
        "{provider} lost track of this press. Midjourney may have made it and charged for it, but its job was not "
        "found. Please look there before you press again."
    ),
    SubmissionKind.IMAGINE: (
        "{provider} lost track of this prompt. Midjourney may have made it and charged for it, but its job was not "
        "found. Please look there before you send it again."
    ),
}
"""After a 504: the provider's own means that it cannot track the job, and that Midjourney will still process it."""
PERHAPS = {
    SubmissionKind.BUTTON: (
        "{provider} gave no clear answer. A job of this button was made at about that time{post}: it may be yours, and "
        "it may have been charged. Press the button again only if you want another one."
    ),
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
EXPIRED = {
    SubmissionKind.BUTTON: (
        "This was queued for a whole day, so I didn't send it. Press the button again if you still want it."
    ),
    SubmissionKind.IMAGINE: "This was queued for a whole day, so I didn't send it. Send it again if you still want it.",
}
NOT_SERVED = "I no longer work for this server, so I didn't send this."
SHUT_OUT = "You can't start anything here at the moment, so I didn't send this. `/jobs` says until when."
WITHDRAWN = {
    SubmissionKind.BUTTON: (
        "Discord didn't confirm my answer to this press, so I didn't send it, and nothing was charged. Press the "
        "button again if you still want it."
    ),
    SubmissionKind.IMAGINE: (
        "Discord didn't confirm my answer to this prompt, so I didn't send it, and nothing was charged. Send it again "
        "if you still want it."
    ),
}

_TOO_LONG = "This prompt is too long for Midjourney. Please shorten it and try again."
_REFUSED_BUTTONS = {
    400: "Midjourney no longer offers this button for this picture. `/job` shows the job as it is now.",
    412: "This button needs more than a press, and {provider} did not get it. `/job` shows the job as it is now.",
    413: _TOO_LONG,
}
_REFUSED_PROMPT = "{provider} did not accept this prompt, so nothing was sent to Midjourney. Please check it."
_NOT_OFFERED = "{provider} can't start jobs of prompts, so nothing was sent to Midjourney."


def refused(kind: SubmissionKind, error: ProviderError) -> str:
    """The sentence for an answer that certainly refuses a submission for good."""
    if kind is SubmissionKind.BUTTON:
        return _REFUSED_BUTTONS.get(error.code or 0, str(error))
    match error:
        case JobOver():  # it was asked for a job that it does not know, as if that were one
            return _NOT_OFFERED
        case BadRequest() if error.code == 413:
            return _TOO_LONG
        case BadRequest():
            return _REFUSED_PROMPT
        case _:
            return str(error)
