"""The door: one order as the one argument, one answer on stdout, both JSON.

An order holds `do` ("fit", "split" or "thumbnail"), `source` (a path), `into` (a folder for what is made), `pixels` (as
many are decoded at most), `seconds` and `memory` (bytes) as bounds of this process, and `limit` (bytes of each file) or
`edge` (pixels). The answer holds `made`, a list of files, and `still`, whether the source moved; or `error` ("not a
picture", "too large", "no room", "unreadable") and `why`, for the log.
"""

import contextlib
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

_LARGEST_FILE = 64 * 1024 * 1024  # bytes; no channel takes more than 500 MB, and no picture of a job is near that
_SHARE = 5  # of niceness: the bot comes first, and yet a picture is ready in time on a busy machine

_FULL = {errno.ENOSPC, errno.EDQUOT}


def main() -> int:
    """Carry out the order; the exit status is 0 even for a picture that cannot be worked on."""
    order = json.loads(sys.argv[1])
    confine(seconds=order["seconds"], memory=order["memory"])
    try:
        answer = carry_out(order)
    except Exception as error:  # noqa: BLE001 -- whatever a decoder raises over a stranger's bytes
        answer = {"error": _kind(error), "why": f"{type(error).__name__}: {error}"[:200]}
    sys.stdout.write(json.dumps(answer))
    return 0


def confine(*, seconds: int, memory: int) -> None:
    """Bind this process, as far as the system can: processor seconds, bytes of memory, rank behind all others."""
    with contextlib.suppress(AttributeError):  # not on Windows
        os.nice(_SHARE)
    with contextlib.suppress(OSError):  # where the machine runs out of memory, this process goes and the bot stays
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        import resource  # not on Windows
    except ImportError:
        return
    bounds = (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    )
    for what, most in bounds:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some; an admin's own limit may be lower
            resource.setrlimit(what, (most, most))


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Make the files; raises whatever Pillow raises, and `TooLarge`."""
    from bot.images.worker import transform  # Pillow comes with it, and is to be imported within the bounds

    source, into = Path(order["source"]), Path(order["into"])
    opened = transform.opened(source, pixels=order["pixels"])
    if order["do"] == "fit":
        files = [transform.within(opened, order["limit"])]
    elif order["do"] == "split":
        files = transform.quarters(opened, order["limit"])
    else:
        files = [transform.thumbnail(opened, order["edge"])]
    made = [file.keep(into, str(number)) for number, file in enumerate(files, 1)]
    return {"made": made, "still": opened.moving}


def _kind(error: Exception) -> str:
    """By name, because the classes are Pillow's, and Pillow itself may be what is missing."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return "no room"
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"TooLarge", "DecompressionBombError"}:
        return "too large"
    return "not a picture" if "UnidentifiedImageError" in names else "unreadable"


if __name__ == "__main__":
    sys.exit(main())
