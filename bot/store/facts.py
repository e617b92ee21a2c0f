"""Single values under a name, such as the hash of the synced commands."""

import aiosqlite

from bot.store.repository import Repository


class Facts(Repository):
    """The table `facts`."""

    async def get(self, name: str) -> str | None:
        """The value under a name."""
        rows = await self._db.rows("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    async def set(self, name: str, value: str) -> None:
        """Store a value under a name."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

        await self._db.transaction(work)
