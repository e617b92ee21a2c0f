"""A start that fails ends in a `StartError`, whose sentence says what to do, and changes nothing.

The exit status is 78 where a person must act before the next start can succeed, else 1. That it is the status of the
process, with the sentence as the last line on the screen, is shown by real processes in tests/crash/test_start.py.
"""

import asyncio
import math
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.app import open_darkroom
from bot.cli import run
from bot.client import Darkroom
from bot.demo.useapi import FakeUseapi
from bot.discord_codes import CloseCode
from bot.errors import StartError
from bot.settings import Settings, from_environment
from bot.store.connection import FILE
from tests import log
from tests.database import damage
from tests.disk import largest_file, unopenable
from tests.fakes.discord import FakeDiscord

sqlite_has_its_thread = True  # as in the bot

CANARY = "MTk4-canary.of-a.token"
NOWHERE = "http://127.0.0.1:1"  # refuses connections: nobody listens there
GOOD = {
    "DISCORD_TOKEN": CANARY,
    "USEAPI_TOKEN": "user:1-canary",
    "ALLOWED_GUILDS": "*",
    "USEAPI_URL": NOWHERE,
    "DISCORD_API_URL": NOWHERE,
}
LOGIN_REFUSED = "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the admin calls the command."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def useapi() -> AsyncIterator[FakeUseapi]:
    async with FakeUseapi() as fake:
        yield fake


@pytest.fixture
async def fake_discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake
    assert fake.violations == []


async def start_error(status: int = 78, /, **settings: str) -> str:
    """The sentence of a start that fails with this exit status; its log holds no traceback and no token."""
    read = from_environment(GOOD | settings, Path("there is no such file"))
    with log.written(read.secrets) as written, pytest.raises(StartError) as caught:
        await run._serve(read, always_sync=False)
    output = f"{written.getvalue()}{caught.value}"
    assert "traceback" not in output.lower()
    assert "canary" not in output
    assert caught.value.exit_status == status
    return str(caught.value)


async def test_a_token_that_discord_does_not_accept(useapi: FakeUseapi, fake_discord: FakeDiscord) -> None:
    reachable = {"USEAPI_TOKEN": "demo-token", "USEAPI_URL": useapi.url, "DISCORD_API_URL": fake_discord.api_url}
    assert await start_error(**reachable) == LOGIN_REFUSED


@pytest.mark.parametrize("refused", ["GET /gateway/bot", "PUT /applications/*/commands"])
async def test_a_discord_token_that_is_reset_during_the_start(fake_discord: FakeDiscord, refused: str) -> None:
    fake_discord.fail(refused, 401, times=None)
    reachable = {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url}
    assert await start_error(**reachable) == LOGIN_REFUSED


async def test_an_application_whose_commands_discord_sends_elsewhere(fake_discord: FakeDiscord) -> None:
    fake_discord.interactions_endpoint_url = "https://bot.example.com/interactions"
    reachable = {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url}
    assert await start_error(**reachable) == (
        "Discord sends the commands to an Interactions Endpoint URL, not to this bot. Remove that URL in the Developer "
        "Portal, your application, General Information."
    )
    assert fake_discord.identifies == []


async def test_a_token_that_useapi_does_not_accept(useapi: FakeUseapi, fake_discord: FakeDiscord) -> None:
    assert await start_error(USEAPI_URL=useapi.url, DISCORD_API_URL=fake_discord.api_url) == (
        "useapi.net does not accept USEAPI_TOKEN. Copy it again from your account there."
    )
    assert fake_discord.requests == [], "Discord is not troubled with a bot that could do nothing"


async def test_no_way_to_discord() -> None:
    assert await start_error(1) == "Discord could not be reached. Is this machine on the internet?"


async def test_a_refusal_of_another_kind(fake_discord: FakeDiscord) -> None:
    fake_discord.fail("GET /users/@me", 404)
    reachable = {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url}
    assert await start_error(1, **reachable) == "Discord refused the start (HTTP 404). Try again later."


async def test_a_token_that_is_reset_later_while_a_connection_does_not_close(
    fake_discord: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(discord.shard.Shard, "close", close)
    monkeypatch.setattr("bot.client._CLOSE_TIMEOUT_SECONDS", 0.1)
    reachable = {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url}
    starting = asyncio.create_task(start_error(**reachable))
    await fake_discord.wait_ready()
    await fake_discord.gateway.drop(CloseCode.AUTHENTICATION_FAILED)
    assert await starting == (
        "Discord no longer accepts DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."
    )


# --- the ports ------------------------------------------------------------------------------------------------------


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])


async def test_a_health_port_that_is_taken(fake_discord: FakeDiscord, taken_port: int) -> None:
    reachable = {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url}
    assert await start_error(1, **reachable, HEALTH_PORT=str(taken_port)) == (
        f"HEALTH_PORT {taken_port} cannot be opened on 127.0.0.1: another program uses it; stop that program, or "
        "choose another port."
    )


