"""`/darkroom members`: a manager shuts a member out and lets them in again; a declined member reads until when."""

import re
from typing import Any

import discord

from tests.journeys.conftest import BotHarness, button, private, words
from tests.journeys.test_imagine import imagine, prompts
from tests.journeys.test_settings_panel import admin


async def opened(harness: BotHarness, who: Any) -> discord.Message:
    return private(await who.slash(harness.channel, "darkroom members"))


async def selected(harness: BotHarness, who: Any, panel: discord.Message, member: Any) -> discord.Message:
    return await harness._seen(await who.select(panel, [member], custom_id="dr:m:u"))


async def test_a_manager_shuts_a_member_out_and_lets_them_in_again(harness: BotHarness) -> None:
    ada = admin(harness)
    panel = await opened(harness, ada)
    assert "Choose a member to see what they did lately" in words(panel)
    panel = await selected(harness, ada, panel, harness.mira)
    assert words(panel).startswith("**Mira**\nNot shut out.\nUses in the last 24 hours: 0 of 10\n")
    panel = await harness._seen(await ada.select(panel, ["week"], custom_id=f"dr:m:o:{harness.mira.id}"))
    assert "⏸️ Shut out until <t:" in words(panel)
    await harness.restart()
    mine = words(private(await harness.mira.slash(harness.channel, "jobs")))
    assert mine.startswith("You can't start jobs or use buttons here until <t:")
    refusal = await imagine(harness, harness.mira)
    assert re.search(
        r"^You can't start jobs or use buttons here until <t:\d+:f>: someone with Manage Server has shut you out\.$",
        refusal.content,
    ), "moderators can be shut out, too"
    assert "Mira: ⏸️ Shut out until" in words(await opened(harness, ada))
    panel = await harness.press(ada, panel, "Let in again")
    assert "Not shut out." in words(panel)
    entries = r"· Mira · \*\*let in again by Ada\*\*\n.* · Mira · \*\*shut out until <t:\d+:f> by Ada\*\*"
    assert re.search(entries, words(panel))
    assert "on its way" in (await imagine(harness, harness.mira)).content
    log = words(private(await ada.slash(harness.channel, "darkroom presses")))
    assert re.search(r"Mira · \*\*/imagine.*\n.*Mira · \*\*let in again by Ada\*\*\n.*Mira · \*\*shut out until", log)

    forged = harness.forge(f"dr:m:i:{harness.mira.id}")
    answer = private(await harness.bo.click(forged, custom_id=button(forged, "Forged").custom_id))
    assert answer.content == "Only members with Manage Server can use this."


async def test_whoever_is_declined_too_often_reads_until_when_they_have_to_wait(harness: BotHarness) -> None:
    printers = harness.guild.create_role("Printers")
    harness.env.backend.add_member_role(harness.guild.id, harness.bo.id, printers.id)
    await harness.bot.store.servers.change_settings(harness.guild.id, start_role=printers.id, declined=2, cooldown=0)
    harness.useapi.plan(ends="moderated")
    await imagine(harness, harness.bo, "a castle that is declined when it is nearly done")
    await harness.wait(120)
    assert "Midjourney declined this one." in words(harness.last)
    assert "declined jobs" not in words(private(await admin(harness).slash(harness.channel, "darkroom presses")))
    second = await imagine(harness, harness.bo, "a forbidden tower")
    assert second.content.startswith("Midjourney declined this one.")
    until = r"You can't start jobs or use buttons here until <t:\d+:f>: Midjourney declined too many of your jobs"
    assert re.search(until, second.content)
    assert re.match(until, (await imagine(harness, harness.bo)).content)
    log = words(private(await admin(harness).slash(harness.channel, "darkroom presses")))
    assert re.search(r"Bo · \*\*shut out until <t:\d+:f>, after declined jobs\*\*", log)


async def test_jobs_without_a_subscription_count_as_running_and_as_declined(harness: BotHarness) -> None:
    printers = harness.guild.create_role("Printers")
    harness.env.backend.add_member_role(harness.guild.id, harness.bo.id, printers.id)
    numbers = {"running": 1, "declined": 2, "cooldown": 0}
    await harness.bot.store.servers.change_settings(harness.guild.id, start_role=printers.id, **numbers)

    async def unsubscribe() -> None:
        question = await harness.press(harness.bo, harness.last, "Stop")
        stopped = await harness.press(harness.bo, question, "Stop notifying me")
        assert stopped.content == "I won't notify you about this job."

    for _ in range(2):
        harness.useapi.plan(duration=60, ends="moderated")
    await imagine(harness, harness.bo, "a castle")
    await harness.wait(5)
    await unsubscribe()
    assert (await imagine(harness, harness.bo, "a tower")).content.startswith("One of your jobs is running.")
    await harness.wait(10)
    assert prompts(harness) == ["a castle"], "it still runs"
    await harness.wait(70)
    assert prompts(harness) == ["a castle", "a tower"], "the first one is over"
    await unsubscribe()
    await harness.wait(120)
    assert [words(post) for post in harness.posts()] == ["-# No longer watching Imagine here."] * 2, "no results"
    refused = await imagine(harness, harness.bo)
    assert "Midjourney declined too many of your jobs" in refused.content
    assert prompts(harness) == ["a castle", "a tower"]
