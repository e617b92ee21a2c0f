"""Who may press what, how often, and with which words: roles, numbers, Pause, forms, Cancel, Related."""

import re
from typing import Any

import discord
import pytest

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, private, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"


async def posted(harness: BotHarness, who: Any = None, **options: Any) -> discord.Message:
    """A finished job that `who` (else Mira) brought to the channel."""
    jobid = harness.useapi.add_job(**{"prompt": CASTLE, "age": 600, **options})
    await harness.job(who or harness.mira, jobid)
    return harness.last


async def single(harness: BotHarness) -> discord.Message:
    """A finished U1."""
    parent = harness.useapi.add_job(prompt=CASTLE, age=900)
    return await posted(harness, button="U1", parent=parent)


def with_role(harness: BotHarness) -> Any:
    """A member with a role that nobody else has."""
    role = harness.guild.create_role("Makers")
    return harness.guild.add_member(harness.env.create_user("Ada"), roles=[role]), role


async def test_the_asker_may_press_u_and_only_the_press_role_what_costs_more(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    grid = await posted(harness, harness.bo)
    assert words(await harness.press(ada, grid, "U1")) == (
        "Only whoever added this job and moderators can use this button."
    )
    assert words(await harness.press(harness.bo, grid, "U1")) == "U1 is on its way. I'll post it here."
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=role.id)
    assert words(await harness.press(harness.bo, grid, "V1")) == (
        f"Only <@&{role.id}> and moderators can use this button: it uses GPU time."
    )
    assert words(await harness.press(ada, grid, "V1")) == "V1 is on its way. I'll post it here."
    assert [press["button"] for press in harness.button_requests()] == ["U1", "V1"]


async def test_whoever_pressed_owns_the_child_which_gives_no_right_to_its_paid_buttons(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=role.id)
    grid = await posted(harness)
    harness.useapi.plan(duration=0)
    await harness.press(ada, grid, "V1")
    child = harness.last
    assert "Show job ID" in str(labels(await harness.press(ada, child, "⋯")))
    harness.env.backend.remove_member_role(harness.guild.id, ada.id, role.id)
    assert "it uses GPU time" in words(await harness.press(ada, child, "V1"))
    assert words(await harness.press(ada, child, "U1")).startswith("U1 is on its way")


async def test_what_costs_most_is_for_moderators_who_are_asked_once_more(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=role.id)
    picture = await single(harness)
    refused = await harness.press(ada, picture, "Animate (High motion)")
    assert words(refused) == "Only moderators can use this button: it uses GPU time."
    question = await harness.press(harness.mira, picture, "Animate (High motion)")
    assert words(question) == "Animate (High motion) uses GPU time. Run it?"
    assert labels(question) == [["Run it", "Cancel"]]
    assert words(await harness.press(harness.mira, question, "Cancel")) == "Cancelled. Nothing was sent."
    assert not harness.button_requests()
    question = await harness.press(harness.mira, picture, "Animate (High motion)")
    await harness.restart()
    await harness.press(harness.mira, question, "Run it")
    assert [press["button"] for press in harness.button_requests()] == ["Animate (High motion)"]


async def test_one_question_is_one_job_however_often_its_answer_is_pressed(harness: BotHarness) -> None:
    picture = await single(harness)
    question = await harness.press(harness.mira, picture, "Animate (High motion)")
    run = str(button(question, "Run it").custom_id)
    assert len(run) <= 100
    async with harness.one_moment():
        answers = [await harness.mira.click(question, custom_id=run) for _ in range(2)]
    await harness.wait(5)
    assert len(harness.button_requests()) == 1
    assert [words(private(answer)) for answer in answers] == [
        "Animate (High motion) is on its way. I'll post it here.",
        "*Run it* works once, and it was pressed already. Press the button below the post to be asked again.",
    ]
    again = await harness.press(harness.mira, picture, "Animate (High motion)")
    assert "is on its way" in words(await harness.press(harness.mira, again, "Run it"))
    older = run.rpartition(":")[0]
    answer = await harness.press(harness.mira, harness.forge(older), "Forged")
    assert answer.content == "This only works below a private question.", (
        "also of an older version; no post is replaced"
    )
    assert len(harness.button_requests()) == 2


