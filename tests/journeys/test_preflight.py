"""`python -m bot check`, in this process, with a fake Discord and a fake useapi on sockets."""

import asyncio
import json
import math
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from discord.http import Route

from bot import discord_internals
from bot.cli.preflight import check
from bot.cli.preflight.findings import Severity
from bot.cli.preflight.remote import Clock
from bot.client import PERMISSIONS
from bot.demo.midjourney_proxy import FakeMidjourneyProxy
from bot.demo.useapi import FakeUseapi
from bot.models import Destination, Job, Person, ProviderName, Status
from bot.store import open_store
from bot.store.connection import FILE
from tests.disk import unopenable
from tests.fakes.discord import FakeDiscord
from tests.processes import started

CANARY = "canary-of-a-token"
ROOT = Path(__file__).parents[2]


class Desk:
    """The environment of an admin before the first start."""

    def __init__(self, folder: Path, discord: FakeDiscord, useapi: FakeUseapi) -> None:
        self.folder = folder
        self.discord = discord
        self.useapi = useapi
        self.guild = discord.add_guild("Studio")
        self.environment = {
            "DISCORD_TOKEN": discord.token,
            "USEAPI_TOKEN": "demo-token",
            "ALLOWED_GUILDS": str(self.guild),
            "DISCORD_API_URL": discord.api_url,
            "UPDATE_CHECK": "off",
            "USEAPI_URL": useapi.url,
            "DATA_DIR": str(folder / "data"),
        }


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr("discord.http.json_or_text", discord_internals._json_or_text)
    monkeypatch.setattr("bot.logs.set_up", lambda *_: None)
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(FakeDiscord())
        yield Desk(tmp_path, discord, await stack.enter_async_context(FakeUseapi(refresh=0)))


async def run_check(desk: Desk, capsys: pytest.CaptureFixture[str], **environment: str) -> tuple[int, str]:
    """Return the exit status and the output."""
    status = await check({**desk.environment, **environment}, dotenv=desk.folder / ".env")
    screen = capsys.readouterr().out
    assert CANARY not in screen
    assert "demo-token" not in screen
    assert desk.discord.token not in screen
    return status, screen


async def test_a_bot_that_could_start_gets_only_ticks_and_nothing_is_changed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    status, screen = await run_check(desk, capsys)
    assert status == 0
    assert {line[0] for line in screen.splitlines()} == {"✓"}
    assert f"permissions={PERMISSIONS.value}" in screen
    assert f"✓ servers: in Studio ({desk.guild})" in screen
    assert re.search(r"✓ useapi\.net: the Midjourney account in channel …\d{4}, 3 jobs at a time", screen)
    assert "✓ clock: right" in screen
    assert list(desk.folder.iterdir()) == []
    assert desk.discord.requests
    assert not [request for request in desk.discord.requests if request.method != "GET"]


