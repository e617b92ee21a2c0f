"""The promise, proven by killing: every result stands in its channel once. `make soak` is the long form."""

from pathlib import Path

import pytest

from bot.models import ProviderName
from tests.conftest import only_long
from tests.crash.kill_run import KillRun

pytestmark = pytest.mark.timeout(180)  # every start takes its time where other tests run beside it


async def test_results_are_posted_once_after_five_kills_though_discord_forgets_nonces(tmp_path: Path) -> None:
    run = KillRun(folder=tmp_path, deliveries=30, kills=5, seed=1826, nonce_window=0, starboard=True, forked=True)
    figures = await run.run()
    assert figures.spotless, (figures, run.wrongs)
    assert (figures.deliveries, figures.kills) == (30, 5)
    assert figures.starred > 0
    assert figures.at_named_points > 0
    assert figures.settled > 0, "no kill fell between a send and its answer: nothing was proven"


@only_long
async def test_results_of_the_other_provider_are_posted_once_too(tmp_path: Path) -> None:
    run = KillRun(
        folder=tmp_path, deliveries=12, kills=2, seed=3, channels=3, provider=ProviderName.MIDJOURNEY_PROXY, forked=True
    )
    figures = await run.run()
    assert figures.spotless, (figures, run.wrongs)
    assert (figures.deliveries, figures.kills) == (12, 2)
    assert figures.settled > 0, "no kill fell between a send and its answer: nothing was proven"


@only_long
async def test_results_that_discord_stored_and_denied_are_posted_once_while_it_remembers_nonces(tmp_path: Path) -> None:
    run = KillRun(
        folder=tmp_path,
        deliveries=12,
        kills=1,
        seed=6,
        nonce_window=120,
        fault_rate=0.1,
        channels=3,
        blind=True,
        forked=True,
    )
    figures = await run.run()
    assert figures.spotless, (figures, run.wrongs)
    assert (figures.deliveries, figures.kills) == (12, 1)
