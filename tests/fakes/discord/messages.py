"""A message: who wrote it, what it shows, and how Discord tells it."""

import copy
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

EPHEMERAL, LOADING, SILENT, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 12, 1 << 15
ROW, TEXT = 1, 10  # types of components
PLAIN, REPLY, COMMAND = 0, 19, 20
LINK_LIFE = 86_400
"""Seconds that a link to a file lives, as measured on Discord's; who asks for its message gets a fresh one."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Someone with an account; `permissions` are what their roles in guild `guild_id` give them."""

    id: int
    name: str
    guild_id: int = 0
    permissions: frozenset[str] = frozenset()
    bot: bool = False

    def json(self) -> Json:
        empty = dict.fromkeys(("avatar", "banner", "accent_color", "avatar_decoration_data", "primary_guild"))
        names = {"id": str(self.id), "username": self.name.lower(), "global_name": self.name, "discriminator": "0"}
        return empty | names | {"public_flags": 0, "flags": 0, "bot": self.bot}


@dataclass(kw_only=True)
class File:
    """An uploaded file; Discord leaves it out of `attachments` while an embed shows it (discord-api-docs#8279).

    `url` is its bare address, which nobody may open: see `link`.
    """

    id: int
    name: str
    data: bytes
    url: str
    content_type: str
    description: str | None = None
    in_embed: bool = False
    now: Callable[[], float] = time.time

    def json(self) -> Json:
        known = {"id": str(self.id), "filename": self.name, "size": len(self.data), "content_type": self.content_type}
        alt = {"description": self.description} if self.description else {}
        return known | alt | dict.fromkeys(("url", "proxy_url"), self.link())

    def link(self) -> str:
        """A signed link that lives for a day from now.

        https://discord.com/developers/docs/reference#signed-attachment-cdn-urls
        """
        since = f"{int(self.now()):x}"
        until = f"{int(self.now()) + LINK_LIFE:x}"
        return f"{self.url}?ex={until}&is={since}&hm={self._signature(since, until)}&"

    def opens(self, query: Mapping[str, str]) -> bool:
        """Whether a link with this query was signed by us, and is alive."""
        since, until = query.get("is", ""), query.get("ex", "")
        return query.get("hm") == self._signature(since, until) and self.now() < int(until, 16)

    def _signature(self, since: str, until: str) -> str:
        return hashlib.blake2b(f"{self.url} {since} {until}".encode(), digest_size=32).hexdigest()


@dataclass(kw_only=True)
class Message:
    """One message; `created` is in seconds since 1970, `kind` and `flags` are Discord's numbers."""

    id: int
    channel_id: int
    author: Person
    created: float
    kind: int = PLAIN
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    mentions: list[Person] = field(default_factory=list)
    flags: int = 0
    nonce: str | int | None = None
    reply_to: int | None = None
    edited: float | None = None
    deleted: bool = False

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def text(self) -> str:
        """Its content, or the texts among its components."""
        return "\n".join(filter(None, [self.content, *(part["content"] for part in parts(self.components, TEXT))]))

    @property
    def buttons(self) -> list[Json]:
        return list(parts(self.components, 2))

    def button(self, label: str) -> str:
        """The custom_id of the button with this label (or emoji, where it has no label)."""
        return str(
            next(b["custom_id"] for b in self.buttons if label in (b.get("label"), b.get("emoji", {}).get("name")))
        )

    def json(self) -> Json:
        body: Json = {
            "id": str(self.id), "channel_id": str(self.channel_id), "type": self.kind, "content": self.content,
            "author": self.author.json(), "embeds": self._embeds(), "components": self.components, "flags": self.flags,
            "attachments": [file.json() for file in self.files if not file.in_embed],
            "mentions": [person.json() for person in self.mentions], "mention_roles": [], "mention_everyone": False,
            "timestamp": iso(self.created), "edited_timestamp": None if self.edited is None else iso(self.edited),
            "pinned": False, "tts": False,
        }  # fmt: skip
        if self.nonce is not None:
            body["nonce"] = self.nonce
        if self.reply_to is not None:
            body["message_reference"] = {"type": 0, "channel_id": body["channel_id"], "message_id": str(self.reply_to)}
        return body

    def _embeds(self) -> list[Json]:
        """The embeds, with fresh links to the files that they show."""
        links = {file.url: file.link() for file in self.files if file.in_embed}
        embeds = copy.deepcopy(self.embeds)
        for picture in (embed[slot] for embed in embeds for slot in ("image", "thumbnail") if embed.get(slot)):
            if link := links.get(picture["url"]):
                picture["url"] = picture["proxy_url"] = link
        return embeds


def parts(components: list[Json], *kinds: int) -> Iterator[Json]:
    """Every component of these types, however deep it lies."""
    for part in components:
        if part["type"] in kinds:
            yield part
        yield from parts(part.get("components", []), *kinds)
        yield from parts([part["component"]] if "component" in part else [], *kinds)


def numbered(components: list[Json]) -> list[Json]:
    """The components as Discord tells them back: each with an id of its own, plain emoji without one, ids as text."""
    copies = [dict(part) for part in components]
    rows = [
        {**row, "components": [dict(part) for part in row["components"]]} if row["type"] == ROW else row
        for row in copies
    ]
    inner = (part for row in rows if row["type"] == ROW for part in row["components"])
    for number, part in enumerate((*rows, *inner), start=1):
        part.setdefault("id", number)
        if "emoji" in part:
            part["emoji"] = {name: value for name, value in part["emoji"].items() if value is not None}
        if "default_values" in part:
            part["default_values"] = [{**value, "id": str(value["id"])} for value in part["default_values"]]
    return rows


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
