"""A database of the newest schema without its migrations, which cost five times as much as the rest of opening one.

And one whose pages are damaged.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.store import open_store
from bot.store.connection import FILE, Database


def migrated(folder: Path) -> Path:
    """Put an empty database into `folder`, unless it holds one, and return the folder."""
    file = folder / FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(_template())
    return folder


async def damage(database: Database, folder: Path, *names: str) -> None:
    """Overwrite the first page of these tables and indexes in the file of an open database."""
    for pragma in ("wal_checkpoint(TRUNCATE)", "shrink_memory"):
        await database.rows(f"PRAGMA {pragma}")
    pages = [
        (await database.rows("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)))[0][0] for name in names
    ]
    with (folder / FILE).open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)


@cache
def _template() -> bytes:
    """The file as the bot leaves it; a thread makes it, because a test's own loop is running."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_make(Path(folder)))).result()
        return (Path(folder) / FILE).read_bytes()


async def _make(folder: Path) -> None:
    async with open_store(folder, lambda: datetime.now(UTC)):
        pass
