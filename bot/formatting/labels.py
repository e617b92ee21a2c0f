"""A job's name, prompt and title: clean, one line, not yet escaped."""

import re

from bot.models import ACCOUNT_VERBS, Job
from bot.models.midjourney_buttons import ButtonRow, button_for
from bot.text import clean, clip, without_job_files

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
_ARTICLE = re.compile(
    r"""
    ^ (?: the
        | a  (?! \s+ l(?:a|as|e|es|o|os)\b )                   # Spanish and French: "a la orilla del mar"
        | an (?= \s+ (?: [aeiouh8] | 1[18]\b | [flmnrsx]\b ) )   # German: "An der Küste"
             (?! \s+ (?: all | ein | ihr | uns | ost ) )         # German: "An einem See", "an allen Tagen"
      ) \s+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CLAUSE_END = re.compile(r"[,;.](?=\s)|[，。；、]|::")
_SHORTEST_CLAUSE = 8
_SCANNED = 1000  # characters that are searched for the end of a clause; a title has room for 100
_ABBREVIATION = re.compile(
    r"""
    (?<! [^\W_] )
    (?: [^\W\d_] | \d{1,2}                                     # an initial, an ordinal
      | mrs? | ms | mx | dr | prof | st | sr | jr | mt | ft | lt | sgt | capt | col | gen | rev | hon | gov
      | no | nos | nr | vol | vs | feat | inc | ltd | corp | bros | dept | ave | blvd | approx | ca | bzw | inkl
    ) \.
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CLOSING = {"{": "}", "(": ")", "[": "]", "“": "”", "„": "“”", "«": "»", "「": "」", "『": "』"}
_STRAIGHT_QUOTES = "\"'"  # they open a quotation only where no letter stands before, and close it where none follows
_VIDEO = re.compile(r"(?:--|—)video\b", re.IGNORECASE)


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
    return _BRACKETED_URL.sub(r"\1", clean(job.full_prompt))


def scene(job: Job) -> str:
    """The prompt without parameters and addresses."""
    return clean(_PARAMETERS.sub("", without_urls(prompt(job))))


def without_urls(text: str) -> str:
    """The text without addresses and the names of jobs' files."""
    return clean(without_job_files(_URL.sub("", text), ""))


def pictures(job: Job) -> str:
    """The pictures that the job takes as input: "a picture", "3 pictures", or "" for none."""
    number = len(job.blend_urls) or len(_URL.findall(prompt(job)))
    if number == 1 or job.verb == "describe":
        return "a picture"
    return f"{number} pictures" if number else ""


def is_video(job: Job) -> bool:
    """Whether the job makes a video, or four: by its files, its button, or `--video` in its prompt."""
    if job.video_ux or any(attachment.content_type.startswith("video/") for attachment in job.attachments):
        return True
    if job.verb == "button" and button_for(clean(job.button)).row is ButtonRow.VIDEO:
        return True
    return job.verb != "describe" and any(_VIDEO.search(text) for text in (job.prompt, job.content))


def title(job: Job, limit: int = 60) -> str:
    """A short name: "castle in the fog" for "a castle in the fog, ink wash --ar 3:2", "3 pictures", or ""."""
    words = _first_clause(_ARTICLE.sub("", scene(job)) or pictures(job))
    if len(words) <= limit:
        return words
    short = clip(words, limit)
    whole_words = short.rpartition(" ")[0].rstrip(" ,;.:-")
    return f"{whole_words}…" if len(whole_words) > limit // 2 else short


def _first_clause(words: str) -> str:
    """The words up to the first comma, semicolon or full stop outside of brackets, quotes and abbreviations."""
    words = words[:_SCANNED]
    ends = [end.start() for end in _CLAUSE_END.finditer(words) if end.start() >= _SHORTEST_CLAUSE]
    if ends:
        abbreviated = {match.end() - 1 for match in _ABBREVIATION.finditer(words)}
        enclosed = _enclosed(words)
        for end in ends:
            if end not in abbreviated and not enclosed[end]:
                return words[:end]
    return words


def _enclosed(words: str) -> bytearray:
    """For each character 1 where it is within brackets or quotes, else 0; what is never closed encloses nothing."""
    enclosed = bytearray(len(words))
    opened: list[tuple[int, str]] = []  # where, and what closes it
    for index, char in enumerate(words):
        before, after = words[index - 1 : index], words[index + 1 : index + 2]
        straight = char in _STRAIGHT_QUOTES
        closes = (n for n in range(len(opened) - 1, -1, -1) if char in opened[n][1])
        if not (straight and after.isalnum()) and (nth := next(closes, None)) is not None:
            start = opened[nth][0]
            enclosed[start:index] = b"\1" * (index - start)
            del opened[nth:]
        elif char in _CLOSING:
            opened.append((index, _CLOSING[char]))
        elif straight and not before.isalnum():
            opened.append((index, char))
    return enclosed
