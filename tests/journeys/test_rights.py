"""Who may not: the sentence names the right that is missing, and nothing is promised, asked or spent."""

from typing import Any

import pytest
from simcord.builders import ChannelHandle

from tests.journeys.conftest import Stage, button, labels

HELP = "Somebody who manages this channel can change that under Edit Channel, Permissions."
NOT_YOU = "You may not send messages in this channel, so I won't post here for you either."


async def is_refused(stage: Stage, answer: str, sentence: str, channel: Any = None) -> None:
    """The sentence, no request, no post, and nothing that comes later."""
    assert answer == sentence
    assert not stage.useapi.requests
    await stage.wait(600)
    assert not stage.useapi.requests
    assert not stage.posts(channel)


def thread_of(stage: Stage) -> ChannelHandle:
    thread = stage.env.backend.create_thread(stage.channel.id, "sketches", stage.bo.id, broadcast=False)
    return ChannelHandle(stage.env, stage.guild, thread)


@pytest.mark.parametrize(
    ("rights", "named"),
    [
        (["view_channel"], "View Channel"),
        (["send_messages"], "Send Messages"),
        (["embed_links"], "Embed Links"),
        (["attach_files"], "Attach Files"),
        (["send_messages", "attach_files"], "Send Messages and Attach Files"),
        (["send_messages", "embed_links", "attach_files"], "Send Messages, Embed Links and Attach Files"),
    ],
)
async def test_a_right_that_the_bot_lacks_is_named(stage: Stage, rights: list[str], named: str) -> None:
    jobid = stage.useapi.add_job()
    stage.forbid(None, *rights)
    answer = await stage.job(stage.bo, jobid)
    await is_refused(stage, answer, f"I can't post here, because I lack {named}. {HELP}")


async def test_who_may_not_write_here_cannot_make_the_bot_write_here(stage: Stage) -> None:
    stage.forbid(stage.bo, "send_messages")
    answer = await stage.job(stage.bo, stage.useapi.add_job())
    await is_refused(stage, answer, NOT_YOU)


async def test_in_a_thread_it_is_the_right_for_threads_that_counts(stage: Stage) -> None:
    thread = thread_of(stage)
    stage.forbid(None, "send_messages_in_threads")
    answer = await stage.job(stage.bo, stage.useapi.add_job(), thread)
    await is_refused(stage, answer, f"I can't post here, because I lack Send Messages in Threads. {HELP}", thread)
    stage.forbid(None)
    stage.forbid(stage.bo, "send_messages_in_threads")
    assert await stage.job(stage.bo, stage.useapi.add_job(), thread) == NOT_YOU


async def test_a_thread_needs_no_right_to_send_in_its_channel(stage: Stage) -> None:
    thread = thread_of(stage)
    stage.forbid(None, "send_messages")
    stage.forbid(stage.bo, "send_messages")
    assert (await stage.job(stage.bo, stage.useapi.add_job(), thread)).startswith("Watching")
    await stage.wait(60)
    assert len(stage.posts(thread)) == 2
    assert not stage.posts()


async def test_without_read_message_history_everything_works(stage: Stage) -> None:
    stage.forbid(None, "read_message_history")
    assert (await stage.job(stage.bo, stage.useapi.add_job())).startswith("Watching")
    await stage.wait(60)
    _, result = stage.posts()
    assert result.attachments


async def test_a_card_can_be_joined_only_by_who_may_write_here(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=120))
    stage.forbid(stage.bo, "send_messages")
    assert (await stage.press(stage.bo, stage.last, "🔔 Tell me too")).content == NOT_YOU
    stage.forbid(stage.bo)
    stage.forbid(None, "attach_files")
    assert (await stage.press(stage.bo, stage.last, "🔔 Tell me too")).content.startswith("I can't post here")
    await stage.wait(200)
    assert str(stage.bo.id) not in stage.last.content


