"""What keeps the bot from posting although its permissions allow it: asked of Discord, and remembered for minutes.

A time-out, the members of a private thread and the like are in no permission. The bot's own member shows a time-out;
the typing indicator is refused where a message would be.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import discord

from bot import discord_internals
from bot.discord_codes import RefusalKind, refusal_kind
from bot.discord_errors import REQUEST_ERRORS
from bot.models import Destination
from bot.wakeup import loop_time

log = logging.getLogger(__name__)
T = TypeVar("T")

_WAIT_SECONDS = 0.5  # for each of two answers: Discord expects the bot's own, to a press, within 3
_REQUEST_SECONDS = 10.0
_TYPED_SECONDS = 300.0  # how long it is believed that the bot may write,
_REFUSED_SECONDS = 60.0  # and that it may not, while its permissions stay the same
_TIME_OUT_SECONDS = 60.0
_MAX_ANSWERS = 1000


class Refused(NamedTuple):
    """The answer to a typing indicator: no message may be written."""

    status: int
    code: int


class Obstacle(NamedTuple):
    """What keeps the bot from posting, if anything does."""

    timed_out_until: datetime | None = None
    refused: Refused | None = None


class PostingChecks:
    """Asks Discord whether the bot may write in a channel; interactions in the same channel share the answer."""

    def __init__(self, bot: discord.Client) -> None:
        self._bot = bot
        self._time_outs = _Answers(self._ask_for_time_out, lambda _: _TIME_OUT_SECONDS)
        self._typed = _Answers(self._type, lambda refused: _TYPED_SECONDS if refused is None else _REFUSED_SECONDS)

    async def obstacle(self, destination: Destination, permissions: int = 0) -> Obstacle:
        """What keeps the bot from posting in a channel; `permissions` are its own there, as bits, where known.

        It takes a second at most. Without a clear answer of Discord's there is no obstacle: the dispatcher handles a
        refused post.
        """
        until = await self.timed_out_until(destination.guild_id)
        if until is not None:
            return Obstacle(timed_out_until=until)
        return Obstacle(refused=await self._typed.get(destination.channel_id, permissions))

    async def timed_out_until(self, guild_id: int) -> datetime | None:
        """When the bot's time-out in a server ends; `None` where it has none, or Discord does not say so in time.

        A moderator can time a bot out, too: https://support.discord.com/hc/en-us/articles/4413305239191
        """
        until = await self._time_outs.get(guild_id)
        return None if until is None or until <= discord.utils.utcnow() else until

    async def _ask_for_time_out(self, guild_id: int) -> datetime | None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                return await discord_internals.timed_out_until(self._bot, guild_id)
        except REQUEST_ERRORS as error:  # this check keeps no member from requesting a job
            log.info("Could not check the bot's time-out (%s)", type(error).__name__)
        return None

    async def _type(self, channel_id: int) -> Refused | None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                await self._bot.get_partial_messageable(channel_id).typing()
        except (discord.Forbidden, discord.NotFound) as refusal:
            # Without a code it may be a faulty deployment's, or Cloudflare's: it says nothing about the channel.
            if refusal.code and refusal_kind(refusal.status, refusal.code) is not RefusalKind.HOST:
                return Refused(refusal.status, refusal.code)
        except REQUEST_ERRORS as error:
            log.info("Could not check for channel %d (%s)", channel_id, type(error).__name__)
        return None


class _Answers(Generic[T]):
    """Answers of Discord's, each kept for `seconds`; who asks while a request is under way waits for its answer."""

    def __init__(
        self, ask: Callable[[int], Coroutine[Any, Any, T | None]], seconds: Callable[[T | None], float]
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._requests: dict[tuple[int, int], tuple[float, asyncio.Task[T | None]]] = {}

    async def get(self, subject: int, version: int = 0) -> T | None:
        """The answer about a subject, such as a channel's id; another `version` of it is asked about anew.

        Raises what `ask` does, which is then asked again.
        """
        key = (subject, version)
        if not self._is_fresh(key):
            if len(self._requests) >= _MAX_ANSWERS:
                self._requests = {each: request for each, request in self._requests.items() if self._is_fresh(each)}
            self._requests[key] = (loop_time(), asyncio.create_task(self._ask(subject)))
        _, answer = self._requests[key]
        await asyncio.wait({answer}, timeout=_WAIT_SECONDS)
        return answer.result() if answer.done() else None

    def _is_fresh(self, key: tuple[int, int]) -> bool:
        if key not in self._requests:
            return False
        requested_at, answer = self._requests[key]
        if not answer.done():
            return True
        failed = answer.cancelled() or answer.exception() is not None
        return not failed and loop_time() - requested_at < self._seconds(answer.result())
