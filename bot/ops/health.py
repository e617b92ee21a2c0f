"""Whether the bot does its work, and if not, which part of it does not: for monitors, containers and people.

A part fails where a restart, or a look by the admin, would help. An outage of useapi.net is none of the bot's: it is
told, and changes nothing else.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from bot.client import Darkroom
from bot.errors import StoreUnavailable

GATEWAY_DOWN = 60.0  # seconds; a resume takes one or two, and interactions do not arrive meanwhile
ROUND_STALE = 420.0  # the watcher sleeps for 300 s at most, and a look may take 20
LOOK_LATE = 300.0  # as long as the longest pause between two looks
DELIVERY_LATE = 300.0  # in which nobody took up what could be posted
IN_HAND = 600.0  # one message: a look into the history, and 10 MB through a slow uplink, take five minutes together
WRITE_WITHIN = 10.0  # longer than the nightly copy holds a database of a million jobs
_FRESH = 5.0  # a report is given again for so long: who asks more often costs nothing


class Part(NamedTuple):
    """One part of the bot: whether it does its work, and how it does in a few words."""

    ok: bool
    words: str


class Health:
    """Watches the bot's connections, and asks its other parts when it is asked itself; `now` is the wall clock."""

    def __init__(self, bot: Darkroom, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._now = now
        self._began = asyncio.get_running_loop().time()
        self._down_since: dict[int, float | None] = {}  # by shard; None: it is up
        self._report: Mapping[str, Part] = {}
        self._reported_at = -math.inf
        bot.add_listener(self._up, "on_shard_connect")
        bot.add_listener(self._up, "on_shard_resumed")
        bot.add_listener(self._down, "on_shard_disconnect")

    async def _up(self, shard: int) -> None:
        self._down_since[shard] = None

    async def _down(self, shard: int) -> None:
        if self._down_since.get(shard) is None:
            self._down_since[shard] = _loop_time()

    async def report(self) -> Mapping[str, Part]:
        """Every part by its name, at most five seconds old."""
        if not self._report or _loop_time() - self._reported_at >= _FRESH:
            self._reported_at = _loop_time()
            database = await self._database()
            self._report = {
                "gateway": self._gateway(),
                "watcher": self._watcher(),
                "looks": self._looks(),
                "deliveries": await self._deliveries() if database.ok else Part(ok=True, words="not known"),
                "database": database,
                "push": self._push(),
                "useapi": Part(ok=True, words=self._bot.poller.outage or "answers"),
            }
        return self._report

    def _gateway(self) -> Part:
        shards = self._down_since or {0: self._began}
        if (self._bot.shard_count or 1) > len(shards):
            shards = {**shards, -1: self._began}  # one that was never up
        since = min((when for when in shards.values() if when is not None), default=None)
        if since is None:
            return Part(ok=True, words="connected")
        seconds = _loop_time() - since
        return Part(ok=seconds <= GATEWAY_DOWN, words=f"down for {seconds:.0f} s")

    def _push(self) -> Part:
        """Told, never held against the bot: who may not be called, or was not, looks for news by itself."""
        if not self._bot.settings.callback_url:
            return Part(ok=True, words="off")
        if self._bot.webhooks.last_received is None:
            return Part(ok=True, words="no call yet")
        return Part(ok=True, words=f"the last call came {_loop_time() - self._bot.webhooks.last_received:.0f} s ago")

    def _watcher(self) -> Part:
        if self._bot.poller.last_round is None:
            return Part(ok=False, words="has not begun")
        seconds = _loop_time() - self._bot.poller.last_round
        return Part(ok=seconds <= ROUND_STALE, words=f"its last round was {seconds:.0f} s ago")

    def _looks(self) -> Part:
        late = self._bot.poller.overdue
        return Part(ok=late <= LOOK_LATE, words=f"{late:.0f} s late" if late >= 1 else "in time")

    async def _deliveries(self) -> Part:
        """One that could be posted is taken up at once, and then takes a while: neither may last for ever."""
        if self._bot.dispatcher.paused:
            return Part(ok=True, words="Discord asked for a pause")
        in_hand = self._bot.dispatcher.busy_since
        for channel_id, since in (await self._bot.store.due_channels()).items():
            waited = (self._now() - since).total_seconds()
            if channel_id not in in_hand and waited > DELIVERY_LATE:
                return Part(ok=False, words=f"one has not been taken up for {waited:.0f} s")
        longest = max((_loop_time() - since for since in in_hand.values()), default=0.0)
        return Part(ok=longest <= IN_HAND, words=f"one takes {longest:.0f} s" if longest >= 1 else "in time")

    async def _database(self) -> Part:
        """Written for certain: SQLite tells of a full disk only when it is."""
        try:
            async with asyncio.timeout(WRITE_WITHIN):
                await self._bot.store.set_fact("health", self._now().isoformat())
        except StoreUnavailable:
            return Part(ok=False, words="cannot be written")
        except TimeoutError:
            return Part(ok=False, words=f"was not written within {WRITE_WITHIN:.0f} s")
        return Part(ok=True, words="can be written")


def is_healthy(report: Mapping[str, Part]) -> bool:
    """Whether every part does its work."""
    return all(part.ok for part in report.values())


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
