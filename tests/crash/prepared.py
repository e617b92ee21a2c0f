"""Starts of the bot without its imports: a process that has imported it already is forked for each start.

The imports are most of what a start costs, half a second of CPU time. What is forked is a process of its own as before:
it has its own arguments, environment, folder and output, can be killed, and runs what `python -m bot` runs.
"""

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.processes import interruptible

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        *(__name__, "bot.__main__", "bot.cli.run", "bot.providers.useapi", "bot.providers.midjourney_proxy"),
        *("cogs.jobs", "cogs.imagine", "cogs.pictures", "cogs.admin", "cogs.background", "uvloop"),
    ]
)


class PreparedProcess:
    """Has of `asyncio.subprocess.Process` what the crash tests need."""

    def __init__(self, process: ForkServerProcess, stdout: asyncio.StreamReader | None) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._process = process
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self.returncode = self._process.exitcode
        self._process.close()
        self._ended.set()

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode


async def start_prepared(*arguments: str, cwd: Path, env: dict[str, str]) -> PreparedProcess:
    """Start `python -m bot` with these arguments; all its output can be read from `stdout`."""
    reading, writing = multiprocessing.Pipe(duplex=False)
    with writing:
        process = _fork(arguments, cwd, env, writing)
    stdout = asyncio.StreamReader()
    output = os.fdopen(os.dup(reading.fileno()), "rb", buffering=0)
    reading.close()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), output)
    return PreparedProcess(process, stdout)


@asynccontextmanager
async def prepared(*arguments: str, cwd: Path, env: dict[str, str], log: Path) -> AsyncIterator[PreparedProcess]:
    """Start `python -m bot` with these arguments; its output is appended to `log`. It is killed at the end."""
    with Connection(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)) as output:
        process = PreparedProcess(_fork(arguments, cwd, env, output), None)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


def _fork(
    arguments: tuple[str, ...], folder: Path, environment: dict[str, str], output: Connection
) -> ForkServerProcess:
    process = _FORKS.Process(target=_run, args=(arguments, folder, environment, output), daemon=True)
    with interruptible():
        process.start()
    return process


def _run(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], output: Connection) -> None:
    from bot.__main__ import main

    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream, target in ((nothing, 0), (output.fileno(), 1), (output.fileno(), 2)):
        os.dup2(stream, target)
    os.close(nothing)
    output.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for customization in _customizations(environment):
        runpy.run_path(customization)
    sys.argv = ["bot", *arguments]
    sys.exit(main())


def _customizations(environment: dict[str, str]) -> list[str]:
    """The files `sitecustomize.py` on PYTHONPATH, which Python runs at its own start; see `fragile`."""
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    return [str(file) for folder in folders if (file := Path(folder, "sitecustomize.py")).is_file()]
