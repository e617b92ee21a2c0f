"""Parse a response of useapi into a frozen `Job`: tolerant of shape, strict about size.

The model is https://useapi.net/docs/api-v2/get-jobs-jobid. Every field is optional; a value of the wrong type counts
as missing, an unknown field is ignored, an unknown status, verb or button is kept. `discord` (the payer's token, mostly
redacted) is dropped on purpose. Texts are clipped; ids, URLs and labels are kept whole or not at all, because half of
one means something else.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from bot.errors import InvalidResponse
from bot.models import OVER, Attachment, Child, Halt, Job, JobEmbed, Media, Seed, Status
from bot.providers.base import Account
from bot.text import INVISIBLE

WORD = 64  # verbs, statuses, sizes, times; the longest known verb is "seed_async"
ID = 200  # a v2 job id has 74-77 characters, a snowflake 20; the store keeps no longer job id
LABEL = 256  # the longest known button has 23; useapi needs the whole label back, so a longer one cannot be pressed
NAME = 260  # file names and content types; most file systems end there
TITLE = 256  # `error` is the title of Midjourney's embed: Discord's limit
DESCRIPTION = 4096  # `errorDetails` and describe's prompts are embed descriptions: Discord's limit
PROMPT = 5000  # useapi's limit
CONTENT = 8000  # a prompt, and Midjourney's text around it
URL = 2048  # Discord's limit for a URL in an embed
ITEMS = 50  # Discord allows 25 buttons, 10 attachments and 10 embeds a message
CHILDREN = 200  # a V button may be pressed again and again
RUNNING = 1000  # up to 15 jobs per account, and some accounts
REPLY_REF = 1024  # useapi's limit

_INT64 = 2**63 - 1  # what an SQLite column holds
_BREAKS = re.compile(r"\r\n?|[\n\u2028\u2029]")
_NUMBER = re.compile(r"[0-9]{1,19}")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_PERCENT = re.compile(r"([0-9]{1,3})%")
_MODE = re.compile(r"(?:fast|relaxed|turbo)(?:, stealth)?")
_HALTS: dict[str, Halt] = {halt.value: halt for halt in Halt}
_STAMP = re.compile(r"job:([0-9]{17})-")

Fields = dict[str, Any]  # a decoded JSON object; each value is checked where it is read
Item = TypeVar("Item")


def sanitize(text: str, limit: int, *, lines: bool = False) -> str:
    """Return untrusted text without control, bidi and invisible characters, at most `limit` characters long.

    `lines` keeps line breaks; otherwise each becomes a space. Markdown stays: escape it before showing.
    """
    if not (text.isascii() and text.isprintable()):  # most texts are plain already
        text = _BREAKS.sub("\n" if lines else " ", text).replace("\t", " ")
        text = INVISIBLE.sub("", text)
    return text.strip()[:limit].rstrip()


def decode(raw: bytes) -> object:
    """Decode JSON; raises `InvalidResponse` where `raw` is none."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_leniently(raw)
    except RecursionError:
        raise InvalidResponse from None


def parse_job(raw: bytes, *, jobid: str) -> Job:
    """Return the job in a raw response; `jobid` is the requested id, for a response that names none.

    Raises `InvalidResponse` unless `raw` is a JSON object.
    """
    fields = decode(raw)
    if not isinstance(fields, dict):
        raise InvalidResponse
    return job_from(fields, jobid=jobid)


def job_from(fields: Fields, *, jobid: str) -> Job:
    """Return the job in a decoded JSON object; never fails."""
    # Only the fields that are there: most responses lack half of the model, and this runs for every poll.
    values = {name: parse(fields[key]) for key, (name, parse) in _MODEL.items() if key in fields}
    content = values.get("content", "")
    values["percent"], values["mode"] = progress(content)
    if not values.get("jobid"):
        values["jobid"] = jobid
    status = values.get("status", Status.CREATED)
    if status not in OVER and (halt := _HALTS.get(status) or halted(content)):
        values["halted"] = halt
        if halt is Halt.STOPPED:  # no more progress is reported; a cancelled job may still complete
            values["status"] = Status.CANCELLED
        elif status == halt:
            values["status"] = Status.PROGRESS
    return Job(**values)


def created_in(jobid: str) -> datetime | None:
    """Return when a job was created, as its id says; `None` for an id of another form.

    useapi's ids begin with that time in UTC, as `YYYYMMDDHHmmssSSS`. A declined job may be described without `created`.
    """
    match = _STAMP.match(jobid)
    if match is None:
        return None
    try:
        return datetime.strptime(f"{match[1]}000+0000", "%Y%m%d%H%M%S%f%z")
    except ValueError:
        return None


