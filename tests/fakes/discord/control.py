"""The fake Discord as a process of its own: what a test says to it, over HTTP under /_control/."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
from aiohttp import ClientSession, ClientTimeout, web

from tests.fakes.discord.interactions import Interaction
from tests.fakes.discord.messages import Message

if TYPE_CHECKING:
    from tests.fakes.discord.server import FakeDiscord

T = TypeVar("T")

SAME_NAME = (
    "add_guild", "add_channel", "add_member", "deny", "allow", "delete_channel", "kick", "say", "messages",
    "delete_message", "slash", "autocomplete", "menu", "click", "wait_ready", "fail", "heal",
)  # fmt: skip
"""Methods of `FakeDiscord`; their arguments are the fields of the JSON body."""


def handler(discord: "FakeDiscord") -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of POST /_control/<verb>: 200 with what the method returned, or 400 with an `error`."""

    async def handle(request: web.Request) -> web.Response:
        try:
            result = _verb(discord, request.match_info["verb"])(**(await request.json()))
            result = _plain(await result if isawaitable(result) else result)
        except (LookupError, TimeoutError, TypeError, ValueError) as error:
            result, status = {"error": f"{type(error).__name__}: {error}"}, 400
        else:
            status = 200
        return web.Response(status=status, body=msgspec.json.encode(result), content_type="application/json")

    return handle


def _verb(discord: "FakeDiscord", verb: str) -> Callable[..., Any]:
    def of(interaction_id: int) -> Interaction:
        return next(each for each in discord.interactions.values() if each.id == interaction_id)

    async def changed(since: int, within: float) -> int:
        await discord.wait_until(lambda: discord.version > since, within)
        return discord.version

    if verb in SAME_NAME:
        method: Callable[..., Any] = getattr(discord, verb)
        return method
    others: dict[str, Callable[..., Any]] = {
        "requests": lambda since=0: discord.requests[since:],
        "identifies": lambda: discord.identifies,
        "violations": lambda: discord.violations,
        "faults_met": lambda: discord.faults_met,
        "send_raw": discord.gateway.send_raw,
        "time_out": lambda guild_id, seconds: discord.time_outs.update({guild_id: discord.now() + seconds}),
        "drop_gateway": discord.gateway.drop,
        "changed": changed,
        "acknowledged": lambda interaction, within=15.0: of(interaction).acknowledged(within),
        "answered": lambda interaction, within=15.0: of(interaction).answered(within),
        "submit_modal": lambda interaction, values: discord.submit_modal(of(interaction), values),
        "replay": lambda interaction: discord.replay(of(interaction)),
        "set_nonce_window": lambda seconds: setattr(discord, "nonce_window", seconds),
    }
    return others[verb]


def _plain(result: Any) -> Any:
    match result:
        case Message():
            return result.json()
        case Interaction():
            return result.id
        case list():
            return [_plain(each) for each in result]
    return result


class RemoteFakeDiscord:
    """A fake Discord in another process: its methods as verbs, ids and JSON instead of objects.

    `await discord.do("slash", channel_id=…, who=…, name="job", options={…})` gives the interaction's id, which
    `do("answered", interaction=…)` takes; messages come as Discord's JSON.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.api_url = f"{origin}/api/v10"

    async def __aenter__(self) -> Self:
        self._session = ClientSession(timeout=ClientTimeout(total=None))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    async def do(self, verb: str, **what: Any) -> Any:
        async with self._session.post(f"{self.origin}/_control/{verb}", json=what) as response:
            result = await response.json()
        if response.status != 200:
            raise RuntimeError(result["error"])
        return result

    async def wait_until(self, seen: Callable[[], Awaitable[T]], within: float = 15.0) -> T:
        """What `seen` gives as soon as that is truthy; evaluated again at every change over there."""
        version = 0
        async with asyncio.timeout(within):
            while not (found := await seen()):
                version = await self.do("changed", since=version, within=within)
        return found
