"""Gives a test module the event loop that it asks for, and puts back what it changes in discord.py."""

import asyncio
from collections.abc import Callable

import discord
import pytest
import uvloop

from tests.sqlite_in_loop import call_sqlite_in_loop


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A module that says `event_loop_factory = …` runs on that, every other one on uvloop, as the bot does."""
    return {"loop": _loop_factory(item)}


def _loop_factory(item: pytest.Item) -> Callable[[], asyncio.AbstractEventLoop]:
    return getattr(getattr(item, "module", None), "event_loop_factory", uvloop.new_event_loop)


@pytest.fixture(autouse=True)
def sqlite_in_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out SQLite's thread, except in a module that says `sqlite_has_its_thread = True`."""
    if not getattr(request.module, "sqlite_has_its_thread", False):
        call_sqlite_in_loop(monkeypatch)


@pytest.fixture(autouse=True)
def discord_py_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore where discord.py finds Discord and how it reads it, which a test or the bot that it starts may change."""
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    for module, name in (
        (discord.http, "json_or_text"),
        (discord.http, "Ratelimit"),
        (discord.webhook.async_, "json_or_text"),
        (discord.shard, "DiscordWebSocket"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)
