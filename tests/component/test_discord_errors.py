"""What Discord does not answer counts as unknown; what is a bug of ours is raised."""

from collections.abc import AsyncIterator, Awaitable, Callable

import discord
import pytest

from bot import discord_internals
from bot.models import Destination
from bot.ui.permissions import GONE, channel_error, postable_destination, role_is_gone
from bot.ui.posting_checks import Obstacle, PostingChecks
from bot.ui.view_rights import ViewRights
from tests.fakes.discord import FakeDiscord

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