@only_long
async def test_a_members_numbers_end_and_a_moderators_only_with_the_servers(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=role.id, daily=2, server_daily=3)
    grid = await posted(harness)
    harness.useapi.plan(duration=0)
    assert "is on its way" in words(await harness.press(ada, grid, "V1"))
    fast = words(await harness.press(ada, grid, "V2"))
    assert re.fullmatch(r"Too fast, nothing was sent\. Try again <t:\d+:R>\.", fast)
    await harness.wait(6)
    harness.useapi.plan(duration=0)
    assert "is on its way" in words(await harness.press(ada, grid, "V2"))
    await harness.wait(6)
    assert words(await harness.press(ada, grid, "V3")).startswith("You've reached your limit of 2 uses in 24 hours.")
    harness.useapi.plan(duration=0)
    assert "is on its way" in words(await harness.press(harness.mira, grid, "V3"))
    spent = words(await harness.press(harness.mira, grid, "V4"))
    assert spent.startswith("This server has reached its limit of 3 uses in 24 hours.")
    harness.useapi.plan(duration=0)
    assert "is on its way" in words(await harness.press(harness.mira, grid, "U1")), "a U is free"
    harness.env.backend.advance_clock(86_400)
    assert "is on its way" in words(await harness.press(ada, grid, "V3"))


async def test_pause_stops_every_press_until_it_is_lifted(harness: BotHarness) -> None:
    grid = await posted(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, paused=True)
    assert words(await harness.press(harness.mira, grid, "U1")).startswith("Buttons are paused in this server")
    assert not harness.button_requests()
    await harness.bot.store.servers.change_settings(harness.guild.id, paused=False)
    assert "is on its way" in words(await harness.press(harness.mira, grid, "U1"))


async def test_a_role_that_was_deleted_is_said_to_be_so(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=123456789012345678)
    grid = await posted(harness)
    refused = words(await harness.press(harness.bo, grid, "V1"))
    assert "The role that may use the buttons was deleted" in refused


async def test_ten_members_press_u1_in_the_same_second(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=role.id)
    people = [harness.guild.add_member(harness.env.create_user(f"M{n}"), roles=[role]) for n in range(9)]
    grid = await posted(harness)
    async with harness.one_moment():
        answers = [await who.click(grid, label="U1") for who in (ada, *people)]
    await harness.wait(30)
    assert len(harness.button_requests()) == 1
    texts = [words(private(answer)) for answer in answers]
    assert sum(answer == "U1 is on its way. I'll post it here." for answer in texts) == 1
    assert sum(answer.startswith("U1 was already picked, so this was free") for answer in texts) == 9
    _, child = harness.posts()
    assert words(child).startswith("**U1** of ")


@only_long
async def test_four_picks_at_once_make_no_status_cards_and_no_pings(harness: BotHarness) -> None:
    grid = await posted(harness)
    for label in ("U1", "U2", "U3"):
        await harness.press(harness.mira, grid, label)
    await harness.wait(40)
    assert [post.content for post in harness.posts()] == ["", "", "", ""]
    assert all(post.reference and post.reference.message_id == grid.id for post in harness.posts()[1:])
    assert labels(harness.posts()[0])[0][:4] == ["U1 ↗", "U2 ↗", "U3 ↗", "U4"]


# --- forms ------------------------------------------------------------------------------------------------------------


async def test_custom_zoom_asks_for_a_prompt_that_must_have_a_zoom(harness: BotHarness) -> None:
    picture = await single(harness)
    form = await harness.mira.click(picture, custom_id=button(picture, "Custom Zoom").custom_id)
    assert form.modal is not None
    assert f"'{CASTLE} --zoom 1.8'" in str(form.modal)


@pytest.mark.parametrize(
    ("zoom", "taken"),
    [
        ("--zoom 1.8", True),
        pytest.param("--zoom 2", True, marks=only_long),
        ("--zoom 2.5", False),
        pytest.param("", False, marks=only_long),
    ],
)
async def test_a_form_that_was_opened_before_a_restart_is_carried_out(
    harness: BotHarness, zoom: str, taken: bool
) -> None:
    picture = await single(harness)
    custom_id = str(button(picture, "Custom Zoom").custom_id).replace("dr:p:", "dr:z:")
    await harness.restart(away=3600)
    answer = await submit(harness, custom_id, f"{CASTLE} {zoom}".strip())
    if taken:
        assert answer == "Custom Zoom is on its way. I'll post it here."
        assert [press["prompt"] for press in harness.button_requests()] == [f"{CASTLE} {zoom}"]
    else:
        assert answer.startswith("Custom Zoom needs `--zoom` once in the prompt, with a number from 1.0 to 2.0")
        assert not harness.button_requests()