def jobids(value: object) -> tuple[str, ...]:
    """Return the job ids in a decoded list; other items are left out."""
    return tuple(jobid for item in _list(value, RUNNING) if (jobid := _exact(item, ID)))


def accounts_in(body: Fields) -> tuple[Account, ...]:
    """Return the accounts in a decoded object of channel id to account; other values are left out."""
    found = [(channel, account) for channel, account in body.items() if isinstance(account, dict)]
    return tuple(
        Account(
            channel=_exact(account.get("channel"), ID) or _exact(channel, ID),
            max_jobs=_int(account.get("maxJobs")),
            needs_person=bool(account.get("pendingModMessage")),
        )
        for channel, account in found[:ITEMS]
    )


def progress(content: str) -> tuple[int | None, str]:
    """Return percent (0-100) and mode from the brackets after the prompt: "** - <@1> (47%) (fast, stealth)".

    Only what follows the last "** - " on its line is Midjourney's own text about the job: the prompt may contain
    "(99%)" too, and so may the small print ("-# ...") on the lines below.
    """
    percent, mode = None, ""
    for text in _facts(content):
        if (number := _PERCENT.fullmatch(text)) and int(number[1]) <= 100:
            percent = int(number[1])
        elif _MODE.fullmatch(text):
            mode = text
    return percent, mode


def halted(content: str) -> Halt | None:
    """Return what Midjourney did to the job, as it says after the prompt: "** - <@1> (paused) (relaxed)"."""
    return next((_HALTS[text.lower()] for text in _facts(content) if text.lower() in _HALTS), None)


def _facts(content: str) -> list[str]:
    """Return the texts in the brackets after the prompt."""
    _, found, tail = content.rpartition("** - ")
    return _BRACKETS.findall(tail.partition("\n")[0]) if found else []


def _decode_leniently(raw: bytes) -> object:
    """Decode what JavaScript writes and msgspec refuses: lone surrogates, NaN, a byte order mark."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidResponse from None


def _text(value: object, limit: int, *, lines: bool = False) -> str:
    return sanitize(value, limit, lines=lines) if isinstance(value, str) else ""


def _exact(value: object, limit: int) -> str:
    """Return a text that means something only as a whole: unchanged or empty."""
    return value if isinstance(value, str) and len(value) <= limit and sanitize(value, limit) == value else ""


def _url(value: object) -> str:
    """Return an http(s) URL; Discord accepts no other schemes either."""
    url = _exact(value, URL)
    return url if url.lower().startswith(("https://", "http://")) and " " not in url else ""


def _int(value: object) -> int | None:
    """Return a number from 0 to 2**63 - 1; JavaScript may write one as 2048.0 or as "2048"."""
    if isinstance(value, str):
        value = int(value) if _NUMBER.fullmatch(value) else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _INT64:
        return value
    return None


def _time(value: object) -> datetime | None:
    """Return an ISO 8601 time as aware UTC; one without an offset is UTC, as the model says."""
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
    """Return the last `limit` items: the newest ones where a list grows."""
    return value[-limit:] if isinstance(value, list) else []


def _each(items: list[Any], parse: Callable[[Fields], Item | None]) -> Iterator[Item]:
    """Parse the items that are JSON objects; those without a usable value are left out."""
    for item in items:
        if isinstance(item, dict) and (parsed := parse(item)) is not None:
            yield parsed


def _labels(value: object) -> tuple[str, ...]:
    """Return the labels without duplicates: a button is identified by its label."""
    return tuple(dict.fromkeys(label for item in _list(value) if (label := _exact(item, LABEL))))


def _child(fields: Fields) -> Child | None:
    jobid = _exact(fields.get("jobid"), ID)
    if not jobid:
        return None
    message_id = _exact(fields.get("messageId"), ID)
    return Child(button=_child_label(fields.get("button")), jobid=jobid, message_id=message_id)


def _child_label(value: object) -> str:
    """Return the label of a child's button without stray spaces: it is only compared, see `same_button`."""
    return _text(value, LABEL) if isinstance(value, str) and len(value) <= LABEL else ""


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
    """Parse full-size files: v2's own code treats each element as a URL, v3's pages show `{id, url}`."""
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
"""useapi's name of a field -> ours, and the function that parses its value."""
