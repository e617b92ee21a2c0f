"""useapi.net in trouble: whoever asks gets a sentence, and whoever waits still gets the picture."""

import asyncio
import math
import re

import pytest

from tests.journeys.conftest import Stage, words

BUSY = "useapi.net asks for a pause. Please try again in half a minute."
FULL = "All of the Midjourney account's places are taken. Please try again when one of the running jobs is done."
TROUBLE = "useapi.net has trouble of its own just now. Please try again in a minute."
NONSENSE = "useapi.net gave an answer that makes no sense. Please try again in a minute."
GONE = "useapi.net could not be reached just now. Please try again in a minute."
SLOW = "useapi.net took too long to answer. Please try again in a minute."

SENTENCES: dict[int | str, str] = {
    400: "useapi.net did not accept this. Please check the id, or use `/job` to see the job anew.",
    401: "useapi.net does not accept this bot's token. Please ask this server's admin to check USEAPI_TOKEN.",
    402: "The useapi.net subscription behind this bot has ended. Please ask this server's admin to renew it.",
    404: "useapi.net knows no job with this id. Is it complete, and does it belong to this server's useapi account?",
    410: "useapi.net no longer keeps this job. It keeps each for about 31 days.",
    429: BUSY,
    "queue_full": FULL,
    500: TROUBLE,
    502: TROUBLE,
    503: TROUBLE,
    504: "useapi.net is overloaded just now. Please try again in a few minutes.",
    596: "The Midjourney account behind this bot waits for a person (a CAPTCHA or a moderator's message). "
    "Please ask this server's admin to look into it.",
    "reset": GONE,
    "close": GONE,
    "cut": GONE,
    "empty": NONSENSE,
    "html": NONSENSE,
    "truncated": NONSENSE,
    "wrong_shape": NONSENSE,
    "huge": NONSENSE,
    "bomb": NONSENSE,
    301: NONSENSE,
}


@pytest.mark.parametrize("troubles", [list(SENTENCES)[start::4] for start in range(4)], ids=str)
async def test_each_trouble_has_its_own_private_sentence_and_leaves_no_watch(
    stage: Stage, troubles: list[int | str]
) -> None:
    jobid = stage.useapi.add_job()
    for error in troubles:
        stage.useapi.fail(error, times=2)  # the client asks again by itself when a connection is lost
        answer = await stage.job(stage.bo, jobid)
        assert answer == SENTENCES[error]
        assert not re.search(r"\d{3}|error|Traceback", answer)
        stage.useapi.heal()
    asked = len(stage.useapi.requests)
    await stage.wait(600)
    assert len(stage.useapi.requests) == asked
    assert not stage.posts()


async def test_an_api_that_hangs_costs_twenty_seconds_and_not_the_answer(stage: Stage) -> None:
    async def time_passes() -> None:
        await stage.useapi.wait_for_request()
        stage.env.backend.advance_clock(21)

    stage.useapi.fail("hang")
    jobid = stage.useapi.add_job()
    clock = asyncio.create_task(time_passes())
    assert await stage.job(stage.bo, jobid) == SLOW
    await clock
    assert (await stage.job(stage.bo, jobid)).startswith("Watching")


async def test_a_declined_job_is_told_at_once_and_without_its_prompt(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="something forbidden", ends="moderated", age=600, over_code=422)
    assert await stage.job(stage.bo, jobid) == "It is over already: I'm posting it here."
    assert "something" not in words(stage.last)
    assert words(stage.last).endswith("Midjourney declined this one.")


# --- while somebody waits ---------------------------------------------------------------------------------------------


def outage_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name in {"bot.polling.poller", "bot.polling.circuit_breaker"}
    ]


@pytest.mark.parametrize("error", [500, 504, 429, 402, "queue_full", "reset", "html", "wrong_shape"])
async def test_an_outage_is_two_log_lines_and_the_picture_comes_afterwards(
    stage: Stage, caplog: pytest.LogCaptureFixture, error: int | str
) -> None:
    caplog.set_level("DEBUG", "bot")
    jobs = [stage.useapi.add_job(duration=60) for _ in range(3)]
    for jobid in jobs:
        await stage.job(stage.mira, jobid)
    stage.useapi.fail(error, times=math.inf)
    await stage.wait(400)
    assert len(stage.posts()) == len(jobs), "the cards, and no word in public about the trouble"
    stage.useapi.heal()
    await stage.wait(400)
    results = [post for post in stage.posts() if post.attachments]
    assert len(results) == len(jobs)
    began, ended = outage_lines(caplog)
    assert began.startswith("useapi.net has trouble, jobs wait: ")
    assert ended == "useapi.net answers again"


