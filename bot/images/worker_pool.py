"""Runs `bot.images.worker`, one process per task; the bot's own process never decodes a picture."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal

import msgspec

from bot.images.errors import NoRoom, NotAPicture, PictureError, TooLarge, Unreadable
from bot.images.sniffing import Picture

log = logging.getLogger(__name__)

PIXELS = 20 << 20
"""Pixels decoded at most: a little more than the largest upscales (4096², 5824 x 3264), and 80 MiB in memory."""

_MEMORY = 232 << 20  # bytes of data: with Python's own files in memory, a worker takes less than 256 MiB
_MAX_RESULT = 64 * 1024  # bytes of JSON
_ROOT = Path(__file__).parents[2]
_ENVIRONMENT = ("SYSTEMROOT", "PYTHONHOME", "LD_LIBRARY_PATH")  # what Python needs to start; the rest may hold tokens

_Order = dict[str, str | int | list[str | None]]

Task = Literal["fit", "split", "thumbnail", "grid"]


class WorkerFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the worker wrote."""

    path: str
    content_type: str
    extension: str
    size: int
    width: int
    height: int


class WorkerResult(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's output: files, or an error with its reason for the log."""

    files: list[WorkerFile] = []
    still: bool = False
    """Whether the source is an animation, of which only the first frame was used."""
    error: Literal["", "not a picture", "too large", "no room", "unreadable"] = ""
    reason: str = ""


class WorkerPool:
    """Runs up to `at_once` worker processes, each for at most `seconds`; `close` kills those that run.

    One at a time by default: a large picture takes one core and 220 MB, and a small server has two cores and 512 MB.
    """

    def __init__(self, *, seconds: float = 60.0, at_once: int = 1) -> None:
        self._seconds = seconds
        self._slots = asyncio.Semaphore(at_once)
        self._running: set[subprocess.Popen[bytes]] = set()

    async def run(self, task: Task, pictures: Sequence[Picture | None], folder: Path, **options: int) -> WorkerResult:
        """Run one task, writing its files into `folder`; `options` are those of the task, see `bot.images.worker`.

        All tasks take one picture, but "grid" takes four, of which some may be missing.

        Raises `NotAPicture`, `TooLarge`, `NoRoom` or `Unreadable`.
        """
        bounds = {"seconds": max(1, round(self._seconds)), "memory": _MEMORY, "pixels": PIXELS}
        order: _Order = {
            "task": task,
            "sources": [None if picture is None else str(picture.path.absolute()) for picture in pictures],
            "folder": str(folder.absolute()),
            **options,
            **bounds,
        }
        async with self._slots:
            try:
                output = await self._run_process(order, folder)
            except OSError as error:
                log.warning("The picture worker could not be started: %s", error.strerror)
                raise Unreadable from error
        try:
            result = msgspec.json.decode(output, type=WorkerResult)
        except msgspec.DecodeError:
            result = WorkerResult(error="unreadable", reason="the worker timed out or crashed")
        if result.error:
            log.info("A picture could not be processed (%s): %s", task, result.reason)
            raise _error(result.error, sum(picture.size for picture in pictures if picture is not None))
        return result

    async def _run_process(self, order: _Order, folder: Path) -> bytes:
        """Return what one worker writes to stdout; no complete JSON if it crashes or exceeds its time."""
        loop = asyncio.get_running_loop()
        with TemporaryFile(dir=folder) as output:
            # Not asyncio's subprocesses: in Python 3.11 a task that is cancelled while one starts may hang forever
            # (https://github.com/python/cpython/issues/103847). A thread that waits for the exit needs no pipes.
            process = _start(order, output)
            self._running.add(process)
            timeout = loop.call_later(self._seconds, process.kill)
            exited = loop.run_in_executor(None, process.wait)
            try:
                await asyncio.shield(exited)
            finally:
                timeout.cancel()
                self._running.discard(process)
                process.kill()  # no effect once it has exited
                await exited
            output.seek(0)
            return output.read(_MAX_RESULT)

    def close(self) -> None:
        """Kill the running workers; the calls that wait for them raise `Unreadable`."""
        for process in self._running:
            process.kill()


def _start(order: _Order, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 -- this Python, and paths of our own
        [sys.executable, "-m", "bot.images.worker", msgspec.json.encode(order).decode()],
        cwd=_ROOT,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C goes to the bot only, which then kills its workers
    )


def _error(error: str, size: int) -> PictureError:
    if error == "too large":
        return TooLarge(size)
    return {"not a picture": NotAPicture, "no room": NoRoom}.get(error, Unreadable)()
