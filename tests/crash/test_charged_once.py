"""A press is charged once, proven by killing around its request. `make soak` is the long form."""

from pathlib import Path

import pytest

from bot.models import ProviderName
from tests.conftest import only_long
from tests.crash.submission_run import PressRun

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    "provider", [ProviderName.USEAPI, pytest.param(ProviderName.MIDJOURNEY_PROXY, marks=only_long)]
)
async def test_eight_presses_are_made_found_posted_and_notified_once_though_the_bot_dies(
    tmp_path: Path, provider: ProviderName
) -> None:
    run = PressRun(folder=tmp_path, presses=8, kills=3, seed=11, provider=provider, forked=True)
    figures = await run.run()
    assert figures.spotless, (figures, run.wrongs)
    assert figures.kills == 3
    assert figures.submissions >= 6
    assert figures.children >= 4
    assert figures.at_named_points >= 1, "no kill fell at a point around a request: nothing was proven"
