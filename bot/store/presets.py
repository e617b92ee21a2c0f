"""The presets of servers, which the option `style` of `/imagine` offers."""

import aiosqlite

from bot.models.prompt import MAX_PRESETS, Preset, PresetProblem
from bot.store.repository import Repository


class Presets(Repository):
    """The table `presets`. A server has at most `MAX_PRESETS`, whose names differ in more than case."""

    async def of_server(self, guild_id: int) -> list[Preset]:
        """The presets of a server, by their names."""
        rows = await self._db.rows("SELECT * FROM presets WHERE guild_id = ?", (guild_id,))
        return sorted(map(_preset_of, rows), key=lambda preset: preset.name.casefold())

    async def by_name(self, guild_id: int, name: str) -> Preset | None:
        """The preset of a server with this name, in any case."""
        return next((each for each in await self.of_server(guild_id) if each.is_called(name)), None)

    async def by_id(self, guild_id: int, preset_id: int) -> Preset | None:
        """The preset of a server with this row id."""
        rows = await self._db.rows("SELECT * FROM presets WHERE id = ? AND guild_id = ?", (preset_id, guild_id))
        return next(map(_preset_of, rows), None)

    async def add(self, guild_id: int, name: str, suffix: str) -> PresetProblem | None:
        """Store a new preset; or return why it is not stored."""

        async def work(db: aiosqlite.Connection) -> PresetProblem | None:
            others = await _of_server(db, guild_id)
            if len(others) >= MAX_PRESETS:
                return PresetProblem.TOO_MANY
            if any(other.is_called(name) for other in others):
                return PresetProblem.NAME_TAKEN
            await db.execute("INSERT INTO presets (guild_id, name, suffix) VALUES (?, ?, ?)", (guild_id, name, suffix))
            return None

        return await self._db.transaction(work)

    async def change(self, guild_id: int, preset_id: int, name: str, suffix: str) -> PresetProblem | None:
        """Change a preset's name and suffix; or return why nothing was changed."""

        async def work(db: aiosqlite.Connection) -> PresetProblem | None:
            presets = await _of_server(db, guild_id)
            if all(preset.id != preset_id for preset in presets):
                return PresetProblem.DELETED
            if any(preset.id != preset_id and preset.is_called(name) for preset in presets):
                return PresetProblem.NAME_TAKEN
            await db.execute("UPDATE presets SET name = ?, suffix = ? WHERE id = ?", (name, suffix, preset_id))
            return None

        return await self._db.transaction(work)

    async def delete(self, guild_id: int, preset_id: int) -> Preset | None:
        """Delete a preset, and return it; `None` if the server has no such preset."""

        async def work(db: aiosqlite.Connection) -> Preset | None:
            preset = next((each for each in await _of_server(db, guild_id) if each.id == preset_id), None)
            if preset is not None:
                await db.execute("DELETE FROM presets WHERE id = ?", (preset_id,))
            return preset

        return await self._db.transaction(work)


async def _of_server(db: aiosqlite.Connection, guild_id: int) -> list[Preset]:
    rows = await db.execute_fetchall("SELECT * FROM presets WHERE guild_id = ?", (guild_id,))
    return list(map(_preset_of, rows))


def _preset_of(row: aiosqlite.Row) -> Preset:
    return Preset(id=row["id"], name=row["name"], suffix=row["suffix"])
