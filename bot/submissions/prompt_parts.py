"""A prompt in its parts, in Midjourney's order: links of pictures, words, parameters.

What is not certainly a parameter stays text, so that nothing typed is changed or lost. Source of the order:
https://docs.midjourney.com/hc/en-us/articles/32023408776205-Prompt-Basics
"""

import re
from collections.abc import Iterator

import msgspec

from bot.models.midjourney_parameters import NAMES, MidjourneyParameter, parameter_for
from bot.text import clean

_KNOWN = rf"(?ai:{'|'.join(NAMES)})"
_DASH = "‐‑‒–—―−－"
_HYPHENS = "-{2,}+"
_DASHES = rf"-?[{_DASH}][-{_DASH}]*+"
"""Phones and keyboards for other languages write two hyphens as a dash."""
_START = r"(?<![^\s`{(])"
_NAME = rf"(?P<known>{_KNOWN}) (?![^\W\d] | -(?!-))"
"""A known name; `--r4` is `--r 4`, but `--relaxing` is another name."""
_ANY_NAME = r"(?P<name> [^\W\d_] (?: (?!--) [^\s`] )* )"

_NEXT = re.compile(rf"(?: {_HYPHENS} | {_DASHES} ) {_NAME} | {_HYPHENS} {_ANY_NAME}", re.VERBOSE)
"""A parameter right after another one."""
_END = r"(?:[\s`]|$)"
# A link is first, because the name of a file may have two hyphens; parameters and commas at its end are none of it.
# Its groups are atomic, not possessive, because Python before 3.11.5, such as Debian 12's, matches those wrongly:
# https://github.com/python/cpython/issues/106052
_TOKEN = re.compile(
    rf"""
      (?P<link> (?i:https?)://[^\s`]
        (?> (?: (?>(?:--{_KNOWN}[0-9]*)+) (?!,*+{_END}) | ,++ (?!{_END}) | (?!--{_KNOWN}) [^\s`,] )* ) )
    | (?: (?<!-){_HYPHENS} | {_START} {_DASHES} ) {_NAME}
    | {_START} {_HYPHENS} {_ANY_NAME}
    """,
    re.VERBOSE,
)
_LINK = re.compile(r"https?://[^\s`]+", re.IGNORECASE)
_BRACKETED_LINK = re.compile(r"<(https?://[^\s<>]+)>", re.IGNORECASE)
_FENCES = re.compile(r"```+|(?<!\S)`+(?!\S)")
_AROUND = "` "


def links_in(prompt: str) -> tuple[str, ...]:
    """The links in a prompt, wherever they stand."""
    return tuple(_LINK.findall(prompt))


class TypedParameter(msgspec.Struct, frozen=True):
    """A parameter in a prompt: its name without `--`, and all that follows it up to the next one."""

    name: str
    value: str

    @property
    def known(self) -> MidjourneyParameter | None:
        """What is known about it."""
        return parameter_for(self.name)

    @property
    def canonical(self) -> str:
        """The name it is called by: `ar` for `--aspect`."""
        return self.name if self.known is None else self.known.name

    @property
    def group(self) -> str:
        """What a prompt has one of: the canonical name, or the group of parameters that exclude each other."""
        return (self.known and self.known.group) or self.canonical

    def __str__(self) -> str:
        return f"--{self.name} {self.value}".rstrip()


class PromptParts(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt in its parts; `str()` gives the prompt in one line."""

    images: tuple[str, ...] = ()
    text: str = ""
    parameters: tuple[TypedParameter, ...] = ()

    def __str__(self) -> str:
        return " ".join(part for part in (*self.images, self.text, *map(str, self.parameters)) if part)


def parse(prompt: str) -> PromptParts:
    """Return the parts of a prompt: one line, without invisible characters and code fences, `--` for typed dashes."""
    line = clean(_FENCES.sub(" ", _BRACKETED_LINK.sub(r"\1", clean(prompt)))).strip(_AROUND)
    found = list(_typed(line))
    text = line[: found[0].start()] if found else line
    ends = [*(match.start() for match in found[1:]), len(line)]
    parameters = tuple(
        TypedParameter(match["name"] or match["known"].lower(), line[match.end() : end].strip(_AROUND))
        for match, end in zip(found, ends, strict=False)
    )
    images, text = _images(text)
    return PromptParts(images=images, text=text, parameters=parameters)


def _typed(line: str) -> Iterator[re.Match[str]]:
    """Find the parameters; after one of them another needs no space before it, because it gets one."""
    match = _TOKEN.search(line)
    while match is not None:
        is_link = match.lastgroup == "link"
        if not is_link:
            yield match
        following = None if is_link else _NEXT.match(line, match.end())
        match = following or _TOKEN.search(line, match.end())


def _images(text: str) -> tuple[tuple[str, ...], str]:
    """Split a text into the links at its beginning and the words after them."""
    images = []
    rest = text.strip(_AROUND)
    while (link := _LINK.match(rest)) is not None:
        images.append(link[0].rstrip(","))
        rest = rest[link.end() :].strip(_AROUND)
    return tuple(images), rest


def has_link(text: str) -> bool:
    """Return whether a text holds a link."""
    return _LINK.search(text) is not None
