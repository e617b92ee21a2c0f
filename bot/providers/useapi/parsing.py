"""useapi's raw answer -> a frozen `Job`: tolerant of shape, strict about size.

The model is https://useapi.net/docs/api-v2/get-jobs-jobid. Every field is optional; a value of the wrong type counts
as missing, an unknown field is ignored, an unknown status, verb or button is kept. `discord` (the payer's token, most
of it blotted out) is dropped on purpose. Texts are clipped; ids, addresses and labels are kept whole or not at all,
because half of one names something else.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from bot.errors import InvalidResponse
from bot.models import Attachment, Child, Job, JobEmbed, Media, Seed, Status
from bot.text import INVISIBLE

WORD = 64  # verbs, statuses, sizes; the longest known is "seed_async"
ID = 200  # a v2 jobid has 74-77 characters, a snowflake 20; the store keeps no longer jobid
LABEL = 256  # the longest known button has 23; useapi wants the whole label back, so a longer one cannot be pressed
NAME = 260  # file names and content types; most file systems end there
TITLE = 256  # `error` is the title of Midjourney's embed: Discord's limit
DESCRIPTION = 4096  # `errorDetails` and describe's prompts are embed descriptions: Discord's limit
PROMPT = 5000  # useapi's limit
CONTENT = 8000  # a prompt, and Midjourney's words around it
URL = 2048  # Discord's limit for an address in an embed
ITEMS = 50  # Discord allows 25 buttons, 10 attachments and 10 embeds a message
CHILDREN = 200  # a V button may be pressed again and again
RUNNING = 1000  # 15 places an account, and some accounts
REPLY_REF = 1024  # useapi's limit

_INT64 = 2**63 - 1  # what an SQLite column holds
_BREAKS = re.compile(r"\r\n?|[\n\u2028\u2029]")
_NUMBER = re.compile(r"[0-9]{1,19}")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_PERCENT = re.compile(r"([0-9]{1,3})%")
_MODE = re.compile(r"(?:fast|relaxed|turbo)(?:, stealth)?")

Fields = dict[str, Any]  # a decoded JSON object; each value is checked where it is read
Item = TypeVar("Item")


def clean(text: str, limit: int, *, lines: bool = False) -> str:
    """A stranger's text without control, bidi and invisible characters, at most `limit` characters long.

    `lines` keeps line breaks; else each becomes a space. Markdown stays: escape it before showing.
    """
    if not (text.isascii() and text.isprintable()):  # most texts are plain already
        text = _BREAKS.sub("\n" if lines else " ", text).replace("\t", " ")
        text = INVISIBLE.sub("", text)
    return text.strip()[:limit].rstrip()


def decode(raw: bytes) -> object:
    """What the JSON in `raw` says; raises `InvalidResponse` where it says nothing."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_patiently(raw)
    except RecursionError:
        raise InvalidResponse from None


def parse_job(raw: bytes, *, jobid: str) -> Job:
    """The job in a raw answer; `jobid` is the asked one, for an answer that does not name its own.

    Raises `InvalidResponse` unless `raw` is a JSON object.
    """
    fields = decode(raw)
    if not isinstance(fields, dict):
        raise InvalidResponse
    return job_from(fields, jobid=jobid)


def job_from(fields: Fields, *, jobid: str) -> Job:
    """The job in a decoded JSON object; never fails."""
    # Field by field as they come: half of the model is missing in most answers, and this is done for every look.
    told = {name: read(fields[key]) for key, (name, read) in _MODEL.items() if key in fields}
    told["percent"], told["mode"] = progress(told.get("content", ""))
    if not told.get("jobid"):
        told["jobid"] = jobid
    return Job(**told)


def jobids(value: object) -> tuple[str, ...]:
    """The job ids in a decoded list; what is no id is left out."""
    return tuple(jobid for item in _list(value, RUNNING) if (jobid := _exact(item, ID)))


class Account(NamedTuple):
    """A Midjourney account at useapi: the Discord channel it works in, and how many jobs it may run at a time.

    `waits` says that Midjourney wants a person: a moderator wrote, or a CAPTCHA is to be solved.
    """

    channel: str
    max_jobs: int | None
    waits: bool


def accounts_in(said: Fields) -> tuple[Account, ...]:
    """The accounts in a decoded answer, which holds them by their channels; what is none is left out."""
    found = [(channel, about) for channel, about in said.items() if isinstance(about, dict)]
    return tuple(
        Account(
            channel=_exact(about.get("channel"), ID) or _exact(channel, ID),
            max_jobs=_int(about.get("maxJobs")),
            waits=bool(about.get("pendingModMessage")),
        )
        for channel, about in found[:ITEMS]
    )


def progress(content: str) -> tuple[int | None, str]:
    """Percent (0-100) and mode, from the brackets behind the prompt: "** - <@1> (47%) (fast, stealth)".

    Only what follows the last "** - " on its line was written by Midjourney about the job: a prompt may say "(99%)" as
    it likes, and so may the small print ("-# ...") on the lines below.
    """
    _, found, tail = content.rpartition("** - ")
    percent, mode = None, ""
    for words in _BRACKETS.findall(tail.partition("\n")[0]) if found else ():
        if (number := _PERCENT.fullmatch(words)) and int(number[1]) <= 100:
            percent = int(number[1])
        elif _MODE.fullmatch(words):
            mode = words
    return percent, mode


