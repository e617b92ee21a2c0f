"""Cancel: who may, what is never cancelled, and what Midjourney finishes all the same. And buttons that lie."""

from typing import Any

import discord
import pytest

from tests.journeys.conftest import Stage, button, private, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"
NO_POST = "I don't know this post any more. `/job` with its id shows the job anew."


async def running(stage: Stage, label: str = "V1") -> tuple[str, discord.Message]:
    """A child that Mira pressed for and that still runs: its id at useapi, and its card."""
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    stage.useapi.plan(duration=3000)
    await stage.press(stage.mira, stage.last, label)
    await stage.wait(20)
    ((jobid,),) = await stage.rows("SELECT jobid FROM jobs WHERE over = 0")
    return jobid, stage.last


async def cancelled(stage: Stage, who: Any, card: discord.Message) -> str:
    """What `who` is told after Stop and Cancel."""
    return words(await stage.press(who, await stage.press(who, card, "Stop"), "Cancel the job"))


def forged(card: discord.Message, code: str) -> str:
    """The custom_id of another button of this message."""
    return f"dr:{code}:{nonce(card)}"


def nonce(message: discord.Message) -> str:
    """The name of the delivery behind a message."""
    ids = [item.custom_id for row in message.components if isinstance(row, discord.ActionRow) for item in row.children]
    return str(ids[-1]).split(":")[2]


async def test_a_cancelled_job_that_midjourney_finishes_all_the_same_is_posted_once(stage: Stage) -> None:
    jobid, card = await running(stage)
    told = await cancelled(stage, stage.mira, card)
    assert told.startswith("Cancelled at useapi.net. Midjourney may still charge for it; should its result come")
    await stage.wait(10)
    assert words(stage.last).endswith("This one was cancelled.")
    before = len(stage.posts())
    await stage.wait(600)
    assert len(stage.posts()) == before
    done = stage.useapi.add_job(prompt=CASTLE, age=600)
    answer = (await stage.bot.api.job(done)).attachments[0].url
    told_late = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed", "buttons": ["U1"]}
    stage.useapi.set_answer(jobid, {**told_late, "attachments": [{"url": answer}]})
    await stage.wait(400)
    assert len(stage.posts()) == before + 1
    assert "**V1** of [castle in the fog](" in words(stage.last)
    assert len(stage.last.attachments) == 1
    looks = stage.looks(jobid)
    await stage.wait(3600)
    assert stage.looks(jobid) == looks
    assert len(stage.posts()) == before + 1


async def test_a_cancelled_job_is_looked_at_for_an_hour_and_by_who_asks_for_it(stage: Stage) -> None:
    jobid, card = await running(stage)
    await cancelled(stage, stage.mira, card)
    await stage.wait(3600 + 400)
    looks = stage.looks(jobid)
    assert looks < 25
    await stage.wait(3600)
    assert stage.looks(jobid) == looks
    await stage.job(stage.mira, jobid)
    assert stage.looks(jobid) == looks + 1


async def test_a_job_that_was_done_a_moment_before_is_posted_as_done(stage: Stage) -> None:
    jobid, card = await running(stage)
    question = await stage.press(stage.mira, card, "Stop")
    done = {"jobid": jobid, "verb": "button", "button": "V1", "status": "completed"}
    stage.useapi.set_answer(jobid, done)
    await stage.press(stage.mira, question, "Cancel the job")
    await stage.wait(1)
    assert "cancelled" not in words(stage.last)
    assert await stage.rows("SELECT status FROM jobs") == [("completed",), ("completed",)]


async def test_only_the_presser_and_moderators_may_cancel_and_never_what_a_u_made(stage: Stage) -> None:
    _, card = await running(stage)
    answer = await stage.press(stage.bo, stage.forge(forged(card, "j")), "Forged")
    assert answer.content == "Only the member who pressed the button for this job, and moderators, can cancel it."
    await stage.bot.store._db.transaction(
        lambda db: db.execute("UPDATE jobs SET answer = json_set(answer, '$.button', 'U1') WHERE over = 0")
    )
    answer = await stage.press(stage.mira, stage.forge(forged(card, "j")), "Forged")
    assert answer.content.startswith("U1 to U4 cannot be cancelled")
    assert not [request for request in stage.useapi.requests if "cancel" in request.path]


async def test_a_cancel_that_useapi_does_not_take_is_told_and_the_job_goes_on(stage: Stage) -> None:
    jobid, card = await running(stage)
    stage.useapi.fail(500, path="/v2/jobs/cancel*")
    answer = await cancelled(stage, stage.mira, card)
    assert answer.startswith("useapi.net has trouble of its own just now.")
    assert await stage.rows(f"SELECT over FROM jobs WHERE jobid = '{jobid}'") == [(0,)]


