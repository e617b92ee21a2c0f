"""Alerts of which nothing is left that they are about are forgotten at night, and no admin reads that they are over."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import discord
import pytest

from bot.alerts import Alerts
from bot.models import Delivery, Destination, Job, Person, Status
from bot.models.alert import AlertName
from bot.ops.maintenance import Maintenance
from bot.store import Store, open_store
from tests.database import migrated

GUILD, LEFT = 100, 101
MIRA = Person(id=4711, name="Mira")
ADMINS_CHANNEL = 900
SHUT_OUT = """
    INSERT INTO audit_entries (id, action, guild_id, user_id, user_name, created_at, alert)
    VALUES (?, 'declined', ?, 1, 'Mira', 0, 'open')
"""


class Channel:
    """The far end: the admin's channel at Discord, which takes messages."""

    application = None

    def __init__(self) -> None:
        self.messages: list[str] = []

    def get_partial_messageable(self, channel_id: int) -> "Channel":
        assert channel_id == ADMINS_CHANNEL
        return self

    async def send(self, content: str, **_options: Any) -> None:
        self.messages.append(content)


class Bot:
    """A bot in one server; `night` passes, and `restart` forgets what is only in memory."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.time = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.channel = Channel()
        self.alerts = self._start()

    def _start(self) -> Alerts:
        alerts = Alerts(cast(discord.Client, self.channel), self.store, ADMINS_CHANNEL)
        self.maintenance = Maintenance(
            store=self.store,
            data_dir=self.folder,
            backups=0,
            keep_days=90,
            now=lambda: self.time,
            alerts=alerts,
            joined=self.joined,
        )
        return alerts

    async def restart(self) -> None:
        await self.alerts.close_down()
        self.alerts = self._start()
        await self.alerts.recall()

    async def joined(self) -> set[int]:
        return {GUILD}

    async def night(self) -> None:
        await self.maintenance.run_once()
        self.time += timedelta(days=1)
        await self.maintenance.run_once()
        await self.alerts.close_down()

    async def result(self, channel_id: int, *, guild_id: int = GUILD) -> Delivery:
        """A result that is to be posted."""
        job = Job(jobid=f"job:{channel_id}", verb="imagine", status=Status.COMPLETED)
        await self.store.subscriptions.add(job, Destination(guild_id=guild_id, channel_id=channel_id), MIRA)
        return next(each for each in await self.store.outbox.due() if each.destination.channel_id == channel_id)

    async def stored(self) -> set[str]:
        await self.alerts.close_down()
        return set(json.loads(await self.store.facts.get("alerts") or "{}"))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with open_store(migrated(tmp_path), lambda: opened.time) as store:
        opened = Bot(store, tmp_path)
        yield opened


async def test_alerts_about_what_is_gone_are_forgotten_at_night_without_a_word(bot: Bot) -> None:
    waiting, given_up, dropped, left = [
        await bot.result(201),
        await bot.result(202),
        await bot.result(203),
        await bot.result(301, guild_id=LEFT),
    ]
    await bot.store.outbox.give_up(given_up, "HTTP 403")
    for delivery in (waiting, given_up, dropped, left):
        bot.alerts.open(AlertName.CHANNEL, "Not posted.", subject=delivery.destination.channel_id)
    for delivery in (waiting, dropped, left):
        bot.alerts.open(AlertName.DELIVERY, "It fails.", subject=delivery.id)
    await bot.store.outbox.drop(dropped)
    bot.alerts.open(AlertName.BACKUP, "The backup failed.")
    await bot.restart()
    await bot.night()
    assert await bot.stored() == {"channel 201", "channel 202", f"delivery {waiting.id}", "backup"}
    bot.alerts.close(AlertName.CHANNEL, subject=201)
    bot.alerts.close(AlertName.CHANNEL, subject=203)
    assert await bot.stored() == {"channel 202", f"delivery {waiting.id}", "backup"}
    assert [text for text in bot.channel.messages if "Over" in text] == ["✓ Over: Not posted."]


async def test_the_alert_about_a_member_of_a_server_that_left_is_forgotten(bot: Bot) -> None:
    await bot.store.database.transaction(lambda db: db.executemany(SHUT_OUT, [(GUILD, GUILD), (LEFT, LEFT)]))
    for guild_id in (GUILD, LEFT):
        await bot.store.servers.change_settings(guild_id, daily=3)
        bot.alerts.open(AlertName.DECLINED, "Declined too often.", subject=guild_id)
    await bot.night()
    assert await bot.stored() == {f"declined {GUILD}"}
    assert not [text for text in bot.channel.messages if "Over" in text]
