"""Pictures on their way into a channel: whatever they are and whatever they weigh, the result is posted."""

import asyncio
import re
from typing import Any

import discord
import pytest
from simcord.builders import ChannelHandle

from bot.messages import attachments
from bot.models import Spoiler
from tests import sample_pictures as samples
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, words
from tests.sample_pictures import opened

CASTLE = "a castle in the fog, ink wash --ar 3:2"
MIB = 1024 * 1024
LIVES = "?ex=7fffffff&is=66de7a80&hm=0123456789abcdef"
"""What makes an address one of Discord's, good for a long time."""
PRIVATE_LINK = "Whoever added this job finds it in full size under `⋯`."


def served(harness: BotHarness, name: str, data: bytes, **options: Any) -> str:
    return harness.useapi.serve_file(name, data, content_type="application/octet-stream", **options)


async def posted(harness: BotHarness, url: str, channel: Any = None, **job: Any) -> discord.Message:
    """The post of a job that is over, whose picture lies there."""
    options = {"prompt": CASTLE, "age": 600, "attachments": [{"url": url, "filename": "x.png"}], **job}
    await harness.job(harness.mira, harness.useapi.add_job(**options), channel)
    await harness.wait(11)  # a member may ask six times a minute
    return harness.posts(channel)[-1]


def size_of(harness: BotHarness, post: discord.Message) -> int:
    data = harness.bytes_of(post.attachments[0])
    assert data is not None
    return len(data)


# --- kinds ------------------------------------------------------------------------------------------------------------

