"""Who asks, where, and for the same job again: one card, one look, one result in each channel."""

import json
import re

import pytest

from tests.journeys.conftest import Stage, button, key_in, labels, private, words

# --- together ---------------------------------------------------------------------------------------------------------


async def test_two_people_in_one_channel_share_a_card_its_looks_and_a_result_that_calls_both(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    await stage.job(stage.mira, jobid)
    (card,) = stage.posts()
    answer = await stage.job(stage.bo, jobid)
    assert answer == f"Already watched [here]({stage.jump(card)}), I'll tell you too."
    assert stage.looks(jobid) == 1
    await stage.wait(6)
    assert stage.posts()[0].embeds[0].footer.text == "Mira and 1 more will be told here"
    await stage.wait(94)
    card, result = stage.posts()
    assert result.content == f"<@{stage.mira.id}> <@{stage.bo.id}>"
    assert stage.called() == {stage.mira.id, stage.bo.id}
    assert 5 <= stage.looks(jobid) <= 8, "one look every 15 s, not two"


async def test_nobody_who_waited_less_than_a_minute_is_called(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    await stage.job(stage.mira, jobid)
    await stage.wait(40)
    await stage.job(stage.bo, jobid)
    await stage.wait(60)
    _, result = stage.posts()
    assert result.content == f"<@{stage.mira.id}>"
    assert result.embeds[0].footer.text is not None
    assert result.embeds[0].footer.text.startswith("Mira · ")


async def test_a_quick_job_calls_nobody(stage: Stage) -> None:
    jobid = stage.useapi.add_job()
    await stage.job(stage.mira, jobid)
    await stage.job(stage.bo, jobid)
    await stage.wait(35)
    _, result = stage.posts()
    assert result.content == ""
    assert not stage.called()


async def test_the_admin_says_how_long_is_long(stage: Stage) -> None:
    await stage.restart(ping_after=10)
    await stage.job(stage.mira, stage.useapi.add_job())
    await stage.wait(35)
    assert stage.last.content == f"<@{stage.mira.id}>"


async def test_two_channels_get_a_result_each_from_one_look(stage: Stage) -> None:
    jobid = stage.useapi.add_job()
    await stage.job(stage.mira, jobid)
    assert (await stage.job(stage.bo, jobid, stage.lounge)).startswith("Watching `#")
    await stage.wait(35)
    for channel, requester in ((stage.channel, "Mira"), (stage.lounge, "Bo")):
        card, result = stage.posts(channel)
        assert result.reference is not None
        assert result.reference.message_id == card.id
        assert str(result.embeds[0].footer.text).startswith(f"{requester} · ")
    assert stage.looks(jobid) == 3


async def test_two_who_ask_in_the_same_moment_cause_one_look_and_get_one_card(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    async with stage.one_moment():
        asked = [await who.slash(stage.channel, "job", jobid=jobid) for who in (stage.mira, stage.bo)]
    first, second = sorted(private(answer).content for answer in asked)
    assert first == "Already watched here, I'll tell you too."
    assert re.fullmatch(r"Watching `#\w{4}`: I'll post it here\.", second)
    asked_for = stage.looks(jobid)
    assert asked_for <= 2, "each question may reach useapi before the other one is answered"
    await stage.wait(100)
    assert len(stage.posts()) == 2
    assert stage.called() == {stage.mira.id, stage.bo.id}
    assert 5 <= stage.looks(jobid) - asked_for <= 7, "one look every 15 s, not two"


async def test_two_who_ask_in_the_same_moment_for_a_job_that_is_over_get_one_result(stage: Stage) -> None:
    jobid = stage.useapi.add_job(age=600)
    async with stage.one_moment():
        asked = [await who.slash(stage.channel, "job", jobid=jobid) for who in (stage.mira, stage.bo)]
    assert {private(answer).content for answer in asked} == {"It is over already: I'm posting it here."}
    assert len(stage.posts()) == 1


# --- again ------------------------------------------------------------------------------------------------------------


async def test_asking_twice_leads_to_the_card(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    await stage.job(stage.mira, jobid)
    (card,) = stage.posts()
    assert stage.jump(card) in await stage.job(stage.mira, jobid)
    await stage.wait(100)
    _, result = stage.posts()
    assert result.content == f"<@{stage.mira.id}>"


async def test_a_card_that_somebody_deleted_comes_anew_when_asked_for(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    await stage.job(stage.mira, jobid)
    await stage.mira.delete(stage.last)
    await stage.wait(30)
    assert not stage.posts()
    assert (await stage.job(stage.bo, jobid)).startswith("Watching `#")
    await stage.wait(70)
    card, result = stage.posts()
    assert stage.jump(result) in card.content


async def test_a_result_that_stands_here_is_linked_and_posted_again_on_request(stage: Stage) -> None:
    jobid = stage.useapi.add_job(age=600)
    await stage.job(stage.mira, jobid)
    (result,) = stage.posts()
    answer = await stage.ask(stage.bo, jobid)
    assert answer.content == "It stands here already."
    assert labels(answer) == [["Go to the picture", "Post again"]]
    assert button(answer, "Go to the picture").url == stage.jump(result)
    assert len(stage.posts()) == 1
    answer = await stage.press(stage.bo, answer, "Post again")
    assert answer.content == "I'll post it here again."
    assert not answer.components
    first, second = stage.posts()
    assert words(second) == words(first)
    assert labels(second) == labels(first)
    assert stage.bytes_of(second.attachments[0]) == stage.bytes_of(first.attachments[0])
    assert stage.looks(jobid) == 1


async def test_a_result_posted_again_calls_nobody_who_was_called_before(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    await stage.job(stage.mira, jobid)
    await stage.wait(100)
    assert stage.last.content == f"<@{stage.mira.id}>"
    await stage.press(stage.bo, await stage.ask(stage.bo, jobid), "Post again")
    assert len(stage.posts()) == 3
    assert stage.last.content == ""


async def test_a_result_posted_again_later_is_not_silent_because_somebody_just_asked(stage: Stage) -> None:
    jobid = stage.useapi.add_job(age=600)
    await stage.job(stage.mira, jobid)
    await stage.wait(3 * 3600)
    await stage.press(stage.bo, await stage.ask(stage.bo, jobid), "Post again")
    assert len(stage.posts()) == 2
    assert not stage.last.flags.suppress_notifications


# --- by what name -----------------------------------------------------------------------------------------------------

WRITTEN = {
    "a few stray spaces": "   {jobid}  ",
    "backticks": "`{jobid}`",
    "a code block": "```\n{jobid}\n```",
    "useapi's address": "https://api.useapi.net/v2/jobs/?jobid={jobid}",
    "an encoded address": "https://api.useapi.net/v2/jobs/?token=x&jobid={quoted}",
    "useapi's answer": '{{"jobid": "{jobid}", "verb": "imagine", "status": "started", "prompt": "x"}}',
    "half of useapi's answer": '"verb": "imagine",\n  "jobid": "{jobid}",\n  "stat',
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
async def test_an_id_is_found_in_what_people_paste(stage: Stage, written: str) -> None:
    jobid = stage.useapi.add_job()
    pasted = written.format(jobid=jobid, quoted=jobid.replace(":", "%3A"))
    assert (await stage.job(stage.mira, pasted)).startswith("Watching `#")
    assert stage.looks(jobid) == 1


async def test_useapis_whole_answer_may_be_pasted(stage: Stage) -> None:
    jobid = stage.useapi.add_job()
    pasted = json.dumps({"children": [{"jobid": "another"}], "jobid": jobid, "status": "progress"}, indent=2)
    assert (await stage.job(stage.mira, pasted)).startswith("Watching `#")
    assert stage.looks(jobid) == 1


async def test_the_short_key_names_the_job_in_its_own_server(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    key = key_in(await stage.job(stage.mira, jobid))
    (card,) = stage.posts()
    for written in (f"#{key}", key.lower(), f" #{key.lower()} "):
        assert stage.jump(card) in await stage.job(stage.bo, written)
    assert stage.looks(jobid) == 1


async def test_the_short_key_means_nothing_in_another_server(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    key = key_in(await stage.job(stage.mira, jobid))
    elsewhere = stage.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    stranger = elsewhere.add_member(stage.mira.user)
    assert (await stage.job(stranger, f"#{key}", hall)).startswith(f"No job in this server has the key `#{key}`.")
    assert (await stage.job(stranger, key, hall)).startswith("useapi.net knows no job with this id.")
    assert not stage.posts(hall)
    assert await stage.job(stranger, jobid, hall) == f"Watching `#{key}`: I'll post it here."
    assert (await stage.job(stranger, f"#{key}", hall)).startswith("Already watched [here]")


# --- how much ---------------------------------------------------------------------------------------------------------


async def test_six_questions_a_minute_are_enough_for_one_member(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=600)
    for _ in range(6):
        await stage.job(stage.mira, jobid)
        await stage.wait(1)
    too_fast = await stage.job(stage.mira, jobid)
    found = re.fullmatch(r"That was a little fast\. Please try again in (\d+) s\.", too_fast)
    assert found
    assert "Already watched" in await stage.job(stage.bo, jobid), "others are not held up"
    await stage.wait(int(found[1]) + 1)
    assert "Already watched" in await stage.job(stage.mira, jobid)


async def test_ten_running_jobs_are_enough_for_one_member(stage: Stage) -> None:
    await stage.restart(poll_seconds=300)
    jobids = [stage.useapi.add_job(duration=3600) for _ in range(11)]
    for nth, jobid in enumerate(jobids[:10]):
        assert (await stage.job(stage.mira, jobid)).startswith("Watching `#")
        if nth == 5:
            await stage.wait(61)
    answer = await stage.job(stage.mira, jobids[10])
    assert answer == "You are watching 10 running jobs already. Please wait until one of them is done."
    await stage.wait(1)
    assert len(stage.posts()) == 10
    assert (await stage.job(stage.bo, jobids[10])).startswith("Watching `#")


async def test_a_job_that_is_over_does_not_count_as_running(stage: Stage) -> None:
    await stage.restart(poll_seconds=50)
    for nth in range(10):
        await stage.job(stage.mira, stage.useapi.add_job(duration=3600 if nth else 30))
        if nth == 5:
            await stage.wait(61)
    assert (await stage.job(stage.mira, stage.useapi.add_job())).startswith("Watching `#")
