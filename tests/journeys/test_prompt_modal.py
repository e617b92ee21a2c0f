"""The prompt for editing: Custom Zoom, and what takes another prompt when remix is on."""

from typing import Any

import discord

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, private, words
from tests.journeys.test_who_may_press import submit, with_role

CASTLE = "a castle in the fog, ink wash --ar 3:2"
ZOOMED = f"{CASTLE} --zoom 1.8"
NEEDS_ZOOM = "Custom Zoom needs `--zoom` once in the prompt, with a number from 1.0 to 2.0, such as `--zoom 1.8`."


async def single(harness: BotHarness) -> discord.Message:
    """A finished U1 that stands in the channel."""
    parent = harness.useapi.add_job(prompt=CASTLE, age=900)
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, button="U1", parent=parent, age=600))
    return harness.last


async def opened(harness: BotHarness, who: Any, message: discord.Message, label: str) -> Any:
    """`who` presses a button that opens a form."""
    form = await who.click(message, custom_id=button(message, label).custom_id)
    assert form.modal is not None
    return form


def field(form: Any) -> dict[str, Any]:
    """The one field of a form, with the words around it."""
    (label,) = form.modal["components"]
    return {**label, **label["component"]}


async def sent(harness: BotHarness, who: Any, form: Any, text: str) -> discord.Message:
    """`who` sends the form; the private answer."""
    answer = await who.submit_modal(form, {"prompt": text})
    await harness.wait(0.1)
    return private(answer)


async def test_a_prompt_that_would_not_be_taken_comes_back_to_be_mended(harness: BotHarness) -> None:
    picture = await single(harness)
    form = await opened(harness, harness.mira, picture, "Custom Zoom")
    assert (form.modal["title"], field(form)["value"]) == ("Custom Zoom", ZOOMED)
    assert not harness.bot._connection._view_store._modals, "a form that nobody sends stays in no memory"
    no_mention = "a castle, \n  @everyone `in` the *fog*"
    answer = await sent(harness, harness.mira, form, f"{no_mention} --zoom 3")
    assert answer.content == NEEDS_ZOOM
    assert answer.embeds[0].description == "```\na castle, @everyone `in` the *fog* --zoom 3\n```"
    await harness.restart()
    again = await opened(harness, harness.mira, answer, "Try again")
    assert field(again)["value"] == "a castle, @everyone `in` the *fog* --zoom 3"
    answer = await sent(harness, harness.mira, again, "a castle at night --zoom 1.5")
    assert answer.content == "Custom Zoom is on its way. I'll post it here."
    assert [(press["button"], press["prompt"]) for press in harness.button_requests()] == [
        ("Custom Zoom", "a castle at night --zoom 1.5")
    ]
    await harness.wait(60)
    assert words(harness.last).startswith("**Custom Zoom** of [castle in the fog](")


async def test_a_form_is_judged_when_it_is_sent_not_when_it_was_opened(harness: BotHarness) -> None:
    picture = await single(harness)
    opened_form = await opened(harness, harness.mira, picture, "Custom Zoom")
    form = opened_form.modal["custom_id"]
    await harness.wait(1200)  # the press could not be answered any more, the form can
    await harness.bot.store.servers.change_settings(harness.guild.id, paused=True)
    paused = await sent(harness, harness.mira, opened_form, ZOOMED)
    assert paused.content.startswith("Buttons are paused")
    assert paused.embeds[0].description == f"```\n{ZOOMED}\n```", "what was written is not lost"
    await harness.bot.store.servers.change_settings(harness.guild.id, paused=False, server_daily=0)
    assert (await submit(harness, form, ZOOMED)).startswith("This server doesn't allow anything")
    await harness.bot.store.servers.change_settings(harness.guild.id, server_daily=9)
    harness.env.backend.remove_member_role(harness.guild.id, harness.mira.id, harness.guild.roles["Moderators"].id)
    assert (await submit(harness, form, ZOOMED)).startswith("Only moderators can use this button")
    assert not harness.button_requests()
    harness.env.backend.add_member_role(harness.guild.id, harness.mira.id, harness.guild.roles["Moderators"].id)
    assert (await submit(harness, form, ZOOMED)) == "Custom Zoom is on its way. I'll post it here."


async def test_remix_opens_the_prompt_and_an_unchanged_one_is_not_sent(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, remix=True)
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    grid = harness.last
    form = await opened(harness, harness.mira, grid, "🔄")
    assert (form.modal["title"], field(form)["value"]) == ("Re-roll 🔄 with another prompt", CASTLE)
    await sent(harness, harness.mira, form, CASTLE)
    await sent(harness, harness.mira, await opened(harness, harness.mira, grid, "V1"), "a castle at night")
    assert "U1" in (await harness.press(harness.mira, grid, "U1")).content, "which takes no prompt"
    assert [(press["button"], press.get("prompt")) for press in harness.button_requests()] == [
        ("🔄", None),
        ("V1", "a castle at night"),
        ("U1", None),
    ]


