"""`/darkroom presses` and `/darkroom status`: what admins read about their own server, and about no other."""

import math
from typing import Any

import discord

from bot.models.job import CostTier, SubmissionState
from tests.journeys.conftest import Stage, button, key_in, private, words
from tests.journeys.test_settings_panel import admin

HOUR = 3600


async def opened(stage: Stage, who: Any, command: str = "presses") -> discord.Message:
    return private(await who.slash(stage.channel, f"darkroom {command}"))


async def insert_presses(
    stage: Stage, number: int, user: Any, *, ago: float = 0, tier: CostTier = CostTier.VARY
) -> None:
    """Presses of the first job, as the line leaves them."""
    now = stage.now() - ago
    rows = [
        (f"r{user.id}{ago}{tier}{each}", f"V{each}", tier, stage.guild.id, stage.channel.id, user.id, user.name, now)
        for each in range(number)
    ]
    await stage.bot.store._db.transaction(
        lambda db: db.executemany(
            """INSERT INTO presses (ref, parent_id, button, tier, guild_id, channel_id, user_id, user_name, state,
                                    pressed_at, ended_at, told) VALUES (?, 1, ?, ?, ?, ?, ?, ?, 'made', ?, 1, 1)""",
            rows,
        )
    )


async def test_a_press_is_written_down_with_who_when_what_and_what_came_of_it(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(age=600))
    parent = stage.last
    await stage.press(stage.mira, parent, "V1")
    await stage.wait(60)
    child = stage.last
    stage.useapi.fail(402, path="/v2/jobs/button")
    await stage.press(stage.mira, parent, "V2")
    await stage.wait(10)
    panel = await opened(stage, admin(stage))
    refused, made = words(panel).splitlines()[-2:]
    key = key_in(parent.embeds[0].footer.text or "")
    assert made.startswith("<t:")
    assert f" · Mira · **V1** of [#{key}]({stage.jump(parent)}) → [#" in made
    assert made.endswith(f"]({stage.jump(child)}) · made · <#{stage.channel.id}>")
    assert f"· Mira · **V2** of [#{key}]({stage.jump(parent)}) · refused · <#" in refused
    assert "**Last 24 hours: 1 press.** Mira: 1 V and the like" in panel.content
    assert "job:" not in words(panel)


async def test_many_presses_are_paged_and_the_buttons_outlive_a_restart(stage: Stage) -> None:
    ada = admin(stage)
    await stage.job(stage.bo, stage.useapi.add_job(age=600))
    await insert_presses(stage, 25, stage.bo)
    panel = await opened(stage, ada)

    def shown() -> list[str]:
        return [line.split("**")[1] for line in words(panel).splitlines() if line.startswith("<t:")]

    assert shown() == [f"V{number}" for number in range(24, 14, -1)]
    assert button(panel, "◀ Newer").disabled
    await stage.restart()
    panel = await stage.press(ada, panel, "Older ▶")
    panel = await stage.press(ada, panel, "Older ▶")
    assert shown() == [f"V{number}" for number in range(4, -1, -1)]
    assert button(panel, "Older ▶").disabled
    panel = await stage.press(ada, panel, "◀ Newer")
    assert shown() == [f"V{number}" for number in range(14, 4, -1)]
    panel = await stage.press(ada, panel, "◀ Newer")
    assert shown() == [f"V{number}" for number in range(24, 14, -1)]
    stage.env.backend.remove_member_role(stage.guild.id, ada.id, stage.guild.roles["Managers Ada"].id)
    assert (await stage.press(ada, panel, "Older ▶")).content == "Only members with Manage Server can use this."