async def test_all_mistakes_are_reported_at_once_with_what_to_do(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    other = desk.discord.add_guild("Other\x1b[31m")
    status, screen = await run_check(
        desk,
        capsys,
        DISCORD_TOKEN="",
        USEAPI_TOKEN=CANARY,
        ALLOWED_GUILDS="Studio",
        POLL_SECONDS="often",
        LOG_LEVELL="INFO",
        USEAPI_TOKEM=CANARY,
    )
    assert status == 1
    lines = screen.splitlines()
    assert f"! settings: there is no file {desk.folder / '.env'} yet" in lines
    after = {line: lines[number + 1] for number, line in enumerate(lines[:-1])}
    assert after["✗ settings: DISCORD_TOKEN is missing"] == (
        "    → the bot's token: Discord Developer Portal, your application, Bot, Reset Token"
    )
    servers = "ALLOWED_GUILDS must be server ids (15 to 20 digits) separated by commas, or * for every server"
    assert after[f"✗ settings: {servers}"].startswith("    → the ids of the Discord servers to serve: right-click")
    assert "! settings: LOG_LEVELL is not a setting; did you mean LOG_LEVEL?" in lines
    assert "! settings: USEAPI_TOKEM is not a setting; did you mean USEAPI_TOKEN?" in lines
    assert after["✗ useapi.net: does not accept USEAPI_TOKEN"].startswith("    → copy it again")
    assert [line for line in lines if "POLL_SECONDS" in line]

    status, screen = await run_check(desk, capsys, ALLOWED_GUILDS=f"{desk.guild},123456789012345678")
    assert status == 0, "none of it stops the bot"
    assert f"! servers: in Other[31m ({other}), which is not listed" in screen
    assert f"put into .env: ALLOWED_GUILDS=123456789012345678,{desk.guild},{other}" in screen
    assert "! servers: 123456789012345678 is listed, but the bot is not in it" in screen


async def test_discord_and_useapi_may_refuse_or_be_unreachable(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    status, screen = await run_check(desk, capsys, DISCORD_TOKEN=CANARY, USEAPI_URL="http://127.0.0.1:1/v2")
    assert status == 1
    assert "✗ Discord: does not accept DISCORD_TOKEN" in screen
    assert "✗ useapi.net: useapi.net could not be reached" in screen
    status, screen = await run_check(desk, capsys, DISCORD_API_URL="http://127.0.0.1:1", ALERT_CHANNEL="")
    assert "✗ Discord: could not be reached" in screen
    for request in ("GET /users/@me", "GET /users/@me/guilds"):
        desk.discord.fail(request, "garbage")
        status, screen = await run_check(desk, capsys)
        assert (status, "✗ Discord: something else answers at its address\n    → is a proxy" in screen) == (1, True)


async def test_an_application_whose_commands_discord_sends_elsewhere(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.discord.interactions_endpoint_url = "https://bot.example.com/interactions"
    status, screen = await run_check(desk, capsys)
    assert status == 1
    assert (
        "✗ Discord: sends the commands to an Interactions Endpoint URL, not to the bot\n"
        "    → Developer Portal, your application, General Information; remove that URL\n"
    ) in screen
    assert "✓ servers: in Studio" in screen, "the rest is checked as well"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"json": {"error": "none"}, "status": 404}, "✗ useapi.net: no Midjourney account is configured\n"),
        (
            {"json": {"1187654321012345678": {"discord": CANARY, "maxJobs": "8", "pendingModMessage": "hello"}}},
            "✗ useapi.net: the Midjourney account in channel …5678 needs a person\n",
        ),
        (
            {"json": {"1187654321012345678": {"discord": CANARY, "maxJobs": 1}}},
            "✓ useapi.net: the Midjourney account in channel …5678, 1 job at a time\n",
        ),
    ],
)
async def test_the_midjourney_account_is_checked(
    desk: Desk, capsys: pytest.CaptureFixture[str], answer: Any, says: str
) -> None:
    async def accounts(_request: web.Request) -> web.Response:
        return web.json_response(answer["json"], status=answer.get("status", 200))

    async def running(_request: web.Request) -> web.Response:
        return web.json_response([])

    application = web.Application()
    application.router.add_get("/v2/account/midjourney", accounts)
    application.router.add_get("/v2/jobs", running)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        status, screen = await run_check(desk, capsys, USEAPI_URL=f"http://127.0.0.1:{runner.addresses[0][1]}/v2")
    finally:
        await runner.cleanup()
    assert (status, says in screen) == (1 if "✗" in says else 0, True)


