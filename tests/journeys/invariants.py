"""What holds in every journey, whatever its story: judged over all requests that the bot made of Discord."""

import re
from collections.abc import Iterator
from typing import Any

from simcord.types import HttpLogEntry

from tests.fakes.discord.openapi_validator import openapi_validator

_ROUTES = {
    r"/channels/\d+/messages": "/channels/{channel_id}/messages",
    r"/channels/\d+/messages/\d+": "/channels/{channel_id}/messages/{message_id}",
    r"/interactions/\d+/[^/]+/callback": "/interactions/{interaction_id}/{interaction_token}/callback",
    r"/webhooks/\d+/[^/]+/messages/@original": "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
}


def violations(requests: list[HttpLogEntry]) -> Iterator[str]:
    """The complaints: whoever is not named cannot be pinged, and Discord's own description allows every body."""
    for request in requests:
        if isinstance(request.json, dict):
            yield from _mentions(request.json.get("data") or request.json)
            yield from _limits(request.method, request.path, request.json)


def _mentions(message: dict[str, Any]) -> Iterator[str]:
    if message.get("content") or message.get("embeds"):
        mentions = message.get("allowed_mentions")
        if mentions is None or mentions.get("parse") != [] or mentions.get("replied_user") or mentions.get("roles"):
            yield f"this may ping anybody: {mentions} with {str(message)[:200]}"


def _limits(method: str, path: str, body: dict[str, Any]) -> Iterator[str]:
    judge = openapi_validator()
    route = next((route for pattern, route in _ROUTES.items() if re.fullmatch(pattern, path)), None)
    if judge is not None and route is not None and (complaint := judge.request(method, route, body)):
        yield complaint
