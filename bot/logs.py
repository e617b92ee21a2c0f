"""What is logged, in which form, and what never is."""

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from urllib.parse import quote

from bot.models import Destination

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_JOBID = re.compile(r"job(?::|%3A)\d{17}-user(?::|%3A)[\w:%.-]+|\bj\d{16,}\w*-u\d+-c[\w:%.-]+", re.IGNORECASE)
_INTERACTION = re.compile(r"(?<=/)(webhooks/\d+|interactions/\d+)/[\w.-]{20,}")
_COLOURS = {logging.DEBUG: "\x1b[2m", logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m"}
_PLAIN = "\x1b[0m"

_subject: ContextVar[dict[str, str]] = ContextVar("what the lines are about", default={})  # noqa: B039 -- never changed


def set_up(level: str, secrets: Iterable[str], form: str = "text") -> None:
    """Log to the screen from `level` on, without tokens, job ids (they hold account numbers) or interaction tokens.

    `form` is "text", with colours on a terminal only, or "json", one object a line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(secrets) if form == "json" else _Text(secrets, colours=_is_a_terminal()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.raiseExceptions = False  # a line that cannot be formatted would be shown with its arguments as they are
    # These print addresses that hold interaction tokens at DEBUG, and every frame; the filter is the second wall.
    for name in ("discord.webhook.async_", "discord.gateway", "aiosqlite"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    logging.getLogger("discord.shard").addFilter(_without_traceback)
    if level == "INFO":
        for name in ("discord", "discord.gateway", "aiohttp.access"):
            logging.getLogger(name).setLevel(logging.WARNING)
        for name in ("discord.client", "discord.state"):  # warn of missing voice and intents, both left out on purpose
            logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def about(*, key: str = "", destination: Destination | None = None) -> Iterator[None]:
    """Have each line that is logged inside, whoever logs it, name the job's key, its server and its channel.

    Inside another `about` it adds what that one did not know. A task that is started inside goes on with it.
    """
    token = _subject.set(_subject.get() | _fields(key, destination))
    try:
        yield
    finally:
        _subject.reset(token)


def turn_to(*, key: str = "", destination: Destination | None = None) -> None:
    """The same for the rest of a task that takes up one thing after another: this, and nothing of what was before."""
    _subject.set(_fields(key, destination))


def _fields(key: str, destination: Destination | None) -> dict[str, str]:
    known = {"key": key} if key else {}
    if destination is not None:
        known |= {"guild": str(destination.guild_id), "channel": str(destination.channel_id)}
    return known


def _is_a_terminal() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _without_traceback(record: logging.LogRecord) -> bool:
    """A gateway that went away is a line, not a page: discord.py reconnects by itself."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg = f"{record.getMessage()} ({type(record.exc_info[1]).__name__})"
        record.args = ()
        record.exc_info = None
    return True


class _Redacting(logging.Formatter):
    """Takes out of a text what must not be read."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(_FORMAT)
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
        self._secrets = sorted(forms, key=len, reverse=True)  # one may hold another

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _INTERACTION.sub(r"\1/***", _JOBID.sub("job:***", text))


class _Text(_Redacting):
    """A line for people; a traceback follows it."""

    def __init__(self, secrets: Iterable[str], *, colours: bool) -> None:
        super().__init__(secrets)
        self._colours = _COLOURS if colours else {}

    def format(self, record: logging.LogRecord) -> str:
        return self.clean(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        line = super().formatMessage(record)
        if subject := _subject.get():
            words = [f"#{value}" if name == "key" else f"{name} {value}" for name, value in subject.items()]
            line += f" ({', '.join(words)})"
        colour = self._colours.get(record.levelno)
        return f"{colour}{line}{_PLAIN}" if colour else line


class _Json(_Redacting):
    """One object a line. Ids are strings: JavaScript would round them."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_subject.get(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        # Cleaned before they are encoded: a backslash or quote of a token would not be recognised afterwards.
        return json.dumps({name: self.clean(value) for name, value in fields.items()})
