"""Gives a test module the event loop that it asks for."""

import asyncio
from collections.abc import Callable

import pytest


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A module that says `event_loop_factory = …` runs on that, every other one on asyncio's own."""
    module = getattr(item, "module", None)
    return {"loop": getattr(module, "event_loop_factory", asyncio.new_event_loop)}
