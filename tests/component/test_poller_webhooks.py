"""What a webhook call brings about: a poll, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import (
    JobUnknown,
    TokenRefused,
)
from tests.clock import VirtualTime
from tests.poller_harness import (
    MINUTE,
    PollerHarness,
    done,
    gaps,
    named,
    now,
)

event_loop_factory = VirtualTime


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[PollerHarness]:
    """A poller that was not started."""
    harness = PollerHarness(tmp_path)
    yield harness
    await harness.end()


@pytest.fixture
async def harness(idle: PollerHarness) -> PollerHarness:
    await idle.begin()
    return idle


async def test_a_call_brings_the_poll_forward_and_the_intervals_go_on_from_there(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(40)
    first, *others = harness.useapi.times("a")
    assert first == pytest.approx(5, abs=0.1)
    assert all(13 < gap < 17 for gap in gaps([first, *others]))


async def test_a_hundred_calls_a_second_bring_one_poll_in_two_seconds(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    while now() < 10:
        harness.poller.poll_soon(known.id)
        await asyncio.sleep(0.01)
    times = harness.useapi.times("a")
    assert len(times) <= 6
    assert min(gaps(times)) > 1.9


async def test_a_call_while_a_request_is_in_flight_brings_a_poll_after_it(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.takes = 3
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(1)
    harness.poller.poll_soon(known.id)  # this request may have been answered before the news
    await asyncio.sleep(2.5)
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(10)
    assert harness.useapi.times("a") == pytest.approx([5, 8], abs=0.1)


async def test_a_job_that_is_not_found_right_after_a_call_is_polled_again_in_a_few_seconds(
    harness: PollerHarness,
) -> None:
    known = await harness.subscribe("a")
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(3)
    harness.useapi.answers["a"] = done("a")
    await asyncio.sleep(20)
    assert harness.useapi.times("a") == pytest.approx([5, 10], abs=0.2)


async def test_a_call_about_a_job_that_is_not_found_brings_one_poll_more_before_the_job_is_over(
    harness: PollerHarness,
) -> None:
    known = await harness.subscribe("a", known=named)
    harness.useapi.answers["a"] = JobUnknown()
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(25)
    assert not (await harness.job(known)).over
    await asyncio.sleep(15)
    assert (await harness.job(known)).status == "expired"
    assert harness.useapi.times("a") == pytest.approx([5, 10, 25, 40], abs=3)


async def test_nothing_is_remembered_of_a_call_that_was_acted_on(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    await asyncio.sleep(5)
    harness.poller.poll_soon(known.id)
    await asyncio.sleep(MINUTE)
    assert len(harness.poller._records) == 0, "an idle job costs no more memory than one that was never called about"


async def test_calls_about_jobs_without_subscriptions_bring_nothing(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.default = done
    await asyncio.sleep(MINUTE)
    before = len(harness.useapi.polls)
    for job_id in (known.id, 12345, -1):
        harness.poller.poll_soon(job_id)
    await asyncio.sleep(MINUTE)
    assert len(harness.useapi.polls) == before == 1


async def test_calls_do_not_break_the_pause_that_useapi_needs(harness: PollerHarness) -> None:
    known = await harness.subscribe("a")
    harness.useapi.default = lambda _: TokenRefused()
    await asyncio.sleep(20)
    assert len(harness.useapi.polls) == 1
    for _ in range(30):
        harness.poller.poll_soon(known.id)
        await asyncio.sleep(1)
    assert len(harness.useapi.polls) == 1, "one probe a minute"
