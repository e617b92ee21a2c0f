"""Webhook endpoint of each provider: POST …/<provider>/<secret>.

No provider signs its calls, so the URL itself is the secret. Only the job id of a call is used, to poll that job at
once; the rest of the body is not trusted.
"""

import asyncio
import hmac
from collections.abc import Mapping

from aiohttp import web

from bot.models import ProviderName
from bot.polling import WebhookInboxes
from bot.providers.registry import Providers

_TIMEOUT_SECONDS = 10.0  # for a body of a few KB


class WebhookRoutes:
    """Handles the webhook calls of all providers; `secrets` are the last segments of their URLs' paths."""

    def __init__(self, providers: Providers, webhooks: WebhookInboxes, secrets: Mapping[ProviderName, str]) -> None:
        self._providers = {str(provider.name): provider for provider in providers}
        self._webhooks = webhooks
        self._secrets = {name: secrets[provider.name].encode() for name, provider in self._providers.items()}

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each provider; a path prefix that a reverse proxy leaves is accepted."""
        return [web.post(f"/{{before:(?:.*/)?}}{{provider:{'|'.join(self._providers)}}}/{{secret}}", self.called)]

    async def called(self, request: web.Request) -> web.Response:
        """Answer 200 to every call that names a job, known or not, so that responses do not reveal which jobs exist.

        A wrong secret is 404, a body without a job id 400, a body that takes too long 408.
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
        provider = self._providers[name]
        jobid = provider.jobid_in_call(body)
        if not jobid:
            raise web.HTTPBadRequest
        await self._webhooks.received(provider.name, jobid)
        return web.Response(text="ok")
