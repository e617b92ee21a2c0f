"""Sanitizes untrusted text for Discord: `clean`, `escape`, `clip`, `isolate`, and `plain` for all four."""

import re
import unicodedata

INVISIBLE = re.compile(
    "["
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, except tab and line feed
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi: they reorder the text around them
    # Other format characters. Kept: the joiners U+200C and U+200D, which Persian and emoji families need, and the tags
    # U+E0020 to U+E007F, which spell the flag of England.
    r"\xad\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    r"\ud800-\udfff"  # halves of a surrogate pair, which UTF-8 cannot encode
    r"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks that are drawn as nothing
    "]"
)
"""The characters that are removed from all untrusted text."""

_ACTIVE = re.compile(
    r"""
      (?P<sign> [\\*_~|`<\[\]]                              # emphasis, spoilers, code, mentions, masked links
              | ^ [#>+-]                                    # headings, quotes, lists, small text
              | : (?=//)                                    # https://… becomes a link, even within a word
              | (?: (?<=discord\.gg) | (?<=discord\.com) | (?<=(?<!cdn\.)discordapp\.com) ) /  # and invites without https://
      )
    | (?P<at> @ (?= everyone | here | [!&]? \d ))           # mentions, which ping even after a backslash
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_JOB_UUID = re.compile(
    r"""(?<![0-9a-f]) (?:
        [0-9a-f]{8} (-|%(?:25)*2d) [0-9a-f]{4} \1 [0-9a-f]{4}  # three of its five parts: a text may have been cut
      | [0-9a-f]{32} (?![0-9a-f])
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"\S+")
_ISOLATES = "\u2068\u2069"  # first strong isolate, and its end: https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates

_UNIT = re.compile(
    r"""
      (?: <t:\d{1,13}(?::[a-z])?>      # a timestamp that was not escaped
        | \\ . | @\u200b               # a character with its escape
        | `[^`\n]{1,100}`               # inline code: half of it would pair with the next backtick
        | [\U0001f1e6-\U0001f1ff]{2}   # a flag
        | . )
      (?: [\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f] | \u200d . ){0,16}
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def clean(text: str) -> str:
    """Fold the text to one line without invisible characters; empty where nothing visible is left.

    Markdown is not escaped: use it where Discord renders none (footers, labels, choices).
    """
    if not (text.isascii() and text.isprintable()):  # most texts are
        text = INVISIBLE.sub("", " ".join(text.split()))  # split first: some control characters are white space
    line = " ".join(text.split())
    return line if any(unicodedata.category(char)[0] in "LNPS" for char in line) else ""


def escape(line: str, *, keep: re.Pattern[str] | None = None) -> str:
    """Escape the Markdown, links and mentions of a clean line, wherever in a message it will be placed.

    What matches `keep`, a pattern with one group around all of it, stays active.
    """
    if keep is not None:
        parts = keep.split(line)
        return "".join(part if number % 2 else escape(part) for number, part in enumerate(parts))
    escaped = _ACTIVE.sub(lambda match: "@\u200b" if match["at"] else "\\" + match["sign"], line)
    return _NUMBERED.sub(r"\1\\\2", escaped)


def names_job_file(text: str) -> bool:
    """Whether the text holds the uuid of a Midjourney job, as the names of its files do.

    These names begin with the Discord name of the account that paid, and Midjourney's website shows the author of a job
    uuid. So they are for nobody who may not see the job id.
    """
    return _JOB_UUID.search(text) is not None


def without_job_files(text: str, replacement: str = "…") -> str:
    """The text with `replacement` in place of the words, between white space, that name a job's file."""
    if not names_job_file(text):
        return text
    return _WORD.sub(lambda word: replacement if names_job_file(word[0]) else word[0], text)


def clip(text: str, limit: int) -> str:
    """Cut to `limit` characters, `…` included, never within an escape, an emoji or a letter with its accents."""
    if len(text) <= limit:
        return text
    end = 0
    for unit in _UNIT.finditer(text):
        if unit.end() >= limit:
            break
        end = unit.end()
    return (text[:end].rstrip() + "…")[: max(limit, 0)]


def isolate(text: str) -> str:
    """Keep a right-to-left text from reordering the words around it; other texts are returned as they are.

    The result is up to two characters longer. `clean` removes the isolates again.
    """
    if text.isascii() or not _RIGHT_TO_LEFT.search(text):
        return text
    return _ISOLATES[0] + text + _ISOLATES[1]


def without_isolates(text: str) -> str:
    """The text without what `isolate` added around it."""
    return text.strip(_ISOLATES)


def plain(text: str, limit: int) -> str:
    """Sanitize untrusted text for an embed or a message: one line without links and mentions.

    It has at most `limit` characters, escapes and isolates included.
    """
    escaped = escape(clean(text))
    isolated = isolate(clip(escaped, limit))
    return isolated if len(isolated) <= limit else isolate(clip(escaped, limit - 2))
