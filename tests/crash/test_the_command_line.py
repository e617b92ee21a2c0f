"""The commands of `python -m bot` as an admin types them, while the bot runs and after it."""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bot.store.connection import FILE
from tests.conftest import only_long
from tests.crash.conftest import ROOT, ProcessHarness, _bare_environment
from tests.processes import started


def typed_in(harness: ProcessHarness, *words: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    return started(
        *(sys.executable, "-m", "bot", *words),
        cwd=harness.folder,
        env={**_bare_environment(), **harness.bot._environment, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def type_in(harness: ProcessHarness, *words: str) -> tuple[int, str]:
    """Exit status and output of one command."""
    async with typed_in(harness, *words) as process:
        said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    assert harness.discord.token not in said.decode()
    return process.returncode, said.decode().strip()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_health_check_and_restore_beside_a_running_bot_and_after_it(harness: ProcessHarness) -> None:
    other = harness.discord.add_guild("Elsewhere")
    await harness.open(HEALTH_PORT=str(free_port()), LOG_FORMAT="json", BACKUP="3")
    (harness.folder / ".env").write_text("USEAPI_TOKEN=demo-token\n", encoding="utf-8")
    (harness.folder / ".env").chmod(0o644)
    await harness.bot.start()
    await harness.discord.wait_ready()
    copy = harness.folder / "copy.sqlite3"
    (health, said), (check, found), (restore, refused) = await asyncio.gather(
        type_in(harness, "health"), type_in(harness, "check", "--json"), type_in(harness, "restore", str(copy))
    )
    assert (health, said) == (0, "healthy")
    about = {(each["about"], each["is"]) for each in json.loads(found)["findings"]}
    assert check == 0
    assert {("database", f"data/{FILE} is in use by a running bot"), ("health", "the running bot is healthy")} < about
    assert (restore, refused) == (1, f"A bot runs on data/{FILE}. Stop it first, then restore.")

    await harness.discord.wait_until(lambda: "Elsewhere" in harness.bot.screen)
    assert (await harness.bot.stop())[0] == 0
    lines = [json.loads(line) for line in harness.bot.screen.splitlines()]
    (logged,) = [line["message"] for line in lines if "Elsewhere" in line["message"]]
    assert logged.endswith(f"not listed. To serve it: ALLOWED_GUILDS={harness.guild},{other}")
    assert lines[0]["message"] == "BACKUP is not a setting; did you mean BACKUPS?"
    assert lines[1]["message"].startswith("Other users of this machine can read .env")
    assert any(line["message"].startswith("Invite: https://discord.com/") for line in lines)

    copy.write_bytes((harness.folder / "data" / FILE).read_bytes())
    (harness.folder / ".env").unlink()
    for token in ("DISCORD_TOKEN", "USEAPI_TOKEN", "ALLOWED_GUILDS"):  # neither command needs them
        del harness.bot._environment[token]
    (health, said), (restore, done) = await asyncio.gather(
        type_in(harness, "health"), type_in(harness, "restore", str(copy))
    )
    assert (health, said.startswith("Nothing answers on port")) == (1, True)
    assert (restore, done.splitlines()[0]) == (0, f"Restored {copy}: 0 jobs.")
    assert len(list(Path(harness.folder, "data").glob("replaced-*.sqlite3"))) == 1


@only_long
async def test_a_port_that_is_taken_ends_the_demo_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with started(
            *(sys.executable, "-m", "bot.demo", "--no-browser", "--port", str(port)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        ) as demo:
            said, _ = await asyncio.wait_for(demo.communicate(), 30)
    assert demo.returncode == 1
    assert said.decode().splitlines() == [
        f"The demo cannot have port {port}. Is something else on it? Choose another, from 1 to 65535, or none: "
        "then it takes a free one."
    ]


@only_long
async def test_a_browser_that_stays_open_does_not_delay_the_end_of_the_demo(tmp_path: Path) -> None:
    browser, opened, closed = (tmp_path / name for name in ("browser", "opened", "closed"))
    os.mkfifo(opened)
    os.mkfifo(closed)
    browser.write_text(f"#!/bin/sh\necho opened > {opened}\nread end < {closed}\n")
    browser.chmod(0o700)
    environment = {**_bare_environment(), "BROWSER": str(browser)}
    async with started(sys.executable, "-m", "bot.demo", cwd=ROOT, env=environment) as demo:
        try:
            assert await asyncio.to_thread(opened.read_text) == "opened\n"
            demo.terminate()
            assert await asyncio.wait_for(demo.wait(), 20) == 0
        finally:
            closed.open("r+b", buffering=0).close()


@only_long
async def test_a_check_that_is_ended_by_hand_says_no_more(tmp_path: Path) -> None:
    harness = ProcessHarness(tmp_path)
    async with harness.useapi, harness.discord:
        await harness.open()
        harness.useapi.fail("hang")
        async with typed_in(harness, "check") as check:
            await harness.useapi.wait_for_request()
            check.send_signal(signal.SIGINT)
            said, _ = await asyncio.wait_for(check.communicate(), 10)
    assert (check.returncode, b"Traceback" in said) == (130, False)


async def test_a_python_without_the_packages_is_a_sentence() -> None:
    """As after an upgrade of the system's Python, where no `make run` stands before the start."""
    async with started(
        *(sys.executable, "-S", "-m", "bot", "run"),
        cwd=ROOT,
        env=_bare_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    ) as bot:
        said, _ = await asyncio.wait_for(bot.communicate(), 30)
    (line,) = said.decode().splitlines()
    assert (bot.returncode, line.endswith("`make .venv/run` installs all that Darkroom needs.")) == (78, True)
