"""The seed of a picture, behind `⋯`."""

import re
from typing import Any

import pytest

from bot.demo.midjourney_proxy import NODE, NOVI
from bot.models import ProviderName
from tests.journeys.conftest import BotHarness, button, either_provider, labels, private, words

CASTLE = "a castle in the fog, ink wash"
ANSWER = r"Seed of `#\w{4,8}`:\n```\n(\d+)\n```\nTo use it in a prompt:\n```\n--seed \1\n```"


async def pressed(harness: BotHarness, who: Any, seconds: float = 30) -> str:
    """What the answer says some time after a member pressed Seed."""
    menu = await harness.press(who, harness.last, "⋯")
    answer = await who.click(menu, custom_id=button(menu, "Seed").custom_id)
    await harness.wait(seconds)
    return words(private(answer))


def requests(harness: BotHarness) -> int:
    """How many requests for a seed came to the provider."""
    return sum("seed" in request.path for request in harness.provider.requests)


@either_provider
async def test_the_seed_of_a_picture_is_shown_in_private_to_be_copied(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.provider.add_job(prompt=CASTLE, age=600))
    before, posts = requests(harness), len(harness.posts())
    answers = {await pressed(harness, who) for who in (harness.mira, harness.bo)}
    (answer,) = answers
    assert re.fullmatch(ANSWER, answer)
    assert requests(harness) == before + 1, "the second reader is told what the first was"
    assert len(harness.posts()) == posts
    assert await harness.rows("SELECT count(*) FROM submissions") == [(0,)], "it costs no GPU time and counts for none"


@either_provider
async def test_only_pictures_have_a_seed(harness: BotHarness) -> None:
    kinds: list[dict[str, Any]] = [{"verb": "describe"}, {"ends": "failed"}, {"prompt": "x --video"}]
    for options in kinds:
        await harness.job(harness.mira, harness.provider.add_job(**{"prompt": CASTLE, "age": 600, **options}))
        assert "Seed" not in str(labels(await harness.press(harness.mira, harness.last, "⋯"))), options
        await harness.wait(15)


@pytest.mark.parametrize(("provider", "dialect"), [(ProviderName.MIDJOURNEY_PROXY, NOVI)], ids=["novi"])
async def test_a_server_without_a_route_for_seeds_offers_none(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.provider.add_job(prompt=CASTLE, age=600))
    assert "Seed" not in str(labels(await harness.press(harness.mira, harness.last, "⋯")))


@pytest.mark.parametrize(("provider", "dialect"), [(ProviderName.MIDJOURNEY_PROXY, NODE)], ids=["node"])
async def test_an_error_about_a_seed_is_a_sentence_and_it_may_be_requested_again(
    harness: BotHarness,
) -> None:
    await harness.job(harness.mira, harness.provider.add_job(prompt=CASTLE, age=600))
    for kind, sentence in (
        (503, "midjourney-proxy is having problems right now. Please try again in a minute."),
        ("unknown_job", "midjourney-proxy no longer has the job of this picture, so I can't ask for its seed."),
        ("html", "midjourney-proxy sent an answer that I could not read. Please try again in a minute."),
    ):
        harness.provider.fail(kind, path="*/image-seed")
        assert await pressed(harness, harness.mira) == sentence
    assert re.fullmatch(ANSWER, await pressed(harness, harness.mira))


async def test_useapi_makes_a_job_for_it_once_however_long_that_takes(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    harness.useapi.plan(duration=150)
    late = "Midjourney hasn't given the seed of this picture yet. Please try again in a minute."
    assert await pressed(harness, harness.mira, 100) == late
    assert re.fullmatch(ANSWER, await pressed(harness, harness.bo, 100))
    posts = sum(request.path == "/v2/jobs/seed_async" for request in harness.useapi.requests)
    assert posts == 1
    harness.useapi.add_job(prompt="another", age=600)
    await harness.job(harness.mira, harness.useapi.jobids[-1])
    harness.useapi.fail("queue_full", path="/v2/jobs/seed_async")
    full = "All Midjourney slots are busy. Please try again when one of the running jobs is done."
    assert await pressed(harness, harness.mira) == full
    harness.useapi.plan(ends="failed", duration=5)
    assert await pressed(harness, harness.mira) == "Midjourney gave no seed for this picture."
