"""What a custom_id claims is checked at every press: forms, questions, extras, notices, and the role behind it all."""

import discord
import pytest

from tests.journeys.conftest import BotHarness, button, private, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"
NO_POST = "I don't know this post any more. `/job` with its id shows the job again."


def nonce(message: discord.Message) -> str:
    """The name of the delivery behind a message."""
    ids = [item.custom_id for row in message.components if isinstance(row, discord.ActionRow) for item in row.children]
    return str(ids[-1]).split(":")[2]


@pytest.mark.parametrize("where", ["nowhere", "the wrong message", "another channel"])
async def test_the_new_buttons_believe_no_custom_id(harness: BotHarness, where: str) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    post = nonce(harness.last)
    before = len(harness.useapi.requests)
    name, channel = {
        "nowhere": ("a" * 24, harness.channel),
        "the wrong message": (post, harness.channel),
        "another channel": (post, harness.lounge),
    }[where]
    codes = [f"dr:{code}:{name}" for code in ("jvk" if where == "the wrong message" else "jvkfq")]
    codes += [] if where == "the wrong message" else [f"dr:y:{name}:5", f"dr:e:{name}:5"]
    for custom_id in codes:
        answer = await harness.press(harness.mira, harness.forge(custom_id, channel), "Forged")
        assert answer.content == NO_POST, custom_id
    form = {"custom_id": f"dr:z:{name}:5", "components": [{"type": 18, "component": {"type": 4, "value": "x"}}]}
    answer = private(await harness.mira._dispatch_interaction(5, channel, form))
    if where == "the wrong message":  # it stands on the right one, but V1 takes no prompt
        assert answer.content.startswith("Remix prompts were turned off")
    else:
        assert answer.content == NO_POST
    assert len(harness.useapi.requests) == before


async def test_a_question_that_was_not_asked_is_no_way_around_the_rules(harness: BotHarness) -> None:
    parent = harness.useapi.add_job(prompt=CASTLE, age=900)
    await harness.job(harness.bo, harness.useapi.add_job(prompt=CASTLE, button="U1", parent=parent, age=600))
    post = nonce(harness.last)
    for index, label in ((0, "Upscale (Subtle)"), (4, "Vary (Region)"), (7, "Custom Zoom")):
        for code in "pye":
            answer = await harness.press(harness.bo, harness.forge(f"dr:{code}:{post}:{index}"), "Forged")
            refused = "This job has no such button any more." if "Region" in label else "Only moderators can use"
            assert answer.content.startswith(refused), (code, label)
    answer = await harness.press(harness.bo, harness.forge(f"dr:q:{post}"), "Forged")
    assert answer.content == "This post isn't a grid of four pictures, so it can't be split."
    answer = await harness.press(harness.mira, harness.forge(f"dr:p:{post}:4"), "Forged")
    assert answer.content == "This job has no such button any more."
    assert not harness.button_requests()


async def test_a_manager_learns_with_a_press_that_the_role_is_gone(harness: BotHarness) -> None:
    everything = harness.guild.create_role("Owners", permissions=discord.Permissions.all())
    owner = harness.guild.add_member(harness.env.create_user("Olga"), roles=[everything])
    role = harness.guild.create_role("Makers")
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=role.id)
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    grid = harness.last
    pressed = await owner.click(grid, custom_id=button(grid, "U1").custom_id)
    assert not pressed.followups
    harness.env.backend.delete_role(harness.guild.id, role.id)
    pressed = await owner.click(grid, custom_id=button(grid, "U2").custom_id)
    (note,) = pressed.followups
    assert note.ephemeral
    assert note.content.startswith("The role that may use the buttons was deleted")
    pressed = await harness.mira.click(grid, custom_id=button(grid, "U3").custom_id)
    assert not pressed.followups, "who cannot change it is spared"


async def test_everyone_can_be_the_press_role(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, press_role=harness.guild.id)
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    assert "is on its way" in words(await harness.press(harness.bo, harness.last, "V1"))


async def test_whom_a_notice_is_for_takes_it_away_and_learns_why(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    harness.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015, times=None)
    harness.useapi.plan(ends="moderated", duration=0)
    await harness.press(harness.mira, harness.last, "V1")
    await harness.wait(5)
    refused = await harness.press(harness.bo, harness.last, "Got it")
    assert refused.content == "Only the member it is for and moderators can remove this notice."
    assert len(harness.posts()) == 2
    reason = await harness.press(harness.mira, harness.last, "Got it")
    assert reason.content.startswith("Midjourney declined this one.\n**Banned prompt detected**")
    assert len(harness.posts()) == 1


async def test_the_four_pictures_go_when_their_asker_says_so(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    await harness.press(harness.bo, await harness.press(harness.bo, harness.last, "⋯"), "Split into four")
    await harness.wait(2)
    refused = await harness.press(harness.bo, harness.last, "Delete")
    assert refused.content == "Only whoever added this job and moderators can delete these."
    await harness.mira.click(harness.last, custom_id=button(harness.last, "Delete").custom_id)
    assert len(harness.posts()) == 1


@pytest.mark.parametrize("what", ["Delete", "Got it"])
@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [(503, 0, "Discord has trouble just now."), (403, 50013, "Discord doesn't let me do that: I lack a permission.")],
)
async def test_a_post_that_discord_does_not_delete_stays_as_it_was_and_only_its_presser_reads_why(
    harness: BotHarness, what: str, status: int, code: int, sentence: str
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    if what == "Delete":
        await harness.press(harness.mira, await harness.press(harness.mira, harness.last, "⋯"), "Split into four")
    else:
        harness.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015)
        harness.useapi.fail(400, path="/v2/jobs/button")
        await harness.press(harness.mira, harness.last, "V1")
    await harness.wait(5)
    before = harness.last.content
    harness.env.inject_error("DELETE", "/channels/*/messages/*", status=status, code=code)
    pressed = await harness.mira.click(harness.last, custom_id=button(harness.last, what).custom_id)
    (answer,) = pressed.followups
    assert answer.ephemeral
    assert answer.content.startswith(sentence)
    assert harness.last.content == before
    await harness.mira.click(harness.last, custom_id=button(harness.last, what).custom_id)
    assert len(harness.posts()) == 1
