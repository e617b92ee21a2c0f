"""Parse a task of the midjourney-proxy protocol into a frozen `Job`: tolerant of shape, strict about size.

The model is that of trueai-org/midjourney-proxy 11, novicezk/midjourney-proxy 2, and the relay new-api; every field is
optional. What identifies the payer or this bot is dropped: `userId`, `clientIp`, `instanceId`, `partnerTaskInfo`, `url`
(its file name carries the payer's name), all `properties` but a few, among them `notifyHook`, which is our own secret
address, and the mention in Midjourney's message.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.errors import InvalidResponse
from bot.models import OVER, Attachment, Halt, Job, JobEmbed, Media, ProviderName, Seed, Status
from bot.providers.message_text import halted, progress
from bot.providers.midjourney_proxy.buttons import (
    CUSTOM_ID,
    GRID,
    OWN_FORMS,
    Button,
    buttons_in,
    described_press,
    label_of,
    makes_grid,
)
from bot.providers.midjourney_proxy.fail_reasons import FORM_NOT_SUBMITTED, outcome_of
from bot.providers.values import (
    CONTENT,
    DESCRIPTION,
    NAME,
    PROMPT,
    REFERENCE,
    WORD,
    Fields,
    decode,
    decode_if_any,
    exact_text,
    newest,
    number_of,
    text_of,
    web_url,
)

FORM_TIMEOUT = timedelta(minutes=15)
"""How long a task may wait for submit/modal: no server ends such a wait, and nobody pays for it."""
_MAYBE_FORM_TIMEOUT = timedelta(hours=2)  # where it may as well be queued; the port's queue ends long before that

_JOBID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
_STAMPED = re.compile(r"([0-9]{13})[0-9]{3}", re.ASCII)
_MENTION = re.compile(r" ?<@!?\d+>")
_RANDOM = re.compile(r"[?&]rand=[^&#]*$")  # new-api adds another number to the same address each time
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 2015, 2100

_STATUSES: dict[str, str] = {
    "": Status.CREATED,
    "NOT_START": Status.CREATED,
    "SUBMITTED": Status.STARTED,
    "MODAL": Status.STARTED,
    "IN_PROGRESS": Status.PROGRESS,
    "SUCCESS": Status.COMPLETED,
    "FAILURE": Status.FAILED,
    "CANCEL": Status.CANCELLED,
}
_VERBS = frozenset({"imagine", "describe", "blend", "shorten", "show", "edit", "edits", "retexture"})
"""The actions that are commands; all others are what a button does."""
_GRID_ACTIONS = frozenset({"VARIATION", "REROLL", "PAN", "OUTPAINT", "ZOOM", "INPAINT"})
_MODES = {"FAST": "fast", "TURBO": "turbo", "RELAX": "relaxed", "RELAXED": "relaxed"}


def parse_task(raw: bytes, *, jobid: str, now: datetime, grid_buttons: bool = True) -> Job:
    """Return the job in a raw task; see `job_from`. Raises `InvalidResponse` unless `raw` is a JSON object."""
    fields = decode(raw)
    if not isinstance(fields, dict):
        raise InvalidResponse
    return job_from(fields, jobid=jobid, now=now, grid_buttons=grid_buttons)


def job_from(fields: Fields, *, jobid: str, now: datetime, grid_buttons: bool = True) -> Job:
    """Return the job in a decoded task; never fails. `jobid` is the requested id, for a task that names none.

    `grid_buttons`: a completed grid without buttons gets those of any grid, for submit/change. A task that has waited
    too long for its form at `now` is a failed job.
    """
    get = fields.get
    properties = _object(get("properties"))
    status = _status(get("status"))
    verb = _verb(get("action"))
    content = _MENTION.sub("", text_of(properties.get("messageContent"), CONTENT, lines=True))
    percent, mode = progress(content)
    parent, button = described_press(text_of(get("description"), NAME))
    own_id = jobid_of(get("id")) or jobid
    created, finished = time_of(get("submitTime")) or created_in(own_id), time_of(get("finishTime"))
    values: dict[str, Any] = {}
    if status == Status.FAILED:
        status, values["error"], values["error_details"] = outcome_of(get("failReason"))
    elif status not in OVER:
        if _form_timed_out(fields, properties, created, now):
            status, (values["error"], values["error_details"]) = Status.FAILED, FORM_NOT_SUBMITTED
        elif (halt := halted(content)) is not None:
            values["halted"] = halt
            status = Status.CANCELLED if halt is Halt.STOPPED else status
    if status == Status.PROGRESS:
        values["percent"] = percent_of(get("progress"), percent)
    if status in (Status.PROGRESS, Status.COMPLETED):
        values |= _pictures(fields, properties, verb, completed=status == Status.COMPLETED)
    buttons = buttons_in(_decoded(get("buttons")) or properties.get("buttons"))
    pressed = label_of(exact_text(properties.get("custom_id") or properties.get("customId"), CUSTOM_ID)) or button
    if not buttons and grid_buttons and status == Status.COMPLETED and _is_grid(verb, _word(get("action")), pressed):
        buttons = tuple(Button(label, "") for label in GRID)
    seed = number_of(get("seed"))
    return Job(
        jobid=own_id,
        provider=ProviderName.MIDJOURNEY_PROXY,
        verb=verb,
        status=status,
        parent_jobid=jobid_of(get("parentId")) or parent,
        seed=None if seed is None else Seed(value=str(seed)),
        created=created,
        prompt=_prompt(fields, properties, verb),
        button=pressed if verb == "button" else "",
        buttons=tuple(each.label for each in buttons),
        custom_ids=tuple(each.custom_id for each in buttons if each.custom_id),
        content=content,
        timestamp=finished,
        updated=finished,
        reply_ref=exact_text(get("state"), REFERENCE),
        mode=_MODES.get(_word(get("mode")), mode),
        **values,
    )


def jobid_of(value: object) -> str:
    """Return a task's id, which some relays write as a number; empty for anything that can be none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 < value < 10**64 else ""
    return value if isinstance(value, str) and _JOBID.fullmatch(value) else ""


