"""How the shards connect again: at once where that helps, else after growing pauses, each shard on its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import discord
import pytest
import yarl

from bot import discord_internals
from tests import log
from tests.fakes.discord import FakeDiscord

HOUR = 3600.0  # a pause that outlasts the test


class Bot(discord.AutoShardedClient):
    """Notes for which attempts in a row it was asked for a pause, and which shards it takes for connected."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__(intents=discord.Intents.none(), guild_ready_timeout=0.01)
        self.changed = changed
        self.attempts: list[int] = []
        self.connected: set[int] = set()
        self.pause: Callable[[int], float] = lambda _: HOUR

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        await discord_internals.connect_shard(self, gateway, shard_id, initial=initial, pause=self._pause)

    def _pause(self, attempt: int) -> float:
        self.attempts.append(attempt)
        self.changed()
        return self.pause(attempt)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Not the five seconds between two shards."""

    async def on_shard_connect(self, shard: int) -> None:
        self.connected.add(shard)
        self.changed()

    async def on_shard_resumed(self, shard: int) -> None:
        self.connected.add(shard)
        self.changed()

    async def on_shard_disconnect(self, shard: int) -> None:
        self.connected.discard(shard)
        self.changed()


@asynccontextmanager
async def running(fake: FakeDiscord) -> AsyncIterator[Bot]:
    discord_internals.expect_unreadable_data()
    discord_internals.set_api_url(fake.api_url)
    async with Bot(fake.changed) as bot, asyncio.TaskGroup() as tasks:
        tasks.create_task(bot.start(fake.token))
        await fake.wait_until(lambda: len(bot.connected) == fake.gateway.shards)
        yield bot
        await bot.close()
    assert fake.violations == []


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


@pytest.fixture
async def bot(fake: FakeDiscord) -> AsyncIterator[Bot]:
    async with running(fake) as bot:
        yield bot


def up_to(attempt: int) -> Callable[[int], float]:
    """No pause before the first attempts, and from this one on a long one."""
    return lambda number: 0.0 if number < attempt else HOUR


async def test_an_ordinary_end_of_the_connection_is_resumed_at_once(fake: FakeDiscord, bot: Bot) -> None:
    await fake.gateway.drop()
    await fake.wait_until(lambda: fake.gateway.connections == 2 and bool(bot.connected))
    assert (bot.attempts, len(fake.identifies)) == ([], 1)


async def test_a_gateway_that_ends_every_new_session_does_not_use_up_the_days_identifies(
    fake: FakeDiscord, bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    bot.pause = up_to(4)
    fake.gateway.ends_before = "READY"
    await fake.gateway.drop(forget=True)
    await fake.wait_until(lambda: len(bot.attempts) == 4 or len(fake.identifies) > 20)
    assert bot.attempts == [1, 2, 3, 4]
    assert len(fake.identifies) == 1 + 3, "one after each pause"
    assert caplog.text.count("Discord's gateway ended the connection again; next try in") == 4


async def test_a_gateway_that_ends_every_connection_at_once_is_asked_after_growing_pauses(
    fake: FakeDiscord, bot: Bot
) -> None:
    bot.pause = up_to(4)
    fake.gateway.ends_before = "HELLO"
    await fake.gateway.drop()
    await fake.wait_until(lambda: len(bot.attempts) == 4 or fake.gateway.connections > 20)
    assert bot.attempts == [1, 2, 3, 4]
    assert fake.gateway.connections == 1 + 4, "one at once, and one after each pause"
    assert len(fake.identifies) == 1


async def test_a_session_that_cannot_be_resumed_is_replaced_although_discord_does_not_say_so(
    fake: FakeDiscord, bot: Bot
) -> None:
    bot.pause = lambda _: 0.0
    fake.gateway.ends_before = "HELLO"
    await fake.gateway.drop()
    await fake.wait_until(lambda: len(bot.attempts) >= 2)
    fake.gateway.ends_before = ""
    await fake.wait_until(lambda: bool(bot.connected))
    assert len(fake.identifies) == 2


@pytest.mark.parametrize("frame", ["", "<html>Sorry</html>"], ids=["an end", "unreadable frames"])
async def test_a_shard_counts_as_disconnected_as_soon_as_its_pause_begins(
    fake: FakeDiscord, bot: Bot, frame: str
) -> None:
    if frame:
        await fake.gateway.send_raw(frame)
    else:
        await fake.gateway.drop()
        await fake.wait_until(lambda: fake.gateway.connections == 2 and bool(bot.connected))
        await fake.gateway.drop()
    await fake.wait_until(lambda: bool(bot.attempts))
    await fake.wait_until(lambda: not bot.connected)


async def test_a_shard_in_trouble_delays_no_other_one() -> None:
    async with FakeDiscord(shards=2) as fake, running(fake) as bot:
        session = fake.gateway.sessions[0]
        first = session.socket
        await fake.gateway.drop(shard=0)
        await fake.wait_until(lambda: session.socket not in (None, first))
        await fake.gateway.drop(shard=0)
        await fake.wait_until(lambda: bot.attempts == [1])
        await fake.gateway.drop(shard=1)
        await fake.wait_until(lambda: fake.gateway.connections == 4 and bot.connected == {1})
        assert bot.attempts == [1], "shard 1 connected again at once"


async def test_a_shard_that_cannot_connect_delays_no_other_one() -> None:
    async with FakeDiscord(shards=2) as fake, running(fake) as bot:
        fake.fail("GET /gateway", 503, times=1)
        await fake.gateway.drop(shard=0)
        await fake.wait_until(lambda: bot.attempts == [0])
        await fake.gateway.drop(shard=1)
        await fake.wait_until(lambda: fake.gateway.connections == 3 and bot.connected == {1})


async def test_the_pauses_between_failed_attempts_grow_until_a_session_begins(fake: FakeDiscord, bot: Bot) -> None:
    bot.pause = lambda _: 0.0
    with log.written([]) as written:
        await outage(fake, bot)
        await outage(fake, bot)
    ended_again = [1]  # the second session, soon after it began
    assert bot.attempts == [0, 1, 2, *ended_again, 0, 1, 2]
    lines = written.getvalue()
    assert lines.count("Discord's gateway cannot be reached (WSServerHandshakeError); next try in") == 6
    assert not [line for line in lines.splitlines() if '"discord.shard"' in line or "traceback" in line]


async def outage(fake: FakeDiscord, bot: Bot) -> None:
    """Three attempts fail, the next one begins a session."""
    identifies = len(fake.identifies)
    fake.fail("GET /gateway", 503, times=3)
    await fake.gateway.drop()
    await fake.wait_until(lambda: len(fake.identifies) > identifies and bot.connected == {0})
