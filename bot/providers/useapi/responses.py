"""Interpret a response of useapi: its decoded body, or the `ProviderError` that it stands for.

The catalogue is https://useapi.net/docs/api-v2. It prints the error bodies of 400, 401, 402, 404 and 410 only, so the
status code decides, and no text of an error body is trusted or logged.
"""

import msgspec

from bot import errors
from bot.models import Job, Status
from bot.providers.http import Response, retry_after_seconds
from bot.providers.useapi.parsing import job_from, jobids
from bot.providers.values import Fields, decode, decode_if_any

_JSON_ONLY = frozenset({400, 404, 409, 410, 412, 413, 422, 504})
"""Codes that end a subscription or a submission. They count only from useapi itself, which sends them with JSON.

A gateway answers 504 too, when it stopped waiting for useapi. To a GET useapi's own 504 means that it is overloaded.
To a POST neither is a refusal: useapi's own means that it cannot track the job, which Midjourney will process all the
same.
"""

_ERRORS: dict[int, type[errors.ProviderError]] = {
    401: errors.TokenRefused,
    402: errors.SubscriptionEnded,
    # useapi never sends these three: they come from a gateway in front of it, and the job is not over.
    403: errors.ProviderServerError,
    408: errors.ProviderServerError,
    425: errors.ProviderServerError,
    404: errors.JobUnknown,
    410: errors.JobExpired,
    504: errors.Overloaded,
    596: errors.AccountBlocked,
}


def read(response: Response) -> object:
    """Return the decoded body of a successful response; raise the `ProviderError` that any other stands for."""
    code, body = _decoded(response)
    if code < 400:
        return body
    raise _error(code, body, response.retry_after)


def read_job(response: Response, *, jobid: str) -> Job:
    """Return the job in a response to a GET of one job; raise the `ProviderError` that any other response stands for.

    A 422 is the moderated job. `jobid` is the requested id: a response that names another is none about this job, so
    that it raises `InvalidResponse`.
    """
    code, body = _decoded(response)
    if code >= 400 and code != 422:
        raise _error(code, body, response.retry_after)
    if not isinstance(body, dict):
        raise errors.InvalidResponse
    job = job_from(body, jobid=jobid)
    if job.jobid != jobid:
        raise errors.InvalidResponse(code=code)
    return msgspec.structs.replace(job, status=Status.MODERATED) if code == 422 else job


def _decoded(response: Response) -> tuple[int, object]:
    """Return the status code that counts and the decoded body (`None` where an error has none).

    A body may overrule a successful HTTP status with a `code` of its own. Raises `InvalidResponse` for any status but
    2xx, 4xx and 5xx and for a 2xx without JSON, and `ProviderServerError` for errors of a gateway in front of useapi.
    """
    status = response.status
    if 200 <= status < 300:
        body = decode(response.body)
        status = _own_code(body) or status
    elif 400 <= status < 600:
        body = decode_if_any(response.body)
    else:
        raise errors.InvalidResponse(code=status)
    if status in _JSON_ONLY and not isinstance(body, dict):
        raise errors.ProviderServerError(code=status)  # only a gateway answers so, and it knows nothing of jobs
    if status == 504 and _own_code(body) != 504:
        raise errors.ProviderServerError(code=status)  # some gateways send JSON, but useapi repeats its status inside
    return status, body


def _own_code(body: object) -> int | None:
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None


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
        return errors.Busy(retry_after=retry_after_seconds(retry_after))
    return _ERRORS.get(code, errors.BadRequest if code < 500 else errors.ProviderServerError)(code=code)
