"""The sleep of the loops, in virtual time."""

import asyncio

import pytest

from bot.wakeup import Wakeup
from tests.clock import VirtualTime

event_loop_factory = VirtualTime


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_it_sleeps_for_the_given_time() -> None:
    await Wakeup().sleep(300)
    assert now() == 300


async def test_set_wakes_the_sleeper() -> None:
    wakeup = Wakeup()
    asyncio.get_running_loop().call_later(2, wakeup.set)
    await wakeup.sleep(300)
    assert now() == 2


async def test_set_before_the_sleep_skips_one_sleep() -> None:
    wakeup = Wakeup()
    wakeup.set()
    wakeup.set()
    await wakeup.sleep(300)
    assert now() == 0
    await wakeup.sleep(300)
    assert now() == 300


async def test_it_wakes_when_one_of_the_others_is_done_and_lets_the_rest_run_on() -> None:
    wakeup = Wakeup()
    soon, late = asyncio.create_task(asyncio.sleep(2)), asyncio.create_task(asyncio.sleep(5))
    await wakeup.sleep(300, soon, late)
    assert (now(), soon.done(), late.done()) == (2, True, False)
    await wakeup.sleep(300, late)
    assert now() == 5
    assert not late.cancelled()


async def test_a_negative_time_returns_at_once() -> None:
    await Wakeup().sleep(-5)
    assert now() == 0


async def test_a_cancelled_sleep_leaves_nothing_behind() -> None:
    wakeup = Wakeup()
    sleeper = asyncio.create_task(wakeup.sleep(300))
    await asyncio.sleep(1)
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await wakeup.sleep(10)
    assert now() == 11


async def test_set_after_a_cancelled_sleep_is_kept() -> None:
    wakeup = Wakeup()
    sleeper = asyncio.create_task(wakeup.sleep(300))
    await asyncio.sleep(1)
    sleeper.cancel()
    wakeup.set()
    await asyncio.wait({sleeper})
    await wakeup.sleep(300)
    assert now() == 1
