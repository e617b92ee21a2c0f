"""The result of a preflight check, and its text form."""

from enum import Enum
from typing import NamedTuple


class Severity(Enum):
    """Severity of a finding."""

    FINE = "fine"
    NOTE = "note"
    """Works, but the admin should know."""
    WRONG = "wrong"


_SYMBOLS = {Severity.FINE: "✓", Severity.NOTE: "!", Severity.WRONG: "✗"}


class Finding(NamedTuple):
    """One result: its subject in a word, its severity, a short text, and what to do about it."""

    about: str
    severity: Severity
    text: str
    todo: str = ""

    @property
    def lines(self) -> str:
        """The finding as one line, and what to do on a second one."""
        line = f"{_SYMBOLS[self.severity]} {self.about}: {self.text}"
        return f"{line}\n    → {self.todo}" if self.todo else line


def fine(about: str, text: str) -> Finding:
    """Return a finding without trouble."""
    return Finding(about, Severity.FINE, text)


def note(about: str, text: str, todo: str = "") -> Finding:
    """Return a finding that does not stop the bot, but that the admin should know."""
    return Finding(about, Severity.NOTE, text, todo)


def wrong(about: str, text: str, todo: str = "") -> Finding:
    """Return a finding that must be fixed: the bot would not start, or not work."""
    return Finding(about, Severity.WRONG, text, todo)
