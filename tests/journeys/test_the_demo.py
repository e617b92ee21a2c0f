"""`make demo`, used as a newcomer would: in a browser, with the clock running by itself."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Page

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
JOBID = re.compile(r"job:\d+-user:\d+-channel:\d+-bot:midjourney")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(120),
]


@pytest.fixture
async def page() -> AsyncIterator["Page"]:
    from playwright.async_api import async_playwright  # here, because it takes a second that no other test needs

    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.demo", "--no-browser", "--speed", "1.5"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert demo.stdout is not None
    try:
        first = (await asyncio.wait_for(demo.stdout.readline(), 20)).decode()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = await browser.new_page(viewport={"width": 1180, "height": 1040})
            await page.goto(first.split(": ", 1)[1].strip())
            yield page
            await browser.close()
        demo.terminate()
        assert await asyncio.wait_for(demo.wait(), 10) == 0
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()


async def test_a_newcomer_sees_the_whole_job_in_a_browser(page: "Page") -> None:
    from playwright.async_api import expect

    timeline = page.locator("#channel-timeline")
    await expect(timeline).to_contain_text("Welcome to Darkroom")
    jobid = JOBID.findall(await timeline.inner_text())[0]

    await page.locator("#channel-composer-input").click()
    await page.keyboard.type("/job")
    await expect(page.get_by_text("Show a Midjourney job").first).to_be_visible(timeout=20_000)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The id that useapi.net gave").first).to_be_visible()
    await page.keyboard.insert_text(jobid)
    await expect(page.get_by_text(f"matching {jobid}")).to_be_visible(timeout=20_000)
    await page.keyboard.press("Enter")

    await expect(timeline).to_contain_text("I'll post it here.", timeout=30_000)
    await expect(timeline).to_contain_text("Mira will be told here", timeout=30_000)
    await expect(timeline).to_contain_text(re.compile(r"\d+ % · fast"), timeout=30_000)

    picture = timeline.locator("img").last
    await expect(picture).to_have_js_property("naturalWidth", 1024, timeout=40_000)
    await expect(timeline).to_contain_text("✓ Imagine · castle in the fog")

    await page.get_by_role("button", name="U2", exact=True).click()
    await expect(timeline).to_contain_text("U2 of castle in the fog", timeout=40_000)
    await expect(page.get_by_role("button", name="Upscale (Subtle)")).to_be_visible(timeout=30_000)
    if (kept := os.environ.get("DARKROOM_PICTURE")) is not None:
        await page.wait_for_timeout(1000)
        await page.screenshot(path=kept, clip={"x": 256, "y": 98, "width": 700, "height": 880})
