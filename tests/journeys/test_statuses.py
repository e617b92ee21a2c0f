"""How a job can end without a picture, and what does not end it."""

from typing import Any

import pytest

from tests.journeys.conftest import Stage, labels, words

SECRET = "a forbidden castle"
AMBER = 0xE0A030
DECLINED = "**Imagine**\n\nMidjourney declined this one."


def answer_about(jobid: str, status: str, **more: Any) -> dict[str, Any]:
    """What useapi says about a job, in short."""
    return {"jobid": jobid, "verb": "imagine", "status": status, "prompt": "a castle", "code": 200, **more}


# --- declined ---------------------------------------------------------------------------------------------------------


async def test_a_declined_job_is_told_without_its_prompt(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(prompt=SECRET, ends="moderated", duration=30))
    await stage.wait(50)
    card, result = stage.posts()
    assert words(result) == DECLINED
    assert result.embeds[0].colour is not None
    assert result.embeds[0].colour.value == AMBER
    assert labels(result) == [["Why?", "⋯"]]
    assert not result.attachments
    assert card.content == f"-# ✗ Imagine, declined after 30 s → [details]({stage.jump(result)})"
    assert "forbidden" not in stage.sent()
    assert "castle" not in stage.sent()


async def test_why_is_told_to_who_asked_and_to_nobody_else(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=SECRET, ends="moderated", age=60)
    await stage.job(stage.bo, jobid)
    told = words(await stage.press(stage.bo, stage.last, "Why?"))
    assert told.startswith("**Banned prompt detected**\nThe word \\`forbidden\\` is not welcome here.")
    refused = words(await stage.press(stage.mira, stage.last, "Why?"))
    assert refused == "Only the member who brought this job here can see why it was declined."
    assert len(stage.posts()) == 1


async def test_a_job_that_useapi_answers_with_422_is_declined_like_any_other(stage: Stage) -> None:
    running = stage.useapi.add_job(prompt=SECRET, ends="moderated", duration=30, over_code=422)
    await stage.job(stage.bo, running)
    await stage.wait(50)
    over = stage.useapi.add_job(prompt=SECRET, ends="moderated", age=60, over_code=422)
    assert await stage.job(stage.bo, over) == "It is over already: I'm posting it here."
    assert [words(post) for post in stage.posts()[1:]] == [DECLINED] * 2
    looks = stage.looks(running), stage.looks(over)
    await stage.wait(600)
    assert (stage.looks(running), stage.looks(over)) == looks, "a declined job is over"


# --- failed, cancelled ------------------------------------------------------------------------------------------------


async def test_a_failed_job_says_so_with_midjourneys_word(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt="a castle", ends="failed", duration=30))
    await stage.wait(50)
    card, result = stage.posts()
    assert words(result) == ("**Imagine**\n> a castle\n\nMidjourney could not finish this one. It said: Internal error")
    assert labels(result) == [["⋯"]]
    assert card.content == f"-# ✗ Imagine · castle, failed after 30 s → [details]({stage.jump(result)})"


@pytest.mark.parametrize("spelling", ["cancelled", "canceled", "CANCELLED"])
async def test_a_cancelled_job_says_so(stage: Stage, spelling: str) -> None:
    jobid = stage.useapi.add_job(prompt="a castle")
    await stage.job(stage.mira, jobid)
    stage.useapi.set_answer(jobid, answer_about(jobid, spelling))
    await stage.wait(20)
    card, result = stage.posts()
    assert words(result) == "**Imagine**\n> a castle\n\nThis one was cancelled."
    assert card.content.startswith("-# – Imagine · castle, cancelled")


@pytest.mark.parametrize("ends", ["moderated", "failed"])
async def test_whoever_waited_long_is_called_for_bad_news_too(stage: Stage, ends: str) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(prompt="a castle", ends=ends, duration=90))
    await stage.wait(120)
    assert stage.called() == {stage.bo.id}


# --- forgotten --------------------------------------------------------------------------------------------------------


async def test_a_job_that_useapi_has_thrown_away_ends_with_a_sentence(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="a castle", duration=600)
    await stage.job(stage.mira, jobid)
    stage.useapi.set_answer(jobid, {"error": "Job has expired", "code": 410}, status=410)
    await stage.wait(20)
    card, result = stage.posts()
    assert words(result) == "**Imagine**\n> a castle\n\nuseapi.net no longer keeps this job."
    assert card.content.startswith("-# – Imagine · castle, expired")
    looks = stage.looks(jobid)
    await stage.wait(600)
    assert stage.looks(jobid) == looks


