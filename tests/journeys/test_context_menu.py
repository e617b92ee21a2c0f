""" "Watch Midjourney job" in the menu of a message: finds ids wherever they stand, and knows our own posts."""

from typing import Any
from urllib.parse import quote

import discord
import pytest

from bot.models import ProviderName
from tests.journeys.conftest import BotHarness, either_provider, key_in, labels, words

MENU = "Watch Midjourney job"


async def menu(harness: BotHarness, who: Any, message: discord.Message) -> discord.Message:
    channel = harness.lounge if message.channel.id == harness.lounge.id else harness.channel
    return await harness._seen(await who.context_menu(channel, MENU, message))


@either_provider
async def test_an_id_in_any_text_is_followed_as_by_job(harness: BotHarness) -> None:
    jobid = harness.provider.add_job()
    said = await harness.bo.send(harness.channel, f"look: `{jobid}`, it will be nice, {jobid}")
    assert (await menu(harness, harness.mira, said)).content.startswith("Watching `#")
    await harness.wait(60)
    assert harness.last.attachments
    again = await menu(harness, harness.bo, said)
    assert again.content == "It's already posted here."
    assert labels(again) == [["Go to the picture", "Post again"]]


@pytest.mark.parametrize("provider", [ProviderName.MIDJOURNEY_PROXY], ids=[""])
async def test_a_number_is_an_id_only_where_it_is_a_word_of_its_own(harness: BotHarness) -> None:
    first, second = harness.proxy.add_job(age=600), harness.proxy.add_job(age=600)
    address = f"{harness.proxy.origin}/mj/task/{second}/fetch"
    other = f"<@{harness.bo.id}> https://x.example/{first}.png {first}7 x{first} 12"
    said = await harness.bo.send(harness.channel, f"{other} {second}. {address}")
    assert (await menu(harness, harness.mira, said)).content.startswith("This job has already finished")
    assert harness.polls(first) == 0
    said = await harness.bo.send(harness.channel, other)
    answer = (await menu(harness, harness.mira, said)).content
    assert answer == "I can't find a job id in this message. It looks like `1785744000123456`."


async def test_ids_in_links_embeds_and_file_names_are_found_too(harness: BotHarness) -> None:
    in_link, in_title, in_field, in_footer, in_name = [harness.useapi.add_job(age=600) for _ in range(5)]
    link = f"https://api.useapi.net/v2/jobs/?jobid={quote(in_link, safe='')}"
    embeds = [
        {"title": in_title, "fields": [{"name": "x", "value": in_field}]},
        {"footer": {"text": f"by {in_footer}!"}},
    ]
    files = [{"id": "1", "filename": in_name.replace(":", "_") + ".png", "size": 1, "url": "x", "proxy_url": "x"}]
    for text, kinds in ((link, {}), ("", {"embeds": embeds}), ("", {"attachments": files})):
        before = len(harness.posts())
        said = harness.env.backend.create_message(harness.channel.id, harness.bo.id, text, **kinds)
        message = next(post for post in harness.posts() if post.id == said.id)
        answer = await menu(harness, harness.bo, message)
        assert "This job has already finished" in answer.content
        await harness.wait(1)
        assert len(harness.posts()) - before == 1 + (3 if "embeds" in kinds else 1)
    assert harness.polls(in_name) == 1


async def test_of_many_ids_the_first_three_are_followed_and_each_has_its_line(harness: BotHarness) -> None:
    jobids = [harness.useapi.add_job(age=600), harness.useapi.add_job(), harness.useapi.add_job("info"), "x", "y"]
    unknown = jobids[0].replace("-bot:midjourney", "-bot:other")
    said = await harness.bo.send(harness.channel, " ".join([*jobids[:3], unknown]))
    answer = await menu(harness, harness.mira, said)
    over, running, private_one, more = answer.content.splitlines()
    assert over == "- This job has already finished. Posting it here."
    assert running.startswith("- Watching `#")
    assert private_one == "- One is about the account itself. `/job` with its id shows it to you alone."
    assert more == "These are the first 3 of 4. Use `/job` for the others."
    second = await harness.bo.send(harness.channel, f"{unknown} {jobids[0]}")
    lines = (await menu(harness, harness.mira, second)).content.splitlines()
    assert lines[0].startswith("- useapi.net has no job with this id.")
    assert lines[1].startswith("- It's already posted here. https://discord.com/channels/")


async def test_on_a_result_it_opens_the_extras_and_on_a_status_card_it_joins(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    by_menu, by_button = (
        await menu(harness, harness.mira, harness.last),
        await harness.press(harness.mira, harness.last, "⋯"),
    )
    assert words(by_menu) == words(by_button)
    assert labels(by_menu) == labels(by_button)
    await harness.job(harness.mira, harness.useapi.add_job(duration=600))
    assert (await menu(harness, harness.bo, harness.last)).content == "I'll mention you here when it's done."
    await harness.wait(6)
    assert harness.last.embeds[0].footer.text == "Notifying Mira and 1 other"


async def test_on_what_shows_a_picture_once_more_it_opens_the_menu_of_its_result(harness_with_cdn: BotHarness) -> None:
    harness = harness_with_cdn
    starboard = harness.lounge.id
    await harness.bot.store.servers.change_settings(harness.guild.id, starboard_channel=starboard, stars=1)
    await harness.job(harness.mira, harness.useapi.add_job(age=600, imageUx=[]))
    (post,) = harness.posts()
    by_button = await harness.press(harness.mira, post, "⋯")
    await harness.press(harness.mira, by_button, "Split into four")
    four = harness.last
    assert len(four.attachments) == 4
    by_menu = await menu(harness, harness.mira, four)
    assert (words(by_menu), labels(by_menu)) == (words(by_button), labels(by_button))
    bos = await menu(harness, harness.bo, four)
    assert "Show job ID" not in str(labels(bos))

    await harness.press(harness.bo, bos, "⭐ Star")
    (starred,) = harness.posts(harness.lounge)
    answer = await menu(harness, harness.bo, starred)
    assert answer.content == f"The menu of this picture is `⋯` below [its own post]({harness.jump(post)})."
    eve = harness.newcomer()
    harness.forbid(eve, "view_channel")
    hidden = (await menu(harness, eve, starred)).content
    assert hidden == "This picture's own post is in a channel that you can't view."

    await harness.press(harness.mira, by_button, "Delete this post")
    for message in (four, starred):
        deleted = (await menu(harness, harness.mira, message)).content
        assert deleted == f"This picture's own post was deleted. `/job #{key_in(words(by_button))}` posts it again."


async def test_a_message_without_an_id_is_answered_with_what_an_id_is(harness: BotHarness) -> None:
    said = await harness.bo.send(harness.channel, "what a day")
    assert (await menu(harness, harness.mira, said)).content.startswith("I can't find a job id in this message.")
    rows = [{"type": 1, "components": [{"type": 2, "style": 2, "label": "⋯", "custom_id": "dr:m:" + "a" * 24}]}]
    theirs = harness.env.backend.create_message(harness.channel.id, harness.bo.id, "not the bot's", components=rows)
    message = next(post for post in harness.posts() if post.id == theirs.id)
    assert (await menu(harness, harness.mira, message)).content.startswith("I can't find a job id in this message.")
    assert not harness.useapi.requests


async def test_where_nothing_may_be_posted_the_menu_says_so(harness: BotHarness) -> None:
    said = await harness.bo.send(harness.channel, harness.useapi.add_job())
    harness.forbid(None, "attach_files")
    assert (await menu(harness, harness.mira, said)).content.startswith(
        "I can't post here, because I lack Attach Files."
    )
