"""Starts `bot.images.worker` for one order, and ends it however it ends: the bot itself never decodes a picture."""

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal

import msgspec

from bot.images.errors import NoRoom, NotAPicture, PictureError, TooLarge, Unreadable
from bot.images.sniffing import Picture

log = logging.getLogger(__name__)

PIXELS = 8192 * 8192
"""The most that is decoded: four times the largest upscale (4096²), and 256 MiB in memory."""

_MEMORY = 1024 * 1024 * 1024  # bytes of address space: PIXELS as decoder, resizer and encoder hold them at once
_MAX_RESULT = 64 * 1024
_ROOT = Path(__file__).parents[2]
_PYTHON_NEEDS = ("SYSTEMROOT", "PYTHONHOME", "LD_LIBRARY_PATH")  # to start at all; everything else may hold a token

_Order = dict[str, str | int]

Task = Literal["fit", "split", "thumbnail"]
"""What a worker can do."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the workshop made."""

    path: str
    content_type: str
    extension: str
    size: int
    width: int
    height: int


class WorkerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the workshop answers: files, or what is wrong."""

    made: list[Made] = []
    still: bool = False
    """Whether the file moved: what was made is its first picture."""
    error: Literal["", "not a picture", "too large", "no room", "unreadable"] = ""
    why: str = ""


class WorkerPool:
    """One worker process at a time, each for `seconds` at most; `close` ends those that run.

    One, because a large picture takes a processor and 200 MB, and many a bot has two and 512.
    """

    def __init__(self, *, seconds: float = 60.0, at_once: int = 1) -> None:
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._running: set[subprocess.Popen[bytes]] = set()

    async def carry_out(self, do: Task, picture: Picture, into: Path, **more: int) -> WorkerResult:
        """Let a worker do it, with new files in the folder `into`.

        Raises `NotAPicture`, `TooLarge`, `NoRoom` or `Unreadable`.
        """
        bounds = {"seconds": max(1, round(self._seconds)), "memory": _MEMORY, "pixels": PIXELS}
        order: _Order = {
            "do": do,
            "source": str(picture.path.absolute()),
            "into": str(into.absolute()),
            **more,
            **bounds,
        }
        async with self._places:
            try:
                said = await self._run(order, into)
            except OSError as error:
                log.warning("No worker for pictures could be started: %s", error.strerror)
                raise Unreadable from error
        try:
            answer = msgspec.json.decode(said, type=WorkerResult)
        except msgspec.DecodeError:
            answer = WorkerResult(error="unreadable", why="the worker took too long, or died")
        if answer.error:
            log.info("A picture could not be worked on (%s): %s", do, answer.why)
            raise _error(answer.error, picture)
        return answer

    async def _run(self, order: _Order, folder: Path) -> bytes:
        """What a worker says to the order; nothing where it died, or did not end in time."""
        loop = asyncio.get_running_loop()
        with TemporaryFile(dir=folder) as said:
            # Not asyncio's own subprocesses: in Python 3.11 a task that is cancelled while one begins may hang for ever
            # (https://github.com/python/cpython/issues/103847). A thread that waits for the end needs no pipes.
            process = _start(order, said)
            self._running.add(process)
            out_of_time = loop.call_later(self._seconds, process.kill)
            ended = loop.run_in_executor(None, process.wait)
            try:
                await asyncio.shield(ended)
            finally:
                out_of_time.cancel()
                self._running.discard(process)
                process.kill()  # nothing where it has ended
                await ended
            said.seek(0)
            return said.read(_MAX_RESULT)

    def close(self) -> None:
        """End the workers that run; who waits for one gets `Unreadable`."""
        for process in self._running:
            process.kill()


def _start(order: _Order, said: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 -- this Python, and paths that we made
        [sys.executable, "-m", "bot.images.worker", msgspec.json.encode(order).decode()],
        cwd=_ROOT,
        env={name: os.environ[name] for name in _PYTHON_NEEDS if name in os.environ},
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C is for the bot, which then ends its workers
    )


def _error(error: str, picture: Picture) -> PictureError:
    if error == "too large":
        return TooLarge(picture.size)
    return {"not a picture": NotAPicture, "no room": NoRoom}.get(error, Unreadable)()
