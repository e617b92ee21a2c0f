"""The log as an admin has it, at its most talkative, and what must never stand in it."""

import contextlib
import io
import json
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any

from bot import logs

ABOUT_JOBS = frozenset(
    {
        "bot.delivery.dispatcher",
        "bot.delivery.editing",
        "bot.delivery.sending",
        "bot.messages.attachments",
        "bot.messages.picture_sources",
        "bot.submissions.sender",
        "bot.submissions.tasks",
        "bot.ui.subscription_requests",
        "bot.ui.submission_replies",
    }
)
"""Loggers each of whose lines is about a job, but for those that name a channel instead."""
_A_CHANNEL = re.compile(r"\bfor channel \d+")


@contextlib.contextmanager
def written(secrets: Iterable[str]) -> Iterator[io.StringIO]:
    """All lines from DEBUG on, one object each, beside what pytest keeps; logging is put back afterwards."""
    root = logging.getLogger()
    everyone = [root, *(logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    before = [(logger, logger.handlers[:], logger.level) for logger in everyone]
    received = [(handler, handler.level) for handler in root.handlers]
    loud = logging.raiseExceptions
    try:
        with contextlib.redirect_stderr(io.StringIO()) as output:
            logs.set_up("DEBUG", secrets, "json")
            for handler, level in received:
                root.addHandler(handler)
                handler.setLevel(max(level, logging.WARNING))  # as if the root's own level were what it was
            yield output
    finally:
        logging.raiseExceptions = loud
        for logger, handlers, level in before:
            logger.handlers[:] = handlers
            if logger.level != level:  # setting it empties the caches of all loggers
                logger.setLevel(level)
        for handler, level in received:
            handler.setLevel(level)


def complaints(text: str, secrets: Iterable[str]) -> Iterator[str]:
    """The lines that hold a secret, and those about a job that do not say about which and where."""
    for secret in secrets:
        if secret in text:
            yield f"{secret[:8]}… is in the log: {next(line for line in text.splitlines() if secret in line)[:500]}"
    for line in text.splitlines():
        record: dict[str, Any] = json.loads(line)
        about_a_job = record["logger"] in ABOUT_JOBS and not _A_CHANNEL.search(record["message"])
        needed = (
            {"guild", "channel"} if "traceback" in record else {"key", "guild", "channel"}
        )  # a bug may hide the key
        if about_a_job and not needed <= record.keys():
            yield f"this line does not say which job it is about: {line[:500]}"
