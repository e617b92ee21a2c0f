"""Jobs that mean harm, in their words, buttons and pictures: the post is safe, says what is missing, and `⋯` works."""

import itertools
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest

from bot.demo.useapi import FakeUseapi
from bot.models import Spoiler
from tests import sample_pictures as samples
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, words

SAMPLES = Path(__file__).parents[1] / "samples" / "field"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
LINK = "This is a link that expires within a day."
UNLISTED = "-# The picture is on a host that is not on this bot's allow-list."
UNFETCHED = f"-# The picture could not be fetched. {LINK}"

PROMPTS = {
    "everyone": "@everyone @here free pictures",
    "people": "<@1234567890123456789> <@!1> <@&2> <#3> @silent",
    "a code fence": "```ansi\n\x1b[31mred\x1b[0m\n``` `x` ``y``",
    "a masked link": "[free nitro](https://evil.example) <https://evil.example> https://evil.example discord.gg/evil",
    "a heading": "# big\n## bigger\n> quote\n>>> all\n- list\n1. one\n-# small",
    "spoilers": "||secret|| **bold** __under__ ~~strike~~ *it* _it_",
    "a custom emoji and a time": "<:evil:1234567890123456789> <t:0:R> </job:1>",
    "right to left": "\u202eevil\u202c \u2066x\u2069 \u200f",
    "nothing to see": "\u200b\u2060\u3164\u00ad",
    "5,000 characters": "@everyone " * 500,
    "5,000 brackets": "[" * 5000,
    "an endless word": "x" * 5000,
    "5,000 flags": "🇩🇪" * 2500,
    "Zalgo": "a" + "\u0301" * 4999,
    "backslashes": "\\" * 5000,
    "an escape that eats ours": "\\[x\\](https://evil.example)",
}


async def finished(harness: BotHarness, **overrides: object) -> discord.Message:
    """The post of a job that is over; its ⋯ works."""
    jobid = harness.useapi.add_job(age=600, **overrides)  # type: ignore[arg-type]  # a hostile one says anything
    assert await harness.job(harness.mira, jobid) == "This job has already finished. Posting it here."
    post = harness.last
    extras = await harness.press(harness.mira, post, "⋯")
    assert [label for row in labels(extras) for label in row][-2:] == ["Show job ID", "Delete this post"]
    await harness.wait(11)  # a member may ask six times a minute
    return post


async def pictured(harness: BotHarness, url: object) -> discord.Message:
    return await finished(harness, attachments=[{"url": url, "filename": "x.png"}], imageUx=[])


def is_harmless(message: discord.Message) -> None:
    assert not message.mentions
    assert not message.role_mentions
    assert not message.mention_everyone
    text = words(message)
    assert not re.search(
        r"@(everyone|here)|(?<!\\)<(@|#|:|/)|(?<!\\)\]\((?!https://discord\.com/channels/)|(?<!\\)```|[\u202a-\u202e\u2066-\u2069]",
        text,
    )
    assert not re.search(r"https?://evil|(?<!\\)\|\||\ndiscord\.gg/", text)


@only_long
async def test_no_prompt_comes_alive_on_status_card_or_result(harness: BotHarness) -> None:
    for prompt in PROMPTS.values():
        await harness.job(harness.newcomer(), harness.useapi.add_job(prompt=prompt, duration=30))
    status_cards = harness.posts()
    await harness.wait(90)
    results = harness.posts()
    assert len(status_cards) == len(results) == len(PROMPTS)
    assert all(result.attachments for result in results)
    for message in (*status_cards, *results):
        is_harmless(message)
    for choice in await harness.mira.autocomplete(harness.channel, "job", "jobid", ""):
        assert 1 <= len(choice["name"]) <= 100


