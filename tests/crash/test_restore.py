"""An older copy of the database is put back while Discord remembers more: nothing is posted twice, the loss is told."""

import re
import shutil
import sqlite3
from contextlib import closing

import pytest

from bot.store.connection import FILE
from tests.conftest import only_long
from tests.crash.conftest import ProcessHarness
from tests.crash.test_the_command_line import type_in
from tests.crash.test_the_real_process import button


class Channel:
    """What the people of the story do in their channel, and see there."""

    def __init__(self, harness: ProcessHarness) -> None:
        self.harness = harness
        self.discord = harness.discord

    async def ask(self, jobid: str) -> str:
        interaction = await self.discord.slash(self.harness.channel, self.harness.bo, "job", {"jobid": jobid})
        return (await interaction.answered()).content

    async def start(self) -> None:
        before = len(self.discord.identifies)
        await self.harness.bot.start()
        await self.discord.wait_until(lambda: len(self.discord.identifies) > before, 10)
        await self.discord.wait_ready()


def running(harness: ProcessHarness, prompt: str) -> str:
    """A job that runs until its answer is forgotten, and is over then."""
    jobid = harness.useapi.add_job(prompt=prompt, age=600)
    harness.useapi.set_answer(jobid, {"jobid": jobid, "verb": "imagine", "status": "progress", "prompt": prompt})
    return jobid


async def test_an_older_copy_repeats_nothing_and_the_admin_learns_what_it_does_not_know(
    harness: ProcessHarness,
) -> None:
    channel, discord = Channel(harness), harness.discord
    data, copy = harness.folder / "data", harness.folder / "copy.sqlite3"
    lighthouse = running(harness, "a lighthouse")
    windmill = harness.useapi.add_job(prompt="a windmill", age=600)
    await channel.start()
    assert (await channel.ask(lighthouse)).startswith("Watching")
    await channel.ask(harness.useapi.add_job(prompt="a castle", age=600))
    castle = await harness.picture("castle")
    await harness.bot.stop()
    shutil.copyfile(data / FILE, copy)

    # life goes on: a watch ends, a job is brought, a button makes another
    await channel.start()
    await channel.ask(windmill)
    stray = await harness.picture("windmill")
    await (await discord.click(castle, harness.mira, button(castle, "U2"))).answered()
    await harness.picture("**U2** of [castle")
    harness.useapi.forget_answer(lighthouse)
    posted = await harness.picture("lighthouse")
    await harness.bot.stop()
    before = [message.id for message in harness.pictures()]
    assert len(before) == 4

    status, said = await type_in(harness, "restore", str(copy))
    first, unknown, kept, last = said.splitlines()
    assert (status, first.startswith(f"Restored {copy}: 2 jobs, last updated ")) == (0, True)
    assert re.match(r"Not in it: 2 jobs added after that copy \(#\w+, #\w+\)\. Posts stay, but their", unknown)
    assert kept.startswith("The previous database is kept as data/replaced-")
    assert last.startswith("Start the bot now.")

    harness.bot.screen = ""
    await channel.start()
    await discord.wait_until(lambda: "was already posted" in harness.bot.screen, 10)
    answer = await channel.ask(lighthouse)
    assert answer == "It's already posted here."
    assert posted in discord.messages(harness.channel)
    # the copy's status card is deleted once more, if the stop came before that
    await discord.wait_until(lambda: discord.messages(harness.channel) == harness.pictures(), 10)
    gone = await (await discord.click(stray, harness.mira, button(stray, "V1"))).answered()
    assert "I don't know this post any more." in gone.content
    await (await discord.click(castle, harness.mira, button(castle, "U2"))).answered()
    await discord.wait_until(lambda: [r for r in harness.useapi.requests if r.path == "/v2/jobs/button"][1:], 10)
    assert [message.id for message in harness.pictures()][:4] == before
    assert len(harness.pictures("lighthouse")) == 1
    assert len(harness.pictures("windmill")) == 1
    assert (await harness.bot.stop())[0] == 0

    # what is no copy of ours is refused in a sentence, and the bot goes on with what it has
    with closing(sqlite3.connect(copy)) as database:
        database.executescript("PRAGMA user_version = 99")
    status, said = await type_in(harness, "restore", str(copy))
    assert (status, said.count("\n"), said.startswith("A newer Darkroom wrote")) == (1, 0, True)
    content = bytearray((data / FILE).read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    copy.write_bytes(content)
    status, said = await type_in(harness, "restore", str(copy))
    assert (status, said.count("\n"), said.startswith(f"The copy {copy} ")) == (1, 0, True)
    await channel.start()
    assert (await harness.bot.stop())[0] == 0


@pytest.mark.parametrize("embed", ["refused", pytest.param("dropped", marks=only_long)])
async def test_an_older_copy_does_not_repeat_a_result_without_an_embed(harness: ProcessHarness, embed: str) -> None:
    """No footer names the job: the result is plain text, or its picture alone."""
    channel, discord = Channel(harness), harness.discord
    copy = harness.folder / "copy.sqlite3"
    lighthouse = running(harness, "a lighthouse")
    await channel.start()
    assert (await channel.ask(lighthouse)).startswith("Watching")
    (status_card,) = await discord.wait_until(lambda: discord.messages(harness.channel))
    await harness.bot.stop()
    shutil.copyfile(harness.folder / "data" / FILE, copy)
    harness.useapi.forget_answer(lighthouse)
    if embed == "refused":
        discord.fail("POST /channels/*/messages", 400)
    else:
        discord.deny(harness.channel, "EMBED_LINKS")
    await channel.start()
    await discord.wait_until(lambda: discord.messages(harness.channel)[-1] is not status_card, 30)
    await discord.wait_until(lambda: status_card.deleted, 10)
    await harness.bot.stop()
    (result,) = discord.messages(harness.channel)
    assert (bool(result.embeds), bool(result.files)) == (False, embed == "dropped")

    assert (await type_in(harness, "restore", str(copy)))[0] == 0
    await channel.start()
    await discord.wait_until(lambda: "was already posted" in harness.bot.screen, 20)
    assert discord.messages(harness.channel) == [result]
    assert (await harness.bot.stop())[0] == 0
