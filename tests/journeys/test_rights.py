"""Who may not: the sentence names the right that is missing, and nothing is promised, asked or spent."""

from typing import Any

import pytest
from simcord.builders import ChannelHandle

from tests.journeys.conftest import BotHarness, button, labels

HELP = "Someone who manages this channel can change that under Edit Channel, Permissions."
NOT_YOU = "You don't have permission to send messages here, so I won't post here for you either."


async def is_refused(harness: BotHarness, answer: str, sentence: str, channel: Any = None) -> None:
    """The sentence, no request, no post, and nothing that comes later."""
    assert answer == sentence
    assert not harness.useapi.requests
    await harness.wait(600)
    assert not harness.useapi.requests
    assert not harness.posts(channel)


def thread_of(harness: BotHarness) -> ChannelHandle:
    thread = harness.env.backend.create_thread(harness.channel.id, "sketches", harness.bo.id, broadcast=False)
    return ChannelHandle(harness.env, harness.guild, thread)


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
async def test_a_right_that_the_bot_lacks_is_named(harness: BotHarness, rights: list[str], named: str) -> None:
    jobid = harness.useapi.add_job()
    harness.forbid(None, *rights)
    answer = await harness.job(harness.bo, jobid)
    await is_refused(harness, answer, f"I can't post here, because I lack {named}. {HELP}")


async def test_who_may_not_write_here_cannot_make_the_bot_write_here(harness: BotHarness) -> None:
    harness.forbid(harness.bo, "send_messages")
    answer = await harness.job(harness.bo, harness.useapi.add_job())
    await is_refused(harness, answer, NOT_YOU)


async def test_in_a_thread_it_is_the_right_for_threads_that_counts(harness: BotHarness) -> None:
    thread = thread_of(harness)
    harness.forbid(None, "send_messages_in_threads")
    answer = await harness.job(harness.bo, harness.useapi.add_job(), thread)
    await is_refused(harness, answer, f"I can't post here, because I lack Send Messages in Threads. {HELP}", thread)
    harness.forbid(None)
    harness.forbid(harness.bo, "send_messages_in_threads")
    assert await harness.job(harness.bo, harness.useapi.add_job(), thread) == NOT_YOU


async def test_a_thread_needs_no_right_to_send_in_its_channel(harness: BotHarness) -> None:
    thread = thread_of(harness)
    harness.forbid(None, "send_messages")
    harness.forbid(harness.bo, "send_messages")
    assert (await harness.job(harness.bo, harness.useapi.add_job(), thread)).startswith("Watching")
    await harness.wait(60)
    assert len(harness.posts(thread)) == 1
    assert not harness.posts()


async def test_without_read_message_history_everything_works(harness: BotHarness) -> None:
    harness.forbid(None, "read_message_history")
    assert (await harness.job(harness.bo, harness.useapi.add_job())).startswith("Watching")
    await harness.wait(60)
    (result,) = harness.posts()
    assert result.attachments


async def test_a_status_card_can_be_joined_only_by_who_may_write_here(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=120))
    harness.forbid(harness.bo, "send_messages")
    assert (await harness.press(harness.bo, harness.last, "🔔 Notify me")).content == NOT_YOU
    harness.forbid(harness.bo)
    harness.forbid(None, "attach_files")
    assert (await harness.press(harness.bo, harness.last, "🔔 Notify me")).content.startswith("I can't post here")
    await harness.wait(200)
    assert str(harness.bo.id) not in harness.last.content


@pytest.mark.parametrize("who", ["the bot", "the presser"])
async def test_a_press_whose_child_could_not_be_posted_is_not_paid_for(harness: BotHarness, who: str) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    harness.forbid(None if who == "the bot" else harness.mira, "send_messages")
    answer = await harness.press(harness.mira, harness.last, "V1")
    assert answer.content == (
        NOT_YOU if who == "the presser" else f"I can't post here, because I lack Send Messages. {HELP}"
    )
    assert not harness.button_requests()


async def test_only_moderators_press_what_costs_and_everyone_else_learns_why(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(age=600))
    answer = await harness.press(harness.bo, harness.last, "V1")
    assert answer.content == "Only moderators can use this button: it uses GPU time."
    assert not harness.button_requests()


async def test_who_did_not_ask_for_a_job_gets_neither_its_id_nor_its_deletion(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(age=600)
    await harness.job(harness.mira, jobid)
    (post,) = harness.posts()
    assert labels(await harness.press(harness.bo, post, "⋯")) == [["Related", "Prompt", "Seed", "Split into four"]]
    nonce = str(button(post, "⋯").custom_id).rpartition(":")[2]
    for code in ("c", "d"):
        answer = await harness.press(harness.bo, harness.forge(f"dr:{code}:{nonce}"), "Forged")
        assert answer.content.startswith("Only whoever added this job and moderators can ")
        assert jobid not in answer.content
    assert harness.posts()[0].id == post.id


# --- a server that is not on the list ---------------------------------------------------------------------------------


def line_for(harness: BotHarness) -> str:
    return (
        "This server is not on this bot's list. The bot's owner can add it: put "
        f"`{harness.guild.id}` after `ALLOWED_GUILDS=` in the file `.env`, separated from the others by commas, and "
        "restart the bot."
    )


async def test_a_server_that_is_not_listed_learns_the_line_to_add(harness: BotHarness) -> None:
    await harness.restart(allowed_guilds=frozenset({1}))
    await is_refused(harness, await harness.job(harness.mira, harness.useapi.add_job()), line_for(harness))


async def test_a_server_that_was_taken_off_the_list_can_spend_nothing_with_its_old_buttons(harness: BotHarness) -> None:
    finished = harness.useapi.add_job(age=600)
    await harness.job(harness.mira, finished)
    await harness.job(harness.mira, harness.useapi.add_job(duration=9000))
    post, status_card = harness.posts()
    await harness.restart(allowed_guilds=frozenset({1}))
    for message, label in ((post, "V1"), (post, "⋯"), (status_card, "Stop"), (status_card, "🔔 Notify me")):
        assert (await harness.press(harness.mira, message, label)).content == line_for(harness)
    assert (await harness.press(harness.mira, harness.forge("old:button"), "Forged")).content == line_for(harness)
    # The job that runs is still looked at, and by chance at once: what its watch costs is not the buttons' doing.
    assert {request.method for request in harness.useapi.requests} == {"GET"}
    assert harness.polls(finished) == 1


async def test_a_server_that_is_not_listed_gets_an_empty_autocomplete_not_an_endless_one(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job())
    await harness.restart(allowed_guilds=frozenset({1}))
    before = len(harness.env.http_requests)
    assert await harness.mira.autocomplete(harness.channel, "job", "jobid", "") == []
    (answer,) = [request.json for request in harness.env.http_requests[before:] if request.path.endswith("/callback")]
    assert answer["data"] == {"choices": []}


async def test_a_listed_server_is_served_and_its_neighbour_is_not(harness: BotHarness) -> None:
    other = harness.env.create_guild("Elsewhere")
    channel = other.create_text_channel("general")
    eve = other.add_member(harness.env.create_user("Eve"))
    await harness.restart(allowed_guilds=frozenset({harness.guild.id}))
    assert (await harness.job(harness.mira, harness.useapi.add_job())).startswith("Watching")
    assert (await harness.job(eve, harness.useapi.add_job(), channel)).startswith(
        "This server is not on this bot's list."
    )
    assert not harness.posts(channel)
