"""The update notice: one request a day, one message for each newer release, and a line where an admin looks."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot import __version__
from bot.cli.preflight.updates import check_updates
from tests.fakes.releases import FakeReleases, fake_releases
from tests.journeys.conftest import BotHarness, words

DAY = 86_400


@pytest.fixture
async def releases() -> AsyncIterator[FakeReleases]:
    async with fake_releases() as fake:
        yield fake


async def status_of(harness: BotHarness) -> str:
    """What /darkroom status answers the owner of the bot."""
    owner = harness.guild.add_member(harness.guild.owner)
    harness.bot.owner_id = owner.id
    return str((await owner.slash(harness.lounge, "darkroom status")).response.content)


async def start(harness: BotHarness, *, away: float = 0, **settings: Any) -> None:
    """Start again after some time, and go on until the first look-up can be over."""
    await harness.restart(away=away, **settings)
    await harness.wait(310)


async def test_a_newer_release_is_said_once_and_shown_until_the_update(
    harness: BotHarness, releases: FakeReleases, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.ops.updates")
    releases.newest = __version__
    await harness.restart(alert_channel=harness.lounge.id, update_check=releases.repository)
    await harness.wait(290)
    assert releases.requests == [], "a start has enough to do"
    await harness.wait(20)
    assert [headers["User-Agent"] for headers in releases.requests] == ["Darkroom"]
    assert set(releases.requests[0]) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert "available" not in await status_of(harness)

    releases.newest = "9.0.0"
    await start(harness, away=DAY / 2)
    assert len(releases.requests) == 1, "one a day, through restarts"
    await start(harness, away=DAY / 2)
    assert len(releases.requests) == 2
    available = f"Darkroom 9.0.0 is available; this is {__version__}. <{releases.repository}/releases>"
    assert available in await status_of(harness)
    await harness.restart()
    assert available in await status_of(harness), "without another request"
    await start(harness, away=DAY)
    releases.newest = "9.0.1"
    await start(harness, away=DAY)
    assert [words(message).partition(";")[0] for message in harness.posts(harness.lounge)] == [
        "ℹ️ Darkroom 9.0.0 is available",
        "ℹ️ Darkroom 9.0.1 is available",
    ]
    assert [message for message in caplog.messages if "9.0" in message] == [
        f"Darkroom {version} is available; this is {__version__}: {releases.repository}/releases"
        for version in ("9.0.0", "9.0.1")
    ]

    releases.newest = None
    await start(harness, away=DAY)
    assert "9.0.1 is available" in await status_of(harness), "what is known stays known"
    requests = len(releases.requests)
    await start(harness, away=DAY, update_check="off")
    assert len(releases.requests) == requests
    assert "available" not in await status_of(harness)


async def test_check_says_it_and_never_fails_for_it(releases: FakeReleases) -> None:
    async def said(setting: str) -> str:
        (finding,) = await check_updates({"update_check": setting})
        return finding.lines

    releases.newest = "9.0.0"
    assert await said(releases.repository) == (
        f"! updates: Darkroom 9.0.0 is available; this is {__version__}\n"
        f"    → see {releases.repository}/releases for what is new and what to do"
    )
    releases.newest = __version__
    assert await said(releases.repository) == f"✓ updates: {__version__} is the newest release"
    releases.newest = None
    assert "could not be read" in await said(releases.repository)
    assert "could not be read" in await said("http://127.0.0.1:1/owner/name")
    assert "not checked (UPDATE_CHECK=off)" in await said("off")
