"""What can be seen on this machine: settings, SQLite, the database, the disk, and a bot that runs."""

import http.client
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.cli import healthcheck
from bot.cli.preflight.findings import Finding, fine, note, wrong
from bot.errors import SettingsError
from bot.settings import survey_settings
from bot.store.backups import free_bytes
from bot.store.connection import newer_than_us
from bot.store.file_header import OLDEST_SQLITE, SQLITE, DatabaseState, read_header

_LITTLE = 200 << 20  # bytes


def check_settings(environ: Mapping[str, str], dotenv: Path) -> tuple[list[Finding], dict[str, Any]]:
    """Each mistake, and the values that are right."""
    try:
        survey = survey_settings(environ, dotenv)
    except SettingsError as error:
        return [wrong("settings", str(error))], {}
    found = [_mistake(text) for text in survey.mistakes]
    if found and not dotenv.exists():
        found.insert(0, note("settings", f"there is no file {dotenv} yet", "cp .env.example .env, then fill it in"))
    typos = [note("settings", text) for text in survey.typos]
    if not found:
        where = f"{dotenv} and the environment" if dotenv.exists() else "the environment"
        found = [fine("settings", f"read from {where}")]
    return found + typos, survey.values


def _mistake(text: str) -> Finding:
    """A mistake, with where to get the value below it."""
    words, told, where = text.removesuffix(")").rpartition(" (")  # what is wrong may hold brackets of its own
    return wrong("settings", words, where) if told else wrong("settings", text)


def check_sqlite() -> list[Finding]:
    """Whether Python's SQLite knows what the database is made of."""
    if _numbers(SQLITE) < _numbers(OLDEST_SQLITE):
        return [wrong("SQLite", f"{SQLITE} is too old", f"{OLDEST_SQLITE} or newer is needed: take a newer Python")]
    return [fine("SQLite", SQLITE)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def check_database(data_dir: Path) -> list[Finding]:
    """What lies in the folder, without touching it."""
    if not data_dir.exists():
        return _writable(_nearest(data_dir)) or [fine("database", f"none in {data_dir} yet, the first start makes it")]
    try:
        seen = read_header(data_dir)
    except OSError as error:
        return [wrong("database", f"cannot be read ({error.strerror})", f"Who owns {data_dir}? See DATA_DIR.")]
    unwritable = _writable(data_dir)
    if unwritable and seen.found is DatabaseState.NOTHING:
        return unwritable  # no start can make one there
    return [*unwritable, _database(seen.path, seen.found, seen.version, seen.newest)]


def _database(path: Path, found: DatabaseState, version: int, newest: int) -> Finding:
    match found:
        case DatabaseState.NOTHING:
            return fine("database", f"none in {path.parent} yet, the first start makes it")
        case DatabaseState.IN_USE:
            return fine("database", f"{path} is in use by a running bot")
        case DatabaseState.NO_DATABASE:
            return wrong("database", f"{path} is no SQLite database", "move it away, or restore a copy")
        case DatabaseState.FOREIGN:
            return wrong("database", f"{path} belongs to another program", "point DATA_DIR to another folder")
        case DatabaseState.NEWER:
            return wrong("database", newer_than_us(path, version, newest))
        case DatabaseState.OLDER:
            return note("database", f"{path} has schema {version}; the next start makes it {newest}, after a copy")
        case DatabaseState.OURS:
            return fine("database", f"{path}, schema {version}")


def _writable(folder: Path) -> list[Finding]:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return []
    except OSError as error:
        return [wrong("database", f"{folder} cannot be written ({error.strerror})", "see DATA_DIR")]


def _nearest(folder: Path) -> Path:
    """The folder in which the missing one would be made."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def check_disk(data_dir: Path) -> list[Finding]:
    """What is free."""
    try:
        free = free_bytes(_nearest(data_dir)) >> 20
    except OSError as error:
        return [note("disk", f"does not tell what is free ({error.strerror})")]
    if free < _LITTLE >> 20:
        return [wrong("disk", f"only {free} MB are free", "200 MB should be, for the database and its copies")]
    return [fine("disk", f"{free} MB are free")]


def check_health(values: Mapping[str, Any]) -> list[Finding]:
    """How the bot does, where one runs and may be asked."""
    port, host = values.get("health_port"), values.get("health_host")
    if port is None or host is None:
        return []
    try:
        told = healthcheck.ask(host, port)
    except (OSError, http.client.HTTPException):
        return [fine("health", f"no bot answers on port {port} now")]
    except ValueError:
        return [wrong("health", f"another program answers on port {port}", "choose another HEALTH_PORT")]
    ill = ", ".join(f"{name} ({part['is']})" for name, part in told["parts"].items() if not part["ok"])
    return [
        wrong("health", f"the running bot has trouble: {ill}") if ill else fine("health", "the running bot is well")
    ]
