"""The messages of the fake Discord: posted once for each nonce, edited, deleted, read page by page."""

import base64
import copy
import mimetypes
import re
from typing import Any

from tests.fakes.discord.channels import Channel, ChannelState, Refusal
from tests.fakes.discord.limits import Window
from tests.fakes.discord.messages import (
    COMPONENTS_V2,
    LOADING,
    PLAIN,
    REPLY,
    SILENT,
    File,
    Json,
    Message,
    Person,
    numbered,
)

UNKNOWN_REPLY = {"message_reference": {"_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]}}


class World(ChannelState):
    """Channels with messages in them.

    `nonce_window`: how long (s) an author's nonce is remembered. `old_edits`: how many edits of messages older than an
    hour a channel takes in how many seconds. `file_limit`: bytes a file may have.
    """

    def __init__(
        self,
        *,
        nonce_window: float = 120.0,
        file_limit: int = 10 * 1024 * 1024,
        old_edits: tuple[int, float] = (5, 60.0),
        **state: Any,
    ) -> None:
        super().__init__(**state)
        self.nonce_window, self.file_limit, self.old_edits = nonce_window, file_limit, old_edits
        self.every_message: dict[int, Message] = {}
        self.uploads: dict[int, File] = {}
        self._nonces: dict[str, tuple[float, Message]] = {}
        self._old_edits: dict[int, Window] = {}

    def say(self, channel_id: int, who: int, content: str) -> Message:
        """A member writes something (without an intent, the bot does not receive it)."""
        return self.store(self.draft(channel_id, self.people[who]), {"content": content}, [])

    def messages(self, channel_id: int) -> list[Message]:
        """The messages of the channel, oldest first, answers for one person alone left out."""
        return [message for message in self.channels[channel_id].messages.values() if not message.deleted]

    def delete_message(self, message_id: int) -> None:
        self.every_message[message_id].deleted = True
        self.changed()

    def post(self, channel_id: int, body: Json, files: list[File]) -> Message:
        """A message by the bot. A nonce that its author used within the window gives the first message again."""
        channel = self.open_channel(channel_id)
        self.open_channel(channel_id, "SEND_MESSAGES_IN_THREADS" if channel.parent_id else "SEND_MESSAGES")
        if files:
            self.open_channel(channel_id, "ATTACH_FILES")
        self.weigh(files)
        nonce = body.get("nonce")
        if body.get("enforce_nonce") and (first := self._first_with(str(nonce))):
            if first.deleted:
                raise Refusal(10008)
            return first
        if not channel.recipient and "EMBED_LINKS" not in self.rights(channel, self.bot):
            body = {**body, "embeds": []}
        draft = self.draft(channel_id, self.bot, nonce=nonce, flags=(body.get("flags") or 0) & SILENT)
        if reference := body.get("message_reference"):
            self._reply(channel, draft, reference)
        message = self.store(draft, body, files)
        if nonce is not None:
            self._nonces[str(nonce)] = (self.now(), message)
        return message

    def _first_with(self, nonce: str) -> Message | None:
        at, message = self._nonces.get(nonce, (float("-inf"), None))
        return message if self.now() - at < self.nonce_window else None

    def _reply(self, channel: Channel, draft: Message, reference: Json) -> None:
        if not channel.recipient and "READ_MESSAGE_HISTORY" not in self.rights(channel, self.bot):
            raise Refusal(160002)
        target = channel.messages.get(int(reference["message_id"]))
        if target and not target.deleted:
            draft.kind, draft.reply_to = REPLY, target.id
        elif reference.get("fail_if_not_exists", True):
            raise Refusal(50035, errors=UNKNOWN_REPLY)

    def draft(self, channel_id: int, author: Person, kind: int = PLAIN, **more: Any) -> Message:
        return Message(id=self.snowflake(), channel_id=channel_id, author=author, created=self.now(), kind=kind, **more)

    def store(self, message: Message, body: Json, files: list[File]) -> Message:
        self.write(message, body, files)
        if not (message.content or message.embeds or message.files or message.components or message.flags & LOADING):
            raise Refusal(50006)
        self.every_message[message.id] = message
        if not message.ephemeral:
            self.channels[message.channel_id].messages[message.id] = message
        self.changed()
        return message

    def write(self, message: Message, body: Json, files: list[File]) -> None:
        """Put what `body` names into the message; what it does not name stays (attachments are named by id)."""
        message.flags |= (body.get("flags") or 0) & COMPONENTS_V2
        if message.flags & COMPONENTS_V2 and (body.get("content") or body.get("embeds")):
            raise Refusal(50035)  # the flag cannot be removed
        if "content" in body:
            message.content = body["content"] or ""
        if (kept := body.get("attachments")) is not None:
            message.files = [file for file in message.files if str(file.id) in {str(entry["id"]) for entry in kept}]
        message.files += files
        if "components" in body:
            message.components = numbered(body["components"] or [])
        if "embeds" in body:
            message.embeds = [{"type": "rich", **embed} for embed in copy.deepcopy(body["embeds"] or [])]
            self._show(message)
        message.mentions = [self.people[who] for who in _pings(message.content, body) if who in self.people]

    def _show(self, message: Message) -> None:
        """Let `attachment://name` in embeds point to the file, which then leaves the list of attachments."""
        named = {file.name: file for file in message.files}
        for file in message.files:
            file.in_embed = False
        for picture in (e[slot] for e in message.embeds for slot in ("image", "thumbnail") if e.get(slot)):
            scheme, _, name = picture["url"].partition("://")
            if scheme == "attachment" and name in named:
                picture["url"] = picture["proxy_url"] = named[name].url
                named[name].in_embed = True
            elif scheme == "attachment":
                self.violations.append(f"An embed shows {picture['url']}, but no such file came with it")

    def file(self, channel_id: int, name: str, data: bytes, description: str | None) -> File:
        made = self.snowflake()
        url = f"{self.origin}/attachments/{channel_id}/{made}/{name}"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return File(id=made, name=name, data=data, url=url, content_type=kind, description=description, now=self.now)

    def upload(self, channel_id: int, name: str, data: str) -> File:
        """A file that a person attached to a command; `data` is in base64."""
        file = self.file(channel_id, name, base64.b64decode(data), None)
        self.uploads[file.id] = file
        return file

    def weigh(self, files: list[File]) -> None:
        if any(len(file.data) > self.file_limit for file in files):
            raise Refusal(40005)

    def find(self, channel_id: int, message_id: int, *needed: str) -> Message:
        """A message that the bot can see in the channel; an answer for one person alone is unknown here."""
        message = self.open_channel(channel_id, *needed).messages.get(message_id)
        if message is None or message.deleted:
            raise Refusal(10008)
        return message

    def edit(self, channel_id: int, message_id: int, body: Json, files: list[File]) -> Message:
        message = self.find(channel_id, message_id)
        if message.author is not self.bot:
            raise Refusal(50005)
        if files:
            self.open_channel(channel_id, "ATTACH_FILES")
        self.weigh(files)
        if self.now() - message.created > 3600:
            window = self._old_edits.setdefault(channel_id, Window(*self.old_edits))
            if wait := window.take(self.now()):
                raise Refusal(30046, retry_after=wait, **{"global": False})
        return self.rewrite(message, body, files)

    def rewrite(self, message: Message, body: Json, files: list[File]) -> Message:
        self.write(message, body, files)
        message.flags &= ~LOADING
        message.edited = self.now()
        self.changed()
        return message

    def history(self, channel_id: int, query: dict[str, str]) -> list[Message]:
        """One page, newest first. Without Read Message History Discord gives an empty page, not an error."""
        channel = self.open_channel(channel_id)
        limit = int(query.get("limit", 50))
        if not 1 <= limit <= 100:
            raise Refusal(50035)
        if not channel.recipient and "READ_MESSAGE_HISTORY" not in self.rights(channel, self.bot):
            return []
        known = self.messages(channel_id)
        if "after" in query:
            page = [m for m in known if m.id > int(query["after"])][:limit]
        elif "around" in query:
            middle = sum(m.id < int(query["around"]) for m in known)
            page = known[max(0, middle - limit // 2) : middle + limit // 2 + 1][:limit]
        else:
            page = [m for m in known if m.id < int(query.get("before", 1 << 63))][-limit:]
        return page[::-1]


def _pings(content: str, body: Json) -> list[int]:
    """The users whom this content tells of itself, as `allowed_mentions` has it (all, where it is not given)."""
    allowed = body.get("allowed_mentions") or {"parse": ["users"]}
    named = dict.fromkeys(int(user) for user in re.findall(r"<@!?(\d+)>", content))
    everyone, listed = "users" in allowed.get("parse", []), {int(user) for user in allowed.get("users", [])}
    return [user for user in named if everyone or user in listed]
