"""Alerts the admin when something needs a person: once when it begins, once when it is over."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from collections.abc import Set as AbstractSet
from contextlib import suppress

import discord
import msgspec

from bot.errors import StoreUnavailable
from bot.models.alert import AlertName, AlertSubject
from bot.models.provider import ProviderName
from bot.store import Store
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_TIMEOUT = 25.0  # seconds for one message
_SAME_AFTER_START = 3600.0  # seconds in which the trouble of before the start is the same, whatever its text
_FACT = "alerts"  # the open ones, as JSON: a restart neither repeats one nor forgets to say that it is over

_BEFORE_PROVIDERS = {"useapi": "provider useapi", "account": "account useapi", "presses": "presses useapi"}
"""What versions with one provider stored, and what is stored today."""

_Key = tuple[AlertName, AlertSubject]


class _OpenAlert(msgspec.Struct, frozen=True):
    text: str
    recalled: bool = False  # open since before the start, and not met again yet


class Alerts:
    """Posts alerts in `channel_id`, or sends them to the application's owner where that is `None`.

    The log has everything in any case: an alert is sent once, and a failure to send it is only logged. Implements
    `bot.models.alert.AlertSink`.
    """

    def __init__(self, bot: discord.Client, store: Store, channel_id: int | None) -> None:
        self._bot = bot
        self._store = store
        self._channel_id = channel_id
        self._open: dict[_Key, _OpenAlert] = {}
        self._started_at = 0.0
        self._sending: set[asyncio.Task[None]] = set()

    async def recall(self) -> None:
        """Read the alerts that were open when the bot stopped, so that their end is said."""
        self._started_at = loop_time()
        for stored, text in json.loads(await self._store.facts.get(_FACT) or "{}").items():
            key = _parse(stored)
            if key is None:
                log.warning("Dropped a stored alert of an unknown name: %s", stored)
            else:
                self._open[key] = _OpenAlert(text, recalled=True)

    def is_open(self, name: AlertName, *, subject: AlertSubject = None) -> bool:
        """Whether the alert was opened, also before the last restart, and not closed since."""
        return (name, subject) in self._open

    def open_subjects(self, name: AlertName) -> AbstractSet[AlertSubject]:
        """The subjects of the open alerts of this name."""
        return {subject for other, subject in self._open if other is name}

    def open(self, name: AlertName, text: str, *, subject: AlertSubject = None) -> None:
        """Say `text`, unless the alert is open with the same text. `subject` distinguishes alerts of one name.

        One that was open before the start is taken for the same during the first hour, whatever its text. What is met
        later is said again: the trouble may have ended unseen meanwhile.
        """
        before = self._open.get((name, subject))
        if before is not None and self._is_same(before, text):
            self._open[name, subject] = _OpenAlert(before.text)
            return
        self._open[name, subject] = _OpenAlert(text)
        self._send_soon(f"⚠️ {text}", name)

    def close(self, name: AlertName, *, subject: AlertSubject = None) -> None:
        """Say that it is over; nothing happens where the alert is not open."""
        before = self._open.pop((name, subject), None)
        if before is not None:
            self._send_soon(f"✓ Over: {before.text}", name)

    def forget(self, name: AlertName, subjects: AbstractSet[AlertSubject]) -> None:
        """Close these alerts without a word: what they are about is gone, or was said in another way."""
        forgotten = [self._open.pop((name, subject), None) for subject in subjects]
        if any(forgotten):
            self._run(self._keep())

    def inform(self, text: str) -> None:
        """Say something that has no end; whoever calls it makes sure that it is said once."""
        self._send_soon(f"ℹ️ {text}", None)

    def _is_same(self, before: _OpenAlert, text: str) -> bool:
        if before.recalled:
            return loop_time() - self._started_at <= _SAME_AFTER_START
        return before.text == text

    def _send_soon(self, text: str, name: AlertName | None) -> None:
        self._run(self._send(text, name))

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, text: str, name: AlertName | None) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                target = await self._target()
                if target is not None:
                    await target.send(text[:2000], allowed_mentions=discord.AllowedMentions.none())
        except Exception as error:  # noqa: BLE001 -- whatever it is, the alert must not become a second trouble
            refused = f", code {error.code}" if isinstance(error, discord.HTTPException) else ""
            log.warning("An alert could not be sent (%s%s)", type(error).__name__, refused)
        if name is not AlertName.DATABASE:  # the one that cannot be stored, because nothing can
            await self._keep()

    async def _keep(self) -> None:
        with suppress(StoreUnavailable):  # already logged and alerted by Database
            await self._store.facts.set(_FACT, self._as_json())

    def _as_json(self) -> str:
        return json.dumps(
            {_stored(*key): alert.text for key, alert in self._open.items() if key[0] is not AlertName.DATABASE}
        )

    async def _target(self) -> discord.abc.Messageable | None:
        if self._channel_id is not None:
            return self._bot.get_partial_messageable(self._channel_id)
        application = self._bot.application
        if application is None:
            return None
        owner = application.team.owner if application.team else application.owner
        return None if owner is None else await self._bot.create_dm(discord.Object(owner.id))

    async def close_down(self) -> None:
        """Wait a moment for the alerts that are being sent."""
        if self._sending:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*self._sending, return_exceptions=True), 2.0)


def _stored(name: AlertName, subject: AlertSubject) -> str:
    """Return the name under which an alert is stored: `channel 1234`, `account useapi`, or `disk`."""
    return str(name) if subject is None else f"{name} {subject}"


def _parse(stored: str) -> _Key | None:
    """Read what `_stored` returned, of this version or an earlier one; `None` where the name is unknown."""
    stored = _BEFORE_PROVIDERS.get(stored, stored)
    names = {name.value: name for name in AlertName}
    if stored in names:
        return names[stored], None
    name, _, subject = stored.rpartition(" ")
    if name not in names:
        return None
    if subject.isdecimal():
        return names[name], int(subject)
    return (names[name], ProviderName(subject)) if subject in set(ProviderName) else None
