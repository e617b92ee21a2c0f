"""`/imagine`: from words to pictures, with each provider; who may, what is asked first, and what a refusal says."""

from typing import Any

import discord

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
    at_start = len(harness.provider.requests)
    answer = await imagine(harness, harness.mira, aspect="3:2")
    assert answer.content == "Your prompt is on its way. I'll post it here."
    await harness.wait(2)
    status_card = harness.last
    assert "Mira" in repr(status_card.embeds[0].to_dict())
    assert "Notify me" in str(labels(status_card))
    await harness.wait(120)
    about_it = [each for each in harness.provider.requests[at_start:] if "attachments" not in each.path]
    assert len(about_it) <= 4, "half a minute is a submission and three polls"
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
    assert labels(preview) == [["Run it", "Edit", "Cancel"]]
    await harness.restart()
    run = button(preview, "Run it").custom_id
    async with harness.one_moment():
        _, second = [await harness.mira.click(preview, custom_id=run) for _ in range(2)]
    assert private(second).content == (
        "*Run it* works once, and it was pressed already. Send the prompt with `/imagine` to run it again."
    )
    await harness.wait(120)
    assert prompts(harness) == ["a castle --arr 3:2 --hd --v 8.2"]

    preview = await imagine(harness, harness.mira, "a castle --arr 3:2")
    cancelled = await harness.press(harness.mira, preview, "Cancel")
    assert cancelled.content == "Cancelled. Nothing was sent."
    assert len(prompts(harness)) == 1


async def test_what_cannot_work_or_costs_more_is_not_sent_and_comes_back_to_be_edited(harness: BotHarness) -> None:
    for prompt, says in (
        ("   ", "The prompt is empty."),
        ("--ar 3:2", "The prompt has no words."),
        ("a castle --repeat 4", "`--repeat` makes several jobs from one prompt"),
        ("a {red, blue} castle", "makes a job of each of its options"),
        ("a castle --v 7 --niji 6", "`--v` and `--niji` can't be combined"),
        ("a castle —turbo", "`--turbo` can't be used here"),
    ):
        answer = await imagine(harness, harness.mira, prompt)
        assert says in answer.content
        assert words(answer).replace("—", "--").endswith(f"```\n{prompt.replace('—', '--')}\n```") or not prompt.strip()
        assert labels(answer) == [["Edit"]]
        await harness.wait(11)
    too_long = await imagine(harness, harness.mira, "x" * 5500)
    assert too_long.content == "The prompt has 5,500 characters, the limit is 5,000. Please shorten it."
    assert not labels(too_long), "no form is long enough for it"
    form = await harness.mira.click(answer, custom_id="dr:i:e")
    assert written(form)["prompt"] == "a castle --turbo"
    await harness.restart()
    edited = await submitted(harness.mira, form, "a castle")
    assert (edited.id, edited.content) == (answer.id, "Your prompt is on its way. I'll post it here.")
    await harness.wait(5)
    assert prompts(harness) == ["a castle"]


