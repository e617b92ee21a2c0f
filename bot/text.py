"""Strangers' words made safe to show: cleaned, escaped, clipped."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # format characters that Persian and emoji families need
_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks by name, nothing to the eye
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})

_ALIVE = re.compile(
    r"""
      (?P<sign> [\\*_~|`<\[\]]                              # emphasis, spoilers, code, mentions, masked links
              | ^ [#>+-]                                    # headings, quotes, lists, small print
              | : (?=//)                                    # https://… links by itself, even within a word
              | (?: (?<=discord\.gg) | (?<=discord\.com) ) /  # and invites without any https://
      )
    | (?P<at> @ (?= everyone | here | [!&]? \d ))           # a backslash hides these, but they still ping
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")

_UNIT = re.compile(
    r"""
      (?: <t:\d{1,13}(?::[a-z])?>      # a timestamp that was let through
        | \\ . | @\u200b               # a character with its escape
        | [\U0001f1e6-\U0001f1ff]{2}   # a flag
        | . )
      (?: [\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff] | \u200d . ){0,16}
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def clean(text: str) -> str:
    """Fold the text to one line and drop what nobody can see: control, bidi and filler characters, lone surrogates.

    Empty where nothing visible is left. Markdown stays alive: use it for plain places (footers, labels, choices).
    """
    if not (text.isascii() and text.isprintable()):  # most texts are plain already
        text = "".join(char for char in text if char.isspace() or _seen(char))
    shown = " ".join(text.split())
    return shown if any(unicodedata.category(char)[0] in "LNPS" for char in shown) else ""


def _seen(char: str) -> bool:
    return char in _JOINERS or (char not in _BLANKS and unicodedata.category(char) not in _UNSEEN)


def escape(line: str) -> str:
    """Take the life out of the markdown, links and mentions of a clean line, wherever it will stand."""
    quiet = _ALIVE.sub(lambda match: "@\u200b" if match["at"] else "\\" + match["sign"], line)
    return _NUMBERED.sub(r"\1\\\2", quiet)


def clip(text: str, limit: int) -> str:
    """Cut to `limit` characters, `…` included, never through an escape, an emoji or a letter with its accents."""
    if len(text) <= limit:
        return text
    end = 0
    for unit in _UNIT.finditer(text):
        if unit.end() >= limit:
            break
        end = unit.end()
    return (text[:end].rstrip() + "…")[: max(limit, 0)]


def plain(text: str, limit: int) -> str:
    """Make untrusted words safe for an embed or a message: one line that shows what it says.

    It links to nothing, calls nobody, and has at most `limit` characters, escapes included.
    """
    return clip(escape(clean(text)), limit)
