"""Entry point of the worker: one order as the only argument, one result on stdout, both JSON.

An order holds `task` ("fit", "split", "thumbnail" or "grid"), `sources` (one path; for a grid four, or `null` for one
that is missing), `folder` (for the files it writes), the limits `pixels` (decoded at most, of each), `seconds` (of
processor time) and `memory` (bytes), and the option of the task: `limit` (bytes of each file) or `edge` (pixels). A
result holds `files` and `still`, whether the source is an animation; or
`error` ("not a picture", "too large", "no room", "unreadable") and `reason`, for the log.
"""

import contextlib
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

_LARGEST_FILE = 64 * 1024 * 1024  # bytes; no picture of a job is near that
_MAPPED = 256 << 20  # bytes of address space for Python and its libraries, which are files in memory
_NICENESS = 5  # below the bot, but high enough to finish in time on a busy machine

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def main() -> int:
    """Carry out the order; the exit status is 0 even if the picture cannot be processed."""
    order = json.loads(sys.argv[1])
    set_limits(seconds=order["seconds"], memory=order["memory"])
    try:
        result = carry_out(order)
    except Exception as error:  # noqa: BLE001 -- untrusted bytes make decoders raise anything
        result = {"error": _classify(error), "reason": f"{type(error).__name__}: {error}"[:200]}
    sys.stdout.write(json.dumps(result))
    return 0


def set_limits(*, seconds: int, memory: int) -> None:
    """Limit this process as far as the system allows: processor seconds, bytes of memory, priority."""
    with contextlib.suppress(AttributeError):  # not on Windows
        os.nice(_NICENESS)
    with contextlib.suppress(OSError):  # out of memory, the kernel kills this process, not the bot
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        import resource  # not on Windows
    except ImportError:
        return
    limits = (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_AS, memory + _MAPPED),  # where RLIMIT_DATA is only about brk(): before Linux 4.7
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, value in limits:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some; an admin's own limit may be lower
            resource.setrlimit(kind, (value, value))


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Write the files and return the result; raises whatever Pillow raises, and `TooLarge`."""
    from bot.images.worker import transform  # here, so that Pillow is imported within the limits

    folder, pixels = Path(order["folder"]), order["pixels"]
    if order["task"] == "grid":
        sources = [None if source is None else Path(source) for source in order["sources"]]
        return {"files": [transform.grid(sources, pixels=pixels).save(folder, "grid")], "still": False}
    picture = transform.open_picture(Path(order["sources"][0]), pixels=pixels)
    match order["task"]:
        case "fit":
            encoded = [transform.fit(picture, order["limit"])]
        case "split":
            encoded = transform.split(picture, order["limit"])
        case _:
            encoded = [transform.thumbnail(picture, order["edge"])]
    files = [file.save(folder, str(number)) for number, file in enumerate(encoded, 1)]
    return {"files": files, "still": picture.animated}


def _classify(error: Exception) -> str:
    """Classify by class names: the classes are Pillow's, and a missing Pillow may be the error."""
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return "no room"
    names = {base.__name__ for base in type(error).__mro__}
    if names & {"TooLarge", "DecompressionBombError", "MemoryError"}:
        return "too large"
    return "not a picture" if "UnidentifiedImageError" in names else "unreadable"


if __name__ == "__main__":
    sys.exit(main())
