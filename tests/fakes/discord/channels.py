"""What there is (guilds, channels, people and their rights), the clock, and the news of every change."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.fakes.discord.messages import Json, Message, Person

T = TypeVar("T")

EPOCH = 1_420_070_400_000  # Discord's ids count milliseconds from 2015 on, shifted by 22 bits
BITS = {
    "ADMINISTRATOR": 3, "MANAGE_GUILD": 5, "VIEW_CHANNEL": 10, "SEND_MESSAGES": 11, "MANAGE_MESSAGES": 13,
    "EMBED_LINKS": 14, "ATTACH_FILES": 15, "READ_MESSAGE_HISTORY": 16, "USE_APPLICATION_COMMANDS": 31,
    "SEND_MESSAGES_IN_THREADS": 38,
}  # fmt: skip
BOT_RIGHTS = frozenset(BITS) - {"ADMINISTRATOR", "MANAGE_GUILD", "MANAGE_MESSAGES"}

REASONS = {
    0: (401, "401: Unauthorized"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10011: (404, "Unknown Role"),
    10008: (404, "Unknown Message"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later."),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    160002: (403, "Cannot reply without permission to read message history"),
}


class Refusal(Exception):
    """Discord says no: an error code with its HTTP status and words, and what else stands in the answer."""

    def __init__(self, code: int, **more: Any) -> None:
        self.status, self.body = REASONS[code][0], {"code": code, "message": REASONS[code][1], **more}
        super().__init__(self.body)


@dataclass(kw_only=True)
class Channel:
    """A text channel of a guild, a thread under `parent_id`, or a private channel with `recipient`."""

    id: int
    name: str
    guild_id: int = 0
    parent_id: int = 0
    recipient: Person | None = None
    denied: dict[int, set[str]] = field(default_factory=dict)
    deleted: bool = False
    age_restricted: bool = False
    messages: dict[int, Message] = field(default_factory=dict)

    def json(self) -> Json:
        body: Json = {"id": str(self.id), "flags": 0, "last_message_id": None}
        if self.recipient:
            return body | {"type": 1, "recipients": [self.recipient.json()]}
        body |= {"name": self.name, "guild_id": str(self.guild_id), "rate_limit_per_user": 0}
        body["parent_id"] = str(self.parent_id) if self.parent_id else None
        if not self.parent_id:
            return body | {"type": 0, "position": 0, "nsfw": self.age_restricted, "topic": None}
        age = {"archived": False, "archive_timestamp": "2026-01-01T00:00:00+00:00", "auto_archive_duration": 1440}
        counts = dict.fromkeys(("message_count", "member_count", "total_message_sent"), 0)
        return body | counts | {"type": 11, "owner_id": str(self.id), "thread_metadata": {**age, "locked": False}}


class ChannelState:
    """The state. Times are seconds since 1970 by `now`; ids are plain ints, snowflakes of the moment they were made."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.violations: list[str] = []
        self.origin = ""
        self.interactions_endpoint_url: str | None = None  # of the application, as set in the Developer Portal
        self.version = 0  # of the world: it grows with every change
        self._news = asyncio.Event()
        self._last_id = 0
        self.guilds: dict[int, str] = {}
        self.roles: dict[int, dict[int, str]] = {}  # by guild: name by id
        self.people: dict[int, Person] = {}
        self.channels: dict[int, Channel] = {}
        self.commands: dict[int, list[Json]] = {}
        self.time_outs: dict[int, float] = {}  # by guild: until when the bot is timed out there
        self.bot = self._person("Darkroom", bot=True)
        self.owner = self._person("Owner")

    # the clock and the news

    def snowflake(self) -> int:
        self._last_id = max(self._last_id + 1, (int(self.now() * 1000) - EPOCH) << 22)
        return self._last_id

    def changed(self) -> None:
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()

    async def wait_until(self, seen: Callable[[], T | None], within: float = 15.0, what: str = "") -> T:
        """What `seen` returns as soon as that is truthy; asked anew at every change of the world."""
        try:
            async with asyncio.timeout(within):
                while not (found := seen()):
                    await self._news.wait()
                return found
        except TimeoutError:
            what = what or f"what was waited for ({seen.__qualname__})"
            raise TimeoutError(f"Not seen within {within} s: {what}. Violations: {self.violations}") from None

    # what a test sets up

    def add_guild(self, name: str = "Guild") -> int:
        self.guilds[guild := self.snowflake()] = name
        return guild

    def add_role(self, guild_id: int, name: str) -> int:
        """A role that nobody has; `del roles[guild_id][role]` deletes it."""
        role = self.snowflake()
        self.roles.setdefault(guild_id, {})[role] = name
        return role

    def add_channel(self, guild_id: int, name: str = "pictures", *, parent_id: int = 0) -> int:
        """A new text channel, or a thread where `parent_id` is a channel."""
        channel = Channel(id=self.snowflake(), name=name, guild_id=guild_id, parent_id=parent_id)
        self.channels[channel.id] = channel
        return channel.id

    def add_member(self, guild_id: int, name: str, permissions: tuple[str, ...] = ()) -> int:
        """A member with ordinary rights and `permissions` (Discord's names, such as MANAGE_MESSAGES) on top."""
        return self._person(name, guild_id=guild_id, permissions=BOT_RIGHTS | set(permissions)).id

    def _person(self, name: str, **more: Any) -> Person:
        person = Person(id=self.snowflake(), name=name, **more)
        self.people[person.id] = person
        return person

    def guild_of(self, channel_id: int) -> int:
        return self.channels[channel_id].guild_id

    def deny(self, channel_id: int, permission: str, who: int | None = None) -> None:
        """Take a right from a member, or (without `who`) from the bot, in this channel."""
        self.channels[channel_id].denied.setdefault(who or self.bot.id, set()).add(permission)

    def allow(self, channel_id: int, permission: str, who: int | None = None) -> None:
        self.channels[channel_id].denied.setdefault(who or self.bot.id, set()).discard(permission)

    def delete_channel(self, channel_id: int) -> None:
        self.channels[channel_id].deleted = True

    def kick(self, guild_id: int) -> None:
        """The bot is no longer in the guild: every channel of it answers 50001."""
        del self.guilds[guild_id]

    # rights

    def rights(self, channel: Channel, person: Person) -> frozenset[str]:
        given = BOT_RIGHTS if person is self.bot else person.permissions
        return given - channel.denied.get(person.id, set())

    def is_timed_out(self, guild_id: int) -> bool:
        """Whether a moderator has timed the bot out; its permissions stay as they are."""
        return self.time_outs.get(guild_id, 0) > self.now()

    def bits(self, channel: Channel, person: Person) -> str:
        return str(sum(1 << BITS[name] for name in self.rights(channel, person)))

    def open_channel(self, channel_id: int, *needed: str) -> Channel:
        """The channel, for the bot: 10003, 50001 and 50013 as Discord gives them."""
        channel = self.channels.get(channel_id)
        if channel is None or channel.deleted:
            raise Refusal(10003)
        if channel.recipient:
            return channel
        rights = self.rights(channel, self.bot)
        if channel.guild_id not in self.guilds or "VIEW_CHANNEL" not in rights:
            raise Refusal(50001)
        if not rights.issuperset(needed) or (needed and self.is_timed_out(channel.guild_id)):
            raise Refusal(50013)
        return channel