# --- claims -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["nowhere", "the wrong message", "another channel"])
async def test_the_new_buttons_believe_no_custom_id(stage: Stage, where: str) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    post = nonce(stage.last)
    asked = len(stage.useapi.requests)
    name, channel = {
        "nowhere": ("a" * 24, stage.channel),
        "the wrong message": (post, stage.channel),
        "another channel": (post, stage.lounge),
    }[where]
    codes = [f"dr:{code}:{name}" for code in ("jvk" if where == "the wrong message" else "jvkfq")]
    codes += [] if where == "the wrong message" else [f"dr:y:{name}:5", f"dr:e:{name}:5"]
    for custom_id in codes:
        answer = await stage.press(stage.mira, stage.forge(custom_id, channel), "Forged")
        assert answer.content == NO_POST, custom_id
    form = {"custom_id": f"dr:z:{name}:5", "components": [{"type": 18, "component": {"type": 4, "value": "x"}}]}
    answer = private(await stage.mira._dispatch_interaction(5, channel, form))
    if where == "the wrong message":  # it stands on the right one, but V1 takes no prompt
        assert answer.content.startswith("Remix was switched off")
    else:
        assert answer.content == NO_POST
    assert len(stage.useapi.requests) == asked


async def test_a_question_that_was_not_asked_is_no_way_around_the_rules(stage: Stage) -> None:
    parent = stage.useapi.add_job(prompt=CASTLE, age=900)
    await stage.job(stage.bo, stage.useapi.add_job(prompt=CASTLE, button="U1", parent=parent, age=600))
    post = nonce(stage.last)
    for index, label in ((0, "Upscale (Subtle)"), (4, "Vary (Region)"), (7, "Custom Zoom")):
        for code in "pye":
            answer = await stage.press(stage.bo, stage.forge(f"dr:{code}:{post}:{index}"), "Forged")
            refused = "This job has no such button any more." if "Region" in label else "Only moderators can press"
            assert answer.content.startswith(refused), (code, label)
    answer = await stage.press(stage.mira, stage.forge(f"dr:p:{post}:4"), "Forged")
    assert answer.content == "This job has no such button any more."
    assert not stage.presses()


async def test_a_manager_learns_with_a_press_that_the_role_is_gone(stage: Stage) -> None:
    everything = stage.guild.create_role("Owners", permissions=discord.Permissions.all())
    owner = stage.guild.add_member(stage.env.create_user("Olga"), roles=[everything])
    role = stage.guild.create_role("Makers")
    await stage.bot.store.change_settings(stage.guild.id, press_role=role.id)
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    grid = stage.last
    pressed = await owner.click(grid, custom_id=button(grid, "U1").custom_id)
    assert not pressed.followups
    stage.env.backend.delete_role(stage.guild.id, role.id)
    pressed = await owner.click(grid, custom_id=button(grid, "U2").custom_id)
    (note,) = pressed.followups
    assert note.ephemeral
    assert note.content.startswith("The role that may press here was deleted")


async def test_everyone_can_be_the_press_role(stage: Stage) -> None:
    await stage.bot.store.change_settings(stage.guild.id, press_role=stage.guild.id)
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    assert "is on its way" in words(await stage.press(stage.bo, stage.last, "V1"))


async def test_whom_a_notice_is_for_takes_it_away_and_learns_why(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    stage.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015, times=None)
    stage.useapi.plan(ends="moderated", duration=0)
    await stage.press(stage.mira, stage.last, "V1")
    await stage.wait(5)
    refused = await stage.press(stage.bo, stage.last, "Got it")
    assert refused.content == "This is for the member who pressed; they and moderators can take it away."
    assert len(stage.posts()) == 2
    reason = await stage.press(stage.mira, stage.last, "Got it")
    assert reason.content.startswith("Midjourney declined this one.\n**Banned prompt detected**")
    assert len(stage.posts()) == 1


async def test_the_four_pictures_go_when_their_asker_says_so(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    await stage.press(stage.bo, await stage.press(stage.bo, stage.last, "⋯"), "Split in four")
    await stage.wait(2)
    refused = await stage.press(stage.bo, stage.last, "Delete")
    assert refused.content == "Only the member who brought this job here, and moderators, can delete these."
    await stage.mira.click(stage.last, custom_id=button(stage.last, "Delete").custom_id)
    assert len(stage.posts()) == 1
