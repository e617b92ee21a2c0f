"""What the `failReason` of a task means: the status of its job, and title and text of the error.

Midjourney's own words come as "[Title] text" and are kept. The server's words are replaced by ours: those about its
connections hold addresses of its network.
"""

import re

from bot.models import Status
from bot.providers.midjourney_proxy.phrases import Meaning, is_chinese, meaning_of
from bot.providers.values import DESCRIPTION, TITLE, sanitize, text_of

FORM_NOT_SUBMITTED = ("Form not submitted", "The button opened a form for its prompt, which nobody submitted in time.")
"""The error of a task that waited too long for submit/modal."""

_TITLED = re.compile(r"\[([^\[\]]{1,200})\]\s*(.*)", re.DOTALL)
_MODERATED_TITLE = re.compile(r"banned|denied|filter|blocked", re.IGNORECASE)
_MODERATED = re.compile(r"moderat|sensitive", re.IGNORECASE)
_NO_TITLE_OF_MIDJOURNEYS = re.compile(r"internal server error", re.IGNORECASE)

_ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|\b[\w-]+(?:\.[\w-]+)*:[0-9]{2,5}\b")

_OWN_WORDS: dict[Meaning, tuple[str, str, str]] = {
    Meaning.CANCELLED: (Status.CANCELLED, "", ""),
    Meaning.BANNED_WORD: (Status.MODERATED, "Banned word", "The prompt may contain a word that is not allowed."),
    Meaning.TIMED_OUT: (Status.FAILED, "Timed out", "Midjourney did not finish it in the time that the server allows."),
    Meaning.ACCOUNT_OFF: (Status.FAILED, "Account not available", "The server's Midjourney account is not available."),
    Meaning.NO_ACCOUNT: (Status.FAILED, "Account not available", "The server's Midjourney account is not available."),
    Meaning.UPLOAD_FAILED: (Status.FAILED, "Upload failed", "The server could not pass on a picture."),
    Meaning.SERVER_ERROR: (Status.FAILED, "Server error", "Something went wrong on the server."),
    Meaning.NOT_REACHED: (Status.FAILED, "Midjourney not reached", "The server could not reach Midjourney."),
}
_UNKNOWN = (Status.FAILED, "Unknown error", "The server gave a reason that can't be shown here.")


def outcome_of(fail_reason: object) -> tuple[str, str, str]:
    """Return status, title and text for the reason of a task with the status FAILURE."""
    text = text_of(fail_reason, DESCRIPTION, lines=True)
    if not text:
        return Status.FAILED, "", ""
    titled = _TITLED.fullmatch(text)
    if titled and not is_chinese(text) and not _NO_TITLE_OF_MIDJOURNEYS.search(titled[1]):
        title, details = sanitize(titled[1], TITLE), sanitize(titled[2], DESCRIPTION, lines=True)
        moderated = _MODERATED_TITLE.search(title) or _MODERATED.search(text)
        return Status.MODERATED if moderated else Status.FAILED, title, details
    meaning = meaning_of(text)
    if meaning in _OWN_WORDS:
        return _OWN_WORDS[meaning]
    if is_chinese(text) or _ADDRESS.search(text):
        return _UNKNOWN
    return Status.MODERATED if _MODERATED.search(text) else Status.FAILED, sanitize(text, TITLE), ""
