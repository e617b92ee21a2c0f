"""A server's word list: the words that no prompt may contain, compared without regard to case, accents and fonts.

Whole words are compared. Scripts without spaces between words (Chinese, Japanese, Thai …) are compared character by
character, so that a word is found within a sentence. Letters are folded to NFKD (https://www.unicode.org/reports/tr15/)
and to one case. What follows `?` in a link is left out: it may be a signature.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from bot.models.prompt import MAX_WORD_LENGTH, MAX_WORDS, WordList, WordListProblem
from bot.submissions.permutations import without_braces

_LISTS_CACHED = 64
_SEPARATE = re.compile(
    "["
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # kana, Chinese characters
    "]"
)
_QUERY = re.compile(r"(https?://[^\s?#]*)[?#]\S*", re.IGNORECASE)
_VOICED = "\u3099\u309a"  # the marks of kana are combining characters, but ば is no は with an accent
_SELECTORS = re.compile("[\ufe00-\ufe0f\u180b-\u180f\U000e0100-\U000e01ef]")
_LETTERS = "LNM"


def read_words(text: str) -> WordList:
    """Read a word list: entries in lines or between commas, of one or several words; each is kept once."""
    entries: dict[tuple[str, ...], str] = {}
    for entry in (" ".join(part.split()) for part in re.split(r"[,;\n]", text)):
        if not entry:
            continue
        if len(entry) > MAX_WORD_LENGTH:
            return WordList(problem=WordListProblem.TOO_LONG, entry=entry)
        if not (tokens := _tokens(entry)):
            return WordList(problem=WordListProblem.NO_LETTERS, entry=entry)
        entries.setdefault(tuple(tokens), entry)
        if len(entries) > MAX_WORDS:
            return WordList(problem=WordListProblem.TOO_MANY)
    return WordList(words=tuple(entries.values()))


def forbidden_word(prompt: str, words: Iterable[str]) -> str | None:
    """Return the entry of a word list that comes first in a prompt, as it is written in the list; `None` if none does.

    The time grows with the length of the prompt, not with that of the list. Of two entries that begin at the same word
    the shorter one counts.
    """
    root = _tree(tuple(words))
    for text in dict.fromkeys((prompt, without_braces(prompt))) if root.following else ():
        tokens = _tokens(text)
        for start in range(len(tokens)):
            if (entry := _entry_at(tokens, start, root)) is not None:
                return entry
    return None


class _Node(msgspec.Struct):
    """A place in the tree of all entries: the entry that ends here, and the words that may follow."""

    entry: str | None = None
    following: dict[str, "_Node"] = msgspec.field(default_factory=dict)


@lru_cache(maxsize=_LISTS_CACHED)
def _tree(words: tuple[str, ...]) -> _Node:
    root = _Node()
    for word in words:
        node = root
        for token in _tokens(word):
            node = node.following.setdefault(token, _Node())
        node.entry = node.entry or word
    return root


def _entry_at(tokens: list[str], start: int, root: _Node) -> str | None:
    node = root
    for position in range(start, len(tokens)):
        following = node.following.get(tokens[position])
        if following is None:
            return None
        if following.entry is not None:
            return following.entry
        node = following
    return None


def _tokens(text: str) -> list[str]:
    """The words of a text in their folded form; characters of scripts without spaces, and symbols, are each a word."""
    tokens = [""]
    text = _QUERY.sub(r"\1", text)
    for char in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()):
        category = unicodedata.category(char)
        if char in _VOICED:
            if not tokens[-1] and _SEPARATE.match("".join(tokens[-2:])):
                tokens[-2] += char
        elif category == "So" or _SEPARATE.match(char):
            tokens += [char, ""]
        elif category[0] in _LETTERS:
            if not _is_dropped(char, category):
                tokens[-1] += char
        elif category != "Cf" and tokens[-1]:
            tokens.append("")
    return [token for token in tokens if token]


def _is_dropped(char: str, category: str) -> bool:
    """Whether it is an accent, encloses a letter, or selects how a character is drawn."""
    is_mark = category[0] == "M" and (category == "Me" or unicodedata.combining(char) != 0)
    return is_mark or _SELECTORS.match(char) is not None
