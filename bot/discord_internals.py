"""The parts of discord.py that are not its documented API; nothing else in the bot touches them.

discord.py may change these in any release. Every name and signature relied on is checked when this module is imported:
a missing one is a `RuntimeError` that names it and discord.py's version, so that an update fails at the start and not
in the middle of a night.
"""

import asyncio
import inspect
import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from operator import attrgetter
from typing import Any, NoReturn

import aiohttp
import discord
import discord.gateway
import discord.http
import discord.shard
import discord.webhook.async_
import yarl

log = logging.getLogger(__name__)

_GLOBAL_OVER = "_global_over"
_QUEUE = "_AutoShardedClient__queue"
_SHARDS = "_AutoShardedClient__shards"
_TEMPLATE = "__discord_ui_compiled_template__"

_ATTRIBUTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("shard.AutoShardedClient.launch_shard", ("gateway", "shard_id", "initial")),
    ("gateway.DiscordWebSocket.DEFAULT_GATEWAY", ()),
    ("gateway.DiscordWebSocket.from_client", ("client", "initial", "gateway", "shard_id")),
    ("gateway.DiscordWebSocket.log_receive", ()),
    ("gateway.DiscordWebSocket.poll_event", ()),
    ("gateway.DiscordWebSocket.received_message", ()),
    ("gateway.ReconnectWebSocket.__init__", ("shard_id", "resume")),
    ("gateway.WebSocketClosure", ()),
    ("shard.Shard.__init__", ("ws", "client", "queue_put")),
    ("shard.Shard.launch", ()),
    ("shard.EventItem.__init__", ("etype", "shard", "error")),
    ("shard.EventType.identify", ()),
    ("shard.EventType.reconnect", ()),
    ("shard.EventType.resume", ()),
    ("shard.EventType.terminate", ()),
    ("http.Ratelimit.acquire", ()),
    ("http.Ratelimit.reset", ()),
    ("http.Route.BASE", ()),
    ("http.Route.__init__", ("method", "path", "parameters")),
    ("http.HTTPClient.request", ("route", "kwargs")),
    ("http.json_or_text", ("response",)),
    ("http.HTTPClient.close", ()),
    ("http.HTTPClient.get_channel", ("channel_id",)),
    ("http.HTTPClient.get_member", ("guild_id", "member_id")),
    ("http.HTTPClient.get_role", ("guild_id", "role_id")),
    ("http.HTTPClient.get_bot_gateway", ()),
)
"""Names within the package `discord`, and of functions the parameters that are passed."""

