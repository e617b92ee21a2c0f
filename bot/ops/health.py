"""Health report of the running bot, one entry per part: for monitors, containers and people.

A part fails only if a restart or an action of the admin would help. An outage of a provider is reported, but fails no
part: a restart would not end it.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from bot.client import Darkroom
from bot.errors import StoreUnavailable
from bot.wakeup import loop_time

GATEWAY_DOWN = 60.0  # seconds; a resume takes one or two, and interactions do not arrive meanwhile
ROUND_STALE = 420.0  # seconds; the poller sleeps for 300 s at most, and a poll may take 20
POLL_LATE = 300.0  # seconds; the longest interval between two polls of a job
DELIVERY_LATE = 300.0  # seconds that a due delivery may stay unclaimed
SEND_LONGEST = 600.0  # seconds for one message; a history search and 10 MB over a slow uplink take five minutes
WRITE_TIMEOUT_SECONDS = 10.0  # a disk may be busy with other work
_CACHE_SECONDS = 5.0  # frequent requests are answered from the last report


class Part(NamedTuple):
    """State of one part of the bot: whether it works, and a short description."""

    ok: bool
    detail: str


class Health:
    """Tracks the gateway connections, and queries the other parts on request; `now` is the wall clock."""

    def __init__(self, bot: Darkroom, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._now = now
        self._started = loop_time()
        self._down_since: dict[int, float | None] = {}  # by shard; None while connected
        self._report: Mapping[str, Part] = {}
        self._reported_at = -math.inf
        bot.add_listener(self._up, "on_shard_connect")
        bot.add_listener(self._up, "on_shard_resumed")
        bot.add_listener(self._down, "on_shard_disconnect")

    async def _up(self, shard: int) -> None:
        self._down_since[shard] = None

    async def _down(self, shard: int) -> None:
        if self._down_since.get(shard) is None:
            self._down_since[shard] = loop_time()

    async def report(self) -> Mapping[str, Part]:
        """Return all parts by name; the report is at most five seconds old."""
        if not self._report or loop_time() - self._reported_at >= _CACHE_SECONDS:
            self._reported_at = loop_time()
            database, deliveries = await self._database(), Part(ok=True, detail="unknown")
            if database.ok:
                try:
                    deliveries = await self._deliveries()
                except StoreUnavailable:
                    database = Part(ok=False, detail="cannot be read")
            self._report = {
                "gateway": self._gateway(),
                "poller": self._poller(),
                "polls": self._polls(),
                "deliveries": deliveries,
                "database": database,
                "webhooks": self._webhooks(),
                **{
                    str(provider): Part(ok=True, detail=outage or "answers")
                    for provider, outage in self._bot.poller.outages.items()
                },
            }
        return self._report

    def _gateway(self) -> Part:
        shards = self._down_since or {0: self._started}
        if (self._bot.shard_count or 1) > len(shards):
            shards = {**shards, -1: self._started}  # a shard that never connected
        since = min((when for when in shards.values() if when is not None), default=None)
        if since is None:
            return Part(ok=True, detail="connected")
        seconds = loop_time() - since
        return Part(ok=seconds <= GATEWAY_DOWN, detail=f"down for {seconds:.0f} s")

    def _webhooks(self) -> Part:
        """Never fails: without webhooks the poller finds the same news later."""
        if not self._bot.settings.webhooks:
            return Part(ok=True, detail="off")
        if self._bot.webhooks.last_received is None:
            return Part(ok=True, detail="no call yet")
        return Part(ok=True, detail=f"last call {loop_time() - self._bot.webhooks.last_received:.0f} s ago")

    def _poller(self) -> Part:
        if self._bot.poller.last_round is None:
            return Part(ok=False, detail="not started")
        seconds = loop_time() - self._bot.poller.last_round
        return Part(ok=seconds <= ROUND_STALE, detail=f"last round {seconds:.0f} s ago")

    def _polls(self) -> Part:
        late = self._bot.poller.overdue
        return Part(ok=late <= POLL_LATE, detail=f"{late:.0f} s late" if late >= 1 else "on time")

    async def _deliveries(self) -> Part:
        """Fail if a due delivery stays unclaimed, or if sending a claimed one takes too long."""
        if self._bot.dispatcher.paused:
            return Part(ok=True, detail="paused by Discord")
        busy_since = self._bot.dispatcher.busy_since
        for channel_id, since in (await self._bot.store.stats.due_channels()).items():
            waited = (self._now() - since).total_seconds()
            if channel_id not in busy_since and waited > DELIVERY_LATE:
                return Part(ok=False, detail=f"one has been due for {waited:.0f} s")
        longest = max((loop_time() - since for since in busy_since.values()), default=0.0)
        return Part(
            ok=longest <= SEND_LONGEST,
            detail=f"one has been sending for {longest:.0f} s" if longest >= 1 else "on time",
        )

    async def _database(self) -> Part:
        """Test with a write: SQLite reports a full disk only then."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                await self._bot.store.facts.set("health", self._now().isoformat())
        except StoreUnavailable:
            return Part(ok=False, detail="cannot be written")
        except TimeoutError:
            return Part(ok=False, detail=f"was not written within {WRITE_TIMEOUT_SECONDS:.0f} s")
        return Part(ok=True, detail="writable")


def is_healthy(report: Mapping[str, Part]) -> bool:
    """Return whether every part works."""
    return all(part.ok for part in report.values())
