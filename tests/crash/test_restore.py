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

    def __init__(self, street: ProcessHarness) -> None:
        self.street = street
        self.discord = street.discord

    async def ask(self, jobid: str) -> str:
        interaction = await self.discord.slash(self.street.channel, self.street.bo, "job", {"jobid": jobid})
        return (await interaction.answered()).content

    async def start(self) -> None:
        before = len(self.discord.identifies)
        await self.street.bot.start()
        await self.discord.wait_until(lambda: len(self.discord.identifies) > before, 10)
        await self.discord.wait_ready()


def running(street: ProcessHarness, prompt: str) -> str:
    """A job that runs until its answer is forgotten, and is over then."""
    jobid = street.useapi.add_job(prompt=prompt, age=600)
    street.useapi.set_answer(jobid, {"jobid": jobid, "verb": "imagine", "status": "progress", "prompt": prompt})
    return jobid


async def test_an_older_copy_repeats_nothing_and_the_admin_learns_what_it_does_not_know(street: ProcessHarness) -> None:
    channel, discord = Channel(street), street.discord
    data, copy = street.folder / "data", street.folder / "copy.sqlite3"
    lighthouse = running(street, "a lighthouse")
    windmill = street.useapi.add_job(prompt="a windmill", age=600)
    await channel.start()
    assert (await channel.ask(lighthouse)).startswith("Watching")
    await channel.ask(street.useapi.add_job(prompt="a castle", age=600))
    castle = await street.picture("castle")
    await street.bot.stop()
    shutil.copyfile(data / FILE, copy)

    # life goes on: a watch ends, a job is brought, a button makes another
    await channel.start()
    await channel.ask(windmill)
    stray = await street.picture("windmill")
    await (await discord.click(castle, street.mira, button(castle, "U2"))).answered()
    await street.picture("**U2** of [castle")
    street.useapi.forget_answer(lighthouse)
    posted = await street.picture("lighthouse")
    await street.bot.stop()
    before = [message.id for message in street.pictures()]
    assert len(before) == 4

    status, said = await type_in(street, "restore", str(copy))
    first, unknown, kept, last = said.splitlines()
    assert (status, first.startswith(f"Restored {copy}: 2 jobs, last updated ")) == (0, True)
    assert re.match(r"Not in it: 2 jobs added after that copy \(#\w+, #\w+\)\. Posts stay, but their", unknown)
    assert kept.startswith("The previous database is kept as data/replaced-")
    assert last.startswith("Start the bot now.")

    street.bot.screen = ""
    await channel.start()
    await discord.wait_until(lambda: "was already posted" in street.bot.screen, 10)
    answer = await channel.ask(lighthouse)
    assert answer == "It's already posted here."
    assert posted in discord.messages(street.channel)
    # the copy's status card is deleted once more, if the stop came before that
    await discord.wait_until(lambda: discord.messages(street.channel) == street.pictures(), 10)
    gone = await (await discord.click(stray, street.mira, button(stray, "V1"))).answered()
    assert "I don't know this post any more." in gone.content
    await (await discord.click(castle, street.mira, button(castle, "U2"))).answered()
    await discord.wait_until(lambda: [r for r in street.useapi.requests if r.path == "/v2/jobs/button"][1:], 10)
    assert [message.id for message in street.pictures()][:4] == before
    assert len(street.pictures("lighthouse")) == 1
    assert len(street.pictures("windmill")) == 1
    assert (await street.bot.stop())[0] == 0

    # what is no copy of ours is refused in a sentence, and the bot goes on with what it has
    with closing(sqlite3.connect(copy)) as database:
        database.executescript("PRAGMA user_version = 99")
    status, said = await type_in(street, "restore", str(copy))
    assert (status, said.count("\n"), said.startswith("A newer Darkroom wrote")) == (1, 0, True)
    content = bytearray((data / FILE).read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    copy.write_bytes(content)
    status, said = await type_in(street, "restore", str(copy))
    assert (status, said.count("\n"), said.startswith(f"The copy {copy} ")) == (1, 0, True)
    await channel.start()
    assert (await street.bot.stop())[0] == 0


@pytest.mark.parametrize("embed", ["refused", pytest.param("dropped", marks=only_long)])
async def test_an_older_copy_does_not_repeat_a_result_without_an_embed(street: ProcessHarness, embed: str) -> None:
    """No footer names the job: the result is plain text, or its picture alone."""
    channel, discord = Channel(street), street.discord
    copy = street.folder / "copy.sqlite3"
    lighthouse = running(street, "a lighthouse")
    await channel.start()
    assert (await channel.ask(lighthouse)).startswith("Watching")
    (status_card,) = await discord.wait_until(lambda: discord.messages(street.channel))
    await street.bot.stop()
    shutil.copyfile(street.folder / "data" / FILE, copy)
    street.useapi.forget_answer(lighthouse)
    if embed == "refused":
        discord.fail("POST /channels/*/messages", 400)
    else:
        discord.deny(street.channel, "EMBED_LINKS")
    await channel.start()
    await discord.wait_until(lambda: discord.messages(street.channel)[-1] is not status_card, 30)
    await discord.wait_until(lambda: status_card.deleted, 10)
    await street.bot.stop()
    (result,) = discord.messages(street.channel)
    assert (bool(result.embeds), bool(result.files)) == (False, embed == "dropped")

    assert (await type_in(street, "restore", str(copy)))[0] == 0
    await channel.start()
    await discord.wait_until(lambda: "was already posted" in street.bot.screen, 20)
    assert discord.messages(street.channel) == [result]
    assert (await street.bot.stop())[0] == 0
