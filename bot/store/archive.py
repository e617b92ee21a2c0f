"""Reads the posted jobs of one server for an export, while the bot runs or while it does not.

A running bot keeps every other program out of its database, so its newest nightly copy is read then. Either file is
copied first: what is read has the newest schema, and a bot may start meanwhile.
"""

import sqlite3
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import aiosqlite
import msgspec

from bot.errors import StoreError
from bot.models import KnownJob, Status
from bot.models.server import Destination
from bot.store.backups import nightly
from bot.store.connection import FILE, MIGRATIONS, migrate, schema_of
from bot.store.file_header import DatabaseState, read_header
from bot.store.offline import copy_database, locked
from bot.store.rows import aware, known_of

_RESULT = "deliveries.guild_id = :guild_id AND kind = 'result' AND message_id IS NOT NULL"
_POSTED = f"{_RESULT} AND state = 'posted'"
_JOBS = f"""
SELECT * FROM jobs WHERE status <> '{Status.MODERATED}'
AND EXISTS (SELECT 1 FROM deliveries WHERE job_id = jobs.id AND {_POSTED}) ORDER BY id
"""
_POSTS = f"SELECT job_id, channel_id, message_id FROM deliveries WHERE {_POSTED} ORDER BY id DESC"
_DELETED = f"SELECT message_id FROM deliveries WHERE {_RESULT} AND state = 'dropped'"


class ArchivedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its posts in one server, the newest first, as channel and message; `parent` is a key."""

    known: KnownJob
    parent: str | None
    posts: tuple[tuple[Destination, int], ...]


class Archive(NamedTuple):
    """The jobs of a server that are posted there, the oldest first, and the ids of posts that were deleted.

    `as_of`: when the copy was made that was read.
    """

    jobs: list[ArchivedJob]
    deleted: frozenset[int]
    as_of: datetime | None


async def read_archive(data_dir: Path, guild_id: int) -> Archive:
    """Read the jobs of a server; declined ones are left out. Raises `StoreError` with one sentence."""
    path = data_dir / FILE
    try:
        state = read_header(data_dir).found
        if state is DatabaseState.NOTHING:
            raise StoreError(f"There is no database in {data_dir}. See DATA_DIR.")
        origin = _newest_copy(data_dir) if state is DatabaseState.IN_USE else path
        with TemporaryDirectory(dir=data_dir, prefix="export-") as folder:
            copy = Path(folder) / FILE
            if origin == path:
                with locked(path, StoreError(f"A bot has just started on {path}. Try again.")):
                    copy_database(path, copy)
            else:
                copy_database(origin, copy)
            jobs, deleted = await _read(copy, origin, guild_id)
        return Archive(jobs, deleted, None if origin == path else aware(origin.stat().st_mtime))
    except OSError as error:
        raise StoreError(f"The database in {data_dir} cannot be copied: {error.strerror}.") from None


def _newest_copy(data_dir: Path) -> Path:
    copies = nightly(data_dir, datetime.now(UTC))
    if not copies:
        raise StoreError(
            f"A bot runs on {data_dir / FILE}, and it has made no nightly copy yet, which could be read instead. "
            "Stop the bot, or try again tomorrow."
        )
    return copies[-1]


async def _read(copy: Path, origin: Path, guild_id: int) -> tuple[list[ArchivedJob], frozenset[int]]:
    migrations = sorted(MIGRATIONS.glob("*.sql"))
    connection = await aiosqlite.connect(copy, isolation_level=None)
    connection.row_factory = aiosqlite.Row
    try:
        version = await schema_of(connection, origin, len(migrations))
        await migrate(connection, migrations, version)
        posts: dict[int, list[tuple[Destination, int]]] = defaultdict(list)
        for row in await connection.execute_fetchall(_POSTS, {"guild_id": guild_id}):
            destination = Destination(guild_id=guild_id, channel_id=row["channel_id"])
            posts[row["job_id"]].append((destination, row["message_id"]))
        jobs = [known_of(row) for row in await connection.execute_fetchall(_JOBS, {"guild_id": guild_id})]
        deleted = frozenset(
            row["message_id"] for row in await connection.execute_fetchall(_DELETED, {"guild_id": guild_id})
        )
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{origin} cannot be read: {error}.") from None
    finally:
        await connection.close()
    keys = {(known.job.provider, known.job.jobid): known.key for known in jobs}
    archived = [
        ArchivedJob(
            known=known,
            parent=keys.get((known.job.provider, known.job.parent_jobid)),
            posts=tuple(posts[known.id]),
        )
        for known in jobs
    ]
    return archived, deleted
