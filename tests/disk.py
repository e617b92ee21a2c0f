"""A disk that is full, a file that cannot be opened, and a folder that needs no disk."""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

MEMORY = Path("/dev/shm")


def quick_folder(prefix: str) -> Path:
    """A new folder in memory where the machine lets us write there, else on the disk, which waits at every commit."""
    with suppress(OSError):
        return Path(mkdtemp(prefix=prefix, dir=MEMORY))
    return Path(mkdtemp(prefix=prefix))


def unopenable(file: Path) -> None:
    """Make a file that no program can open, not even root's, as a file of root's is to the bot; the path is short."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(file))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files of this process may have so many bytes: what goes beyond fails as it does on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