HALF = samples.png(64, 64, noise=60)[:900]
SOUND = [
    ("grid.webp", samples.webp(256, 256), "webp", True),
    ("single.png", samples.png(128, 128), "png", True),
    ("pan.webp", samples.webp(336, 224), "webp", True),
    ("moving.webp", samples.moving_webp(64, 64, size=20_000), "webp", True),
    ("film.mp4", samples.FILM, "mp4", False),
    ("gif.png", samples.gif(32, 32, frames=3), "gif", True),  # under a false name
    ("dot.png", samples.png(1, 1), "png", True),
    ("bomb.png", samples.bomb(20_000, 20_000), "png", True),  # nobody here decodes what fits
    ("half.png", HALF, "png", True),
]
ODD = [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html><title>Sorry</title>"]


async def test_every_kind_of_picture_is_attached_untouched_and_shown_where_it_can_be(harness: BotHarness) -> None:
    for name, data, extension, in_embed in SOUND:
        post = await posted(harness, served(harness, name, data))
        (file,) = post.attachments
        assert re.fullmatch(rf"imagine-castle-in-the-fog-[a-z0-9]{{4,8}}\.{extension}", file.filename), name
        assert harness.bytes_of(file) == data
        assert post.embeds[0].image.url == (f"attachment://{file.filename}" if in_embed else None)
        assert file.description == "Four pictures made with Midjourney: a castle in the fog, ink wash"
        assert "-#" not in words(post), "there is nothing to excuse"


async def test_what_is_no_picture_ends_in_a_post_that_says_so(harness: BotHarness) -> None:
    short = {"Content-Length": "99999"}
    for data, headers in [*((data, None) for data in ODD), (samples.png(64, 64), short)]:
        post = await posted(harness, served(harness, "x.png", data, headers=headers))
        assert "-# The picture could not be fetched." in words(post)
        assert labels(post)[-1][-1] == "⋯"
        assert not post.attachments


async def test_a_body_longer_than_it_said_is_cut_or_refused_and_posted_all_the_same(harness: BotHarness) -> None:
    """As the packets come: with the headers it is no HTTP, but behind them it ends where it said that it would."""
    data = samples.png(64, 64)
    headers = {"Content-Length": str(len(data) - 50)}
    together = await posted(harness, served(harness, "x.png", data, headers=headers))
    assert "-# The picture could not be fetched." in words(together)
    behind = await posted(harness, served(harness, "x.png", data, headers=headers, drip=0.01, piece=len(data)))
    assert [harness.bytes_of(file) for file in behind.attachments] == [data[:-50]]
    assert labels(together)[-1][-1] == labels(behind)[-1][-1] == "⋯"


# --- sizes ------------------------------------------------------------------------------------------------------------


@only_long
async def test_a_server_that_takes_more_gets_eleven_megabytes_whole(harness: BotHarness) -> None:
    harness.upload_limits.level = 2
    data = samples.png(64, 64) + bytes(11 * MIB)
    post = await posted(harness, served(harness, "x.png", data))
    assert size_of(harness, post) == len(data)


async def test_nitro_of_a_member_raises_no_limit_of_the_server(harness: BotHarness) -> None:
    """Discord names the larger one of the two, and the bot has no Nitro."""
    harness.upload_limits.nitro = {harness.mira.id}
    url = served(harness, "x.png", samples.png(64, 64) + bytes(11 * MIB))
    for who in (harness.mira, harness.bo, harness.mira):
        jobid = harness.useapi.add_job(age=600, attachments=[{"url": url, "filename": "x.png"}])
        await harness.job(who, jobid)
        assert size_of(harness, harness.last) < 10 * MIB
        assert "This is a smaller copy" in words(harness.last)
    servers = [call for call in harness.env.http_requests if call.path == f"/guilds/{harness.guild.id}"]
    assert len(servers) == 1, "asked for once in an hour"


@only_long
async def test_a_file_that_discord_finds_too_large_becomes_a_smaller_copy_and_the_next_one_at_once(
    harness: BotHarness,
) -> None:
    data = samples.png(700, 700, noise=60, compress_level=0)
    url = served(harness, "x.png", data) + LIVES
    harness.env.inject_error("POST", "/channels/*/messages", status=413, code=40005, times=1)
    post = await posted(harness, url)
    assert MIB // 4 < size_of(harness, post) <= MIB < len(data)
    assert post.attachments[0].filename.endswith(".webp")
    assert opened(harness.bytes_of(post.attachments[0]) or b"").size == (700, 700)
    why = "-# This is a smaller copy: the picture is too large to attach (1.4 MB). Press `⋯` for full size."
    assert words(post).endswith(why)
    sent = len(
        [call for call in harness.env.http_requests if call.method == "POST" and call.path.endswith("/messages")]
    )
    assert words(await posted(harness, url)).endswith(why)
    calls = [call for call in harness.env.http_requests if call.method == "POST" and call.path.endswith("/messages")]
    assert len(calls) == sent + 1, "what was learnt is not learnt again"


@only_long
async def test_what_moves_and_is_too_large_is_shown_still_with_the_way_to_it(harness: BotHarness) -> None:
    await posted(harness, served(harness, "x.webp", samples.webp(64, 64)))
    await harness.bot.store.servers.set_file_limit(harness.guild.id, 100_000)
    url = served(harness, "x.webp", samples.moving_webp(64, 64, size=200_000)) + LIVES
    post = await posted(harness, url)
    assert getattr(opened(harness.bytes_of(post.attachments[0]) or b""), "n_frames", 1) == 1
    assert words(post).endswith(
        "-# This is a still: the video is too large to attach (0.2 MB). "
        f"[Watch the video]({url}) (works until <t:2147483647:f>)."
    )
    film = served(harness, "x.mp4", samples.FILM + bytes(200_000)) + LIVES
    post = await posted(harness, film)
    assert not post.attachments
    assert words(post).endswith(
        f"-# The video is too large to attach. [Open it]({film}) (works until <t:2147483647:f>)."
    )
    violations = await posted(harness, served(harness, "x.png", HALF + bytes(200_000)))
    assert words(violations).endswith(
        "-# The picture is too large to attach. This is a link that expires within a day."
    )


# --- full size, and late ----------------------------------------------------------------------------------------------


async def test_a_single_picture_comes_in_full_size_from_midjourneys_own_host_which_is_never_named(
    harness: BotHarness,
) -> None:
    full, attached = samples.png(256, 256), samples.png(128, 128)
    small = {"url": served(harness, "x.png", attached), "width": 128, "height": 128}
    single = {"buttons": ["Upscale (Subtle)"], "button": "U1", "attachments": [small]}
    for data, status, seen in ((full, 200, full), (full, 403, attached), (samples.png(64, 64), 200, attached)):
        url = served(harness, "0_0.png", data, status=status)
        post = await posted(harness, "", **single, imageUx=[url])
        assert harness.bytes_of(post.attachments[0]) == seen
        assert url not in harness.sent()


async def test_a_picture_that_could_not_be_fetched_comes_into_its_post_within_ten_minutes(harness: BotHarness) -> None:
    harness.useapi.fail(503, times=5, path="/attachments/*")
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    (post,) = harness.posts()
    assert words(post).endswith("-# The picture could not be fetched. " + PRIVATE_LINK)
    assert not post.attachments
    await harness.wait(590)
    (post,) = harness.posts()
    assert words(post) == f"**Imagine**\n> {CASTLE}"
    assert post.embeds[0].image.url == f"attachment://{post.attachments[0].filename}"
    assert labels(post) == [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]


@only_long
async def test_a_host_that_drips_one_byte_a_second_delays_nothing_for_longer_than_a_minute(
    harness: BotHarness,
) -> None:
    drop = 0.005  # seconds of the server's, for one of the bot's
    url = served(harness, "x.png", samples.png(64, 64), drip=drop, piece=1)

    async def a_minute_passes(fetch: int) -> None:
        await harness.useapi.wait_for_request(fetch, path="/files/*")
        for _ in range(60):
            await asyncio.sleep(drop)
            harness.env.backend.advance_clock(1)

    passing = asyncio.create_task(a_minute_passes(1))
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600, attachments=[{"url": url}]))
    await passing
    (post,) = harness.posts()
    assert "-# The picture could not be fetched." in words(post)
    assert labels(post)[-1][-1] == "⋯"
    passing = asyncio.create_task(a_minute_passes(2))  # it is tried again in the background
    await harness.wait(20)
    await passing
    assert harness.posts() == [post]


