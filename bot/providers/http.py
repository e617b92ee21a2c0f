"""One bounded request to a job API: a status, the bytes of the answer, or a `TransientError`."""

import io
import math
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, NamedTuple

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from bot import errors

MAX_RESPONSE_BYTES = 1024 * 1024  # after decompression; a job has about 2 KB
MAX_RETRY_AFTER = 300.0  # seconds; a longer Retry-After would stop the poller

_CONNECT_TIMEOUT = 10.0  # seconds
_NO_ADDRESS = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""The errors of getaddrinfo for a name that does not exist and for one without an address; some systems have one."""


class RequestKind(StrEnum):
    """What a request is for. The values are those of the metrics."""

    POLL = "poll"
    SUBMIT = "submit"
    OTHER = "other"


class Response(NamedTuple):
    """An HTTP response: `body` is bounded and decompressed, `retry_after` is that header's raw value."""

    status: int
    body: bytes
    retry_after: str | None = None


class Http:
    """Sends requests to the API at `url`, with `headers` that authorize them. The caller owns `session`."""

    def __init__(self, *, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> None:
        self._session = session
        self._base = URL(url.rstrip("/"))
        self._base_path = self._base.raw_path.rstrip("/")
        self._headers = CIMultiDict({**headers, "Accept": "application/json"})

    @property
    def host(self) -> str | None:
        """The host of the API, for a repr."""
        return self._base.host

    async def request(
        self,
        method: str,
        path: str,
        client_timeout: aiohttp.ClientTimeout,
        fields: Mapping[str, Any] | None = None,
        *,
        query: str = "",
        max_bytes: int = MAX_RESPONSE_BYTES,
        kind: RequestKind = RequestKind.OTHER,
    ) -> Response:
        """Send one request, with `fields` as JSON, and return its response; `path` and `query` are percent-encoded.

        Raises `NotSent` where there never was a connection (`HostUnknown`: the host has no address), `RequestTimeout`,
        `Unreachable` where it broke, and `InvalidResponse` for more than `max_bytes`. The error is raised after the
        `except` clauses, not inside: aiohttp's own exceptions hold the request's headers, and with them the token, so
        they must not even be the context of ours.
        """
        error: errors.TransientError
        try:
            async with self._session.request(
                method,
                self._address(path, query),
                # As a stream: aiohttp writes bytes at once, and pictures in base64 would block the event loop.
                data=None if fields is None else io.BytesIO(msgspec.json.encode(fields)),
                headers=self._headers if fields is None else {**self._headers, "Content-Type": "application/json"},
                timeout=client_timeout,
                trace_request_ctx=kind,
                allow_redirects=False,  # a redirect would carry the token along; it is answered as what it is
            ) as response:
                body = await _read_bounded(response, max_bytes)
                return Response(response.status, body, response.headers.get("Retry-After"))
        except aiohttp.ClientConnectorDNSError as failure:
            error = errors.HostUnknown() if failure.os_error.errno in _NO_ADDRESS else errors.NotSent()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):  # there never was a connection
            error = errors.NotSent()
        except TimeoutError:
            error = errors.RequestTimeout()
        except (aiohttp.ClientError, OSError):
            error = errors.Unreachable()
        raise error

    def _address(self, path: str, query: str) -> URL:
        """Build the URL from its parts, which takes a third of the time of parsing it."""
        return URL.build(
            scheme=self._base.scheme,
            authority=self._base.raw_authority,
            path=self._base_path + path,
            query_string=query,
            encoded=True,
        )


def time_limit(seconds: float) -> aiohttp.ClientTimeout:
    """Return the limit for a whole request, and a shorter one for its connection."""
    return aiohttp.ClientTimeout(total=seconds, connect=min(seconds, _CONNECT_TIMEOUT))


def retry_after_seconds(header: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds (0-300) of a Retry-After header, a number or an HTTP date; `None` where it has neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = _seconds_until(header, now or datetime.now(UTC))
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _seconds_until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()


async def _read_bounded(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Read the whole body, decompressed piece by piece: 600 MB of zeros fit into 600 KB of gzip."""
    pieces, size, content = [], 0, response.content
    while not content.at_eof():
        piece = await content.readany()
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise errors.InvalidResponse(code=response.status)
    return b"".join(pieces)