async def test_a_name_that_means_harm_stays_a_name(harness: BotHarness) -> None:
    eve = harness.guild.add_member(harness.env.create_user("eve"), nick="@everyone [x](https://evil.example)")
    ltr = harness.guild.add_member(harness.env.create_user("rtl"), nick="\u202e**\u3164")
    jobid = harness.useapi.add_job(duration=30)
    await harness.job(ltr, jobid)
    assert harness.last.embeds[0].footer.text == "Notifying **"
    await harness.job(eve, harness.useapi.add_job(), harness.lounge)
    await harness.wait(1)
    is_harmless(harness.posts(harness.lounge)[0])
    await harness.wait(60)
    for message in (*harness.posts(), *harness.posts(harness.lounge)):
        is_harmless(message)


WRONG: list[object] = [None, True, -1, 1e308, "\x00\u202e@everyone", [], [[[]]], {"url": {}}, ["x"] * 3000]
FIELDS = ("content", "created", "updated", "seed", "embeds", "imageUx", "error", "children", "code", "attachments")


async def test_fields_of_the_wrong_kind_harm_nothing_else(harness: BotHarness) -> None:
    for value in WRONG:
        jobid = harness.useapi.add_job()
        sane = {"verb": "imagine", "status": "completed", "prompt": "@everyone", "buttons": ["U1"]}
        harness.useapi.set_answer(jobid, sane | dict.fromkeys(FIELDS, value))
        assert await harness.job(harness.mira, jobid) == "This job has already finished. Posting it here.", value
        assert labels(harness.last) == [["U1", "⋯"]]
        is_harmless(harness.last)
        await harness.wait(11)
    assert len(harness.posts()) == len(WRONG)


@only_long
async def test_a_job_that_does_not_say_what_it_is_is_shown_all_the_same(harness: BotHarness) -> None:
    for field, value in itertools.product(("verb", "status"), WRONG):
        jobid = harness.useapi.add_job()
        harness.useapi.set_answer(jobid, {"verb": "imagine", "status": "completed", field: value})
        assert re.match("Watching|This job has already finished", await harness.job(harness.mira, jobid)), value
        assert words(harness.last).startswith("**")
        is_harmless(harness.last)
        await harness.wait(11)
    assert len(harness.posts()) == 2 * len(WRONG)


async def test_an_answer_that_claims_the_id_of_another_job_changes_nothing_there(harness: BotHarness) -> None:
    victim = harness.useapi.add_job(duration=30)
    await harness.job(harness.mira, victim)
    harness.useapi.set_answer("liar", {"jobid": victim, "verb": "imagine", "status": "failed"})
    assert "an answer that I could not read" in await harness.job(harness.bo, "liar", harness.lounge)
    await harness.wait(60)
    assert harness.posts(harness.lounge) == []
    (result,) = harness.posts()
    assert result.attachments


async def test_the_picture_of_another_job_is_not_posted_as_this_ones(harness: BotHarness) -> None:
    castle = harness.useapi.add_job(prompt="a castle", duration=30)
    ship = harness.useapi.add_job(prompt="a ship", age=600)
    await harness.job(harness.mira, castle)
    mixed_up = {"jobid": ship, "verb": "imagine", "status": "completed", "prompt": "a ship"}
    harness.useapi.set_answer(castle, {**mixed_up, "attachments": [{"url": "https://cdn.discordapp.com/ship.png"}]})
    await harness.wait(60)
    assert len(harness.posts()) == 1, "the status card"
    harness.useapi.forget_answer(castle)
    await harness.wait(300)
    (result,) = harness.posts()
    assert "a castle" in words(result)
    assert result.attachments


async def test_an_answer_with_an_endless_id_is_kept_under_the_one_that_was_asked_for(harness: BotHarness) -> None:
    harness.useapi.set_answer("short", {"jobid": "j" * 250, "verb": "imagine", "status": "completed"})
    assert await harness.job(harness.bo, "short") == "This job has already finished. Posting it here."
    assert (await harness.job(harness.bo, "short")).startswith("It's already posted here")


