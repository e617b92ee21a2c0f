"""`/darkroom button_requests` and `/darkroom status`: what admins read about their own server, and about no other."""

import math
from typing import Any

import discord

from bot.models import CostTier, SubmissionState
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, key_in, private, words
from tests.journeys.test_settings_panel import admin

HOUR = 3600


async def opened(harness: BotHarness, who: Any, command: str = "presses") -> discord.Message:
    return private(await who.slash(harness.channel, f"darkroom {command}"))


async def insert_submissions(
    harness: BotHarness, number: int, user: Any, *, ago: float = 0, tier: CostTier = CostTier.VARY
) -> None:
    """Presses of the first job, as the line leaves them."""
    now = harness.now() - ago
    rows = [
        (
            f"r{user.id}{ago}{tier}{each}",
            f"V{each}",
            tier,
            harness.guild.id,
            harness.channel.id,
            user.id,
            user.name,
            now,
        )
        for each in range(number)
    ]
    await harness.bot.store.database.transaction(
        lambda db: db.executemany(
            """INSERT INTO submissions (reference, parent_id, button, tier, guild_id, channel_id, user_id, user_name,
                                        state, created_at, ended_at, notified)
               VALUES (?, 1, ?, ?, ?, ?, ?, ?, 'accepted', ?, 1, 1)""",
            rows,
        )
    )


async def test_a_press_is_written_down_with_who_when_what_and_what_came_of_it(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(age=600))
    parent = harness.last
    await harness.press(harness.mira, parent, "V1")
    await harness.wait(60)
    child = harness.last
    harness.useapi.fail(402, path="/v2/jobs/button")
    await harness.press(harness.mira, parent, "V2")
    await harness.wait(10)
    panel = await opened(harness, admin(harness))
    refused, made = words(panel).splitlines()[-2:]
    key = key_in(parent.embeds[0].footer.text or "")
    assert made.startswith("<t:")
    assert f" · Mira · **V1** of [#{key}]({harness.jump(parent)}) → [#" in made
    assert made.endswith(f"]({harness.jump(child)}) · done · <#{harness.channel.id}>")
    assert f"· Mira · **V2** of [#{key}]({harness.jump(parent)}) · refused · <#" in refused
    assert "**Last 24 hours: 2 presses.** Mira: 2 variations" in panel.content
    assert "job:" not in words(panel)


@only_long
async def test_many_presses_are_paged_and_the_buttons_outlive_a_restart(harness: BotHarness) -> None:
    ada = admin(harness)
    await harness.job(harness.bo, harness.useapi.add_job(age=600))
    await insert_submissions(harness, 25, harness.bo)
    panel = await opened(harness, ada)

    def listed() -> list[str]:
        return [line.split("**")[1] for line in words(panel).splitlines() if line.startswith("<t:")]

    assert listed() == [f"V{number}" for number in range(24, 14, -1)]
    assert button(panel, "◀ Newer").disabled
    await harness.restart()
    panel = await harness.press(ada, panel, "Older ▶")
    panel = await harness.press(ada, panel, "Older ▶")
    assert listed() == [f"V{number}" for number in range(4, -1, -1)]
    assert button(panel, "Older ▶").disabled
    panel = await harness.press(ada, panel, "◀ Newer")
    assert listed() == [f"V{number}" for number in range(14, 4, -1)]
    panel = await harness.press(ada, panel, "◀ Newer")
    assert listed() == [f"V{number}" for number in range(24, 14, -1)]
    harness.env.backend.remove_member_role(harness.guild.id, ada.id, harness.guild.roles["Managers Ada"].id)
    assert (await harness.press(ada, panel, "Older ▶")).content == "Only members with Manage Server can use this."


