"""`make demo`, used as a newcomer would: in a browser, with the clock running by itself."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from bot.models import ProviderName
from tests import browser
from tests.conftest import only_long

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Route

pytestmark = [
    pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(120),
]


async def test_a_newcomer_is_welcomed_mistypes_an_id_and_sees_the_whole_job_in_a_browser() -> None:
    """One demo for all, because to start it and its browser costs as much as ten journeys."""
    async with browser.demo() as page:
        await sees_the_welcome(page)
        await mistypes_an_id(page)
        await sees_the_whole_job(page)


@only_long
async def test_a_newcomer_sees_the_whole_job_of_the_other_provider() -> None:
    async with browser.demo(provider=ProviderName.MIDJOURNEY_PROXY) as page:
        await learns_what_an_address_lacks(page)
        await sees_the_whole_job(page)


@only_long
@pytest.mark.parametrize("provider", ProviderName)
async def test_a_prompt_becomes_pictures_one_of_them_is_picked_and_the_prompt_changed(provider: ProviderName) -> None:
    from playwright.async_api import expect

    async with browser.demo(provider=provider) as page:
        timeline = page.locator("#channel-timeline")
        await expect(timeline).to_contain_text("Welcome to Darkroom")
        await browser.imagine(page, "a lighthouse at dusk --ar 3:2")
        await expect(timeline).to_contain_text(re.compile(r"\d+% · fast"), timeout=30_000)
        await expect(timeline.locator("img").last).to_have_js_property("naturalHeight", 682, timeout=40_000)
        await expect(timeline).to_contain_text("a lighthouse at dusk --ar 3:2")
        await expect(timeline).not_to_contain_text(re.compile(r"\d+% · fast"))

        await page.get_by_role("button", name="U2", exact=True).click()
        await expect(timeline).to_contain_text("U2 of lighthouse at dusk", timeout=40_000)

        # The grid is edited now. A press is lost if that replaces the button between mouse down and mouse up.
        await expect(page.get_by_text("U2 ↗")).to_be_visible(timeout=30_000)
        await page.get_by_role("button", name="⋯").first.click()
        await page.get_by_role("button", name="Again with changes").click()
        prompt = page.locator("textarea[name=prompt]")
        await expect(prompt).to_have_value(re.compile("^a lighthouse at dusk --ar 3:2"), timeout=20_000)
        await prompt.fill("a lighthouse in the snow --ar 3:2")
        await page.get_by_role("button", name="Submit").click()
        await expect(timeline).to_contain_text("a lighthouse in the snow --ar 3:2", timeout=30_000)
        await expect(page.get_by_role("button", name="V4", exact=True)).to_have_count(2, timeout=40_000)


async def sees_the_whole_job(page: "Page") -> None:
    from playwright.async_api import expect

    timeline = page.locator("#channel-timeline")
    await expect(timeline).to_contain_text("Welcome to Darkroom")
    jobid = browser.JOBID.findall(await timeline.inner_text())[0]
    await browser.command(page, "job", "Show a Midjourney job", jobid)

    await expect(timeline).to_contain_text("I'll post the picture here.", timeout=30_000)
    await expect(timeline).to_contain_text("Notifying Mira", timeout=30_000)
    await expect(timeline).to_contain_text(re.compile(r"\d+% · fast"), timeout=30_000)

    picture = timeline.locator("img").last
    await expect(picture).to_have_js_property("naturalWidth", 1024, timeout=40_000)
    await expect(timeline).not_to_contain_text("Notifying Mira")

    await page.get_by_role("button", name="U2", exact=True).click()
    await expect(timeline).to_contain_text("U2 of castle in the fog", timeout=40_000)
    await expect(page.get_by_role("button", name="Upscale (Subtle)")).to_be_visible(timeout=30_000)


async def sees_the_welcome(page: "Page") -> None:
    from playwright.async_api import expect

    welcome = page.locator("article.channel-message").first
    await expect(welcome).to_contain_text("Welcome to Darkroom")
    await expect(welcome).to_contain_text("APP")
    await expect(welcome).to_contain_text("The bar on top is not Discord's")


async def learns_what_an_address_lacks(page: "Page") -> None:
    from playwright.async_api import expect

    assert page.context.browser is not None
    for end, says in (
        ("", "This address lacks its end"),
        ("#of-yesterday", "This is the address of a demo that has ended"),
    ):
        other = await page.context.browser.new_page()
        await other.goto(page.url.partition("#")[0] + end)
        await expect(other.locator("body")).to_contain_text(says)
        await other.close()


async def mistypes_an_id(page: "Page") -> None:
    """A sentence, and no red badge."""
    from playwright.async_api import expect

    await browser.command(page, "job", "Show a Midjourney job", "job:1234")
    await expect(page.locator("#channel-timeline")).to_contain_text(
        "useapi.net has no job with this id", timeout=30_000
    )
    await expect(page.locator("#action-status")).to_have_text("Action completed")
    await expect(page.locator("#inspector-count")).to_be_hidden()


@only_long
async def test_names_are_read_in_embeds() -> None:
    """In a slow demo, whose job still runs when `/jobs` lists it."""
    from playwright.async_api import expect

    async with browser.demo(speed=1) as page:
        timeline = await start_job(page)
        await browser.command(page, "jobs", "What you are waiting for")
        await expect(timeline.locator(".mention").filter(has_text="#pictures")).to_be_visible(timeout=30_000)
        await expect(timeline).not_to_contain_text("<#")


@only_long
async def test_previews_are_shown_also_to_a_slow_browser() -> None:
    from playwright.async_api import Error

    def after(seconds: float) -> "Callable[[Route], Awaitable[None]]":
        async def late(route: "Route") -> None:
            await asyncio.sleep(seconds)  # the browser's own time, in which the card's preview is replaced
            with suppress(Error):  # the page was closed meanwhile
                await route.continue_()

        return late

    async with browser.demo(speed=2) as page:
        timeline = await start_job(page)
        await page.route("**/api/assets/*", after(4.5))
        await page.route("**/api/state", after(5.5))  # so that the page still shows the card as it was before
        boxes, picture = page.locator(".media-unavailable"), timeline.locator(".embed-media:not(.embed-thumbnail) img")
        async with asyncio.timeout(80):
            while not await picture.count():
                assert await boxes.all_inner_texts() == []
                await asyncio.sleep(0.1)
        await page.unroute_all(behavior="ignoreErrors")


async def start_job(page: "Page") -> "Locator":
    """Have the first job of the welcome watched; returns the channel's messages."""
    from playwright.async_api import expect

    timeline = page.locator("#channel-timeline")
    await expect(timeline).to_contain_text("Welcome to Darkroom")
    await browser.command(page, "job", "Show a Midjourney job", browser.JOBID.findall(await timeline.inner_text())[0])
    return timeline
