"""`python -m bot run` as an admin starts it: READY, /job, the card, the picture, a press, and a clean end."""

import signal
from functools import partial
from typing import Any

import pytest

from tests.crash.conftest import ProcessHarness
from tests.ports import free_port


def button(message: Any, label: str) -> str:
    """The custom_id of the button with this label or emoji."""
    for row in message.components:
        for part in row["components"]:
            if label in {part.get("label"), (part.get("emoji") or {}).get("name")}:
                return str(part["custom_id"])
    raise LookupError(f"no button {label} in {message.components}")


async def test_the_whole_job_through_sockets(street: ProcessHarness) -> None:
    discord = street.discord
    await street.bot.start()
    await discord.wait_ready()
    jobid = street.useapi.add_job(prompt="a castle in the fog, ink wash --ar 3:2")
    asked = await discord.slash(street.channel, street.mira, "job", {"jobid": jobid})
    answer = await asked.answered()
    assert answer.ephemeral
    assert answer.content.startswith("Watching `#")

    card = await discord.wait_until(lambda: next(iter(discord.messages(street.channel)), None))
    assert "castle in the fog" in card.embeds[0]["description"]
    result = await street.picture()
    assert result.id != card.id
    assert result.embeds[0]["image"]["url"].startswith(discord.origin)
    await discord.wait_until(lambda: card.content.startswith("-# ✓ Imagine"), 10)
    assert str(result.id) in card.content
    assert card.embeds == card.components == []

    refused = await discord.click(result, street.bo, button(result, "U2"))
    assert (
        "Only the member who brought this job here and moderators can press this." in (await refused.answered()).content
    )
    press = await discord.click(result, street.mira, button(result, "U2"))
    assert (await press.answered()).ephemeral
    await street.picture("**U2** of [castle in the fog]")
    posts = [request for request in street.useapi.requests if request.method == "POST"]
    assert [post.json["button"] for post in posts] == ["U2"]

    status, seconds = await street.bot.stop()
    assert (status, seconds < 5) == (0, True)
    assert "Traceback" not in street.bot.screen
    assert street.bot.screen.rstrip().endswith("Stopped")


async def test_a_pending_job_survives_a_kill_and_is_posted_once(street: ProcessHarness) -> None:
    discord = street.discord
    await street.bot.start()
    await discord.wait_ready()
    jobid = street.useapi.add_job(prompt="a lighthouse", duration=60)
    await (await discord.slash(street.channel, street.bo, "job", {"jobid": jobid})).answered()
    await discord.wait_until(lambda: discord.messages(street.channel))
    await street.bot.kill()
    await street.bot.start()
    await street.picture()
    await discord.wait_until(lambda: discord.messages(street.channel)[0].content.startswith("-# ✓"), 10)
    assert len(discord.messages(street.channel)) == 2
    syncs = [request for request in discord.requests if request.method == "PUT"]
    assert len(syncs) == 1, "the commands did not change, so they are not sent again"


async def test_a_gateway_that_refuses_at_first_is_waited_for(street: ProcessHarness) -> None:
    street.discord.fail("GET /gateway", "reset", times=3)  # aiohttp itself repeats a GET that was cut
    await street.bot.start()
    await street.discord.wait_ready(within=20)
    assert "Traceback" not in street.bot.screen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_in_the_middle_of_a_send_takes_five_seconds_at_most(
    street: ProcessHarness, number: signal.Signals
) -> None:
    discord = street.discord
    await street.bot.start()
    await discord.wait_ready()
    posts = f"POST /channels/{street.channel}/messages"
    discord.fail(posts, "stored-hang")
    jobid = street.useapi.add_job(prompt="a lighthouse", age=1000)
    await (await discord.slash(street.channel, street.mira, "job", {"jobid": jobid})).answered()
    await discord.wait_until(lambda: discord.messages(street.channel))
    status, seconds = await street.bot.stop(number)
    assert status == 0
    assert seconds < 5
    assert "Traceback" not in street.bot.screen

    await street.bot.start()
    other = street.useapi.add_job(prompt="a windmill", age=1000)
    await discord.wait_ready()
    await (await discord.slash(street.channel, street.mira, "job", {"jobid": other})).answered()
    await discord.wait_until(
        lambda: any("windmill" in str(message.embeds) for message in discord.messages(street.channel)), 20
    )
    assert len(discord.messages(street.channel)) == 2


async def test_a_stop_while_somebody_is_being_answered_leaves_no_traceback(street: ProcessHarness) -> None:
    await street.bot.start()
    await street.discord.wait_ready()
    street.useapi.fail("hang")
    jobid = street.useapi.add_job(prompt="a lighthouse")
    asked = await street.discord.slash(street.channel, street.mira, "job", {"jobid": jobid})
    await asked.acknowledged()
    await street.useapi.wait_for_request(path="/v2/jobs/")
    status, seconds = await street.bot.stop()
    assert (status, seconds < 5) == (0, True)
    assert "An answer was cut off by the end of the bot" in street.bot.screen
    assert "Traceback" not in street.bot.screen


async def test_the_commands_are_sent_again_when_an_admin_says_so(street: ProcessHarness) -> None:
    for arguments, sent in (((), 1), ((), 1), (("--sync",), 2)):
        before = len(street.discord.identifies)
        await street.bot.start(*arguments)
        await street.discord.wait_until(partial(_more_than, street, before), 10)
        await street.bot.stop()
        assert len([request for request in street.discord.requests if request.method == "PUT"]) == sent


def _more_than(street: ProcessHarness, before: int) -> bool:
    return len(street.discord.identifies) > before


async def test_useapi_calls_and_the_picture_of_a_press_is_there(street: ProcessHarness) -> None:
    port = free_port()
    street.settle(PUBLIC_URL=f"http://127.0.0.1:{port}", WEBHOOK_PORT=str(port), POLL_SECONDS="300", LOG_LEVEL="DEBUG")
    street.useapi.calls()
    discord = street.discord
    await street.bot.start()
    await discord.wait_ready()
    jobid = street.useapi.add_job(prompt="a castle in the fog", age=600)
    await (await discord.slash(street.channel, street.mira, "job", {"jobid": jobid})).answered()
    grid = await discord.wait_until(lambda: next(iter(discord.messages(street.channel)), None))
    await (await discord.click(grid, street.mira, button(grid, "V1"))).answered()
    await discord.wait_until(lambda: street.pictures()[1:], 20)
    (press,) = [request.json for request in street.useapi.requests if request.path == "/v2/jobs/button"]
    secret = press["replyUrl"].rpartition("/")[2]
    assert secret not in street.bot.screen
    assert f"Serving webhooks for http://127.0.0.1:{port} on" in street.bot.screen
