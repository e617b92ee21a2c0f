"""`make demo`, used as a newcomer would: in a browser, with the clock running by itself."""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests import browser

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [
    pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(120),
]


@pytest.fixture
async def page() -> AsyncIterator["Page"]:
    async with browser.demo() as page:
        yield page


async def test_a_newcomer_sees_the_whole_job_in_a_browser(page: "Page") -> None:
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
    await expect(timeline).to_contain_text("✓ Imagine · castle in the fog")

    await page.get_by_role("button", name="U2", exact=True).click()
    await expect(timeline).to_contain_text("U2 of castle in the fog", timeout=40_000)
    await expect(page.get_by_role("button", name="Upscale (Subtle)")).to_be_visible(timeout=30_000)
