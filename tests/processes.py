"""Child processes of tests: each is gone at the end of its test, whatever the test came to."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any


@asynccontextmanager
async def started(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a command with the `options` of `asyncio.create_subprocess_exec`; kill it where it still runs at the end.

    A child that outlives its test is not only a process too many: its transport is found by the garbage collector
    later, and its `ResourceWarning` fails a test that has nothing to do with it.
    """
    with interruptible():
        process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@contextmanager
def interruptible() -> Iterator[None]:
    """Children started here are ended by SIGINT even where this process ignores it.

    A shell starts `make test &` in a script with SIGINT ignored, and every child inherits that.
    """
    if ignored := signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
