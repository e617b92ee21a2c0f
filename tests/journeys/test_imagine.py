"""`/imagine`: from words to pictures, with each provider; who may, what is asked first, and what a refusal says."""

from typing import Any

import discord
import pytest

from tests.journeys.conftest import BotHarness, both_providers, button, labels, private, words
from tests.journeys.test_settings_panel import admin, opened, selected

CASTLE = "a castle in the fog, ink wash"


async def imagine(harness: BotHarness, who: Any, prompt: str = CASTLE, **options: str) -> discord.Message:
    """`who` types /imagine; the private answer."""
    return private(await who.slash(harness.channel, "imagine", prompt=prompt, **options))


def prompts(harness: BotHarness) -> list[str]:
    """The prompts that came to the provider."""
    return [request.json["prompt"] for request in harness.provider.requests if request.path.endswith("/imagine")]


@both_providers
async def test_a_prompt_becomes_pictures_whose_buttons_work(harness: BotHarness) -> None:
    answer = await imagine(harness, harness.mira, aspect="3:2")
    assert answer.content == "Your prompt is on its way. I'll post it here."
    await harness.wait(2)
    status_card = harness.last
    assert "Mira" in repr(status_card.embeds[0].to_dict())
    assert "Notify me" in str(labels(status_card))
    await harness.wait(120)
    result = harness.last
    assert "castle in the fog" in words(result)
    assert result.embeds[0].image.url
    assert status_card.id not in {post.id for post in harness.posts()}
    assert prompts(harness) == [f"{CASTLE} --ar 3:2"]
    menu = await harness.press(harness.bo, result, "⋯")
    prompt = await harness.press(harness.bo, menu, "Prompt")
    assert str(prompt.embeds[0].description).startswith(f"```\n{CASTLE} --ar 3:2")
    await harness.press(harness.mira, result, "U1")
    await harness.wait(120)
    assert "U1" in words(harness.last)
    log = private(await admin(harness).slash(harness.channel, "darkroom presses"))
    assert "**/imagine** → " in words(log)


async def test_a_costly_prompt_and_a_hint_are_shown_first_and_run_once(harness: BotHarness) -> None:
    preview = await imagine(harness, harness.mira, "a castle --arr 3:2 --hd --v 8.2")
    assert "`--arr`: did you mean `--ar`?" in preview.content
    assert "This prompt uses more GPU time than usual.\nRun it?" in preview.content
    assert preview.embeds[0].description == "```\na castle --arr 3:2 --hd --v 8.2\n```"
    assert labels(preview) == [["Run it", "Cancel"]]
    await harness.restart()
    run = button(preview, "Run it").custom_id
    async with harness.one_moment():
        for _ in range(2):
            await harness.mira.click(preview, custom_id=run)
    await harness.wait(120)
    assert prompts(harness) == ["a castle --arr 3:2 --hd --v 8.2"]

    preview = await imagine(harness, harness.mira, "a castle --arr 3:2")
    cancelled = await harness.press(harness.mira, preview, "Cancel")
    assert cancelled.content == "Cancelled. Nothing was sent."
    assert len(prompts(harness)) == 1


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("   ", "The prompt is empty."),
        ("--ar 3:2", "The prompt has no words."),
        ("a castle --repeat 4", "`--repeat` makes several jobs from one prompt"),
        ("a {red, blue} castle", "makes a job of each of its options"),
        ("a castle --v 7 --niji 6", "`--v` and `--niji` can't be combined"),
        ("a castle —turbo", "`--turbo` can't be used here"),
        ("x" * 5500, "The prompt has 5,500 characters, the limit is 5,000."),
    ],
)
async def test_what_cannot_work_or_costs_more_is_not_sent(harness: BotHarness, prompt: str, says: str) -> None:
    answer = await imagine(harness, harness.mira, prompt)
    assert says in answer.content
    assert not labels(answer)
    await harness.wait(5)
    assert not prompts(harness)


async def test_members_start_jobs_once_a_role_may_as_many_as_the_server_allows(harness: BotHarness) -> None:
    ada = admin(harness)
    assert "Only moderators can start jobs" in (await imagine(harness, harness.bo)).content
    printers = harness.guild.create_role("Printers")
    harness.env.backend.add_member_role(harness.guild.id, harness.bo.id, printers.id)
    panel = await selected(harness, ada, await opened(harness, ada, "START"), "i", printers)
    assert f"Moderators and <@&{printers.id}> may start jobs" in panel.content
    await selected(harness, ada, await opened(harness, ada, "NUMBERS"), "c:daily", "3")
    assert "Only moderators can run it." in (await imagine(harness, harness.bo, "a castle --hd --v 8.2")).content
    assert "can't be used here" in (await imagine(harness, harness.bo, speed="relax")).content
    await harness.press(ada, await opened(harness, ada, "START"), "Let prompts choose the speed")
    for _ in range(3):
        assert "on its way" in (await imagine(harness, harness.bo, speed="relax")).content
        await harness.wait(120)
    assert prompts(harness) == [f"{CASTLE} --relax"] * 3
    limit = "You've reached your limit of 3 uses in 24 hours."
    assert (await imagine(harness, harness.bo)).content.startswith(limit)
    await harness.press(ada, await opened(harness, ada), "Pause presses")
    assert "New jobs are paused" in (await imagine(harness, harness.bo)).content


async def test_a_queued_prompt_is_cancelled_in_jobs_and_costs_nothing(harness: BotHarness) -> None:
    for _ in range(3):
        harness.useapi.add_job(duration=3000)
    await imagine(harness, harness.mira)
    await harness.wait(10)
    panel = private(await harness.mira.slash(harness.channel, "jobs"))
    assert "- a castle in the fog, ink wash: number 1" in words(panel)
    (row,) = await harness.rows("SELECT id FROM submissions")
    panel = await harness._seen(await harness.mira.select(panel, [str(row[0])], custom_id="dr:n:t"))
    assert panel.content == "Cancelled. It cost nothing."
    await harness.wait(60)
    assert await harness.rows("SELECT state FROM submissions") == [("cancelled",)]


async def test_a_declined_prompt_whose_answer_was_dismissed_has_a_notice_without_its_words(
    harness: BotHarness,
) -> None:
    harness.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=404, code=10008, times=9)
    await imagine(harness, harness.mira, "a forbidden castle")
    await harness.wait(10)
    notice = harness.last
    assert notice.content == f"<@{harness.mira.id}> Midjourney declined your prompt.\n-# /imagine"
    assert "forbidden" not in harness.sent()
    gone = await harness.press(harness.bo, notice, "Got it")
    assert gone.content == "Only the member it is for and moderators can remove this notice."
    reasons = await harness.press(harness.mira, notice, "Got it")
    assert reasons.content.startswith("Midjourney declined this one.")
    assert not harness.posts()


async def test_the_usual_shapes_are_offered_and_another_one_may_be_typed(harness: BotHarness) -> None:
    cog: Any = harness.bot.get_cog("Imagine")
    offered = [choice.value for choice in await cog.aspects(None, "")]
    assert offered == ["1:1", "2:3", "3:2", "9:16", "16:9", "4:5"]
    assert [choice.value for choice in await cog.aspects(None, "21:9")] == ["21:9"]
    await imagine(harness, harness.mira, aspect="21:9")
    await harness.wait(5)
    assert prompts(harness) == [f"{CASTLE} --ar 21:9"]
