"""The arguments of the command line, and where the settings of a command are."""

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bot import __version__
from bot.installation import command_name

DOTENV = ".env"
_IDS_END = 2**63  # of SQLite's integers; Discord's ids reach it in 2084


class SettingsLocation(NamedTuple):
    """The environment that a command goes by, and its file of settings, which may not exist yet."""

    environ: Mapping[str, str]
    dotenv: Path


def locate_settings(environ: Mapping[str, str], data: Path | None) -> SettingsLocation:
    """Where the settings are: `.env` in the current folder, or in `data`, the folder after `--data`, where it has one.

    That folder is also `DATA_DIR`, whatever the environment and the file say.
    """
    if data is None:
        return SettingsLocation(environ, Path(DOTENV))
    inside = data / DOTENV
    dotenv = Path(DOTENV) if Path(DOTENV).exists() and not inside.exists() else inside
    return SettingsLocation({**environ, "DATA_DIR": str(data)}, dotenv)


def dotenv_to_create(data: Path | None) -> Path:
    """The file that `init` writes: `.env` in the current folder, or in `data`, the folder after `--data`."""
    return Path(DOTENV) if data is None else data / DOTENV


def read_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; `others` are the arguments of `demo`, which has a parser of its own."""
    parser = _parser()
    arguments, others = parser.parse_known_args(words)
    if others and arguments.command != "demo":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    arguments.others = others
    return arguments


def _server_id(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text) or not 0 < int(text) < _IDS_END:
        raise argparse.ArgumentTypeError(
            f"{text} is not the id of a server. In Discord: right-click the server, Copy Server ID."
        )
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=command_name(), description="Darkroom, a Discord bot for Midjourney jobs.")
    parser.add_argument("--version", action="version", version=f"Darkroom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument(
        "--data", type=Path, metavar="FOLDER", help="the folder for the database and .env; else ./data and ./.env"
    )
    run = commands.add_parser("run", parents=[folder], help="run the bot until Ctrl-C or SIGTERM")
    run.add_argument("--sync", action="store_true", help="sync the commands with Discord even if they did not change")
    check = commands.add_parser(
        "check", parents=[folder], help="check the settings, both tokens, the database and the disk"
    )
    check.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands.add_parser("health", parents=[folder], help="check the health of the running bot (needs HEALTH_PORT)")
    restore = commands.add_parser(
        "restore", parents=[folder], help="restore a copy of the database; stop the bot first"
    )
    restore.add_argument("file", type=Path, help="such as data/backups/nightly-….sqlite3")
    export = commands.add_parser(
        "export", parents=[folder], help="save the pictures that the bot posted in a server, with a page to browse them"
    )
    export.add_argument("server", type=_server_id, help="the id of the server")
    export.add_argument("folder", type=Path, help="a new folder, or that of an earlier export, to go on with it")
    commands.add_parser("init", parents=[folder], help="write a file .env to fill in, unless there is one")
    commands.add_parser("demo", add_help=False, help="try the bot in a browser, without any account")
    return parser
