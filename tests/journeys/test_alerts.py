"""Alerts to the admin: one when something begins to need a person, one when it is over."""

import json
import logging
import math

import pytest

from bot.models import ProviderName
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, key_in, words


def alerts(harness: BotHarness) -> list[str]:
    return [words(message) for message in harness.posts(harness.lounge)]


async def stored_alerts(harness: BotHarness) -> dict[str, str]:
    """The open alerts, as the next start finds them."""
    stored: dict[str, str] = json.loads(await harness.bot.store.facts.get("alerts") or "{}")
    return stored


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (401, "useapi.net no longer accepts USEAPI_TOKEN"),
        pytest.param(402, "The useapi.net subscription has ended", marks=only_long),
        pytest.param(596, "The Midjourney account needs a person", marks=only_long),
    ],
)
async def test_trouble_of_the_account_alerts_once_and_so_does_its_end(
    harness: BotHarness, error: int, says: str
) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    for _ in range(6):  # whichever is polled first after the restart, it is the same trouble
        await harness.job(harness.mira, harness.useapi.add_job())
        await harness.wait(11)
    harness.useapi.fail(error, times=math.inf)
    await harness.wait(400)
    await harness.restart()
    await harness.wait(400)
    (alert,) = alerts(harness)
    assert says in alert
    harness.useapi.heal()
    await harness.wait(400)
    assert alerts(harness)[1:] == [f"✓ Over: {alert.removeprefix('⚠️ ')}"]
    assert harness.last.attachments, "the job waited, and was posted when the token worked again"


@only_long
async def test_trouble_that_ended_unseen_alerts_again_when_it_comes_back(harness: BotHarness) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    await harness.job(harness.mira, harness.useapi.add_job(duration=30))
    harness.useapi.fail(402, times=math.inf)
    await harness.wait(100)
    await harness.press(
        harness.mira, await harness.press(harness.mira, harness.last, "Stop"), "Stop watching for everyone"
    )
    await harness.restart()
    harness.useapi.heal()
    await harness.wait(2 * 3600)
    assert len(alerts(harness)) == 1
    await harness.job(harness.mira, harness.useapi.add_job())
    harness.useapi.fail(402, times=math.inf)
    await harness.wait(100)
    assert len(alerts(harness)) == 2


async def test_an_alert_about_an_account_is_closed_also_when_no_job_of_it_is_subscribed(harness: BotHarness) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    await harness.job(harness.mira, harness.useapi.add_job())
    harness.useapi.fail(596, times=math.inf)
    await harness.wait(100)
    await harness.press(
        harness.mira, await harness.press(harness.mira, harness.last, "Stop"), "Stop watching for everyone"
    )
    await harness.wait(1800)
    (alert,) = alerts(harness)
    harness.useapi.heal()
    await harness.wait(600)
    assert alerts(harness)[1:] == [f"✓ Over: {alert.removeprefix('⚠️ ')}"]


@only_long
async def test_an_alert_from_before_a_restart_is_closed_also_when_nothing_is_left_to_show_its_end(
    harness: BotHarness,
) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    jobid = harness.useapi.add_job(age=600)
    await harness.job(harness.mira, jobid)
    await harness.job(harness.mira, harness.useapi.add_job())
    (result,) = [message for message in harness.posts() if message.attachments]
    harness.useapi.fail(596, times=math.inf)
    await harness.press(harness.mira, result, "V1")
    await harness.wait(100)
    await harness.press(
        harness.mira, await harness.press(harness.mira, harness.last, "Stop"), "Stop watching for everyone"
    )
    queue = harness.bot.store.queue
    (queued,) = await queue.unconfirmed(ProviderName.USEAPI) or await queue.next(ProviderName.USEAPI, 9)
    await harness.bot.submissions.of(ProviderName.USEAPI).cancel_queued(queued)
    await harness.restart()
    await harness.wait(1800)
    opened = alerts(harness)
    assert sorted(alert.split()[1] for alert in opened) == ["Buttons", "Running"]
    harness.useapi.heal()
    await harness.wait(600)
    assert sorted(alerts(harness)[2:]) == sorted(f"✓ Over: {alert.removeprefix('⚠️ ')}" for alert in opened)


