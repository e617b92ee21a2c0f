"""A bounded HTTP server on one address, used for health checks and for webhooks."""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aiohttp import http_exceptions, web
from aiohttp.web_protocol import RequestHandler

from bot.errors import StartError

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
"""Largest request body, after decompression."""
MAX_CONNECTIONS = 100
"""Per address. Open connections use file descriptors, which the bot needs for Discord and its provider."""

_REASONS = {
    errno.EADDRINUSE: "another program uses it; stop that program, or choose another port",
    errno.EACCES: "ports below 1024 need more rights; choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}
_TEMPORARY = {errno.EADDRINUSE, errno.EADDRNOTAVAIL}  # a program that is ending, a network that is not up yet


@asynccontextmanager
async def serve(routes: list[web.RouteDef], *, host: str, port: int, setting: str) -> AsyncIterator[int]:
    """Serve the routes on this address while the context is open; yields the port (the system chooses one for 0).

    Raises `StartError`, which names the `setting`, if the address cannot be bound.
    """
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application.add_routes(routes)
    log.addFilter(_demote_client_errors)
    runner = web.AppRunner(application, access_log=None, logger=log, shutdown_timeout=1.0)
    async with AsyncExitStack() as opened:
        await runner.setup()
        opened.push_async_callback(runner.cleanup)
        assert runner.server is not None
        try:
            listening = await asyncio.get_running_loop().create_server(partial(_accept, runner.server), host, port)
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, error.strerror)
            raise StartError(
                f"{setting} {port} cannot be opened on {host}: {reason}.", temporary=error.errno in _TEMPORARY
            ) from None
        opened.callback(listening.close)
        yield int(listening.sockets[0].getsockname()[1])


def _accept(server: web.Server) -> RequestHandler:
    """Create the handler of a new connection; beyond the limit, close the oldest ones first.

    Legitimate requests take milliseconds, so an old connection is an idle or a slow client.
    """
    for oldest in server.connections[: max(len(server.connections) - MAX_CONNECTIONS + 1, 0)]:
        oldest.force_close()
    return server()


_CLIENT_ERRORS = (http_exceptions.HttpProcessingError, web.RequestPayloadError, ConnectionError)


def _demote_client_errors(record: logging.LogRecord) -> bool:
    """Log malformed and broken-off requests as one line at DEBUG; aiohttp logs an error with a traceback for each."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, _CLIENT_ERRORS):
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    record.msg, record.args, record.exc_info = (
        f"Malformed or interrupted request ({type(error).__name__})",
        (),
        None,
    )
    return logging.getLogger().isEnabledFor(logging.DEBUG)
