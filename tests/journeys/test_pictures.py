"""Pictures on their way into a channel: whatever they are and whatever they weigh, the result is posted."""

import asyncio
import re
from typing import Any

import discord
import pytest
from simcord.builders import ChannelHandle

from bot.messages import attachments
from bot.models.job import Spoiler
from tests import sample_pictures as samples
from tests.journeys.conftest import Stage, labels, words
from tests.sample_pictures import opened

CASTLE = "a castle in the fog, ink wash --ar 3:2"
MIB = 1024 * 1024
LIVES = "?ex=7fffffff&is=66de7a80&hm=0123456789abcdef"
"""What makes an address one of Discord's, good for a long time."""


def served(stage: Stage, name: str, data: bytes, **options: Any) -> str:
    return stage.useapi.serve_file(name, data, content_type="application/octet-stream", **options)


async def shown(stage: Stage, url: str, channel: Any = None, **job: Any) -> discord.Message:
    """The post of a job that is over, whose picture lies there."""
    options = {"prompt": CASTLE, "age": 600, "attachments": [{"url": url, "filename": "x.png"}], **job}
    await stage.job(stage.mira, stage.useapi.add_job(**options), channel)
    await stage.wait(11)  # a member may ask six times a minute
    return stage.posts(channel)[-1]


def size_of(stage: Stage, post: discord.Message) -> int:
    data = stage.bytes_of(post.attachments[0])
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


async def test_every_kind_of_picture_is_attached_untouched_and_shown_where_it_can_be(stage: Stage) -> None:
    for name, data, extension, in_embed in SOUND:
        post = await shown(stage, served(stage, name, data))
        (file,) = post.attachments
        assert re.fullmatch(rf"imagine-castle-in-the-fog-[a-z0-9]{{4,8}}\.{extension}", file.filename), name
        assert stage.bytes_of(file) == data
        assert post.embeds[0].image.url == (f"attachment://{file.filename}" if in_embed else None)
        assert file.description == "Four pictures made with Midjourney: a castle in the fog, ink wash"
        assert "-#" not in words(post), "there is nothing to excuse"


async def test_what_is_no_picture_ends_in_a_post_that_says_so(stage: Stage) -> None:
    short = {"Content-Length": "99999"}
    for data, headers in [*((data, None) for data in ODD), (samples.png(64, 64), short)]:
        post = await shown(stage, served(stage, "x.png", data, headers=headers))
        assert "-# The picture could not be fetched." in words(post)
        assert labels(post)[-1][-1] == "⋯"
        assert not post.attachments


async def test_a_body_longer_than_it_said_is_cut_or_refused_and_posted_all_the_same(stage: Stage) -> None:
    data = samples.png(64, 64)
    post = await shown(stage, served(stage, "x.png", data, headers={"Content-Length": str(len(data) - 50)}))
    cut = [stage.bytes_of(file) == data[:-50] for file in post.attachments]
    assert cut == [True] or "-# The picture could not be fetched." in words(post), "as the packets happen to come"
    assert labels(post)[-1][-1] == "⋯"


# --- sizes ------------------------------------------------------------------------------------------------------------


async def test_a_server_that_takes_more_gets_eleven_megabytes_whole(stage: Stage) -> None:
    """simcord's interactions tell of 25 MiB, as those of a boosted server may."""
    data = samples.png(64, 64) + bytes(11 * MIB)
    post = await shown(stage, served(stage, "x.png", data))
    assert size_of(stage, post) == len(data)


