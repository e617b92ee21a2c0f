"""The gateway: sessions that identify, hear events, lose their connection and resume."""

import asyncio
import json
import secrets
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import WSCloseCode, web

from tests.fakes.discord.channels import ChannelState
from tests.fakes.discord.messages import Json

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, INVALID, HELLO, ACK = 0, 1, 2, 6, 9, 10, 11
UNKNOWN_ERROR, BAD_TOKEN, BAD_SHARD = 4000, 4004, 4010
A_DAY, STARTS = 86_400, 1000


@dataclass(frozen=True, kw_only=True)
class Identify:
    """One of the 1,000 that a bot has in a day."""

    at: float
    shard: tuple[int, int]
    intents: int


class Socket(web.WebSocketResponse):
    """A connection that sends frames as text, or all of them as one zlib stream.

    https://discord.com/developers/docs/events/gateway#transport-compression
    """

    def __init__(self, *, compressed: bool) -> None:
        super().__init__(compress=False, timeout=1.0)
        self._stream = zlib.compressobj() if compressed else None

    async def send_payload(self, frame: Json) -> None:
        text = json.dumps(frame)
        if self._stream is None:
            await self.send_str(text)
        else:
            await self.send_bytes(self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH))

    async def send_raw(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            await self.send_str(frame)
        else:
            await self.send_bytes(frame)


@dataclass(kw_only=True)
class Session:
    """What was sent to one shard; without `socket` it waits for a RESUME."""

    id: str
    shard: tuple[int, int]
    socket: Socket | None
    sent: list[Json] = field(default_factory=list)

    async def dispatch(self, event: str, data: Json) -> None:
        self.sent.append({"op": DISPATCH, "t": event, "s": len(self.sent) + 1, "d": data})
        await self.send(self.sent[-1])

    async def send(self, frame: Json) -> None:
        if self.socket and not self.socket.closed:
            with suppress(ConnectionError):  # the bot was killed a moment ago
                await self.socket.send_payload(frame)


class Gateway:
    """All sessions of the one bot; `url` is where it listens, `shards` how many it must open."""

    def __init__(self, world: ChannelState, shards: int) -> None:
        self.world, self.shards = world, shards
        self.url = ""
        self.token = ""
        self.identifies: list[Identify] = []
        self.sessions: dict[int, Session] = {}  # by shard: a new one takes the place of the old
        self.greetings: list[str | bytes] = []
        """Frames that stand in for the HELLO of the next connections, one each."""
        self.ends_before: Literal["", "HELLO", "READY"] = ""
        """Where each new connection is closed, as by a gateway in trouble."""
        self.connections = 0
        """How many were opened so far."""
        self._sockets: set[Socket] = set()

    @property
    def ready(self) -> bool:
        return sum(session.socket is not None for session in self.sessions.values()) == self.shards

    def limits(self) -> Json:
        used = sum(self.world.now() - each.at < A_DAY for each in self.identifies)
        return {"total": STARTS, "remaining": max(0, STARTS - used), "reset_after": A_DAY * 1000, "max_concurrency": 1}

    async def serve(self, request: web.Request) -> Socket:
        compression = request.query.get("compress")
        if compression not in (None, "zlib-stream"):
            self.world.violations.append(f"The gateway does not model the compression {compression}")
        socket = Socket(compressed=compression is not None)
        try:
            await socket.prepare(request)
            self._sockets.add(socket)
            self.connections += 1
            if self.ends_before == "HELLO":
                await socket.close(code=WSCloseCode.GOING_AWAY)
            elif self.greetings:
                await socket.send_raw(self.greetings.pop(0))
            else:
                await socket.send_payload({"op": HELLO, "d": {"heartbeat_interval": 41_250}})
            async for frame in socket:
                await self._hear(socket, frame.json())
        except ConnectionError:
            pass  # the bot was killed while it was spoken to
        finally:
            self._sockets.discard(socket)
            for session in self.sessions.values():
                session.socket = None if session.socket is socket else session.socket
            self.world.changed()
        return socket

    async def _hear(self, socket: Socket, frame: Json) -> None:
        match frame["op"]:
            case 1:
                await socket.send_payload({"op": ACK, "d": None})
            case 2 | 6 if frame["d"]["token"] != self.token:
                await socket.close(code=BAD_TOKEN, message=b"Authentication failed.")
            case 2:
                await self._identify(socket, frame["d"])
            case 6:
                await self._resume(socket, frame["d"])
            case other:
                self.world.violations.append(f"The gateway does not model op {other}")

    async def _identify(self, socket: Socket, payload: Json) -> None:
        number, count = payload.get("shard", [0, 1])
        self.identifies.append(Identify(at=self.world.now(), shard=(number, count), intents=payload["intents"]))
        if payload["intents"]:
            self.world.violations.append(f"Intents {payload['intents']} asked for: their events are not modelled")
        if self.limits()["remaining"] == 0:
            self.world.violations.append("1,000 IDENTIFYs in a day: Discord would have reset the token")
        if not 0 <= number < count:
            await socket.close(code=BAD_SHARD, message=b"Invalid shard.")
            return
        if self.ends_before == "READY":
            await socket.close(code=UNKNOWN_ERROR)
            return
        session = self.sessions[number] = Session(id=secrets.token_hex(8), shard=(number, count), socket=socket)
        guilds = [{"id": str(guild), "unavailable": True} for guild in self.world.guilds if self._on(guild) == number]
        await session.dispatch("READY", {
            "v": 10, "user": self.world.bot.json(), "guilds": guilds, "session_id": session.id,
            "session_type": "normal", "resume_gateway_url": self.url, "shard": [number, count],
            "application": {"id": str(self.world.bot.id), "flags": 0},
        })  # fmt: skip
        self.world.changed()

    async def _resume(self, socket: Socket, payload: Json) -> None:
        session = next((each for each in self.sessions.values() if each.id == payload["session_id"]), None)
        if session is None:
            await socket.send_payload({"op": INVALID, "d": False})
            return
        session.socket = socket
        for missed in session.sent[payload["seq"] :]:
            await session.send(missed)
        await session.dispatch("RESUMED", {})
        self.world.changed()

    def _on(self, guild_id: int) -> int:
        return (guild_id >> 22) % self.shards

    async def dispatch(self, guild_id: int, event: str, data: Json) -> None:
        """Dispatch to the guild's shard; kept for a RESUME while that is away, lost when it never was there."""
        if session := self.sessions.get(self._on(guild_id)):
            await session.dispatch(event, data)

    async def send_raw(self, frame: str | bytes) -> int:
        """Send a frame as it stands, text or binary, on every connection; how many there are."""
        sockets = list(self._sockets)
        for socket in sockets:
            await socket.send_raw(frame)
        return len(sockets)

    async def drop(self, code: int = UNKNOWN_ERROR, *, forget: bool = False, shard: int | None = None) -> None:
        """Close every connection, or a shard's; `forget` the sessions too, so that a RESUME is refused."""
        sockets = list(self._sockets) if shard is None else [self.sessions[shard].socket]
        if forget:
            self.sessions.clear()
        await asyncio.gather(*(socket.close(code=code) for socket in sockets if socket))

    async def close(self) -> None:
        await self.drop(WSCloseCode.GOING_AWAY, forget=True)
