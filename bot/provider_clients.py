"""Opens the clients of the providers that the settings name."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from bot.errors import StartError
from bot.models import ProviderName
from bot.providers.base import Provider
from bot.providers.registry import Providers
from bot.providers.useapi import UseapiClient
from bot.settings import USEAPI_HOST, Secret, Settings


@asynccontextmanager
async def open_providers(
    settings: Settings, trace: Callable[[ProviderName], aiohttp.TraceConfig] | None
) -> AsyncIterator[Providers]:
    """Yield the providers that are set up, each with an HTTP session of its own, which `trace` follows."""
    async with AsyncExitStack() as stack:

        async def session(name: ProviderName) -> aiohttp.ClientSession:
            traces = [] if trace is None else [trace(name)]
            return await stack.enter_async_context(open_session(*traces))

        if settings.mj_proxy_url is not None:
            raise StartError("midjourney-proxy is not supported yet: take MJ_PROXY_URL out of the settings.")
        clients: list[Provider] = []
        if settings.useapi_token is not None:
            name = ProviderName.USEAPI
            url, token, reply_url = settings.useapi_url, settings.useapi_token, settings.callback_url(name)
            clients.append(useapi_client(await session(name), url=url, token=token, reply_url=reply_url))
        yield Providers(*clients)


def open_session(*traces: aiohttp.TraceConfig) -> aiohttp.ClientSession:
    """Return a session for one provider, to be entered; cookies of one answer are not sent with the next request."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trace_configs=list(traces))


def useapi_client(session: aiohttp.ClientSession, *, url: str, token: Secret, reply_url: str = "") -> UseapiClient:
    """Return the client of useapi.net, or of a compatible server."""
    ended = urlsplit(url).hostname == USEAPI_HOST
    return UseapiClient(session=session, url=url, token=token.reveal(), reply_url=reply_url, ended=ended)
