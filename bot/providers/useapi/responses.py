"""What an answer of useapi means: the decoded body, or one of the named outcomes of `bot.errors`.

The catalogue is https://useapi.net/docs/api-v2; of its error bodies only 400, 401, 402, 404 and 410 are printed there,
so the number decides and the words are never trusted, shown or logged.
"""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import msgspec

from bot import errors
from bot.models import Job, Status
from bot.providers.useapi.parsing import Fields, decode, job_from, jobids

PAUSE = 300.0  # seconds; nobody outside may send the watcher to sleep for longer

_FINAL = frozenset({400, 404, 409, 410, 412, 413, 422, 504})
"""What ends a watch or a press counts only from useapi itself, which says it in JSON.

A gateway says 504, too, when it stopped waiting for useapi. For a GET useapi's own means that it is overloaded. For a
POST neither is a refusal: useapi's own means that it cannot track the job, which Midjourney will process all the same.
"""

_ERRORS: dict[int, type[errors.ProviderError]] = {
    401: errors.TokenRefused,
    402: errors.SubscriptionEnded,
    # useapi never says these three: a gateway in front of it does, and then the job is not over.
    403: errors.ProviderServerError,
    408: errors.ProviderServerError,
    425: errors.ProviderServerError,
    404: errors.JobUnknown,
    410: errors.JobExpired,
    504: errors.Overloaded,
    596: errors.AccountBlocked,
}


class Response(NamedTuple):
    """An HTTP answer as it came: `retry_after` is that header's text, `body` is bounded and decompressed."""

    status: int
    body: bytes
    retry_after: str | None = None


def read(response: Response) -> object:
    """Return the decoded body of a successful response; raise the `ProviderError` that any other stands for."""
    code, body = _decoded(response)
    if code < 400:
        return body
    raise _error(code, body, response.retry_after)


def read_job(response: Response, *, jobid: str) -> Job:
    """Return the job in a response to a GET of one job; raise the `ProviderError` that any other response stands for.

    A 422 is the moderated job. `jobid` is the requested id: a response that names another must not change that job.
    """
    code, body = _decoded(response)
    if code >= 400 and code != 422:
        raise _error(code, body, response.retry_after)
    if not isinstance(body, dict):
        raise errors.InvalidResponse
    job = msgspec.structs.replace(job_from(body, jobid=jobid), jobid=jobid)
    return msgspec.structs.replace(job, status=Status.MODERATED) if code == 422 else job


def _decoded(response: Response) -> tuple[int, object]:
    """Return the status code that counts and the decoded body (`None` where an error has none).

    A body may overrule a successful HTTP status with a `code` of its own. Raises `InvalidResponse` for what is no
    answer of an API, and `ProviderServerError` for what comes from a gateway in front of useapi.
    """
    status = response.status
    if 200 <= status < 300:
        body = decode(response.body)
        status = _own_code(body) or status
    elif 400 <= status < 600:
        body = _decode_if_any(response.body)
    else:
        raise errors.InvalidResponse(code=status)
    if status in _FINAL and not isinstance(body, dict):
        raise errors.ProviderServerError(code=status)  # only a gateway answers so, and it knows nothing of jobs
    if status == 504 and _own_code(body) != 504:
        raise errors.ProviderServerError(code=status)  # some gateways send JSON, but useapi repeats its status inside
    return status, body


def pause(header: str | None, *, now: datetime | None = None) -> float | None:
    """The seconds (0-300) that a Retry-After header asks for, as a number or as an HTTP date; `None` without one."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = _seconds_until(header, now or datetime.now(UTC))
    return None if math.isnan(seconds) else min(max(seconds, 0.0), PAUSE)


def _seconds_until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()


def _own_code(said: object) -> int | None:
    code = said.get("code") if isinstance(said, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _decode_if_any(body: bytes) -> object:
    """An error may come without a body, or with a gateway's HTML."""
    try:
        return decode(body)
    except errors.InvalidResponse:
        return None


def _error(code: int, body: object, retry_after: str | None) -> errors.ProviderError:
    fields: Fields = body if isinstance(body, dict) else {}
    if code == 409 and (children := jobids([fields.get("jobid")])):
        return errors.ButtonUsed(children[0])
    if code == 422:
        job = job_from(fields, jobid="")
        return errors.SubmissionDeclined("\n".join(filter(None, (job.error, job.error_details))))
    if code == 429:
        executing = fields.get("executingJobs")
        if isinstance(executing, list):
            return errors.QueueFull(jobids(executing))
        return errors.Busy(retry_after=pause(retry_after))
    return _ERRORS.get(code, errors.BadRequest if code < 500 else errors.ProviderServerError)(code=code)
