"""What a check comes to, and how it is shown."""

from enum import Enum
from typing import NamedTuple


class Severity(Enum):
    """How good or bad it is."""

    FINE = "fine"
    NOTE = "note"
    """Works, but somebody should know."""
    WRONG = "wrong"


_SIGNS = {Severity.FINE: "✓", Severity.NOTE: "!", Severity.WRONG: "✗"}


class Finding(NamedTuple):
    """One line: what it is about, in a word, how it stands, and what to do."""

    about: str
    sign: Severity
    words: str
    todo: str = ""

    @property
    def text(self) -> str:
        """The line, and below it what to do."""
        line = f"{_SIGNS[self.sign]} {self.about}: {self.words}"
        return f"{line}\n    → {self.todo}" if self.todo else line


def fine(about: str, words: str) -> Finding:
    """All is well."""
    return Finding(about, Severity.FINE, words)


def note(about: str, words: str, todo: str = "") -> Finding:
    """It works, but."""
    return Finding(about, Severity.NOTE, words, todo)


def wrong(about: str, words: str, todo: str = "") -> Finding:
    """The bot would not start, or not do its work."""
    return Finding(about, Severity.WRONG, words, todo)