def _decode_patiently(raw: bytes) -> object:
    """Second reading, for what JavaScript writes and msgspec refuses: halves of an emoji, NaN, a byte order mark."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidResponse from None


def _text(value: object, limit: int, *, lines: bool = False) -> str:
    return clean(value, limit, lines=lines) if isinstance(value, str) else ""


def _exact(value: object, limit: int) -> str:
    """A text that has a meaning only as a whole."""
    return value if isinstance(value, str) and len(value) <= limit and clean(value, limit) == value else ""


def _url(value: object) -> str:
    """An address that could be fetched or shown: Discord takes no other schemes either."""
    url = _exact(value, URL)
    return url if url.lower().startswith(("https://", "http://")) and " " not in url else ""


def _int(value: object) -> int | None:
    """None of useapi's numbers is negative; JavaScript may write one as 2048.0 or as "2048"."""
    if isinstance(value, str):
        value = int(value) if _NUMBER.fullmatch(value) else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _INT64:
        return value
    return None


def _time(value: object) -> datetime | None:
    """An ISO 8601 time as aware UTC; one without an offset is UTC, as the model says."""
    if not isinstance(value, str) or len(value) > WORD:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is UTC:
            return moment
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _status(value: object) -> str:
    status = _text(value, WORD).lower()
    return {"": Status.CREATED, "canceled": Status.CANCELLED}.get(status, status)


def _list(value: object, limit: int = ITEMS) -> list[Any]:
    """The last `limit` items: the newest ones, where a list grows."""
    return value[-limit:] if isinstance(value, list) else []


def _each(items: list[Any], read: Callable[[Fields], Item | None]) -> Iterator[Item]:
    """What `read` makes of the items that are JSON objects, without those it cannot use."""
    for item in items:
        if isinstance(item, dict) and (made := read(item)) is not None:
            yield made


def _labels(value: object) -> tuple[str, ...]:
    """A label is its button's name, so that a second one of the same name is the same button."""
    return tuple(dict.fromkeys(label for item in _list(value) if (label := _exact(item, LABEL))))


def _child(fields: Fields) -> Child | None:
    jobid = _exact(fields.get("jobid"), ID)
    if not jobid:
        return None
    button, message_id = _exact(fields.get("button"), LABEL), _exact(fields.get("messageId"), ID)
    return Child(button=button, jobid=jobid, message_id=message_id)


def _children(value: object) -> tuple[Child, ...]:
    return tuple(_each(_list(value, CHILDREN), _child))


def _embeds(value: object) -> tuple[JobEmbed, ...]:
    return tuple(_each(_list(value), _embed))


def _attachments(value: object) -> tuple[Attachment, ...]:
    return tuple(_each(_list(value), _attachment))


def _attachment(fields: Fields) -> Attachment | None:
    get = fields.get
    url = _url(get("url"))
    if not url:
        return None
    return Attachment(
        url=url,
        proxy_url=_url(get("proxy_url")),
        id=_exact(get("id"), ID),
        filename=_text(get("filename"), NAME),
        content_type=_text(get("content_type"), NAME),
        size=_int(get("size")) or 0,
        width=_int(get("width")) or 0,
        height=_int(get("height")) or 0,
    )


def _embed(fields: Fields) -> JobEmbed:
    image = fields.get("image")
    image = image if isinstance(image, dict) else {}
    return JobEmbed(
        type=_text(fields.get("type"), WORD),
        description=_text(fields.get("description"), DESCRIPTION, lines=True),
        image_url=_url(image.get("url")),
        image_proxy_url=_url(image.get("proxy_url")),
        width=_int(image.get("width")) or 0,
        height=_int(image.get("height")) or 0,
    )


def _seed(value: object) -> Seed | None:
    if not isinstance(value, dict):
        return None
    number = _int(value.get("value"))
    return Seed(
        value=_text(value.get("value"), WORD) if number is None else str(number),
        content=_text(value.get("content"), CONTENT, lines=True),
        attachments=_attachments(value.get("attachments")),
    )


def _media(value: object) -> tuple[Media, ...]:
    """v2's own code treats each element as an address, v3's pages show `{id, url}`: both are read."""
    items = (item if isinstance(item, dict) else {"url": item} for item in _list(value))
    return tuple(Media(url=url, id=_exact(item.get("id"), ID)) for item in items if (url := _url(item.get("url"))))


def _urls(value: object) -> tuple[str, ...]:
    return tuple(url for item in _list(value) if (url := _url(item)))


_id = partial(_exact, limit=ID)
_word = partial(_text, limit=WORD)
_MODEL: dict[str, tuple[str, Callable[[object], Any]]] = {
    "jobid": ("jobid", _id),
    "verb": ("verb", _word),
    "status": ("status", _status),
    "parentJobId": ("parent_jobid", _id),
    "seed": ("seed", _seed),
    "created": ("created", _time),
    "updated": ("updated", _time),
    "prompt": ("prompt", partial(_text, limit=PROMPT, lines=True)),
    "blendUrls": ("blend_urls", _urls),
    "blendDimensions": ("blend_dimensions", _word),
    "describeUrl": ("describe_url", _url),
    "button": ("button", partial(_exact, limit=LABEL)),
    "children": ("children", _children),
    "buttons": ("buttons", _labels),
    "channel": ("channel", _id),
    "server": ("server", _id),
    "maxJobs": ("max_jobs", _int),
    "messageId": ("message_id", _id),
    "content": ("content", partial(_text, limit=CONTENT, lines=True)),
    "timestamp": ("timestamp", _time),
    "attachments": ("attachments", _attachments),
    "embeds": ("embeds", _embeds),
    "imageUx": ("image_ux", _media),
    "videoUx": ("video_ux", _media),
    "error": ("error", partial(_text, limit=TITLE)),
    "errorDetails": ("error_details", partial(_text, limit=DESCRIPTION, lines=True)),
    "replyUrl": ("reply_url", _url),
    "replyRef": ("reply_ref", partial(_exact, limit=REPLY_REF)),
    "code": ("code", _int),
}
"""useapi's name of a field -> ours, and what reads its value."""
