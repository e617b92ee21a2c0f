"""What a job is, in Midjourney's words: clean, one line, not yet escaped."""

import re

from bot.models import ACCOUNT_VERBS, Job
from bot.models.midjourney_buttons import button_for
from bot.text import clean, clip

_VERBS = {
    "imagine": "Imagine",
    "blend": "Blend",
    "describe": "Describe",
    "seed": "Seed",
    "seed_async": "Seed",
    "info": "Info",
    "relax": "Relax mode",
    "fast": "Fast mode",
    "turbo": "Turbo mode",
    "variability": "Variability",
    "remix": "Remix mode",
}
_URL = re.compile(r"<?https?://\S+", re.IGNORECASE)
_BRACKETED_URL = re.compile(r"<(https?://[^\s<>]+)>", re.IGNORECASE)
_PARAMETERS = re.compile(r"(?:^|\s)(?:--|—)[a-z].*", re.IGNORECASE)  # phones turn -- into a dash
_ARTICLE = re.compile(r"^(?:an?|the)\s+", re.IGNORECASE)
_CLAUSE = re.compile(r".{8,}?(?=[,;.]\s|[，。；、]|::|$)")


def label(job: Job) -> str:
    """What was asked for: the label of the button that was pressed, else the command; at most 80 characters."""
    if job.verb == "button":
        pressed = clean(job.button)
        words = button_for(pressed).text or pressed or "Button"
    else:
        verb = clean(job.verb.replace("_", " "))
        words = _VERBS.get(job.verb) or verb[:1].upper() + verb[1:]
    return clip(words, 80) or "Job"


def prompt(job: Job) -> str:
    """The prompt with its parameters: as it was given, else as Midjourney repeats it between `**` and `**`."""
    if job.verb in ACCOUNT_VERBS:
        return ""
    given = job.prompt or _bold(job.content) or (_bold(job.seed.content) if job.seed else "")
    return _BRACKETED_URL.sub(r"\1", clean(given))


def _bold(content: str) -> str:
    """What stands between the first `**` and the `**` before ` - <@someone>`, so that a prompt may hold `**` too."""
    start = content.find("**") + 2
    end = content.rfind("** - ")
    if end < start:
        end = content.find("**", start)
    return content[start:end] if 2 <= start <= end else ""


def scene(job: Job) -> str:
    """The prompt without parameters and addresses: what can be read aloud."""
    return clean(_PARAMETERS.sub("", _URL.sub("", prompt(job))))


def pictures(job: Job) -> str:
    """How many pictures the job was given: "a picture", "3 pictures", or ""."""
    number = len(job.blend_urls) or len(_URL.findall(prompt(job)))
    if number == 1 or job.verb == "describe":
        return "a picture"
    return f"{number} pictures" if number else ""


def title(job: Job, limit: int = 60) -> str:
    """A short name: "castle in the fog" for "a castle in the fog, ink wash --ar 3:2", "3 pictures", or ""."""
    words = _ARTICLE.sub("", scene(job)) or pictures(job)
    if clause := _CLAUSE.match(words):
        words = clause[0]
    if len(words) <= limit:
        return words
    short = clip(words, limit)
    whole_words = short.rpartition(" ")[0].rstrip(" ,;.:-")
    return f"{whole_words}…" if len(whole_words) > limit // 2 else short
