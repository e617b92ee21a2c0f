"""The bot as it was packaged, between both fakes: checked, started, asked for a picture, probed, and stopped."""

import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

from bot.demo.useapi import FakeUseapi
from tests.fakes.discord import FakeDiscord

Execute = Callable[[list[str], Mapping[str, str]], Awaitable[asyncio.subprocess.Process]]
"""Starts a command with these settings in its environment."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def try_out(execute: Execute, command: list[str], *, start: list[str], probe: list[str]) -> None:
    """Try out `command`, such as `darkroom`: `start` are the words that run the bot, `probe` asks for its health."""
    async with FakeDiscord() as discord, FakeUseapi(refresh=0, grid_size=48, speed=20) as useapi:
        guild = discord.add_guild("Studio")
        channel = discord.add_channel(guild, "pictures")
        mira = discord.add_member(guild, "Mira", permissions=("MANAGE_MESSAGES",))
        settings = {
            "DISCORD_TOKEN": discord.token,
            "USEAPI_TOKEN": "demo-token",
            "ALLOWED_GUILDS": str(guild),
            "DISCORD_API_URL": discord.api_url,
            "UPDATE_CHECK": "off",
            "USEAPI_URL": useapi.url,
            "IMAGE_HOSTS": useapi.origin,
            "POLL_SECONDS": "0.2",
            "HEALTH_PORT": str(_free_port()),  # without a container, all of this machine is around the bot
        }
        check = await execute([*command, "check"], settings)
        assert await check.wait() == 0, "check"
        bot = await execute([*command, *start], settings)
        try:
            await discord.wait_ready()
            jobid = useapi.add_job(prompt="a lighthouse")
            answer = await (await discord.slash(channel, mira, "job", {"jobid": jobid})).answered()
            assert answer.content.startswith("Watching"), answer.content
            await discord.wait_until(lambda: any(message.files for message in discord.messages(channel)), 20)
            say("  the bot answered /job and posted the picture")
            healthy = await execute(probe, settings)
            assert await healthy.wait() == 0, "health"
        finally:
            began = time.monotonic()
            bot.terminate()
            status = await bot.wait()
        say(f"  health check: healthy; SIGTERM: exit status {status} after {time.monotonic() - began:.1f} s")
        assert status == 0


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
