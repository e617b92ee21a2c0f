"""useapi.net in trouble: whoever asks gets a sentence, and whoever waits still gets the picture."""

import asyncio
import math
import re

import pytest

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, words

BUSY = "useapi.net is busy right now. Please try again in half a minute."
FULL = "All Midjourney slots are busy. Please try again when one of the running jobs is done."
TROUBLE = "useapi.net is having problems right now. Please try again in a minute."
NONSENSE = "useapi.net sent an answer that I could not read. Please try again in a minute."
GONE = "useapi.net could not be reached. Please try again in a minute."
SLOW = "useapi.net took too long to answer. Please try again in a minute."

SENTENCES: dict[int | str, str] = {
    400: "useapi.net did not accept this. Check the id, or use `/job` to see the job as it is now.",
    401: "useapi.net does not accept this bot's token. Please ask this server's admin to check USEAPI_TOKEN.",
    402: "The useapi.net subscription behind this bot has ended. Please ask this server's admin to renew it.",
    404: "useapi.net has no job with this id. Is the id complete, and does it belong to this server's useapi account?",
    410: "useapi.net no longer keeps this job. Jobs are kept for about 31 days.",
    429: BUSY,
    "queue_full": FULL,
    500: TROUBLE,
    502: TROUBLE,
    503: TROUBLE,
    504: "useapi.net is overloaded right now. Please try again in a few minutes.",
    596: "The Midjourney account behind this bot needs a person (a CAPTCHA or a moderator's message). "
    "Please ask this server's admin to take care of it.",
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
async def test_each_trouble_has_its_own_private_sentence_and_leaves_no_subscription(
    harness: BotHarness, troubles: list[int | str]
) -> None:
    jobid = harness.useapi.add_job()
    for error in troubles:
        harness.useapi.fail(error, times=2)  # the client asks again by itself when a connection is lost
        answer = await harness.job(harness.bo, jobid)
        assert answer == SENTENCES[error]
        assert not re.search(r"\d{3}|error|Traceback", answer)
        harness.useapi.heal()
    before = len(harness.useapi.requests)
    await harness.wait(600)
    assert len(harness.useapi.requests) == before
    assert not harness.posts()


async def test_an_api_that_hangs_costs_twenty_seconds_and_not_the_answer(harness: BotHarness) -> None:
    async def time_passes() -> None:
        await harness.useapi.wait_for_request()
        harness.env.backend.advance_clock(21)

    harness.useapi.fail("hang")
    jobid = harness.useapi.add_job()
    clock = asyncio.create_task(time_passes())
    assert await harness.job(harness.bo, jobid) == SLOW
    await clock
    assert (await harness.job(harness.bo, jobid)).startswith("Watching")


async def test_a_declined_job_is_reported_at_once_and_without_its_prompt(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="something forbidden", ends="moderated", age=600, over_code=422)
    assert await harness.job(harness.bo, jobid) == "This job has already finished. Posting it here."
    assert "something" not in words(harness.last)
    assert words(harness.last).endswith("Midjourney declined this one.")


# --- while somebody waits ---------------------------------------------------------------------------------------------


def outage_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name in {"bot.polling.poller", "bot.polling.circuit_breaker"}
    ]


