"""The command line: `darkroom` or `python -m bot`, with a command. A failure ends with one sentence.

Its exit status is 1; that of `run` is 78 (EX_CONFIG) where a person must act, so that no service restarts the bot.
"""

import argparse
import asyncio
import gc
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot.cli.arguments import SettingsLocation, dotenv_to_create, locate_settings, read_arguments
from bot.cli.output import replace_unencodable_characters
from bot.errors import StartError
from bot.installation import how_to_install_packages

_MAX_KEYS = 8  # listed by name


def main() -> int:
    """Run the command and return the exit status. Each command imports what it needs, so that `health` stays fast."""
    replace_unencodable_characters()
    arguments = read_arguments(sys.argv[1:])
    try:
        return _run_command(arguments)
    except StartError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the last line on the screen is for a person
        return error.exit_status if arguments.command == "run" else 1  # a container's health check knows 0 and 1 only
    except ModuleNotFoundError as missing:  # no `make` yet, or the system's Python was upgraded since
        if (sentence := _not_installed(missing.name or "")) is None:
            raise
        print(sentence, file=sys.stderr)  # noqa: T201 -- the last line on the screen is for a person
        return StartError().exit_status if arguments.command == "run" else 1
    except KeyboardInterrupt:  # during a check or a start's imports; a running bot handles signals itself
        return 130


def _run_command(arguments: argparse.Namespace) -> int:
    if arguments.command == "demo":
        from bot.demo.__main__ import main as run_demo

        return run_demo(arguments.others)
    location = locate_settings(os.environ, arguments.data)
    match arguments.command:
        case "run":
            _run(location, always_sync=arguments.sync)
        case "check":
            from bot.cli.preflight import check

            return asyncio.run(check(location.environ, as_json=arguments.json, dotenv=location.dotenv))
        case "health":
            return _health(location)
        case "restore":
            asyncio.run(_restore(location, arguments.file))
        case "export":
            _export(location, arguments.server, arguments.folder)
        case "init":
            from bot.cli.init import create_dotenv

            print(create_dotenv(dotenv_to_create(arguments.data)))  # noqa: T201 -- the command's output
    return 0


def _not_installed(module: str) -> str | None:
    """Return what to do about a module that is missing; `None` if its absence is a bug."""
    package = module.partition(".")[0]
    if module == "bot.demo":
        return "The image does not contain the demo. A checkout and the package darkroom[demo] do."
    if package == "simcord":
        return "The demo needs the package simcord: `make demo` installs it, and so does the package darkroom[demo]."
    if package in {"", "bot", "cogs"}:
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"Python {version} does not have the package {module}. {how_to_install_packages()}"


def _run(location: SettingsLocation, *, always_sync: bool) -> None:
    reduce_gc()
    from bot.settings import from_environment, survey_settings

    settings = from_environment(*location)
    from bot import logs
    from bot.cli.run import run

    logs.set_up(settings.log_level, settings.secrets, settings.log_format)
    log = logging.getLogger(__name__)
    survey = survey_settings(*location)
    for typo in survey.typos:
        log.warning("%s", typo)
    if survey.exposed:
        exposed = "Other users of this machine can read %s and the tokens in it. To prevent that: chmod o-rwx %s"
        log.warning(exposed, location.dotenv, location.dotenv)
    run(settings, always_sync=always_sync)


def reduce_gc() -> None:
    """Make Python's cyclic garbage collector run less often; called before the imports, of which it took a tenth.

    Reference counting frees nearly everything here; the collector also took a tenth of the CPU time of a busy poller.
    """
    gc.set_threshold(10_000, 20, 50)


def _health(location: SettingsLocation) -> int:
    from bot.cli.healthcheck import is_healthy
    from bot.settings import some_settings

    values = some_settings(location.environ, "HEALTH_HOST", "HEALTH_PORT", dotenv=location.dotenv)
    healthy, text = is_healthy(values["health_host"], values["health_port"])
    print(text)  # noqa: T201 -- the command's output
    return 0 if healthy else 1


async def _restore(location: SettingsLocation, file: Path) -> None:
    from bot.settings import some_settings
    from bot.store.restore import restore

    data_dir = some_settings(location.environ, "DATA_DIR", dotenv=location.dotenv)["data_dir"]
    restored = await restore(data_dir, file, datetime.now(UTC))
    newest = "" if restored.newest is None else f", last updated {restored.newest:%Y-%m-%d %H:%M} UTC"
    jobs = "1 job" if restored.jobs == 1 else f"{restored.jobs} jobs"
    print(f"Restored {file}: {jobs}{newest}.")  # noqa: T201 -- the command's output
    if restored.unknown:
        print(_unknown(restored.unknown))  # noqa: T201 -- the command's output
    if restored.replaced is not None:
        print(f"The previous database is kept as {restored.replaced}.")  # noqa: T201 -- the command's output
    print("Start the bot now. Before it posts a result, it checks whether the channel already has it.")  # noqa: T201 -- the command's output


def _export(location: SettingsLocation, guild_id: int, folder: Path) -> None:
    from bot import logs
    from bot.cli.export import SETTINGS, export
    from bot.settings import some_settings

    settings = some_settings(location.environ, *SETTINGS, dotenv=location.dotenv)
    logs.set_up("INFO", [settings["discord_token"].reveal()], "text")

    def say(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text}", end="", file=sys.stderr, flush=True)  # noqa: T201 -- how far it is, for who waits

    said = asyncio.run(export(settings, guild_id, folder, say))
    say("\n")
    print(said)  # noqa: T201 -- the command's output


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