async def test_a_file_that_discord_finds_too_large_becomes_a_smaller_copy_and_the_next_one_at_once(
    stage: Stage,
) -> None:
    data = samples.png(700, 700, noise=60, compress_level=0)
    url = served(stage, "x.png", data) + LIVES
    stage.env.inject_error("POST", "/channels/*/messages", status=413, code=40005, times=1)
    post = await shown(stage, url)
    assert MIB // 4 < size_of(stage, post) <= MIB < len(data)
    assert post.attachments[0].filename.endswith(".webp")
    assert opened(stage.bytes_of(post.attachments[0]) or b"").size == (700, 700)
    why = "-# A smaller copy is shown, because the picture has 1.4 MB. Its full size is behind `⋯`."
    assert words(post).endswith(why)
    sent = len([call for call in stage.env.http_requests if call.method == "POST" and call.path.endswith("/messages")])
    assert words(await shown(stage, url)).endswith(why)
    calls = [call for call in stage.env.http_requests if call.method == "POST" and call.path.endswith("/messages")]
    assert len(calls) == sent + 1, "what was learnt is not learnt again"


async def test_what_moves_and_is_too_large_is_shown_still_with_the_way_to_it(stage: Stage) -> None:
    await shown(stage, served(stage, "x.webp", samples.webp(64, 64)))
    await stage.bot.store.set_file_limit(stage.guild.id, 100_000)
    url = served(stage, "x.webp", samples.moving_webp(64, 64, size=200_000)) + LIVES
    post = await shown(stage, url)
    assert getattr(opened(stage.bytes_of(post.attachments[0]) or b""), "n_frames", 1) == 1
    assert words(post).endswith(
        f"-# A still is shown, because the moving picture has 0.2 MB. [Moving picture]({url}), until <t:2147483647:f>."
    )
    film = served(stage, "x.mp4", samples.FILM + bytes(200_000)) + LIVES
    post = await shown(stage, film)
    assert not post.attachments
    assert words(post).endswith(f"-# The film is too large to attach. [Here it is]({film}), until <t:2147483647:f>.")
    broken = await shown(stage, served(stage, "x.png", HALF + bytes(200_000)))
    assert words(broken).endswith("-# The picture is too large to attach. This is a link, which ends within a day.")


# --- full size, and late ----------------------------------------------------------------------------------------------


async def test_a_single_picture_comes_in_full_size_from_midjourneys_own_host_which_is_never_named(
    stage: Stage,
) -> None:
    full, attached = samples.png(256, 256), samples.png(128, 128)
    small = {"url": served(stage, "x.png", attached), "width": 128, "height": 128}
    single = {"buttons": ["Upscale (Subtle)"], "button": "U1", "attachments": [small]}
    for data, status, seen in ((full, 200, full), (full, 403, attached), (samples.png(64, 64), 200, attached)):
        url = served(stage, "0_0.png", data, status=status)
        post = await shown(stage, "", **single, imageUx=[url])
        assert stage.bytes_of(post.attachments[0]) == seen
        assert url not in stage.sent()


async def test_a_picture_that_could_not_be_fetched_comes_into_its_post_within_ten_minutes(stage: Stage) -> None:
    stage.useapi.fail(503, times=5, path="/attachments/*")
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    (post,) = stage.posts()
    assert words(post).endswith(">.")
    assert not post.attachments
    await stage.wait(590)
    (post,) = stage.posts()
    assert words(post) == f"**Imagine**\n> {CASTLE}"
    assert post.embeds[0].image.url == f"attachment://{post.attachments[0].filename}"
    assert labels(post) == [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]


async def test_a_host_that_drips_one_byte_a_second_holds_nothing_up_for_longer_than_a_minute(stage: Stage) -> None:
    drop = 0.005  # seconds of the server's, for one of the bot's
    url = served(stage, "x.png", samples.png(64, 64), drip=drop, piece=1)

    async def a_minute_passes(fetch: int) -> None:
        await stage.useapi.wait_for_request(fetch, path="/files/*")
        for _ in range(60):
            await asyncio.sleep(drop)
            stage.env.backend.advance_clock(1)

    passing = asyncio.create_task(a_minute_passes(1))
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600, attachments=[{"url": url}]))
    await passing
    (post,) = stage.posts()
    assert "-# The picture could not be fetched." in words(post)
    assert labels(post)[-1][-1] == "⋯"
    passing = asyncio.create_task(a_minute_passes(2))  # it is tried again in the background
    await stage.wait(20)
    await passing
    assert stage.posts() == [post]


