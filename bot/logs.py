"""Log configuration: levels, text and JSON formats, the subject of a line, and redaction of secrets."""

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
from bot.text import without_job_files

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_JOBID = re.compile(r"job(?::|%3A)\d{17}-user(?::|%3A)[\w:%.-]+|\bj\d{16,}\w*-u\d+-c[\w:%.-]+", re.IGNORECASE)
_INTERACTION_TOKEN = re.compile(r"(?<=/)(webhooks/\d+|interactions/\d+)/[\w.-]{20,}")
_COLOURS = {logging.DEBUG: "\x1b[2m", logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m"}
_RESET_COLOUR = "\x1b[0m"

_subject: ContextVar[dict[str, str]] = ContextVar("subject", default={})  # noqa: B039 -- never mutated


def set_up(level: str, secrets: Iterable[str], form: str = "text") -> None:
    """Log to standard error from `level` on, with secrets, job ids and interaction tokens redacted.

    `secrets` are the texts to redact; job ids contain account numbers, names of jobs' files the payer's name. `form` is
    "text", with colours on a terminal only, or "json", one object per line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(secrets) if form == "json" else _Text(secrets, colours=_use_colours()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.raiseExceptions = False  # reports of formatting errors show the arguments unredacted
    # At DEBUG these log every request and frame with its body: prompts, names of members, and interaction tokens, which
    # redaction alone would also catch.
    for name in ("discord.http", "discord.webhook.async_", "discord.gateway", "aiosqlite"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    logging.getLogger("discord.shard").setLevel(logging.CRITICAL)  # a traceback that `discord_internals` has a line for
    if level == "INFO":
        for name in ("discord", "discord.http", "discord.gateway", "aiohttp.access"):
            logging.getLogger(name).setLevel(logging.WARNING)
        for name in (
            "discord.client",
            "discord.state",
        ):  # they warn about missing voice and intents, which are not used
            logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def about(*, key: str = "", destination: Destination | None = None) -> Iterator[None]:
    """Add the job's key, server and channel to every line logged inside this context, by any module.

    A nested `about` adds to the outer one. Tasks started inside inherit it.
    """
    token = _subject.set(_subject.get() | _fields(key, destination))
    try:
        yield
    finally:
        _subject.reset(token)


def prompt_key(submission_id: int | None) -> str:
    """Return what stands in place of a job's key in lines about a prompt, which has no job yet."""
    return f"prompt-{submission_id}"


def turn_to(*, key: str = "", destination: Destination | None = None) -> None:
    """Set the subject for the rest of the current task, replacing the one before: for tasks that handle many jobs."""
    _subject.set(_fields(key, destination))


def _fields(key: str, destination: Destination | None) -> dict[str, str]:
    known = {"key": key} if key else {}
    if destination is not None:
        known |= {"guild": str(destination.guild_id), "channel": str(destination.channel_id)}
    return known


def _use_colours() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _Redacting(logging.Formatter):
    """Base formatter that redacts secrets, job ids, names of jobs' files and interaction tokens."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(_FORMAT)
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
        self._secrets = sorted(forms, key=len, reverse=True)  # longest first: one may contain another

    def redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _INTERACTION_TOKEN.sub(r"\1/***", _JOBID.sub("job:***", text))
        return without_job_files(text, "***")


class _Text(_Redacting):
    """One line for people, followed by the traceback if there is one."""

    def __init__(self, secrets: Iterable[str], *, colours: bool) -> None:
        super().__init__(secrets)
        self._colours = _COLOURS if colours else {}

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        line = super().formatMessage(record)
        if subject := _subject.get():
            parts = [f"#{value}" if name == "key" else f"{name} {value}" for name, value in subject.items()]
            line += f" ({', '.join(parts)})"
        colour = self._colours.get(record.levelno)
        return f"{colour}{line}{_RESET_COLOUR}" if colour else line


class _Json(_Redacting):
    """One JSON object per line. Ids are strings, because JavaScript rounds large numbers."""

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
        # Redacted before encoding: a token with a backslash or a quote would not be found afterwards.
        return json.dumps({name: self.redact(value) for name, value in fields.items()})
