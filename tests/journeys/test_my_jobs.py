"""`/jobs`: a member's own panel, and what whoever runs the bot sees in theirs."""

import math
import re
from typing import Any

import discord

from bot.models import ProviderName
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, private, words
from tests.journeys.test_imagine import imagine


async def opened(harness: BotHarness, who: Any) -> discord.Message:
    return private(await who.slash(harness.channel, "jobs"))


def options(panel: discord.Message, custom_id: str) -> list[discord.SelectOption]:
    """What a select offers; nothing where it is not there."""
    menus = [child for row in panel.components if isinstance(row, discord.ActionRow) for child in row.children]
    return [
        option
        for menu in menus
        if isinstance(menu, discord.SelectMenu) and menu.custom_id == custom_id
        for option in menu.options
    ]


async def choose(
    harness: BotHarness,
    who: Any,
    seen: discord.Message,
    custom_id: str,
    number: int = 0,
    *,
    panel: discord.Message | None = None,
) -> discord.Message:
    """`who` takes what the panel `seen` offers, in that panel or in another."""
    value = options(seen, custom_id)[number].value
    return await harness._seen(await who.select(panel or seen, [value], custom_id=custom_id))


async def forged(harness: BotHarness, who: Any, panel: discord.Message, custom_id: str) -> discord.Message:
    """The panel of `who`, with a select of somebody else's in it."""
    own = await opened(harness, who)
    offered = [{"label": option.label, "value": option.value} for option in options(panel, custom_id)]
    menu = {"type": 3, "custom_id": custom_id, "options": offered}
    harness.env.backend.messages[harness.channel.id][own.id].components = [{"type": 1, "components": [menu]}]
    return own


async def test_a_member_sees_and_stops_their_own_subscriptions_alone(harness: BotHarness) -> None:
    castle, boat = harness.useapi.add_job(duration=900), harness.useapi.add_job(prompt="a boat", duration=900)
    await harness.job(harness.bo, castle)
    await harness.job(harness.bo, boat, harness.lounge)
    await harness.job(harness.mira, castle)
    panel = await opened(harness, harness.bo)
    assert "**Waiting for**\n- Imagine · castle in the fog · " in words(panel)
    assert f"in <#{harness.lounge.id}>" in words(panel)
    assert [option.label.split(" · ")[1] for option in options(panel, "dr:n:s")] == ["castle in the fog", "boat"]
    await harness.restart()
    panel = await choose(harness, harness.bo, panel, "dr:n:s")
    assert panel.content == "I won't notify you about it."
    assert "castle" not in words(panel)
    await harness.wait(6)
    assert harness.last.embeds[0].footer.text == "Notifying Mira"
    panel = await opened(harness, harness.mira)
    assert "castle in the fog" in words(panel)
    assert "boat" not in words(panel)


async def test_a_choice_that_names_someone_elses_subscription_stops_nothing(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=900))
    theirs = await opened(harness, harness.mira)
    answer = await choose(
        harness, harness.bo, theirs, "dr:n:s", panel=await forged(harness, harness.bo, theirs, "dr:n:s")
    )
    assert answer.content == "You weren't waiting for it."
    assert "You aren't waiting for anything." in words(answer)
    assert "castle in the fog" in words(await opened(harness, harness.mira))


async def test_a_panel_is_never_shown_to_everybody(harness: BotHarness) -> None:
    answer = await harness.press(harness.bo, harness.forge("dr:n:r"), "Forged")
    assert answer.content.startswith("This only works in a private panel.")


@only_long
async def test_what_ended_lately_is_listed_with_the_way_there(harness: BotHarness) -> None:
    for number in range(10):
        await harness.job(harness.bo, harness.useapi.add_job(prompt=f"boat number {number}", age=600))
        await harness.wait(10.1)
    panel = await opened(harness, harness.bo)
    lines = [line for line in words(panel).splitlines() if "boat number" in line]
    assert len(lines) == 8
    assert "boat number 9 · done" in lines[0]
    assert f"[picture]({harness.jump(harness.last)})" in lines[0]
    assert "Recently finished" not in words(await opened(harness, harness.mira))
    await harness.job(harness.mira, harness.useapi.add_job(ends="moderated", age=600))
    panel = await opened(harness, harness.mira)
    assert f"→ [details]({harness.jump(harness.last)})" in words(panel), "there is no picture"
    assert words(panel).count("#") == 1, "its key stands there once"


