"""Whether a server has a route: servers of the protocol differ, and a relay has only a few.

A route that is missing is answered with a 404, with the page of the server's website (HTML with 200), or with a 401
where it is for administrators.
"""

import aiohttp

from bot import errors
from bot.providers.http import Http
from bot.providers.midjourney_proxy.responses import has_code, http_refusal, is_offered, read_task
from bot.providers.midjourney_proxy.status_requests import MAX_LIST_BYTES
from bot.providers.values import Fields

_NO_TASK = "0"
_GATEWAY_TROUBLE = frozenset({502, 503, 504})


async def offers(
    http: Http,
    method: str,
    path: str,
    client_timeout: aiohttp.ClientTimeout,
    fields: Fields | None = None,
    *,
    by_all: bool = False,
    refuses: bool = False,
) -> bool:
    """Whether the server answers on this route with JSON.

    `by_all`: every server lets everybody use it who has the right secret, so that a refusal is raised: `TokenRefused`,
    `Misconfigured`, `SubscriptionEnded` or `Busy`. `refuses`: the route exists too where the server refuses the request
    with a code of the protocol, whatever the HTTP status. Raises a `TransientError` where the server does not answer.
    """
    try:
        response = await http.request(method, path, client_timeout, fields, max_bytes=MAX_LIST_BYTES)
    except errors.InvalidResponse:
        return False  # more than can be read
    if response.status in _GATEWAY_TROUBLE:
        raise errors.ProviderServerError(code=response.status)
    if by_all and (refusal := http_refusal(response)) is not None:
        raise refusal
    return is_offered(response) or (refuses and has_code(response))


async def check_protocol(http: Http, client_timeout: aiohttp.ClientTimeout) -> None:
    """Ask for a task that does not exist; raise `OtherService` where the answer is none of the protocol.

    Raises a `TransientError` where the server does not answer.
    """
    response = await http.request("GET", f"/mj/task/{_NO_TASK}/fetch", client_timeout)
    if response.status >= 500:
        raise errors.ProviderServerError(code=response.status)
    try:
        read_task(response, jobid=_NO_TASK)
    except errors.JobUnknown:
        return
    except (errors.InvalidResponse, errors.ProviderServerError):
        raise errors.OtherService(code=response.status) from None
