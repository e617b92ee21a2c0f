"""The limits of Discord that matter most, for where its OpenAPI file is not at hand (and those not in it)."""

from collections.abc import Iterator
from typing import Any

from tests.fakes.discord.messages import COMPONENTS_V2, TEXT, Json, parts

EMBED = {"title": 256, "description": 4096, "url": 2048}
FIELD = {"name": 256, "value": 1024}
BUTTON = {"label": 80, "custom_id": 100, "url": 512}
IN_TOTAL = 6000  # characters over all embeds of a message


def complaints(body: Any, files: int) -> list[str]:
    """What Discord would refuse (400, 50035) in the body of a message or of an interaction's answer."""
    if not isinstance(body, dict):
        return []
    message = body["data"] or {} if "data" in body else body
    components = message.get("components") or []
    panel = bool((message.get("flags") or 0) & COMPONENTS_V2)
    return [
        *_message(message),
        *_embeds(message.get("embeds") or []),
        *(_panel(message, components) if panel else _only_rows(components)),
        *_rows(components),
        *(["more than 10 files"] if files > 10 else []),
    ]


def _only_rows(components: list[Json]) -> Iterator[str]:
    if len(components) > 5:
        yield "more than 5 rows"
    if list(parts(components, TEXT)):
        yield "a text among the components without the flag"


def _panel(message: Json, components: list[Json]) -> Iterator[str]:
    """Components V2: https://discord.com/developers/docs/components/reference"""
    if message.get("content") or message.get("embeds"):
        yield "components of version 2 beside content or embeds"
    if sum(1 + len(part.get("components", [])) for part in components) > 40:
        yield "more than 40 components"
    if sum(len(part["content"]) for part in parts(components, TEXT)) > 4000:
        yield "more than 4,000 characters among the components"


def _too_long(part: Json, limits: dict[str, int], where: str) -> Iterator[str]:
    for key, limit in limits.items():
        if len(str(part.get(key) or "")) > limit:
            yield f"{where}.{key} has {len(part[key])} of {limit} characters"


def _message(message: Json) -> Iterator[str]:
    yield from _too_long(message, {"content": 2000, "nonce": 25, "title": 45, "custom_id": 100}, "message")
    if len(message.get("choices") or []) > 25:
        yield "more than 25 choices"
    allowed = message.get("allowed_mentions") or {}
    for kind in ("users", "roles"):
        if kind in allowed.get("parse", []) and allowed.get(kind):
            yield f"allowed_mentions parses all {kind} and lists some"


def _embeds(embeds: list[Json]) -> Iterator[str]:
    if len(embeds) > 10:
        yield "more than 10 embeds"
    total = 0
    for embed in embeds:
        fields, footer, author = embed.get("fields", []), embed.get("footer", {}), embed.get("author", {})
        yield from _too_long(embed, EMBED, "embed")
        yield from _too_long(footer, {"text": 2048}, "embed.footer")
        yield from _too_long(author, {"name": 256}, "embed.author")
        for each in fields:
            yield from _too_long(each, FIELD, "embed.field")
        if len(fields) > 25:
            yield "more than 25 fields"
        texts = [embed.get("title"), embed.get("description"), footer.get("text"), author.get("name")]
        total += sum(len(text or "") for text in (*texts, *(each[key] for each in fields for key in FIELD)))
    if total > IN_TOTAL:
        yield f"the embeds have {total} of {IN_TOTAL} characters"


def _rows(rows: list[Json]) -> Iterator[str]:
    if any(len(row.get("components", [])) > 5 for row in rows):
        yield "more than 5 buttons in a row"
    for button in parts(rows, 2):
        yield from _too_long(button, BUTTON, "button")
        if bool(button.get("custom_id")) == bool(button.get("url")):
            yield "a button needs a custom_id or a url, and not both"
        if not (button.get("label") or button.get("emoji")):
            yield "a button without label and emoji"
    ids = [part["custom_id"] for part in parts(rows, 2, 3, 4, 5, 6, 7, 8) if part.get("custom_id")]
    if len(ids) != len(set(ids)):
        yield "two components with one custom_id"
