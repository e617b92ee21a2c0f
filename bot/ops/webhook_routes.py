"""Webhook endpoint of each provider: POST …/<provider>/<secret>.

No provider signs its calls, so the URL itself is the secret. Only the job id of a call is used, to poll that job at
once; the rest of the body is not trusted.
"""

import asyncio
import hmac
from collections.abc import Mapping
from hashlib import blake2b

from aiohttp import web

from bot.errors import StoreUnavailable
from bot.models import ProviderName
from bot.polling import WebhookInboxes
from bot.providers.registry import Providers
from bot.wakeup import loop_time

_TIMEOUT_SECONDS = 10.0  # for a body of a few KB
_REPEATED_WITHIN = 30.0  # seconds
_MAX_DIGESTS = 1000


class WebhookRoutes:
    """Handles the webhook calls of all providers; `secrets` are the last segments of their URLs' paths."""

    def __init__(self, providers: Providers, webhooks: WebhookInboxes, secrets: Mapping[ProviderName, str]) -> None:
        self._providers = {str(provider.name): provider for provider in providers}
        self._webhooks = webhooks
        self._secrets = {name: secrets[provider.name].encode() for name, provider in self._providers.items()}
        self._recent = {name: RecentBodies() for name in self._providers}

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each provider; a path prefix that a reverse proxy leaves is accepted."""
        return [web.post(f"/{{before:(?:.*/)?}}{{provider:{'|'.join(self._providers)}}}/{{secret}}", self.called)]

    async def called(self, request: web.Request) -> web.Response:
        """Answer 200 to every call that names a job, known or not, so that responses do not reveal which jobs exist.

        A wrong secret is 404, a body without a job id 400, a body that takes too long 408. A body that was acted on
        less than half a minute ago is dropped: a server may repeat one ten times a second. Without the database it is
        503.
        """
        name = request.match_info["provider"]
        if not hmac.compare_digest(request.match_info["secret"].encode(errors="replace"), self._secrets[name]):
            raise web.HTTPNotFound
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, ConnectionError):  # not decompressible, or cut off
            raise web.HTTPBadRequest from None
        if body not in self._recent[name]:
            await self._receive(name, body)
        return web.Response(text="ok")

    async def _receive(self, name: str, body: bytes) -> None:
        provider = self._providers[name]
        jobid = provider.jobid_in_call(body)
        if not jobid:
            raise web.HTTPBadRequest
        try:
            if await self._webhooks.received(provider.name, jobid):  # otherwise a repeat may be acted on
                self._recent[name].add(body)
        except StoreUnavailable:  # already logged and alerted by Database
            raise web.HTTPServiceUnavailable from None


class RecentBodies:
    """The bodies of the last 30 seconds, at most a thousand of them; only their digests are kept."""

    def __init__(self) -> None:
        self._added: dict[bytes, float] = {}  # by the loop's clock, the oldest first

    def __contains__(self, body: bytes) -> bool:
        added = self._added.get(_digest(body))
        return added is not None and loop_time() - added < _REPEATED_WITHIN

    def add(self, body: bytes) -> None:
        """Remember a body from now on, also one that was added before."""
        digest = _digest(body)
        self._added.pop(digest, None)
        self._added[digest] = loop_time()
        if len(self._added) > _MAX_DIGESTS:
            del self._added[next(iter(self._added))]


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()
