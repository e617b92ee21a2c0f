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
from bot.models import Status
from bot.providers.useapi.parsing import Fields, decode, job_from, jobids

PAUSE = 300.0  # seconds; nobody outside may send the watcher to sleep for longer

_FINAL = frozenset({400, 404, 409, 410, 412, 413, 422, 504})
"""What ends a watch or a press counts only from useapi itself, which says it in JSON.

A gateway says 504, too, when it stopped waiting for useapi. For a GET useapi's own means that it is overloaded. For a
POST neither is a refusal: useapi's own means that it cannot track the job, which Midjourney will process all the same.
"""

_OUTCOMES: dict[int, type[errors.ProviderError]] = {
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


def read(answer: Response, *, jobid: str = "") -> object:
    """The decoded body of a good answer; raises the outcome of every other.

    `jobid` names the job in a `JobModerated` whose answer does not. A body may overrule a good HTTP status: its own
    `code` counts then.
    """
    status, body, retry_after = answer
    if 200 <= status < 300:
        said = decode(body)
        status = _own_code(said) or status
        if status < 400:
            return said
    elif 400 <= status < 600:
        said = _decode_if_any(body)
    else:
        raise errors.InvalidResponse(code=status)
    if status in _FINAL and not isinstance(said, dict):
        raise errors.ProviderServerError(code=status)  # a gateway in between speaks so, and knows nothing of jobs
    if status == 504 and _own_code(said) != 504:
        raise errors.ProviderServerError(code=status)  # some gateways speak JSON, but useapi repeats its status inside
    raise _outcome(status, said if isinstance(said, dict) else {}, jobid=jobid, retry_after=retry_after)


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


def _outcome(code: int, said: Fields, *, jobid: str, retry_after: str | None) -> errors.ProviderError:
    if code == 409 and (children := jobids([said.get("jobid")])):
        return errors.ButtonUsed(children[0])
    if code == 422:
        job = job_from(said, jobid=jobid)
        return errors.JobModerated(msgspec.structs.replace(job, jobid=jobid or job.jobid, status=Status.MODERATED))
    if code == 429:
        executing = said.get("executingJobs")
        if isinstance(executing, list):
            return errors.QueueFull(jobids(executing))
        return errors.Busy(retry_after=pause(retry_after))
    return _OUTCOMES.get(code, errors.BadRequest if code < 500 else errors.ProviderServerError)(code=code)