async def test_a_long_prompt_is_written_in_a_form_which_carries_the_options(harness: BotHarness) -> None:
    await harness.bot.store.presets.add(harness.guild.id, "Ink", "ink wash --s 50 --ar 1:1")
    await harness.bot.store.servers.change_settings(harness.guild.id, speeds=True)
    form = await harness.mira.slash(harness.channel, "imagine", aspect="3:2", style="ink", speed="relax")
    assert written(form) == {"prompt": "", "aspect": "3:2", "style": "Ink", "speed": "relax"}
    long = "https://cdn.midjourney.com/1/0_0.png " + "a castle in the fog, " * 180 + "and a river"
    await harness.restart(away=3600)
    answer = await submitted(harness.mira, form, long)
    assert answer.content == "Your prompt is on its way. I'll post it here."
    await harness.wait(120)
    assert prompts(harness) == [f"{long}, ink wash --ar 3:2 --relax --s 50"]
    assert "castle in the fog" in words(harness.last)

    (choice,) = await harness.mira.autocomplete(harness.channel, "imagine", "prompt", "river fog")
    assert choice["name"].endswith("--relax --s 50")
    await harness.restart()
    again = await imagine(harness, harness.mira, choice["value"])
    assert again.content == "Your prompt is on its way. I'll post it here."
    await harness.wait(5)
    assert prompts(harness) == [f"{long}, ink wash --ar 3:2 --relax --s 50"] * 2
    assert await harness.bo.autocomplete(harness.channel, "imagine", "prompt", "") == []
    unknown = await imagine(harness, harness.bo, choice["value"])
    assert unknown.content == "I don't know this prompt any more. Please write it again."

    form = await harness.mira.slash(harness.channel, "imagine", style="ink")
    (ink,) = await harness.bot.store.presets.of_server(harness.guild.id)
    await harness.bot.store.presets.delete(harness.guild.id, ink.id)
    late = await submitted(harness.mira, form, CASTLE)
    assert late.content == "This server has no preset called `Ink` any more. Choose another one, or none."
    assert (words(late).endswith(f"```\n{CASTLE}\n```"), labels(late)) == (True, [["Edit"]])
    assert written(await harness.mira.click(late, custom_id="dr:i:e")) == {"prompt": CASTLE, "aspect": "", "speed": ""}
    await harness.bot.store.servers.change_settings(harness.guild.id, speeds=False)
    bo = private(await harness.bo.slash(harness.channel, "imagine"))
    assert bo.content.startswith("Only moderators can start jobs"), "before anything is written"


async def submitted(who: Any, form: Any, prompt: str) -> discord.Message:
    """`who` changes the prompt in a form, and nothing else, and submits it; the private answer."""
    values = {name: [value] if name in ("style", "speed") else value for name, value in written(form).items() if value}
    return private(await who.submit_modal(form, {**values, "prompt": prompt}))


def written(form: Any) -> dict[str, str]:
    """What a form is prefilled with, by the custom_ids of its fields."""
    fields = [label["component"] for label in form.modal["components"]]
    return {
        field["custom_id"]: field.get("value")
        or next((option["value"] for option in field.get("options", []) if option.get("default")), "")
        for field in fields
    }


async def test_members_start_jobs_once_a_role_may_as_many_as_the_server_allows(harness: BotHarness) -> None:
    ada = admin(harness)
    assert "Only moderators can start jobs" in (await imagine(harness, harness.bo)).content
    printers = harness.guild.create_role("Printers")
    harness.env.backend.add_member_role(harness.guild.id, harness.bo.id, printers.id)
    panel = await selected(harness, ada, await opened(harness, ada, "START"), "i", printers)
    assert f"Moderators and <@&{printers.id}> may start jobs" in panel.content
    await selected(harness, ada, await opened(harness, ada, "NUMBERS"), "c:daily", "3")
    for prompt, says in (
        ("a castle --hd --v 8.2", "Only moderators can run it."),
        ("a castle --{hd}", "Only moderators can run it."),
        ("a castle --{repeat 40}", "`--repeat` makes several jobs"),
    ):
        assert says in (await imagine(harness, harness.bo, prompt)).content
    assert "can't be used here" in (await imagine(harness, harness.bo, speed="relax")).content
    await harness.press(ada, await opened(harness, ada, "START"), "Let prompts choose the speed")
    for _ in range(3):
        assert "on its way" in (await imagine(harness, harness.bo, speed="relax")).content
        await harness.wait(120)
    assert prompts(harness) == [f"{CASTLE} --relax"] * 3
    limit = "You've reached your limit of 3 uses in 24 hours."
    assert (await imagine(harness, harness.bo)).content.startswith(limit)
    await harness.press(ada, await opened(harness, ada), "Pause presses")
    paused = await imagine(harness, harness.bo)
    assert "New jobs are paused" in paused.content
    assert (words(paused).endswith(f"```\n{CASTLE}\n```"), labels(paused)) == (True, [["Edit"]])
    harness.env.backend.delete_role(harness.guild.id, printers.id)
    refused = await imagine(harness, harness.bo)
    assert "The role that may start jobs was deleted. Someone with Manage Server can choose another" in refused.content
    assert not labels(refused), "no other prompt would help"
    assert "⚠️ The role that may start jobs was deleted" in (await opened(harness, ada, "START")).content


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