async def test_a_prompt_that_would_make_more_than_one_job_is_given_back_for_another_try(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, remix=True)
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    grid = harness.last
    for prompt, sentence in (
        ("a castle --repeat 4", "`--repeat` makes several jobs"),
        ("a {red, green} castle", "`{…, …}` makes a job of each"),
        ("a castle --turbo", "`--turbo` can't be used here"),
    ):
        answer = await sent(harness, harness.mira, await opened(harness, harness.mira, grid, "V1"), prompt)
        assert answer.content.startswith(sentence)
        assert prompt in (answer.embeds[0].description or ""), "what was written is not lost"
    assert not harness.button_requests()
    assert await harness.rows("SELECT * FROM submissions") == []


async def test_a_changed_prompt_that_costs_more_is_for_moderators_who_see_it_first(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, remix=True, press_role=role.id, cooldown=0)
    picture = await single(harness)
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    grid = harness.last
    for post, label, prompt in (
        (grid, "V2", "a castle --hd --v 8.2"),
        (grid, "V2", "a castle --{hd}"),
        (picture, "Custom Zoom", "a castle --zoom 2 --video"),
    ):
        refused = await sent(harness, ada, await opened(harness, ada, post, label), prompt)
        assert refused.content.startswith("This prompt uses more GPU time than usual. Only moderators can run it.")
        assert refused.embeds[0].description == f"```\n{prompt}\n```", "what was written is not lost"
        assert labels(refused) == [["Try again"]]
    assert not harness.button_requests()
    assert await harness.rows("SELECT * FROM submissions") == []

    prompt = "a castle --q 4 --v 7"
    question = await sent(harness, harness.mira, await opened(harness, harness.mira, grid, "V2"), prompt)
    assert question.content == "This prompt uses more GPU time than usual. Run it?"
    assert question.embeds[0].description == f"```\n{prompt}\n```"
    assert labels(question) == [["Run it", "Edit", "Cancel"]]
    await harness.restart()
    edited = await opened(harness, harness.mira, question, "Edit")
    assert field(edited)["value"] == prompt
    cancelled = await harness.press(harness.mira, await sent(harness, harness.mira, edited, prompt), "Cancel")
    assert (cancelled.content, cancelled.embeds) == ("Cancelled. Nothing was sent.", [])
    assert not harness.button_requests()
    run = button(question, "Run it").custom_id
    moderators = harness.guild.roles["Moderators"]
    harness.env.backend.add_member_role(harness.guild.id, harness.mira.id, role.id)
    harness.env.backend.remove_member_role(harness.guild.id, harness.mira.id, moderators.id)
    assert "Only moderators can run it." in (await harness.press(harness.mira, question, "Run it")).content
    harness.env.backend.add_member_role(harness.guild.id, harness.mira.id, moderators.id)
    async with harness.one_moment():
        answers = [await harness.mira.click(question, custom_id=run) for _ in range(2)]
    await harness.wait(0.1)
    assert private(answers[0]).content == "V2 is on its way. I'll post it here."
    await harness.wait(60)
    assert [(press["button"], press["prompt"]) for press in harness.button_requests()] == [("V2", prompt)]
    assert await harness.rows("SELECT tier, prompt FROM submissions") == [("upscale", prompt)]


async def test_what_made_a_picture_costly_may_stay_in_its_prompt(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, remix=True, press_role=role.id, cooldown=0)
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a castle --hd --v 8.2", age=600))
    grid = harness.last
    more = await sent(harness, ada, await opened(harness, ada, grid, "V1"), "a castle --hd --v 8.2 --video")
    assert "Only moderators can run it." in more.content
    for who, prompt in ((ada, "a tower --hd --v 8.2"), (harness.mira, "a keep --hd")):
        answer = await sent(harness, who, await opened(harness, who, grid, "V1"), prompt)
        assert answer.content == "V1 is on its way. I'll post it here."
        await harness.wait(60)
    assert [press["prompt"] for press in harness.button_requests()] == ["a tower --hd --v 8.2", "a keep --hd"]


@only_long
async def test_a_prompt_that_is_too_long_for_a_form_is_sent_whole_when_it_stays_as_it_is(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, remix=True)
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a castle, " * 450 + "--ar 3:2", age=600))
    form = await opened(harness, harness.mira, harness.last, "V1")
    text_field = field(form)
    assert len(text_field["value"]) == 4000
    assert text_field["value"].endswith(" --ar 3:2")
    assert text_field["description"].startswith("Discord's form is too small for the whole prompt")
    assert "is on its way" in (await sent(harness, harness.mira, form, text_field["value"])).content
    assert [press.get("prompt") for press in harness.button_requests()] == [None], (
        "useapi then takes the whole original"
    )


async def test_each_answer_of_useapis_has_its_sentence(harness: BotHarness) -> None:
    picture = await single(harness)
    for code, sentence in (
        (400, "Midjourney no longer offers this button for this picture."),
        (401, "useapi.net does not accept this bot's token. Please ask this server's admin"),
        (402, "The useapi.net subscription behind this bot has ended. Please ask this server's admin"),
    ):
        harness.useapi.fail(code, path="/v2/jobs/button")
        answer = await sent(harness, harness.mira, await opened(harness, harness.mira, picture, "Custom Zoom"), ZOOMED)
        assert answer.content.startswith(sentence)
        assert not answer.components
    assert "Custom Zoom" in labels(harness.last)[1], "the button can be used again"
