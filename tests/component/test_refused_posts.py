"""A message is refused before the answer that promises it has been sent: its member hears of it right after."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.models import Destination, Job, Person, Status
from bot.store import open_store
from bot.ui.posting_checks import Obstacle, Refused
from bot.ui.refused_posts import RefusedPosts
from tests.database import migrated
from tests.fakes.discord import FakeDiscord

HERE = Destination(guild_id=100, channel_id=200)
DONE = Job(jobid="job:1", verb="imagine", status=Status.COMPLETED)


@pytest.fixture(autouse=True)
def discord_py_is_put_back() -> Iterator[None]:
    base = discord.http.Route.BASE
    yield
    discord.http.Route.BASE = base


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
