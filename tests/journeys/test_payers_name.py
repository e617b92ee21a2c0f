"""Midjourney's files begin with the Discord name of the account that pays: nothing that the bot sends may hold it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import sample_pictures as samples
from tests.conftest import LONG, only_long
from tests.journeys.conftest import BotHarness, button

SAMPLE = Path(__file__).parents[1] / "samples" / "field" / "mj_file_name_names_payer.json"
PAYER = "payername"
LIVES = "?ex=7fffffff&is=66de7a80&hm=0123456789abcdef"
AT_DISCORD = f"https://cdn.discordapp.com/attachments/1/2/{PAYER}_a_cat.png"

FAILURES = (None, (403, 50013), (400, 50035), (400, 200000))
"""Status and code that leave the post as it is, without its file, as one line of text, and without its words."""


def kinds(harness: BotHarness, *, status: int) -> Iterator[dict[str, Any]]:
    """Options of a job for every public kind of result: its own files, and what its texts say, name the payer."""
    (sample,) = json.loads(SAMPLE.read_text())["answers"]
    attachment = sample["attachments"][0]
    name = attachment["filename"]

    def file(data: bytes, name: str = name) -> dict[str, Any]:
        url = harness.useapi.serve_file(name, data, content_type="image/png", status=status) + LIVES
        return {**attachment, "filename": name, "url": url, "proxy_url": url}

    picture = samples.png(64, 64)
    link = file(picture)["url"]
    prompt = f"{link} {link.removeprefix('http://')} {AT_DISCORD} {sample['prompt']}"
    yield {"prompt": prompt, "attachments": [file(picture)]}
    yield {"prompt": prompt, "attachments": [{**file(picture), "url": AT_DISCORD}]}
    yield {"prompt": prompt, "attachments": [file(samples.FILM, name.replace(".png", ".mp4"))], "button": "Animate"}
    yield {"prompt": prompt, "attachments": [file(samples.moving_webp(64, 64, size=200_000))]}
    yield {"prompt": prompt, "attachments": [file(picture)], "imageUx": [link], "buttons": ["Upscale (Subtle)"]}
    yield {"prompt": prompt, "attachments": [], "imageUx": [link]}
    described = f"1️⃣ a cat {link}\n\n2️⃣ [a dog]({link}) of {name}"
    yield {"verb": "describe", "describeUrl": link, "attachments": []} | {
        "embeds": [{"type": "rich", "description": described, "image": {"url": link, "proxy_url": link}}]
    }
    seed = {"value": 7, "content": f"**{prompt}** - <@1>", "attachments": [file(picture)] * 4}
    yield {"verb": "seed", "seed": seed, "attachments": []}
    yield {"ends": "failed", "prompt": prompt, "error": f"Could not read {link} ({name})"}
    yield {"ends": "moderated", "prompt": prompt}
    yield {"verb": "blend", "blendUrls": [link, link], "prompt": f"{link} {link} --v 7", "attachments": [file(picture)]}


async def test_nothing_that_is_sent_names_the_payer(harness: BotHarness, caplog: pytest.LogCaptureFixture) -> None:
    """Every kind of result, a running job's card, a split, a notice, a form; Bo presses what he may."""
    caplog.set_level(logging.DEBUG, "bot")
    everyone = harness.guild.id
    await harness.bot.store.servers.change_settings(everyone, press_role=everyone, start_role=everyone, remix=True)
    await harness.bot.store.servers.set_file_limit(everyone, 100_000)
    for options in kinds(harness, status=200):
        await post(harness, options)
        await harness.press(harness.bo, harness.last, "⋯")
    (grid, *_) = harness.posts()
    for label in ("Related", "Prompt", "Seed", "Split into four"):
        await harness.press(harness.bo, await harness.press(harness.bo, grid, "⋯"), label)
    menu = await harness.press(harness.bo, grid, "⋯")
    again = await harness.bo.click(menu, custom_id=button(menu, "Again with changes").custom_id)
    assert again.modal is not None
    field = again.modal["components"][0]
    assert field["component"]["value"] == "a tiny hedgehog in an astronaut suit"
    assert field["description"] == "Uploaded pictures, and those whose addresses name the account's owner, are left out"
    await harness.job(harness.newcomer(), harness.useapi.add_job(duration=300, **next(kinds(harness, status=200))))
    await harness.wait(100)
    assert len(harness.last.attachments) == 1, "the preview of a running job"
    form = await harness.bo.click(grid, custom_id=button(grid, "V1").custom_id)
    assert form.modal is not None
    (field,) = form.modal["components"]
    prompt = field["component"]["value"]
    assert prompt == "<picture 1> <picture 2> <picture 3> a tiny hedgehog in an astronaut suit"
    harness.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015)
    harness.useapi.fail(400, path="/v2/jobs/button")
    await harness.bo.submit_modal(form, {"prompt": f"{prompt} at night --iw 2"})
    await harness.wait(5)
    assert harness.last.content.startswith(f"<@{harness.bo.id}>"), "the notice"
    (sent,) = harness.button_requests()
    assert sent["prompt"].count(PAYER) == 3, "Midjourney gets the addresses that the form does not show"
    assert_unnamed(harness, caplog)


@only_long
@pytest.mark.parametrize("turn", range(len(FAILURES) if LONG else 1))
async def test_no_reduced_post_names_the_payer(
    harness: BotHarness, turn: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The pictures cannot be fetched, and Discord refuses each post once, in another way from kind to kind."""
    caplog.set_level(logging.DEBUG, "bot")
    for number, options in enumerate(kinds(harness, status=500)):
        if refused := FAILURES[(number + turn) % len(FAILURES)]:
            harness.env.inject_error("POST", "/channels/*/messages", status=refused[0], code=refused[1], times=1)
        await post(harness, options)
        assert len(harness.posts()) == number + 1
    assert_unnamed(harness, caplog)


async def post(harness: BotHarness, options: dict[str, Any]) -> None:
    jobid = harness.useapi.add_job(options.pop("verb", "imagine"), age=600, **options)
    await harness.job(harness.newcomer(), jobid)
    await harness.wait(2)


def assert_unnamed(harness: BotHarness, caplog: pytest.LogCaptureFixture) -> None:
    for call in harness.env.http_requests:
        assert PAYER not in repr(call.json), call.path
    assert PAYER not in harness.sent()
    assert PAYER not in caplog.text