@only_long
async def test_a_picture_that_cannot_be_had_is_left_alone_after_ten_minutes(harness: BotHarness) -> None:
    harness.useapi.fail(503, times=99, path="/attachments/*")
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    before = words(harness.last)
    await harness.wait(3600)
    tries = [request for request in harness.useapi.requests if request.path.startswith("/attachments/")]
    assert len(tries) == 8
    assert words(harness.last) == before
    assert not any(call.method == "PATCH" and call.path.startswith("/channels/") for call in harness.env.http_requests)


# --- spoilers ---------------------------------------------------------------------------------------------------------


def age_restricted(harness: BotHarness, *ids: int) -> list[int]:
    """Mark channels and servers: simcord knows no age-restricted ones. The ids of those that the bot asks about."""
    request = harness.bot.http.request
    requested: list[int] = []

    async def marked(route: Any, **options: Any) -> Any:
        answer = await request(route, **options)
        if route.method == "GET" and route.path == "/channels/{channel_id}":
            requested.append(route.channel_id)
            answer = {**answer, "nsfw": route.channel_id in ids}
        if route.method == "GET" and route.path == "/guilds/{guild_id}":
            requested.append(route.guild_id)
            answer = {**answer, "nsfw_level": 3 if route.guild_id in ids else 0}
        return answer

    harness.bot.http.request = marked  # type: ignore[method-assign]  # simcord's end, not ours
    return requested


def is_hidden(post: discord.Message) -> bool:
    assert len(post.attachments) == 1
    spoiler = post.attachments[0].filename.startswith("SPOILER_")
    assert (post.embeds[0].image.url is None) is spoiler, "what an embed shows, Discord does not hide"
    return spoiler