async def test_with_remix_on_a_variation_takes_another_prompt(harness: BotHarness) -> None:
    grid = await posted(harness)
    custom_id = str(button(grid, "V2").custom_id).replace("dr:p:", "dr:z:")
    assert (await submit(harness, custom_id, "a castle at night")).startswith("Remix prompts were turned off")
    await harness.bot.store.servers.change_settings(harness.guild.id, remix=True)
    assert await submit(harness, custom_id, "a castle at night") == "V2 is on its way. I'll post it here."
    assert [(press["button"], press["prompt"]) for press in harness.button_requests()] == [("V2", "a castle at night")]
    assert (await submit(harness, "dr:z:forged", "x")).startswith("I don't know this form any more.")


async def submit(harness: BotHarness, custom_id: str, text: str) -> str:
    """Mira sends a form, whoever opened it and when; what the private answer says in the end."""
    field = {"type": 4, "custom_id": "prompt", "value": text}
    data = {"custom_id": custom_id, "components": [{"type": 18, "id": 1, "component": field}]}
    answer = await harness.mira._dispatch_interaction(5, harness.channel, data)
    await harness.wait(0.1)
    assert answer.response is not None
    assert answer.response.ephemeral
    return str(answer.response.message.content)


# --- stop, cancel, related ------------------------------------------------------------------------------------------


async def test_the_presser_may_cancel_and_a_late_result_is_posted_all_the_same(harness: BotHarness) -> None:
    ada, role = with_role(harness)
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=role.id)
    grid = await posted(harness)
    harness.useapi.plan(duration=300)
    await harness.press(ada, grid, "V1")
    await harness.wait(20)
    status_card = harness.last
    question = await harness.press(ada, status_card, "Stop")
    assert labels(question) == [["Stop notifying me", "Cancel the job"]]
    assert "it may still be charged" in words(question)
    answer = await harness.press(ada, question, "Cancel the job")
    assert words(answer).startswith("Cancelled at useapi.net. Midjourney may still charge for it")
    await harness.wait(30)
    assert any("cancelled" in words(post) for post in harness.posts())


async def test_what_u1_made_is_never_offered_for_cancelling(harness: BotHarness) -> None:
    grid = await posted(harness)
    harness.useapi.plan(duration=300)
    await harness.press(harness.mira, grid, "U1")
    await harness.wait(20)
    question = await harness.press(harness.mira, harness.last, "Stop")
    assert labels(question) == [["Stop notifying me", "Stop watching for everyone"]]


async def test_family_names_parents_and_children_with_their_links(harness: BotHarness) -> None:
    grid = await posted(harness)
    harness.useapi.plan(duration=0)
    await harness.press(harness.mira, grid, "U1")
    child = harness.last
    related = words(await harness.press(harness.bo, await harness.press(harness.bo, child, "⋯"), "Related"))
    assert harness.jump(grid) in related
    assert "U1" in related
    grown = words(await harness.press(harness.bo, await harness.press(harness.bo, harness.posts()[0], "⋯"), "Related"))
    assert harness.jump(child) in grown


async def test_a_grid_is_split_in_four_without_a_press(harness: BotHarness) -> None:
    grid = await posted(harness)
    await harness.press(harness.bo, await harness.press(harness.bo, grid, "⋯"), "Split into four")
    await harness.wait(1)
    assert len(harness.last.attachments) == 4
    assert not harness.button_requests()


async def test_an_expired_job_loses_its_buttons_and_says_why(harness: BotHarness) -> None:
    grid = await posted(harness)
    harness.useapi.fail(410, path="/v2/jobs/button")
    answer = words(await harness.press(harness.mira, grid, "V1"))
    assert answer == "useapi.net no longer keeps this job. Jobs are kept for about 31 days."
    await harness.wait(10)
    assert labels(harness.last) == [["⋯"]]
