"""The command line: `python -m bot run|check|health|restore`. A failure ends with one sentence.

Its exit status is 1; that of `run` is 78 (EX_CONFIG) where a person must act, so that no service restarts the bot.
"""

import argparse
import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot import __version__
from bot.errors import StartError

_MAX_KEYS = 8  # listed by name


def main() -> int:
    """Run the command and return the exit status. Each command imports what it needs, so that `health` stays fast."""
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "run":
                _run(always_sync=arguments.sync)
            case "check":
                from bot.cli.preflight import check

                return asyncio.run(check(os.environ, as_json=arguments.json))
            case "health":
                return _health()
            case "restore":
                asyncio.run(_restore(arguments.file))
    except StartError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the last line on the screen is for a person
        return error.exit_status if arguments.command == "run" else 1  # a container's health check knows 0 and 1 only
    except ModuleNotFoundError as missing:  # no `make` yet, or the system's Python was upgraded since
        if missing.name is None or missing.name.partition(".")[0] in {"bot", "cogs"}:
            raise
        print(_not_installed(missing.name), file=sys.stderr)  # noqa: T201 -- the last line on the screen is for a person
        return StartError().exit_status if arguments.command == "run" else 1
    except KeyboardInterrupt:  # during a check or a start's imports; a running bot handles signals itself
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Darkroom, a Discord bot for Midjourney jobs.")
    parser.add_argument("--version", action="version", version=f"Darkroom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the bot until Ctrl-C or SIGTERM")
    run.add_argument("--sync", action="store_true", help="sync the commands with Discord even if they did not change")
    check = commands.add_parser("check", help="check the settings, both tokens, the database and the disk")
    check.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands.add_parser("health", help="check the health of the running bot (needs HEALTH_PORT)")
    restore = commands.add_parser("restore", help="restore a copy of the database; stop the bot first")
    restore.add_argument("file", type=Path, help="such as data/backups/nightly-….sqlite3")
    return parser


def _not_installed(package: str) -> str:
    return (
        f"Python {sys.version_info.major}.{sys.version_info.minor} does not have the package {package}. "
        "`make .venv/run` installs all that Darkroom needs."
    )


def _run(*, always_sync: bool) -> None:
    from bot.settings import from_environment, survey_settings

    settings = from_environment(os.environ)
    from bot import logs
    from bot.cli.run import run

    logs.set_up(settings.log_level, settings.secrets, settings.log_format)
    log = logging.getLogger(__name__)
    survey = survey_settings(os.environ)
    for typo in survey.typos:
        log.warning("%s", typo)
    if survey.exposed:
        log.warning("Other users of this machine can read .env and the tokens in it. To prevent that: chmod o-rwx .env")
    run(settings, always_sync=always_sync)


def _health() -> int:
    from bot.cli.healthcheck import is_healthy
    from bot.settings import some_settings

    values = some_settings(os.environ, "HEALTH_HOST", "HEALTH_PORT")
    healthy, text = is_healthy(values["health_host"], values["health_port"])
    print(text)  # noqa: T201 -- the command's output
    return 0 if healthy else 1


async def _restore(file: Path) -> None:
    from bot.settings import some_settings
    from bot.store.restore import restore

    data_dir = some_settings(os.environ, "DATA_DIR")["data_dir"]
    restored = await restore(data_dir, file, datetime.now(UTC))
    newest = "" if restored.newest is None else f", last updated {restored.newest:%Y-%m-%d %H:%M} UTC"
    jobs = "1 job" if restored.jobs == 1 else f"{restored.jobs} jobs"
    print(f"Restored {file}: {jobs}{newest}.")  # noqa: T201 -- the command's output
    if restored.unknown:
        print(_unknown(restored.unknown))  # noqa: T201 -- the command's output
    if restored.replaced is not None:
        print(f"The previous database is kept as {restored.replaced}.")  # noqa: T201 -- the command's output
    print("Start the bot now. Before it posts a result, it checks whether the channel already has it.")  # noqa: T201 -- the command's output


def _unknown(keys: list[str]) -> str:
    """Name the jobs that the copy lacks, so that the admin can inform their members."""
    some = ", ".join(f"#{key}" for key in keys[:_MAX_KEYS]) + (" …" if len(keys) > _MAX_KEYS else "")
    jobs = "1 job" if len(keys) == 1 else f"{len(keys)} jobs"
    return (
        f"Not in it: {jobs} added after that copy ({some}). Posts stay, but their buttons no longer work; "
        "members who are still waiting must run /job again."
    )


if __name__ == "__main__":
    sys.exit(main())
