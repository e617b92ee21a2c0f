"""A server that removed the bot is kept for a while, and then deleted with all that is kept for it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest

from bot.models import Destination, Job, Limits, Person, ProviderName, Status, Submission
from bot.ops.maintenance import Maintenance
from bot.store import Store, open_store
from tests.database import migrated
from tests.fakes.alerts import AlertLog
from tests.submitting import prompt_submission

HERE = Destination(guild_id=100, channel_id=200)
THERE = Destination(guild_id=101, channel_id=300)
MIRA = Person(id=4711, name="Mira")
DONE = Job(jobid="job:1", verb="imagine", status=Status.COMPLETED, prompt="castle in the fog")
KEEP_DAYS = 31
EVERYTHING = {
    "subscriptions",
    "submissions",
    "deliveries",
    "members",
    "audit_entries",
    "presets",
    "servers",
    "job_channels",
}


class Night:
    """A bot whose nights pass one after the other; `joined` are the servers that it is in, as Discord says."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.joined: set[int] | Exception = {HERE.guild_id, THERE.guild_id}
        self.time = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.maintenance = Maintenance(
            store=store,
            data_dir=folder,
            backups=0,
            keep_days=KEEP_DAYS,
            now=self.now,
            alerts=AlertLog(),
            joined=self.servers,
        )

    def now(self) -> datetime:
        return self.time

    async def servers(self) -> set[int]:
        if isinstance(self.joined, Exception):
            raise self.joined
        return self.joined

    async def passes(self, days: int = 1) -> None:
        for _ in range(days):
            self.time += timedelta(days=1)
            self.store.clock.note_snowflake(int((self.time.timestamp() - 1420070400) * 1000) << 22)
            await self.maintenance.run_once()

    async def kept(self, guild_id: int) -> set[str]:
        """The tables with a row of this server."""
        return {
            table
            for table in EVERYTHING
            if await self.store.database.rows(f"SELECT 1 FROM {table} WHERE guild_id = ?", (guild_id,))
        }


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    async with open_store(migrated(tmp_path), lambda: opened.time) as store:
        opened = Night(store, tmp_path)
        yield opened


async def used(store: Store, destination: Destination) -> None:
    """A server with something in each table."""
    await store.subscriptions.add(DONE, destination, MIRA)
    for delivery in await store.outbox.due():
        assert await store.outbox.claim(delivery) is not None
        await store.outbox.mark_posted(delivery, 5)
    await store.servers.change_settings(destination.guild_id, paused=True)
    await store.presets.add(destination.guild_id, "Ink", "ink wash")
    await store.members.change(destination.guild_id, MIRA.id, shut_out=True, until=None, manager_name="Ada")
    await store.members.change(destination.guild_id, MIRA.id, shut_out=False, until=None, manager_name="Ada")
    queued = await store.submissions.add(
        prompt_submission("a tower", destination, MIRA), provider=ProviderName.USEAPI, limits=Limits()
    )
    assert isinstance(queued, Submission)


async def test_a_server_that_removed_the_bot_is_deleted_in_the_end_and_no_other(night: Night) -> None:
    await night.maintenance.run_once()
    await used(night.store, HERE)
    await used(night.store, THERE)
    night.joined = {THERE.guild_id}
    await night.passes(KEEP_DAYS)
    known = await night.store.jobs.by_key((await night.store.jobs.get(1)).key, THERE.guild_id)
    assert known is not None
    assert await night.kept(HERE.guild_id) == EVERYTHING, "until then it may come back"
    await night.store.subscriptions.add(msgspec.structs.replace(DONE, jobid="job:2"), THERE, MIRA)
    await night.passes(2)
    assert await night.kept(HERE.guild_id) <= {"submissions"}
    rows = await night.store.database.rows("SELECT user_id, prompt, state FROM submissions WHERE guild_id = 100")
    assert [tuple(row) for row in rows] in ([], [(0, "", "cancelled")])
    assert "servers" in await night.kept(THERE.guild_id)
    assert await night.store.presets.of_server(THERE.guild_id) != []


async def test_a_server_that_takes_the_bot_back_keeps_everything(night: Night) -> None:
    await night.maintenance.run_once()
    await night.store.servers.change_settings(HERE.guild_id, daily=3)
    for _ in range(3):
        night.joined = set()
        await night.passes(KEEP_DAYS - 1)
        night.joined = {HERE.guild_id}
        await night.passes()
    assert (await night.store.servers.settings(HERE.guild_id)).daily == 3


async def test_nothing_is_deleted_while_discord_does_not_say_where_the_bot_is(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    await night.maintenance.run_once()
    await night.store.servers.change_settings(HERE.guild_id, daily=3)
    night.joined = aiohttp.ClientConnectionError()
    await night.passes(3 * KEEP_DAYS)
    assert (await night.store.servers.settings(HERE.guild_id)).daily == 3
    assert "The list of servers could not be loaded from Discord (ClientConnectionError)" in caplog.messages


async def test_a_member_of_whom_nothing_is_needed_any_more_is_deleted(night: Night) -> None:
    await night.maintenance.run_once()
    guild_id, members = HERE.guild_id, night.store.members
    by_name, pings_off, let_in, shut_out = (Person(id=number, name="?") for number in range(1, 5))
    await members.remember_name(guild_id, by_name)
    await night.store.servers.set_pings(guild_id, pings_off.id, False)
    for person in (let_in, shut_out):
        await members.change(guild_id, person.id, shut_out=True, until=None, manager_name="Ada")
    await members.change(guild_id, let_in.id, shut_out=False, until=None, manager_name="Ada")
    await night.passes(2)
    rows = await night.store.database.rows("SELECT user_id FROM members ORDER BY user_id")
    assert [row[0] for row in rows] == [pings_off.id, let_in.id, shut_out.id]
    await night.passes(KEEP_DAYS)
    rows = await night.store.database.rows("SELECT user_id FROM members ORDER BY user_id")
    assert [row[0] for row in rows] == [pings_off.id, shut_out.id]
