"""Alerts the admin of the bot, once, that a member was shut out because Midjourney declined too many of their jobs.

What is to be said is in the audit's entries, which come with the shut-outs: a crash delays an alert, and repeats none.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from bot.models.alert import AlertName, AlertSink
from bot.models.member import AuditEntry
from bot.store import Store
from bot.text import plain

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 300.0


class DeclinedAlerts:
    """Opens an alert for each of these shut-outs, and closes it when the member is let in or has waited."""

    def __init__(self, *, store: Store, alerts: AlertSink, now: Callable[[], datetime]) -> None:
        self._store = store
        self._alerts = alerts
        self._now = now

    async def update(self) -> float:
        """Open and close what is due; return the seconds until more may be."""
        if not await self._store.members.any_alert():
            return _LONGEST_PAUSE
        for entry in await self._store.members.alerts_due():
            log.warning("Many jobs of member %d were declined: shut out of server %d", entry.person.id, entry.guild_id)
            self._alerts.open(AlertName.DECLINED, _text(entry), subject=entry.id)
            await self._store.members.set_alert(entry, is_open=True)
        for entry in await self._store.members.alerts_over():
            self._alerts.close(AlertName.DECLINED, subject=entry.id)
            await self._store.members.set_alert(entry, is_open=False)
        end = await self._store.members.next_end()
        return _LONGEST_PAUSE if end is None else max((end - self._now()).total_seconds(), 0.0) + 1.0


def _text(entry: AuditEntry) -> str:
    name = f"{plain(entry.person.name, 40) or 'a member'} (<@{entry.person.id}>)"
    until = "" if entry.until is None else f" until <t:{entry.until.timestamp():.0f}:f>"
    return (
        f"Midjourney declined too many jobs of {name} in the server {entry.guild_id}, so they are shut out{until}. It "
        "blocks accounts for that. A manager can shut them out for longer there, or let them in, with "
        "`/darkroom members`."
    )
