"""Every verb of useapi's model: what its card and its result look like, and which stay private."""

import re

import pytest

from bot.demo.useapi import FakeUseapi
from bot.models.provider import ProviderName
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, labels, words

CASTLE = "a castle in the fog"
ACCOUNT = ("info", "relax", "fast", "turbo", "variability", "remix")
TITLES = {
    "imagine": "**Imagine**",
    "blend": "**Blend** of 2 pictures",
    "describe": "**Describe**",
    "seed": "**Seed**",
    "seed_async": "**Seed**",
    "shorten": "**Shorten**",  # useapi may invent more
}


def pictures_of(useapi: FakeUseapi) -> list[str]:
    return [request.path for request in useapi.requests if request.path.startswith("/attachments/")]


@only_long
async def test_a_job_of_every_public_verb_has_a_status_card_and_then_a_result(harness: BotHarness) -> None:
    for number, (verb, title) in enumerate(TITLES.items(), 1):
        await harness.job(harness.mira, harness.useapi.add_job(verb, prompt=CASTLE, duration=30, buttons=[]))
        assert words(harness.last).startswith(title)
        await harness.wait(50)
        result = harness.last
        assert len(harness.posts()) == number
        assert words(result).startswith(title)
        assert labels(result)[-1][-1] == "⋯"


@pytest.mark.parametrize("status", ["created", "started", "progress"])
async def test_a_job_can_be_subscribed_to_whatever_its_state(harness: BotHarness, status: str) -> None:
    ages = {"created": 0.0, "started": 11.0, "progress": 17.0}
    jobid = harness.useapi.add_job(prompt=CASTLE, queued=10, age=ages[status])
    assert (await harness.job(harness.mira, jobid)).startswith("Watching `#")
    assert ("17%" in words(harness.last)) == (status == "progress")
    assert ("Waiting to start" in words(harness.last)) == (status != "progress")
    await harness.wait(50)
    (result,) = harness.posts()
    assert labels(result)[0] == ["U1", "U2", "U3", "U4", "🔄"]


async def test_describe_shows_its_four_prompts_and_the_picture_they_describe(harness: BotHarness) -> None:
    buttons = ["1️⃣", "2️⃣", "3️⃣", "4️⃣", "🔄"]
    await harness.job(harness.mira, harness.useapi.add_job("describe", prompt=CASTLE, age=60, buttons=buttons))
    (result,) = harness.posts()
    title, *prompts = words(result).split("\n\n")
    assert title == "**Describe**"
    numbered = "\n".join(prompts).splitlines()
    assert [line[0] for line in numbered] == ["1", "2", "3", "4"]
    assert "layered mist, soft light" in numbered[0]
    assert numbered[3].startswith(f"4️⃣ Screen print of {CASTLE}")
    (file,) = result.attachments
    assert result.embeds[0].image.url == f"attachment://{file.filename}"
    assert file.description == "The picture that Midjourney described"
    assert labels(result) == [buttons, ["⋯"]]


@pytest.mark.parametrize("verb", ["seed", "seed_async"])
async def test_seed_shows_the_number_and_its_four_pictures(harness: BotHarness, verb: str) -> None:
    parent = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, harness.useapi.add_job(verb, parent=parent, age=60))
    (result,) = harness.posts()
    assert re.match(rf"\*\*Seed\*\* `\d{{5,10}}`\n> {CASTLE}$", words(result))
    assert len(result.attachments) == 4
    assert len({file.filename for file in result.attachments}) == 4
    assert len({harness.bytes_of(file) for file in result.attachments}) == 4
    assert len(pictures_of(harness.useapi)) == 4


async def test_a_long_seed_keeps_all_its_digits(harness: BotHarness) -> None:
    seed = {"value": "18446744073709551615", "content": "", "attachments": []}
    await harness.job(harness.mira, harness.useapi.add_job("seed_async", age=60, seed=seed))
    assert "`18446744073709551615`" in words(harness.last)


async def test_blend_says_how_many_pictures_went_in(harness: BotHarness) -> None:
    urls = [f"https://example.com/{name}.png" for name in ("one", "two", "three")]
    await harness.job(harness.mira, harness.useapi.add_job("blend", age=60, blendUrls=urls))
    (result,) = harness.posts()
    assert words(result).startswith("**Blend** of 3 pictures")
    assert "example.com/one.png" not in words(result)
    assert len(result.attachments) == 1
    assert labels(result) == [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]


async def test_a_button_job_that_was_pressed_elsewhere_is_known_by_its_button(harness: BotHarness) -> None:
    parent = harness.useapi.add_job(prompt=CASTLE, age=600)
    child = harness.useapi.add_job(button="U2", parent=parent, age=60)
    await harness.job(harness.mira, child)
    (result,) = harness.posts()
    assert words(result).startswith("**U2**\n> a castle in the fog")
    assert result.attachments[0].description == f"Picture made with Midjourney: {CASTLE}"


async def test_a_result_of_a_press_elsewhere_names_and_replies_to_the_parent_that_is_posted_here(
    harness: BotHarness,
) -> None:
    parent = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, parent)
    (grid,) = harness.posts()
    await harness.job(harness.bo, harness.useapi.add_job(button="V2", parent=parent, age=60))
    _, child = harness.posts()
    assert words(child).startswith(f"**V2** of [castle in the fog]({harness.jump(grid)})")
    assert child.reference is not None
    assert child.reference.message_id == grid.id


# --- the payer's account ----------------------------------------------------------------------------------------------


async def test_what_shows_the_payers_account_stays_with_the_asker(harness: BotHarness) -> None:
    for verb in ACCOUNT:
        await is_private_to_the_asker(harness, verb)


async def is_private_to_the_asker(harness: BotHarness, verb: str) -> None:
    jobid = harness.useapi.add_job(verb, age=60)
    answer = await harness.ask(harness.mira, jobid)
    assert answer.embeds
    assert not answer.components
    assert len(words(answer).splitlines()) >= 2, "the mode, and what Midjourney says about it"
    await harness.wait(60)
    assert not harness.posts()
    assert harness.polls(jobid) == 1, "there is nothing to watch"
    assert await harness.bot.store.jobs.by_jobid(ProviderName.USEAPI, jobid) is None
    assert not await harness.mira.autocomplete(harness.channel, "job", "jobid", "")


async def test_info_shows_the_account_without_naming_its_owner(harness: BotHarness) -> None:
    answer = words(await harness.ask(harness.mira, harness.useapi.add_job("info", age=60)))
    assert "**Subscription** Pro (Active monthly, renews next on <t:1790000000>)" in answer
    assert "**Fast Time Remaining** 21.4/30.0 hours (71.33%)" in answer
    assert "User ID" not in answer
    assert "00000000-1111" not in answer


async def test_an_account_job_that_still_runs_is_answered_and_not_subscribed(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job("info", duration=60, status="started", content="")
    answer = await harness.ask(harness.mira, jobid)
    assert words(answer).startswith("Midjourney has not answered yet. Please ask again in half a minute.")
    await harness.wait(120)
    assert harness.polls(jobid) == 1
    assert not harness.posts()
