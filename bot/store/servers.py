"""Settings of servers and of their members, each server's word list and its file size limit."""

import aiosqlite
import msgspec

from bot.models import ServerSettings
from bot.models.prompt import words_digest
from bot.store.clock import Clock
from bot.store.connection import Database
from bot.store.repository import Repository

_WORDS = msgspec.json.Decoder(tuple[str, ...])


class Servers(Repository):
    """The tables `servers` and `members`; a setting that was never set has its default."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._file_limits: dict[int, int] = {}  # by server, as Discord last said

    async def settings(self, guild_id: int) -> ServerSettings:
        """The settings that the server's admins chose."""
        rows = await self._db.rows("SELECT settings FROM servers WHERE guild_id = ?", (guild_id,))
        return _read(rows[0]["settings"] if rows else "{}")

    async def change_settings(self, guild_id: int, **changes: object) -> ServerSettings:
        """Change these settings and no others, so that two admins at once do not undo each other; all as they are then.

        Raises `TypeError` for a name that is none, `msgspec.ValidationError` for a value that a setting cannot have.
        """

        async def work(db: aiosqlite.Connection) -> ServerSettings:
            rows = await db.execute_fetchall("SELECT settings FROM servers WHERE guild_id = ?", (guild_id,))
            before = _read(next((row["settings"] for row in rows), "{}"))
            changed = msgspec.structs.replace(before, **changes)
            text = msgspec.json.encode(changed)
            msgspec.json.decode(text, type=ServerSettings)
            await db.execute(
                "INSERT INTO servers (guild_id, settings) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET settings = ?2",
                (guild_id, text.decode()),
            )
            return changed

        return await self._db.transaction(work)

    async def words(self, guild_id: int) -> tuple[str, ...]:
        """The server's word list."""
        rows = await self._db.rows("SELECT words FROM servers WHERE guild_id = ?", (guild_id,))
        return _WORDS.decode(rows[0]["words"]) if rows else ()

    async def change_words(self, guild_id: int, words: tuple[str, ...], *, before: str) -> bool:
        """Replace the word list, if it is still the one with the digest `before`; whether it was."""

        async def work(db: aiosqlite.Connection) -> bool:
            rows = await db.execute_fetchall("SELECT words FROM servers WHERE guild_id = ?", (guild_id,))
            present = next((_WORDS.decode(row["words"]) for row in rows), ())
            if words_digest(present) != before:
                return False
            await db.execute(
                "INSERT INTO servers (guild_id, words) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET words = ?2",
                (guild_id, msgspec.json.encode(words).decode()),
            )
            return True

        return await self._db.transaction(work)

    async def file_limit(self, guild_id: int) -> int | None:
        """How many bytes a file may have in this server, as Discord last said; `None` while it is unknown."""
        rows = await self._db.rows("SELECT file_limit FROM servers WHERE guild_id = ?", (guild_id,))
        return rows[0]["file_limit"] if rows else None

    async def set_file_limit(self, guild_id: int, size: int) -> None:
        """Store how many bytes a file may have in this server."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                "INSERT INTO servers (guild_id, file_limit) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET file_limit = ?2",
                (guild_id, size),
            )

        await self._db.transaction(work)

    async def remember_file_limit(self, guild_id: int, size: int) -> None:
        """Store the limit that an interaction named; the same value again costs nothing and overwrites nothing."""
        if self._file_limits.get(guild_id) != size:
            if await self.file_limit(guild_id) != size:
                await self.set_file_limit(guild_id, size)
            self._file_limits[guild_id] = size

    async def wants_pings(self, guild_id: int, user_id: int) -> bool:
        """Whether a member wants to be mentioned; they have not turned their pings off."""
        rows = await self._db.rows("SELECT pings FROM members WHERE guild_id = ? AND user_id = ?", (guild_id, user_id))
        return bool(rows[0]["pings"]) if rows else True

    async def set_pings(self, guild_id: int, user_id: int, pings: bool) -> None:
        """Store whether a member wants to be mentioned."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                """INSERT INTO members (guild_id, user_id, pings) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET pings = ?3""",
                (guild_id, user_id, pings),
            )

        await self._db.transaction(work)


def _read(text: str) -> ServerSettings:
    return msgspec.json.decode(text, type=ServerSettings)
