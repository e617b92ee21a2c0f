"""The parts of discord.py that are not its documented API; nothing else in the bot touches them.

discord.py may change these in any release. Every name and signature relied on is checked when this module is imported:
a missing one is a `RuntimeError` that names it and discord.py's version, so that an update fails at the start and not
in the middle of a night.
"""

import asyncio
import inspect
import re
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, NoReturn

import discord
import discord.gateway
import discord.http
import discord.shard
import yarl

_QUEUE = "_AutoShardedClient__queue"
_SHARDS = "_AutoShardedClient__shards"
_TEMPLATE = "__discord_ui_compiled_template__"

_ATTRIBUTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("shard.AutoShardedClient.launch_shard", ("gateway", "shard_id", "initial")),
    ("gateway.DiscordWebSocket.DEFAULT_GATEWAY", ()),
    ("gateway.DiscordWebSocket.from_client", ("client", "initial", "gateway", "shard_id")),
    ("shard.Shard.__init__", ("ws", "client", "queue_put")),
    ("shard.Shard.launch", ()),
    ("http.Route.BASE", ()),
    ("http.Route.__init__", ("method", "path", "parameters")),
    ("http.HTTPClient.request", ("route", "kwargs")),
    ("http.HTTPClient.close", ()),
    ("http.HTTPClient.get_channel", ("channel_id",)),
    ("http.HTTPClient.get_member", ("guild_id", "member_id")),
    ("http.HTTPClient.get_role", ("guild_id", "role_id")),
    ("http.HTTPClient.get_bot_gateway", ()),
)
"""Names within the package `discord`, and of functions the parameters that are passed."""

_USED_NAMES: tuple[tuple[str, str], ...] = (
    ("client.Client.__init__", "http"),
    ("shard.AutoShardedClient.launch_shards", "launch_shard"),  # `bot.client` overrides it
    ("shard.AutoShardedClient.connect", _QUEUE),
    ("shard.AutoShardedClient._get_websocket", _SHARDS),
    ("ui.DynamicItem.__init_subclass__", _TEMPLATE),
)
"""Functions, and an attribute of an instance or a subclass that each must use: no class has it to be looked up."""


def _verify() -> None:
    for name, parameters in _ATTRIBUTES:
        found = _find(name)
        for parameter in parameters:
            if parameter not in inspect.signature(found).parameters:
                _fail(f"the parameter {parameter} of discord.{name}")
    for function, name in _USED_NAMES:
        if name not in _find(function).__code__.co_names:
            _fail(f"the use of {name} in discord.{function}")


def _find(name: str) -> Any:
    try:
        return attrgetter(name)(discord)
    except AttributeError:
        _fail(f"discord.{name}")


def _fail(name: str) -> NoReturn:
    raise RuntimeError(
        f"discord.py {discord.__version__} does not have {name}, which Darkroom relies on: "
        "install the version that requirements.txt names."
    )


_verify()


# --- REST -----------------------------------------------------------------------------------------------------------


def set_api_url(url: str) -> None:
    """Send all REST requests of this process to `url`, such as "https://discord.com/api/v10"."""
    discord.http.Route.BASE = url


async def close_http(client: discord.Client) -> None:
    """Close the client's REST session, without the farewell on the gateway that `Client.close` waits for."""
    await client.http.close()


async def get_channel(client: discord.Client, channel_id: int) -> Mapping[str, Any]:
    """GET /channels/{id} as Discord sent it: `Client.fetch_channel` needs the server's data, which come with intents.

    Raises `discord.HTTPException`, or what aiohttp raises.
    """
    return await client.http.get_channel(channel_id)


async def get_role(client: discord.Client, guild_id: int, role_id: int) -> Mapping[str, Any]:
    """GET /guilds/{id}/roles/{id} as Discord sent it; raises `discord.HTTPException`, or what aiohttp raises."""
    return await client.http.get_role(guild_id, role_id)


async def timed_out_until(client: discord.Client, guild_id: int) -> datetime | None:
    """Until when the bot itself is timed out in a server; `None` where it is not.

    A time-out is in no permission, and only GET /guilds/{id}/members/{id} shows it without intents. Raises
    `discord.HTTPException`, or what aiohttp raises.
    """
    assert client.user is not None, "it is logged in"
    member = await client.http.get_member(guild_id, client.user.id)
    return discord.utils.parse_time(member.get("communication_disabled_until"))


async def edit_original_response(
    client: discord.Client, application_id: int, token: str, payload: Mapping[str, Any]
) -> None:
    """Edit the first answer to an interaction by its token: discord.py does so only while it holds the interaction.

    Raises `discord.HTTPException`, or what aiohttp raises.
    """
    route = discord.http.Route(
        "PATCH",
        "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
        webhook_id=application_id,
        webhook_token=token,
    )
    await client.http.request(route, json=payload)


# --- gateway --------------------------------------------------------------------------------------------------------


def is_token_refused(error: BaseException) -> bool:
    """Whether GET /gateway/bot was answered 401; discord.py raises `GatewayNotFound` from any refusal of it."""
    refusal = error.__cause__ if isinstance(error, discord.GatewayNotFound) else None
    return isinstance(refusal, discord.HTTPException) and refusal.status == 401


async def connect_shard(
    client: discord.AutoShardedClient, gateway: yarl.URL, shard_id: int, *, initial: bool = False
) -> None:
    """Connect one shard to `gateway` and start it; one attempt, of at most `client.shard_connect_timeout` seconds.

    Raises `discord.ConnectionClosed`, `TimeoutError`, or what aiohttp raises.
    """
    websocket = discord.gateway.DiscordWebSocket
    websocket.DEFAULT_GATEWAY = gateway  # the address for reconnects without a session to resume
    async with asyncio.timeout(client.shard_connect_timeout):
        socket = await websocket.from_client(client, initial=initial, gateway=gateway, shard_id=shard_id)
    private = vars(client)
    shard = discord.shard.Shard(socket, client, private[_QUEUE].put_nowait)
    private[_SHARDS][shard_id] = shard
    shard.launch()


# --- buttons --------------------------------------------------------------------------------------------------------


def template_of(item: type[discord.ui.DynamicItem[Any]]) -> re.Pattern[str]:
    """The pattern that a custom_id matches as a whole when this kind of item answers it."""
    template: re.Pattern[str] = getattr(item, _TEMPLATE)
    return template
