"""Parse a response of useapi into a frozen `Job`: tolerant of shape, strict about size.

The model is https://useapi.net/docs/api-v2/get-jobs-jobid. Every field is optional; a value of the wrong type counts
as missing, an unknown field is ignored, an unknown status, verb or button is kept. `discord` (the payer's token, mostly
redacted) is dropped on purpose.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.errors import InvalidResponse
from bot.models import OVER, Attachment, Child, Halt, Job, JobEmbed, Media, Seed, Status
from bot.providers.base import Account
from bot.providers.message_text import halted, progress
from bot.providers.values import (
    CONTENT,
    DESCRIPTION,
    ID,
    ITEMS,
    LABEL,
    NAME,
    PROMPT,
    REFERENCE,
    RUNNING,
    TITLE,
    WORD,
    Fields,
    decode,
    each_object,
    exact_text,
    newest,
    number_of,
    text_of,
    web_url,
)

CHILDREN = 200  # a V button may be pressed again and again

_HALTS: dict[str, Halt] = {halt.value: halt for halt in Halt}
_STAMP = re.compile(r"job:([0-9]{17})-")


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
    values = {name: parse(fields[key]) for key, (name, parse) in MODEL.items() if key in fields}
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
    return tuple(jobid for item in newest(value, RUNNING) if (jobid := exact_text(item, ID)))


def accounts_in(body: Fields) -> tuple[Account, ...]:
    """Return the accounts in a decoded object of channel id to account; other values are left out."""
    found = [(channel, account) for channel, account in body.items() if isinstance(account, dict)]
    return tuple(
        Account(
            channel=exact_text(account.get("channel"), ID) or exact_text(channel, ID),
            max_jobs=number_of(account.get("maxJobs")),
            needs_person=bool(account.get("pendingModMessage")),
        )
        for channel, account in found[:ITEMS]
    )


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
    status = text_of(value, WORD).lower()
    return {"": Status.CREATED, "canceled": Status.CANCELLED}.get(status, status)


def _labels(value: object) -> tuple[str, ...]:
    """Return the labels without duplicates: a button is identified by its label."""
    return tuple(dict.fromkeys(label for item in newest(value) if (label := exact_text(item, LABEL))))


def _child(fields: Fields) -> Child | None:
    jobid = exact_text(fields.get("jobid"), ID)
    if not jobid:
        return None
    message_id = exact_text(fields.get("messageId"), ID)
    return Child(button=_child_label(fields.get("button")), jobid=jobid, message_id=message_id)


def _child_label(value: object) -> str:
    """Return the label of a child's button without stray spaces: it is only compared, see `same_button`."""
    return text_of(value, LABEL) if isinstance(value, str) and len(value) <= LABEL else ""


def _children(value: object) -> tuple[Child, ...]:
    return tuple(each_object(newest(value, CHILDREN), _child))


def _embeds(value: object) -> tuple[JobEmbed, ...]:
    return tuple(each_object(newest(value), _embed))


def _attachments(value: object) -> tuple[Attachment, ...]:
    return tuple(each_object(newest(value), _attachment))


def _attachment(fields: Fields) -> Attachment | None:
    get = fields.get
    url = web_url(get("url"))
    if not url:
        return None
    return Attachment(
        url=url,
        proxy_url=web_url(get("proxy_url")),
        id=exact_text(get("id"), ID),
        filename=text_of(get("filename"), NAME),
        content_type=text_of(get("content_type"), NAME),
        size=number_of(get("size")) or 0,
        width=number_of(get("width")) or 0,
        height=number_of(get("height")) or 0,
    )


def _embed(fields: Fields) -> JobEmbed:
    image = fields.get("image")
    image = image if isinstance(image, dict) else {}
    return JobEmbed(
        type=text_of(fields.get("type"), WORD),
        description=text_of(fields.get("description"), DESCRIPTION, lines=True),
        image_url=web_url(image.get("url")),
        image_proxy_url=web_url(image.get("proxy_url")),
        width=number_of(image.get("width")) or 0,
        height=number_of(image.get("height")) or 0,
    )


def _seed(value: object) -> Seed | None:
    if not isinstance(value, dict):
        return None
    number = number_of(value.get("value"))
    return Seed(
        value=text_of(value.get("value"), WORD) if number is None else str(number),
        content=text_of(value.get("content"), CONTENT, lines=True),
        attachments=_attachments(value.get("attachments")),
    )


def _media(value: object) -> tuple[Media, ...]:
    """Parse full-size files: v2's own code treats each element as a URL, v3's pages show `{id, url}`."""
    items = (item if isinstance(item, dict) else {"url": item} for item in newest(value))
    return tuple(
        Media(url=url, id=exact_text(item.get("id"), ID)) for item in items if (url := web_url(item.get("url")))
    )


def _urls(value: object) -> tuple[str, ...]:
    return tuple(url for item in newest(value) if (url := web_url(item)))


_id = partial(exact_text, limit=ID)
_word = partial(text_of, limit=WORD)
MODEL: dict[str, tuple[str, Callable[[object], Any]]] = {
    "jobid": ("jobid", _id),
    "verb": ("verb", _word),
    "status": ("status", _status),
    "parentJobId": ("parent_jobid", _id),
    "seed": ("seed", _seed),
    "created": ("created", _time),
    "updated": ("updated", _time),
    "prompt": ("prompt", partial(text_of, limit=PROMPT, lines=True)),
    "blendUrls": ("blend_urls", _urls),
    "blendDimensions": ("blend_dimensions", _word),
    "describeUrl": ("describe_url", web_url),
    "button": ("button", partial(exact_text, limit=LABEL)),
    "children": ("children", _children),
    "buttons": ("buttons", _labels),
    "channel": ("channel", _id),
    "server": ("server", _id),
    "maxJobs": ("max_jobs", number_of),
    "messageId": ("message_id", _id),
    "content": ("content", partial(text_of, limit=CONTENT, lines=True)),
    "timestamp": ("timestamp", _time),
    "attachments": ("attachments", _attachments),
    "embeds": ("embeds", _embeds),
    "imageUx": ("image_ux", _media),
    "videoUx": ("video_ux", _media),
    "error": ("error", partial(text_of, limit=TITLE)),
    "errorDetails": ("error_details", partial(text_of, limit=DESCRIPTION, lines=True)),
    "replyUrl": ("reply_url", web_url),
    "replyRef": ("reply_ref", partial(exact_text, limit=REFERENCE)),
    "code": ("code", number_of),
}
"""useapi's name of a field -> ours, and the function that parses its value."""
