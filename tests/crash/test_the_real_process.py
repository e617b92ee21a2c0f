"""`python -m bot run` as an admin starts it: READY, /job, the card, the picture, a press, and a clean end."""

import signal
import sys
from typing import Any

import aiohttp
import pytest

from tests import monitoring
from tests.conftest import only_long
from tests.crash.conftest import Process, ProcessHarness
from tests.ports import free_port


@pytest.fixture
def kind() -> type[Process]:
    return Process


def button(message: Any, label: str) -> str:
    """The custom_id of the button with this label or emoji."""
    for row in message.components:
        for part in row.get("components", ()):  # a text of a panel has none
            if label in {part.get("label"), (part.get("emoji") or {}).get("name")}:
                return str(part["custom_id"])
    raise LookupError(f"no button {label} in {message.components}")


async def test_the_whole_job_through_sockets(harness: ProcessHarness) -> None:
    discord = harness.discord
    port = free_port()
    harness.settle(HEALTH_PORT=str(port))
    await harness.bot.start()
    await discord.wait_ready()
    jobid = harness.useapi.add_job(prompt="a castle in the fog, ink wash --ar 3:2")
    interaction = await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})
    answer = await interaction.answered()
    assert answer.ephemeral
    assert answer.content.startswith("Watching `#")

    status_card = await discord.wait_until(lambda: next(iter(discord.messages(harness.channel)), None))
    assert "castle in the fog" in status_card.embeds[0]["description"]
    result = await harness.picture()
    assert result.id != status_card.id
    assert result.embeds[0]["image"]["url"].startswith(discord.origin)
    await discord.wait_until(lambda: status_card.deleted, 10)
    assert discord.messages(harness.channel) == [result]

    refused = await discord.click(result, harness.bo, button(result, "U2"))
    assert "Only whoever added this job and moderators can use this button." in (await refused.answered()).content
    press = await discord.click(result, harness.mira, button(result, "U2"))
    assert (await press.answered()).ephemeral
    await harness.picture("**U2** of [castle in the fog]")
    posts = [request for request in harness.useapi.requests if request.method == "POST"]
    assert [post.json["button"] for post in posts] == ["U2"]

    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        absent = monitoring.missing(await response.text())
    if sys.platform != "linux":  # where else the process is not measured
        absent = {name for name in absent if not name.startswith("process_")}
    assert absent == set(), "what docs/monitoring asks for, and /metrics does not have"

    status, seconds = await harness.bot.stop()
    assert (status, seconds < 5) == (0, True)
    assert "Traceback" not in harness.bot.screen
    assert harness.bot.screen.rstrip().endswith("Stopped")


@only_long
async def test_a_pending_job_survives_a_kill_and_is_posted_once(harness: ProcessHarness) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    jobid = harness.useapi.add_job(prompt="a lighthouse", duration=60)
    await (await discord.slash(harness.channel, harness.bo, "job", {"jobid": jobid})).answered()
    (status_card,) = await discord.wait_until(lambda: discord.messages(harness.channel))
    await harness.bot.kill()
    await harness.bot.start()
    result = await harness.picture()
    await discord.wait_until(lambda: status_card.deleted, 10)
    assert discord.messages(harness.channel) == [result]
    assert _syncs(harness) == 1, "the commands did not change, so they were not sent again"


@only_long
async def test_a_useapi_that_is_down_and_a_gateway_that_refuses_at_first_do_not_stop_the_start(
    harness: ProcessHarness,
) -> None:
    harness.settle(USEAPI_URL="http://127.0.0.1:1", USEAPI_TOKEN="user:1-canary", LOG_LEVEL="DEBUG")
    harness.discord.fail("GET /gateway", "reset", times=3)  # aiohttp itself repeats a GET that was cut
    await harness.bot.start()
    await harness.discord.wait_ready(within=20)
    assert (await harness.bot.stop())[0] == 0
    assert "useapi.net could not be reached" in harness.bot.screen
    assert "Traceback" not in harness.bot.screen
    assert "canary" not in harness.bot.screen


@only_long
async def test_a_stop_takes_five_seconds_at_most_and_commands_are_sent_on_request(harness: ProcessHarness) -> None:
    """Two lives: one ends in the middle of a send, the other while somebody is being answered."""
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    discord.fail(f"POST /channels/{harness.channel}/messages", "stored-hang")
    await _post(harness, "a lighthouse")
    await _stop(harness, signal.SIGTERM)
    assert _syncs(harness) == 1

    await harness.bot.start("--sync")
    await discord.wait_ready()
    assert _syncs(harness) == 2
    await _post(harness, "a mill wheel")
    posted = [str(message.embeds) for message in discord.messages(harness.channel)]
    prompts = ["a lighthouse", "a mill wheel"]
    assert [prompt in embeds for prompt, embeds in zip(prompts, posted, strict=True)] == [True] * 2, "once each"
    harness.useapi.fail("hang")
    jobid = harness.useapi.add_job(prompt="a lighthouse")
    before = len(harness.useapi.requests)
    interaction = await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})
    await interaction.acknowledged()
    await discord.wait_until(lambda: len(harness.useapi.requests) > before)
    await _stop(harness, signal.SIGINT)
    assert "The shutdown interrupted an answer" in harness.bot.screen


async def _post(harness: ProcessHarness, prompt: str) -> None:
    """Ask for a job that is over, and wait for its post."""
    jobid = harness.useapi.add_job(prompt=prompt, age=1000)
    await (await harness.discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    await harness.discord.wait_until(
        lambda: any(prompt in str(message.embeds) for message in harness.discord.messages(harness.channel)), 20
    )


async def _stop(harness: ProcessHarness, number: signal.Signals) -> None:
    status, seconds = await harness.bot.stop(number)
    assert (status, seconds < 5) == (0, True)
    assert "Traceback" not in harness.bot.screen


def _syncs(harness: ProcessHarness) -> int:
    """How often the commands were sent to Discord."""
    return sum(request.method == "PUT" for request in harness.discord.requests)


@only_long
async def test_useapi_calls_and_the_picture_of_a_press_is_there(harness: ProcessHarness) -> None:
    port = free_port()
    harness.settle(PUBLIC_URL=f"http://127.0.0.1:{port}", WEBHOOK_PORT=str(port), POLL_SECONDS="300", LOG_LEVEL="DEBUG")
    harness.useapi.calls()
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    jobid = harness.useapi.add_job(prompt="a castle in the fog", age=600)
    await (await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    grid = await discord.wait_until(lambda: next(iter(discord.messages(harness.channel)), None))
    await (await discord.click(grid, harness.mira, button(grid, "V1"))).answered()
    await discord.wait_until(lambda: harness.pictures()[1:], 20)
    (press,) = [request.json for request in harness.useapi.requests if request.path == "/v2/jobs/button"]
    secret = press["replyUrl"].rpartition("/")[2]
    assert secret not in harness.bot.screen
    assert f"Serving webhooks for http://127.0.0.1:{port} on" in harness.bot.screen
