"""How a job can end without a picture, and what does not end it."""

import math
from typing import Any

import pytest

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, words

SECRET = "a forbidden castle"
AMBER = 0xE0A030
HOUR = 3600.0
DECLINED = "**Imagine**\n\nMidjourney declined this one."


def answer_about(jobid: str, status: str, **more: Any) -> dict[str, Any]:
    """What useapi says about a job, in short."""
    return {"jobid": jobid, "verb": "imagine", "status": status, "prompt": "a castle", "code": 200, **more}


# --- declined ---------------------------------------------------------------------------------------------------------


async def test_a_declined_job_is_posted_without_its_prompt(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(prompt=SECRET, ends="moderated", duration=30))
    await harness.wait(50)
    (result,) = harness.posts()
    assert words(result) == DECLINED
    assert result.embeds[0].colour is not None
    assert result.embeds[0].colour.value == AMBER
    assert labels(result) == [["Why?", "⋯"]]
    assert not result.attachments
    assert "forbidden" not in harness.sent()
    assert "castle" not in harness.sent()


async def test_the_reason_is_answered_to_who_asked_and_to_nobody_else(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=SECRET, ends="moderated", age=60)
    await harness.job(harness.bo, jobid)
    answer = words(await harness.press(harness.bo, harness.last, "Why?"))
    assert answer.startswith("**Banned prompt detected**\nThe word `forbidden` is not welcome here.")
    refused = words(await harness.press(harness.mira, harness.last, "Why?"))
    assert refused == "Only whoever added this job can see Midjourney's reason."
    assert len(harness.posts()) == 1


async def test_a_job_that_useapi_answers_with_422_is_declined_like_any_other(harness: BotHarness) -> None:
    running = harness.useapi.add_job(prompt=SECRET, ends="moderated", duration=30, over_code=422)
    await harness.job(harness.bo, running)
    await harness.wait(50)
    over = harness.useapi.add_job(prompt=SECRET, ends="moderated", age=60, over_code=422)
    assert await harness.job(harness.bo, over) == "This job has already finished. Posting it here."
    assert [words(post) for post in harness.posts()] == [DECLINED] * 2
    polls = harness.polls(running), harness.polls(over)
    await harness.wait(600)
    assert (harness.polls(running), harness.polls(over)) == polls, "a declined job is over"


# --- failed, cancelled ------------------------------------------------------------------------------------------------


async def test_why_a_job_failed_is_read_by_its_requester_alone(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="a castle", age=60)
    details = "Unrecognized parameter(s): `use_raw`\nTry again <t:1750268400:R>."
    answer = answer_about(jobid, "failed", error="Invalid parameter", errorDetails=details)
    harness.useapi.set_answer(jobid, answer)
    await harness.job(harness.bo, jobid)
    why = words(await harness.press(harness.bo, harness.last, "Why?"))
    assert why == f"**Invalid parameter**\n{details}"
    assert "use_raw" not in words(await harness.press(harness.mira, harness.last, "Why?"))
    assert "use_raw" not in harness.sent()


async def test_a_job_that_is_paused_and_stopped_at_midjourney_is_shown_as_that(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="a castle")
    await harness.job(harness.mira, jobid)
    for state in ("(31%) (relaxed)", "(paused) (relaxed)"):
        harness.useapi.set_answer(jobid, answer_about(jobid, "progress", content=f"**a castle** - <@1> {state}"))
        await harness.wait(30)
    (status_card,) = harness.posts()
    assert "31% · paused by Midjourney · relaxed" in words(status_card)
    harness.useapi.set_answer(jobid, answer_about(jobid, "progress", content="**a castle** - <@1> (Stopped)"))
    await harness.wait(25)
    (result,) = harness.posts()
    assert words(result).endswith("**Imagine**\n> a castle\n\nThis job was stopped at Midjourney.")


