"""`python -m bot run`: run the bot until Ctrl-C or SIGTERM. A failed start raises `StartError`."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys

import discord

from bot.app import open_darkroom
from bot.cli.invite import allowed_guilds_line, invite, joined_servers
from bot.cli.login import LOGIN_REFUSED, is_served_elsewhere, log_in
from bot.client import Darkroom
from bot.discord_codes import CloseCode
from bot.discord_errors import REQUEST_ERRORS
from bot.errors import (
    DiscordStartError,
    Misconfigured,
    ProviderError,
    ServiceEnded,
    StartError,
    TokenRefused,
    Unreachable,
)
from bot.models.alert import AlertName
from bot.models.provider import worded
from bot.providers.base import Provider
from bot.settings import Settings
from bot.store.connection import FILE, as_store_error

log = logging.getLogger(__name__)

_PROVIDER_REFUSES = "{provider} does not accept {secret}. Copy it again from your account there."
_SERVED_ELSEWHERE = (
    "Discord sends the commands to an Interactions Endpoint URL, not to this bot. Remove that URL in the Developer "
    "Portal, your application, General Information."
)
_CLOSE_REASONS: dict[int, str] = {
    CloseCode.AUTHENTICATION_FAILED: (
        "Discord no longer accepts DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."
    ),
    CloseCode.DISALLOWED_INTENTS: (
        "Discord requires permission for an intent that Darkroom does not use. Please report this."
    ),
}
"""Sentences for gateway close codes after which a reconnect is of no use."""


def run(settings: Settings, *, always_sync: bool) -> None:
    """Run the bot, on uvloop where that exists; raises `StartError`."""
    gc.freeze()  # what was imported stays, so the garbage collector need not look at it
    main = _serve(settings, always_sync=always_sync)
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop  # not available on Windows

    uvloop.run(main)


async def _serve(settings: Settings, *, always_sync: bool) -> None:
    """Run until SIGTERM or SIGINT; a signal closes everything the same way as a failure."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # on Windows Ctrl-C raises KeyboardInterrupt instead
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_darkroom(settings, always_sync=always_sync) as bot:
        working = asyncio.create_task(_work(bot, settings))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
        while not working.done():  # Python 3.11's wait_for, which discord.py uses, can swallow a cancellation
            working.cancel()
            await asyncio.wait({working}, timeout=0.2)
    log.info("Stopped")


async def _work(bot: Darkroom, settings: Settings) -> None:
    errors = {provider.name: await _error_of(provider) for provider in bot.providers}
    if all(isinstance(error, TokenRefused) for error in errors.values()):
        raise StartError(" ".join(worded(_PROVIDER_REFUSES, provider) for provider in errors))
    with as_store_error(settings.data_dir / FILE):  # the login ends with what the bot reads before it connects
        await log_in(bot, settings.discord_token.reveal())
    if is_served_elsewhere(bot):
        raise DiscordStartError(_SERVED_ELSEWHERE)
    log.info("Invite: %s", invite(bot.application_id or 0))
    for name, error in errors.items():
        if error is None:  # the alert is from before the start: a restart often follows the fix
            bot.alerts.close(AlertName.PROVIDER, subject=name)
        elif isinstance(error, TokenRefused | ServiceEnded):  # the poller sees it only where jobs are watched
            bot.alerts.open(AlertName.PROVIDER, f"Running jobs wait. {error.for_admin}", subject=name)
    logging_servers = asyncio.create_task(_log_servers(bot))  # may be slow, and the start does not depend on it
    try:
        await _connect(bot)
    finally:
        logging_servers.cancel()


async def _error_of(provider: Provider) -> ProviderError | None:
    """Return what is wrong with a provider, which is logged; `None` where it works."""
    try:
        await provider.probe()
    except ProviderError as error:
        if not isinstance(error, TokenRefused):  # recoverable: the poller retries
            log.warning("%s Starting anyway; it is tried again when needed.", _describe(error))
        return error
    return None


def _describe(error: ProviderError) -> str:
    if isinstance(error, Misconfigured):
        return error.for_admin
    if isinstance(error, Unreachable):
        return worded("{provider} could not be reached.", error.provider)
    status = "" if error.code is None else f", HTTP {error.code}"
    return worded(f"{{provider}} does not work at the moment ({type(error).__name__}{status}).", error.provider)


async def _connect(bot: Darkroom) -> None:
    try:
        await bot.connect()
    except discord.LoginFailure:
        raise DiscordStartError(LOGIN_REFUSED) from None
    except discord.ConnectionClosed as closed:
        reason = _CLOSE_REASONS.get(closed.code)
        raise DiscordStartError(
            reason or f"Discord ended the connection (code {closed.code}).", temporary=reason is None
        ) from None


async def _log_servers(bot: Darkroom) -> None:
    """Log the servers that the bot is in, and for each that is not listed the line for `.env` that serves it."""
    try:
        joined = await joined_servers(bot)
    except REQUEST_ERRORS as error:
        log.warning("The list of servers could not be loaded from Discord (%s)", type(error).__name__)
        return
    if not joined:
        log.info("The bot is not in any server yet; invite it with the link above")
    allowed = bot.settings.allowed_guilds
    for server in joined:
        if allowed is None or server.id in allowed:
            log.info("In server %s (%d)", server.name, server.id)
        else:
            line = allowed_guilds_line(allowed, server.id)
            log.warning("In server %s (%d), which is not listed. To serve it: %s", server.name, server.id, line)
