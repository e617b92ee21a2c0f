"""What holds for all tests: how long the long ones are, and that they begin first."""

import os

import pytest
from hypothesis import settings

LONG = bool(os.environ.get("DARKROOM_LONG"))
"""Set by `make soak`: as many examples and results as the promise speaks of, not as fit into two minutes."""

# No deadline: a busy machine is no bug.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=250, deadline=None)
settings.load_profile("long" if LONG else "quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that start processes and a browser, so that no core waits for the last of them."""
    items.sort(key=lambda item: not ("/crash/" in item.nodeid or "test_the_demo" in item.nodeid))
