"""`make pictures`: the pictures in docs/, taken from the demo, and made small."""

import asyncio
import re
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from PIL import Image
from playwright.async_api import expect

from bot.cli import export
from bot.demo import pictures
from bot.settings import some_settings
from tests import browser
from tests.exported import PostedJobs
from tests.fakes.discord import FakeDiscord

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

_LARGEST = 150_000  # bytes


async def main() -> None:
    """Walk through the demo and keep what it shows on the way."""
    async with browser.demo(height=1400, speed=1.5) as page:
        timeline = page.locator("#channel-timeline")
        await expect(timeline).to_contain_text("Welcome to Darkroom")
        jobids = browser.JOBID.findall(await timeline.inner_text())
        await browser.imagine(page, "a castle in the fog, ink wash --ar 1:1")
        await expect(timeline).to_contain_text(re.compile(r"[5-9]\d%"), timeout=30_000)
        await _keep(page, "card", _messages(page).last)
        await expect(timeline.locator("img").last).to_have_js_property("naturalWidth", 1024, timeout=40_000)
        await page.get_by_role("button", name="U2", exact=True).click()
        await expect(page.get_by_text("U2 ↗")).to_be_visible(timeout=60_000)
        await _keep(page, "demo", _messages(page).filter(has_text="U2 ↗"))
        await browser.command(page, "darkroom settings", "Where results are posted")
        await expect(timeline).to_contain_text("My permissions in this channel", timeout=30_000)
        await _keep(page, "settings", _messages(page).last, width=900)
        await browser.command(page, "job", "Show a Midjourney job", jobids[1])
        await browser.command(page, "jobs", "What you are waiting for")
        await expect(timeline).to_contain_text("Waiting for", timeout=30_000)
        await _keep(page, "jobs", _messages(page).last)
    await _keep_export()


async def _keep_export() -> None:
    """Take a picture of the page of an export."""
    from playwright.async_api import async_playwright

    prompts = ("a lighthouse in a storm", "boats in a quiet harbour", "a forest in the snow", "a castle in the fog")
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with FakeDiscord() as discord:
            posted = PostedJobs(discord, folder)
            here = posted.channel()
            async with posted.store() as store:
                for seed, prompt in enumerate(prompts):
                    drawn = pictures.grid(f"{prompt} --ar 3:2", size=512, seed=seed)
                    await posted.add(store, here, f"{prompt} --ar 3:2", picture=drawn)
                pick = pictures.single("a castle in the fog --ar 3:2", 1, size=512, seed=3, format="WEBP")
                parent = "job:a castle in the fog --ar 3:2"
                await posted.add(
                    store,
                    here,
                    "",
                    picture=pick,
                    verb="button",
                    button="U2",
                    parent_jobid=parent,
                    content="**a castle in the fog --ar 3:2** - Image #2 <@1>",
                )
            settings = some_settings(posted.environ, *export.SETTINGS, dotenv=folder / ".env")
            await export.export(settings, posted.guild, folder / "archive", lambda _text: None)
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=browser.CHROMIUM, args=browser.QUIET)
            page = await chromium.new_page(viewport={"width": 1180, "height": 640})
            await page.goto((folder / "archive" / "index.html").as_uri())
            await expect(page.locator("img").first).to_have_js_property("complete", True)
            _save(await page.screenshot(), "export", width=900)
            await chromium.close()


def _messages(page: "Page") -> "Locator":
    return page.locator("article.channel-message")


async def _keep(page: "Page", name: str, message: "Locator", *, width: float = 560) -> None:
    """Take a picture of a message, `width` pixels of its line: the rest is empty."""
    await message.scroll_into_view_if_needed()
    await page.mouse.move(0, 0)  # what is pointed at shows a row of tools
    box = await message.bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"], "width": min(box["width"], width), "height": box["height"]}
    _save(await page.screenshot(clip=clip), name)  # type: ignore[arg-type]  # a plain dict will do


def _save(taken: bytes, name: str, *, width: int | None = None) -> None:
    """Save a screenshot in docs/, made smaller where it is wider than `width` pixels."""
    file = browser.ROOT / "docs" / f"{name}.png"
    picture = Image.open(BytesIO(taken)).convert("RGB")
    if width is not None:
        picture = picture.resize((width, picture.height * width // picture.width)).quantize(128)
    picture.save(file, optimize=True)
    assert file.stat().st_size < _LARGEST, file


if __name__ == "__main__":
    if browser.CHROMIUM is None:
        sys.exit("The pictures are taken with Chromium, which is not installed (Debian: apt-get install chromium).")
    asyncio.run(main())