async def test_a_short_outage_delays_nobody_by_much(stage: Stage) -> None:
    jobs = [stage.useapi.add_job(duration=20) for _ in range(6)]
    for jobid in jobs:
        await stage.job(stage.mira, jobid)
    stage.useapi.fail(502, times=math.inf)
    await stage.wait(20)
    stage.useapi.heal()
    await stage.wait(40)
    assert len([post for post in stage.posts() if post.attachments]) == len(jobs)


@pytest.mark.parametrize("error", [401, 596])
async def test_a_refused_account_is_probed_once_a_minute_and_no_watch_is_lost(stage: Stage, error: int) -> None:
    jobs = [stage.useapi.add_job(duration=60) for _ in range(5)]
    for jobid in jobs:
        await stage.job(stage.mira, jobid)
    stage.useapi.fail(error, times=math.inf)
    await stage.wait(60)
    before = len(stage.useapi.requests)
    await stage.wait(1200)
    assert 18 <= len(stage.useapi.requests) - before <= 20
    stage.useapi.heal()
    await stage.wait(400)
    assert len([post for post in stage.posts() if post.attachments]) == len(jobs)


async def test_people_who_ask_while_the_account_is_refused_do_not_wake_the_watcher(stage: Stage) -> None:
    first, second = stage.useapi.add_job(duration=600), stage.useapi.add_job(duration=600)
    await stage.job(stage.mira, first)
    stage.useapi.fail(401, times=math.inf)
    await stage.wait(30)
    before = stage.looks(first)
    assert await stage.job(stage.bo, second) == SENTENCES[401]
    assert (await stage.job(stage.bo, first)).startswith("Already watched")
    await stage.wait(10)
    assert stage.looks(first) == before


async def test_the_pause_that_useapi_asks_for_is_kept(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=20)
    await stage.job(stage.mira, jobid)
    stage.useapi.fail(429, retry_after=200)
    await stage.wait(18)
    asked = stage.looks(jobid)
    assert asked == 2
    await stage.wait(195)
    assert stage.looks(jobid) == asked
    await stage.wait(30)
    assert stage.last.attachments


@pytest.mark.parametrize("asked", [-5.0, 1e9, math.inf, math.nan])
async def test_no_pause_is_longer_than_five_minutes(stage: Stage, asked: float) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=20))
    stage.useapi.fail(429, retry_after=asked)
    await stage.wait(340)
    assert stage.last.attachments


async def test_a_job_that_is_unknown_now_and_then_is_not_given_up(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=200)
    await stage.job(stage.mira, jobid)
    for _ in range(5):
        stage.useapi.fail(404)
        await stage.wait(34)
    await stage.wait(120)
    assert stage.last.attachments
    assert len(stage.posts()) == 2


@pytest.mark.parametrize("error", [404, 410])
async def test_a_job_that_useapi_forgot_ends_with_a_sentence(stage: Stage, error: int) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=600))
    stage.useapi.fail(error, times=math.inf)
    await stage.wait(120)
    assert words(stage.last).endswith("useapi.net no longer keeps this job.")
    asked = len(stage.useapi.requests)
    await stage.wait(600)
    assert len(stage.useapi.requests) == asked


@pytest.mark.parametrize("status", [500, 504, 429, 596])
async def test_one_job_that_always_fails_stops_neither_the_others_nor_fills_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level("DEBUG", "bot")
    odd, good = stage.useapi.add_job(duration=60), stage.useapi.add_job(duration=600)
    await stage.job(stage.mira, odd)
    await stage.job(stage.mira, good)
    stage.useapi.set_answer(odd, b"<html>", status=status)
    await stage.wait(700)
    assert [post for post in stage.posts() if post.attachments]
    assert len(outage_lines(caplog)) == 2
