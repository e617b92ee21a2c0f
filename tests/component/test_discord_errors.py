"""What Discord does not answer counts as unknown; what is a bug of ours is raised."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import discord
import pytest

from bot import discord_internals
from bot.app import open_darkroom
from bot.cli.login import log_in
from bot.client import Darkroom
from bot.models import Destination
from bot.settings import from_environment
from bot.ui.permissions import GONE, channel_error, postable_destination, role_is_gone
from bot.ui.posting_checks import Obstacle, PostingChecks
from bot.ui.view_rights import ViewRights
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.limits import Limits

TROUBLE = ["reset", "cloudflare", "garbage", "403-0"]
NOT_LOGGED_IN = (AttributeError, AssertionError)


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    monkeypatch.setattr(discord.http, "json_or_text", discord_internals._read_answer)  # as in the bot's process
    async with FakeDiscord() as fake:
        discord.http.Route.BASE = fake.api_url
        yield fake


@pytest.fixture
def here(fake: FakeDiscord) -> Destination:
    guild = fake.add_guild()
    return Destination(guild_id=guild, channel_id=fake.add_channel(guild))


@pytest.fixture
async def bot(fake: FakeDiscord, tmp_path: Path) -> AsyncIterator[Darkroom]:
    """The whole bot, logged in."""
    environment = {"DISCORD_TOKEN": fake.token, "DISCORD_API_URL": fake.api_url, "USEAPI_TOKEN": "user:1-canary"}
    environment |= {"ALLOWED_GUILDS": "*", "DATA_DIR": str(tmp_path / "data")}
    async with open_darkroom(from_environment(environment, tmp_path / "there is no such file")) as bot:
        await log_in(bot, fake.token)
        yield bot


Check = Callable[[discord.Client, Destination], Awaitable[object]]
CHECKS: dict[str, tuple[Check, object]] = {
    "role": (lambda bot, here: role_is_gone(bot, here.guild_id, 5), False),
    "obstacle": (lambda bot, here: PostingChecks(bot).obstacle(here), Obstacle()),
    "time-out": (lambda bot, here: PostingChecks(bot).timed_out_until(here.guild_id), None),
    "view": (lambda bot, here: ViewRights(bot).of_readers(here, [7]), None),
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", TROUBLE)
async def test_what_discord_does_not_answer_keeps_nobody_from_anything(
    fake: FakeDiscord, here: Destination, check: str, kind: str
) -> None:
    ask, unknown = CHECKS[check]
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login(fake.token)
        fake.fail("*", kind, times=None)
        expected = frozenset({here.channel_id}) if check == "view" else unknown
        assert await ask(client, here) == expected


async def test_a_request_that_was_cancelled_in_a_global_rate_limit_delays_no_later_one_for_ever(
    fake: FakeDiscord, here: Destination, bot: Darkroom, caplog: pytest.LogCaptureFixture
) -> None:
    fake.limits = Limits(whole=(0, 0.6))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await discord_internals.get_channel(bot, here.channel_id)
    assert "Global rate limit has been hit" in caplog.text
    fake.limits = None
    async with asyncio.timeout(5):
        await discord_internals.get_channel(bot, here.channel_id)


async def test_a_request_that_was_cancelled_twice_delays_no_later_one_of_its_route_for_ever(
    fake: FakeDiscord, here: Destination, bot: Darkroom
) -> None:
    path = f"/channels/{here.channel_id}"
    fake.fail(f"GET {path}", "hang", times=1)
    request = asyncio.create_task(discord_internals.get_channel(bot, here.channel_id))
    await fake.wait_until(lambda: any(each.path.endswith(path) for each in fake.requests))
    for _ in range(2):  # as by the time-out of a check, and by that of the whole answer
        request.cancel()
        await asyncio.sleep(0)
    await asyncio.wait({request})
    async with asyncio.timeout(5):
        await discord_internals.get_channel(bot, here.channel_id)


@pytest.mark.parametrize("check", CHECKS)
async def test_a_bug_is_not_read_as_discords_failure(here: Destination, check: str) -> None:
    """The client is not logged in, which no request of ours may be made with."""
    ask, _ = CHECKS[check]
    async with discord.Client(intents=discord.Intents.none()) as client:
        with pytest.raises(NOT_LOGGED_IN):
            await ask(client, here)


async def test_the_channel_of_a_job_is_unknown_or_gone_and_a_bug_is_a_bug(fake: FakeDiscord, here: Destination) -> None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        with pytest.raises(NOT_LOGGED_IN):
            await postable_destination(client, here.channel_id, None)
        await client.login(fake.token)
        assert await postable_destination(client, here.channel_id, None) == here
        fake.fail("*", "reset", times=None)
        assert await channel_error(client, here) is None
        with pytest.raises(OSError, match="Discord did not say"):
            await postable_destination(client, here.channel_id, None)
        fake.heal()
        assert await channel_error(client, Destination(guild_id=here.guild_id, channel_id=17)) == GONE


async def test_a_check_that_met_a_bug_is_made_again(fake: FakeDiscord, here: Destination) -> None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        checks = PostingChecks(client)
        for _ in range(2):
            with pytest.raises(NOT_LOGGED_IN):
                await checks.obstacle(here)
        await client.login(fake.token)
        assert await checks.obstacle(here) == Obstacle()