async def test_totals_are_by_day_week_and_month_per_member_and_kind(harness: BotHarness) -> None:
    ada = admin(harness)
    await harness.job(harness.bo, harness.useapi.add_job(age=600))
    await insert_submissions(harness, 2, harness.bo, ago=HOUR)
    await insert_submissions(harness, 1, harness.bo, ago=HOUR, tier=CostTier.UPSCALE)
    await insert_submissions(harness, 4, harness.mira, ago=3 * 24 * HOUR, tier=CostTier.PICK)
    await insert_submissions(harness, 1, harness.mira, ago=20 * 24 * HOUR)
    await insert_submissions(harness, 9, harness.mira, ago=40 * 24 * HOUR)
    assert (await opened(harness, ada)).content.splitlines() == [
        "**Last 24 hours: 3 presses.** Bo: 2 variations, 1 upscale",
        "**Last 7 days: 7 presses.** Mira: 4 picks; Bo: 2 variations, 1 upscale",
        "**Last 30 days: 8 presses.** Mira: 4 picks, 1 variation; Bo: 2 variations, 1 upscale",
    ]


async def test_hostile_names_and_every_outcome_fit_on_a_page(harness: BotHarness) -> None:
    ada = admin(harness)
    await harness.job(harness.bo, harness.useapi.add_job(age=600, buttons=["*" * 80]))
    await insert_submissions(harness, 10, harness.bo)
    name, button_name = "@everyone [x](https://x.y) `**~~" * 3, "*_`" * 30
    rows = [(state, name, button_name, number) for number, state in enumerate(SubmissionState, 1)]
    await harness.bot.store.database.transaction(
        lambda db: db.executemany(
            "UPDATE submissions SET state = ?, user_name = ?, button = ?, child_id = 1, notified = 1 WHERE id = ?", rows
        )
    )
    panel = await opened(harness, ada)
    text = panel.embeds[0].description or ""
    assert len(text.splitlines()) == 10
    assert "@everyone" not in text
    assert "[x](" not in text
    for words_of_it in ("queued", "cancelled", "declined by Midjourney", "looking for its job"):
        assert words_of_it in text


async def test_other_servers_presses_and_troubles_are_not_shown(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    harness.useapi.fail("queue_full", path="/v2/jobs/button", times=math.inf)
    await harness.press(harness.mira, harness.last, "V1")
    await harness.wait(5)
    other = harness.env.create_guild("Elsewhere")
    channel = other.create_text_channel("general")
    boss = other.add_member(other.owner)
    assert "Nobody has started anything here yet." in words(private(await boss.slash(channel, "darkroom presses")))
    status = private(await boss.slash(channel, "darkroom status"))
    assert status.content.splitlines() == [
        "Running jobs watched here: 0",
        "Results to post: 0",
        "Queued requests of this server: 0",
        "useapi.net: answers",
    ]
    harness.bot.owner_id = boss.id
    status = private(await boss.slash(channel, "darkroom status"))
    *_, useapi, line, paused = status.content.splitlines()
    assert (useapi, line) == ("useapi.net: answers", "Queued requests of all servers: 1")
    assert paused.startswith("The queue is paused: All Midjourney slots are busy.")


async def test_an_outage_is_shown_to_admins_in_few_words_and_to_the_owner_in_full(harness: BotHarness) -> None:
    ada = admin(harness)
    await harness.job(harness.bo, harness.useapi.add_job(duration=600))
    harness.useapi.fail(402, times=math.inf)
    await harness.wait(30)
    text = (await opened(harness, ada, "status")).content
    assert "useapi.net: has trouble. Jobs continue by themselves" in text
    assert "subscription" not in text
    harness.bot.owner_id = ada.id
    assert "useapi.net: The useapi.net subscription behind this bot has ended." in (
        (await opened(harness, ada, "status")).content
    )


async def test_the_text_for_a_bug_report_has_versions_and_counts_and_no_ids(harness: BotHarness) -> None:
    ada = admin(harness)
    jobid = harness.useapi.add_job(duration=600)
    await harness.job(harness.bo, jobid)
    report = await harness.press(ada, await opened(harness, ada, "status"), "For a bug report")
    for line in ("Darkroom ", "Python 3.", "discord.py 2.", "SQLite 3.", "running jobs watched in this server: 1"):
        assert line in report.content
    for secret in (jobid, str(harness.guild.id), str(harness.channel.id), str(ada.id), "token", "Bo", "Ada"):
        assert secret not in report.content
