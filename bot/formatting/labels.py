"""A job's name, prompt and title: clean, one line, not yet escaped."""

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
    """The name of a job: the label of the pressed button, else the command; at most 80 characters."""
    if job.verb == "button":
        button = clean(job.button)
        name = button_for(button).text or button or "Button"
    else:
        verb = clean(job.verb.replace("_", " "))
        name = _VERBS.get(job.verb) or verb[:1].upper() + verb[1:]
    return clip(name, 80) or "Job"


def prompt(job: Job) -> str:
    """The prompt with its parameters: as submitted, else as Midjourney repeats it between `**` and `**`."""
    if job.verb in ACCOUNT_VERBS:
        return ""
    text = job.prompt or _bold(job.content) or (_bold(job.seed.content) if job.seed else "")
    return _BRACKETED_URL.sub(r"\1", clean(text))


def _bold(content: str) -> str:
    """The text between the first `**` and the `**` before ` - <@someone>`; a prompt may itself hold `**`."""
    start = content.find("**") + 2
    end = content.rfind("** - ")
    if end < start:
        end = content.find("**", start)
    return content[start:end] if 2 <= start <= end else ""


def scene(job: Job) -> str:
    """The prompt without parameters and addresses."""
    return clean(_PARAMETERS.sub("", _URL.sub("", prompt(job))))


def pictures(job: Job) -> str:
    """The pictures that the job takes as input: "a picture", "3 pictures", or "" for none."""
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
