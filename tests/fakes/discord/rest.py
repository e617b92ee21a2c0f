"""Discord's REST routes, as far as the bot uses them: each a function of the world and the call."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.fakes.discord.channels import Channel, Refusal
from tests.fakes.discord.interactions import Interaction, lookup
from tests.fakes.discord.messages import File, Json, Message
from tests.fakes.discord.people import People
from tests.fakes.discord.servers import guild_json, member_json, role_json


@dataclass(kw_only=True)
class Call:
    """A request that was read: `params` are the holes of the route, `uploads` files as (field, name, bytes)."""

    method: str
    route: str
    params: dict[str, str]
    query: dict[str, str]
    authorization: str = ""
    body: Any = None
    uploads: list[tuple[str, str, bytes]] = field(default_factory=list)

    @classmethod
    async def read(cls, request: web.Request, route: str) -> "Call":
        call = cls(
            method=request.method,
            route=route,
            params=dict(request.match_info),
            query=dict(request.query),
            authorization=request.headers.get("Authorization", ""),
        )
        if request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader):
                    continue
                if part.name == "payload_json":
                    call.body = json.loads(await part.text())
                elif part.name:
                    call.uploads.append((part.name, part.filename or "", bytes(await part.read())))
        elif text := await request.text():
            call.body = json.loads(text)
        return call

    def id(self, hole: str) -> int:
        text = self.params[hole]
        if not text.isdecimal():
            raise Refusal(50035)
        return int(text)

    @property
    def message(self) -> Json:
        """The part of the body that is a message."""
        body: Json = self.body or {}
        return (body.get("data") or {}) if self.route.endswith("/callback") else body

    def files(self, world: People, channel_id: int) -> list[File]:
        """The uploads as files; `attachments` of the body says what is to be read out for them."""
        texts = {str(entry["id"]): entry.get("description") for entry in self.message.get("attachments") or []}
        of = [(name, data, texts.get(key.removeprefix("files[").removesuffix("]"))) for key, name, data in self.uploads]
        return [world.file(channel_id, name, data, text) for name, data, text in of]


Reply = Json | list[Json] | None
"""What is answered as JSON with 200; `None` is 204."""


def gateway_bot(world: People, call: Call) -> Reply:
    return {"url": world.gateway.url, "shards": world.gateway.shards, "session_start_limit": world.gateway.limits()}


def me(world: People, call: Call) -> Reply:
    return world.bot.json() | {"mfa_enabled": False, "locale": "en-US", "verified": True}


def my_guilds(world: People, call: Call) -> Reply:
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 200))
    bare: Json = {"icon": None, "banner": None, "owner": False, "permissions": "0", "features": []}
    return [bare | {"id": str(guild), "name": name} for guild, name in world.guilds.items() if guild > after][:limit]


def application(world: People, call: Call) -> Reply:
    nothing = dict.fromkeys(("icon", "type", "role_connections_verification_url", "team"))
    counts = dict.fromkeys((f"approximate_{what}_count" for what in ("guild", "user_install", "user_authorization")), 0)
    texts = {"name": world.bot.name, "description": "", "verify_key": "0" * 64, "flags_new": "0"}
    lists: Json = {"redirect_uris": [], "eligible_oauth2_scopes": []}
    body = nothing | counts | texts | lists | {"flags": 0, "explicit_content_filter": 0, "bot_public": True}
    body |= {"bot_require_code_grant": False, "interactions_endpoint_url": world.interactions_endpoint_url}
    return body | {"id": str(world.bot.id), "owner": world.owner.json(), "bot": world.bot.json()}


def list_commands(world: People, call: Call) -> Reply:
    return world.commands.get(int(call.params.get("guild_id", 0)), [])


def put_commands(world: People, call: Call) -> Reply:
    guild = int(call.params.get("guild_id", 0))
    old = {(command["name"], command["type"]): command["id"] for command in world.commands.get(guild, [])}
    world.commands[guild] = [_command(world, command, old, guild) for command in call.body]
    return world.commands[guild]


def _command(world: People, command: Json, old: dict[tuple[str, int], str], guild: int) -> Json:
    """A registered command; one that was there keeps its id."""
    kind = command.get("type", 1)
    known = old.get((command["name"], kind), str(world.snowflake()))
    own = {"id": known, "application_id": str(world.bot.id), "version": str(world.snowflake()), "type": kind}
    defaults = {"default_member_permissions": None, "description": ""}
    permissions = command.get("default_member_permissions")
    given = {key: value for key, value in command.items() if value is not None}
    if permissions is not None:
        given["default_member_permissions"] = str(permissions)
    return defaults | given | own | ({"guild_id": str(guild)} if guild else {})


def get_guild(world: People, call: Call) -> Reply:
    return guild_json(world, call.id("guild_id"))


def get_role(world: People, call: Call) -> Reply:
    role = call.id("role_id")
    name = world.roles.get(call.id("guild_id"), {}).get(role)
    if name is None:
        raise Refusal(10011)
    return role_json(role, name)


def get_member(world: People, call: Call) -> Reply:
    return member_json(world, call.id("guild_id"), call.id("user_id"))


def get_channel(world: People, call: Call) -> Reply:
    return world.open_channel(call.id("channel_id")).json()


def open_dm(world: People, call: Call) -> Reply:
    person = world.people[int(call.body["recipient_id"])]
    known = next((channel for channel in world.channels.values() if channel.recipient == person), None)
    channel = known or Channel(id=world.snowflake(), name=person.name, recipient=person)
    return world.channels.setdefault(channel.id, channel).json()


def type_in(world: People, call: Call) -> Reply:
    channel = world.open_channel(call.id("channel_id"))
    world.open_channel(channel.id, "SEND_MESSAGES_IN_THREADS" if channel.parent_id else "SEND_MESSAGES")
    return None


def post_message(world: People, call: Call) -> Reply:
    channel = call.id("channel_id")
    return world.post(channel, call.message, call.files(world, channel)).json()


def get_messages(world: People, call: Call) -> Reply:
    return [message.json() for message in world.history(call.id("channel_id"), call.query)]


def get_message(world: People, call: Call) -> Reply:
    return world.find(call.id("channel_id"), call.id("message_id"), "READ_MESSAGE_HISTORY").json()


def edit_message(world: People, call: Call) -> Reply:
    channel = call.id("channel_id")
    return world.edit(channel, call.id("message_id"), call.message, call.files(world, channel)).json()


def delete_message(world: People, call: Call) -> Reply:
    message = world.find(call.id("channel_id"), call.id("message_id"))
    if message.author is not world.bot:
        world.open_channel(message.channel_id, "MANAGE_MESSAGES")
    world.delete_message(message.id)
    return None


def callback(world: People, call: Call) -> Reply:
    interaction = world.interactions.get(call.params["interaction_token"])
    if interaction is None or str(interaction.id) != call.params["interaction_id"]:
        raise Refusal(10062)
    body = interaction.respond(call.body, call.files(world, interaction.channel_id))
    return body if call.query.get("with_response") in {"1", "true"} else None


def _behind(world: People, call: Call) -> tuple[Interaction, str]:
    return lookup(world.interactions, call.params["webhook_token"]), call.params.get("message_id", "@original")


def follow_up(world: People, call: Call) -> Reply:
    interaction, _ = _behind(world, call)
    return interaction.follow_up(call.message, call.files(world, interaction.channel_id)).json()


def get_answer(world: People, call: Call) -> Reply:
    interaction, which = _behind(world, call)
    return interaction.find(which).json()


def edit_answer(world: People, call: Call) -> Reply:
    interaction, which = _behind(world, call)
    message: Message = interaction.edit(which, call.message, call.files(world, interaction.channel_id))
    return message.json()


def delete_answer(world: People, call: Call) -> Reply:
    interaction, which = _behind(world, call)
    world.delete_message(interaction.find(which).id)
    return None


APPLICATION = "/applications/{application_id}"
GUILD = "/guilds/{guild_id}"
CHANNEL = "/channels/{channel_id}"
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"

ROUTES: list[tuple[str, str, Callable[[People, Call], Reply]]] = [
    ("GET", "/gateway/bot", gateway_bot),
    ("GET", "/users/@me", me),
    ("GET", "/users/@me/guilds", my_guilds),
    ("POST", "/users/@me/channels", open_dm),
    ("GET", "/oauth2/applications/@me", application),
    ("GET", "/applications/@me", application),
    ("GET", APPLICATION + "/commands", list_commands),
    ("PUT", APPLICATION + "/commands", put_commands),
    ("GET", APPLICATION + "/guilds/{guild_id}/commands", list_commands),
    ("PUT", APPLICATION + "/guilds/{guild_id}/commands", put_commands),
    ("GET", GUILD, get_guild),
    ("GET", GUILD + "/members/{user_id}", get_member),
    ("GET", GUILD + "/roles/{role_id}", get_role),
    ("GET", CHANNEL, get_channel),
    ("POST", CHANNEL + "/typing", type_in),
    ("POST", CHANNEL + "/messages", post_message),
    ("GET", CHANNEL + "/messages", get_messages),
    ("GET", CHANNEL + "/messages/{message_id}", get_message),
    ("PATCH", CHANNEL + "/messages/{message_id}", edit_message),
    ("DELETE", CHANNEL + "/messages/{message_id}", delete_message),
    ("POST", "/interactions/{interaction_id}/{interaction_token}/callback", callback),
    ("POST", WEBHOOK, follow_up),
    *(
        (method, f"{WEBHOOK}/messages/{which}", answer)
        for which in ("@original", "{message_id}")
        for method, answer in (("GET", get_answer), ("PATCH", edit_answer), ("DELETE", delete_answer))
    ),
]
"""Method, path as Discord's OpenAPI file spells it, and what answers."""