@only_long
async def test_a_child_with_an_endless_id_is_no_child(harness: BotHarness) -> None:
    post = await finished(harness)
    harness.useapi.plan(jobid="j" * 250)
    await harness.press(harness.mira, post, "V1")
    await harness.wait(0.1)
    assert await harness.rows("SELECT state FROM submissions") == [("unconfirmed",)]
    await harness.wait(300)
    assert await harness.rows("SELECT state FROM submissions") == [("lost",)]
    assert len(harness.button_requests()) == 1


@only_long
async def test_a_job_from_the_edge_of_time_is_followed_like_any_other(harness: BotHarness) -> None:
    for time in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"):
        jobid = harness.useapi.add_job(duration=30, created=time)
        assert (await harness.job(harness.mira, jobid)).startswith("Watching"), time
        await harness.wait(60)
        assert harness.last.attachments, time


# --- buttons ----------------------------------------------------------------------------------------------------------


async def test_of_forty_buttons_twenty_four_fit_beside_the_extras(harness: BotHarness) -> None:
    post = await finished(harness, buttons=[f"Button {number}" for number in range(40)])
    rows = labels(post)
    assert [len(row) for row in rows] == [5, 5, 5, 5, 5]
    assert rows[-1][-1] == "⋯"
    await harness.press(harness.mira, await harness.press(harness.mira, post, "Button 23"), "Run it")
    assert [press["button"] for press in harness.button_requests()] == ["Button 23"]


async def test_a_label_of_two_hundred_characters_is_shown_in_part_and_pressed_whole(harness: BotHarness) -> None:
    long = "Zoom " * 40
    post = await finished(harness, buttons=["U1", long.strip()])
    label = labels(post)[1][0]
    assert (len(label), label[-1]) == (80, "…")
    await harness.press(harness.mira, await harness.press(harness.mira, post, label), "Run it")
    assert harness.button_requests()[0]["button"] == long.strip()


ODD: list[object] = [
    ["U1", "U1", "U1"],
    ["", " ", "\u200b", "\u3164"],
    ["🦄", "🏳️‍🌈", "🔄", "<:evil:1234567890123456789>"],
    ["@everyone", "<@1>", "**bold**", "\u202eevil"],
    [None, 7, {}, [], "V1"],
    ["x" * 300],
    ["⋯"],
    ["🔄", "🔄\ufe0f", "⬅", "⬅️"],
    "U1",
    {"U1": 1},
]


@only_long
async def test_odd_labels_make_a_post_with_working_extras(harness: BotHarness) -> None:
    for odd in ODD:
        jobid = harness.useapi.add_job(age=600)
        harness.useapi.set_answer(jobid, {"verb": "imagine", "status": "completed", "buttons": odd})
        await harness.job(harness.mira, jobid)
        flat = [label for row in labels(harness.last) for label in row]
        assert flat[-1] == "⋯", odd
        assert len(flat) == len(set(flat)) or odd == ["⋯"]
        assert all(label.strip(" \u3164") for label in flat), "nobody presses what nobody sees"
        extras = await harness.mira.click(harness.last, custom_id=custom_ids(harness.last)[-1])
        assert [label for row in labels(extras.response.message) for label in row][-2:] == [
            "Show job ID",
            "Delete this post",
        ]
        await harness.wait(11)
    assert len(harness.posts()) == len(ODD)


def custom_ids(post: discord.Message) -> list[str | None]:
    rows = [row for row in post.components if isinstance(row, discord.ActionRow)]
    return [button.custom_id for row in rows for button in row.children if isinstance(button, discord.Button)]


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def inside() -> AsyncIterator[FakeUseapi]:
    """A server of the bot's own network, which nobody outside may make it talk to."""
    async with FakeUseapi() as server:
        yield server


