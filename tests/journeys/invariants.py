"""What holds in every journey, whatever its story: judged over all requests that the bot made of Discord."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from simcord.types import HttpLogEntry

from bot import discord_internals, ui
from tests.fakes.discord.openapi_validator import openapi_validator

_ROUTES = {
    r"/channels/\d+/messages": "/channels/{channel_id}/messages",
    r"/channels/\d+/messages/\d+": "/channels/{channel_id}/messages/{message_id}",
    r"/interactions/\d+/[^/]+/callback": "/interactions/{interaction_id}/{interaction_token}/callback",
    r"/webhooks/\d+/[^/]+/messages/@original": "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
}


def violations(requests: list[HttpLogEntry]) -> Iterator[str]:
    """The complaints.

    Whoever is not named cannot be pinged, a bot that was started again handles all buttons, selects and forms, and
    Discord's own description allows every body.
    """
    for request in requests:
        if isinstance(request.json, dict):
            data = request.json.get("data") or request.json
            yield from _mentions(data)
            yield from _handlers(data)
            yield from _limits(request.method, request.path, request.json)


def _mentions(message: dict[str, Any]) -> Iterator[str]:
    if message.get("content") or message.get("embeds"):
        mentions = message.get("allowed_mentions")
        if mentions is None or mentions.get("parse") != [] or mentions.get("replied_user") or mentions.get("roles"):
            yield f"this may ping anybody: {mentions} with {str(message)[:200]}"


def _handlers(data: dict[str, Any]) -> Iterator[str]:
    """One class for each: discord.py would run all whose pattern fits, also those that it met when they were sent."""
    if "title" in data:  # a form, whose fields are its own
        if sum(form.template.fullmatch(data["custom_id"]) is not None for form in ui.FORMS) != 1:
            yield f"not exactly one of FORMS handles {data['custom_id']}"
        return
    for custom_id in _custom_ids(data.get("components") or []):
        if _handled(custom_id) != 1:
            yield f"not exactly one of ALL handles {custom_id}"


@cache
def _handled(custom_id: str) -> int:
    return sum(discord_internals.template_of(item).fullmatch(custom_id) is not None for item in ui.ALL)


def _custom_ids(components: list[dict[str, Any]]) -> Iterator[str]:
    for component in components:
        if "custom_id" in component:
            yield component["custom_id"]
        yield from _custom_ids(component.get("components", []))


def _limits(method: str, path: str, body: dict[str, Any]) -> Iterator[str]:
    judge = openapi_validator()
    route = next((route for pattern, route in _ROUTES.items() if re.fullmatch(pattern, path)), None)
    if judge is not None and route is not None and (complaint := judge.request(method, route, body)):
        yield complaint
