"""What holds for all tests: how long the long ones are, where their files are, and that processes start first."""

import gc
import os
import shutil

import pytest
from hypothesis import settings

from tests.disk import MEMORY

LONG = bool(os.environ.get("DARKROOM_LONG"))
"""Set by `make soak`: as many examples and results as the promise speaks of, not as fit into a minute."""
only_long = pytest.mark.skipif(not LONG, reason="it takes long by the clock: `make soak` runs it")
"""Marks a test whose shorter neighbour says the same of the usual case."""
ROOM = 512 * 1024 * 1024
"""Bytes that must be free in memory before the tests' folders are made there; Docker gives 64 MB."""

# No deadline: a busy machine is no bug.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=250, deadline=None)
settings.load_profile("long" if LONG else "quick")


def pytest_configure() -> None:
    """Let pytest make the folders of tests in memory where there is room: a disk waits at every commit of SQLite.

    aiohttp loads the machine's certificates in each process that imports it; no test speaks TLS, so none are loaded.

    The garbage collector comes seldom from now on: importing the tests makes many objects, and next to no garbage.
    """
    os.environ["SSL_CERT_FILE"] = os.devnull
    gc.set_threshold(50_000, 20, 20)
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_finish() -> None:
    """Exempt what stays until the end, all modules and tests, from the garbage collector, as the bot does at its start.

    Each full collection looks at every object: a tenth of the time of a journey.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the tests that mostly wait, for processes and a browser, among those that keep a core busy.

    The browser comes first, and the last ones well before the end, so that no core waits for them.
    """
    waiting: list[pytest.Item] = []
    busy: list[pytest.Item] = []
    for item in items:
        (waiting if "/crash/" in item.nodeid or "test_the_demo" in item.nodeid else busy).append(item)
    waiting.sort(key=lambda item: "test_the_demo" not in item.nodeid)
    every = max(len(busy) * 3 // 4 // max(len(waiting), 1), 1)
    items[:] = [item for n, each in enumerate(waiting) for item in (each, *busy[n * every : (n + 1) * every])]
    items += busy[len(waiting) * every :]
