"""A disk that is full, and a wall clock that jumps."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import discord
import pytest

from tests import sample_pictures as samples
from tests.conftest import only_long
from tests.disk import largest_file
from tests.journeys.conftest import BotHarness, words


async def limit(harness: BotHarness, pages: int) -> None:
    """Let SQLite believe that the disk holds no more than this; 0 is what is used now."""
    connection: Any = harness.bot.store.database._connection
    await connection.execute("VACUUM")  # the migrations leave free pages
    (row,) = await connection.execute_fetchall("PRAGMA page_count")
    await connection.execute(f"PRAGMA max_page_count = {pages or row[0]}")


def results(harness: BotHarness) -> list[discord.Message]:
    return [message for message in harness.posts() if message.attachments]


async def test_a_full_disk_promises_nothing_and_loses_nothing(harness: BotHarness) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse"))
    await limit(harness, 0)
    long = "a very long prompt " * 250
    refused = [await harness.job(harness.bo, harness.useapi.add_job(prompt=long)) for _ in range(3)]
    assert refused[-1].startswith("My database can't be written to right now, so that was not saved.")
    await harness.wait(120)
    await limit(harness, 10_000)
    await harness.wait(120)
    (result, *_) = results(harness)
    assert "a lighthouse" in words(result)
    texts = [words(message) for message in harness.posts(harness.lounge)]
    assert texts[0].startswith("⚠️ The database cannot be written")
    assert len([words for words in texts if "⚠️" in words]) == 1


async def test_a_mistake_in_our_sql_is_logged_as_a_bug_and_blames_no_disk(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse"))
    mistake = "CREATE TRIGGER mistake BEFORE INSERT ON subscriptions BEGIN INSERT INTO none_such VALUES (1); END"
    await harness.bot.store.database.rows(mistake)
    answer = await harness.press(harness.bo, harness.last, "🔔 Notify me")
    assert answer.content.startswith("Something went wrong on my side.")
    assert "OperationalError" in caplog.text
    assert "The database cannot be written" not in caplog.text
    assert harness.posts(harness.lounge) == []
    caplog.clear()  # the traceback was the story


@only_long
async def test_a_disk_without_room_for_pictures_delays_no_result(harness: BotHarness) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    data = samples.png(64, 64) + bytes(5_000_000)
    url = harness.useapi.serve_file("x.png", data, content_type="image/png")
    jobid = harness.useapi.add_job(prompt="a lighthouse", age=600, attachments=[{"url": url}])
    with largest_file(4_000_000):
        await harness.job(harness.mira, jobid)
        await harness.job(harness.mira, jobid, harness.lounge)
        for post in (harness.last, harness.posts(harness.lounge)[-1]):
            assert "a lighthouse" in words(post)
            assert "-# The picture could not be fetched. This is a link" in words(post)
        await harness.wait(100)
    await harness.wait(200)
    assert harness.bytes_of(harness.last.attachments[0]) == data
    texts = [words(message) for message in harness.posts(harness.lounge) if "disk is full" in words(message)]
    assert [line[:2] for line in texts] == ["⚠️", "✓ "]


async def test_a_folder_that_cannot_be_written_to_delays_no_result(harness: BotHarness) -> None:
    folder = harness.folder / "tmp"
    folder.rmdir()
    folder.touch()
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse", age=600))
    assert "-# The picture could not be fetched." in words(harness.last)
    folder.unlink()
    await harness.wait(20)
    assert len(harness.last.attachments) == 1


class Jumping(BotHarness):
    """A stage where somebody sets the machine's clock."""

    offset = timedelta()

    def wall(self) -> datetime:
        return discord.utils.utcnow() + self.offset

    def clock(self) -> Any:
        return self.wall


@pytest.fixture
async def jumping(tmp_path: Path) -> AsyncIterator[Jumping]:
    harness = Jumping(tmp_path)
    await harness.open()
    try:
        yield harness
    finally:
        await harness.close()


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_jumps_an_hour_loses_and_repeats_no_result(jumping: Jumping, hours: int) -> None:
    await jumping.job(jumping.mira, jumping.useapi.add_job(prompt="a lighthouse"))
    await jumping.wait(10)
    jumping.offset = timedelta(hours=hours)
    await jumping.wait(240)  # forward, the job seems to be an hour old, and is looked at every three minutes
    assert len(results(jumping)) == 1
    await jumping.wait(7200)
    assert len(results(jumping)) == 1
    assert len(jumping.posts()) == 1, "the card is gone as well"


async def test_a_clock_that_is_set_back_delays_no_result_that_waits_for_a_retry(jumping: Jumping) -> None:
    jumping.env.inject_error("POST", "/channels/*/messages", status=403, code=50001)
    await jumping.job(jumping.mira, jumping.useapi.add_job(prompt="a lighthouse", age=600))
    assert not jumping.posts()
    jumping.offset = timedelta(hours=-5)
    await jumping.wait(1)
    await jumping.job(jumping.mira, jumping.useapi.add_job(prompt="a windmill", age=600))
    await jumping.wait(10)
    assert [words(post).rpartition("> ")[2] for post in jumping.posts()] == ["a lighthouse", "a windmill"]


async def test_a_clock_that_is_set_back_delays_no_edit_and_repeats_none_for_hours(jumping: Jumping) -> None:
    jumping.useapi.fail(503, times=99, path="/attachments/*")
    await jumping.job(jumping.mira, jumping.useapi.add_job(prompt="a lighthouse", age=600))
    await jumping.job(jumping.mira, jumping.useapi.add_job(prompt="a windmill", duration=900))
    await jumping.wait(60)
    before = words(jumping.last)
    jumping.offset = timedelta(hours=-3)
    jumping.useapi.requests.clear()
    await jumping.wait(300)
    assert "a windmill" in before
    assert words(jumping.last) != before, "the status card follows the job"
    await jumping.wait(3000)
    tries = [request for request in jumping.useapi.requests if "a_lighthouse" in request.path]
    assert len(tries) == 8, "the picture that is missing is retried for ten minutes, not for three hours"


async def test_a_clock_that_is_corrected_by_years_ends_no_subscription(jumping: Jumping) -> None:
    await jumping.job(jumping.mira, jumping.useapi.add_job(prompt="a lighthouse", duration=400))
    jumping.offset = timedelta(days=5000)
    await jumping.wait(1000)
    (result,) = results(jumping)
    assert "a lighthouse" in words(result)