async def test_a_failed_job_says_so_with_midjourneys_word(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a castle", ends="failed", duration=30))
    await harness.wait(50)
    (result,) = harness.posts()
    assert words(result) == ("**Imagine**\n> a castle\n\nMidjourney could not finish this job. Reason: Internal error")
    assert labels(result) == [["Why?", "⋯"]]


async def test_a_cancelled_job_says_so(harness: BotHarness) -> None:
    for spelling in ("cancelled", "canceled", "CANCELLED"):
        jobid = harness.useapi.add_job(prompt="a castle")
        await harness.job(harness.mira, jobid)
        harness.useapi.set_answer(jobid, answer_about(jobid, spelling))
    await harness.wait(30)
    assert [words(post) for post in harness.posts()] == ["**Imagine**\n> a castle\n\nThis job was cancelled."] * 3


@only_long
async def test_whoever_waited_long_is_called_for_bad_news_too(harness: BotHarness) -> None:
    for ends in ("moderated", "failed"):
        await harness.job(harness.bo, harness.useapi.add_job(prompt="a castle", ends=ends, duration=90))
        await harness.wait(120)
        assert harness.called() == {harness.bo.id}, ends


# --- forgotten --------------------------------------------------------------------------------------------------------


@only_long
async def test_a_job_that_useapi_has_thrown_away_ends_with_a_sentence(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="a castle", duration=600)
    await harness.job(harness.mira, jobid)
    harness.useapi.set_answer(jobid, {"error": "Job has expired", "code": 410}, status=410)
    await harness.wait(HOUR)
    await harness.suspend(21 * HOUR)
    await harness.wait(HOUR)
    assert len(harness.posts()) == 1, "one such answer may be a mistake, as all of a day may be"
    await harness.wait(2 * HOUR)
    (result,) = harness.posts()
    assert words(result).endswith("**Imagine**\n> a castle\n\nuseapi.net no longer keeps this job.")
    polls = harness.polls(jobid)
    await harness.wait(600)
    assert harness.polls(jobid) == polls


@pytest.mark.parametrize("status", [pytest.param(404, marks=only_long), 410])
async def test_a_bad_day_of_useapis_ends_no_job(harness: BotHarness, status: int) -> None:
    jobid = harness.useapi.add_job(prompt="a castle", duration=600)
    await harness.job(harness.mira, jobid)
    harness.useapi.set_answer(jobid, {"error": "Unable to locate job", "code": status}, status=status)
    await harness.wait(3 * HOUR)
    assert harness.polls(jobid) < 3 * 15, "it is polled rarely"
    await harness.suspend(16 * HOUR)
    await harness.wait(HOUR)
    assert len(harness.posts()) == 1
    harness.useapi.forget_answer(jobid)
    await harness.wait(6 * 60)
    (result,) = harness.posts()
    assert labels(result)[0] == ["U1", "U2", "U3", "U4", "🔄"]


@pytest.mark.parametrize("status", [404, pytest.param(410, marks=only_long)])
async def test_a_bad_day_of_useapis_is_an_outage_for_many_jobs(
    harness: BotHarness, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(6):
        await harness.job(harness.mira, harness.useapi.add_job(prompt=f"castle {number}", duration=600))
        await harness.wait(11)  # a member may ask six times a minute
    harness.useapi.fail(status, times=math.inf)
    await harness.wait(HOUR)
    await harness.suspend(27 * HOUR)
    await harness.wait(2 * HOUR)
    assert len(harness.posts()) == 6, "the status cards"
    assert len([line for line in caplog.messages if line.startswith("useapi.net has trouble, jobs wait")]) == 1
    harness.useapi.heal()
    await harness.wait(10 * 60)
    assert len([post for post in harness.posts() if any("U1" in row for row in labels(post))]) == 6


@only_long
async def test_a_job_that_is_found_again_in_time_goes_on(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="a castle", duration=100)
    await harness.job(harness.mira, jobid)
    for _ in range(3):
        harness.useapi.set_answer(jobid, {"error": "Unable to locate job", "code": 404}, status=404)
        await harness.wait(26)  # in which a job is polled twice at most: a third miss in a row would count
        harness.useapi.forget_answer(jobid)
        await harness.wait(17)
    await harness.wait(20)
    (result,) = harness.posts()
    assert labels(result)[0] == ["U1", "U2", "U3", "U4", "🔄"]


@only_long
async def test_a_forgotten_job_is_polled_again_on_request(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="a castle", duration=100)
    await harness.job(harness.mira, jobid)
    harness.useapi.set_answer(jobid, {"error": "Job has expired", "code": 410}, status=410)
    await harness.wait(HOUR)
    await harness.suspend(22 * HOUR)
    await harness.wait(2 * HOUR)
    assert len(harness.posts()) == 1
    harness.useapi.forget_answer(jobid)
    await harness.wait(100)
    assert await harness.job(harness.bo, jobid) == "This job has already finished. Posting it here."
    assert len(harness.posts()) == 2
    assert labels(harness.last)[0] == ["U1", "U2", "U3", "U4", "🔄"]


# --- silent -----------------------------------------------------------------------------------------------------------


async def test_a_job_without_news_for_a_day_is_given_up_with_a_sentence(harness: BotHarness) -> None:
    await harness.restart(poll_seconds=300)
    jobid = harness.useapi.add_job(prompt="a castle", ends="silent")
    await harness.job(harness.mira, jobid)
    await harness.wait(600)
    (status_card,) = harness.posts()
    await harness.restart(away=23 * 3600)  # or 276 more looks
    await harness.wait(600)
    assert [words(post) for post in harness.posts()] == [words(status_card)]
    await harness.wait(2 * 3600)  # an hour of looks on top: the machine's clock may have been set forward
    (result,) = harness.posts()
    assert words(result).endswith("No news about this job for a day, so I stopped checking.")
    assert not result.flags.suppress_notifications
    polls = harness.polls(jobid)
    await harness.wait(3600)
    assert harness.polls(jobid) == polls


@only_long
async def test_a_job_that_was_given_up_is_subscribed_again_on_request(harness: BotHarness) -> None:
    await harness.restart(poll_seconds=300)
    jobid = harness.useapi.add_job(prompt="a castle", ends="silent")
    await harness.job(harness.mira, jobid)
    await harness.wait(600)
    await harness.restart(away=25 * 3600)
    await harness.wait(5000)
    assert words(harness.last).endswith("No news about this job for a day, so I stopped checking.")
    harness.useapi.set_answer(jobid, answer_about(jobid, "progress", content="**a castle** - <@1> (80%) (fast)"))
    assert (await harness.job(harness.bo, jobid)).startswith("Watching `#")
    assert len(harness.posts()) == 2
    assert "80%" in words(harness.last)
    harness.useapi.set_answer(jobid, answer_about(jobid, "completed", buttons=["U1"]))
    await harness.wait(330 + 75)  # it is polled some more times for its picture
    _, result = harness.posts()
    assert labels(result) == [["U1", "⋯"]]


# --- still alive ------------------------------------------------------------------------------------------------------


@only_long
async def test_a_status_that_useapi_invents_later_does_not_end_a_job(harness: BotHarness) -> None:
    jobids = []
    for status in ("dreaming", "queued", "", "x" * 64):
        jobids.append(jobid := harness.useapi.add_job(prompt="a castle", duration=60))
        harness.useapi.set_answer(jobid, answer_about(jobid, status))
        assert (await harness.job(harness.mira, jobid)).startswith("Watching `#"), status
    await harness.wait(40)
    assert len(harness.posts()) == len(jobids)
    for jobid in jobids:
        harness.useapi.forget_answer(jobid)
    await harness.wait(40)
    assert [labels(result)[0] for result in harness.posts()] == [["U1", "U2", "U3", "U4", "🔄"]] * len(jobids)


async def test_an_older_answer_does_not_take_the_status_card_back(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="a castle", duration=267)
    harness.useapi.set_answer(jobid, answer_about(jobid, "progress", content="**a castle** - <@1> (47%) (fast)"))
    await harness.job(harness.mira, jobid)
    harness.useapi.set_answer(jobid, answer_about(jobid, "progress", content="**a castle** - <@1> (17%) (fast)"))
    await harness.wait(20)
    assert harness.polls(jobid) == 2
    assert "47%" in words(harness.last)
    harness.useapi.set_answer(jobid, answer_about(jobid, "started"))
    await harness.wait(20)
    assert "47%" in words(harness.last)
