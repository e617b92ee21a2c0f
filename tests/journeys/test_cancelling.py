"""Cancel: who may, what is never cancelled, and what Midjourney finishes all the same."""

from typing import Any

import discord
import pytest

from bot.models.provider import ProviderName
from bot.settings import Secret
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, words
from tests.journeys.test_claims import nonce

CASTLE = "a castle in the fog, ink wash --ar 3:2"


async def running(harness: BotHarness, label: str = "V1") -> tuple[str, discord.Message]:
    """A child that Mira pressed for and that still runs: its id at useapi, and its card."""
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    harness.useapi.plan(duration=3000)
    await harness.press(harness.mira, harness.last, label)
    await harness.wait(20)
    ((jobid,),) = await harness.rows("SELECT jobid FROM jobs WHERE over = 0")
    return jobid, harness.last


async def cancelled(harness: BotHarness, who: Any, status_card: discord.Message) -> str:
    """What `who` is told after Stop and Cancel."""
    return words(await harness.press(who, await harness.press(who, status_card, "Stop"), "Cancel the job"))


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_a_cancelled_job_that_midjourney_finishes_all_the_same_is_posted_once(
    harness: BotHarness, where: str
) -> None:
    jobid, status_card = await running(harness)
    if where == "here":
        text = await cancelled(harness, harness.mira, status_card)
        assert text.startswith(
            "Cancelled at useapi.net. Midjourney may still charge for it; if a result arrives anyway"
        )
    else:
        await harness.bot.providers.of(ProviderName.USEAPI).cancel(jobid)
    await harness.wait(20)
    assert words(harness.last).endswith("This job was cancelled.")
    before = len(harness.posts())
    await harness.wait(600)
    assert len(harness.posts()) == before
    done = harness.useapi.add_job(prompt=CASTLE, age=600)
    answer = (await harness.bot.providers.of(ProviderName.USEAPI).job(done)).attachments[0].url
    late_answer = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed", "buttons": ["U1"]}
    harness.useapi.set_answer(jobid, {**late_answer, "attachments": [{"url": answer}]})
    await harness.wait(400)
    assert len(harness.posts()) == before + 1
    assert "**V1** of [castle in the fog](" in words(harness.last)
    assert len(harness.last.attachments) == 1
    polls = harness.polls(jobid)
    await harness.wait(3600)
    assert harness.polls(jobid) == polls
    assert len(harness.posts()) == before + 1


@only_long
async def test_what_midjourney_finishes_all_the_same_is_posted_also_after_a_restart(harness: BotHarness) -> None:
    jobid, status_card = await running(harness)
    await cancelled(harness, harness.mira, status_card)
    await harness.wait(20)
    assert words(harness.last).endswith("This job was cancelled.")
    await harness.restart(away=60)
    late_answer = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed", "buttons": ["U1"]}
    harness.useapi.set_answer(jobid, late_answer)
    await harness.wait(400)
    assert "cancelled" not in words(harness.last)
    polls = harness.polls(jobid)
    await harness.restart(away=60)
    await harness.wait(400)
    assert harness.polls(jobid) == polls, "it is over for good"


@only_long
async def test_a_cancelled_job_is_polled_for_an_hour_and_when_a_member_requests_it(harness: BotHarness) -> None:
    jobid, status_card = await running(harness)
    await cancelled(harness, harness.mira, status_card)
    await harness.wait(3600 + 400)
    polls = harness.polls(jobid)
    assert polls < 25
    await harness.wait(3600)
    assert harness.polls(jobid) == polls
    await harness.job(harness.mira, jobid)
    assert harness.polls(jobid) == polls + 1


async def test_a_job_that_was_done_a_moment_before_is_posted_as_done(harness: BotHarness) -> None:
    jobid, status_card = await running(harness)
    question = await harness.press(harness.mira, status_card, "Stop")
    done = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed"}
    harness.useapi.set_answer(jobid, done)
    await harness.press(harness.mira, question, "Cancel the job")
    await harness.wait(1)
    assert "cancelled" not in words(harness.last)
    assert await harness.rows("SELECT status FROM jobs") == [("completed",), ("completed",)]


async def test_only_the_presser_and_moderators_may_cancel_and_never_what_a_u_made(harness: BotHarness) -> None:
    _, status_card = await running(harness)
    answer = await harness.press(harness.bo, harness.forge(f"dr:j:{nonce(status_card)}"), "Forged")
    assert answer.content == "Only whoever started this job and moderators can cancel it."
    await harness.bot.store.database.transaction(
        lambda db: db.execute("UPDATE jobs SET answer = json_set(answer, '$.button', 'U1') WHERE over = 0")
    )
    answer = await harness.press(harness.mira, harness.forge(f"dr:j:{nonce(status_card)}"), "Forged")
    assert answer.content == "U1 to U4 can't be cancelled: useapi.net would never accept that button again."
    question = await harness.press(harness.mira, status_card, "Stop")
    assert words(question).endswith(f"The job keeps running at Midjourney. {answer.content}")
    assert "Cancel the job" not in str(labels(question))
    assert not [request for request in harness.useapi.requests if "cancel" in request.path]


async def test_a_cancellation_that_useapi_refuses_is_answered_and_the_job_continues(harness: BotHarness) -> None:
    jobid, status_card = await running(harness)
    harness.useapi.fail(500, path="/v2/jobs/cancel*")
    answer = await cancelled(harness, harness.mira, status_card)
    assert answer.startswith("useapi.net is having problems right now.")
    assert await harness.rows(f"SELECT over FROM jobs WHERE jobid = '{jobid}'") == [(0,)]


@pytest.mark.parametrize("provider", [ProviderName.MIDJOURNEY_PROXY])
async def test_where_the_provider_wants_an_admin_token_the_submitter_reads_so(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.provider.add_job(prompt=CASTLE, age=600))
    harness.provider.plan(duration=3000)
    await harness.press(harness.mira, harness.last, "V1")
    await harness.wait(20)
    why = "This job can't be cancelled: midjourney-proxy wants its admin token for that, and this bot has none."
    question = await harness.press(harness.mira, harness.last, "Stop")
    assert words(question) == f"What do you want to stop? The job keeps running at Midjourney. {why}"
    assert labels(question) == [["Stop notifying me", "Stop watching for everyone"]]
    await harness.job(harness.bo, harness.provider.jobids[-1])
    question = await harness.press(harness.bo, harness.last, "Stop")
    assert words(question) == "What do you want to stop? The job keeps running at Midjourney.", "he could not anyway"
    await harness.restart(mj_proxy_admin_secret=Secret("admin-token"))
    await harness.wait(10)
    question = await harness.press(harness.mira, harness.last, "Stop")
    assert labels(question) == [["Stop notifying me", "Stop watching for everyone", "Cancel the job"]]
