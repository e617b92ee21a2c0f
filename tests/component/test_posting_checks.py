"""What Discord says about posting in a channel: asked for once in some minutes, and never waited for long."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import discord
import pytest

from bot import discord_internals
from bot.models import Destination
from bot.ui.posting_checks import Obstacle, PostingChecks, Refused
from bot.wakeup import loop_time
from tests.fakes.discord import FakeDiscord

TYPING = "POST /channels/*/typing"
MEMBER = "GET /guilds/*/members/*"
CLEAR = Obstacle()


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


@pytest.fixture
async def there(fake: FakeDiscord) -> Destination:
    guild = fake.add_guild()
    return Destination(guild_id=guild, channel_id=fake.add_channel(guild))


@pytest.fixture
async def checks(fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostingChecks]:
    monkeypatch.setattr(discord.http, "json_or_text", discord_internals._read_answer)  # as in the bot's process
    discord.http.Route.BASE = fake.api_url
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login(fake.token)
        yield PostingChecks(client)


def count(fake: FakeDiscord, what: str) -> int:
    return sum(f"{request.method} {request.path}".endswith(what) for request in fake.requests)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> "Later":
    return Later(monkeypatch)


class Later:
    """The loop's clock as the checks read it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr("bot.ui.posting_checks.loop_time", lambda: loop_time() + self.seconds)


async def test_a_channel_is_asked_about_once_in_five_minutes(
    fake: FakeDiscord, there: Destination, checks: PostingChecks, later: Later
) -> None:
    assert await asyncio.gather(*(checks.obstacle(there) for _ in range(5))) == [CLEAR] * 5
    later.seconds = 290
    assert await checks.obstacle(there) == CLEAR
    assert count(fake, "/typing") == 1
    later.seconds = 310
    assert await checks.obstacle(there) == CLEAR
    assert count(fake, "/typing") == 2


async def test_a_refusal_is_named_and_believed_for_a_minute_or_until_the_permissions_change(
    fake: FakeDiscord, there: Destination, checks: PostingChecks, later: Later
) -> None:
    fake.deny(there.channel_id, "SEND_MESSAGES")
    for _ in range(3):
        assert await checks.obstacle(there, 1) == Obstacle(refused=Refused(403, 50013))
    assert count(fake, "/typing") == 1
    fake.allow(there.channel_id, "SEND_MESSAGES")
    assert await checks.obstacle(there, 1) == Obstacle(refused=Refused(403, 50013))
    assert await checks.obstacle(there, 2) == CLEAR, "somebody changed the bot's permissions"
    later.seconds = 70
    assert await checks.obstacle(there, 1) == CLEAR


@pytest.mark.parametrize("change", ["delete_channel", "kick"])
async def test_a_channel_that_is_gone_or_hidden_is_named_by_its_code(
    fake: FakeDiscord, there: Destination, checks: PostingChecks, change: str
) -> None:
    getattr(fake, change)(there.channel_id if change == "delete_channel" else there.guild_id)
    code = 10003 if change == "delete_channel" else 50001
    assert (await checks.obstacle(there)).refused == Refused(404 if change == "delete_channel" else 403, code)


async def test_a_time_out_is_no_refusal(fake: FakeDiscord, there: Destination, checks: PostingChecks) -> None:
    fake.time_outs[there.guild_id] = until = int(time.time()) + 600
    assert await checks.obstacle(there) == Obstacle(timed_out_until=datetime.fromtimestamp(until, UTC))
    assert count(fake, "/typing") == 0


@pytest.mark.parametrize("kind", [403, 404, 400, 503, "blocked", "garbage", "reset"])
async def test_an_unclear_answer_is_no_obstacle(
    fake: FakeDiscord, there: Destination, checks: PostingChecks, kind: str | int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.fail(TYPING, kind, None)
    fake.fail(MEMBER, kind, None)
    assert await checks.obstacle(there) == CLEAR


async def test_a_discord_that_does_not_answer_delays_nobody_for_more_than_a_second(
    fake: FakeDiscord, there: Destination, checks: PostingChecks
) -> None:
    fake.fail(TYPING, "hang", None)
    fake.fail(MEMBER, "hang", None)
    began = loop_time()
    assert await asyncio.gather(*(checks.obstacle(there) for _ in range(3))) == [CLEAR] * 3
    assert loop_time() - began < 2
    assert len(fake.requests) - count(fake, "/users/@me") - count(fake, "/applications/@me") == 2