async def test_that_a_channel_was_deleted_is_said_once_and_ends_its_alert_which_is_not_over(
    harness: BotHarness,
) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    posts = f"/channels/{harness.channel.id}/messages"
    harness.env.inject_error("POST", posts, status=400, code=50083, times=None)
    for _ in range(2):
        await harness.job(harness.mira, harness.useapi.add_job(age=600))
    await harness.wait(45 * 60)
    (archived,) = alerts(harness)
    assert archived.startswith(f"⚠️ Nothing can be posted in <#{harness.channel.id}> for now")
    harness.env.backend.faults.clear()
    harness.env.inject_error("POST", posts, status=404, code=10003, times=None)
    for _ in range(2):
        await harness.wait(45 * 60)
        assert alerts(harness)[1:] == [
            f"ℹ️ The channel or thread {harness.channel.id} was deleted, so its results cannot be posted. They are "
            "kept: `/job` with a job's id posts it in another channel."
        ]
        assert await stored_alerts(harness) == {}
        await harness.restart()
        await harness.job(harness.bo, harness.useapi.add_job(age=600))


async def test_an_alert_about_a_message_ends_when_it_is_dropped_and_is_not_over_when_it_is_given_up(
    harness: BotHarness,
) -> None:
    stored = {"delivery 1": "The card fails.", "delivery 2": "The result fails."}
    await harness.bot.store.facts.set("alerts", json.dumps(stored))
    await harness.restart(alert_channel=harness.lounge.id)
    harness.env.inject_error("POST", f"/channels/{harness.channel.id}/messages", status=403, code=50001, times=None)
    await harness.job(harness.mira, harness.useapi.add_job(duration=30))
    await harness.wait(45 * 60)
    over, alert = alerts(harness)
    assert over == "✓ Over: The card fails."
    assert f"Results cannot be posted in <#{harness.channel.id}>" in alert
    assert [*await stored_alerts(harness)] == [f"channel {harness.channel.id}"]


async def test_a_result_that_cannot_be_posted_alerts_and_is_sent_when_an_admin_says_so(harness: BotHarness) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    admin = harness.guild.add_member(harness.guild.owner)
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse"))
    posts = f"/channels/{harness.channel.id}/messages"
    harness.env.inject_error("POST", posts, status=403, code=50001, times=None)
    await harness.wait(45 * 60)
    (alert,) = alerts(harness)
    assert f"Results cannot be posted in <#{harness.channel.id}>" in alert
    assert not any(message.attachments for message in harness.posts())

    harness.env.backend.faults.clear()
    status = await admin.slash(harness.lounge, "darkroom status")
    assert status.ephemeral
    assert "Could not be posted: 1" in status.response.content
    key = key_in(status.response.content)
    await admin.click(status.response, label="Try them again")
    await harness.wait(1)
    (result,) = [message for message in harness.posts() if message.attachments]
    assert "a lighthouse" in words(result)
    assert alerts(harness)[1:] == [f"✓ Over: {alert.removeprefix('⚠️ ')}"]
    assert "already posted here" in await harness.job(harness.bo, f"#{key}")
    await harness.wait(60)
    assert len([message for message in harness.posts() if message.attachments]) == 1


async def test_an_alert_that_an_earlier_version_stored_is_closed_and_an_unknown_one_dropped(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    stored = {f"channel {harness.channel.id}": "Results cannot be posted.", "weather": "It rains."}
    await harness.bot.store.facts.set("alerts", json.dumps(stored))
    await harness.restart(alert_channel=harness.lounge.id)
    dropped = [record for record in caplog.records if record.name == "bot.alerts"]
    assert [(record.levelno, "weather" in record.getMessage()) for record in dropped] == [(logging.WARNING, True)]
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    await harness.wait(1)
    assert alerts(harness) == ["✓ Over: Results cannot be posted."]
    caplog.clear()
    await harness.restart()
    await harness.wait(60)
    assert len(alerts(harness)) == 1
    assert "weather" not in caplog.text, "it was dropped from the database, too"


async def test_the_status_command_shows_counts_and_useapis_state(harness: BotHarness) -> None:
    admin = harness.guild.add_member(harness.guild.owner)
    await harness.job(harness.mira, harness.useapi.add_job())
    status = await admin.slash(harness.channel, "darkroom status")
    assert status.response.content.splitlines() == [
        "Running jobs watched here: 1",
        "Results to post: 0",
        "Queued requests of this server: 0",
        "useapi.net: answers",
    ]
