"""Cancel: who may, what is never cancelled, and what Midjourney finishes all the same."""

from typing import Any

import discord
import pytest

from tests.journeys.conftest import Stage, words
from tests.journeys.test_claims import nonce

CASTLE = "a castle in the fog, ink wash --ar 3:2"


async def running(stage: Stage, label: str = "V1") -> tuple[str, discord.Message]:
    """A child that Mira pressed for and that still runs: its id at useapi, and its card."""
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    stage.useapi.plan(duration=3000)
    await stage.press(stage.mira, stage.last, label)
    await stage.wait(20)
    ((jobid,),) = await stage.rows("SELECT jobid FROM jobs WHERE over = 0")
    return jobid, stage.last


async def cancelled(stage: Stage, who: Any, card: discord.Message) -> str:
    """What `who` is told after Stop and Cancel."""
    return words(await stage.press(who, await stage.press(who, card, "Stop"), "Cancel the job"))


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_a_cancelled_job_that_midjourney_finishes_all_the_same_is_posted_once(stage: Stage, where: str) -> None:
    jobid, card = await running(stage)
    if where == "here":
        told = await cancelled(stage, stage.mira, card)
        assert told.startswith("Cancelled at useapi.net. Midjourney may still charge for it; should its result come")
    else:
        await stage.bot.api.cancel(jobid)
    await stage.wait(20)
    assert words(stage.last).endswith("This one was cancelled.")
    before = len(stage.posts())
    await stage.wait(600)
    assert len(stage.posts()) == before
    done = stage.useapi.add_job(prompt=CASTLE, age=600)
    answer = (await stage.bot.api.job(done)).attachments[0].url
    told_late = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed", "buttons": ["U1"]}
    stage.useapi.set_answer(jobid, {**told_late, "attachments": [{"url": answer}]})
    await stage.wait(400)
    assert len(stage.posts()) == before + 1
    assert "**V1** of [castle in the fog](" in words(stage.last)
    assert len(stage.last.attachments) == 1
    looks = stage.looks(jobid)
    await stage.wait(3600)
    assert stage.looks(jobid) == looks
    assert len(stage.posts()) == before + 1


async def test_what_midjourney_finishes_all_the_same_is_posted_also_after_a_restart(stage: Stage) -> None:
    jobid, card = await running(stage)
    await cancelled(stage, stage.mira, card)
    await stage.wait(20)
    assert words(stage.last).endswith("This one was cancelled.")
    await stage.restart(away=60)
    told_late = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed", "buttons": ["U1"]}
    stage.useapi.set_answer(jobid, told_late)
    await stage.wait(400)
    assert "cancelled" not in words(stage.last)
    looks = stage.looks(jobid)
    await stage.restart(away=60)
    await stage.wait(400)
    assert stage.looks(jobid) == looks, "it is over for good"


async def test_a_cancelled_job_is_looked_at_for_an_hour_and_by_who_asks_for_it(stage: Stage) -> None:
    jobid, card = await running(stage)
    await cancelled(stage, stage.mira, card)
    await stage.wait(3600 + 400)
    looks = stage.looks(jobid)
    assert looks < 25
    await stage.wait(3600)
    assert stage.looks(jobid) == looks
    await stage.job(stage.mira, jobid)
    assert stage.looks(jobid) == looks + 1


async def test_a_job_that_was_done_a_moment_before_is_posted_as_done(stage: Stage) -> None:
    jobid, card = await running(stage)
    question = await stage.press(stage.mira, card, "Stop")
    done = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed"}
    stage.useapi.set_answer(jobid, done)
    await stage.press(stage.mira, question, "Cancel the job")
    await stage.wait(1)
    assert "cancelled" not in words(stage.last)
    assert await stage.rows("SELECT status FROM jobs") == [("completed",), ("completed",)]


async def test_only_the_presser_and_moderators_may_cancel_and_never_what_a_u_made(stage: Stage) -> None:
    _, card = await running(stage)
    answer = await stage.press(stage.bo, stage.forge(f"dr:j:{nonce(card)}"), "Forged")
    assert answer.content == "Only the member who pressed the button for this job, and moderators, can cancel it."
    await stage.bot.store._db.transaction(
        lambda db: db.execute("UPDATE jobs SET answer = json_set(answer, '$.button', 'U1') WHERE over = 0")
    )
    answer = await stage.press(stage.mira, stage.forge(f"dr:j:{nonce(card)}"), "Forged")
    assert answer.content.startswith("U1 to U4 cannot be cancelled")
    assert not [request for request in stage.useapi.requests if "cancel" in request.path]


async def test_a_cancel_that_useapi_does_not_take_is_told_and_the_job_goes_on(stage: Stage) -> None:
    jobid, card = await running(stage)
    stage.useapi.fail(500, path="/v2/jobs/cancel*")
    answer = await cancelled(stage, stage.mira, card)
    assert answer.startswith("useapi.net has trouble of its own just now.")
    assert await stage.rows(f"SELECT over FROM jobs WHERE jobid = '{jobid}'") == [(0,)]
