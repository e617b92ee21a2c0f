"""Who asks, where, and for the same job again: one card, one look, one result in each channel."""

import json
import re

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, either_provider, key_in, labels, private, words

# --- together ---------------------------------------------------------------------------------------------------------


@either_provider
async def test_two_people_in_one_channel_share_a_status_card_its_polls_and_a_result_that_calls_both(
    harness: BotHarness,
) -> None:
    jobid = harness.provider.add_job(duration=80)
    await harness.job(harness.mira, jobid)
    (status_card,) = harness.posts()
    answer = await harness.job(harness.bo, jobid)
    assert answer == f"I'm already watching this [here]({harness.jump(status_card)}). I'll notify you too."
    assert harness.polls(jobid) == 1
    await harness.wait(6)
    assert harness.posts()[0].embeds[0].footer.text == "Notifying Mira and 1 other"
    await harness.wait(94)
    (result,) = harness.posts()
    assert result.content == f"<@{harness.mira.id}> <@{harness.bo.id}>"
    assert harness.called() == {harness.mira.id, harness.bo.id}
    assert 5 <= harness.polls(jobid) <= 8, "one look every 15 s, not two"


async def test_nobody_who_waited_less_than_a_minute_is_called(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=80)
    await harness.job(harness.mira, jobid)
    await harness.wait(40)
    await harness.job(harness.bo, jobid)
    await harness.wait(60)
    (result,) = harness.posts()
    assert result.content == f"<@{harness.mira.id}>"
    assert result.embeds[0].footer.text is not None
    assert result.embeds[0].footer.text.startswith("Mira · ")


async def test_a_quick_job_calls_nobody(harness: BotHarness) -> None:
    jobid = harness.provider.add_job()
    await harness.job(harness.mira, jobid)
    await harness.job(harness.bo, jobid)
    await harness.wait(42)
    (result,) = harness.posts()
    assert result.attachments
    assert result.content == ""
    assert not harness.called()


async def test_the_admin_says_how_long_is_long(harness: BotHarness) -> None:
    await harness.restart(ping_after=10)
    await harness.job(harness.mira, harness.provider.add_job())
    await harness.wait(42)
    assert harness.last.content == f"<@{harness.mira.id}>"


@either_provider
async def test_two_channels_get_a_result_each_from_one_poll(harness: BotHarness) -> None:
    jobid = harness.provider.add_job()
    await harness.job(harness.mira, jobid)
    assert (await harness.job(harness.bo, jobid, harness.lounge)).startswith("Watching `#")
    await harness.wait(42)
    for channel, requester in ((harness.channel, "Mira"), (harness.lounge, "Bo")):
        (result,) = harness.posts(channel)
        assert str(result.embeds[0].footer.text).startswith(f"{requester} · ")
    assert harness.polls(jobid) == 3


@either_provider
async def test_two_who_ask_in_the_same_moment_cause_one_poll_and_get_one_status_card(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=80)
    async with harness.one_moment():
        answers = [await who.slash(harness.channel, "job", jobid=jobid) for who in (harness.mira, harness.bo)]
    first, second = sorted(private(answer).content for answer in answers)
    assert first == "I'm already watching this here. I'll notify you too."
    assert re.fullmatch(r"Watching `#\w{4}`\. I'll post the picture here\.", second)
    first_polls = harness.polls(jobid)
    assert first_polls <= 2, "each question may reach the provider before the other one is answered"
    await harness.wait(100)
    assert len(harness.posts()) == 1
    assert harness.called() == {harness.mira.id, harness.bo.id}
    assert 5 <= harness.polls(jobid) - first_polls <= 7, "one look every 15 s, not two"


