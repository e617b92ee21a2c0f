"""Opens the clients of the providers that the settings name; the packages of the others are not imported."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp

from bot.errors import ProviderError
from bot.models import ProviderName
from bot.providers.base import Provider
from bot.providers.registry import Providers
from bot.settings import USEAPI_HOST, Secret, Settings

log = logging.getLogger(__name__)

_PROBE_AGAIN = 60.0  # seconds


@asynccontextmanager
async def open_providers(
    settings: Settings, trace: Callable[[ProviderName], aiohttp.TraceConfig] | None, now: Callable[[], datetime]
) -> AsyncIterator[Providers]:
    """Yield the providers that are set up, each with an HTTP session of its own, which `trace` follows.

    `now` is the wall clock.
    """
    async with AsyncExitStack() as stack:

        async def session(name: ProviderName) -> aiohttp.ClientSession:
            traces = [] if trace is None else [trace(name)]
            return await stack.enter_async_context(open_session(*traces))

        clients: list[Provider] = []
        if settings.useapi_token is not None:
            name = ProviderName.USEAPI
            url, token, reply_url = settings.useapi_url, settings.useapi_token, settings.callback_url(name)
            clients.append(useapi_client(await session(name), url=url, token=token, reply_url=reply_url))
        if settings.mj_proxy_url is not None and settings.mj_proxy_secret is not None:
            name = ProviderName.MIDJOURNEY_PROXY
            proxy = midjourney_proxy_client(
                await session(name),
                url=settings.mj_proxy_url,
                secret=settings.mj_proxy_secret,
                auth=settings.mj_proxy_auth,
                admin_secret=settings.mj_proxy_admin_secret,
                mode=settings.mj_proxy_mode,
                notify_hook=settings.callback_url(name),
                now=now,
            )
            clients.append(proxy)
            probing = asyncio.create_task(_probe_until_answered(proxy))
            stack.push_async_callback(_end, probing)
        yield Providers(*clients)


async def _probe_until_answered(provider: Provider) -> None:
    """Have a provider find out what its server offers: until it has, jobs are polled one by one."""
    while True:
        try:
            await provider.probe()
            return
        except ProviderError as error:  # said by the start, or by the poller
            log.debug("What a provider offers is not known yet: %s", error)
        await asyncio.sleep(_PROBE_AGAIN)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def open_session(*traces: aiohttp.TraceConfig) -> aiohttp.ClientSession:
    """Return a session for one provider, to be entered; cookies of one answer are not sent with the next request."""
    # Where aiodns is installed, aiohttp would use it, and its errors do not say that a host does not exist.
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=list(traces))


def useapi_client(session: aiohttp.ClientSession, *, url: str, token: Secret, reply_url: str = "") -> Provider:
    """Return the client of useapi.net, or of a compatible server."""
    from bot.providers.useapi import UseapiClient

    ended = urlsplit(url).hostname == USEAPI_HOST
    return UseapiClient(session=session, url=url, token=token.reveal(), reply_url=reply_url, ended=ended)


def midjourney_proxy_client(
    session: aiohttp.ClientSession,
    *,
    url: Secret,
    secret: Secret,
    auth: str,
    admin_secret: Secret | None = None,
    mode: str = "",
    notify_hook: str = "",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Provider:
    """Return the client of a server of the midjourney-proxy protocol."""
    from bot.providers.midjourney_proxy import MidjourneyProxyClient

    return MidjourneyProxyClient(
        session=session,
        url=url.reveal(),
        secret=secret.reveal(),
        auth=auth,
        admin_secret="" if admin_secret is None else admin_secret.reveal(),
        mode=mode,
        notify_hook=notify_hook,
        now=now,
    )
