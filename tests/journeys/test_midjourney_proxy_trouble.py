"""A midjourney-proxy server, or a relay, that answers badly, forgets or refuses: each member reads what it means."""

import math
import re
from typing import Any

import discord
import pytest

from bot.demo.midjourney_proxy import NEWAPI, NODE, NOVI, TRUEAI, Dialect
from bot.models import ProviderName
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, private, words

CASTLE = "a castle in the fog"
MINUTE = 60

pytestmark = pytest.mark.parametrize("provider", [ProviderName.MIDJOURNEY_PROXY], ids=[""])


async def posted_grid(harness: BotHarness) -> Any:
    """A finished grid that stands in the channel."""
    await harness.job(harness.mira, harness.proxy.add_job(prompt=CASTLE, age=600))
    return harness.last


def percent_in(status_card: discord.Message) -> int:
    found = re.search(r"(\d+)% · fast", words(status_card))
    assert found, words(status_card)
    return int(found[1])


@pytest.mark.parametrize("dialect", [NODE, NEWAPI, NOVI], ids=lambda each: each.name)
async def test_every_kind_of_server_serves_a_job_a_pick_and_its_result(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.proxy.add_job(prompt=CASTLE))
    await harness.wait(42)
    (grid,) = harness.posts()
    assert grid.attachments
    await harness.press(harness.mira, grid, "U2")
    await harness.press(harness.mira, grid, "U2")
    await harness.wait(35)
    _, single = harness.posts()
    assert words(single).startswith(f"**U2** of [castle in the fog]({harness.jump(grid)})")
    assert single.attachments
    assert [press.button for press in harness.proxy.submitted()] == ["U2"]


async def test_an_answer_that_says_nothing_ends_no_job_and_moves_no_status_card_back(harness: BotHarness) -> None:
    jobid = harness.proxy.add_job(prompt=CASTLE, duration=1200)
    await harness.job(harness.mira, jobid)
    await harness.wait(500)
    percents = [percent_in(harness.last)]
    answers: tuple[Any, ...] = (b"<html>", b"", b"null", b'"?"', [], {"id": 17, "status": "SUCCESS"})
    for body in (*answers, {"id": jobid, "status": "SUBMITTED"}, {"id": int(jobid), "status": "NOT_START"}):
        harness.proxy.set_answer(jobid, body)
        await harness.wait(25)
        percents.append(percent_in(harness.last))
        harness.proxy.forget_answer(jobid)
        await harness.wait(60)  # longer than an interval at this age
    assert percents == sorted(percents)
    assert len(set(percents)) > 1
    await harness.wait(500)
    assert [bool(post.attachments) for post in harness.posts()] == [True]


async def test_the_jobs_that_a_restarted_server_forgot_end_with_a_sentence_and_are_polled_no_more(
    harness: BotHarness,
) -> None:
    grid = await posted_grid(harness)
    for _ in range(4):
        await harness.job(harness.mira, harness.proxy.add_job(prompt=CASTLE, duration=1200))
    harness.proxy.restart()
    await harness.wait(5 * MINUTE)
    assert len(harness.posts()) == 5, "it may find them again"
    await harness.wait(150 * MINUTE)
    assert [words(post).rpartition("\n")[2] for post in harness.posts()[1:]] == [
        "midjourney-proxy no longer keeps this job."
    ] * 4
    requests = len(harness.proxy.requests)
    await harness.wait(60 * MINUTE)
    assert len(harness.proxy.requests) == requests
    answer = await harness.press(harness.mira, grid, "U1")
    assert "midjourney-proxy no longer has the job of this picture" in words(answer)


@pytest.mark.parametrize("dialect", [NEWAPI], ids=["newapi"])
async def test_where_a_relay_has_no_lists_a_lost_press_counts_as_spent_at_once(harness: BotHarness) -> None:
    grid = await posted_grid(harness)
    harness.proxy.fail("made_reset", path=harness.proxy.submissions)
    pressed = await harness.mira.click(grid, custom_id=button(grid, "U1").custom_id)
    await harness.wait(MINUTE)
    assert "it can't be asked what became of this" in private(pressed).content
    again = await harness.press(harness.mira, grid, "U1")
    await harness.wait(MINUTE)
    assert "On it" not in words(again)
    assert len(harness.proxy.submitted()) == 1, "a pick that may have been charged is not sent again"


@pytest.mark.parametrize("dialect", [TRUEAI, NEWAPI], ids=lambda each: each.name)
async def test_a_press_whose_answer_was_lost_is_not_given_up_before_it_is_known_what_the_server_offers(
    harness: BotHarness, dialect: Dialect
) -> None:
    grid = await posted_grid(harness)
    harness.proxy.fail(502, times=math.inf)
    await harness.restart()
    harness.proxy.heal()
    harness.proxy.fail("made_reset", path=harness.proxy.submissions)
    pressed = await harness.mira.click(grid, custom_id=button(grid, "U1").custom_id)
    before = len(harness.proxy.requests)
    await harness.wait(20)
    assert "I'm checking for up to 3 minutes" in private(pressed).content
    assert len(harness.proxy.requests) == before, "nothing is sent before it is known what can be asked"
    await harness.bot.providers.of(harness.provider.name).probe()  # as is done every minute, by the real clock here
    await harness.wait(MINUTE)
    if dialect is NEWAPI:
        assert "it can't be asked what became of this" in private(pressed).content
    else:
        assert words(harness.last).startswith("**U1** of ")
    assert len(harness.proxy.submitted()) == 1


async def test_a_refused_secret_is_named_and_probed_once_a_minute(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.proxy.add_job(prompt=CASTLE, duration=60))
    harness.proxy.fail(401, times=math.inf)
    answer = await harness.job(harness.bo, harness.proxy.add_job())
    assert answer == (
        "midjourney-proxy does not accept this bot's token. Please ask this server's admin to check MJ_PROXY_SECRET."
    )
    await harness.wait(MINUTE)
    before = len(harness.proxy.requests)
    await harness.wait(10 * MINUTE)
    assert 8 <= len(harness.proxy.requests) - before <= 10
    harness.proxy.heal()
    await harness.wait(5 * MINUTE)
    assert harness.last.attachments


async def test_a_press_at_a_locked_account_is_kept_and_sent_once_it_is_unlocked(harness: BotHarness) -> None:
    grid = await posted_grid(harness)
    harness.proxy.lock_account()
    pressed = await harness.mira.click(grid, custom_id=button(grid, "U1").custom_id)
    await harness.wait(2 * MINUTE)
    assert "The Midjourney account is blocked until a person acts" in private(pressed).content
    assert await harness.rows("SELECT state FROM submissions") == [("queued",)]
    harness.proxy.lock_account(locked=False)
    await harness.wait(3 * MINUTE)
    assert words(harness.last).startswith("**U1** of ")
    assert list(harness.proxy.charges.values()) == [1]


@only_long
async def test_a_relay_whose_channels_are_full_is_asked_again_later(harness: BotHarness) -> None:
    grid = await posted_grid(harness)
    harness.proxy.fail("group_full", times=2, path=harness.proxy.submissions)
    answer = await harness.press(harness.mira, grid, "V1")
    assert words(answer).startswith("midjourney-proxy asks for a pause.")
    await harness.wait(MINUTE)
    assert await harness.rows("SELECT state FROM submissions") == [("accepted",)]
    assert list(harness.proxy.charges.values()) == [1]