async def test_an_alert_channel_that_was_deleted_is_named(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    channel = desk.discord.add_channel(desk.guild, "alerts")
    assert "✓ alerts:" in (await run_check(desk, capsys, ALERT_CHANNEL=str(channel)))[1]
    status, screen = await run_check(desk, capsys, ALERT_CHANNEL="123456789012345678")
    assert status == 1
    assert "✗ alerts: the bot cannot see the channel 123456789012345678 (ALERT_CHANNEL)" in screen


async def test_the_database_and_the_disk_are_checked(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(desk.folder / "data", lambda: datetime.now(UTC)):
        pass
    assert re.search(r"✓ database: .*bot\.sqlite3, schema \d", (await run_check(desk, capsys))[1])
    (desk.folder / "data" / FILE).write_bytes(b"a diary " * 100)
    monkeypatch.setattr("bot.cli.preflight.local.free_bytes", lambda _: 5 << 20)
    status, screen = await run_check(desk, capsys)
    assert status == 1
    assert "is no SQLite database\n    → move it away, or restore a copy" in screen
    assert "✗ disk: only 5 MB are free" in screen


async def test_a_database_of_another_user_is_a_finding(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.folder / "data").mkdir()
    monkeypatch.chdir(desk.folder / "data")
    unopenable(Path(FILE))
    status, screen = await run_check(desk, capsys)
    assert status == 1
    assert "✗ database: cannot be read (No such device or address)\n    → Who owns " in screen
    assert "✓ servers: in Studio" in screen, "the other checks are made"

    folder = desk.folder / ("long" * 100)  # one that cannot be looked up, as below a folder of another user's
    status, screen = await run_check(desk, capsys, DATA_DIR=str(folder))
    assert status == 1
    assert "✗ database: cannot be read (File name too long)\n    → Who owns " in screen


async def test_nothing_is_wrong_before_the_first_start_of_the_service(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = "/proc/darkroom"  # only systemd could create it; this user is perhaps root, who may write /var/lib
    assert f"✗ database: {Path(folder).parent} cannot be written" in (await run_check(desk, capsys, DATA_DIR=folder))[1]
    monkeypatch.setattr("bot.cli.preflight.local._SERVICE_FOLDERS", Path("/proc"))
    monkeypatch.setattr("bot.cli.preflight.local.free_bytes", lambda _: 5 << 30)
    status, screen = await run_check(desk, capsys, DATA_DIR=folder)
    assert (status, {line[0] for line in screen.splitlines()}) == (0, {"✓"})
    assert "the service creates that folder at its first start" in screen


async def test_a_bot_in_another_container_is_not_taken_for_none(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert f"✓ health: no bot is running on port {port}" in (await run_check(desk, capsys, HEALTH_PORT=str(port)))[1]
    async with elsewhere(desk.folder / "data"):
        status, screen = await run_check(desk, capsys, HEALTH_PORT=str(port))
    assert (status, "✓ database" in screen) == (0, True)
    assert f"! health: a bot uses this database, but does not answer on port {port} of 127.0.0.1" in screen
    assert "docker compose exec darkroom python -m bot check" in screen


@asynccontextmanager
async def elsewhere(folder: Path) -> AsyncIterator[None]:
    """Another process that has the database of this folder open."""
    program = (
        "import asyncio, datetime, pathlib, sys; from bot.store import open_store\n"
        "async def main():\n"
        "    async with open_store(pathlib.Path(sys.argv[1]), lambda: datetime.datetime.now(datetime.UTC)):\n"
        "        print('open', flush=True); sys.stdin.read()\n"
        "asyncio.run(main())"
    )
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    async with started(sys.executable, "-c", program, str(folder), cwd=ROOT, **pipes) as process:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"open\n"
        yield


async def test_settings_that_others_can_read_are_mentioned(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    dotenv = desk.folder / ".env"
    dotenv.write_text(f"USEAPI_TOKEN={CANARY}\n", encoding="utf-8")
    dotenv.chmod(0o644)
    status, screen = await run_check(desk, capsys)
    assert status == 0
    assert f"! settings: other users of this machine can read {dotenv}\n    → chmod o-rwx {dotenv}" in screen
    dotenv.chmod(0o640)
    assert "can read" not in (await run_check(desk, capsys))[1], "a service's .env belongs to root, and to its group"
    dotenv.chmod(0o644)
    dotenv.write_text("POLL_SECONDS=20\n", encoding="utf-8")
    assert "can read" not in (await run_check(desk, capsys))[1], "no token is in it"


def test_a_wrong_clock_is_reported() -> None:
    clock = Clock()
    assert clock.finding().severity is Severity.NOTE, "there was no response"
    for offsets, text in (([601.0, 600.2], "600 s ahead"), ([-90.0, -95.0], "90 s behind"), ([30.0, 900.0], "right")):
        clock.offsets = offsets
        assert clock.finding().text == text


async def test_the_webhook_url_is_shown_and_tried(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert "webhooks" not in (await run_check(desk, capsys))[1]
    statuses = iter((400, 502))

    async def called(request: web.Request) -> web.Response:
        return web.Response(status=next(statuses) if request.path.startswith("/x/useapi/") else 404)

    application = web.Application()
    application.router.add_post("/{path:.*}", called)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        webhooks = {"PUBLIC_URL": f"http://127.0.0.1:{runner.addresses[0][1]}/x", "WEBHOOK_PORT": "8090"}
        status, screen = await run_check(desk, capsys, **webhooks)
        assert (status, "the bot answers there" in screen) == (0, True)
        assert re.search(
            rf"✓ webhooks: useapi\.net may call {webhooks['PUBLIC_URL']}/useapi/\w{{40}} \(keep this URL secret", screen
        )
        status, screen = await run_check(desk, capsys, **webhooks)
        assert (status, "! webhooks: the bot does not answer there (HTTP 502)" in screen) == (0, True)
    finally:
        await runner.cleanup()
    assert "! webhooks: the bot does not answer there (no answer)" in (await run_check(desk, capsys, **webhooks))[1]


async def test_programs_get_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    status = await check({**desk.environment, "USEAPI_TOKEN": CANARY}, as_json=True, dotenv=desk.folder / ".env")
    screen = capsys.readouterr().out
    said = json.loads(screen)
    assert (status, said["fine"]) == (1, False)
    assert ("useapi.net", "wrong") in {(each["about"], each["sign"]) for each in said["findings"]}
    assert CANARY not in screen


@pytest.mark.parametrize("status_code", [402, 404])
async def test_useapi_that_has_ended_is_said_plainly_with_what_to_set_up_instead(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, status_code: int
) -> None:
    monkeypatch.setattr("bot.provider_clients.USEAPI_HOST", "127.0.0.1")
    desk.useapi.fail(status_code, times=math.inf)
    status, screen = await run_check(desk, capsys)
    lines = screen.splitlines()
    ended = next(line for line in lines if line.startswith("✗ useapi.net: "))
    assert "ended its Midjourney service (v1, v2 and v3) on 24 June 2026" in ended
    assert "renew" not in screen, "its subscriptions go on for other APIs"
    assert "midjourney-proxy, with MJ_PROXY_URL and MJ_PROXY_SECRET" in lines[lines.index(ended) + 1]
    assert status == 1


async def test_running_jobs_of_a_provider_that_was_taken_out_are_named(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_store(desk.folder / "data", lambda: datetime.now(UTC)) as store:
        job = Job(provider=ProviderName.MIDJOURNEY_PROXY, jobid="1700000000000123", status=Status.STARTED)
        await store.subscriptions.add(job, Destination(guild_id=1, channel_id=2), Person(id=1, name="Mira"))
    status, screen = await run_check(desk, capsys)
    assert "! midjourney-proxy: 1 watched job belongs to it, and it is not set up" in screen.splitlines()
    assert status == 0, "the bot works"


async def test_a_proxy_is_asked_with_its_secret(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeMidjourneyProxy() as proxy:
        given = {"MJ_PROXY_URL": proxy.url, "MJ_PROXY_AUTH": "authorization", "USEAPI_TOKEN": ""}
        status, screen = await run_check(desk, capsys, MJ_PROXY_SECRET="demo-token", **given)
        assert "✓ midjourney-proxy: accepts the token" in screen
        assert (status, "useapi" in screen) == (0, False)
        tokens = {"MJ_PROXY_SECRET": "demo-token", "MJ_PROXY_ADMIN_SECRET": "wrong"}
        status, screen = await run_check(desk, capsys, **tokens, **given)
        assert "✗ midjourney-proxy: does not accept MJ_PROXY_ADMIN_SECRET" in screen.splitlines()
        assert status == 1
        status, screen = await run_check(desk, capsys, MJ_PROXY_SECRET="wrong", **given)
        assert "✗ midjourney-proxy: does not accept MJ_PROXY_SECRET" in screen.splitlines()
        assert status == 1
        status, screen = await run_check(
            desk, capsys, MJ_PROXY_SECRET="demo-token", **{**given, "MJ_PROXY_URL": f"{proxy.url}/docs"}
        )
    lines = screen.splitlines()
    said = lines.index("✗ midjourney-proxy: Nothing at MJ_PROXY_URL speaks the midjourney-proxy protocol")
    assert "without /mj and without the path of a page" in lines[said + 1]
    assert status == 1