async def test_an_address_inside_the_bots_own_network_is_not_even_asked(
    harness: BotHarness, inside: FakeUseapi
) -> None:
    post = await pictured(harness, inside.serve_file("admin.png", PNG, content_type="image/png"))
    assert words(post).endswith(UNLISTED)
    assert not post.attachments
    assert post.embeds[0].image.url is None
    assert not inside.requests


async def test_a_host_that_is_not_listed_is_named_as_the_reason(harness: BotHarness) -> None:
    for url in (
        "http://169.254.169.254/latest/meta-data/",
        "https://[::1]/x.png",
        "https://evil.example/x.png",
        "http://cdn.discordapp.com/x.png",
        "https://cdn.discordapp.com@evil.example/x.png",
        "https://cdn.discordapp.com.evil.example/x.png",
        "https://2130706433/x.png",
    ):
        post = await pictured(harness, url)
        assert words(post).endswith(UNLISTED), url
        assert post.embeds[0].image.url is None


NO_ADDRESS = [None, "", 7, "file:///etc/passwd", "data:image/png;base64,AA", "javascript:alert(1)", "x" * 9000]


async def test_what_is_no_web_address_is_no_picture_and_the_post_says_so(harness: BotHarness) -> None:
    for url in NO_ADDRESS:
        jobid = harness.useapi.add_job(age=600)
        answer = {"verb": "imagine", "status": "completed", "prompt": "x", "buttons": ["U1"]}
        harness.useapi.set_answer(jobid, answer | {"attachments": [{"url": url}]})
        await harness.job(harness.mira, jobid)
        assert words(harness.last).endswith("-# useapi.net returned no picture for this job."), url
        assert labels(harness.last) == [["U1", "⋯"]]
        await harness.wait(11)
    assert len(harness.posts()) == len(NO_ADDRESS)


async def test_a_redirect_out_of_the_list_is_not_followed(harness: BotHarness, inside: FakeUseapi) -> None:
    target = inside.serve_file("admin.png", PNG, content_type="image/png")
    url = harness.useapi.serve_file("x.png", b"", content_type="image/png", status=302, headers={"Location": target})
    post = await pictured(harness, url)
    assert words(post).endswith(UNFETCHED)
    assert not post.attachments
    assert not inside.requests


NO_PICTURE = [
    (b"<!DOCTYPE html><h1>Just a moment...</h1>", "text/html", 200),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", 200),
    (b"", "image/png", 200),
    (b"\x89PN", "image/png", 200),
    (PNG, "image/png", 500),
    (PNG, "image/png", 206),
]


@only_long
async def test_what_is_no_picture_becomes_a_link_with_a_word_about_it(harness: BotHarness) -> None:
    for data, content_type, status in NO_PICTURE:
        url = harness.useapi.serve_file("x.png", data, content_type=content_type, status=status)
        post = await pictured(harness, url)
        assert words(post).endswith(UNFETCHED), (data, status)
        assert post.embeds[0].image.url == url
        assert not post.attachments


async def test_a_link_that_has_died_is_not_shown(harness: BotHarness) -> None:
    url = harness.useapi.serve_file(
        "x.png", b"This content is no longer available.", content_type="text/plain", status=404
    )
    post = await pictured(harness, url)
    assert words(post).endswith("-# The picture is no longer available: such links expire after a day.")
    assert post.embeds[0].image.url is None
    assert url not in harness.sent()


async def test_a_picture_under_a_false_name_is_attached_as_what_it_is(harness: BotHarness) -> None:
    url = harness.useapi.serve_file("x.exe", PNG, content_type="application/x-msdownload")
    (file,) = (await pictured(harness, url)).attachments
    assert file.filename.endswith(".png")
    assert harness.bytes_of(file) == PNG


async def test_a_body_that_is_larger_than_it_said_is_not_trusted(harness: BotHarness) -> None:
    url = harness.useapi.serve_file(
        "x.png", PNG * 3, content_type="image/png", headers={"Content-Length": str(len(PNG))}
    )
    assert words(await pictured(harness, url)).endswith(UNFETCHED)