async def test_a_job_that_is_not_found_three_times_in_a_row_ends_with_a_sentence(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="a castle", duration=600)
    await stage.job(stage.mira, jobid)
    stage.useapi.set_answer(jobid, {"error": "Unable to locate job", "code": 404}, status=404)
    await stage.wait(34)
    assert stage.looks(jobid) == 3
    assert len(stage.posts()) == 1
    await stage.wait(16)
    assert stage.looks(jobid) == 4
    _, result = stage.posts()
    assert words(result).endswith("useapi.net no longer keeps this job.")


async def test_a_job_that_is_found_again_in_time_goes_on(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="a castle", duration=100)
    await stage.job(stage.mira, jobid)
    for _ in range(3):
        stage.useapi.set_answer(jobid, {"error": "Unable to locate job", "code": 404}, status=404)
        await stage.wait(17)
        stage.useapi.forget_answer(jobid)
        await stage.wait(17)
    await stage.wait(20)
    _, result = stage.posts()
    assert labels(result)[0] == ["U1", "U2", "U3", "U4", "🔄"]


async def test_a_forgotten_job_is_looked_for_anew_when_somebody_asks(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="a castle", duration=100)
    await stage.job(stage.mira, jobid)
    stage.useapi.set_answer(jobid, {"error": "Job has expired", "code": 410}, status=410)
    await stage.wait(20)
    assert len(stage.posts()) == 2
    stage.useapi.forget_answer(jobid)
    await stage.wait(100)
    assert await stage.job(stage.bo, jobid) == "It is over already: I'm posting it here."
    assert len(stage.posts()) == 3
    assert labels(stage.last)[0] == ["U1", "U2", "U3", "U4", "🔄"]


# --- silent -----------------------------------------------------------------------------------------------------------


async def test_a_job_without_news_for_a_day_is_given_up_with_a_sentence(stage: Stage) -> None:
    await stage.restart(poll_seconds=300)
    jobid = stage.useapi.add_job(prompt="a castle", ends="silent")
    await stage.job(stage.mira, jobid)
    await stage.wait(600)
    (card,) = stage.posts()
    await stage.restart(away=23 * 3600)  # or 276 more looks
    await stage.wait(600)
    assert [words(post) for post in stage.posts()] == [words(card)]
    await stage.wait(2 * 3600)  # an hour of looks on top: the machine's clock may have been set forward
    card, result = stage.posts()
    assert words(result).endswith("No news about this job for a day, so I stopped looking.")
    assert not result.flags.suppress_notifications
    assert card.content == f"-# – Imagine · castle, no news → [details]({stage.jump(result)})"
    looks = stage.looks(jobid)
    await stage.wait(3600)
    assert stage.looks(jobid) == looks


async def test_a_job_that_was_given_up_is_watched_again_when_somebody_asks(stage: Stage) -> None:
    await stage.restart(poll_seconds=300)
    jobid = stage.useapi.add_job(prompt="a castle", ends="silent")
    await stage.job(stage.mira, jobid)
    await stage.wait(600)
    await stage.restart(away=25 * 3600)
    await stage.wait(5000)
    assert words(stage.last).endswith("No news about this job for a day, so I stopped looking.")
    stage.useapi.set_answer(jobid, answer_about(jobid, "progress", content="**a castle** - <@1> (80%) (fast)"))
    assert (await stage.job(stage.bo, jobid)).startswith("Watching `#")
    assert len(stage.posts()) == 3
    assert "80 %" in words(stage.last)
    stage.useapi.set_answer(jobid, answer_about(jobid, "completed", buttons=["U1"]))
    await stage.wait(330)
    *_, card, result = stage.posts()
    assert labels(result) == [["U1", "⋯"]]
    assert stage.jump(result) in card.content


# --- still alive ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["dreaming", "queued", "", "x" * 64])
async def test_a_status_that_useapi_invents_later_does_not_end_a_job(stage: Stage, status: str) -> None:
    jobid = stage.useapi.add_job(prompt="a castle", duration=60)
    stage.useapi.set_answer(jobid, answer_about(jobid, status))
    assert (await stage.job(stage.mira, jobid)).startswith("Watching `#")
    await stage.wait(40)
    assert len(stage.posts()) == 1
    stage.useapi.forget_answer(jobid)
    await stage.wait(40)
    _, result = stage.posts()
    assert labels(result)[0] == ["U1", "U2", "U3", "U4", "🔄"]


async def test_an_older_answer_does_not_take_the_card_back(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="a castle", duration=267)
    stage.useapi.set_answer(jobid, answer_about(jobid, "progress", content="**a castle** - <@1> (47%) (fast)"))
    await stage.job(stage.mira, jobid)
    stage.useapi.set_answer(jobid, answer_about(jobid, "progress", content="**a castle** - <@1> (17%) (fast)"))
    await stage.wait(20)
    assert stage.looks(jobid) == 2
    assert "47 %" in words(stage.last)
    stage.useapi.set_answer(jobid, answer_about(jobid, "started"))
    await stage.wait(20)
    assert "47 %" in words(stage.last)
