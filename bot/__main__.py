"""`python -m bot run`: settings, logging, signals; a failed start ends in one human sentence and exit status 1."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import aiohttp
import discord

from bot import __version__, logs
from bot.app import open_darkroom
from bot.client import PERMISSIONS, Darkroom
from bot.errors import DiscordStartError, StartError, TokenRefused, UseapiError
from bot.settings import Settings, from_environment

log = logging.getLogger(__name__)

_CLOSED = {
    4004: "Discord does not accept DISCORD_TOKEN any more. Reset it in the Developer Portal and copy it anew.",
    4014: "Discord wants a permission for an intent that Darkroom does not use. Please report this.",
}
"""Close codes of the gateway after which trying again is no use, https://discord.com/developers/docs/topics/opcodes."""


def main() -> int:
    """Read the command line and run; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Darkroom, a Discord bot for Midjourney jobs.")
    parser.add_argument("--version", action="version", version=f"Darkroom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the bot until Ctrl-C or SIGTERM")
    run.add_argument("--sync", action="store_true", help="send the commands to Discord even if they did not change")
    arguments = parser.parse_args()
    try:
        settings = from_environment(os.environ)
        logs.set_up(settings.log_level, settings.secrets)
        _run(_serve(settings, always_sync=arguments.sync))
    except StartError as trouble:
        print(trouble, file=sys.stderr)  # noqa: T201 -- the last thing on the screen is for a person
        return 1
    return 0


def _run(main_coroutine: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(main_coroutine)
        return
    import uvloop  # not to be had on Windows

    uvloop.run(main_coroutine)


async def _serve(settings: Settings, *, always_sync: bool) -> None:
    """Run until a signal; both signals take the same way out as a failure."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has Ctrl-C only, as a KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_darkroom(settings, always_sync=always_sync) as bot:
        working = asyncio.create_task(_work(bot, settings))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
        while not working.done():  # Python 3.11's wait_for, of which discord.py has many, can swallow a cancellation
            working.cancel()
            await asyncio.wait({working}, timeout=0.2)
    log.info("Stopped")


async def _work(bot: Darkroom, settings: Settings) -> None:
    await _check_useapi(bot)
    await _connect(bot, settings)


async def _check_useapi(bot: Darkroom) -> None:
    try:
        await bot.api.running()
    except TokenRefused:
        raise StartError("useapi.net does not accept USEAPI_TOKEN. Copy it anew from your account there.") from None
    except UseapiError as trouble:  # not ours to mend: the watcher waits until it is over
        log.warning("The bot goes on, and tries useapi.net again when it needs it. %s", trouble)


async def _connect(bot: Darkroom, settings: Settings) -> None:
    try:
        await bot.login(settings.discord_token.reveal())
    except discord.LoginFailure:
        raise DiscordStartError(
            "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy it anew."
        ) from None
    except (aiohttp.ClientConnectionError, OSError):
        raise DiscordStartError("Discord could not be reached. Is this machine on the internet?") from None
    except discord.HTTPException as trouble:
        raise DiscordStartError(f"Discord refused the start (HTTP {trouble.status}). Try again later.") from None
    log.info(
        "Invite: %s",
        discord.utils.oauth_url(
            bot.application_id or 0, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
        ),
    )
    try:
        await bot.connect()
    except discord.ConnectionClosed as closed:
        raise DiscordStartError(
            _CLOSED.get(closed.code, f"Discord ended the connection (code {closed.code}).")
        ) from None


if __name__ == "__main__":
    sys.exit(main())
