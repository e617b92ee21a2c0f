"""The door at which useapi.net may knock when a job has news: POST …/useapi/<secret>.

useapi signs nothing, so the address itself is the secret. What a call says is used for one thing only: which job to
ask useapi about. https://useapi.net/docs/api-v2/post-jobs-imagine (replyUrl) tells what is sent.
"""

import asyncio
import hmac

from aiohttp import web

from bot.errors import InvalidResponse
from bot.polling import WebhookInbox
from bot.providers.useapi import parse_job

_PATIENCE = 10.0  # seconds for a body of a few KB


class WebhookRoutes:
    """Answers the calls; `secret` is the last part of the address."""

    def __init__(self, webhooks: WebhookInbox, secret: str) -> None:
        self._push = webhooks
        self._secret = secret.encode()

    def routes(self) -> list[web.RouteDef]:
        """The one path; what a proxy leaves before it does not matter."""
        return [web.post("/{before:(?:.*/)?}useapi/{secret}", self.called)]

    async def called(self, request: web.Request) -> web.Response:
        """200 to every call that names a job, known or not: nobody learns here which jobs there are."""
        if not hmac.compare_digest(request.match_info["secret"].encode(errors="replace"), self._secret):
            raise web.HTTPNotFound
        try:
            async with asyncio.timeout(_PATIENCE):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, ConnectionError):  # it cannot be decompressed, or broke off
            raise web.HTTPBadRequest from None
        try:
            jobid = parse_job(body, jobid="").jobid
        except InvalidResponse:
            jobid = ""
        if not jobid:
            raise web.HTTPBadRequest
        await self._push.received(jobid)
        return web.Response(text="ok")
