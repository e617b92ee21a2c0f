"""Checks of this machine: settings, SQLite, the database, the disk, and the health of a running bot."""

import http.client
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.cli import healthcheck
from bot.cli.preflight.findings import Finding, fine, note, wrong
from bot.errors import SettingsError
from bot.installation import how_to_create_settings
from bot.settings import survey_settings
from bot.store.backups import free_bytes
from bot.store.connection import newer_than_us
from bot.store.file_header import OLDEST_SQLITE, SQLITE, DatabaseState, has_full_text_index, read_header

_LOW_DISK = 200 << 20  # bytes
_SERVICE_FOLDERS = Path("/var/lib")  # where systemd creates a service's StateDirectory, as root


def check_settings(environ: Mapping[str, str], dotenv: Path) -> tuple[list[Finding], dict[str, Any]]:
    """Return the findings about the settings, and the valid values by field name of `Settings`."""
    try:
        survey = survey_settings(environ, dotenv)
    except SettingsError as error:
        return [wrong("settings", str(error))], {}
    findings = [_mistake(text) for text in survey.mistakes]
    if findings and not dotenv.exists():
        todo = f"{how_to_create_settings()}, then fill it in"
        findings.insert(0, note("settings", f"there is no file {dotenv} yet", todo))
    notes = [note("settings", text) for text in survey.typos]
    if not findings:
        where = f"{dotenv} and the environment" if dotenv.exists() else "the environment"
        findings = [fine("settings", f"read from {where}")]
    if survey.exposed:
        notes.append(note("settings", f"other users of this machine can read {dotenv}", f"chmod o-rwx {dotenv}"))
    return findings + notes, survey.values


def _mistake(text: str) -> Finding:
    """Split a mistake into the mistake itself and the hint where to get the value."""
    mistake, hinted, where = text.removesuffix(")").rpartition(" (")  # the mistake may contain parentheses of its own
    return wrong("settings", mistake, where) if hinted else wrong("settings", text)


def check_sqlite() -> list[Finding]:
    """Check that Python's SQLite is new enough for the schema."""
    if _numbers(SQLITE) < _numbers(OLDEST_SQLITE):
        return [wrong("SQLite", f"{SQLITE} is too old", f"{OLDEST_SQLITE} or newer is needed: use a newer Python")]
    if not has_full_text_index():
        return [wrong("SQLite", f"{SQLITE} has no full-text index (FTS5)", "use a Python that has it, as most do")]
    return [fine("SQLite", SQLITE)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def check_database(data_dir: Path) -> list[Finding]:
    """Check the database file in the folder, without opening it for writing."""
    try:
        data_dir.stat()  # not `exists`, which raises or not without permission, by the version of Python
        seen = read_header(data_dir)
    except (FileNotFoundError, NotADirectoryError):
        if data_dir.parent == _SERVICE_FOLDERS:
            return [fine("database", f"none in {data_dir} yet; the service creates that folder at its first start")]
        return _writable(_existing_parent(data_dir)) or [
            fine("database", f"none in {data_dir} yet; the first start creates it")
        ]
    except OSError as error:
        return [wrong("database", f"cannot be read ({error.strerror})", f"Who owns {data_dir}? See DATA_DIR.")]
    unwritable = _writable(data_dir)
    if unwritable and seen.found is DatabaseState.NOTHING:
        return unwritable  # nor can a start create it there
    return [*unwritable, _database(seen.path, seen.found, seen.version, seen.newest)]


def _database(path: Path, found: DatabaseState, version: int, newest: int) -> Finding:
    match found:
        case DatabaseState.NOTHING:
            return fine("database", f"none in {path.parent} yet; the first start creates it")
        case DatabaseState.IN_USE:
            return fine("database", f"{path} is in use by a running bot")
        case DatabaseState.NO_DATABASE:
            return wrong("database", f"{path} is no SQLite database", "move it away, or restore a copy")
        case DatabaseState.FOREIGN:
            return wrong("database", f"{path} belongs to another program", "point DATA_DIR to another folder")
        case DatabaseState.NEWER:
            return wrong("database", newer_than_us(path, version, newest))
        case DatabaseState.OLDER:
            return note(
                "database", f"{path} has schema {version}; the next start updates it to {newest}, after making a copy"
            )
        case DatabaseState.OURS:
            return fine("database", f"{path}, schema {version}")


def _writable(folder: Path) -> list[Finding]:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return []
    except OSError as error:
        return [wrong("database", f"{folder} cannot be written ({error.strerror})", "see DATA_DIR")]


def _existing_parent(folder: Path) -> Path:
    """Return the closest existing parent of a folder that may not exist yet."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def check_disk(data_dir: Path) -> list[Finding]:
    """Check the free disk space."""
    try:
        free = free_bytes(_existing_parent(data_dir)) >> 20
    except OSError as error:
        return [note("disk", f"the free space cannot be read ({error.strerror})")]
    if free < _LOW_DISK >> 20:
        return [wrong("disk", f"only {free} MB are free", "make room: the database and its copies need 200 MB")]
    return [fine("disk", f"{free} MB are free")]


def check_health(values: Mapping[str, Any], data_dir: Path) -> list[Finding]:
    """Check the health of the running bot, if there is one and HEALTH_PORT is set."""
    port, host = values.get("health_port"), values.get("health_host")
    if port is None or host is None:
        return []
    try:
        report = healthcheck.request_health(host, port)
    except (OSError, http.client.HTTPException):
        if not _is_in_use(data_dir):
            return [fine("health", f"no bot is running on port {port} of {host}")]
        todo = (
            "check where the bot runs, with its HEALTH_HOST and HEALTH_PORT; in a container: "
            "docker compose exec darkroom python -m bot check"
        )
        return [note("health", f"a bot uses this database, but does not answer on port {port} of {host}", todo)]
    except ValueError:
        return [wrong("health", f"another program answers on port {port}", "choose another HEALTH_PORT")]
    failing = ", ".join(f"{name} ({part['is']})" for name, part in report["parts"].items() if not part["ok"])
    if failing:
        return [wrong("health", f"the running bot is not healthy: {failing}")]
    return [fine("health", "the running bot is healthy")]


def _is_in_use(data_dir: Path) -> bool:
    try:
        return read_header(data_dir).found is DatabaseState.IN_USE
    except OSError:
        return False
