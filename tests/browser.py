"""`make demo` in Chromium, as a newcomer has it; for its journey and for the pictures in docs/."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bot.models import ProviderName

if TYPE_CHECKING:
    from playwright.async_api import Page

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
JOBID = re.compile(r"job:\d+-user:\d+-channel:\d+-bot:midjourney|\b\d{16}\b")
QUIET = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def demo(
    *, height: int = 1040, speed: float = 3, provider: ProviderName = ProviderName.USEAPI
) -> AsyncIterator["Page"]:
    """The page of a demo that runs as long as the `async with`, its jobs `speed` times as fast as Midjourney's.

    At most about 3 where progress is to be seen: the first poll comes 25 s after a job's creation, its end after 30 s.

    Raises `AssertionError` where it ends badly.
    """
    from playwright.async_api import async_playwright  # here, because it takes a second that no other test needs

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.demo", "--no-browser", "--speed", str(speed), "--provider", provider),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        first = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = await browser.new_page(viewport={"width": 1180, "height": height})
            await page.goto(first.split(": ", 1)[1].strip())
            yield page
            await browser.close()
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def imagine(page: "Page", prompt: str) -> None:
    """Type `/imagine`, choose it and its option `prompt`, fill that in, and send the command."""
    from playwright.async_api import expect

    await page.locator("#channel-composer-input").click()
    await page.keyboard.type("/imagine")
    await expect(page.get_by_text("Make pictures of your words").first).to_be_visible(timeout=20_000)
    await page.keyboard.press("Enter")
    await expect(page.locator(".command-chip")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.keyboard.insert_text(prompt)
    await _send(page, "imagine")


async def command(page: "Page", name: str, describes: str, option: str = "") -> None:
    """Type a command, choose it by what it `describes`, fill in its one option, and send it."""
    from playwright.async_api import expect

    await page.locator("#channel-composer-input").click()
    await page.keyboard.type(f"/{name}")
    await expect(page.get_by_text(describes).first).to_be_visible(timeout=20_000)
    await page.keyboard.press("Enter")
    if option:
        await expect(page.get_by_text("The job's id, or a short key").first).to_be_visible()
        await page.keyboard.insert_text(option)
        await expect(page.get_by_text(f"matching {option}")).to_be_visible(timeout=20_000)
    await _send(page, name)


async def _send(page: "Page", name: str) -> None:
    from playwright.async_api import expect

    for _ in range(3):  # while the page asks the bot for choices, a click may get lost; an Enter may choose one of them
        await page.locator("#send-message").click()
        with suppress(AssertionError):
            await expect(page.locator(".command-chip")).to_have_count(0, timeout=8_000)
            return
    raise AssertionError(f"/{name} was not sent")