async def test_two_who_ask_in_the_same_moment_for_a_job_that_is_over_get_one_result(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(age=600)
    async with harness.one_moment():
        answers = [await who.slash(harness.channel, "job", jobid=jobid) for who in (harness.mira, harness.bo)]
    assert {private(answer).content for answer in answers} == {"This job has already finished. Posting it here."}
    assert len(harness.posts()) == 1


# --- again ------------------------------------------------------------------------------------------------------------


async def test_a_second_request_leads_to_the_status_card(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=80)
    await harness.job(harness.mira, jobid)
    (status_card,) = harness.posts()
    assert harness.jump(status_card) in await harness.job(harness.mira, jobid)
    await harness.wait(100)
    (result,) = harness.posts()
    assert result.content == f"<@{harness.mira.id}>"


@only_long
async def test_a_status_card_that_somebody_deleted_is_posted_again_on_request(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=120)
    await harness.job(harness.mira, jobid)
    await harness.mira.delete(harness.last)
    await harness.wait(65)  # Discord says three times, within half a minute, that it is gone
    assert not harness.posts()
    assert (await harness.job(harness.bo, jobid)).startswith("Watching `#")
    await harness.wait(75)
    assert [bool(post.attachments) for post in harness.posts()] == [True]


@either_provider
async def test_a_result_that_is_posted_here_is_linked_and_posted_again_on_request(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(age=600)
    await harness.job(harness.mira, jobid)
    (result,) = harness.posts()
    answer = await harness.ask(harness.bo, jobid)
    assert answer.content == "It's already posted here."
    assert labels(answer) == [["Go to the picture", "Post again"]]
    assert button(answer, "Go to the picture").url == harness.jump(result)
    assert len(harness.posts()) == 1
    answer = await harness.press(harness.bo, answer, "Post again")
    assert answer.content == "I'll post it here again."
    assert not answer.components
    first, second = harness.posts()
    assert words(second) == words(first)
    assert labels(second) == labels(first)
    assert harness.bytes_of(second.attachments[0]) == harness.bytes_of(first.attachments[0])
    assert harness.polls(jobid) == 1


@only_long
async def test_a_result_posted_again_calls_nobody_who_was_called_before(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=80)
    await harness.job(harness.mira, jobid)
    await harness.wait(100)
    assert harness.last.content == f"<@{harness.mira.id}>"
    await harness.press(harness.bo, await harness.ask(harness.bo, jobid), "Post again")
    assert len(harness.posts()) == 2
    assert harness.last.content == ""


@only_long
async def test_a_result_posted_again_later_on_request_is_not_silent(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(age=600)
    await harness.job(harness.mira, jobid)
    await harness.wait(3 * 3600)
    await harness.press(harness.bo, await harness.ask(harness.bo, jobid), "Post again")
    assert len(harness.posts()) == 2
    assert not harness.last.flags.suppress_notifications


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


async def test_an_id_is_found_in_what_people_paste(harness: BotHarness) -> None:
    for kind, written in WRITTEN.items():
        jobid = harness.provider.add_job()
        pasted = written.format(jobid=jobid, quoted=jobid.replace(":", "%3A"))
        assert (await harness.job(harness.newcomer(), pasted)).startswith("Watching `#"), kind
        assert harness.polls(jobid) == 1, kind


async def test_useapis_whole_answer_may_be_pasted(harness: BotHarness) -> None:
    jobid = harness.provider.add_job()
    pasted = json.dumps({"children": [{"jobid": "another"}], "jobid": jobid, "status": "progress"}, indent=2)
    assert (await harness.job(harness.mira, pasted)).startswith("Watching `#")
    assert harness.polls(jobid) == 1


@either_provider
async def test_the_short_key_names_the_job_in_its_own_server(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=80)
    key = key_in(await harness.job(harness.mira, jobid))
    (status_card,) = harness.posts()
    for written in (f"#{key}", key.lower(), f" #{key.lower()} "):
        assert harness.jump(status_card) in await harness.job(harness.bo, written)
    assert harness.polls(jobid) == 1


async def test_the_short_key_means_nothing_in_another_server(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=80)
    key = key_in(await harness.job(harness.mira, jobid))
    elsewhere = harness.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    stranger = elsewhere.add_member(harness.mira.user)
    assert (await harness.job(stranger, f"#{key}", hall)).startswith(f"No job in this server has the key `#{key}`.")
    assert (await harness.job(stranger, key, hall)).startswith("useapi.net has no job with this id.")
    assert not harness.posts(hall)
    assert await harness.job(stranger, jobid, hall) == f"Watching `#{key}`. I'll post the picture here."
    assert (await harness.job(stranger, f"#{key}", hall)).startswith("I'm already watching this [here]")


# --- how much ---------------------------------------------------------------------------------------------------------


async def test_six_questions_a_minute_are_enough_for_one_member(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=600)
    for _ in range(6):
        await harness.job(harness.mira, jobid)
        await harness.wait(1)
    too_fast = await harness.job(harness.mira, jobid)
    found = re.fullmatch(r"Too fast\. Try again in (\d+) seconds\.", too_fast)
    assert found
    assert "I'm already watching" in await harness.job(harness.bo, jobid), "others are not held up"
    await harness.wait(int(found[1]) + 1)
    assert "I'm already watching" in await harness.job(harness.mira, jobid)


async def test_ten_running_jobs_are_enough_for_one_member(harness: BotHarness) -> None:
    await harness.restart(poll_seconds=300)
    jobids = [harness.provider.add_job(duration=3600) for _ in range(11)]
    for nth, jobid in enumerate(jobids[:10]):
        assert (await harness.job(harness.mira, jobid)).startswith("Watching `#")
        if nth == 5:
            await harness.wait(61)
    answer = await harness.job(harness.mira, jobids[10])
    assert answer == "You're already watching 10 running jobs. Please wait until one of them is done."
    await harness.wait(1)
    assert len(harness.posts()) == 10
    assert (await harness.job(harness.bo, jobids[10])).startswith("Watching `#")


@only_long
async def test_a_job_that_is_over_does_not_count_as_running(harness: BotHarness) -> None:
    await harness.restart(poll_seconds=50)
    for nth in range(10):
        await harness.job(harness.mira, harness.provider.add_job(duration=3600 if nth else 30))
        if nth == 5:
            await harness.wait(61)
    assert (await harness.job(harness.mira, harness.provider.add_job())).startswith("Watching `#")
