"""`/jobs` with `find`: what a member finds, page by page, and what they do not."""

from typing import Any

import discord

from tests.journeys.conftest import BotHarness, button, private, words


async def find(harness: BotHarness, who: Any, typed: str) -> discord.Message:
    return private(await who.slash(harness.channel, "jobs", find=typed))


async def test_a_member_finds_jobs_by_their_prompts_where_they_can_view_them(harness: BotHarness) -> None:
    backstage = harness.guild.create_text_channel("backstage")
    harness.close_to_all_but_moderators(backstage)
    studio, secret = harness.thread(), harness.thread(private=True, members=[harness.mira])
    pictures = {
        harness.channel: "a tower in the fog, and over it a castle of clouds",
        harness.lounge: "a castle by the sea",
        studio: "castles of sand",
        backstage: "castle of glass",
        secret: "castle of snow",
    }
    posts = {}
    for channel, prompt in pictures.items():
        await harness.job(harness.mira, harness.useapi.add_job(prompt=prompt, age=600), channel)
        await harness.wait(6)
        posts[channel] = harness.posts(channel)[-1]
    await harness.job(harness.newcomer(), harness.useapi.add_job(prompt="a castle in blood", ends="moderated", age=600))
    await harness.wait(6)
    lines = words(await find(harness, harness.bo, "castle")).splitlines()
    assert [line.split("`#")[0] for line in lines] == [
        "- Imagine · castles of sand · done ",
        "- Imagine · a castle by the sea · done ",
        "- Imagine · a tower in the fog, and over it a castle of clouds · done ",
    ]
    for line, channel in zip(lines, (studio, harness.lounge, harness.channel), strict=True):
        assert line.endswith(f"→ [picture]({harness.jump(posts[channel])})")
    assert len(words(await find(harness, harness.mira, "castle")).splitlines()) == 5
    harness.forbid(harness.bo, "view_channel", channel=harness.lounge)
    assert "sea" not in words(await find(harness, harness.bo, "castle"))
    answer = await find(harness, harness.bo, "glass @everyone")
    assert answer.content == "No job that you can view here has “glass @\u200beveryone” in its prompt."
    answer = await find(harness, harness.bo, "!?")
    assert answer.content == "Type at least one word of a prompt to find its jobs."


async def test_what_is_found_is_paged_and_the_buttons_outlive_a_restart(harness: BotHarness) -> None:
    for number in range(12):
        await harness.job(harness.newcomer(), harness.useapi.add_job(prompt=f"boat, number {number}", duration=9000))
    panel = await find(harness, harness.bo, "boat")

    def listed() -> list[int]:
        return [int(line.split("number ")[1].split()[0]) for line in words(panel).splitlines()]

    assert listed() == [*range(11, 1, -1)]
    assert button(panel, "◀ Newer").disabled
    await harness.restart()
    panel = await harness.press(harness.bo, panel, "Older ▶")
    assert listed() == [1, 0]
    assert button(panel, "Older ▶").disabled
    panel = await harness.press(harness.bo, panel, "◀ Newer")
    assert listed() == [*range(11, 1, -1)]
