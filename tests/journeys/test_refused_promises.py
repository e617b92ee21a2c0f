"""A promise that Discord lets nobody keep: the member hears of it, and can have the result somewhere else."""

from datetime import timedelta

import pytest

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, words
from tests.journeys.test_my_jobs import opened
from tests.journeys.test_what_keeps_from_posting import time_out

MINUTE = 60


def private_messages(harness: BotHarness) -> list[str]:
    """The private messages after the answers, in order."""
    sent = [each for each in harness.env.http_requests if each.method == "POST" and each.path.startswith("/webhooks/")]
    assert all(each.json is not None and each.json["flags"] == 64 for each in sent)
    return [str(each.json and each.json["content"]) for each in sent]


async def test_who_waits_hears_at_once_that_the_first_post_is_refused(harness: BotHarness) -> None:
    path = f"/channels/{harness.channel.id}/messages"
    harness.env.inject_error("POST", path, status=400, code=50083, times=None)
    jobid = harness.useapi.add_job(duration=60)
    answer = await harness.job(harness.mira, jobid)
    assert answer.startswith("Watching")
    (text,) = private_messages(harness)
    assert text.endswith(
        f" isn't posted in <#{harness.channel.id}> yet. This thread is archived. Send a message in it to reopen it, "
        "then try again. I'll post it once I can; until then </jobs:" + text.rpartition("</jobs:")[2]
    )
    assert text.startswith(f"`#{answer.split('#')[1][:4]}`")
    await harness.job(harness.bo, jobid)
    await harness.wait(10 * MINUTE)
    assert len(private_messages(harness)) == 2, "once to each of them, for as long as the reason stays the same"


@only_long
async def test_a_time_out_that_the_answer_could_not_name_is_said_once(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    until = time_out(harness, timedelta(minutes=30))
    await harness.wait(10 * MINUTE)
    (text,) = private_messages(harness)
    assert text.endswith(f" isn't posted in <#{harness.channel.id}> yet.{until}")
    assert (await harness.job(harness.mira, harness.useapi.add_job(age=600))).endswith(until)
    await harness.wait(10 * MINUTE)
    assert len(private_messages(harness)) == 1


@only_long
async def test_nothing_is_said_after_the_time_in_which_discord_takes_private_messages(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=16 * 60))
    harness.env.inject_error("POST", "/channels/*/messages", status=403, code=50001, times=None)
    await harness.wait(18 * MINUTE)
    assert not private_messages(harness)


async def test_jobs_shows_what_was_given_up_and_posts_it_in_another_channel_once(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    refused = f"/channels/{harness.lounge.id}/messages"
    harness.env.inject_error("POST", refused, status=403, code=50001, times=None)
    answer = await harness.job(harness.bo, harness.useapi.add_job(age=600), harness.lounge)
    assert answer == "This job has already finished. Posting it here."
    panel = await opened(harness, harness.bo)
    access = "I can't access that channel. Someone who manages it can give me View Channel under Edit Channel"
    assert "**Not posted yet**\n- Imagine · castle in the fog" in words(panel)
    assert f"in <#{harness.lounge.id}>. {access}" in words(panel)
    assert "Post it here" not in str(labels(panel)), "it is still tried"
    await harness.wait(40 * MINUTE)
    assert "is undeliverable" in caplog.text
    panel = await opened(harness, harness.bo)
    assert "**Could not be posted**\n- Imagine · castle in the fog" in words(panel)
    assert "castle" not in words(await opened(harness, harness.mira))
    old = panel.id
    after = await harness.press(harness.bo, panel, "Post it here")
    assert after.content.endswith(" is being posted here.")
    assert "Could not be posted" not in words(after)
    assert "Post it here" not in str(labels(after))
    (post,) = harness.posts()
    assert post.attachments
    assert old == after.id
    harness.env.backend.faults.clear()
    assert await harness.bot.store.deliveries.rearm(harness.guild.id) == 0
    await harness.wait(10 * MINUTE)
    assert len(harness.posts()) == 1
    assert not harness.posts(harness.lounge)
