"""Nightly maintenance: back up the database, delete old jobs, and watch the free disk space.

Alerts whose end can never be seen are forgotten at night, such as those about servers that removed the bot.

In each round between, what is kept about members who asked to be forgotten is deleted, as far as it is not needed.

Jobs are deleted only after the night's copy has been made and verified, so anything deleted by mistake is in that copy.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import discord

from bot.errors import StoreUnavailable
from bot.models.alert import AlertName, AlertSink
from bot.store import Store
from bot.store.backups import BackupError, free_bytes

log = logging.getLogger(__name__)

_NIGHT = (3, 30)  # by the machine's clock; in a container that is UTC
_START_DELAY = 60.0  # seconds; the start itself is busy enough
_INTERVAL = 300.0  # seconds between two rounds
_RETRY_AFTER = 3600.0  # seconds until a failed copy is retried
_LOW_DISK = 200 << 20  # bytes
_DISK_RECOVERED = 250 << 20  # bytes; above _LOW_DISK, so that the alert does not open and close all day
_NUMBERS = re.compile(r"\d+")
_FACT = "night"  # time of the last completed nightly run


class Maintenance:
    """Runs the nightly work: `run()` until cancelled, `run_once()` for one round. A missed night is made up for.

    The newest `backups` copies are kept, 0 makes none; ended jobs are deleted after `keep_days` without use, and
    servers so many days after they removed the bot. `joined` returns the ids of those that it is in, or raises.
    """

    def __init__(
        self,
        *,
        store: Store,
        data_dir: Path,
        backups: int,
        keep_days: int,
        now: Callable[[], datetime],
        alerts: AlertSink,
        joined: Callable[[], Awaitable[Collection[int]]],
    ) -> None:
        self._store = store
        self._data_dir = data_dir
        self._backups = backups
        self._keep_days = keep_days
        self._now = now
        self._alerts = alerts
        self._joined = joined
        self._retry_at = 0.0
        self._disk_low = False
        self._backup_failures: set[str] = set()  # what was said since the last copy, without numbers

    async def run(self) -> None:
        """Run nightly maintenance until cancelled."""
        self._check_disk()
        await asyncio.sleep(_START_DELAY)
        while True:
            await self.run_once()
            await asyncio.sleep(_INTERVAL)

    async def run_once(self) -> None:
        """Check the disk, and run nightly maintenance if it is due."""
        self._check_disk()
        if asyncio.get_running_loop().time() < self._retry_at:
            return
        try:
            await self._store.kept_data.forget_more()
            if await self._is_due():
                await self._run_nightly()
        except StoreUnavailable:  # already logged and alerted by Database
            self._retry_later()

    def _check_disk(self) -> None:
        try:
            free = free_bytes(self._data_dir)
        except OSError as error:
            log.warning("The free disk space cannot be read: %s", error.strerror)
            return
        if not self._disk_low and free < _LOW_DISK:
            self._disk_low = True
            log.warning("Only %d MB are free on the disk that holds %s", free >> 20, self._data_dir)
            text = "Less than 200 MB are free on my database's disk. Once it is full, I can't take on anything new."
            self._alerts.open(AlertName.DISK_SPACE, text)
        elif free >= _DISK_RECOVERED:
            self._disk_low = False
            self._alerts.close(AlertName.DISK_SPACE)

    async def _is_due(self) -> bool:
        """Return whether a night has begun since the last run, or the clock was set back since then."""
        done = await self._store.facts.get(_FACT)
        now = self._now()
        if done is None:  # a new database has nothing to copy yet
            await self._store.facts.set(_FACT, str(now.timestamp()))
            return False
        return float(done) < _last_night(now).timestamp() or float(done) > now.timestamp() + _RETRY_AFTER

    async def _run_nightly(self) -> None:
        started = self._now()
        if self._backups:
            try:
                copy = await self._store.backups.create(self._data_dir, self._backups)
            except BackupError as error:
                self._note_backup_failure(error)
                self._retry_later()
                return
            self._alerts.close(AlertName.BACKUP)
            self._backup_failures.clear()
            log.info("Made the nightly backup %s", copy)
        await self._store.pruning.prune(self._keep_days)
        await self._delete_left_servers()
        await self._forget_alerts()
        await self._store.facts.set(_FACT, str(started.timestamp()))

    def _note_backup_failure(self, error: BackupError) -> None:
        """Log and alert each reason once, not every hour: how much is free is another number each time."""
        reason = _NUMBERS.sub("", str(error))
        if reason in self._backup_failures:
            log.debug("%s", error)
            return
        self._backup_failures.add(reason)
        log.error("%s", error)
        self._alerts.open(AlertName.BACKUP, f"The nightly backup failed: {error} I'll try again every hour.")

    async def _delete_left_servers(self) -> None:
        """Note which servers have removed the bot, and delete those that did it long ago.

        Without Discord's list of servers nothing is noted and nothing deleted.
        """
        try:
            joined = await self._joined()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.warning("The list of servers could not be loaded from Discord (%s)", type(error).__name__)
            return
        await self._store.left_servers.note(joined)
        if deleted := await self._store.left_servers.delete(self._keep_days):
            log.info("Deleted what was kept for %d servers that removed the bot", deleted)

    async def _forget_alerts(self) -> None:
        """Forget the alerts of which nothing is left that they are about: nothing will ever close them."""
        for name in self._store.alert_causes.names:
            subjects = self._alerts.open_subjects(name)  # read first: one that is opened meanwhile has its cause
            if subjects:
                self._alerts.forget(name, subjects - await self._store.alert_causes.subjects(name))

    def _retry_later(self) -> None:
        self._retry_at = asyncio.get_running_loop().time() + _RETRY_AFTER


def _last_night(now: datetime) -> datetime:
    """Return the most recent 03:30 of the machine's time zone, in UTC."""
    hour, minute = _NIGHT
    night = now.astimezone().replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (night if night <= now else night - timedelta(days=1)).astimezone(UTC)
