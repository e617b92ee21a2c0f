"""The log as an admin has it, at its most talkative, and what must never stand in it."""

import contextlib
import io
import json
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any

from bot import logs

_OF_JOBS = re.compile(r"bot\.(courier|messages|presses|answers|asking)\b")
_OF_NONE = re.compile(r"Presses (wait|are sent)|Nobody knows whether|The round for")
"""Lines of these loggers that are about the account or a channel."""


@contextlib.contextmanager
def written(secrets: Iterable[str]) -> Iterator[io.StringIO]:
    """All lines from DEBUG on, one object each, beside what pytest keeps; logging is put back afterwards."""
    root = logging.getLogger()
    everyone = [root, *(logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    before = [(logger, logger.handlers[:], logger.level) for logger in everyone]
    received = [(handler, handler.level) for handler in root.handlers]
    loud = logging.raiseExceptions
    try:
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            logs.set_up("DEBUG", secrets, "json")
            for handler, level in received:
                root.addHandler(handler)
                handler.setLevel(max(level, logging.WARNING))  # as if the root's own level were what it was
            yield shown
    finally:
        logging.raiseExceptions = loud
        for logger, handlers, level in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)
        for handler, level in received:
            handler.setLevel(level)


def complaints(text: str, secrets: Iterable[str]) -> Iterator[str]:
    """The lines that tell a secret, and those about a job that do not say about which and where."""
    for secret in secrets:
        if secret in text:
            yield f"{secret[:8]}… stands in the log: {next(line for line in text.splitlines() if secret in line)[:500]}"
    for line in text.splitlines():
        said: dict[str, Any] = json.loads(line)
        about_a_job = _OF_JOBS.match(said["logger"]) and not _OF_NONE.match(said["message"])
        needed = {"guild", "channel"} if "traceback" in said else {"key", "guild", "channel"}  # a bug may hide the key
        if about_a_job and not needed <= said.keys():
            yield f"nobody knows which job this is about: {line[:500]}"
