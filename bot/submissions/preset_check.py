"""Checks a preset before it is saved: its name, and whether any prompt with it could be sent."""

import unicodedata

import msgspec

from bot.models.prompt import (
    MAX_PRESET_NAME_LENGTH,
    MAX_SUFFIX_LENGTH,
    CheckedPrompt,
    PresetProblem,
    PromptOptions,
    PromptRules,
    PromptStop,
    StopKind,
)
from bot.submissions import prompt_check
from bot.submissions.prompt_guard import forbidden_word
from bot.submissions.prompt_parts import parse
from bot.text import clean

_WORDS = "a picture"
"""A prompt with which a preset is tried."""
_FROM_PROMPT = frozenset({StopKind.WEIGHT})
"""What a prompt itself may bring, so that it does not stop every prompt with the preset."""


class CheckedPreset(msgspec.Struct, frozen=True, kw_only=True):
    """A preset as it would be saved; it is not saved if it has a `problem`, a `stop`, or a forbidden `word`.

    `tried` is a prompt with it, which has the cost and the hints.
    """

    name: str
    suffix: str
    tried: CheckedPrompt
    problem: PresetProblem | None = None
    stop: PromptStop | None = None
    word: str | None = None


def check_preset(name: str, suffix: str, *, rules: PromptRules, words: tuple[str, ...]) -> CheckedPreset:
    """Return a preset in its usual form, and what may be wrong with it."""
    name, suffix = clean(name), str(parse(suffix))
    tried = prompt_check.check(_WORDS, options=PromptOptions(style=suffix), rules=rules)
    return CheckedPreset(
        name=name,
        suffix=suffix,
        tried=tried,
        problem=_problem(name, suffix),
        stop=tried.stop if tried.stop is not None and tried.stop.kind not in _FROM_PROMPT else None,
        word=forbidden_word(suffix, words),
    )


def _problem(name: str, suffix: str) -> PresetProblem | None:
    if not any(unicodedata.category(char)[0] in "LN" for char in name):
        return PresetProblem.NAME_WITHOUT_LETTERS
    if len(name) > MAX_PRESET_NAME_LENGTH:
        return PresetProblem.NAME_TOO_LONG
    if not suffix:
        return PresetProblem.SUFFIX_EMPTY
    return PresetProblem.SUFFIX_TOO_LONG if len(suffix) > MAX_SUFFIX_LENGTH else None
