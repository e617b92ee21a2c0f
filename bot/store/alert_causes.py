"""What the open alerts are about, as far as it is still there: without it, no end of an alert can ever be seen."""

from collections.abc import Mapping

from bot.models.alert import AlertName
from bot.store.delivery_statements import OPEN
from bot.store.repository import Repository

_JOINED = "guild_id NOT IN (SELECT guild_id FROM left_servers)"
_CAUSES: Mapping[AlertName, str] = {
    AlertName.CHANNEL: f"""
        SELECT channel_id FROM deliveries WHERE {OPEN} AND {_JOINED}
        UNION SELECT channel_id FROM deliveries WHERE state = 'undeliverable' AND {_JOINED}""",
    AlertName.DELIVERY: f"SELECT id FROM deliveries WHERE {OPEN} AND {_JOINED}",
    AlertName.DECLINED: f"SELECT id FROM audit_entries WHERE alert <> 'none' AND {_JOINED}",
}


class AlertCauses(Repository):
    """Rows of several tables, as the subjects of alerts. Those of servers that removed the bot are no causes."""

    names = frozenset(_CAUSES)
    """The alerts about something that is stored."""

    async def subjects(self, name: AlertName) -> set[int]:
        """The subjects that an alert of this name may have now."""
        return {row[0] for row in await self._db.rows(_CAUSES[name])}
