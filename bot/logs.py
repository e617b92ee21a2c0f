"""What is logged, and what never is."""

import logging
import re
import sys
from collections.abc import Iterable

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_JOBID = re.compile(r"job(?::|%3A)\d{17}-user(?::|%3A)[\w:%.-]+|\bj\d{16,}\w*-u\d+-c[\w:%.-]+", re.IGNORECASE)
_INTERACTION = re.compile(r"(?<=/)(webhooks/\d+|interactions/\d+)/[\w.-]{20,}")


def set_up(level: str, secrets: Iterable[str]) -> None:
    """Log to the screen from `level` on, without tokens, job ids (they hold account numbers) or interaction tokens."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(_FORMAT, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.raiseExceptions = False  # a line that cannot be formatted would be shown with its arguments as they are
    # These print addresses that hold interaction tokens at DEBUG, and every frame; the filter is the second wall.
    for name in ("discord.webhook.async_", "discord.gateway", "aiosqlite"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    logging.getLogger("discord.shard").addFilter(_without_traceback)
    if level == "INFO":
        logging.getLogger("discord").setLevel(logging.WARNING)
        logging.getLogger("discord.gateway").setLevel(logging.WARNING)
        for name in ("discord.client", "discord.state"):  # warn of missing voice and intents, both left out on purpose
            logging.getLogger(name).setLevel(logging.ERROR)


def _without_traceback(record: logging.LogRecord) -> bool:
    """A gateway that went away is a line, not a page: discord.py reconnects by itself."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg = f"{record.getMessage()} ({type(record.exc_info[1]).__name__})"
        record.args = ()
        record.exc_info = None
    return True


class _Redacting(logging.Formatter):
    """Formats a line, traceback and all, and then takes out what must not be read."""

    def __init__(self, form: str, secrets: Iterable[str]) -> None:
        super().__init__(form)
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)  # one may hold another

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return _INTERACTION.sub(r"\1/***", _JOBID.sub("job:***", line))
