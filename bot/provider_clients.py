"""Opens the clients of the providers that the settings name."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from bot.models import ProviderName
from bot.providers.registry import Providers
from bot.providers.useapi import UseapiClient
from bot.settings import Settings


@asynccontextmanager
async def open_providers(
    settings: Settings, trace: Callable[[ProviderName], aiohttp.TraceConfig] | None
) -> AsyncIterator[Providers]:
    """Yield the providers that are set up, each with an HTTP session of its own, which `trace` follows."""
    async with AsyncExitStack() as stack:

        async def session(name: ProviderName) -> aiohttp.ClientSession:
            traces = [] if trace is None else [trace(name)]
            return await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trace_configs=traces)
            )

        yield Providers(
            UseapiClient(
                session=await session(ProviderName.USEAPI),
                url=settings.useapi_url,
                token=settings.useapi_token.reveal(),
                reply_url=settings.callback_url(ProviderName.USEAPI),
            )
        )
