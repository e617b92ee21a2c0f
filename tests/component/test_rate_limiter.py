"""The rate limiter, in virtual time."""

import asyncio
import time

import pytest

from bot.delivery.rate_limits import DiscordRateLimits
from bot.rate_limiter import RateLimiter
from bot.wakeup import loop_time
from tests.clock import VirtualTime

event_loop_factory = VirtualTime


async def acquired(limiter: RateLimiter, calls: int) -> list[float]:
    """When each of many calls that come at once may be made."""

    async def one() -> float:
        await limiter.acquire()
        return round(loop_time(), 6)

    return list(await asyncio.gather(*(one() for _ in range(calls))))


async def test_calls_are_evenly_spaced_and_a_pause_earns_no_burst() -> None:
    limiter = RateLimiter(0.5)
    assert await acquired(limiter, 4) == [0, 0.5, 1, 1.5]
    await asyncio.sleep(10)
    assert await acquired(limiter, 2) == [11.5, 12]


async def test_a_burst_is_let_through_and_comes_back_with_time() -> None:
    limiter = RateLimiter(2.0, burst=3)
    assert await acquired(limiter, 5) == [0, 0, 0, 2, 4]
    await asyncio.sleep(100)
    start = loop_time()
    assert [at - start for at in await acquired(limiter, 4)] == [0, 0, 0, 2]


async def test_another_interval_counts_from_the_next_call_on() -> None:
    limiter = RateLimiter(0.5)
    await limiter.acquire()
    limiter.interval = 10.0
    assert await acquired(limiter, 2) == [0.5, 10.5]


async def test_a_call_is_taken_only_where_it_may_be_made_at_once() -> None:
    limiter = RateLimiter(2.0, burst=30)
    await asyncio.sleep(0.1)
    assert sum(limiter.try_acquire() for _ in range(100)) == 30
    await asyncio.sleep(2)
    assert [limiter.try_acquire(), limiter.try_acquire()] == [True, False]
    await asyncio.sleep(30)
    assert not limiter.try_acquire(leaving=15), "fifteen are free, this one and fifteen others are not"
    assert limiter.try_acquire(leaving=14)


async def test_messages_to_discord_are_evenly_spaced_and_slower_when_it_refuses_many() -> None:
    limits = DiscordRateLimits()
    for turn in range(5):
        await limits.wait_for_turn()
        assert loop_time() == pytest.approx(turn / 48)
    limits._invalid.extend([time.monotonic()] * 500)
    await limits.wait_for_turn()
    before = loop_time()
    await limits.wait_for_turn()
    assert loop_time() - before == pytest.approx(1.0)
