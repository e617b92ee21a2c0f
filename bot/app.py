"""The only builder: opens everything from the outside in, and closes it from the inside out."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import aiohttp
import discord

from bot.api import Useapi
from bot.client import Darkroom
from bot.courier import Courier
from bot.errors import StoreError
from bot.images import Pictures
from bot.messages import Writer
from bot.settings import Settings
from bot.store import open_store
from bot.watcher import Watcher


@asynccontextmanager
async def open_darkroom(
    settings: Settings, *, now: Callable[[], datetime] = discord.utils.utcnow, always_sync: bool = False
) -> AsyncIterator[Darkroom]:
    """A bot that is ready to log in; `now` is the wall clock, which may jump.

    Raises `StoreError` where the database cannot be opened.
    """
    async with (
        open_store(settings.data_dir, now) as store,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        Pictures(hosts=settings.image_hosts) as pictures,
    ):
        api = Useapi(session=session, url=settings.useapi_url, token=settings.useapi_token.reveal())
        async with Darkroom(settings=settings, store=store, api=api, always_sync=always_sync) as bot:
            store.on_health(partial(bot.alerts.raise_or_end, "disk"))
            writer = Writer(
                store=store,
                pictures=pictures,
                folder=_emptied(settings.data_dir / "tmp"),
                ping_after=settings.ping_after,
                now=now,
            )
            bot.courier = Courier(
                bot=bot, store=store, writer=writer, now=now, budget=bot.budget, alert=bot.alerts.raise_or_end
            )
            bot.watcher = Watcher(
                api=api,
                store=store,
                poll_seconds=settings.poll_seconds,
                concurrency=settings.poll_concurrency,
                now=now,
                changed=bot.courier.ring,
                alert=bot.alerts.raise_or_end,
            )
            try:
                yield bot
            finally:
                await bot.alerts.close()


def _emptied(folder: Path) -> Path:
    """A folder for files on their way; what a killed bot left there goes. The store's lock says that it is ours."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as trouble:
        raise StoreError(
            f"The folder {folder} cannot be made: {trouble.strerror}. Is something in its place?"
        ) from None
    return folder