async def test_a_picture_that_cannot_be_had_is_left_alone_after_ten_minutes(stage: Stage) -> None:
    stage.useapi.fail(503, times=99, path="/attachments/*")
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    before = words(stage.last)
    await stage.wait(3600)
    tries = [request for request in stage.useapi.requests if request.path.startswith("/attachments/")]
    assert len(tries) == 8
    assert words(stage.last) == before
    assert not any(call.method == "PATCH" and call.path.startswith("/channels/") for call in stage.env.http_requests)


# --- spoilers ---------------------------------------------------------------------------------------------------------


def age_restricted(stage: Stage, channel_id: int) -> list[int]:
    """Mark a channel: simcord knows no age-restricted ones. The ids of the channels that the bot asks about."""
    request = stage.bot.http.request
    asked: list[int] = []

    async def marked(route: Any, **options: Any) -> Any:
        told = await request(route, **options)
        if route.method == "GET" and route.path == "/channels/{channel_id}":
            asked.append(route.channel_id)
            told = {**told, "nsfw": route.channel_id == channel_id}
        return told

    stage.bot.http.request = marked  # type: ignore[method-assign]  # simcord's end, not ours
    return asked


def is_hidden(post: discord.Message) -> bool:
    assert len(post.attachments) == 1
    spoiler = post.attachments[0].filename.startswith("SPOILER_")
    assert (post.embeds[0].image.url is None) is spoiler, "what an embed shows, Discord does not hide"
    return spoiler


async def test_a_server_may_have_every_picture_hidden_and_then_no_preview_is_seen_either(stage: Stage) -> None:
    await stage.bot.store.change_settings(stage.guild.id, spoiler=Spoiler.ALWAYS)
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, duration=120))
    await stage.wait(100)
    (card,) = stage.posts()
    assert "%" in words(card)
    assert not card.attachments
    await stage.wait(60)
    assert is_hidden(stage.last)
    assert words(stage.last).endswith(f"**Imagine**\n> {CASTLE}")
    post = await shown(stage, served(stage, "x.png", b""))
    assert post.embeds[0].image.url is None, "nor by its address"
    assert "-# The picture could not be fetched. [Here it is](http" in words(post)


async def test_pictures_are_hidden_but_where_only_adults_look(stage: Stage) -> None:
    await stage.bot.store.change_settings(stage.guild.id, spoiler=Spoiler.UNLESS_AGE_RESTRICTED)
    asked = age_restricted(stage, stage.lounge.id)
    thread = stage.env.backend.create_thread(stage.lounge.id, "sketches", stage.bo.id, broadcast=False)
    sketches = ChannelHandle(stage.env, stage.guild, thread)
    url = served(stage, "x.png", samples.png(64, 64))
    assert is_hidden(await shown(stage, url))
    assert not is_hidden(await shown(stage, url, stage.lounge))
    assert not is_hidden(await shown(stage, url, stage.lounge))
    assert not is_hidden(await shown(stage, url, sketches))
    assert asked == [stage.channel.id, stage.lounge.id, thread.id, stage.lounge.id]
    await stage.wait(600)
    stage.env.inject_error("GET", "/channels/*", status=500, times=None)
    assert is_hidden(await shown(stage, url, stage.lounge)), "nobody knows, so nobody sees"


# --- in four ----------------------------------------------------------------------------------------------------------


async def split(stage: Stage, post: discord.Message) -> str:
    return words(await stage.press(stage.mira, await stage.press(stage.mira, post, "⋯"), "Split in four"))


