"""Again with changes: from the menu of a result to another job of its prompt."""

from typing import Any

import discord

from tests.journeys.conftest import BotHarness, button, labels, private, words
from tests.journeys.test_imagine import CASTLE, imagine, prompts


async def menu_of(harness: BotHarness, who: Any, post: discord.Message) -> discord.Message:
    return await harness.press(who, post, "⋯")


async def again(who: Any, menu: discord.Message) -> Any:
    """The form."""
    form = await who.click(menu, custom_id=button(menu, "Again with changes").custom_id)
    assert form.modal is not None
    return form


def prompt_field(form: Any) -> dict[str, Any]:
    """The form's field for the prompt."""
    field: dict[str, Any] = form.modal["components"][0]
    return field


async def test_two_forms_from_one_menu_are_a_job_each_also_after_an_hour_and_a_restart(harness: BotHarness) -> None:
    await imagine(harness, harness.mira, aspect="3:2")
    await harness.wait(120)
    post = harness.last
    menu = await menu_of(harness, harness.mira, post)
    forms = [await again(harness.mira, menu) for _ in range(2)]
    assert [form.modal["title"] for form in forms] == ["Again with changes"] * 2
    assert prompt_field(forms[0])["component"]["value"].startswith(f"{CASTLE} --ar 3:2")
    await harness.restart(away=3600)
    for form, words_of_it in zip(forms, ("a tower --ar 3:2", "a bridge --ar 3:2"), strict=True):
        answer = private(await harness.mira.submit_modal(form, {"prompt": words_of_it}))
        assert answer.content == "Your prompt is on its way. I'll post it here."
        assert answer.id != menu.id, "each form has an answer of its own"
    await harness.wait(120)
    assert prompts(harness) == [f"{CASTLE} --ar 3:2", "a tower --ar 3:2", "a bridge --ar 3:2"]
    assert [key for key in ("a tower", "a bridge") if key in str([words(each) for each in harness.posts()])] == [
        "a tower",
        "a bridge",
    ]
    assert harness.posts()[0].id == post.id, "the first result stays as it is"

    answer = private(await harness.mira.submit_modal(await again(harness.mira, menu), {"prompt": "a gate --repeat 3"}))
    assert "`--repeat` makes several jobs" in answer.content
    assert labels(answer) == [["Edit"]]
    assert "Again with changes" not in str(labels(await menu_of(harness, harness.bo, post)))
    forged = harness.forge(str(button(menu, "Again with changes").custom_id))
    refused = await harness.press(harness.bo, forged, "Forged")
    assert refused.content == "Only moderators can start jobs in this server: they use GPU time."
    assert len(prompts(harness)) == 3


async def test_the_prompt_of_a_declined_job_is_offered_to_whoever_added_it_alone(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(ends="moderated", age=600))
    await harness.bot.store.servers.change_settings(harness.guild.id, start_role=harness.guild.id)
    offered = labels(await menu_of(harness, harness.mira, harness.last))
    assert offered[0][:3] == ["Related", "Prompt", "Again with changes"]
    assert labels(await menu_of(harness, harness.bo, harness.last)) == [["Related"]]
