"""A press is made only if its presser saw it taken: the real process, killed or cut off around the answer."""

import os
import secrets
from pathlib import Path

import pytest

from tests.crash.conftest import ROOT, ProcessHarness
from tests.crash.test_hostile_neighbours import picture, pressed_labels
from tests.fakes.discord.interactions import PRESS, SAY, Interaction
from tests.fakes.discord.messages import EPHEMERAL, Message

CALLBACK = "POST /interactions/*"
FRAGILE = os.pathsep.join((str(Path(__file__).parent / "fragile"), str(ROOT)))


async def restart(harness: ProcessHarness, point: str = "") -> None:
    """Start a bot that kills itself at the point, if one is given, and asks 100 times as fast."""
    harness.settle(PYTHONPATH=FRAGILE, DARKROOM_HURRY="100", **({"DARKROOM_DIE": point} if point else {}))
    await harness.bot.start()
    await harness.discord.wait_ready()


async def original_reads(harness: ProcessHarness, number: int) -> None:
    """Until the bot has read so many answers."""

    def read() -> bool:
        paths = [request.path for request in harness.discord.requests if request.method == "GET" and request.status]
        return sum(path.endswith("/messages/@original") for path in paths) >= number

    await harness.discord.wait_until(read)


@pytest.mark.parametrize(("point", "made"), [("row-after:1", 0), ("answered-before:1", 1)])
async def test_a_bot_that_dies_around_its_answer_sends_what_was_seen_to_be_taken(
    harness: ProcessHarness, point: str, made: int
) -> None:
    discord = harness.discord
    await restart(harness, point)
    result = await picture(harness, "a lighthouse")
    press = await discord.click(result, harness.mira, result.button("V1"))
    await harness.bot.ended()
    assert (press.answer is not None) == made
    await restart(harness)
    await discord.replay(press)
    await original_reads(harness, 1)
    await discord.replay(press)
    again = await discord.click(result, harness.mira, result.button("V2"))  # whatever came before was read before it
    await discord.wait_until(lambda: again.answer and "V2 is on its way" in again.answer.content)
    assert pressed_labels(harness) == ["V1"] * made + ["V2"]


async def test_a_bot_that_was_cut_off_while_it_answered_sends_what_discord_shows(harness: ProcessHarness) -> None:
    discord, mira = harness.discord, harness.mira
    await restart(harness)
    grid = await picture(harness, "a lighthouse")
    parent = harness.useapi.jobids[-1]
    upscaled = harness.useapi.add_job(prompt="a tower", button="U1", parent=parent, age=600)
    await (await discord.slash(harness.channel, mira, "job", {"jobid": upscaled})).answered()
    single = await harness.picture("**U1** of")
    question = await (await discord.click(single, mira, single.button("Upscale (Subtle)"))).answered()
    confirmation = discord.every_message[question.message_id or 0]
    form = await discord.click(single, mira, single.button("Custom Zoom"))
    await form.acknowledged()

    seen = []
    for fault, target, label in (
        ("reset", grid, "V1"),
        ("stored-reset", grid, "V2"),
        ("stored-500", grid, "V3"),
        ("stored-reset", confirmation, "Run it"),
    ):
        discord.fail(CALLBACK, fault)
        seen.append(await discord.click(target, mira, target.button(label)))
        await discord.wait_until(lambda: not discord.faults.planned)
    discord.fail(CALLBACK, "reset")
    await discord.submit_modal(form, {"prompt": "a castle --zoom 1.5"})
    await original_reads(harness, 5)
    await discord.replay(await answered_by_another_process(harness, grid, "V4"))
    last = await discord.click(grid, mira, grid.button("🔄"))
    await discord.wait_until(lambda: "🔄" in pressed_labels(harness))
    await last.answered()
    assert set(pressed_labels(harness)) == {"Upscale (Subtle)", "V2", "V3", "🔄"}
    unseen, *taken = seen
    assert unseen.answer is None
    words = ("V2 is on its way", "V3 is on its way", "Upscale (Subtle) is")
    await discord.wait_until(lambda: all(map(starts, taken, words)))


def starts(press: Interaction, start: str) -> bool:
    return press.answer is not None and (press.answer.content or "").startswith(start)


async def answered_by_another_process(harness: ProcessHarness, message: Message, label: str) -> Interaction:
    """A press that another bot with the same token has taken already: it makes the job."""
    discord = harness.discord
    press = Interaction(
        world=discord, id=discord.snowflake(), token=secrets.token_urlsafe(24), kind=PRESS, channel_id=harness.channel,
        person=discord.people[harness.mira], data={"custom_id": message.button(label), "component_type": 2},
        created=discord.now(), source=message,
    )  # fmt: skip
    discord.interactions[press.token] = press
    press.respond({"type": SAY, "data": {"content": f"On it: {label}.", "flags": EPHEMERAL}}, [])
    return press
