"""The output of the command line where an encoding lacks some of its characters, as in files on Windows."""

import codecs
import contextlib
import io
import sys

_PLAIN = {"✓": "+", "✗": "x", "→": "->", "…": "..."}
_HANDLER = "darkroom.replace"


def replace_unencodable_characters() -> None:
    """Have what an output stream of this process cannot encode replaced by plain characters, without an error."""
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # `reconfigure` flushes, which fails on a closed pipe
                stream.reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(each, "?") for each in error.object[error.start : error.end]), error.end
