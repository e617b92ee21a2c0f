"""What the admin of a bot sees from outside: health, metrics, backups, and the alerts about them."""

import asyncio
import itertools
import logging
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.ops.maintenance import _last_night
from bot.store.backups import nightly
from tests.conftest import only_long
from tests.database import damage
from tests.journeys.conftest import BotHarness, words


async def served_on(harness: BotHarness, caplog: pytest.LogCaptureFixture, **settings: Any) -> str:
    """Restart with a health port that the system chooses; returns its origin."""
    caplog.set_level(logging.INFO, "bot.app")
    await harness.restart(health_port=0, **settings)
    addresses = re.findall(r"http://127\.0\.0\.1:\d+", caplog.text)
    return str(addresses[-1])


async def get(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        json = "json" in response.content_type
        return response.status, await response.json() if json else await response.text()


async def failing(origin: str) -> dict[str, str]:
    """Return the parts that fail, with the reason of each."""
    status, report = await get(f"{origin}/healthz")
    failures = {name: part["is"] for name, part in report["parts"].items() if not part["ok"]}
    assert (status == 200) == report["healthy"] == (not failures)
    return failures


async def test_health_names_the_part_that_fails_and_for_how_long(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    origin = await served_on(harness, caplog)
    await harness.wait(1000)
    assert await failing(origin) == {}, "an idle bot is healthy"

    with harness.env._bot_scope():
        harness.bot.dispatch("shard_disconnect", 0)
    await harness.wait(55)
    assert await failing(origin) == {}, "a reconnect takes a moment"
    await harness.wait(20)
    assert await failing(origin) == {"gateway": "down for 75 s"}
    with harness.env._bot_scope():
        harness.bot.dispatch("shard_resumed", 0)
    await harness.wait(6)
    assert await failing(origin) == {}

    connection: Any = harness.bot.store.database._connection
    await connection.execute("PRAGMA query_only = ON")
    await harness.wait(6)
    assert await failing(origin) == {"database": "cannot be written"}
    await connection.execute("PRAGMA query_only = OFF")
    await harness.wait(6)
    assert await failing(origin) == {}

    loops: Any = vars(harness.bot.cogs["Background"])["_loops"]
    (poller, dispatcher) = [task for task in loops if task.get_name() in {"useapi poller", "dispatcher"}]
    poller.cancel()
    dispatcher.cancel()
    await harness.job(harness.mira, harness.useapi.add_job())
    await harness.wait(450)
    assert set(await failing(origin)) == {"poller", "polls", "deliveries"}
    caplog.clear()


async def test_a_page_that_is_damaged_while_the_bot_runs_is_one_alert_and_503(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    origin = await served_on(harness, caplog, alert_channel=harness.lounge.id)
    await harness.wait(10)
    await damage(harness.bot.store.database, harness.folder, "deliveries_open", "row_counts")
    await harness.wait(400)
    assert await failing(origin) == {"database": "cannot be read"}
    assert (await get(f"{origin}/metrics"))[0] == 503
    (alert,) = harness.posts(harness.lounge)
    assert words(alert).startswith("⚠️ The database is damaged. Stop the bot and put a copy back")


async def test_the_first_requests_at_the_same_time_all_get_a_report(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    origin = await served_on(harness, caplog)
    for _, report in await asyncio.gather(*(get(f"{origin}/healthz") for _ in range(5))):
        assert report["parts"], "an empty report would count as healthy"


@only_long
async def test_an_outage_of_useapi_is_reported_but_fails_no_part(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    origin = await served_on(harness, caplog)
    jobs = [harness.useapi.add_job(duration=4000) for _ in range(5)]
    for jobid in jobs:
        await harness.job(harness.mira, jobid)
    harness.useapi.fail(503, times=math.inf)
    for _ in range(20):
        await harness.wait(300)
        assert await failing(origin) == {}
    _, report = await get(f"{origin}/healthz")
    assert report["parts"]["useapi"] == {
        "ok": True,
        "is": "useapi.net is having problems right now. Please try again in a minute.",
    }
    harness.useapi.heal()
    for _ in range(6):
        await harness.wait(60)
        assert await failing(origin) == {}, "nor is the backlog after it"


async def test_metrics_count_what_happened_and_contain_no_secret(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    origin = await served_on(harness, caplog)
    await get(f"{origin}/metrics")
    jobid = harness.useapi.add_job(prompt="a lighthouse")
    await harness.job(harness.mira, jobid)
    harness.env.inject_error("POST", f"/channels/{harness.channel.id}/messages", status=503, times=2)
    await harness.wait(120)
    _, text = await get(f"{origin}/metrics")
    numbers = {name: float(value) for name, value in re.findall(r"^(darkroom\S*(?:{.*})?) (\S+)$", text, re.MULTILINE)}
    assert numbers['darkroom_jobs{status="completed"}'] == 1
    assert numbers['darkroom_deliveries{kind="result",state="posted"}'] == 1
    polls = numbers['darkroom_poll_seconds_count{provider="useapi"}']
    assert numbers['darkroom_provider_responses_total{code="200",provider="useapi",request="poll"}'] == polls
    assert polls >= 2
    assert numbers["darkroom_delivery_seconds_count"] == 1
    assert numbers["darkroom_delivery_retries_total"] == 2
    assert numbers["darkroom_database_bytes"] > 4096
    assert numbers['darkroom_healthy{part="database"}'] == 1
    assert not any(secret in text for secret in (jobid, "lighthouse", "demo-token", str(harness.guild.id)))
    assert (await get(f"{origin}/elsewhere"))[0] == 404


async def test_a_copy_is_made_each_night_and_a_failure_alerts_once(
    harness: BotHarness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.restart(alert_channel=harness.lounge.id, backups=2)
    await harness.wait(70)
    assert nightly(harness.folder, datetime.max.replace(tzinfo=UTC)) == [], "there is nothing to copy on the first day"
    for _ in range(3):
        await harness.restart(away=1.5 * 86_400)
        await harness.wait(400)
    assert len(nightly(harness.folder, datetime.max.replace(tzinfo=UTC))) == 2, "what was missed is made up for, once"

    free = itertools.count(15 << 20, -1 << 20)  # what is left is another number each hour
    monkeypatch.setattr("bot.store.backups.free_bytes", lambda _: next(free))
    monkeypatch.setattr("bot.ops.maintenance.free_bytes", lambda _: 1 << 20)
    await harness.restart(away=86_400)
    await harness.wait(7500)
    assert next(free) < 14 << 20, "it is tried again"
    assert [message.split(":")[0] for message in caplog.messages if "needs 16 MB" in message] == [
        "A copy of the database needs 16 MB, and 15 MB are free."
    ]
    copies = (harness.folder / "backups").rename(harness.folder / "aside")
    (harness.folder / "backups").touch()  # another reason is said
    await harness.wait(7500)
    (harness.folder / "backups").unlink()
    copies.rename(harness.folder / "backups")
    monkeypatch.undo()
    await harness.wait(3900)
    alerts = [words(message) for message in harness.posts(harness.lounge)]
    assert [text[:32] for text in alerts] == [
        "⚠️ Less than 200 MB are free on ",
        "⚠️ The nightly backup failed: A ",
        "⚠️ The nightly backup failed: Th",
        "✓ Over: Less than 200 MB are fre",
        "✓ Over: The nightly backup faile",
    ]
    assert len(nightly(harness.folder, datetime.max.replace(tzinfo=UTC))) == 2
    caplog.clear()


async def test_old_jobs_are_deleted_by_night_and_their_buttons_say_so(harness: BotHarness) -> None:
    await harness.restart(keep_days=31)
    jobid = harness.useapi.add_job(prompt="a lighthouse", age=600)
    await harness.job(harness.mira, jobid)
    await harness.wait(5)
    post = harness.last
    await harness.bot.store.servers.change_settings(999, daily=3)
    await harness.restart(away=33 * 86_400)
    await harness.wait(70)
    assert len(await harness.rows("SELECT id FROM jobs")) == 1, "how late it is, Discord has not said yet"
    await harness.job(harness.bo, harness.useapi.add_job(age=600))
    await harness.restart(away=86_400)
    await harness.wait(70)
    assert len(await harness.rows("SELECT id FROM jobs")) == 1
    assert "I don't know" in (await harness.press(harness.mira, post, "U1")).content
    assert await harness.rows("SELECT guild_id FROM left_servers") == [(999,)], "one that removed the bot is noted"


def test_a_night_begins_at_half_past_three(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    began = _last_night(noon)
    assert began.astimezone().strftime("%H:%M") == "03:30"
    assert timedelta() <= noon - began < timedelta(days=1)
