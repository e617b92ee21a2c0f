"""When something needs whoever runs the bot: told once when it begins, once when it ends."""

import math

import pytest

from tests.journeys.conftest import Stage, key_in, words


def alerts(stage: Stage) -> list[str]:
    return [words(message) for message in stage.posts(stage.lounge)]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (401, "useapi.net does not accept USEAPI_TOKEN any more"),
        (402, "The useapi.net subscription has ended"),
        (596, "The Midjourney account waits for a person"),
    ],
)
async def test_trouble_of_the_account_is_told_once_and_so_is_its_end(stage: Stage, error: int, says: str) -> None:
    await stage.restart(alert_channel=stage.lounge.id)
    for _ in range(6):  # whichever is looked at first after the restart, it is the same trouble
        await stage.job(stage.mira, stage.useapi.add_job())
        await stage.wait(11)
    stage.useapi.fail(error, times=math.inf)
    await stage.wait(400)
    await stage.restart()
    await stage.wait(400)
    (told,) = alerts(stage)
    assert says in told
    stage.useapi.heal()
    await stage.wait(400)
    assert alerts(stage)[1:] == [f"✓ Over: {told.removeprefix('⚠️ ')}"]
    assert stage.last.attachments, "the job waited, and was posted when the token worked again"


async def test_trouble_that_ended_unseen_is_told_when_it_comes_back(stage: Stage) -> None:
    await stage.restart(alert_channel=stage.lounge.id)
    await stage.job(stage.mira, stage.useapi.add_job(duration=30))
    stage.useapi.fail(402, times=math.inf)
    await stage.wait(100)
    await stage.press(stage.mira, await stage.press(stage.mira, stage.last, "Stop"), "Stop for everyone here")
    await stage.restart()
    stage.useapi.heal()
    await stage.wait(2 * 3600)
    assert len(alerts(stage)) == 1
    await stage.job(stage.mira, stage.useapi.add_job())
    stage.useapi.fail(402, times=math.inf)
    await stage.wait(100)
    assert len(alerts(stage)) == 2


async def test_an_account_is_told_to_work_again_also_when_nobody_waits_for_a_job_of_it(stage: Stage) -> None:
    await stage.restart(alert_channel=stage.lounge.id)
    await stage.job(stage.mira, stage.useapi.add_job())
    stage.useapi.fail(596, times=math.inf)
    await stage.wait(100)
    await stage.press(stage.mira, await stage.press(stage.mira, stage.last, "Stop"), "Stop for everyone here")
    await stage.wait(1800)
    (told,) = alerts(stage)
    stage.useapi.heal()
    await stage.wait(600)
    assert alerts(stage)[1:] == [f"✓ Over: {told.removeprefix('⚠️ ')}"]


async def test_a_result_that_cannot_be_posted_is_told_and_sent_when_an_admin_says_so(stage: Stage) -> None:
    await stage.restart(alert_channel=stage.lounge.id)
    admin = stage.guild.add_member(stage.guild.owner)
    await stage.job(stage.mira, stage.useapi.add_job(prompt="a lighthouse"))
    posts = f"/channels/{stage.channel.id}/messages"
    stage.env.inject_error("POST", posts, status=403, code=50001, times=None)
    await stage.wait(45 * 60)
    (told,) = alerts(stage)
    assert f"Results cannot be posted in <#{stage.channel.id}>" in told
    assert not any(message.attachments for message in stage.posts())

    stage.env.backend.faults.clear()
    status = await admin.slash(stage.lounge, "darkroom status")
    assert status.ephemeral
    assert "Could not be posted: 1" in status.response.content
    key = key_in(status.response.content)
    await admin.click(status.response, label="Try them again")
    await stage.wait(1)
    (result,) = [message for message in stage.posts() if message.attachments]
    assert "a lighthouse" in words(result)
    assert alerts(stage)[1:] == [f"✓ Over: {told.removeprefix('⚠️ ')}"]
    assert "stands here already" in await stage.job(stage.bo, f"#{key}")
    await stage.wait(60)
    assert len([message for message in stage.posts() if message.attachments]) == 1


async def test_the_status_says_how_things_are(stage: Stage) -> None:
    admin = stage.guild.add_member(stage.guild.owner)
    await stage.job(stage.mira, stage.useapi.add_job())
    status = await admin.slash(stage.channel, "darkroom status")
    assert status.response.content.splitlines() == [
        "Running jobs watched here: 1",
        "Results to be posted: 0",
        "Presses of this server in line: 0",
        "useapi.net: answers",
    ]
