"""A small HTTP server at one address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.errors import StartError

LARGEST_BODY = 64 * 1024
"""Bytes of a request, after decompression."""


@asynccontextmanager
async def serve(routes: list[web.RouteDef], *, host: str, port: int, setting: str) -> AsyncIterator[int]:
    """Answer at this address until the end; the port, which the system chooses where `port` is 0.

    Raises `StartError`, which names the `setting`, where the address cannot be had.
    """
    application = web.Application(client_max_size=LARGEST_BODY)
    application.add_routes(routes)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as trouble:
            raise StartError(
                f"{setting} {port} cannot be opened on {host}: {trouble.strerror}. Is something else on it?"
            ) from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
