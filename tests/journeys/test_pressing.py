"""A press on a job's button: who may, what useapi is asked, and how the child comes home."""

import asyncio
from typing import Any

import discord
import pytest

from tests.journeys.conftest import Stage, button, labels, private, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"
ONLY_MODERATORS = "Only moderators can press this: it costs Midjourney time."


async def posted(stage: Stage, **options: Any) -> tuple[str, discord.Message]:
    """A finished job that stands in the channel: its id, and the message."""
    jobid = stage.useapi.add_job(**{"prompt": CASTLE, "age": 600, **options})
    await stage.job(stage.mira, jobid)
    return jobid, stage.last


async def confirmed(stage: Stage, who: Any, post: discord.Message, label: str) -> discord.Message:
    """`who` presses a button, and says yes where that is asked; the private answer."""
    answer = await stage.press(who, post, label)
    return await stage.press(who, answer, "Yes, press it") if answer.components else answer


async def test_a_press_is_answered_and_written_down_before_useapi_is_asked(stage: Stage) -> None:
    parent, grid = await posted(stage)
    press = asyncio.create_task(stage.press(stage.mira, grid, "U1"))
    post = await stage.useapi.wait_for_request(path="/v2/jobs/button")
    answers = [request.json for request in stage.env.http_requests if request.path.endswith("/callback")]
    assert answers[-1]["data"]["content"] == "On it: U1."
    assert await stage.rows("SELECT ref, button, user_id FROM presses") == [
        (post.json["replyRef"], "U1", stage.mira.id)
    ]
    assert post.json == {"jobid": parent, "button": "U1", "replyRef": post.json["replyRef"]}
    assert words(await press) == "U1 is on its way. I'll post it here."


async def test_a_press_that_became_a_job_is_remembered_as_such(stage: Stage) -> None:
    await posted(stage)
    await stage.press(stage.mira, stage.last, "U1")
    assert await stage.rows("SELECT state, trouble, child_id FROM presses") == [("made", "", 2)]


async def test_the_childs_result_answers_the_parents_picture_and_names_the_presser(stage: Stage) -> None:
    _, grid = await posted(stage)
    await stage.press(stage.mira, grid, "U1")
    assert len(stage.posts()) == 1
    await stage.wait(17)
    _, child = stage.posts()
    assert child.reference is not None
    assert child.reference.message_id == grid.id
    assert words(child).startswith(f"**U1** of [castle in the fog]({stage.jump(grid)})\n> a castle in the fog")
    assert str(child.embeds[0].footer.text).startswith("Mira · ")
    assert child.content == ""
    assert len(child.attachments) == 1


async def test_a_child_that_is_done_soon_has_no_card(stage: Stage) -> None:
    _, grid = await posted(stage)
    for label in ("U1", "U2", "U3", "U4"):
        await stage.press(stage.mira, grid, label)
        before = len(stage.posts())
        await stage.wait(60)
        assert len(stage.posts()) == before + 1
    assert all(post.embeds for post in stage.posts())


async def test_a_child_that_still_runs_after_the_first_look_gets_a_card_with_its_line_of_lineage(stage: Stage) -> None:
    _, grid = await posted(stage)
    stage.useapi.plan(duration=100)
    await stage.press(stage.mira, grid, "V1")
    await stage.wait(14)
    assert len(stage.posts()) == 1
    await stage.wait(6)
    _, card = stage.posts()
    lineage = f"**V1** of [castle in the fog]({stage.jump(grid)})"
    assert words(card).startswith(lineage)
    assert labels(card) == [["🔔 Tell me too", "Stop"]]
    await stage.wait(100)
    _, card, child = stage.posts()
    assert words(child).startswith(f"<@{stage.mira.id}>\n{lineage}")
    assert child.reference is not None
    assert child.reference.message_id == grid.id, "the parent's picture, not the card"
    assert card.content == f"-# ✓ V1 · castle in the fog, 1 min 40 s → [picture]({stage.jump(child)})"


async def test_a_grandchild_can_be_made_from_a_child(stage: Stage) -> None:
    _, grid = await posted(stage)
    await stage.press(stage.mira, grid, "U1")
    await stage.wait(17)
    single = stage.last
    await stage.press(stage.mira, single, "Vary (Strong)")
    await stage.wait(60)
    assert words(stage.last).startswith(f"**Vary (Strong)** of [castle in the fog]({stage.jump(single)})")


