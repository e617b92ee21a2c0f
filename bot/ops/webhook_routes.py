"""Webhook endpoint for useapi.net: POST …/useapi/<secret>.

useapi.net does not sign its calls, so the URL itself is the secret. Only the job id of a call is used, to poll that job
at once; the rest of the body is not trusted. For its format, see `replyUrl` in
https://useapi.net/docs/api-v2/post-jobs-imagine.
"""

import asyncio
import hmac

from aiohttp import web

from bot.polling import WebhookInbox
from bot.providers.base import Provider

_TIMEOUT_SECONDS = 10.0  # for a body of a few KB


class WebhookRoutes:
    """Handles the webhook calls of `provider`; `secret` is the last segment of the URL's path."""

    def __init__(self, provider: Provider, webhooks: WebhookInbox, secret: str) -> None:
        self._provider = provider
        self._webhooks = webhooks
        self._secret = secret.encode()

    def routes(self) -> list[web.RouteDef]:
        """Return the one route; a path prefix that a reverse proxy leaves is accepted."""
        return [web.post("/{before:(?:.*/)?}useapi/{secret}", self.called)]

    async def called(self, request: web.Request) -> web.Response:
        """Answer 200 to every call that names a job, known or not, so that responses do not reveal which jobs exist.

        A wrong secret is 404, a body without a job id 400, a body that takes too long 408.
        """
        if not hmac.compare_digest(request.match_info["secret"].encode(errors="replace"), self._secret):
            raise web.HTTPNotFound
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, ConnectionError):  # not decompressible, or cut off
            raise web.HTTPBadRequest from None
        jobid = self._provider.jobid_in_call(body)
        if not jobid:
            raise web.HTTPBadRequest
        await self._webhooks.received(jobid)
        return web.Response(text="ok")
