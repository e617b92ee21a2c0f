"""What stands in a channel stays true: used buttons become links, and pressers are told what nobody else could tell."""

import re

import discord
import pytest

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"
GRID = [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]


async def grid_of(harness: BotHarness) -> tuple[str, discord.Message]:
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, jobid)
    return jobid, harness.last


def edits_of(harness: BotHarness, post: discord.Message) -> int:
    path = f"/channels/{post.channel.id}/messages/{post.id}"
    return sum((call.method, call.path) == ("PATCH", path) for call in harness.env.http_requests)


# --- links in the place of buttons ------------------------------------------------------------------------------------


@only_long
async def test_buttons_that_were_used_lead_to_their_pictures_in_every_post_of_the_server(harness: BotHarness) -> None:
    jobid, grid = await grid_of(harness)
    await harness.job(harness.bo, jobid, harness.lounge)
    for label in ("U2", "U3"):
        await harness.press(harness.mira, grid, label)
    await harness.wait(25)
    here, *children = harness.posts()
    second, third = sorted(children, key=words)
    (there,) = harness.posts(harness.lounge)
    for post in (here, there):
        assert labels(post) == [["U1", "U2 ↗", "U3 ↗", "U4", "🔄"], GRID[1]]
        assert button(post, "U2 ↗").url == harness.jump(second)
        assert button(post, "U3 ↗").url == harness.jump(third)
        assert edits_of(harness, post) == 1, "one edit for both"
    assert harness.bytes_of(here.attachments[0]) == harness.bytes_of(grid.attachments[0])
    assert words(here) == words(grid)
    await harness.press(harness.mira, await harness.ask(harness.mira, jobid), "Post again")
    assert labels(harness.last)[0] == ["U1", "U2 ↗", "U3 ↗", "U4", "🔄"]


async def test_a_picture_that_was_deleted_gives_its_button_back(harness: BotHarness) -> None:
    _, grid = await grid_of(harness)
    await harness.press(harness.mira, grid, "U2")
    await harness.wait(25)
    await harness.press(harness.mira, await harness.press(harness.mira, harness.last, "⋯"), "Delete this post")
    await harness.wait(10)
    (post,) = harness.posts()
    assert labels(post) == GRID


async def test_a_child_names_its_parent_and_replies_to_it_only_where_that_is_posted(harness: BotHarness) -> None:
    jobid, grid = await grid_of(harness)
    child = harness.useapi.add_job(prompt=CASTLE, button="V1", parent=jobid, age=300)
    await harness.job(harness.mira, child, harness.lounge)
    (post,) = harness.posts(harness.lounge)
    assert words(post).startswith(f"**V1** of [castle in the fog]({harness.jump(grid)})")
    assert post.reference is None


async def test_buttons_that_useapi_has_forgotten_go_from_the_posts(harness: BotHarness) -> None:
    jobid, grid = await grid_of(harness)
    harness.useapi.set_answer(jobid, {"error": "Job has expired", "code": 410}, status=410)
    harness.useapi.fail(410, path="/v2/jobs/button")
    await harness.press(harness.mira, grid, "V1")
    await harness.wait(10)
    (post,) = harness.posts()
    assert labels(post) == [["⋯"]]
    assert post.attachments


async def test_a_post_that_may_not_be_edited_for_a_while_is_edited_when_it_may(harness: BotHarness) -> None:
    _, grid = await grid_of(harness)
    harness.env.inject_error("PATCH", "/channels/*/messages/*", status=429, code=30046, times=2)
    await harness.press(harness.mira, grid, "U2")
    await harness.wait(60)
    assert labels(harness.posts()[0]) == GRID
    await harness.wait(300)
    assert labels(harness.posts()[0])[0][1] == "U2 ↗"
    assert edits_of(harness, grid) == 3


async def test_a_parent_that_was_deleted_is_not_missed(harness: BotHarness) -> None:
    _, grid = await grid_of(harness)
    await harness.press(harness.mira, grid, "U2")
    await harness.mira.delete(grid)
    await harness.wait(600)
    (child,) = harness.posts()
    assert child.attachments
    assert edits_of(harness, grid) == 3, "one answer that it is gone is not believed, and the third is the last"


# --- calls ------------------------------------------------------------------------------------------------------------


@only_long
async def test_what_one_member_pressed_rings_once_within_half_a_minute(harness: BotHarness) -> None:
    _, grid = await grid_of(harness)
    for label, seconds in (("V1", 70), ("V2", 80), ("V3", 150)):
        harness.useapi.plan(duration=seconds)
        await harness.press(harness.mira, grid, label)
        await harness.wait(5)
    await harness.wait(300)
    pinged_recently = [post.content for post in harness.posts() if post.attachments][1:]
    assert pinged_recently == [f"<@{harness.mira.id}>", "", f"<@{harness.mira.id}>"]


@only_long
async def test_nobody_is_called_who_does_not_want_to_be_nor_where_nobody_should_be(harness: BotHarness) -> None:
    store, guild = harness.bot.store, harness.guild.id
    await store.servers.set_pings(guild, harness.bo.id, pings=False)
    jobid = harness.useapi.add_job(duration=100)
    await harness.job(harness.bo, jobid)
    await harness.job(harness.mira, jobid)
    await harness.wait(130)
    assert harness.called() == {harness.mira.id}
    assert str(harness.bo.id) not in harness.last.content
    for pings, ping_after, called in ((False, None, False), (True, 1000, False), (True, 10, True)):
        await store.servers.change_settings(guild, pings=pings, ping_after=ping_after)
        await harness.job(harness.mira, harness.useapi.add_job(duration=100))
        await harness.wait(130)
        assert bool(harness.called()) is called


# --- notices ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def stage_without_private_answers(harness: BotHarness) -> BotHarness:
    """Presses cannot be answered any more once they were taken."""
    harness.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015, times=None)
    return harness


async def test_who_cannot_be_notified_in_private_any_more_is_notified_in_the_channel(
    stage_without_private_answers: BotHarness,
) -> None:
    harness = stage_without_private_answers
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.mira.slash(harness.channel, "job", jobid=jobid)
    harness.env._errors.clear()
    grid = harness.last
    harness.useapi.plan(ends="moderated", duration=0)
    await harness.press(harness.mira, grid, "V1")
    await harness.wait(5)
    assert harness.last.content == (
        f"<@{harness.mira.id}> Midjourney declined V1.\n-# V1 of [castle in the fog]({harness.jump(grid)})"
    )
    assert harness.called() == {harness.mira.id}
    assert harness.last.reference is not None
    assert harness.last.reference.message_id == grid.id
    assert "forbidden" not in harness.sent().lower().replace(CASTLE, "")
    assert len(harness.posts()) == 2


async def test_a_notice_names_but_does_not_ring_for_who_wants_no_calls(
    stage_without_private_answers: BotHarness,
) -> None:
    harness = stage_without_private_answers
    await harness.bot.store.servers.set_pings(harness.guild.id, harness.mira.id, pings=False)
    await harness.mira.slash(harness.channel, "job", jobid=harness.useapi.add_job(prompt=CASTLE, age=600))
    harness.env._errors.clear()
    harness.useapi.fail(400, path="/v2/jobs/button")
    await harness.press(harness.mira, harness.last, "V1")
    await harness.wait(5)
    assert re.match(rf"<@{harness.mira.id}> \S.+\n-# V1 of ", harness.last.content)
    assert not harness.called()
    await harness.mira.click(harness.last, custom_id=button(harness.last, "Got it").custom_id)
    assert len(harness.posts()) == 1