async def test_totals_stand_by_day_week_and_month_per_member_and_kind(stage: Stage) -> None:
    ada = admin(stage)
    await stage.job(stage.bo, stage.useapi.add_job(age=600))
    await insert_presses(stage, 2, stage.bo, ago=HOUR)
    await insert_presses(stage, 1, stage.bo, ago=HOUR, tier=CostTier.UPSCALE)
    await insert_presses(stage, 4, stage.mira, ago=3 * 24 * HOUR, tier=CostTier.PICK)
    await insert_presses(stage, 1, stage.mira, ago=20 * 24 * HOUR)
    await insert_presses(stage, 9, stage.mira, ago=40 * 24 * HOUR)
    assert (await opened(stage, ada)).content.splitlines() == [
        "**Last 24 hours: 3 presses.** Bo: 2 V and the like, 1 upscales and animations",
        "**Last 7 days: 7 presses.** Mira: 4 U; Bo: 2 V and the like, 1 upscales and animations",
        "**Last 30 days: 8 presses.** Mira: 4 U, 1 V and the like; Bo: 2 V and the like, 1 upscales and animations",
    ]


async def test_hostile_names_and_every_outcome_fit_on_a_page(stage: Stage) -> None:
    ada = admin(stage)
    await stage.job(stage.bo, stage.useapi.add_job(age=600, buttons=["*" * 80]))
    await insert_presses(stage, 10, stage.bo)
    name, button_name = "@everyone [x](https://x.y) `**~~" * 3, "*_`" * 30
    rows = [(state, name, button_name, number) for number, state in enumerate(SubmissionState, 1)]
    await stage.bot.store._db.transaction(
        lambda db: db.executemany(
            "UPDATE presses SET state = ?, user_name = ?, button = ?, child_id = 1, told = 1 WHERE id = ?", rows
        )
    )
    panel = await opened(stage, ada)
    text = panel.embeds[0].description or ""
    assert len(text.splitlines()) == 10
    assert "@everyone" not in text
    assert "[x](" not in text
    for words_of_it in ("waits in line", "taken back", "declined by Midjourney", "its job is looked for"):
        assert words_of_it in text


async def test_other_servers_presses_and_troubles_are_not_shown(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(age=600))
    stage.useapi.fail("queue_full", path="/v2/jobs/button", times=math.inf)
    await stage.press(stage.mira, stage.last, "V1")
    await stage.wait(5)
    other = stage.env.create_guild("Elsewhere")
    channel = other.create_text_channel("general")
    boss = other.add_member(other.owner)
    assert "Nobody has pressed anything here yet." in words(private(await boss.slash(channel, "darkroom presses")))
    status = private(await boss.slash(channel, "darkroom status"))
    assert status.content.splitlines() == [
        "Running jobs watched here: 0",
        "Results to be posted: 0",
        "Presses of this server in line: 0",
        "useapi.net: answers",
    ]
    stage.bot.owner_id = boss.id
    status = private(await boss.slash(channel, "darkroom status"))
    *_, useapi, line, held = status.content.splitlines()
    assert (useapi, line) == ("useapi.net: answers", "Presses of all servers in line: 1")
    assert held.startswith("Presses wait: All of the Midjourney account's places are taken.")


async def test_an_outage_is_told_to_admins_in_few_words_and_to_the_owner_in_full(stage: Stage) -> None:
    ada = admin(stage)
    await stage.job(stage.bo, stage.useapi.add_job(duration=600))
    stage.useapi.fail(402, times=math.inf)
    await stage.wait(30)
    told = (await opened(stage, ada, "status")).content
    assert "useapi.net: has trouble; jobs wait, and go on by themselves" in told
    assert "subscription" not in told
    stage.bot.owner_id = ada.id
    assert "useapi.net: The useapi.net subscription behind this bot has ended." in (
        (await opened(stage, ada, "status")).content
    )


async def test_the_text_for_a_bug_report_has_versions_and_counts_and_no_ids(stage: Stage) -> None:
    ada = admin(stage)
    jobid = stage.useapi.add_job(duration=600)
    await stage.job(stage.bo, jobid)
    report = await stage.press(ada, await opened(stage, ada, "status"), "For a bug report")
    for line in ("Darkroom ", "Python 3.", "discord.py 2.", "SQLite 3.", "running jobs watched in this server: 1"):
        assert line in report.content
    for secret in (jobid, str(stage.guild.id), str(stage.channel.id), str(ada.id), "token", "Bo", "Ada"):
        assert secret not in report.content
