"""Starts that fail as an admin sees them: one sentence as the last thing on the screen, and the exit status.

One of each kind; all sentences are in tests/component/test_start_failures.py and tests/unit/test_settings.py.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.store import open_store
from bot.store.connection import FILE
from tests.conftest import only_long
from tests.crash.conftest import Process, ProcessHarness

CANARY = "MTk4-canary.of-a.token"
GOOD = {"DISCORD_TOKEN": CANARY, "USEAPI_TOKEN": "user:1-canary", "ALLOWED_GUILDS": "*", "LOG_LEVEL": "DEBUG"}


async def last_line(process: Process, *, status: int = 78) -> str:
    """The last line of a start that fails with this exit status; no line shows a traceback or a token."""
    await process.start()
    assert await process.ended(within=10) == status, process.screen
    assert "Traceback" not in process.screen
    assert "canary" not in process.screen
    return process.screen.splitlines()[-1]


async def test_missing_settings_are_listed_with_where_to_get_them(tmp_path: Path) -> None:
    process = Process(tmp_path, {"POLL_SECONDS": "soon"})
    await last_line(process)
    heading, *mistakes = process.screen.splitlines()
    assert heading == "There is no file .env yet: cp .env.example .env, then fill in the settings at its top."
    names = ["DISCORD_TOKEN", "ALLOWED_GUILDS", "POLL_SECONDS", "MJ_PROXY_URL"]
    assert [mistake.split()[1] for mistake in mistakes] == names
    assert list(tmp_path.iterdir()) == []


async def test_a_token_that_discord_does_not_accept(harness: ProcessHarness) -> None:
    await harness.open(DISCORD_TOKEN=CANARY, LOG_LEVEL="DEBUG")
    assert await last_line(harness.bot) == (
        "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."
    )


async def test_a_second_bot_on_the_same_folder(tmp_path: Path) -> None:
    async with open_store(tmp_path / "data", lambda: datetime.now(UTC)) as first:
        second = Process(tmp_path, GOOD)
        assert (
            await last_line(second, status=1)
            == f"Another bot, or a database tool, has data/{FILE} open. Stop it first."
        )
        await first.facts.set("the first", "goes on")


@only_long
async def test_a_database_of_a_newer_darkroom(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / FILE)) as database:
        database.executescript("CREATE TABLE jobs (id); PRAGMA user_version = 99;")
    line = await last_line(Process(tmp_path, GOOD))
    assert line.startswith(f"A newer Darkroom wrote data/{FILE}")


@only_long
async def test_a_discord_that_cannot_be_reached_is_worth_another_start(tmp_path: Path) -> None:
    nowhere = {"DISCORD_API_URL": "http://127.0.0.1:1", "USEAPI_URL": "http://127.0.0.1:1"}
    line = await last_line(Process(tmp_path, GOOD | nowhere), status=1)
    assert line == "Discord could not be reached. Is this machine on the internet?"
