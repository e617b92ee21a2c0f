"""Puts a copy of the database back, so that what happened since the copy is neither repeated nor charged twice.

The copy knows less than Discord and the provider do. What may have happened since is marked:

- A message that is still to be sent may be posted: it becomes SENDING, and the history is searched for its nonce first.
- A running job may be over and posted, under a nonce that the copy never knew: `Deliveries.posted_since` says from
  which snowflake on the dispatcher searches for a post that names the job's key.
- A queued submission may have been sent, and paid: it becomes UNCONFIRMED, and is reconciled instead of sent.
- A status card that is still to be sent may have been posted and deleted: it is dropped, the result says more.
"""

import json
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import aiosqlite

from bot.errors import StoreError
from bot.store import sqlite_codes
from bot.store.backups import flush
from bot.store.connection import FILE, MIGRATIONS, migrate, schema_of
from bot.store.deliveries import RESTORED
from bot.store.delivery_statements import OPEN
from bot.store.file_header import DatabaseState, read_header
from bot.store.offline import copy_database, locked, side_files
from bot.store.rows import aware

_NEW = f"{FILE}.restoring"
_IDENTITY = "jobid, coalesce(json_extract(answer, '$.provider'), 'useapi')"  # also in schemas without a column for it


class Restored(NamedTuple):
    """What was put back: how many jobs, when the newest thing in it happened, and where the file before it is kept.

    `unknown` has the keys of the jobs that the file before it knew and this one does not, as far as it can be read.
    """

    jobs: int
    newest: datetime | None
    replaced: Path | None
    unknown: list[str]


async def restore(data_dir: Path, copy: Path, now: datetime) -> Restored:
    """Put `copy` in the place of the database in `data_dir`, at its newest schema; the bot must be stopped.

    `copy` itself is not touched. Raises `StoreError` with one sentence, and then has changed nothing.
    """
    path, new = data_dir / FILE, data_dir / _NEW
    try:
        _check_paths(path, copy)
        copy_database(copy, new)
        jobs, newest = await _prepare(new, copy, now)
        flush(new)
        with locked(path, _in_use(path)):
            replaced = _put_aside(path, now)
            unknown = [] if replaced is None else _unknown_keys(replaced, new)
            new.replace(path)
            flush(data_dir)
    except OSError as error:
        raise StoreError(f"The copy cannot be put into {data_dir}: {error.strerror}.") from None
    finally:
        for left in (new, *side_files(new)):
            with suppress(OSError):  # which would hide the error that is raised; the next restore deletes it
                left.unlink(missing_ok=True)
    return Restored(jobs, newest, replaced, unknown)


def _check_paths(path: Path, copy: Path) -> None:
    if read_header(path.parent).found is DatabaseState.IN_USE:
        raise _in_use(path)
    if not copy.is_file():
        raise StoreError(f"There is no file {copy}. The copies are in {path.parent / 'backups'}.")
    if path.exists() and copy.samefile(path):
        raise StoreError(f"{copy} is the database itself. Name a copy of it, such as one in {path.parent / 'backups'}.")
    if not path.parent.is_dir():
        raise StoreError(f"There is no folder {path.parent}. Make it, or see DATA_DIR.")


def _in_use(path: Path) -> StoreError:
    return StoreError(f"A bot runs on {path}. Stop it first, then restore.")


async def _prepare(new: Path, copy: Path, now: datetime) -> tuple[int, datetime | None]:
    migrations = sorted(MIGRATIONS.glob("*.sql"))
    connection = await aiosqlite.connect(new, isolation_level=None)
    try:
        version = await schema_of(connection, copy, len(migrations))
        if version == 0:
            raise StoreError(f"{copy} is empty, or no database of Darkroom's.")
        for check in ("integrity_check(1)", "foreign_key_check"):
            rows = await connection.execute_fetchall(f"PRAGMA {check}")
            if any(row[0] != "ok" for row in rows):
                raise StoreError(f"The copy {copy} is damaged. Take an older one.")
        await migrate(connection, migrations, version)
        marked = await _mark(connection, now)
        await connection.execute("PRAGMA journal_mode = DELETE")  # one file, without a -wal beside it
    except sqlite3.OperationalError as error:  # a good copy is not to be thrown away for want of room
        raise StoreError(
            f"The copy {copy} could not be made ready ({error}). Is the disk full? If it is not, take an older copy."
        ) from None
    except sqlite3.DatabaseError as error:
        if sqlite_codes.primary_code(error) == sqlite_codes.NOT_A_DATABASE:
            raise StoreError(f"{copy} is no SQLite database.") from None
        raise StoreError(f"The copy {copy} cannot be used: {error}. Take an older one.") from None
    finally:
        await connection.close()
    return marked


async def _mark(db: aiosqlite.Connection, now: datetime) -> tuple[int, datetime | None]:
    """Mark what may have happened since the copy; the number of jobs in it, and when the newest of them changed."""
    await db.execute("BEGIN IMMEDIATE")
    (after,) = await db.execute_fetchall("SELECT max(max(after_id, coalesce(message_id, 0))) FROM deliveries")
    fact = json.dumps({"at": now.timestamp(), "after": after[0] or 0})
    await db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (RESTORED, fact))
    await db.execute(f"UPDATE deliveries SET state = 'dropped' WHERE kind = 'status_card' AND {OPEN}")
    await db.execute(f"UPDATE deliveries SET state = 'sending' WHERE {OPEN}")
    await db.execute(
        """UPDATE submissions SET state = 'unconfirmed', sent_at = coalesce(sent_at, created_at)
           WHERE state IN ('queued', 'sent') AND waits_for IS NULL"""  # those that wait for one share its outcome
    )
    (jobs,) = await db.execute_fetchall("SELECT count(*), max(changed_at) FROM jobs")
    await db.execute("COMMIT")
    return jobs[0], None if jobs[1] is None else aware(jobs[1])


def _put_aside(path: Path, now: datetime) -> Path | None:
    """Keep the present database under another name; there is a database at `path` at every moment, if there was one."""
    if not path.exists():
        for side in side_files(path):
            side.unlink(missing_ok=True)  # left of another database; SQLite would apply it to the new one
        return None
    aside = path.with_name(f"replaced-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.sqlite3")
    for side in side_files(path):  # exists only where the database could not be opened
        if side.exists():
            side.rename(aside.with_name(aside.name + side.name.removeprefix(path.name)))
    try:
        aside.hardlink_to(path)
    except OSError:  # a file system without hard links
        with suppress(FileNotFoundError):
            path.rename(aside)
    return aside


def _unknown_keys(replaced: Path, new: Path) -> list[str]:
    """The keys of the jobs in `replaced` that are not in `new`, the oldest first; none where it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{replaced.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as before:
            before.execute("ATTACH ? AS copy", (f"{new.absolute().as_uri()}?mode=ro&immutable=1",))
            rows = before.execute(
                f"SELECT key FROM jobs WHERE ({_IDENTITY}) NOT IN (SELECT {_IDENTITY} FROM copy.jobs) ORDER BY id"
            )
            return [str(key) for (key,) in rows]
    except sqlite3.DatabaseError:
        return []
