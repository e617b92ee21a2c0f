"""Discord sends what cannot be read: one line in the log, and the bot goes on."""

import json
import zlib

import pytest

from tests.conftest import only_long
from tests.crash.conftest import ProcessHarness

END = b"\x00\x00\xff\xff"  # of each frame in a zlib stream; discord.py waits for more of a frame that lacks it
EVENT = json.dumps({"op": 0, "t": "GUILD_CREATE", "s": 2, "d": {"id": "1"}}).encode()
FRAMES: dict[str, str | bytes] = {
    "no JSON": "<html>Sorry</html>",
    "nothing": "",
    "half of a JSON": '{"op": 0, "t": "MESSAGE_CR',
    "no object": "[1, 2]",
    "null": "null",
    "garbage": b"\x00\x01garbage\xff" + END,
    "another stream": zlib.compress(EVENT) + END,
    "half of a compressed frame": zlib.compress(EVENT)[:10] + END,
    "a HELLO without its interval": '{"op": 10}',
    "a READY without a session": '{"op": 0, "t": "READY", "s": 9, "d": {}}',
    "an event of another shape": '{"op": 0, "t": {}, "s": 9, "d": null}',
}
LIKE_ANOTHER = ("nothing", "half of a JSON", "no object", "null", "another stream", "a READY without a session")
"""Frames that fail where one of the others does; `make soak` sends these, too."""
IGNORED = {
    "an unknown op": '{"op": 99, "d": []}',
    "an unknown event": '{"op": 0, "t": "UNKNOWN_EVENT", "s": 9, "d": null}',
    "a known event of another shape": '{"op": 0, "t": "INTERACTION_CREATE", "s": 9, "d": {"id": "x"}}',
}


async def works(harness: ProcessHarness) -> None:
    """A member asks for a job and is answered."""
    requested = await harness.discord.slash(
        harness.channel, harness.bo, "job", {"jobid": harness.useapi.add_job(duration=600)}
    )
    assert (await requested.answered()).content.startswith("Watching")


def lines(harness: ProcessHarness) -> list[str]:
    return [line for line in harness.bot.screen.splitlines() if "cannot be read" in line]


@pytest.mark.parametrize(
    "frame",
    [pytest.param(frame, id=name, marks=[only_long] if name in LIKE_ANOTHER else []) for name, frame in FRAMES.items()],
)
async def test_after_an_unreadable_frame_the_bot_connects_again(harness: ProcessHarness, frame: str | bytes) -> None:
    await harness.bot.start()
    await harness.discord.wait_ready()
    gateway, discord = harness.discord.gateway, harness.discord
    await gateway.send_raw(frame)
    await discord.wait_until(lambda: not gateway.ready, 10, "the connection was closed")
    await discord.wait_ready()
    await works(harness)
    (line,) = lines(harness)
    assert "connecting again" in line
    assert "Traceback" not in harness.bot.screen
    assert len(discord.identifies) == 1, "the session is resumed"
    assert (await harness.bot.stop())[0] == 0


async def test_events_that_cannot_be_read_are_ignored(harness: ProcessHarness) -> None:
    await harness.bot.start()
    await harness.discord.wait_ready()
    for kind, frame in IGNORED.items():
        before = len(lines(harness))
        await harness.discord.gateway.send_raw(frame)
        await works(harness)
        assert len(lines(harness)) <= before + 1, kind
        assert harness.discord.gateway.connections == 1, f"the connection stays: {kind}"
    assert "Traceback" not in harness.bot.screen
    assert (await harness.bot.stop())[0] == 0


@only_long
async def test_frames_that_stay_unreadable_are_met_with_growing_pauses_and_a_new_session(
    harness: ProcessHarness,
) -> None:
    await harness.bot.start()
    await harness.discord.wait_ready()
    gateway, discord = harness.discord.gateway, harness.discord
    gateway.greetings = ["<html>Sorry</html>"] * 3
    await gateway.send_raw("<html>Sorry</html>")
    await discord.wait_until(lambda: len(discord.identifies) == 2, 40, "a new session")
    await discord.wait_ready()
    await works(harness)
    assert len(lines(harness)) == 4
    assert "Traceback" not in harness.bot.screen
    assert (await harness.bot.stop())[0] == 0


async def test_a_gateway_that_cannot_be_read_at_the_start_is_tried_again(harness: ProcessHarness) -> None:
    harness.discord.gateway.greetings = ["<html>Sorry</html>"]
    await harness.bot.start()
    await harness.discord.wait_ready()
    await works(harness)
    assert "Traceback" not in harness.bot.screen
    assert (await harness.bot.stop())[0] == 0


@pytest.mark.parametrize("fault", [pytest.param("garbage", marks=only_long), "stored-garbage", "429-20028"])
async def test_an_answer_that_cannot_be_read_delays_a_channel_for_seconds_only(
    harness: ProcessHarness, fault: str
) -> None:
    await harness.bot.start()
    await harness.discord.wait_ready()
    harness.discord.fail("POST /channels/*/messages", fault)
    jobid = harness.useapi.add_job(prompt="a castle", age=600)
    requested = await harness.discord.slash(harness.channel, harness.bo, "job", {"jobid": jobid})
    await requested.answered()
    await harness.discord.wait_until(
        lambda: "Posted the result" in harness.bot.screen or "already posted" in harness.bot.screen, 20
    )
    assert len(harness.pictures("castle")) == 1
    assert "Traceback" not in harness.bot.screen
    assert (await harness.bot.stop())[0] == 0


async def test_a_rate_limit_that_cannot_be_read_is_a_refusal_of_an_answer_to_a_member(harness: ProcessHarness) -> None:
    await harness.bot.start()
    await harness.discord.wait_ready()
    harness.discord.fail("POST /interactions/*/callback", "proxy")
    await harness.discord.slash(harness.channel, harness.bo, "job", {"jobid": harness.useapi.add_job()})
    await harness.discord.wait_until(lambda: "429" in harness.bot.screen or "Traceback" in harness.bot.screen)
    await works(harness)
    assert "Traceback" not in harness.bot.screen
    assert (await harness.bot.stop())[0] == 0