async def test_a_server_may_have_every_picture_hidden_and_then_no_preview_is_seen_either(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, spoiler=Spoiler.ALWAYS)
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, duration=120))
    await harness.wait(100)
    (status_card,) = harness.posts()
    assert "%" in words(status_card)
    assert not status_card.attachments
    await harness.wait(60)
    assert is_hidden(harness.last)
    assert words(harness.last).endswith(f"**Imagine**\n> {CASTLE}")
    post = await posted(harness, served(harness, "x.png", b""))
    assert post.embeds[0].image.url is None, "nor by its address"
    assert "-# The picture could not be fetched. [Open it](http" in words(post)


async def test_pictures_are_hidden_except_in_age_restricted_channels(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, spoiler=Spoiler.UNLESS_AGE_RESTRICTED)
    requested = age_restricted(harness, harness.lounge.id)
    thread = harness.env.backend.create_thread(harness.lounge.id, "sketches", harness.bo.id, broadcast=False)
    sketches = ChannelHandle(harness.env, harness.guild, thread)
    url = served(harness, "x.png", samples.png(64, 64))
    assert is_hidden(await posted(harness, url))
    assert not is_hidden(await posted(harness, url, harness.lounge))
    assert not is_hidden(await posted(harness, url, harness.lounge))
    assert not is_hidden(await posted(harness, url, sketches))
    assert requested == [harness.channel.id, harness.guild.id, harness.lounge.id, thread.id, harness.lounge.id]
    await harness.wait(600)
    harness.env.inject_error("GET", "/channels/*", status=500, times=None)
    assert is_hidden(await posted(harness, url, harness.lounge)), "nobody knows, so nobody sees"


async def test_pictures_are_open_in_every_channel_of_an_age_restricted_server(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, spoiler=Spoiler.UNLESS_AGE_RESTRICTED)
    age_restricted(harness, harness.guild.id)
    assert not is_hidden(await posted(harness, served(harness, "x.png", samples.png(64, 64))))


# --- in four ----------------------------------------------------------------------------------------------------------


async def split(harness: BotHarness, post: discord.Message) -> str:
    return words(await harness.press(harness.mira, await harness.press(harness.mira, post, "⋯"), "Split into four"))


async def test_a_grid_is_split_into_four_files_that_answer_it_once(harness: BotHarness) -> None:
    data = samples.webp(64, 48)
    post = await posted(harness, served(harness, "x.webp", data), imageUx=[])
    assert await split(harness, post) == "I'll post the four pictures here."
    four = harness.last
    assert four.reference is not None
    assert four.reference.message_id == post.id
    assert re.fullmatch(r"-# castle in the fog · 1 to 4 of #\w{4,8}", four.content)
    assert not four.embeds
    whole = opened(data).convert("RGB")
    boxes = ((0, 0, 32, 24), (32, 0, 64, 24), (0, 24, 32, 48), (32, 24, 64, 48))
    for number, (file, box) in enumerate(zip(four.attachments, boxes, strict=True), start=1):
        assert re.fullmatch(rf"imagine-castle-in-the-fog-\w{{4,8}}-{number}\.png", file.filename)
        assert file.description == f"Picture {number} of four made with Midjourney: a castle in the fog, ink wash"
        assert opened(harness.bytes_of(file) or b"").tobytes() == whole.crop(box).tobytes()
    assert await split(harness, post) == f"The four pictures are already posted: [see them here]({harness.jump(four)})"
    harness.forbid(None, "read_message_history")
    assert await split(harness, post) == (
        f"The four pictures were posted before: [see them here]({harness.jump(four)}). If they were deleted, I can't "
        "post them again, because I lack Read Message History here. Someone who manages this channel can change that "
        "under Edit Channel, Permissions."
    )
    assert len(harness.posts()) == 2


