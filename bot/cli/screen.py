"""The output of the command line, on screens and in files whose encoding lacks some of its signs, as on Windows."""

import codecs
import contextlib
import io
import sys

_PLAIN = {"✓": "+", "✗": "x", "→": "->", "…": "..."}
_HANDLER = "darkroom.plain"


def print_all_signs() -> None:
    """Have a sign that an output stream of this process cannot encode printed as a plain one, never as an error."""
    codecs.register_error(_HANDLER, _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # a file that another program put a pipe in the place of
                stream.reconfigure(errors=_HANDLER)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end
