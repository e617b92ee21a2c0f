"""A database of the newest schema without its migrations, which cost five times as much as the rest of opening one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.store import open_store
from bot.store.connection import FILE


def migrated(folder: Path) -> Path:
    """Put an empty database into `folder`, unless it holds one, and return the folder."""
    file = folder / FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(_template())
    return folder


@cache
def _template() -> bytes:
    """The file as the bot leaves it; a thread makes it, because a test's own loop is running."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_make(Path(folder)))).result()
        return (Path(folder) / FILE).read_bytes()


async def _make(folder: Path) -> None:
    async with open_store(folder, lambda: datetime.now(UTC)):
        pass
