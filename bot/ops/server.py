"""A small HTTP server at one address."""

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

LARGEST_BODY = 64 * 1024
"""Bytes of a request, after decompression."""
MOST_CONNECTIONS = 100
"""At one address. Whoever holds connections open takes files from the bot, which needs them for Discord and useapi."""

_WHY = {
    errno.EADDRINUSE: "something else is on it; stop that, or choose another port",
    errno.EACCES: "ports below 1024 want more rights; choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


@asynccontextmanager
async def serve(routes: list[web.RouteDef], *, host: str, port: int, setting: str) -> AsyncIterator[int]:
    """Answer at this address until the end; the port, which the system chooses where `port` is 0.

    Raises `StartError`, which names the `setting`, where the address cannot be had.
    """
    application = web.Application(client_max_size=LARGEST_BODY)
    application.add_routes(routes)
    log.addFilter(_callers_fault_is_no_error)
    runner = web.AppRunner(application, access_log=None, logger=log, shutdown_timeout=1.0)
    async with AsyncExitStack() as opened:
        await runner.setup()
        opened.push_async_callback(runner.cleanup)
        assert runner.server is not None
        try:
            listening = await asyncio.get_running_loop().create_server(partial(_accept, runner.server), host, port)
        except OSError as error:
            why = _WHY.get(error.errno or 0, error.strerror)
            raise StartError(f"{setting} {port} cannot be opened on {host}: {why}.") from None
        opened.callback(listening.close)
        yield int(listening.sockets[0].getsockname()[1])


def _accept(server: web.Server) -> RequestHandler:
    """One more connection; those in excess go, the oldest first: a call or a question takes milliseconds."""
    for oldest in server.connections[: max(len(server.connections) - MOST_CONNECTIONS + 1, 0)]:
        oldest.force_close()
    return server()


_CALLERS_FAULT = (http_exceptions.HttpProcessingError, web.RequestPayloadError, ConnectionError)


def _callers_fault_is_no_error(record: logging.LogRecord) -> bool:
    """Strangers can send thousands of requests that are no HTTP; aiohttp writes a page for each, DEBUG has a line."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, _CALLERS_FAULT):
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    record.msg, record.args, record.exc_info = (
        f"A request broke off or made no sense ({type(error).__name__})",
        (),
        None,
    )
    return logging.getLogger().isEnabledFor(logging.DEBUG)
