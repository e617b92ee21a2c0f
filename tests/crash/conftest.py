"""The bot in a process of its own between a fake Discord and a fake useapi on loopback sockets.

It is `python -m bot run` in `test_the_real_process` and `test_start`, and elsewhere a fork of a process that has
imported the bot, see `prepared`.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.demo.useapi import FakeUseapi
from tests.crash.prepared import PreparedProcess, start_prepared
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.messages import Message

ROOT = Path(__file__).parents[2]


class Process:
    """The bot as an admin starts it, with all its output kept."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._process: asyncio.subprocess.Process | PreparedProcess | None = None
        self._reading: asyncio.Task[None] | None = None
        self.screen = ""
        self.on_line: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, *arguments: str) -> None:
        environment = {**_bare_environment(), "PYTHONPATH": str(ROOT), **self._environment}
        self._process = await self._begin("run", *arguments, environment=environment)
        self._reading = asyncio.create_task(self._read())

    async def _begin(
        self, *arguments: str, environment: dict[str, str]
    ) -> asyncio.subprocess.Process | PreparedProcess:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            cwd=self._folder,  # no .env of a developer's is read
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.screen += line.decode()
            self.on_line()

    async def kill(self) -> None:
        await self._signal(signal.SIGKILL)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """SIGTERM, or another; the exit status and the seconds it took."""
        started = time.monotonic()
        status = await self._signal(number)
        return status, time.monotonic() - started

    async def ended(self, within: float = 20) -> int:
        assert self._process is not None
        assert self._reading is not None
        async with asyncio.timeout(within):
            await self._reading
            return await self._process.wait()

    async def _signal(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self.ended()


class QuickProcess(Process):
    """The same without its imports at each start."""

    async def _begin(self, *arguments: str, environment: dict[str, str]) -> PreparedProcess:
        return await start_prepared(*arguments, cwd=self._folder, env=environment)


def _bare_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "LANG", "SYSTEMROOT", "SSL_CERT_FILE"}
    }


class ProcessHarness:
    """A Discord server with a channel, a moderator and a member, a useapi, and the bot between them.

    `now` is the clock of both far ends; that of the bot is the machine's.
    """

    def __init__(
        self, folder: Path, *, now: Callable[[], float] = time.time, kind: type[Process] = QuickProcess
    ) -> None:
        self.folder = folder
        self.kind = kind
        self.discord = FakeDiscord(now=now)
        self.useapi = FakeUseapi(now=now, refresh=0, grid_size=48, speed=20)
        self.bot: Process

    async def open(self, **settings: str) -> None:
        self.guild = self.discord.add_guild("Studio")
        self.channel = self.discord.add_channel(self.guild, "pictures")
        self.mira = self.discord.add_member(self.guild, "Mira", permissions=("MANAGE_MESSAGES",))
        self.bo = self.discord.add_member(self.guild, "Bo")
        self.settle(**settings)

    def pictures(self, words: str = "") -> list[Message]:
        """The posts in the channel that show a picture and tell these words; a card with a preview is none."""
        posts = [message for message in self.discord.messages(self.channel) if message.files]
        results = [post for post in posts if not any("thumbnail" in embed for embed in post.embeds)]
        return [post for post in results if words in str(post.embeds)]

    async def picture(self, words: str = "", within: float = 20) -> Message:
        """The first of those `pictures`, as soon as it is posted."""
        return await self.discord.wait_until(lambda: next(iter(self.pictures(words)), None), within)

    def settle(self, **settings: str) -> None:
        """A bot that has not been started yet, with these settings."""
        self.bot = self.kind(
            self.folder,
            {
                "DISCORD_TOKEN": self.discord.token,
                "USEAPI_TOKEN": "demo-token",
                "ALLOWED_GUILDS": str(self.guild),
                "DISCORD_API_URL": self.discord.api_url,
                "UPDATE_CHECK": "off",
                "USEAPI_URL": self.useapi.url,
                "IMAGE_HOSTS": self.useapi.origin,
                "POLL_SECONDS": "0.2",
                "DATA_DIR": "data",
                **settings,
            },
        )
        self.bot.on_line = self.discord.changed  # so that a test can wait for what the bot says, too


@pytest.fixture
def kind() -> type[Process]:
    """How the bot is started; a module for which that matters overrides it."""
    return QuickProcess


@pytest.fixture
async def harness(tmp_path: Path, kind: type[Process]) -> AsyncIterator[ProcessHarness]:
    harness = ProcessHarness(tmp_path, kind=kind)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(harness.useapi)
        await stack.enter_async_context(harness.discord)
        await harness.open()
        try:
            yield harness
        finally:
            await harness.bot.kill()
            print(harness.bot.screen)  # noqa: T201 -- pytest shows it where a test failed
    assert harness.discord.violations == []