async def test_a_child_that_is_over_when_useapi_answers_is_posted_at_once(stage: Stage) -> None:
    _, grid = await posted(stage)
    stage.useapi.plan(duration=0)
    await stage.press(stage.mira, grid, "U1")
    assert words(stage.last).startswith("**U1** of ")


@pytest.mark.parametrize("label", ["🔄", "⬅️", "Upscale (Subtle)", "Zoom Out 1.5x", "Animate (High motion)"])
async def test_useapi_gets_the_exact_label(stage: Stage, label: str) -> None:
    buttons = ["🔄"] if label == "🔄" else None
    parent = stage.useapi.add_job(prompt="a castle", age=900)
    _, single = await posted(stage, button="U1", parent=parent, buttons=buttons)
    await confirmed(stage, stage.mira, single, label)
    assert [press["button"] for press in stage.presses()] == [label]


async def test_a_label_that_nobody_knows_is_a_button_too_and_is_sent_whole(stage: Stage) -> None:
    long = "Enhance ✨ " + "ever so slightly " * 8
    _, result = await posted(stage, buttons=["U1", "Enhance ✨", long.strip()])
    assert labels(result)[0] == ["U1"]
    assert labels(result)[1][0] == "Enhance ✨"
    clipped = labels(result)[1][1]
    assert len(clipped) == 80
    assert clipped.endswith("…")
    for label in ("Enhance ✨", clipped):
        assert "is on its way" in words(await confirmed(stage, stage.mira, result, label))
    assert [press["button"] for press in stage.presses()] == ["Enhance ✨", long.strip()]


async def test_buttons_that_want_more_than_a_press_are_not_shown(stage: Stage) -> None:
    parent = stage.useapi.add_job(prompt="a castle", age=900)
    _, single = await posted(stage, prompt="a castle", button="U1", parent=parent)
    assert labels(single) == [
        ["Upscale (Subtle)", "Upscale (Creative)", "Vary (Subtle)", "Vary (Strong)"],
        ["Zoom Out 2x", "Zoom Out 1.5x", "Custom Zoom"],
        ["⬅️", "➡️", "⬆️", "⬇️"],
        ["Animate (High motion)", "Animate (Low motion)", "⋯"],
    ]


# --- who may ----------------------------------------------------------------------------------------------------------


