"""Texts about a job that are no embed, each within the limit of its place at Discord."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import timedelta

from bot.formatting.labels import label, scene, title
from bot.formatting.status_text import ENDINGS, duration, state
from bot.models import SEED_VERBS, Job, Status
from bot.models.midjourney_buttons import is_grid
from bot.text import clean, clip, plain

CHOICE_LIMIT = 100
"""The name of an autocomplete choice."""
CONTENT_LIMIT = 2000
"""The content of a message."""
ALT_TEXT_LIMIT = 1024
"""The description of an attachment."""
MENTIONS_LIMIT = 100
"""The user ids that `allowed_mentions` may name."""
LINK_LIMIT = 512
"""Discord allows more; ours are jump links, so whatever is longer is a mistake."""

_JOBID = re.compile(r"\bj(?:ob:)?\d{10}\S*?-bot:\w+")
_PERSON = re.compile(r"<@!?\d+>")
_WEB = re.compile(r"https?://[\w.-]+(?::\d+)?(?:/[\w.~!$&*+,;=:@%/?#-]*)?", re.ASCII)


def tag(key: str) -> str:
    """The job's key as people see it: `#4K7Q`."""
    return clip("#" + clean(key).lstrip("#"), 16) if clean(key) else ""


def choice(job: Job, key: str) -> str:
    """A line of the autocomplete: "V2 · castle in the fog · 47 %"; a job without words goes by its key."""
    head, tail = clip(label(job), 30), state(job)
    words = "" if job.status == Status.MODERATED else title(job, CHOICE_LIMIT - len(head) - len(tail) - 6)
    return clip(" · ".join(filter(None, (head, words or tag(key), tail))), CHOICE_LIMIT)


def link(text: str, url: str | None) -> str:
    """`text` (our own, or escaped) as a masked link; without a usable address the text alone."""
    return f"[{text}]({url})" if url and len(url) <= LINK_LIMIT and _WEB.fullmatch(url) else text


def linkable(text: str) -> str:
    """Text for a masked link: Discord shows none whose text holds an emoji, and counts brackets, escaped ones too."""
    kept = "".join(char for char in text if unicodedata.category(char) not in {"So", "Sk"} and char != "\ufe0f")
    return kept.replace("[", "(").replace("]", ")")


def finished_card(job: Job, *, took: timedelta | None, url: str | None) -> str:
    """The line that a card shrinks to: `-# ✓ V2 · castle in the fog, 52 s → [picture](jump)`.

    `url` is the jump link of the result. A declined prompt is not repeated.
    """
    ending = ENDINGS.get(job.status)
    words = "" if job.status == Status.MODERATED else title(job)
    named = " · ".join(filter(None, (plain(label(job), 100), plain(words, 120))))
    if ending:
        time = f" after {duration(took)}" if took else ""
        line = f"-# {ending.sign} {named}, {ending.word}{time}"
    else:
        line = f"-# ✓ {named}" + (f", {duration(took)}" if took else "")
    return f"{line} → {link(outcome(job), url)}" if url else line


def outcome(job: Job) -> str:
    """What a link to the result of a job that is over leads to: "picture", "prompts", "seed"; "details" without one."""
    if job.status in ENDINGS:
        return "details"
    if job.verb == "describe":
        return "prompts"
    return "seed" if job.verb in SEED_VERBS else "picture"


def mentions(user_ids: Sequence[int]) -> str:
    """The line that calls people: `<@1> <@2> and 3 more`; each once and whole, as many as Discord lets one name."""
    people = [f"<@{user_id}>" for user_id in dict.fromkeys(user_ids)]
    room = CONTENT_LIMIT - len(f" and {len(people)} more")
    called: list[str] = []
    for person in people[:MENTIONS_LIMIT]:
        room -= len(person) + 1
        if room < 0:
            break
        called.append(person)
    left = len(people) - len(called)
    return " ".join(called) + (f" and {left} more" if left else "")


def reason(job: Job, text: str, limit: int) -> str:
    """Midjourney's words about a job, escaped, without the ids of jobs and people: they name who pays."""
    for jobid in (job.jobid, job.parent_jobid):
        text = text.replace(jobid, "this job") if len(jobid) > 20 else text
    return plain(_PERSON.sub("someone", _JOBID.sub("this job", text)), limit)


def why(job: Job) -> str:
    """What Midjourney said about its refusal, escaped, at most 1,900 characters: for the asker alone."""
    name = reason(job, job.error, 200)
    details = (reason(job, line, 1600) for line in job.error_details.splitlines())
    told = "\n".join(filter(None, (f"**{name}**" if name else "", *details)))
    return clip(told, 1900) or "Midjourney gave no reason."


def alt_text(job: Job, *, part: int | None = None) -> str:
    """What the picture shows, for those who do not see it; `part` is the number of one picture of four."""
    made = "Four pictures made with Midjourney" if is_grid(job.buttons) else "Picture made with Midjourney"
    if part is not None:
        made = f"Picture {part} of four made with Midjourney"
    if job.verb == "describe":
        made = "The picture that Midjourney described"
    words = "" if job.status == Status.MODERATED else scene(job)
    return clip(f"{made}: {words}" if words else made, ALT_TEXT_LIMIT)


def file_name(job: Job, key: str, extension: str) -> str:
    """A name that every system takes, at most 80 characters of ASCII: "v2-castle-in-the-fog-4k7q.webp"."""
    parts = (_slug(label(job), 20) or "job", _slug(title(job), 36), _slug(key, 12))
    return "-".join(filter(None, parts)) + "." + (_slug(extension, 5) or "webp")


def _slug(text: str, limit: int) -> str:
    plain_letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain_letters).strip("-")
    if len(slug) <= limit:
        return slug
    return slug[: limit + 1].rpartition("-")[0] or slug[:limit]