async def test_an_address_of_another_machine(fake_discord: FakeDiscord) -> None:
    reachable = {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url}
    webhooks = {
        "WEBHOOK_HOST": "192.0.2.1",
        "WEBHOOK_PORT": "8090",
        "PUBLIC_URL": "https://darkroom.example.com",
    }
    assert await start_error(1, **reachable, **webhooks) == (
        "WEBHOOK_PORT 8090 cannot be opened on 192.0.2.1: this machine has no such address."
    )


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
    folder: Path, make: Callable[[Path], None], sentence: str
) -> None:
    file = folder / "data" / FILE
    file.parent.mkdir()
    make(file)
    before = file.read_bytes()
    assert (await start_error()).startswith(sentence.format(FILE))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


async def test_a_file_that_the_bot_may_not_open_is_for_a_person_to_see_to() -> None:
    Path("data").mkdir()
    unopenable(Path("data", FILE))
    assert await start_error() == (
        f"data/{FILE}, or a file beside it, cannot be opened. Check the owner and the permissions of DATA_DIR and of "
        "the files in it."
    )


async def test_a_folder_with_the_name_of_the_database(folder: Path) -> None:
    (folder / "data" / FILE).mkdir(parents=True)
    assert await start_error() == (
        f"data/{FILE} is no SQLite database. Move it away, or point DATA_DIR to another folder."
    )


async def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "data").write_text("a file stands where the folder should be", encoding="utf-8")
    assert (await start_error()).startswith("The folder data for the database cannot be written: ")


async def test_a_disk_that_is_full_may_have_room_at_the_next_start() -> None:
    with largest_file(8192):
        assert (await start_error(1)).startswith(f"data/{FILE}: The database cannot be written or read: ")


async def start_until_ready(settings: Settings, *before: Callable[[Darkroom], Awaitable[None]]) -> None:
    """Start the bot, end it when it is connected to Discord, and raise what a start raises."""
    async with open_darkroom(settings) as bot:
        for change in before:
            await change(bot)
        ready = asyncio.Event()
        bot.add_listener(_setter(ready), "on_connect")  # `on_ready` comes two seconds later
        working = asyncio.create_task(run._work(bot, settings))
        waiting = asyncio.create_task(ready.wait())
        async with asyncio.timeout(30):
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        await bot.alerts.close_down()
        for task in (waiting, working):
            task.cancel()
        await asyncio.wait({waiting, working})
        if not working.cancelled():
            working.result()


async def read_only(bot: Darkroom) -> None:
    await bot.store.database.rows("PRAGMA query_only = ON")


async def facts_damaged(bot: Darkroom) -> None:
    await damage(bot.store.database, bot.settings.data_dir, "facts")


async def test_a_start_goes_on_where_the_hash_of_the_commands_cannot_be_stored(
    fake_discord: FakeDiscord, caplog: pytest.LogCaptureFixture
) -> None:
    settings = from_environment(
        GOOD | {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url},
        Path("there is no such file"),
    )
    await start_until_ready(settings, read_only)
    assert "The database cannot be written: the file or its disk is read-only." in caplog.text
    await start_until_ready(settings)
    sent = [request for request in fake_discord.requests if request.method == "PUT"]
    assert len(sent) == 2, "the next start sends them again"


async def test_a_page_that_is_read_after_the_login_may_be_damaged(fake_discord: FakeDiscord) -> None:
    settings = from_environment(
        GOOD | {"DISCORD_TOKEN": fake_discord.token, "DISCORD_API_URL": fake_discord.api_url},
        Path("there is no such file"),
    )
    with pytest.raises(
        StartError, match=r"The database data/bot.sqlite3 is damaged \(.*\). There is no copy in "
    ) as ended:
        await start_until_ready(settings, facts_damaged)
    assert ended.value.exit_status == 78


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
async def test_no_file_that_is_there_is_touched_by_the_test_whether_the_folder_can_be_written(
    folder: Path, link: Callable[[Path, Path], None]
) -> None:
    diary = folder / "diary"
    diary.write_text("Dear diary", encoding="utf-8")
    (folder / "data").mkdir()
    link(folder / "data" / ".write-test", diary)
    await start_error(1)
    assert diary.read_text(encoding="utf-8") == "Dear diary"
    assert (folder / "data" / ".write-test").exists()


def _setter(event: asyncio.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    async def set_it() -> None:
        event.set()

    return set_it


async def test_a_start_goes_on_where_useapi_has_ended_and_alerts_the_admin_once(
    useapi: FakeUseapi,
    fake_discord: FakeDiscord,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("bot.provider_clients.USEAPI_HOST", "127.0.0.1")
    useapi.fail(410, times=math.inf)
    guild = fake_discord.add_guild("Studio")
    channel = fake_discord.add_channel(guild, "alerts")
    settings = from_environment(
        {
            "DISCORD_TOKEN": fake_discord.token,
            "DISCORD_API_URL": fake_discord.api_url,
            "USEAPI_TOKEN": "user:1-canary",
            "USEAPI_URL": useapi.url,
            "ALLOWED_GUILDS": str(guild),
            "ALERT_CHANNEL": str(channel),
        },
        Path("there is no such file"),
    )
    for _start in range(2):
        await start_until_ready(settings)
    alerts = [message.content for message in fake_discord.messages(channel)]
    assert len(alerts) == 1
    assert "useapi.net ended its Midjourney service (v1, v2 and v3) on 24 June 2026" in alerts[0]
    assert "MJ_PROXY_URL" in alerts[0]
    assert "Starting anyway" in caplog.text
