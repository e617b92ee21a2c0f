"""Interpret a response of the midjourney-proxy protocol: what it holds, or the `ProviderError` that it stands for.

A submission is answered with HTTP 200 and a code of the protocol: 1 and 22 (queued) took it, 21 wants a form or names
the job that was made already, all others refuse it. Relays also refuse with HTTP errors. A number or a known phrase
decides, and no text of a response is shown or logged.

What refuses a submission for certain is a `Busy`, an `AccountBlocked`, a `BadRequest` or a `Misconfigured`. Every
answer that is not known for sure is a `TransientError`: the job may have been made and charged.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from bot import errors
from bot.providers.http import Response, retry_after_seconds
from bot.providers.midjourney_proxy.parsing import jobid_of, jobids_in
from bot.providers.midjourney_proxy.phrases import Meaning, meaning_of
from bot.providers.values import PROMPT, WORD, Fields, decode, decode_if_any, number_of, text_of

_GONE = "{provider} no longer has the job of this picture, so its buttons can't be used any more."
_NOT_COMPLETED = "{provider} says that the job of this picture isn't completed. `/job` shows it as it is now."
_UNKNOWN_ACTION = "{provider} doesn't know this button, so nothing was sent to Midjourney."
_INCOMPLETE = "{provider} says that something is missing for this button. `/job` shows the job as it is now."
_NO_SUCH_ROUTE = "{provider} doesn't offer this, so nothing was sent to Midjourney."
_DAILY_LIMIT = "The limit for today at {provider} is used up."

_REFUSALS: dict[Meaning | None, Callable[[], errors.ProviderError]] = {
    Meaning.BANNED_WORD: partial(errors.SubmissionDeclined, "Banned word"),
    Meaning.QUEUE_FULL: partial(errors.QueueFull, ()),
    Meaning.LIMIT: errors.Busy,
    Meaning.DAILY_LIMIT: partial(errors.Busy, _DAILY_LIMIT),
    Meaning.NO_QUOTA: errors.SubscriptionEnded,
    Meaning.NO_ACCOUNT: errors.AccountBlocked,
    Meaning.ACCOUNT_OFF: errors.AccountBlocked,
    Meaning.UNKNOWN_TASK: partial(errors.JobExpired, _GONE),
    Meaning.NOT_COMPLETED: partial(errors.BadRequest, _NOT_COMPLETED),
    Meaning.UNKNOWN_ACTION: partial(errors.BadRequest, _UNKNOWN_ACTION),
    Meaning.INCOMPLETE: partial(errors.BadRequest, _INCOMPLETE),
}
"""What certainly refuses a submission, whatever its number."""

_TOOK_IT = (1, 22)
_FORM_OR_EXISTING = 21
_NOT_FOUND, _INVALID, _BANNED_WORD, _QUEUE_FULL, _SATURATED = 3, 4, 24, 23, 30
_MISSING_ROUTE = ("route ", "cannot get", "cannot post", "invalid url")


class Submitted(NamedTuple):
    """A task that a submission made; with `form` it waits for submit/modal, whose `prompt` the server knows."""

    jobid: str
    form: bool = False
    prompt: str = ""


def read_submission(response: Response) -> Submitted:
    """Return the task that a submission made. Raises `ButtonUsed` where its task exists already."""
    body = decode_if_any(response.body)
    fields: Fields = body if isinstance(body, dict) else {}
    code = _code(fields)
    if 200 <= response.status < 300 and code in (*_TOOK_IT, _FORM_OR_EXISTING):
        return _submitted(code, fields)
    if (refusal := _refusal(response, fields, code)) is not None:
        raise refusal
    if response.status >= 400:
        raise errors.ProviderServerError(code=response.status)
    raise errors.InvalidResponse(code=response.status)


def read_task(response: Response, *, jobid: str) -> Fields:
    """Return the task in a response to a GET of one.

    An unknown id is a 204, an empty answer, `null`, or a 400: that raises `JobUnknown`.
    """
    if 200 <= response.status < 300:
        if response.body.strip() in (b"", b"null"):
            raise errors.JobUnknown
        body = decode(response.body)
        if not isinstance(body, dict):
            raise errors.InvalidResponse(code=response.status)
        if not {"id", "status", "action"}.isdisjoint(body):
            if jobid_of(body.get("id")) not in ("", jobid):
                raise errors.InvalidResponse  # it says nothing about this job
            return body
        raise _reading_error(response, body)
    body = decode_if_any(response.body)
    raise _reading_error(response, body if isinstance(body, dict) else {})


def read_seed(response: Response) -> str:
    """Return the seed in a response to task/{id}/image-seed.

    Raises `SeedNotReady` for a 202, and `NoSeed` for a success without one, or a refusal whose reason is not known.
    """
    if response.status == 202:
        raise errors.SeedNotReady
    body = read(response)
    fields: Fields = body if isinstance(body, dict) else {}
    if (code := _code(fields)) != 1:
        error = _reading_error(response, fields)
        raise errors.NoSeed if code is not None and isinstance(error, errors.InvalidResponse) else error
    number = number_of(fields.get("seed") if fields.get("result") is None else fields["result"])
    if number is None:
        raise errors.NoSeed
    return str(number)


def read(response: Response) -> object:
    """Return the decoded body of any other successful response."""
    if 200 <= response.status < 300:
        return decode(response.body)
    body = decode_if_any(response.body)
    raise _reading_error(response, body if isinstance(body, dict) else {})


def is_offered(response: Response) -> bool:
    """Whether a response to a probe shows that the server has that route and lets this bot use it."""
    return 200 <= response.status < 300 and isinstance(decode_if_any(response.body), dict | list)


def has_code(response: Response) -> bool:
    """Whether a response has a code of the protocol, so that it comes from the route itself."""
    body = decode_if_any(response.body)
    return isinstance(body, dict) and _code(body) is not None


def http_refusal(response: Response) -> errors.ProviderError | None:
    """Return the error for an HTTP status that refuses every request alike."""
    match response.status:
        case 401:
            return errors.TokenRefused(code=401)
        case 402:
            return errors.SubscriptionEnded(code=402)
        case 403 if not response.body.lstrip().startswith(b"<"):  # HTML comes from a gateway in front of the server
            return errors.Misconfigured(code=403)
        case 429:
            return errors.Busy(retry_after=retry_after_seconds(response.retry_after))
    return None


def _submitted(code: int, fields: Fields) -> Submitted:
    jobid = next(iter(jobids_in(fields.get("result"))), "")
    properties = fields.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    if not jobid:
        raise errors.InvalidResponse  # it took the submission, and nobody knows as what
    if code in _TOOK_IT:
        return Submitted(jobid)
    if properties.get("status"):
        raise errors.ButtonUsed(jobid)
    return Submitted(jobid, form=True, prompt=text_of(properties.get("finalPrompt"), PROMPT, lines=True))


def _refusal(response: Response, fields: Fields, code: int | None) -> errors.ProviderError | None:
    """Return the error for a response that certainly refuses a submission; `None` where that is not certain."""
    if (error := http_refusal(response)) is not None:
        return error
    text = _text(fields)
    if code == _BANNED_WORD:
        word = _text_of_property(fields, "bannedWord")
        return errors.SubmissionDeclined(f"Banned word\n{word}" if word else "Banned word")
    if code == _QUEUE_FULL:
        return errors.QueueFull(())
    meaning = meaning_of(text)
    if meaning in _REFUSALS and (response.status < 500 or code == -1):
        return _REFUSALS[meaning]()
    return _by_number(response, fields, code)


def _by_number(response: Response, fields: Fields, code: int | None) -> errors.ProviderError | None:
    match response.status:
        case 200 if code in (_NOT_FOUND, _INVALID):
            return errors.BadRequest()
        case 200 if code == _SATURATED:
            return errors.Busy()
        case 400 if number_of(fields.get("statusCode")) == 400:  # the port's, for a body that it cannot read
            return errors.BadRequest()
        case 404 if code == _NOT_FOUND:
            return errors.JobExpired(_GONE)
        case 404 | 405:
            return errors.BadRequest(_NO_SUCH_ROUTE)
        case 413:
            return errors.BadRequest(code=413)
        case 503 if "model_not_found" in _text(fields):  # new-api has no channel for it, so it passed nothing on
            return errors.Busy(code=503)
    return None


def _reading_error(response: Response, fields: Fields) -> errors.ProviderError:
    """Return the error for a response to a GET, or to a request for many jobs, that holds none."""
    if (error := http_refusal(response)) is not None:
        return error
    status, text = response.status, _text(fields)
    meaning = meaning_of(text)
    if meaning in (Meaning.LIMIT, Meaning.DAILY_LIMIT, Meaning.QUEUE_FULL):
        return errors.Busy()
    if fields and status < 500:
        if meaning is Meaning.NO_QUOTA:
            return errors.SubscriptionEnded()
        unknown = meaning is Meaning.UNKNOWN_TASK or _code(fields) == _NOT_FOUND
        if unknown or (status in (400, 404) and not _lacks_route(text)):
            return errors.JobUnknown(code=status)
    if status >= 400:
        return errors.ProviderServerError(code=status)
    return errors.InvalidResponse(code=status)


def _lacks_route(text: str) -> bool:
    """Whether a text says that there is no such address, rather than no such task."""
    folded = text.casefold()
    return folded == "not found" or any(each in folded for each in _MISSING_ROUTE)


def _code(fields: Fields) -> int | None:
    code = fields.get("code")
    if code == -1:
        return -1
    return number_of(code)


def _text(fields: Fields) -> str:
    """Return all that a response says in words, to look for known phrases."""
    error = fields.get("error")
    inner = error if isinstance(error, dict) else {}
    values = (fields.get("description"), fields.get("message"), error, inner.get("message"), inner.get("code"))
    return " ".join(text_of(value, PROMPT) for value in values if isinstance(value, str))


def _text_of_property(fields: Fields, name: str) -> str:
    properties = fields.get("properties")
    return text_of(properties.get(name), WORD) if isinstance(properties, dict) else ""
