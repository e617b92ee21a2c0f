"""A home connection that takes its time with ten megabytes."""

import asyncio
from typing import Any

import pytest

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, words

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(9 << 20)


def slow(harness: BotHarness, seconds: float, *, method: str = "POST") -> None:
    """Let Discord's end take this long to receive a message with a file; a sender that gives up sent nothing."""
    receive = harness.bot.http.request

    async def request(route: Any, **options: Any) -> Any:
        if route.method == method and options.get("files"):
            await asyncio.sleep(seconds)
        return await receive(route, **options)

    harness.bot.http.request = request  # type: ignore[method-assign]  # simcord's end, not ours


@pytest.mark.parametrize(("seconds", "attached"), [pytest.param(150, True, marks=only_long), (400, False)])
async def test_a_slow_uplink_gets_the_time_it_needs_and_then_a_link(
    harness: BotHarness, seconds: float, attached: bool
) -> None:
    url = harness.useapi.serve_file("x.png", PICTURE, content_type="image/png")
    jobid = harness.useapi.add_job(prompt="a lighthouse", age=600, attachments=[{"url": url}])
    slow(harness, seconds)
    await harness.job(harness.mira, jobid)
    await harness.wait(1200)
    (post,) = harness.posts()
    assert "a lighthouse" in words(post)
    assert bool(post.attachments) is attached
    assert ("This is a link" in words(post)) is not attached


@only_long
async def test_a_late_picture_that_the_uplink_does_not_carry_is_let_go(harness: BotHarness) -> None:
    url = harness.useapi.serve_file("x.png", PICTURE, content_type="image/png")
    harness.useapi.fail(503, path="/files/*")
    jobid = harness.useapi.add_job(prompt="a lighthouse", age=600, attachments=[{"url": url}])
    await harness.job(harness.mira, jobid)
    before = words(harness.last)
    slow(harness, 400, method="PATCH")
    await harness.wait(7200)
    (post,) = harness.posts()
    assert words(post) == before
    assert len([request for request in harness.useapi.requests if request.path in url]) == 3