def jobids_in(value: object) -> tuple[str, ...]:
    """Return the ids in a submission's `result`: one, several with commas, or a list."""
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    found = (jobid_of(item.strip() if isinstance(item, str) else item) for item in items[:50])
    return tuple(jobid for jobid in found if jobid)


def created_in(jobid: str) -> datetime | None:
    """Return when a task was made, as its id says: 13 digits of milliseconds since 1970 and 3 random ones."""
    match = _STAMPED.fullmatch(jobid)
    return time_of(int(match[1])) if match else None


def time_of(value: object) -> datetime | None:
    """Return a time in milliseconds since 1970 as aware UTC; 0 and what is far from today count as missing."""
    milliseconds = number_of(value)
    if not milliseconds or milliseconds > 10**14:
        return None
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment if _FIRST_YEAR <= moment.year < _LAST_YEAR else None


def percent_of(value: object, otherwise: int | None = None) -> int | None:
    """Return the percentage (0-100) in "47%" or 47."""
    number = number_of(value.strip().removesuffix("%") if isinstance(value, str) else value)
    return number if number is not None and number <= 100 else otherwise


def waits_for_form(fields: Fields) -> bool:
    """Whether a task certainly waits for submit/modal."""
    return _word(fields.get("status")) == "MODAL"


def _form_timed_out(fields: Fields, properties: Fields, created: datetime | None, now: datetime) -> bool:
    if created is None:
        return False
    if waits_for_form(fields):
        return now - created > FORM_TIMEOUT
    custom_id = exact_text(properties.get("customId"), CUSTOM_ID)
    # The port leaves these in NOT_START, not in MODAL.
    unsubmitted = custom_id.startswith(OWN_FORMS) and _word(fields.get("status")) == "NOT_START"
    return unsubmitted and now - created > _MAYBE_FORM_TIMEOUT


def _status(value: object) -> str:
    word = _word(value)
    return _STATUSES.get(word, word.lower())


def _verb(value: object) -> str:
    action = _word(value).lower()
    return action if action in _VERBS or not action else "button"


def _word(value: object) -> str:
    return text_of(value, WORD).upper()


def _prompt(fields: Fields, properties: Fields, verb: str) -> str:
    """Return the prompt; describe's `promptEn` and `finalPrompt` are its answer."""
    if verb == "describe":
        return ""
    values = (properties.get("finalPrompt"), fields.get("promptEn"), fields.get("prompt"))
    return next((text for value in values if (text := text_of(value, PROMPT, lines=True))), "")


def _is_grid(verb: str, action: str, button: str) -> bool:
    """Whether a completed task made a grid: by its command, else by its button, else by its action."""
    if verb in ("imagine", "blend"):
        return True
    return makes_grid(button) if button else action in _GRID_ACTIONS


def _pictures(fields: Fields, properties: Fields, verb: str, *, completed: bool) -> dict[str, object]:
    """Return the fields of a `Job` for what a task has made so far."""
    url = _RANDOM.sub("", web_url(fields.get("imageUrl")) or web_url(fields.get("grid_image_url")))
    width, height = number_of(fields.get("width")) or 0, number_of(fields.get("height")) or 0
    if verb == "describe":
        text = _described(fields, properties) if completed else ""
        embed = JobEmbed(type="rich", description=text, image_url=url, width=width, height=height)
        return {"embeds": (embed,)} if text else {}
    attachment = Attachment(
        url=url,
        content_type=text_of(fields.get("contentType"), NAME),
        size=number_of(fields.get("size")) or 0,
        width=width,
        height=height,
    )
    found: dict[str, object] = {"attachments": (attachment,) if url else ()}
    if completed:
        found["image_ux"] = _media(fields.get("imageUrls") or fields.get("image_urls"))
        found["video_ux"] = _media(fields.get("videoUrls")) or _media([fields.get("videoUrl")])
    return found


def _described(fields: Fields, properties: Fields) -> str:
    values = (properties.get("finalPrompt"), fields.get("promptEn"), fields.get("prompt"))
    return next((text for value in values if (text := text_of(value, DESCRIPTION, lines=True))), "")


def _media(value: object) -> tuple[Media, ...]:
    """Return full-size files: trueai gives objects with a `url`, some relays the addresses themselves."""
    items = (item.get("url") if isinstance(item, dict) else item for item in newest(_decoded(value)))
    return tuple(Media(url=url) for url in dict.fromkeys(map(web_url, items)) if url)


def _object(value: object) -> Fields:
    value = _decoded(value)
    return value if isinstance(value, dict) else {}


def _decoded(value: object) -> object:
    """Return a value; a relay may hand on JSON as the text that its database holds."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return decode_if_any(value.encode(errors="replace"))
    return value