async def test_a_plain_member_gets_one_sentence_and_nothing_is_pressed(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    await stage.job(stage.bo, jobid)
    assert words(await stage.press(stage.bo, stage.last, "V1")) == ONLY_MODERATORS
    await stage.wait(60)
    assert not stage.presses()
    assert not await stage.rows("SELECT * FROM presses")
    assert len(stage.posts()) == 1


async def test_moderators_of_this_channel_may_press_here_only(stage: Stage) -> None:
    keeper = stage.guild.add_member(stage.env.create_user("Kit"))
    allowed = discord.PermissionOverwrite(manage_messages=True)
    attachments = stage.guild.create_text_channel("gallery", overwrites={keeper: allowed})
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    for channel in (attachments, stage.channel):
        await stage.job(keeper, jobid, channel)
    assert words(await stage.press(keeper, stage.posts()[0], "V1")) == ONLY_MODERATORS
    assert "is on its way" in words(await stage.press(keeper, stage.posts(attachments)[0], "V1"))


async def test_a_moderator_with_ten_running_jobs_waits_before_pressing(stage: Stage) -> None:
    await stage.restart(poll_seconds=300)
    _, grid = await posted(stage)
    for nth in range(10):
        await stage.job(stage.mira, stage.useapi.add_job(duration=3600))
        if nth == 4:
            await stage.wait(61)
    assert "You are watching 10 running jobs already." in words(await stage.press(stage.mira, grid, "U1"))
    assert not stage.presses()


# --- what useapi may say ----------------------------------------------------------------------------------------------


async def test_a_used_button_leads_to_the_child_that_stands_here(stage: Stage) -> None:
    _, grid = await posted(stage)
    before = str(button(grid, "U1").custom_id)
    await stage.press(stage.mira, grid, "U1")
    await stage.wait(25)
    grid, child = stage.posts()
    assert button(grid, "U1 ↗").url == stage.jump(child)
    answer = await stage.press(stage.mira, stage.forge(before), "Forged")
    assert words(answer).startswith("U1 was pressed before, so this cost nothing.")
    assert words(answer).endswith(stage.jump(child))
    await stage.wait(60)
    assert len(stage.presses()) == 1


async def test_a_button_that_was_used_elsewhere_brings_the_existing_child(stage: Stage) -> None:
    parent, grid = await posted(stage)
    child = stage.useapi.add_job(button="U1", parent=parent, duration=30)
    told = words(await stage.press(stage.mira, grid, "U1"))
    assert told == "U1 was pressed before, so this cost nothing. I'll post it here."
    await stage.wait(50)
    assert words(stage.last).startswith(f"**U1** of [castle in the fog]({stage.jump(grid)})")
    assert stage.looks(child) >= 2
    assert await stage.rows("SELECT state FROM presses") == [("used",)]


async def test_two_moderators_in_the_same_moment_get_one_child(stage: Stage) -> None:
    _, grid = await posted(stage)
    ana = stage.guild.add_member(stage.env.create_user("Ana"), roles=[stage.guild.roles["Moderators"]])
    async with stage.one_moment():
        pressed = [await who.click(grid, label="U1") for who in (stage.mira, ana)]
    assert [private(answer).content for answer in pressed] == [
        "U1 is on its way. I'll post it here.",
        "U1 was pressed before, so this cost nothing. I'll post it here.",
    ]
    assert len(stage.presses()) == 1
    await stage.wait(60)
    assert [words(post).split(" ")[0] for post in stage.posts()] == ["**Imagine**\n>", "**U1**"]


async def test_who_presses_what_is_being_looked_for_waits_for_what_comes_of_it(stage: Stage) -> None:
    _, grid = await posted(stage)
    ana = stage.guild.add_member(stage.env.create_user("Ana"), roles=[stage.guild.roles["Moderators"]])
    stage.useapi.fail("reset", path="/v2/jobs/button")
    await stage.press(stage.mira, grid, "U1")
    answer = await stage.press(ana, grid, "U1")
    assert words(answer).endswith(
        "U1 is kept until it is known what came of the press before it. `/jobs` takes it back."
    )
    panel = private(await ana.slash(stage.channel, "jobs"))
    assert ": waits for what comes of the press before it" in words(panel)


async def test_the_same_picture_in_two_channels_shares_its_child(stage: Stage) -> None:
    jobid, grid = await posted(stage)
    await stage.job(stage.mira, jobid, stage.lounge)
    (copy,) = stage.posts(stage.lounge)
    await stage.press(stage.mira, grid, "U1")
    await stage.press(stage.mira, copy, "U1")
    await stage.wait(30)
    for channel, parent in ((stage.channel, grid), (stage.lounge, copy)):
        *_, child = stage.posts(channel)
        assert child.reference is not None
        assert child.reference.message_id == parent.id
        assert words(child).startswith(f"**U1** of [castle in the fog]({stage.jump(parent)})")


async def test_a_press_at_a_full_account_is_kept_and_sent_when_a_job_ends(stage: Stage) -> None:
    _, grid = await posted(stage)
    for _ in range(3):
        stage.useapi.add_job(duration=60)
    answer = await stage.press(stage.mira, grid, "V1")
    assert words(answer).endswith("V1 is kept, first in line. `/jobs` takes it back.")
    assert await stage.rows("SELECT state, child_id FROM presses") == [("queued", None)]
    await stage.wait(61)
    assert await stage.rows("SELECT state FROM presses") == [("made",)]
    await stage.wait(60)
    assert words(stage.last).startswith("**V1** of ")


async def test_a_press_that_midjourney_declines_is_told_to_the_presser_alone(stage: Stage) -> None:
    _, grid = await posted(stage)
    stage.useapi.plan(ends="moderated", duration=0)
    told = words(await stage.press(stage.mira, grid, "V1"))
    assert told.startswith("Midjourney declined this one.\n**Banned prompt detected**\nThe word ")
    await stage.wait(60)
    assert len(stage.posts()) == 1
    assert await stage.rows("SELECT state FROM presses") == [("declined",)]