@pytest.mark.parametrize("who", ["the bot", "the presser"])
async def test_a_press_whose_child_could_not_be_posted_is_not_paid_for(stage: Stage, who: str) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(age=600))
    stage.forbid(None if who == "the bot" else stage.mira, "send_messages")
    answer = await stage.press(stage.mira, stage.last, "V1")
    assert answer.content == (
        NOT_YOU if who == "the presser" else f"I can't post here, because I lack Send Messages. {HELP}"
    )
    assert not stage.presses()


async def test_only_moderators_press_what_costs_and_everyone_else_learns_why(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(age=600))
    answer = await stage.press(stage.bo, stage.last, "V1")
    assert answer.content == "Only moderators can press this: it costs Midjourney time."
    assert not stage.presses()


async def test_who_did_not_ask_for_a_job_gets_neither_its_id_nor_its_deletion(stage: Stage) -> None:
    jobid = stage.useapi.add_job(age=600)
    await stage.job(stage.mira, jobid)
    (post,) = stage.posts()
    assert labels(await stage.press(stage.bo, post, "⋯")) == [["Family", "Split in four", "Full size"]]
    nonce = str(button(post, "⋯").custom_id).rpartition(":")[2]
    for code in ("c", "d"):
        answer = await stage.press(stage.bo, stage.forge(f"dr:{code}:{nonce}"), "Forged")
        assert answer.content.startswith("Only the member who brought this job here, and moderators, can ")
        assert jobid not in answer.content
    assert stage.posts()[0].id == post.id


# --- a server that is not on the list ---------------------------------------------------------------------------------


def line_for(stage: Stage) -> str:
    return (
        "This server is not on this bot's list. Whoever runs the bot can add it: put "
        f"`{stage.guild.id}` behind `ALLOWED_GUILDS=` in the file `.env`, with a comma between it and the "
        "others, and start the bot again."
    )


async def test_a_server_that_is_not_listed_learns_the_line_to_add(stage: Stage) -> None:
    await stage.restart(allowed_guilds=frozenset({1}))
    await is_refused(stage, await stage.job(stage.mira, stage.useapi.add_job()), line_for(stage))


async def test_a_server_that_was_taken_off_the_list_can_spend_nothing_with_its_old_buttons(stage: Stage) -> None:
    finished = stage.useapi.add_job(age=600)
    await stage.job(stage.mira, finished)
    await stage.job(stage.mira, stage.useapi.add_job(duration=9000))
    post, card = stage.posts()
    await stage.restart(allowed_guilds=frozenset({1}))
    for message, label in ((post, "V1"), (post, "⋯"), (card, "Stop"), (card, "🔔 Tell me too")):
        assert (await stage.press(stage.mira, message, label)).content == line_for(stage)
    assert (await stage.press(stage.mira, stage.forge("old:button"), "Forged")).content == line_for(stage)
    # The job that runs is still looked at, and by chance at once: what its watch costs is not the buttons' doing.
    assert {request.method for request in stage.useapi.requests} == {"GET"}
    assert stage.looks(finished) == 1


async def test_a_server_that_is_not_listed_gets_an_empty_autocomplete_not_an_endless_one(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job())
    await stage.restart(allowed_guilds=frozenset({1}))
    before = len(stage.env.http_requests)
    assert await stage.mira.autocomplete(stage.channel, "job", "jobid", "") == []
    (answer,) = [request.json for request in stage.env.http_requests[before:] if request.path.endswith("/callback")]
    assert answer["data"] == {"choices": []}


async def test_a_listed_server_is_served_and_its_neighbour_is_not(stage: Stage) -> None:
    other = stage.env.create_guild("Elsewhere")
    channel = other.create_text_channel("general")
    eve = other.add_member(stage.env.create_user("Eve"))
    await stage.restart(allowed_guilds=frozenset({stage.guild.id}))
    assert (await stage.job(stage.mira, stage.useapi.add_job())).startswith("Watching")
    assert (await stage.job(eve, stage.useapi.add_job(), channel)).startswith("This server is not on this bot's list.")
    assert not stage.posts(channel)
