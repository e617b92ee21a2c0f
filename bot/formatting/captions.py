"""Texts about a job outside of embeds, each within the limit of the Discord field it is for."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from bot.formatting.labels import is_video, label, scene, title
from bot.formatting.status_text import duration, ending, rough_duration, state
from bot.models import SEED_VERBS, Job, Status
from bot.models.midjourney_buttons import is_grid
from bot.text import clean, clip, escape, isolate, plain, without_isolates

CHOICE_LIMIT = 100
"""The name of an autocomplete choice."""
CONTENT_LIMIT = 2000
"""The content of a message."""
ALT_TEXT_LIMIT = 1024
"""The description of an attachment."""
MENTIONS_LIMIT = 100
"""The user ids that `allowed_mentions` may name."""
LINK_LIMIT = 512
"""Discord allows more, but only jump links and picture links are shown, which are shorter."""

_EXCERPT = 110  # characters of a prompt that was found
_JOBID = re.compile(r"\bj(?:ob:)?\d{10}\S*?-bot:\w+")
_MENTION = re.compile(r"<@!?\d+>")
MASKED_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
TIMESTAMP = re.compile(r"(<t:\d{1,13}(?::[tTdDfFR])?>)")
"""Discord's, which can only show a time: https://discord.com/developers/docs/reference#message-formatting"""
_TIMESTAMP_OR_CODE = re.compile(rf"({TIMESTAMP.pattern[1:-1]}|`[^`@]{{1,98}}`)")
_WEB_ADDRESS = re.compile(r"https?://[\w.-]+(?::\d+)?(?:/[\w.~!$&*+,;=:@%/?#-]*)?", re.ASCII)


class Link(msgspec.Struct, frozen=True):
    """A job as others refer to it: an untrusted text, its title, and the jump link of its post, where there is one."""

    text: str
    url: str | None = None


def tag(key: str) -> str:
    """The job's key as people see it: `#4K7Q`."""
    return clip("#" + clean(key).lstrip("#"), 16) if clean(key) else ""


def choice(job: Job, key: str, *, age: timedelta | None = None) -> str:
    """The name of a choice: "V2 · castle in the fog · 47% · #4K7Q · 5 min ago". A declined prompt is not repeated."""
    head = clip(label(job), 30)
    tail = " · ".join(filter(None, (state(job), tag(key), None if age is None else f"{rough_duration(age)} ago")))
    words = "" if job.status == Status.MODERATED else title(job, CHOICE_LIMIT - len(head) - len(tail) - 10)
    return clip(" · ".join(filter(None, (isolate(head), isolate(words), tail))), CHOICE_LIMIT)


def summary(job: Job) -> str:
    """Label, title and state of a job for a message, where Markdown is escaped; at most 130 characters."""
    words = "" if job.status == Status.MODERATED else title(job)
    return " · ".join(filter(None, (plain(label(job), 30), plain(words, 80), state(job))))


