"""The update notice: looks up the newest release once a day, and says once of each newer one that there is one.

It never updates anything by itself.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import msgspec

from bot import __version__
from bot.errors import StoreUnavailable
from bot.models.release import Release
from bot.ops.releases import newest_release
from bot.store import Store

log = logging.getLogger(__name__)

_START_DELAY = 300.0  # seconds; a bot that is restarted again and again looks nothing up
_INTERVAL = 3600.0  # seconds between two questions whether a day has passed
_DAY = 86_400.0  # seconds
_FACT = "updates"


class _Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """The last look-up, as it is stored: when, which version is the newest, and of which one the admin was notified."""

    at: float = 0.0
    newest: str = ""
    notified: str = ""


class UpdateNotice:
    """Looks up the releases of `repository`: `run()` until cancelled, `run_once()` for one round.

    `on_newer` is called with a release that is newer than this version at the start, and after each look-up;
    `notify` with a sentence for the admin, once for each version.
    """

    def __init__(
        self,
        *,
        repository: str,
        store: Store,
        now: Callable[[], datetime],
        on_newer: Callable[[Release], None],
        notify: Callable[[str], None],
    ) -> None:
        self._repository = repository
        self._store = store
        self._now = now
        self._on_newer = on_newer
        self._notify = notify

    async def run(self) -> None:
        """Look up the newest release once a day until cancelled."""
        known = Release(version=(await self._last()).newest, page=f"{self._repository}/releases")
        if known.is_newer_than(__version__):
            self._on_newer(known)
        await asyncio.sleep(_START_DELAY)
        while True:
            with suppress(StoreUnavailable):  # already logged and alerted by Database
                await self.run_once()
            await asyncio.sleep(_INTERVAL)

    async def run_once(self) -> None:
        """Look up the newest release if the last time is a day ago, and notify the admin of a newer one.

        The time is stored before the request, so that no failure and no restart leads to a second one that day.
        """
        last, now = await self._last(), self._now().timestamp()
        if last.at <= now < last.at + _DAY:
            return
        last = msgspec.structs.replace(last, at=now)
        await self._save(last)
        release = await newest_release(self._repository)
        if release is None:
            log.debug("The newest release could not be looked up")
            return
        newer = release.is_newer_than(__version__)
        is_news = newer and release.version != last.notified
        notified = release.version if is_news else last.notified
        await self._save(msgspec.structs.replace(last, newest=release.version, notified=notified))
        if newer:
            self._on_newer(release)
        if is_news:
            log.info("Darkroom %s is available; this is %s: %s", release.version, __version__, release.page)
            self._notify(
                f"Darkroom {release.version} is available; I'm {__version__}. What's new, and what to do: "
                f"<{release.page}>. With `UPDATE_CHECK=off` I won't check any more."
            )

    async def _last(self) -> _Lookup:
        stored = await self._store.facts.get(_FACT)
        return _Lookup() if stored is None else msgspec.json.decode(stored, type=_Lookup)

    async def _save(self, lookup: _Lookup) -> None:
        await self._store.facts.set(_FACT, msgspec.json.encode(lookup).decode())
