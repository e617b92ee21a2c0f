"""A start that fails: one sentence as the last thing on the screen, exit status 1, and nothing changed."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.store import open_store
from bot.store.connection import FILE
from tests.crash.conftest import Process, ProcessHarness

CANARY = "MTk4-canary.of-a.token"
GOOD = {"DISCORD_TOKEN": CANARY, "USEAPI_TOKEN": "user:1-canary", "ALLOWED_GUILDS": "*", "LOG_LEVEL": "DEBUG"}
NOWHERE = "http://127.0.0.1:1"  # refuses connections: nobody listens there


async def last_words(process: Process) -> str:
    """The last line of a start that fails, after a look at all the others."""
    await process.start()
    assert await process.ended(within=10) == 1, process.screen
    assert "Traceback" not in process.screen
    assert "canary" not in process.screen
    return process.screen.splitlines()[-1]


async def last_words_in(folder: Path, **settings: str) -> str:
    """The same, where the start does not come as far as any address."""
    unreachable = {"USEAPI_URL": NOWHERE, "DISCORD_API_URL": NOWHERE}
    return await last_words(Process(folder, {**GOOD, **unreachable, **settings}))


async def test_missing_settings_are_listed_with_where_to_get_them(tmp_path: Path) -> None:
    process = Process(tmp_path, {"POLL_SECONDS": "soon"})
    await last_words(process)
    heading, *mistakes = process.screen.splitlines()
    assert heading == "There is no file .env yet: cp .env.example .env, then fill in its first three settings."
    names = ["DISCORD_TOKEN", "USEAPI_TOKEN", "ALLOWED_GUILDS", "POLL_SECONDS"]
    assert [mistake.split()[1] for mistake in mistakes] == names
    assert list(tmp_path.iterdir()) == []


async def test_a_settings_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\x89PNG\r\n\xff\xfe")
    assert (await last_words_in(tmp_path)).startswith("The file .env cannot be read.")


async def test_a_token_that_discord_does_not_accept(street: ProcessHarness) -> None:
    await street.open(DISCORD_TOKEN=CANARY, LOG_LEVEL="DEBUG")
    assert await last_words(street.bot) == (
        "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."
    )


@pytest.mark.parametrize("refused", ["GET /gateway/bot", "PUT /applications/*/commands"])
async def test_a_discord_token_that_is_reset_during_the_start(street: ProcessHarness, refused: str) -> None:
    street.discord.fail(refused, 401, times=None)
    await street.open(LOG_LEVEL="DEBUG")
    assert await last_words(street.bot) == (
        "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."
    )


async def test_a_token_that_useapi_does_not_accept(street: ProcessHarness) -> None:
    await street.open(USEAPI_TOKEN=CANARY, LOG_LEVEL="DEBUG")
    assert await last_words(street.bot) == (
        "useapi.net does not accept USEAPI_TOKEN. Copy it again from your account there."
    )
    assert street.discord.requests == [], "no login at Discord without a working provider"


async def test_no_way_to_discord(tmp_path: Path) -> None:
    assert await last_words_in(tmp_path) == "Discord could not be reached. Is this machine on the internet?"


async def test_a_refusal_of_another_kind(street: ProcessHarness) -> None:
    street.discord.fail("GET /users/@me", 404)
    await street.open(LOG_LEVEL="DEBUG")
    assert await last_words(street.bot) == "Discord refused the start (HTTP 404). Try again later."


async def test_a_useapi_that_is_down_does_not_stop_the_start(street: ProcessHarness) -> None:
    await street.open(USEAPI_URL=NOWHERE, USEAPI_TOKEN=CANARY, LOG_LEVEL="DEBUG")
    await street.bot.start()
    await street.discord.wait_ready()
    assert (await street.bot.stop())[0] == 0
    assert "useapi.net could not be reached. Starting anyway; it is tried again when needed." in street.bot.screen
    assert "canary" not in street.bot.screen


# --- the folder -----------------------------------------------------------------------------------------------------


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.executescript("CREATE TABLE jobs (id); PRAGMA user_version = 99;")


def another_programs(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.executescript("CREATE TABLE recipes (id); PRAGMA application_id = 7;")


def no_database(file: Path) -> None:
    file.write_bytes(b"a diary, which somebody saved under this name " * 100)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (newer, "A newer Darkroom wrote data/{} (its schema is 99, this program knows "),
        (another_programs, "data/{} belongs to another program."),
        (no_database, "data/{} is no SQLite database."),
    ],
    ids=["newer", "another program's", "no database"],
)
async def test_a_file_that_is_not_ours_is_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], None], sentence: str
) -> None:
    file = tmp_path / "data" / FILE
    file.parent.mkdir()
    make(file)
    before = file.read_bytes()
    assert (await last_words_in(tmp_path)).startswith(sentence.format(FILE))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


async def test_a_second_bot_on_the_same_folder(tmp_path: Path) -> None:
    async with open_store(tmp_path / "data", lambda: datetime.now(UTC)) as first:
        assert await last_words_in(tmp_path) == f"Another bot, or a database tool, has data/{FILE} open. Stop it first."
        await first.facts.set("the first", "goes on")


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the folder should be", encoding="utf-8")
    assert (await last_words_in(tmp_path)).startswith("The folder data for the database cannot be written: ")