@only_long
async def test_four_that_were_deleted_by_hand_are_posted_again(harness: BotHarness) -> None:
    post = await posted(harness, served(harness, "x.webp", samples.webp(64, 48)), imageUx=[])
    await split(harness, post)
    harness.env.inject_error("GET", "/channels/*/messages/*", status=500, times=None)
    assert (await split(harness, post)).startswith("The four pictures are already posted"), "as far as anybody knows"
    harness.env.backend.faults.clear()
    await harness.mira.delete(harness.last)
    assert await split(harness, post) == "I'll post the four pictures here."
    assert len(harness.last.attachments) == 4
    assert (await split(harness, post)).startswith("The four pictures are already posted")
    assert len(harness.posts()) == 2


@only_long
async def test_four_that_could_not_be_had_can_be_asked_for_again_and_then_the_excuse_goes(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600, imageUx=[]))
    (post,) = harness.posts()
    harness.useapi.fail(503, path="/attachments/*")
    await split(harness, post)
    assert harness.last.content == "-# castle in the fog · The picture could not be split right now."
    assert await split(harness, post) == "I'll post the four pictures here."
    assert len(harness.posts()) == 2
    assert len(harness.last.attachments) == 4


async def test_four_that_are_late_come_by_themselves_and_those_that_never_come_leave_the_excuse(
    harness: BotHarness,
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600, imageUx=[]))
    (post,) = harness.posts()
    harness.useapi.fail(503, times=3, path="/attachments/*")
    await split(harness, post)
    excuse = harness.last
    await harness.wait(16)
    assert harness.last.content == excuse.content == "-# castle in the fog · The picture could not be split right now."
    await harness.restart()
    await harness.wait(60)
    assert re.fullmatch(r"-# castle in the fog · 1 to 4 of #\w{4,8}", harness.last.content)
    assert len(harness.last.attachments) == 4
    assert harness.last.id == excuse.id
    await harness.mira.delete(harness.last)
    harness.useapi.fail(503, times=99, path="/attachments/*")
    await split(harness, post)
    await harness.wait(700)
    before = len(harness.useapi.requests)
    await harness.wait(700)
    assert len(harness.useapi.requests) == before
    assert harness.last.content == excuse.content


async def test_four_full_size_pictures_are_posted_where_midjourney_links_them(harness: BotHarness) -> None:
    pictures = [samples.png(32, 32 + number) for number in range(4)]
    urls = [served(harness, f"0_{number}.png", data) for number, data in enumerate(pictures)]
    await harness.bot.store.servers.change_settings(harness.guild.id, spoiler=Spoiler.ALWAYS)
    post = await posted(harness, served(harness, "x.webp", samples.webp(64, 64)), imageUx=urls)
    await split(harness, post)
    assert [harness.bytes_of(file) for file in harness.last.attachments] == pictures
    assert all(file.filename.startswith("SPOILER_") for file in harness.last.attachments)
    assert not any(url in harness.sent() for url in urls)


@only_long
async def test_four_files_are_together_no_more_than_one_request_may_be(
    harness: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "REQUEST_LIMIT", 40_000)  # not 24 MiB, which would take its time
    large = [served(harness, "0.png", samples.png(100, 100, noise=60, compress_level=0)) for _ in range(4)]
    await split(harness, await posted(harness, served(harness, "x.webp", samples.webp(64, 64)), imageUx=large))
    assert len(harness.last.attachments) == 4
    assert sum(len(harness.bytes_of(file) or b"") for file in harness.last.attachments) <= 40_000


@only_long
async def test_a_grid_that_cannot_be_split_ends_in_a_sentence(harness: BotHarness) -> None:
    for data, sentence in (
        (HALF, "The picture could not be split right now."),
        (samples.moving_webp(64, 64, size=20_000), "This is not a grid of four pictures."),
    ):
        await split(harness, await posted(harness, served(harness, "x.png", data), imageUx=[]))
        assert harness.last.content == f"-# castle in the fog · {sentence}"
        await harness.wait(60)
