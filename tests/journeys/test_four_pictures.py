"""Four pictures that come without a grid: shown as one, kept as four."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
from PIL import Image

from bot.demo.midjourney_proxy import FakeMidjourneyProxy
from bot.settings import Secret
from tests import sample_pictures as samples
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, words
from tests.sample_pictures import opened, similar

CASTLE = "a castle in the fog, ink wash --v 7.0"
CAPTION = f"**Imagine**\n> {CASTLE}"
ALT_TEXT = "Four pictures made with Midjourney: a castle in the fog, ink wash"
NO_GRID: dict[str, Any] = {"imageUrl": None, "url": None}


@pytest.fixture
async def proxy(harness: BotHarness) -> AsyncIterator[FakeMidjourneyProxy]:
    """A server whose tasks have four pictures."""
    async with FakeMidjourneyProxy(now=harness.now, refresh=0, grid_size=128, four_pictures=True) as fake:
        await harness.restart(
            mj_proxy_url=Secret(fake.url),
            mj_proxy_secret=Secret("demo-token"),
            mj_proxy_auth="authorization",
            image_hosts=(harness.useapi.origin, fake.origin),
        )
        yield fake


async def originals(proxy: FakeMidjourneyProxy, jobid: str) -> list[bytes]:
    """The four files of a task."""
    async with aiohttp.ClientSession(headers={"Authorization": "demo-token"}) as session:
        async with session.get(f"{proxy.url}/mj/task/{jobid}/fetch") as answer:
            urls = [each["url"] for each in (await answer.json())["imageUrls"]]
        files = []
        for url in urls:
            async with session.get(url) as answer:
                files.append(await answer.read())
        return files


def picture_of(harness: BotHarness, post: discord.Message) -> Image.Image:
    """The one picture of a post."""
    (file,) = post.attachments
    assert file.description == ALT_TEXT
    assert post.embeds[0].image.url == f"attachment://{file.filename}"
    return opened(harness.bytes_of(file) or b"").convert("RGB")


def quarters(grid: Image.Image) -> list[Image.Image]:
    x, y = grid.width // 2, grid.height // 2
    boxes = ((0, 0, x, y), (x, 0, 2 * x, y), (0, y, x, 2 * y), (x, y, 2 * x, 2 * y))
    return [grid.crop(box) for box in boxes]


def same(one: Image.Image, data: bytes) -> bool:
    return similar(one, opened(data).convert("RGB"))


async def test_four_pictures_are_shown_as_a_grid_and_split_as_they_came(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    jobid = proxy.add_job(prompt=CASTLE, age=600, **NO_GRID)
    files = await originals(proxy, jobid)
    await harness.job(harness.mira, jobid)
    (post,) = harness.posts()
    assert words(post) == CAPTION
    assert labels(post) == [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]
    assert all(map(same, quarters(picture_of(harness, post)), files))

    await harness.press(harness.mira, await harness.press(harness.mira, post, "⋯"), "Split into four")
    assert [harness.bytes_of(file) for file in harness.last.attachments] == files
    assert [file.description for file in harness.last.attachments] == [
        f"Picture {number} of four made with Midjourney: a castle in the fog, ink wash" for number in range(1, 5)
    ]
    assert proxy.origin not in harness.sent()


@only_long
async def test_a_picture_that_comes_late_leaves_its_quarter_empty_until_then(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    jobid = proxy.add_job(prompt=CASTLE, age=600, **NO_GRID)
    files = await originals(proxy, jobid)
    proxy.fail(503, times=2, path="/*/0_2.jpeg")
    await harness.job(harness.mira, jobid)
    (post,) = harness.posts()
    assert words(post) == f"{CAPTION}\n\n-# Picture 3 of four could not be fetched."
    grid = quarters(picture_of(harness, post))
    assert [same(quarter, data) for quarter, data in zip(grid, files, strict=True)] == [True, True, False, True]
    await harness.wait(60)
    (post,) = harness.posts()
    assert words(post) == CAPTION
    assert all(map(same, quarters(picture_of(harness, post)), files))


async def test_a_picture_that_never_comes_does_not_take_the_others_along(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    proxy.fail(503, times=99, path="/*/0_1.jpeg")
    proxy.fail(404, times=99, path="/*/0_3.jpeg")
    await harness.job(harness.mira, proxy.add_job(prompt=CASTLE, age=600, **NO_GRID))
    await harness.wait(700)
    (post,) = harness.posts()
    assert words(post) == f"{CAPTION}\n\n-# Pictures 2 and 4 of four could not be fetched."
    assert picture_of(harness, post).size == (128, 128)
    await harness.press(harness.mira, await harness.press(harness.mira, post, "⋯"), "Split into four")
    assert harness.last.content == "-# castle in the fog · The picture could not be split right now."


@only_long
async def test_a_grid_on_an_unlisted_host_is_replaced_by_its_pictures_on_a_listed_one(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    elsewhere = "https://mjcdn.example/3dbbd469/grid.webp"
    jobid = proxy.add_job(prompt=CASTLE, age=600, imageUrl=elsewhere, url=None)
    await harness.job(harness.mira, jobid)
    (post,) = harness.posts()
    assert words(post) == CAPTION
    assert all(map(same, quarters(picture_of(harness, post)), await originals(proxy, jobid)))
    await harness.restart(image_hosts=(harness.useapi.origin,))
    await harness.job(harness.mira, proxy.add_job(prompt=CASTLE, age=600, **NO_GRID))
    assert words(harness.last) == f"{CAPTION}\n\n-# The picture is on a host that is not on this bot's allow-list."
    assert not harness.last.attachments


# --- from any provider ------------------------------------------------------------------------------------------------


def served(harness: BotHarness, *files: bytes) -> dict[str, Any]:
    """The options of a job with these files and no grid."""
    urls = [
        harness.useapi.serve_file(f"0_{number}.png", data, content_type="image/png")
        for number, data in enumerate(files)
    ]
    return {"prompt": CASTLE, "age": 600, "attachments": [], "imageUx": urls}


@only_long
async def test_pictures_that_cannot_be_joined_are_attached_one_by_one(harness: BotHarness) -> None:
    good, half = samples.png(64, 64), samples.png(64, 64, noise=60)[:900]
    await harness.job(harness.mira, harness.useapi.add_job(**served(harness, good, half, good, good)))
    (post,) = harness.posts()
    assert words(post) == CAPTION
    assert [harness.bytes_of(file) for file in post.attachments] == [good, half, good, good]
    assert [(file.description or "")[:17] for file in post.attachments] == [f"Picture {n} of four" for n in range(1, 5)]


@only_long
async def test_four_hosts_that_never_answer_delay_a_post_for_no_longer_than_one(harness: BotHarness) -> None:
    good = samples.png(64, 64)
    options = served(harness, good, good, good, good)
    harness.useapi.fail("hang", times=4, path="/files/*")

    async def a_minute_passes() -> None:
        await harness.useapi.wait_for_request(4, path="/files/*")  # all at once
        harness.env.backend.advance_clock(60)

    passing = asyncio.create_task(a_minute_passes())
    await harness.job(harness.mira, harness.useapi.add_job(**options))
    await passing
    (post,) = harness.posts()
    assert words(post) == f"{CAPTION}\n\n-# The picture could not be fetched."
    await harness.wait(30)
    (post,) = harness.posts()
    assert words(post) == CAPTION
    assert picture_of(harness, post).size == (128, 128)
