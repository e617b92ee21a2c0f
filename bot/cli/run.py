"""`python -m bot run`: the bot, until Ctrl-C or SIGTERM; a failed start is a `StartError`."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys

import aiohttp
import discord

from bot.app import open_darkroom
from bot.cli.invite import invite, line_to_serve, servers
from bot.client import Darkroom
from bot.discord_codes import CloseCode
from bot.errors import DiscordStartError, ProviderError, StartError, TokenRefused
from bot.models.alert import AlertName
from bot.settings import Settings

log = logging.getLogger(__name__)

_LOGIN_REFUSED = "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy it anew."
_CLOSED: dict[int, str] = {
    CloseCode.AUTHENTICATION_FAILED: (
        "Discord does not accept DISCORD_TOKEN any more. Reset it in the Developer Portal and copy it anew."
    ),
    CloseCode.DISALLOWED_INTENTS: (
        "Discord wants a permission for an intent that Darkroom does not use. Please report this."
    ),
}
"""What to do about close codes after which trying again is no use."""


def run(settings: Settings, *, always_sync: bool) -> None:
    """Serve on the fastest event loop that there is."""
    collect_less()
    main = _serve(settings, always_sync=always_sync)
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop  # not to be had on Windows

    uvloop.run(main)


def collect_less() -> None:
    """Let Python search for garbage in cycles less often, and never in what was imported: that stays for ever.

    Reference counts free nearly everything here; the search took a tenth of the processor time of a busy watcher.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


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
    answers = await _check_useapi(bot)
    await _log_in(bot, settings)
    if answers:
        bot.alerts.close(AlertName.PROVIDER)  # of before the start: often the start is what mended it
    telling = asyncio.create_task(_tell_servers(bot))  # Discord may take its time with this; nobody waits for it
    try:
        await _connect(bot)
    finally:
        telling.cancel()


async def _check_useapi(bot: Darkroom) -> bool:
    """Whether useapi.net answers; raises `StartError` where it does not accept the token."""
    try:
        await bot.api.running()
    except TokenRefused:
        raise StartError("useapi.net does not accept USEAPI_TOKEN. Copy it anew from your account there.") from None
    except ProviderError as error:  # not ours to mend: the watcher waits until it is over
        log.warning("The bot goes on, and tries useapi.net again when it needs it. %s", error)
        return False
    return True


async def _log_in(bot: Darkroom, settings: Settings) -> None:
    try:
        await bot.login(settings.discord_token.reveal())
    except discord.LoginFailure:
        raise DiscordStartError(_LOGIN_REFUSED) from None
    except (aiohttp.ClientConnectionError, OSError):
        raise DiscordStartError("Discord could not be reached. Is this machine on the internet?") from None
    except discord.HTTPException as error:
        if error.status == 401:  # the token was reset after the login, before the commands were sent
            raise DiscordStartError(_LOGIN_REFUSED) from None
        raise DiscordStartError(f"Discord refused the start (HTTP {error.status}). Try again later.") from None
    log.info("Invite: %s", invite(bot.application_id or 0))


async def _connect(bot: Darkroom) -> None:
    try:
        await bot.connect()
    except discord.LoginFailure:
        raise DiscordStartError(_LOGIN_REFUSED) from None
    except discord.ConnectionClosed as closed:
        raise DiscordStartError(
            _CLOSED.get(closed.code, f"Discord ended the connection (code {closed.code}).")
        ) from None


async def _tell_servers(bot: Darkroom) -> None:
    """Say where the bot is, and what to write to serve those that are not listed."""
    try:
        found = await servers(bot)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.warning("Discord did not tell which servers the bot is in (%s)", type(error).__name__)
        return
    if not found:
        log.info("The bot is in no server yet; the invite link above brings it into one")
    allowed = bot.settings.allowed_guilds
    for server in found:
        if allowed is None or server.id in allowed:
            log.info("In the server %s (%d)", server.name, server.id)
        else:
            line = line_to_serve(allowed, server.id)
            log.warning("In the server %s (%d), which is not listed. To serve it: %s", server.name, server.id, line)
