"""Weeks later: Midjourney's links have died, and what Darkroom posted earlier in the same server still is there."""

import pytest

from bot.models import Spoiler
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, words

CASTLE = "a castle in the fog, ink wash"
WEEKS = 21 * 86400
ENDED = "-# The picture is no longer available: such links expire after a day."


@pytest.fixture
def weeks_later(harness_with_cdn: BotHarness) -> BotHarness:
    return harness_with_cdn


async def test_a_job_is_shown_again_in_another_channel_of_the_server(weeks_later: BotHarness) -> None:
    harness = weeks_later
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, jobid)
    (first,) = harness.posts()
    await harness.restart(away=WEEKS)
    await harness.job(harness.bo, jobid, harness.lounge)
    (again,) = harness.posts(harness.lounge)
    assert words(again) == words(first)
    (file,) = again.attachments
    assert harness.bytes_of(file) == harness.bytes_of(first.attachments[0])
    assert again.embeds[0].image.url == f"attachment://{file.filename}"


async def test_the_copy_stays_in_its_server(weeks_later: BotHarness) -> None:
    harness = weeks_later
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, jobid)
    await harness.restart(away=WEEKS)
    elsewhere = harness.env.create_guild("Elsewhere")
    there = elsewhere.create_text_channel("pictures")
    harness.guild = elsewhere
    await harness.job(elsewhere.add_member(harness.env.create_user("Eve")), jobid, there)
    (post,) = harness.posts(there)
    assert words(post).endswith(ENDED)
    assert not post.attachments


@only_long
async def test_a_grid_of_weeks_ago_can_be_split_and_a_post_that_is_gone_has_no_copy(weeks_later: BotHarness) -> None:
    harness = weeks_later
    await harness.bot.store.servers.change_settings(harness.guild.id, spoiler=Spoiler.ALWAYS)
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600, imageUx=[])
    await harness.job(harness.mira, jobid)
    await harness.restart(away=WEEKS)
    for number in (4, 0):
        extras = await harness.press(harness.mira, harness.posts()[0], "⋯")
        await harness.press(harness.mira, extras, "Split into four")
        four = harness.last
        assert len(four.attachments) == number
        await harness.mira.click(four, custom_id=button(four, "Delete").custom_id)
        (post,) = harness.posts()
        harness.env.backend.messages[harness.channel.id][post.id].attachments.clear()
    assert four.content.endswith("The picture is no longer available: such links expire after a day.")


@only_long
async def test_a_copy_that_discord_does_not_give_out_just_now_comes_when_it_does(weeks_later: BotHarness) -> None:
    harness = weeks_later
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, jobid)
    await harness.restart(away=WEEKS)
    harness.env.inject_error("GET", "/channels/*/messages/*", status=500, times=1)
    await harness.job(harness.mira, jobid, harness.lounge)
    (post,) = harness.posts(harness.lounge)
    assert words(post).endswith("-# The picture could not be fetched.")
    await harness.wait(20)
    (post,) = harness.posts(harness.lounge)
    assert post.attachments
    assert words(post).endswith(CASTLE)
