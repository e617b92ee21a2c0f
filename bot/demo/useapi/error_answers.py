"""The error responses of useapi, as https://useapi.net/docs/api-v2 shows them."""

from bot.demo.fake_server.faults import ErrorAnswers

_ERRORS: dict[int, dict[str, object]] = {
    400: {"error": "Query param jobid not provided"},
    401: {"error": "Unauthorized"},
    402: {"error": "Account has no subscription or subscription expired"},
    404: {"error": "Unable to locate job"},
    410: {"error": "Job has expired"},
    422: {"error": "Banned prompt detected", "errorDetails": "A filter stopped it.", "status": "moderated"},
    429: {"error": "Discord 429"},
    500: {"error": "Internal server error"},
    504: {"error": "query overflow"},
    596: {"error": "Action required to continue", "errorDetails": "Please complete the task in Discord."},
}
_FULL = {"error": "Maximum of 3 jobs executing in parallel supported", "executingJobs": ["job:1"], "code": 429}

ERROR_ANSWERS = ErrorAnswers(
    statuses={status: {**body, "code": status} for status, body in _ERRORS.items()},
    named={
        "queue_full": (429, _FULL),
        "busy": (429, {**_ERRORS[429], "code": 429}),
        "unknown_job": (404, {**_ERRORS[404], "code": 404}),
        "account_blocked": (596, {**_ERRORS[596], "code": 596}),
        "declined": (422, {**_ERRORS[422], "code": 422}),
    },
    job={"jobid": "job:1", "verb": "imagine", "status": "progress", "content": "**x** (35%) (fast)", "code": 200},
)
"""useapi repeats the status of an error in its body."""