_USED_NAMES: tuple[tuple[str, str], ...] = (
    ("client.Client.__init__", "http"),
    ("gateway.DiscordWebSocket.poll_event", "WebSocketClosure"),
    ("gateway.DiscordWebSocket.received_message", "log_receive"),
    ("gateway.DiscordWebSocket.received_message", "sequence"),
    ("http.HTTPClient.get_ratelimit", "Ratelimit"),
    ("http.HTTPClient.request", "json_or_text"),
    ("http.HTTPClient.request", _GLOBAL_OVER),
    ("http.HTTPClient.static_login", _GLOBAL_OVER),  # which makes it before `setup_hook` is called
    ("shard.AutoShardedClient.launch_shards", "launch_shard"),  # `bot.client` overrides it
    ("shard.Shard._handle_disconnect", "_backoff"),
    ("shard.Shard.reconnect", "DiscordWebSocket"),
    ("shard.Shard.reidentify", "DiscordWebSocket"),
    ("webhook.async_.AsyncWebhookAdapter.request", "json_or_text"),
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


# --- data that cannot be read -----------------------------------------------------------------------------------------


class UnreadableAnswer(aiohttp.ClientError, OSError):
    """A successful answer of Discord's REST API without JSON, such as a proxy's page: what was done is not known."""


class UnreadableFrame(discord.gateway.ReconnectWebSocket):
    """The gateway sent what is no event, so the connection was closed and must be made again."""


_json_or_text = discord.http.json_or_text
_FRESH_SESSION_AFTER = 2  # connections that ended in a row: the session may be gone, or hold what cannot be read
_IN_A_ROW = 120.0  # seconds from one to the next: one IDENTIFY for each leaves some of the day's 1,000
_retry_after: ContextVar[float] = ContextVar("seconds that the task's last 429 asked for", default=0.0)
_EVENT = re.compile(r"(?!READY$|RESUMED$)[A-Z_]{1,60}")


def expect_unreadable_data() -> None:
    """Have discord.py raise `UnreadableAnswer`, and connect again after unreadable frames, in this whole process."""
    discord.http.json_or_text = _read_answer
    discord.webhook.async_.json_or_text = _read_answer  # type: ignore[attr-defined]  # a name that it imports
    discord.shard.DiscordWebSocket = _GatewaySocket  # type: ignore[misc]  # the class that its reconnects use


async def _read_answer(response: aiohttp.ClientResponse) -> Any:
    """Decode a response as discord.py does; raises `UnreadableAnswer` for a successful one that it cannot use.

    A 429 always has its `retry_after`; raises `discord.HTTPException` for one without JSON, such as a proxy's.
    """
    answer: Any
    try:
        answer = await _json_or_text(response)
    except ValueError:
        answer = await response.text(encoding="utf-8", errors="replace")
    readable = isinstance(answer, dict | list) or (response.status != 200 and answer == "")
    if 200 <= response.status < 300 and not readable:
        raise UnreadableAnswer(f"HTTP {response.status} without JSON")
    if response.status == 429:
        if not isinstance(answer, dict | list):  # discord.py would look for `retry_after` in the text
            raise discord.HTTPException(response, answer)
        answer = _with_pause(answer, response.headers.get("Retry-After", ""))
        _retry_after.set(answer["retry_after"])
    return answer


def _with_pause(answer: dict[str, Any] | list[Any], header: str) -> dict[str, Any]:
    """A 429 with the `retry_after` that discord.py reads: where the body has none, the header's, or a second.

    https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit
    """
    body = answer if isinstance(answer, dict) else {}
    if isinstance(body.get("retry_after"), int | float):
        return body
    return {**body, "retry_after": float(header) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", header) else 1.0}


class _GatewaySocket(discord.gateway.DiscordWebSocket):
    """A connection that is closed after an unreadable frame; discord.py itself would end the process."""

    has_session = False
    """Whether the gateway sent READY or RESUMED, or an event that follows them."""
    _text: str = ""
    _unreadable = False

    def log_receive(self, data: Any, /) -> None:
        """Keep the decompressed frame until it is read."""
        self._text = data

    async def received_message(self, msg: Any, /) -> None:
        """Read a frame. An event that discord.py fails over is ignored; raises `WebSocketClosure` for no event."""
        before = self.sequence
        try:
            await super().received_message(msg)
            self.has_session = self.has_session or self.sequence not in {None, before}
        except (
            discord.gateway.ReconnectWebSocket,
            discord.gateway.WebSocketClosure,
            discord.ConnectionClosed,
            aiohttp.ClientError,
            OSError,
        ):
            raise
        except Exception as error:  # noqa: BLE001 -- anything may be wrong with a frame
            name = type(error).__name__
            if event := _event_in(self._text):
                log.warning("The event %s of Discord's gateway cannot be read (%s); it is ignored", event, name)
                return
            log.warning("Discord's gateway sent what cannot be read (%s); connecting again", name)
            self._unreadable = True
            raise discord.gateway.WebSocketClosure from None
        finally:
            self._text = ""

    async def poll_event(self) -> None:
        """Read the next frame; raises `UnreadableFrame` after an unreadable one, when the connection is closed."""
        try:
            await super().poll_event()
        except discord.gateway.ReconnectWebSocket as error:
            if self._unreadable:
                raise UnreadableFrame(error.shard_id, resume=error.resume) from None
            raise


def _event_in(text: str) -> str | None:
    """The name of the event in a frame, where it can be done without; `None` for READY and RESUMED."""
    try:
        frame = json.loads(text)
    except ValueError:
        return None
    name = frame.get("t") if isinstance(frame, dict) and frame.get("op") == 0 else None
    return name if isinstance(name, str) and _EVENT.fullmatch(name) else None


class _ShardEvents:
    """Hands a shard's events on to the client, its reconnects after a pause where the one before did not last.

    `pause` gives the seconds before the n-th attempt in a row, counted from 0. Left alone, discord.py would reconnect
    at once however often the gateway ends the connection, and use up the day's IDENTIFYs; end the client where the
    gateway does so during a reconnect; and pause up to 17 minutes between attempts that fail, while no shard can
    reconnect.
    """

    def __init__(self, client: discord.AutoShardedClient, pause: Callable[[int], float]) -> None:
        self._put: Callable[[discord.shard.EventItem], None] = vars(client)[_QUEUE].put_nowait
        self._dispatch = client.dispatch
        self._pause = pause
        self._ended = 0  # connections in a row
        self._last = -math.inf  # when the last of them was made again
        self._failed = 0  # attempts to connect, in a row

    def __call__(self, item: discord.shard.EventItem) -> None:
        """Hand an event on."""
        if item.shard is not None and isinstance(item.error, discord.gateway.ReconnectWebSocket):
            self._connect_again(item.shard, item.error)
        elif item.shard is not None and item.type == discord.shard.EventType.reconnect:
            self._try_again(item.shard, item)
        else:
            self._put(item)

    def _connect_again(self, shard: discord.shard.Shard, error: discord.gateway.ReconnectWebSocket) -> None:
        """The gateway ended the connection, or sent what cannot be read."""
        self._dispatch("shard_disconnect", shard.id)  # discord.py does so after the pause
        loop = asyncio.get_running_loop()
        if loop.time() - self._last > _IN_A_ROW:
            self._ended = 0
        resume = error.resume and self._ended < _FRESH_SESSION_AFTER
        pause = 0.0
        if isinstance(error, UnreadableFrame):  # logged where it was read
            pause = self._pause(self._ended)
        elif self._ended > 0:  # Discord ends connections now and then
            pause = self._pause(self._ended)
            log.warning("Discord's gateway ended the connection again; next try in %.0f s", pause)
        self._ended += 1
        self._last = loop.time() + pause
        kind = discord.shard.EventType.resume if resume else discord.shard.EventType.identify
        reconnect = discord.gateway.ReconnectWebSocket(shard.id, resume=resume)
        self._put_after(pause, discord.shard.EventItem(kind, shard, reconnect))

    def _try_again(self, shard: discord.shard.Shard, item: discord.shard.EventItem) -> None:
        """No connection could be made."""
        if isinstance(shard.ws, _GatewaySocket) and shard.ws.has_session:
            shard.ws.has_session = False  # it stays the shard's last connection until the next one
            self._failed = 0
        pause = self._pause(self._failed)
        self._failed += 1
        name = type(item.error).__name__
        log.warning("Discord's gateway cannot be reached (%s); next try in %.0f s", name, pause)
        self._put_after(pause, item)

    def _put_after(self, pause: float, item: discord.shard.EventItem) -> None:
        if pause > 0:
            asyncio.get_running_loop().call_later(pause, self._put, item)
        else:
            self._put(item)


class _NoDelay:
    """Stands in for a shard's backoff: `_ShardEvents` pauses, and without keeping other shards from reconnecting."""

    def delay(self) -> float:
        """Return the seconds that discord.py sleeps after a failed attempt."""
        return 0.0


# --- REST -----------------------------------------------------------------------------------------------------------


def set_api_url(url: str) -> None:
    """Send all REST requests of this process to `url`, such as "https://discord.com/api/v10"."""
    discord.http.Route.BASE = url


class _SelfOpening(asyncio.Event):
    """What all requests wait for during a global rate limit: it is over after the time that Discord said.

    discord.py ends it in the request that met the limit. Where that is cancelled meanwhile, by a timeout of ours, no
    request would be sent ever again.
    """

    def clear(self) -> None:
        """Hold all requests back for a time; called in the task that received the 429."""
        super().clear()
        asyncio.get_running_loop().call_later(_retry_after.get(), self.set)


class _Ratelimit(discord.http.Ratelimit):
    """The rate limit of a route, which ends also where the last request to it was cancelled.

    discord.py resets it in the request that used it up. Where that is cancelled twice, by two timeouts of ours, nothing
    does, and whoever does not wait for 30 seconds gets no answer of this route any more.
    """

    async def acquire(self) -> None:
        """Wait for a turn."""
        is_idle = self.outgoing == 0 and self.expires is None and not self._sleeping.locked()
        if self.remaining <= 0 and is_idle:
            self.reset()  # type: ignore[no-untyped-call]  # discord.py gives it no types
        await super().acquire()


def end_rate_limits(client: discord.Client) -> None:
    """Have rate limits end also where the requests that met them were cancelled; call it in `setup_hook`."""
    discord.http.Ratelimit = _Ratelimit  # type: ignore[misc]  # the class that its requests use
    event = _SelfOpening()
    event.set()
    vars(client.http)[_GLOBAL_OVER] = event


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
    await client.http.request(_original_response("PATCH", application_id, token), json=payload)


async def get_original_response(client: discord.Client, application_id: int, token: str) -> Mapping[str, Any]:
    """Read the first answer to an interaction by its token, as Discord shows it.

    Raises `discord.HTTPException`, or what aiohttp raises.
    """
    answer: Mapping[str, Any] = await client.http.request(_original_response("GET", application_id, token))
    return answer


async def delete_original_response(client: discord.Client, application_id: int, token: str) -> None:
    """Delete the first answer to an interaction by its token; raises as `edit_original_response`."""
    await client.http.request(_original_response("DELETE", application_id, token))


def _original_response(method: str, application_id: int, token: str) -> discord.http.Route:
    path = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
    return discord.http.Route(method, path, webhook_id=application_id, webhook_token=token)


async def send_private(client: discord.Client, application_id: int, token: str, content: str) -> None:
    """Send a member another private message by the token of their interaction; raises as `edit_original_response`."""
    route = discord.http.Route(
        "POST", "/webhooks/{webhook_id}/{webhook_token}", webhook_id=application_id, webhook_token=token
    )
    flags = discord.MessageFlags(ephemeral=True).value
    await client.http.request(route, json={"content": content, "flags": flags, "allowed_mentions": {"parse": []}})


# --- gateway --------------------------------------------------------------------------------------------------------


GatewayClosed = discord.gateway.ReconnectWebSocket
"""Raised where the gateway ended the connection, or sent nothing readable, before the session began."""


def is_token_refused(error: BaseException) -> bool:
    """Whether GET /gateway/bot was answered 401; discord.py raises `GatewayNotFound` from any refusal of it."""
    refusal = error.__cause__ if isinstance(error, discord.GatewayNotFound) else None
    return isinstance(refusal, discord.HTTPException) and refusal.status == 401


async def connect_shard(
    client: discord.AutoShardedClient,
    gateway: yarl.URL,
    shard_id: int,
    *,
    initial: bool = False,
    pause: Callable[[int], float],
) -> None:
    """Connect one shard to `gateway` and start it; one attempt, of at most `client.shard_connect_timeout` seconds.

    `pause` gives the seconds before the n-th reconnect in a row, counted from 0. Raises `discord.ConnectionClosed`,
    `GatewayClosed`, `TimeoutError`, or what aiohttp raises.
    """
    websocket = _GatewaySocket
    websocket.DEFAULT_GATEWAY = gateway  # the address for reconnects without a session to resume
    async with asyncio.timeout(client.shard_connect_timeout):
        socket = await websocket.from_client(client, initial=initial, gateway=gateway, shard_id=shard_id)
    shard = discord.shard.Shard(socket, client, _ShardEvents(client, pause))
    shard._backoff = _NoDelay()  # type: ignore[assignment]  # it has all of the type that is used
    vars(client)[_SHARDS][shard_id] = shard
    shard.launch()


# --- buttons --------------------------------------------------------------------------------------------------------


def template_of(item: type[discord.ui.DynamicItem[Any]]) -> re.Pattern[str]:
    """The pattern that a custom_id matches as a whole when this kind of item answers it."""
    template: re.Pattern[str] = getattr(item, _TEMPLATE)
    return template
