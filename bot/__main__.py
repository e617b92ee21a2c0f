"""`python -m bot run|check|health|restore`: the command line; what fails ends in one human sentence and status 1."""

import argparse
import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot import __version__
from bot.errors import StartError
from bot.settings import from_environment, survey_settings

_NAMED = 8  # keys


def main() -> int:
    """Read the command line and do it; the exit status. Each command imports what it needs: `health` must be quick."""
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
        print(error, file=sys.stderr)  # noqa: T201 -- the last thing on the screen is for a person
        return 1
    except KeyboardInterrupt:  # in the midst of a check, or of a start's imports; a bot that runs has its own way out
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Darkroom, a Discord bot for Midjourney jobs.")
    parser.add_argument("--version", action="version", version=f"Darkroom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the bot until Ctrl-C or SIGTERM")
    run.add_argument("--sync", action="store_true", help="send the commands to Discord even if they did not change")
    check = commands.add_parser("check", help="try the settings, both tokens, the database and the disk")
    check.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("health", help="ask the running bot how it does (HEALTH_PORT)")
    restore = commands.add_parser("restore", help="put a copy of the database back; stop the bot first")
    restore.add_argument("file", type=Path, help="such as data/backups/nightly-….sqlite3")
    return parser


def _run(*, always_sync: bool) -> None:
    settings = from_environment(os.environ)
    from bot import logs
    from bot.cli.run import run

    logs.set_up(settings.log_level, settings.secrets, settings.log_format)
    for typo in survey_settings(os.environ).typos:
        logging.getLogger(__name__).warning("%s", typo)
    run(settings, always_sync=always_sync)


def _health() -> int:
    from bot.cli.healthcheck import is_healthy

    healthy, words = is_healthy(from_environment(os.environ))
    print(words)  # noqa: T201 -- the answer
    return 0 if healthy else 1


async def _restore(file: Path) -> None:
    from bot.store.restore import restore

    settings = from_environment(os.environ)
    restored = await restore(settings.data_dir, file, datetime.now(UTC))
    newest = "" if restored.newest is None else f"; the newest news in it are of {restored.newest:%Y-%m-%d %H:%M} UTC"
    jobs = "1 job" if restored.jobs == 1 else f"{restored.jobs} jobs"
    print(f"Put {file} back: {jobs}{newest}.")  # noqa: T201 -- the answer
    if restored.unknown:
        print(_unknown(restored.unknown))  # noqa: T201 -- the answer
    if restored.replaced is not None:
        print(f"What was there before is kept as {restored.replaced}.")  # noqa: T201 -- the answer
    print("Start the bot now. It looks in the channels before it posts anything that may stand there already.")  # noqa: T201 -- the answer


def _unknown(keys: list[str]) -> str:
    """What the copy does not know, so that the admin can tell people."""
    some = ", ".join(f"#{key}" for key in keys[:_NAMED]) + (" …" if len(keys) > _NAMED else "")
    jobs, their = ("1 job", "its") if len(keys) == 1 else (f"{len(keys)} jobs", "their")
    return (
        f"Not in it: {jobs} that came later ({some}). What was posted stays, but {their} buttons no longer work; "
        "whoever still waits must ask again."
    )


if __name__ == "__main__":
    sys.exit(main())
