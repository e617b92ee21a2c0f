"""What stands in a channel stays true: used buttons become links, and pressers are told what nobody else could tell."""

import re

import discord
import pytest

from tests.journeys.conftest import Stage, button, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"
GRID = [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]


async def grid_of(stage: Stage) -> tuple[str, discord.Message]:
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    await stage.job(stage.mira, jobid)
    return jobid, stage.last


def edits_of(stage: Stage, post: discord.Message) -> int:
    path = f"/channels/{post.channel.id}/messages/{post.id}"
    return sum((call.method, call.path) == ("PATCH", path) for call in stage.env.http_requests)


# --- links in the place of buttons ------------------------------------------------------------------------------------


async def test_buttons_that_were_used_lead_to_their_pictures_in_every_post_of_the_server(stage: Stage) -> None:
    jobid, grid = await grid_of(stage)
    await stage.job(stage.bo, jobid, stage.lounge)
    for label in ("U2", "U3"):
        await stage.press(stage.mira, grid, label)
    await stage.wait(25)
    here, *children = stage.posts()
    second, third = sorted(children, key=words)
    (there,) = stage.posts(stage.lounge)
    for post in (here, there):
        assert labels(post) == [["U1", "U2 ↗", "U3 ↗", "U4", "🔄"], GRID[1]]
        assert button(post, "U2 ↗").url == stage.jump(second)
        assert button(post, "U3 ↗").url == stage.jump(third)
        assert edits_of(stage, post) == 1, "one edit for both"
    assert stage.bytes_of(here.attachments[0]) == stage.bytes_of(grid.attachments[0])
    assert words(here) == words(grid)
    await stage.press(stage.mira, await stage.ask(stage.mira, jobid), "Post again")
    assert labels(stage.last)[0] == ["U1", "U2 ↗", "U3 ↗", "U4", "🔄"]


async def test_a_picture_that_was_deleted_gives_its_button_back(stage: Stage) -> None:
    _, grid = await grid_of(stage)
    await stage.press(stage.mira, grid, "U2")
    await stage.wait(25)
    await stage.press(stage.mira, await stage.press(stage.mira, stage.last, "⋯"), "Delete this post")
    await stage.wait(10)
    (post,) = stage.posts()
    assert labels(post) == GRID


async def test_a_child_names_its_parent_and_answers_it_only_where_that_stands(stage: Stage) -> None:
    jobid, grid = await grid_of(stage)
    child = stage.useapi.add_job(prompt=CASTLE, button="V1", parent=jobid, age=300)
    await stage.job(stage.mira, child, stage.lounge)
    (post,) = stage.posts(stage.lounge)
    assert words(post).startswith(f"**V1** of [castle in the fog]({stage.jump(grid)})")
    assert post.reference is None


async def test_buttons_that_useapi_has_forgotten_go_from_the_posts(stage: Stage) -> None:
    jobid, grid = await grid_of(stage)
    stage.useapi.set_answer(jobid, {"error": "Job has expired", "code": 410}, status=410)
    stage.useapi.fail(410, path="/v2/jobs/button")
    await stage.press(stage.mira, grid, "V1")
    await stage.wait(10)
    (post,) = stage.posts()
    assert labels(post) == [["⋯"]]
    assert post.attachments


async def test_a_post_that_may_not_be_edited_for_a_while_is_edited_when_it_may(stage: Stage) -> None:
    _, grid = await grid_of(stage)
    stage.env.inject_error("PATCH", "/channels/*/messages/*", status=429, code=30046, times=2)
    await stage.press(stage.mira, grid, "U2")
    await stage.wait(60)
    assert labels(stage.posts()[0]) == GRID
    await stage.wait(300)
    assert labels(stage.posts()[0])[0][1] == "U2 ↗"
    assert edits_of(stage, grid) == 3


async def test_a_parent_that_was_deleted_is_not_missed(stage: Stage) -> None:
    _, grid = await grid_of(stage)
    await stage.press(stage.mira, grid, "U2")
    await stage.mira.delete(grid)
    await stage.wait(60)
    (child,) = stage.posts()
    assert child.attachments
    assert edits_of(stage, grid) == 1


# --- calls ------------------------------------------------------------------------------------------------------------


async def test_what_one_member_pressed_rings_once_within_half_a_minute(stage: Stage) -> None:
    _, grid = await grid_of(stage)
    for label, seconds in (("V1", 70), ("V2", 80), ("V3", 150)):
        stage.useapi.plan(duration=seconds)
        await stage.press(stage.mira, grid, label)
        await stage.wait(5)
    await stage.wait(300)
    pinged_recently = [post.content for post in stage.posts() if post.attachments][1:]
    assert pinged_recently == [f"<@{stage.mira.id}>", "", f"<@{stage.mira.id}>"]


async def test_nobody_is_called_who_does_not_want_to_be_nor_where_nobody_should_be(stage: Stage) -> None:
    store, guild = stage.bot.store, stage.guild.id
    await store.set_pings(guild, stage.bo.id, wanted=False)
    jobid = stage.useapi.add_job(duration=100)
    await stage.job(stage.bo, jobid)
    await stage.job(stage.mira, jobid)
    await stage.wait(130)
    assert stage.called() == {stage.mira.id}
    assert str(stage.bo.id) not in stage.last.content
    for pings, ping_after, called in ((False, None, False), (True, 1000, False), (True, 10, True)):
        await store.change_settings(guild, pings=pings, ping_after=ping_after)
        await stage.job(stage.mira, stage.useapi.add_job(duration=100))
        await stage.wait(130)
        assert bool(stage.called()) is called


# --- notices ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def stage_without_private_answers(stage: Stage) -> Stage:
    """Presses cannot be answered any more once they were taken."""
    stage.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015, times=None)
    return stage


async def test_who_cannot_be_told_in_private_any_more_is_told_in_the_channel(
    stage_without_private_answers: Stage,
) -> None:
    stage = stage_without_private_answers
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    await stage.mira.slash(stage.channel, "job", jobid=jobid)
    stage.env._errors.clear()
    grid = stage.last
    stage.useapi.plan(ends="moderated", duration=0)
    await stage.press(stage.mira, grid, "V1")
    await stage.wait(5)
    assert stage.last.content == (
        f"<@{stage.mira.id}> Midjourney declined V1.\n-# V1 of [castle in the fog]({stage.jump(grid)})"
    )
    assert stage.called() == {stage.mira.id}
    assert stage.last.reference is not None
    assert stage.last.reference.message_id == grid.id
    assert "forbidden" not in stage.sent().lower().replace(CASTLE, "")
    assert len(stage.posts()) == 2


async def test_a_notice_names_but_does_not_ring_for_who_wants_no_calls(stage_without_private_answers: Stage) -> None:
    stage = stage_without_private_answers
    await stage.bot.store.set_pings(stage.guild.id, stage.mira.id, wanted=False)
    await stage.mira.slash(stage.channel, "job", jobid=stage.useapi.add_job(prompt=CASTLE, age=600))
    stage.env._errors.clear()
    stage.useapi.fail(400, path="/v2/jobs/button")
    await stage.press(stage.mira, stage.last, "V1")
    await stage.wait(5)
    assert re.match(rf"<@{stage.mira.id}> \S.+\n-# V1 of ", stage.last.content)
    assert not stage.called()
    await stage.mira.click(stage.last, custom_id=button(stage.last, "Got it").custom_id)
    assert len(stage.posts()) == 1