def found(job: Job, words: str) -> str:
    """Label, prompt and state of a job that was found by these words, escaped; at most 200 characters.

    A long prompt is cut so that the first of the words that is in it can be read.
    """
    text = "" if job.status == Status.MODERATED else scene(job)
    folded = text.casefold()
    starts = [folded.find(word.strip('"*')) for word in words.casefold().split()]
    start = min((start for start in starts if start >= 0), default=0)
    if len(text) > _EXCERPT and start > _EXCERPT // 2:
        text = "…" + text[max(text.rfind(" ", 0, start - _EXCERPT // 4), 0) :].lstrip()
    return " · ".join(filter(None, (plain(label(job), 30), plain(text, _EXCERPT), state(job))))


def link(text: str, url: str | None) -> str:
    """`text` (our own, or from `plain`) as a masked link; without a usable address the text alone."""
    if not url or len(url) > LINK_LIMIT or not _WEB_ADDRESS.fullmatch(url):
        return text
    return isolate(f"[{without_isolates(text)}]({url})")


def linkable(text: str) -> str:
    """The text without what breaks a masked link at Discord: emoji, and brackets, which count even when escaped."""
    kept = "".join(char for char in text if unicodedata.category(char) not in {"So", "Sk"} and char != "\ufe0f")
    return kept.replace("[", "(").replace("]", ")")


def finished_line(job: Job, *, took: timedelta | None) -> str:
    """How a job ended, in one line: `-# ✓ V2 · castle in the fog, 52 s`. A declined prompt is not repeated."""
    words = "" if job.status == Status.MODERATED else title(job)
    name = " · ".join(filter(None, (plain(label(job), 100), plain(words, 120))))
    if end := ending(job):
        time = f" after {duration(took)}" if took else ""
        return f"-# {end.sign} {name}, {end.word}{time}"
    return f"-# ✓ {name}" + (f", {duration(took)}" if took else "")


def outcome(job: Job) -> str:
    """The text of a link to a finished job's post: what it brought, such as "picture", or "details" for nothing."""
    if ending(job):
        return "details"
    if job.verb == "describe":
        return "prompts"
    if job.verb in SEED_VERBS:
        return "seed"
    return "video" if is_video(job) else "picture"


def mentions(user_ids: Sequence[int]) -> str:
    """`<@1> <@2> and 3 more`: each member once, and as many as one message may mention."""
    people = [f"<@{user_id}>" for user_id in dict.fromkeys(user_ids)]
    room = CONTENT_LIMIT - len(f" and {len(people)} more")
    mentioned: list[str] = []
    for person in people[:MENTIONS_LIMIT]:
        room -= len(person) + 1
        if room < 0:
            break
        mentioned.append(person)
    left = len(people) - len(mentioned)
    return " ".join(mentioned) + (f" and {left} more" if left else "")


def reason(job: Job, text: str, limit: int) -> str:
    """Midjourney's text about a job, escaped, without job ids and mentions, which identify the account's owner."""
    return plain(_without_ids(job, text), limit)


def _without_ids(job: Job, text: str) -> str:
    for jobid in (job.jobid, job.parent_jobid):
        text = text.replace(jobid, "this job") if len(jobid) > 20 else text
    return _MENTION.sub("someone", _JOBID.sub("this job", text))


def has_decline_reason(job: Job) -> bool:
    """Whether Midjourney said more about a declined or failed job than its public result shows."""
    return job.status == Status.MODERATED or (job.status == Status.FAILED and bool(clean(job.error_details)))


def decline_reason(job: Job) -> str:
    """Midjourney's reason for declining or failing a job, at most 1,900 characters: for its requester only.

    It reads as Midjourney's own message does in Discord: timestamps and inline code stay active.
    """
    name = reason(job, job.error, 200)
    details = (_detail(job, line) for line in job.error_details.splitlines())
    text = "\n".join(filter(None, (f"**{name}**" if name else "", *details)))
    return clip(text, 1900) or "Midjourney gave no reason."


def _detail(job: Job, line: str) -> str:
    text = MASKED_LINK.sub(r"\1", clean(_without_ids(job, line)))
    return clip(escape(text, keep=_TIMESTAMP_OR_CODE), 1600)


def alt_text(job: Job, *, part: int | None = None) -> str:
    """The description of a job's picture for screen readers; `part` is the number of one picture of four, from 1."""
    one, four = ("Video", "Four videos") if is_video(job) else ("Picture", "Four pictures")
    what = f"{four if is_grid(job.buttons) or job.separate_pictures else one} made with Midjourney"
    if part is not None:
        what = f"Picture {part} of four made with Midjourney"
    if job.verb == "describe":
        what = "The picture that Midjourney described"
    words = "" if job.status == Status.MODERATED else scene(job)
    return clip(f"{what}: {words}" if words else what, ALT_TEXT_LIMIT)


def file_name(job: Job, key: str, extension: str) -> str:
    """A portable file name, at most 80 ASCII characters: "v2-castle-in-the-fog-4k7q.webp"."""
    parts = (_slug(label(job), 20) or "job", _slug(title(job), 36), _slug(key, 12))
    return "-".join(filter(None, parts)) + "." + (_slug(extension, 5) or "webp")


def _slug(text: str, limit: int) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")
    if len(slug) <= limit:
        return slug
    return slug[: limit + 1].rpartition("-")[0] or slug[:limit]
