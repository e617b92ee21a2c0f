"""A message is refused before the answer that promises it has been sent: its member hears of it right after."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.app import open_darkroom
from bot.models import Destination, Job, Person, Status
from bot.settings import Secret, Settings
from bot.store import open_store
from bot.ui.posting_checks import Obstacle, Refused
from bot.ui.refused_posts import RefusedPosts
from tests.database import migrated
from tests.fakes.discord import FakeDiscord

HERE = Destination(guild_id=100, channel_id=200)
DONE = Job(jobid="job:1", verb="imagine", status=Status.COMPLETED)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


def answered(user_id: int, token: str) -> Any:
    """An interaction of a member that has its answer."""
    response = SimpleNamespace(is_done=lambda: True)
    user = SimpleNamespace(id=user_id)
    return SimpleNamespace(guild_id=HERE.guild_id, user=user, token=token, response=response)


async def test_a_refusal_that_is_quicker_than_the_answer_is_said_after_it(fake: FakeDiscord, tmp_path: Path) -> None:
    discord.http.Route.BASE = fake.api_url
    async with (
        discord.Client(intents=discord.Intents.none()) as client,
        open_store(migrated(tmp_path), lambda: datetime(2026, 11, 23, 12, tzinfo=UTC)) as store,
    ):
        await client.login(fake.token)
        posts = RefusedPosts(client, store, lambda text: text)
        subscribed = await store.subscriptions.add(DONE, HERE, Person(id=1, name="Mira"))
        (delivery,) = await store.outbox.due()
        posts.note(delivery, Obstacle(refused=Refused(400, 50083)))
        await posts.idle()
        posts.remember(answered(2, "bo"))
        posts.remember(answered(1, "mira"))
        await posts.idle()
        (request,) = [request for request in fake.requests if request.path.startswith("/webhooks/")]
        assert request.path.endswith("/mira")
        assert request.json["flags"] == 64
        assert request.json["content"].startswith(f"`#{subscribed.known.key}` isn't posted in <#200> yet. ")
        await store.deliveries.add_split(subscribed.known.id, HERE)
        _, split = await store.outbox.due()
        posts.expect_split(split.job_id, HERE.channel_id, 2)
        posts.note(split, Obstacle(refused=Refused(400, 50083)))
        await posts.idle()
        _, request = [request for request in fake.requests if request.path.startswith("/webhooks/")]
        assert request.path.endswith("/bo"), "he alone wants the four pictures"
        posts.remember(answered(1, "mira again"))
        await posts.idle()
        assert len([request for request in fake.requests if request.path.startswith("/webhooks/")]) == 2


async def test_what_is_being_said_ends_before_the_session_with_discord_closes(
    fake: FakeDiscord, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot")
    settings = Settings(
        discord_token=Secret(fake.token),
        discord_api_url=fake.api_url,
        useapi_token=Secret("user:1"),
        useapi_url="http://127.0.0.1:1",
        allowed_guilds=None,
        data_dir=migrated(tmp_path),
    )
    async with open_darkroom(settings) as bot:
        await bot.login(fake.token)
        await bot.store.subscriptions.add(DONE, HERE, Person(id=1, name="Mira"))
        (delivery,) = await bot.store.outbox.due()
        bot.refused_posts.remember(answered(1, "mira"))
        fake.fail("POST /webhooks/*", "hang", times=None)
        bot.refused_posts.note(delivery, Obstacle(refused=Refused(400, 50083)))
        await fake.wait_until(lambda: any(request.path.startswith("/webhooks/") for request in fake.requests))
    assert "Could not tell" not in caplog.text, "it was ended, not cut off"
    before = len(fake.requests)
    bot.refused_posts.note(delivery, Obstacle(refused=Refused(403, 50001)))
    await bot.refused_posts.idle()
    assert len(fake.requests) == before
