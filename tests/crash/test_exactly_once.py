"""The promise, proven by killing: every result stands in its channel once. `make soak` is the long form."""

from pathlib import Path

import pytest

from tests.crash.kill_run import KillRun

pytestmark = pytest.mark.timeout(180)  # twenty starts take their time where other tests run beside them


async def test_a_hundred_results_stand_once_after_twenty_kills_though_discord_forgets_nonces(tmp_path: Path) -> None:
    run = KillRun(folder=tmp_path, deliveries=100, kills=20, seed=20, nonce_window=0)
    figures = await run.run()
    assert figures.spotless, (figures, run.wrongs)
    assert (figures.deliveries, figures.kills) == (100, 20)
    assert figures.at_named_points > 0
    assert figures.settled > 0, "no kill fell between a send and its answer: nothing was proven"


async def test_results_that_discord_stored_and_denied_stand_once_while_it_remembers_nonces(tmp_path: Path) -> None:
    run = KillRun(
        folder=tmp_path, deliveries=30, kills=4, seed=6, nonce_window=120, fault_rate=0.1, channels=3, blind=True
    )
    figures = await run.run()
    assert figures.spotless, (figures, run.wrongs)
    assert (figures.deliveries, figures.kills) == (30, 4)