async def test_a_grid_is_split_into_four_files_that_answer_it_once(stage: Stage) -> None:
    data = samples.webp(64, 48)
    post = await shown(stage, served(stage, "x.webp", data), imageUx=[])
    assert await split(stage, post) == "I'll post the four pictures here."
    four = stage.last
    assert four.reference is not None
    assert four.reference.message_id == post.id
    assert re.fullmatch(r"-# castle in the fog · 1 to 4 of #\w{4,8}", four.content)
    assert not four.embeds
    whole = opened(data).convert("RGB")
    boxes = ((0, 0, 32, 24), (32, 0, 64, 24), (0, 24, 32, 48), (32, 24, 64, 48))
    for number, (file, box) in enumerate(zip(four.attachments, boxes, strict=True), start=1):
        assert re.fullmatch(rf"imagine-castle-in-the-fog-\w{{4,8}}-{number}\.png", file.filename)
        assert file.description == f"Picture {number} of four made with Midjourney: a castle in the fog, ink wash"
        assert opened(stage.bytes_of(file) or b"").tobytes() == whole.crop(box).tobytes()
    assert await split(stage, post) == f"They stand here already: {stage.jump(four)}"
    assert len(stage.posts()) == 2


async def test_four_that_were_deleted_by_hand_are_posted_again(stage: Stage) -> None:
    post = await shown(stage, served(stage, "x.webp", samples.webp(64, 48)), imageUx=[])
    await split(stage, post)
    stage.env.inject_error("GET", "/channels/*/messages/*", status=500, times=None)
    assert (await split(stage, post)).startswith("They stand here already"), "as far as anybody knows"
    stage.env.backend.faults.clear()
    await stage.mira.delete(stage.last)
    assert await split(stage, post) == "I'll post the four pictures here."
    assert len(stage.last.attachments) == 4
    assert (await split(stage, post)).startswith("They stand here already")
    assert len(stage.posts()) == 2


async def test_four_that_could_not_be_had_can_be_asked_for_again_and_then_the_excuse_goes(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600, imageUx=[]))
    (post,) = stage.posts()
    stage.useapi.fail(503, path="/attachments/*")
    await split(stage, post)
    assert stage.last.content == "-# castle in the fog · The picture could not be split just now."
    assert await split(stage, post) == "I'll post the four pictures here."
    assert len(stage.posts()) == 2
    assert len(stage.last.attachments) == 4


async def test_four_pictures_of_midjourneys_own_are_posted_where_it_tells_of_them(stage: Stage) -> None:
    pictures = [samples.png(32, 32 + number) for number in range(4)]
    urls = [served(stage, f"0_{number}.png", data) for number, data in enumerate(pictures)]
    await stage.bot.store.change_settings(stage.guild.id, spoiler=Spoiler.ALWAYS)
    post = await shown(stage, served(stage, "x.webp", samples.webp(64, 64)), imageUx=urls)
    await split(stage, post)
    assert [stage.bytes_of(file) for file in stage.last.attachments] == pictures
    assert all(file.filename.startswith("SPOILER_") for file in stage.last.attachments)
    assert not any(url in stage.sent() for url in urls)


async def test_four_files_are_together_no_more_than_one_request_may_be(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "REQUEST_LIMIT", 40_000)  # not 24 MiB, which would take its time
    large = [served(stage, "0.png", samples.png(100, 100, noise=60, compress_level=0)) for _ in range(4)]
    await split(stage, await shown(stage, served(stage, "x.webp", samples.webp(64, 64)), imageUx=large))
    assert len(stage.last.attachments) == 4
    assert sum(len(stage.bytes_of(file) or b"") for file in stage.last.attachments) <= 40_000


async def test_a_grid_that_cannot_be_split_ends_in_a_sentence(stage: Stage) -> None:
    for data, sentence in (
        (HALF, "The picture could not be split just now."),
        (samples.moving_webp(64, 64, size=20_000), "There are not four pictures in this one."),
    ):
        await split(stage, await shown(stage, served(stage, "x.png", data), imageUx=[]))
        assert stage.last.content == f"-# castle in the fog · {sentence}"
        await stage.wait(60)