async def test_an_outage_is_two_log_lines_and_the_picture_comes_afterwards(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Of each kind one after the other; while they last no job ends, and each outage outlasts several polls."""
    caplog.set_level("DEBUG", "bot")
    kinds: tuple[int | str, ...] = (500, 402, "queue_full", "html")
    jobs = [harness.useapi.add_job(duration=640 * len(kinds) - 300) for _ in range(3)]
    for jobid in jobs:
        await harness.job(harness.mira, jobid)
    for number, kind in enumerate(kinds, 1):
        harness.useapi.fail(kind, times=math.inf)
        await harness.wait(320)  # longer than any pause between two polls
        assert len(harness.posts()) == len(jobs), "the cards, and no word in public about the trouble"
        assert len(outage_lines(caplog)) == 2 * number - 1, kind
        harness.useapi.heal()
        await harness.wait(320)
        *_, began, ended = outage_lines(caplog)
        assert len(outage_lines(caplog)) == 2 * number, kind
        assert began.startswith("useapi.net has trouble, jobs wait: ")
        assert ended == "useapi.net answers again"
    await harness.wait(320)
    results = [post for post in harness.posts() if post.attachments]
    assert len(results) == len(jobs)


async def test_a_short_outage_delays_nobody_by_much(harness: BotHarness) -> None:
    jobs = [harness.useapi.add_job(duration=20) for _ in range(6)]
    for jobid in jobs:
        await harness.job(harness.mira, jobid)
    harness.useapi.fail(502, times=math.inf)
    await harness.wait(30)
    harness.useapi.heal()
    await harness.wait(40)
    assert len([post for post in harness.posts() if post.attachments]) == len(jobs)


@pytest.mark.parametrize("error", [401, pytest.param(596, marks=only_long)])
async def test_a_refused_account_is_probed_once_a_minute_and_no_subscription_is_lost(
    harness: BotHarness, error: int
) -> None:
    jobs = [harness.useapi.add_job(duration=60) for _ in range(5)]
    for jobid in jobs:
        await harness.job(harness.mira, jobid)
    harness.useapi.fail(error, times=math.inf)
    await harness.wait(60)
    before = len(harness.useapi.requests)
    await harness.wait(1200)
    assert 18 <= len(harness.useapi.requests) - before <= 20
    harness.useapi.heal()
    await harness.wait(400)
    assert len([post for post in harness.posts() if post.attachments]) == len(jobs)


async def test_people_who_ask_while_the_account_is_refused_do_not_wake_the_poller(harness: BotHarness) -> None:
    first, second = harness.useapi.add_job(duration=600), harness.useapi.add_job(duration=600)
    await harness.job(harness.mira, first)
    harness.useapi.fail(401, times=math.inf)
    await harness.wait(30)
    before = harness.polls(first)
    assert await harness.job(harness.bo, second) == SENTENCES[401]
    assert (await harness.job(harness.bo, first)).startswith("I'm already watching")
    await harness.wait(10)
    assert harness.polls(first) == before


async def test_the_pause_that_useapi_asks_for_is_kept(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=20)
    await harness.job(harness.mira, jobid)
    harness.useapi.fail(429, retry_after=200)
    await harness.wait(28)
    polls = harness.polls(jobid)
    assert polls == 2
    await harness.wait(195)
    assert harness.polls(jobid) == polls
    await harness.wait(30)
    assert harness.last.attachments


@only_long
async def test_no_pause_is_longer_than_five_minutes(harness: BotHarness) -> None:
    for pause in (-5.0, 1e9, math.inf, math.nan):
        await harness.job(harness.mira, harness.useapi.add_job(duration=20))
        harness.useapi.fail(429, retry_after=pause)
        await harness.wait(340)
        assert harness.last.attachments, pause


@only_long
async def test_a_job_that_is_unknown_now_and_then_is_not_given_up(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=200)
    await harness.job(harness.mira, jobid)
    for _ in range(5):
        harness.useapi.fail(404)
        await harness.wait(34)
    await harness.wait(120)
    assert harness.last.attachments
    assert len(harness.posts()) == 1


@pytest.mark.parametrize("error", [404, pytest.param(410, marks=only_long)])
async def test_a_job_that_useapi_forgot_ends_with_a_sentence_after_a_day(harness: BotHarness, error: int) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=600))
    harness.useapi.fail(error, times=math.inf)
    await harness.wait(3600)
    await harness.suspend(22 * 3600)
    await harness.wait(2 * 3600)
    assert words(harness.last).endswith("useapi.net no longer keeps this job.")
    requested = len(harness.useapi.requests)
    await harness.wait(600)
    assert len(harness.useapi.requests) == requested


@pytest.mark.parametrize("status", [500, *(pytest.param(status, marks=only_long) for status in (504, 429, 596))])
async def test_one_job_that_always_fails_stops_neither_the_others_nor_fills_the_log(
    harness: BotHarness, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level("DEBUG", "bot")
    odd, good = harness.useapi.add_job(duration=60), harness.useapi.add_job(duration=600)
    await harness.job(harness.mira, odd)
    await harness.job(harness.mira, good)
    harness.useapi.set_answer(odd, b"<html>", status=status)
    await harness.wait(700)
    assert [post for post in harness.posts() if post.attachments]
    assert len(outage_lines(caplog)) == 2