async def test_a_queued_press_is_taken_back_before_it_costs_anything(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    post = harness.last
    harness.useapi.fail("queue_full", path="/v2/jobs/button", times=math.inf)
    await harness.press(harness.mira, post, "V1")
    await harness.wait(10)
    await harness.press(harness.mira, post, "V2")
    panel = await opened(harness, harness.mira)
    assert "**Queued (2 of 3)**\n- V1 of `#" in words(panel)
    assert "`: number 2" in words(panel)
    assert "All Midjourney slots are busy." in words(panel)
    own = await forged(harness, harness.bo, panel, "dr:n:t")
    stranger = await choose(harness, harness.bo, panel, "dr:n:t", panel=own)
    assert stranger.content == "It isn't queued any more."
    panel = await choose(harness, harness.mira, await opened(harness, harness.mira), "dr:n:t")
    assert panel.content == "Cancelled. It cost nothing."
    assert [option.label.split(" ")[0] for option in options(panel, "dr:n:t")] == ["V2"]
    assert await harness.rows("SELECT state FROM submissions ORDER BY id") == [("cancelled",), ("queued",)]
    harness.useapi.heal()
    await harness.wait(120)
    assert harness.button_requests()[-1]["button"] == "V2"
    again = await choose(harness, harness.mira, panel, "dr:n:t")
    assert again.content == "It isn't queued any more."


async def test_a_member_sees_what_is_left_today_and_clears_what_is_queued(harness: BotHarness) -> None:
    printers = harness.guild.create_role("Printers")
    assert "left today" not in words(await opened(harness, harness.bo)), "who may start nothing has no number"
    harness.env.backend.add_member_role(harness.guild.id, harness.bo.id, printers.id)
    settings = {"start_role": printers.id, "running": 1, "daily": 4, "cooldown": 0}
    await harness.bot.store.servers.change_settings(harness.guild.id, **settings)
    assert "4 of 4 left today.\nRunning jobs: 0 of 1." in words(await opened(harness, harness.bo))
    harness.useapi.plan(duration=60)
    first = await imagine(harness, harness.bo, "a castle")
    assert "on its way" in first.content
    await harness.wait(5)
    second = await imagine(harness, harness.bo, "a tower")
    assert second.content == (
        "One of your jobs is running. Each member may have one at a time here. “a tower” is queued (1st). Cancel it in "
        "`/jobs`."
    )
    await imagine(harness, harness.bo, "a bridge")
    preview = await imagine(harness, harness.bo, "a gate --arr 3:2")
    assert re.search(r"\n1 of 4 left today, one more is free <t:\d+:R>\.\nRun it\?$", preview.content)
    panel = await opened(harness, harness.bo)
    queued = "**Queued (2 of 3)**\n- a tower: number 1\n- a bridge: number 2\n-# One of your jobs is running."
    assert queued in words(panel)
    assert re.search(r"1 of 4 left today, one more is free <t:\d+:R>\.\nRunning jobs: 1 of 1\.", words(panel))
    panel = await harness.press(harness.bo, panel, "Clear my queue")
    assert panel.content == "Cancelled all 2. They cost nothing."
    assert "3 of 4 left today" in words(panel)
    assert "Clear my queue" not in str(labels(panel))
    await harness.wait(90)
    assert await harness.rows("SELECT state FROM submissions ORDER BY id") == [
        ("accepted",),
        ("cancelled",),
        ("cancelled",),
    ]


@only_long
async def test_pings_are_switched_off_for_oneself_and_the_results_come_without(harness: BotHarness) -> None:
    panel = await harness.press(harness.bo, await opened(harness, harness.bo), "Turn off my pings")
    assert "Pings: off for you. Results are posted all the same." in words(panel)
    jobid = harness.useapi.add_job(duration=80)
    await harness.job(harness.bo, jobid)
    await harness.job(harness.mira, jobid)
    await harness.wait(100)
    assert harness.called() == {harness.mira.id}
    panel = await harness.press(harness.bo, panel, "Turn on my pings")
    assert "Pings: on for you." in words(panel)
    await harness.bot.store.servers.change_settings(harness.guild.id, pings=False)
    assert "Pings: on for you, but off in this server." in words(await harness.press(harness.bo, panel, "Refresh"))


# --- whoever runs the bot ---------------------------------------------------------------------------------------------


async def test_the_owner_sees_the_accounts_jobs_and_may_subscribe_to_them(harness: BotHarness) -> None:
    harness.bot.owner_id = harness.mira.id
    known, stranger = harness.useapi.add_job(duration=60), harness.useapi.add_job(prompt="a boat", duration=60)
    await harness.job(harness.bo, known)
    panel = await opened(harness, harness.mira)
    assert "**The account: 2 of 3 slots in use, 0 queued**" in words(panel)
    assert [option.label.split(" · ")[1] for option in options(panel, "dr:n:w")] == ["castle in the fog", "boat"]
    assert "job:" not in repr(panel.components)
    assert "The account" not in words(await opened(harness, harness.bo))
    own = await forged(harness, harness.bo, panel, "dr:n:w")
    refused = await choose(harness, harness.bo, panel, "dr:n:w", 1, panel=own)
    assert refused.content == "Only the bot's owner can see the account's jobs."
    panel = await choose(harness, harness.mira, panel, "dr:n:w", 1)
    assert panel.content.startswith("Watching `#")
    assert panel.content.endswith("I'll post the picture here.")
    assert "boat" in words(panel).partition("The account")[0]
    assert await harness.bot.store.jobs.by_jobid(ProviderName.USEAPI, stranger)
    panel = await choose(harness, harness.mira, panel, "dr:n:w", 0)
    assert panel.content.startswith("I'm already watching this [here]("), "Bo has subscribed to it before"
    await harness.wait(90)
    panel = await opened(harness, harness.mira)
    assert "**The account: 0 slots in use, 0 queued**" in words(panel)


async def test_useapis_trouble_is_a_sentence_and_the_rest_works(harness: BotHarness) -> None:
    harness.bot.owner_id = harness.mira.id
    await harness.job(harness.mira, harness.useapi.add_job(duration=900))
    panel = await opened(harness, harness.mira)
    harness.useapi.fail(401, path="/v2/jobs", times=math.inf)
    answer = await choose(harness, harness.mira, panel, "dr:n:w")
    assert answer.content.startswith("useapi.net does not accept this bot's token.")
    assert "**The account**\nuseapi.net does not accept this bot's token." in words(answer)
    assert "castle in the fog" in words(answer)
    assert labels(answer)[-1] == ["Turn off my pings", "Refresh", "What I keep about you"]
    assert (await choose(harness, harness.mira, answer, "dr:n:s")).content == "I won't notify you about it."


async def test_an_answer_about_the_account_is_never_followed_in_public(harness: BotHarness) -> None:
    harness.bot.owner_id = harness.mira.id
    harness.useapi.add_job("info", duration=900)
    answer = await choose(harness, harness.mira, await opened(harness, harness.mira), "dr:n:w")
    assert answer.content.startswith("That job is about the account itself.")
    assert not harness.posts()
