"""Hints about a prompt: what Midjourney may not understand, or may read in another way than it was meant."""

import re
from collections import Counter
from collections.abc import Iterator

from bot.models.midjourney_parameters import (
    DEFAULT_VERSION,
    PICTURE,
    MidjourneyParameter,
    ValueKind,
    family,
    similar_name,
    version,
)
from bot.models.prompt import HintKind, PromptHint
from bot.submissions.permutations import is_balanced
from bot.submissions.prompt_parts import PromptParts, TypedParameter, has_link

_VERSION = "version"
_MENTION = re.compile(r"<(?:@[!&]?|#|a?:\w{1,32}:|/[^:>]{1,100}:|t:)-?[0-9]{1,20}(?::\w)?>|@(?:everyone|here)\b")
_NUMBER = re.compile(r"[0-9]{1,10}(?:\.[0-9]{0,10})?|\.[0-9]{1,10}")
_RATIO = re.compile(r"0*[1-9][0-9]{0,4}:0*[1-9][0-9]{0,4}")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_WEIGHT = re.compile(r"(?<=\S)::")


def hints(parts: PromptParts) -> list[PromptHint]:
    """Return what is to be known about a prompt: about its parameters in their order, then about its words."""
    found = [*_parameters(parts), *_together(parts), *_words(parts)]
    return list(dict.fromkeys(found))


def _parameters(parts: PromptParts) -> Iterator[PromptHint]:
    """Hints about each parameter by itself, and in its version."""
    selected = _version(parts)
    for parameter in parts.parameters:
        known = parameter.known
        if known is None:
            yield PromptHint(kind=HintKind.UNKNOWN, name=parameter.name, other=similar_name(parameter.name))
        elif "{" not in parameter.value and "}" not in parameter.value:
            yield from _value(parameter, known)
        if known is not None and selected is not None and _is_refused(known, family(selected)):
            yield PromptHint(kind=HintKind.VERSION, name=parameter.name, other=selected)


def _version(parts: PromptParts) -> str | None:
    """The version that a prompt selects; `None` if that is not certain."""
    typed = [parameter for parameter in parts.parameters if parameter.group == _VERSION]
    if not typed:
        return DEFAULT_VERSION
    return version(typed[0].canonical, typed[0].value or None) if len(typed) == 1 else None


def _is_refused(known: MidjourneyParameter, of_family: str) -> bool:
    return of_family in known.never_in or (bool(known.only_in) and of_family not in known.only_in)


def _value(parameter: TypedParameter, known: MidjourneyParameter) -> Iterator[PromptHint]:
    """A value that is missing or wrong, and words that follow it."""
    if known.kind is ValueKind.ANY:
        if not parameter.value and not known.optional:
            yield PromptHint(kind=HintKind.VALUE, name=parameter.name)
        return
    first, _, rest = parameter.value.partition(" ")
    if known.kind is ValueKind.FLAG:
        first, rest = "", parameter.value
    elif not first:
        if not known.optional:
            yield PromptHint(kind=HintKind.VALUE, name=parameter.name)
    elif not _is_valid(first, known):
        yield PromptHint(kind=HintKind.VALUE, name=parameter.name, value=first)
    if rest:
        yield PromptHint(kind=HintKind.WORDS_AFTER, name=parameter.name, value=rest)


def _is_valid(value: str, known: MidjourneyParameter) -> bool:
    match known.kind:
        case ValueKind.NUMBER:
            number = _NUMBER.fullmatch(value) is not None and not (known.whole and "." in value)
            return number and known.low <= float(value) <= known.high
        case ValueKind.RATIO:
            return _RATIO.fullmatch(value) is not None
        case ValueKind.CHOICE:
            return value.casefold().removesuffix(".0") in known.choices
        case ValueKind.LINK:
            return _LINK.fullmatch(value) is not None
        case _:
            return True


def _together(parts: PromptParts) -> Iterator[PromptHint]:
    """Parameters that are repeated, exclude each other, or lack another one."""
    counted = Counter(parameter.canonical for parameter in parts.parameters)
    yield from (PromptHint(kind=HintKind.TWICE, name=name) for name, number in counted.items() if number > 1)
    first_of: dict[str, str] = {}
    for parameter in parts.parameters:
        first = first_of.setdefault(parameter.group, parameter.canonical)
        if first != parameter.canonical and parameter.group != _VERSION:  # two versions are a reason to stop
            yield PromptHint(kind=HintKind.GROUP, name=first, other=parameter.canonical)
        required = parameter.known.requires if parameter.known is not None else None
        if required == PICTURE and not parts.images and not has_link(parts.text):
            yield PromptHint(kind=HintKind.REQUIRES, name=parameter.canonical, other=PICTURE)
        elif required not in (None, PICTURE) and required not in counted:
            yield PromptHint(kind=HintKind.REQUIRES, name=parameter.canonical, other=required)


def _words(parts: PromptParts) -> Iterator[PromptHint]:
    """Links, mentions, braces and weights among the words."""
    if has_link(parts.text):
        yield PromptHint(kind=HintKind.LINK_AFTER_WORDS)
    if _MENTION.search(str(parts)):
        yield PromptHint(kind=HintKind.MENTION)
    if not is_balanced(str(parts)):
        yield PromptHint(kind=HintKind.BRACES)
    selected = _version(parts)
    if selected is not None and family(selected) == "V8" and _WEIGHT.search(parts.text):
        yield PromptHint(kind=HintKind.WEIGHTS, other=selected)
