"""The bot's own house: a copy of the database every night, old jobs out, and an eye on the disk.

Jobs are deleted only after the night's copy was made and checked, so whatever goes by mistake is still in there.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.errors import StoreUnavailable
from bot.models.alert import AlertName, AlertSink
from bot.store import Store
from bot.store.backups import BackupError, free_bytes

log = logging.getLogger(__name__)

_NIGHT = (3, 30)  # by the machine's clock; in a container that is UTC
_SETTLED = 60.0  # seconds after the start, which has enough to do
_PAUSE = 300.0
_AGAIN = 3600.0  # seconds until a copy that failed is tried again
_LITTLE = 200 << 20  # bytes
_ENOUGH = 250 << 20  # at which the alert ends, so that it does not begin and end all day
_FACT = "night"  # when the last night's work was done


class Maintenance:
    """The nightly loop; one `run()` for ever, or `run_once()` for one round. A night that was missed is made up for.

    `backups` copies are kept, 0 makes none; jobs go after `keep_days`.
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
    ) -> None:
        self._store = store
        self._data_dir = data_dir
        self._backups = backups
        self._keep_days = keep_days
        self._now = now
        self._alerts = alerts
        self._not_before = 0.0
        self._little = False
        self._failing = False

    async def run(self) -> None:
        """Tend the house for ever."""
        self._look_at_the_disk()
        await asyncio.sleep(_SETTLED)
        while True:
            await self.run_once()
            await asyncio.sleep(_PAUSE)

    async def run_once(self) -> None:
        """Look at the disk, and do the night's work if it is due."""
        self._look_at_the_disk()
        if asyncio.get_running_loop().time() < self._not_before:
            return
        try:
            if await self._is_due():
                await self._night()
        except StoreUnavailable:  # of which the store itself tells
            self._later()

    def _look_at_the_disk(self) -> None:
        try:
            free = free_bytes(self._data_dir)
        except OSError as error:
            log.warning("The disk does not tell what is free: %s", error.strerror)
            return
        if not self._little and free < _LITTLE:
            self._little = True
            log.warning("Only %d MB are free on the disk of %s", free >> 20, self._data_dir)
            words = "Less than 200 MB are free on the disk of my database. When it is full, I can promise nothing new."
            self._alerts.open(AlertName.DISK_SPACE, words)
        elif free >= _ENOUGH:
            self._little = False
            self._alerts.close(AlertName.DISK_SPACE)

    async def _is_due(self) -> bool:
        """Whether a night began since the last one's work; a clock that ran ahead meanwhile must not stop that."""
        done = await self._store.facts.get(_FACT)
        now = self._now()
        if done is None:  # a new database: nothing to copy yet
            await self._store.facts.set(_FACT, str(now.timestamp()))
            return False
        return float(done) < _last_night(now).timestamp() or float(done) > now.timestamp() + _AGAIN

    async def _night(self) -> None:
        began = self._now()
        if self._backups:
            try:
                copy = await self._store.backups.create(self._data_dir, self._backups)
            except BackupError as error:
                log.log(logging.DEBUG if self._failing else logging.ERROR, "%s", error)  # said once, not every hour
                self._failing = True
                self._alerts.open(AlertName.BACKUP, f"The nightly backup failed: {error} I try again every hour.")
                self._later()
                return
            self._alerts.close(AlertName.BACKUP)
            self._failing = False
            log.info("Made the nightly copy %s", copy)
        await self._store.pruning.prune(self._keep_days)
        await self._store.facts.set(_FACT, str(began.timestamp()))

    def _later(self) -> None:
        self._not_before = asyncio.get_running_loop().time() + _AGAIN


def _last_night(now: datetime) -> datetime:
    """The last time it was half past three."""
    hour, minute = _NIGHT
    night = now.astimezone().replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (night if night <= now else night - timedelta(days=1)).astimezone(UTC)