async def test_a_body_that_is_shorter_than_it_said_is_no_picture(harness: BotHarness) -> None:
    url = harness.useapi.serve_file("x.png", PNG, content_type="image/png", headers={"Content-Length": "99999"})
    assert words(await pictured(harness, url)).endswith(UNFETCHED)


@only_long
async def test_a_broken_picture_that_is_too_large_is_shown_by_its_link(harness: BotHarness) -> None:
    """Whether its host says how large it is, or hides it."""
    data = PNG[:8] + bytes(2 << 20)
    await finished(harness)
    await harness.bot.store.servers.set_file_limit(harness.guild.id, 1 << 20)
    headers: tuple[dict[str, str | None], ...] = ({}, {"Content-Length": None})
    urls = [harness.useapi.serve_file("x.png", data, content_type="image/png", headers=each) for each in headers]
    for url in urls:
        await pictured(harness, url)
        await harness.wait(1)
        post = harness.last
        assert words(post).endswith(f"-# The picture is too large to attach. {LINK}")
        assert post.embeds[0].image.url == url
        assert not post.attachments


async def test_the_address_that_names_the_payer_is_never_shown(harness: BotHarness) -> None:
    url = harness.useapi.serve_file("x.png", b"", content_type="image/png", status=500)
    post = await finished(harness, attachments=[], imageUx=[{"id": "0", "url": url}])
    assert words(post).endswith("-# The picture could not be fetched.")
    assert url not in harness.sent()


@only_long
async def test_a_file_that_is_named_after_the_payer_is_never_linked(harness: BotHarness) -> None:
    await is_not_linked(harness, status=500)
    await is_not_linked(harness, refused=(403, 50013))
    await is_not_linked(harness, refused=(400, 50035), as_text=True)
    await harness.bot.store.servers.set_file_limit(harness.guild.id, 100_000)
    await is_not_linked(harness, samples.png(300, 300, noise=60, compress_level=0))  # posted smaller
    await is_not_linked(harness, PNG[:8] + bytes(200_000))  # broken
    await is_not_linked(harness, samples.moving_webp(64, 64, size=200_000))  # posted as a still
    await is_not_linked(harness, samples.FILM + bytes(200_000))  # a video
    await harness.bot.store.servers.change_settings(harness.guild.id, spoiler=Spoiler.ALWAYS)
    await is_not_linked(harness, status=500)


async def is_not_linked(
    harness: BotHarness,
    data: bytes = PNG,
    *,
    status: int = 200,
    refused: tuple[int, int] | None = None,
    as_text: bool = False,
) -> None:
    """A job with this picture is over; everybody sees its post, and who added it alone finds the picture's address."""
    sample = json.loads((SAMPLES / "mj_file_name_names_payer.json").read_text())["answers"][0]
    name = sample["attachments"][0]["filename"]
    url = harness.useapi.serve_file(name, data, content_type="image/png", status=status)
    url += "?ex=7fffffff&is=66de7a80&hm=0123456789abcdef"
    if refused is not None:
        harness.env.inject_error("POST", "/channels/*/messages", status=refused[0], code=refused[1], times=1)
    attachment = {**sample["attachments"][0], "url": url, "proxy_url": url}
    jobid = harness.useapi.add_job(age=600, prompt=sample["prompt"], attachments=[attachment])
    posts = len(harness.posts())
    await harness.job(harness.mira, jobid)
    await harness.wait(15)  # a member may ask six times a minute
    assert len(harness.posts()) == posts + 1
    assert name.partition("_")[0] not in harness.sent()
    if not as_text:
        assert words(harness.last).endswith("Whoever added this job finds it in full size under `⋯`.")
    assert "Full size" not in str(labels(await harness.press(harness.bo, harness.last, "⋯")))
    assert "Full size" in str(labels(await harness.press(harness.mira, harness.last, "⋯")))
