"""Sentences about a prompt that is being written: hints, why it is not sent, what it costs.

Text of the prompt is shown as inline code, in which Discord renders neither links nor mentions.
"""

from bot.models.midjourney_parameters import PICTURE, MidjourneyParameter, ValueKind, parameter_for
from bot.models.prompt import HintKind, PromptHint, PromptStop, StopKind
from bot.text import clean, clip

_QUOTED = 40
"""The characters of a prompt that a sentence repeats."""


# `{name}`, `{other}` and `{value}` are filled in from a hint or a stop, names with their hyphens.
_HINTS = {
    HintKind.UNKNOWN: "I don't know {name}. Midjourney may decline it.",
    HintKind.REQUIRES: "{name} only works together with {other}.",
    HintKind.TWICE: "{name} is in the prompt more than once. Keep one.",
    HintKind.GROUP: "{name} and {other} can't be combined. Keep one.",
    HintKind.WORDS_AFTER: "Words go before the parameters: move {value} in front of {name}.",
    HintKind.LINK_AFTER_WORDS: "Midjourney only uses picture links at the beginning of the prompt.",
    HintKind.MENTION: "Midjourney can't read mentions or server emoji. Use words instead.",
    HintKind.BRACES: "A brace is missing: each `{{` needs its `}}`.",
}
_STOPS = {
    StopKind.EMPTY: "The prompt is empty. Describe what the picture should show.",
    StopKind.ONLY_PARAMETERS: "The prompt has no words. Describe the picture first; parameters come last.",
    StopKind.ONLY_LINK: "One picture isn't enough for a prompt. Add some words after the link, or another picture.",
    StopKind.TOO_LONG: "The prompt has {number:,} characters, the limit is {limit:,}. Please shorten it.",
    StopKind.REPEAT: "`--repeat` makes several jobs from one prompt, so it can't be used here. Please take it out.",
    StopKind.PERMUTATIONS: (
        "`{{…, …}}` makes a job of each of its options, so it can't be used here. Please choose one of them, or write "
        "it without the braces."
    ),
    StopKind.TOO_MANY_JOBS: "This prompt makes {number:,} jobs, the limit here is {limit:,}. Please make it fewer.",
    StopKind.NOT_ALLOWED: (
        "{name} can't be used here, because the speed and visibility are those of the account. Please take it out."
    ),
    StopKind.TWO_VERSIONS: "`--v` and `--niji` can't be combined. Please keep one of them.",
    StopKind.WEIGHT: "{name} needs {other}. Please add it, or take {name} out.",
}
_NEEDS_PICTURE = "{name} needs a picture at the beginning of the prompt."


def prompt_hint(hint: PromptHint) -> str:
    """What may be wrong with a prompt, in a sentence or two."""
    name, other, value = _parameter(hint.name), _parameter(hint.other), in_code(hint.value)
    match hint.kind:
        case HintKind.UNKNOWN if hint.other:
            return f"{name}: did you mean {other}?"
        case HintKind.VALUE:
            return _wrong_value(hint)
        case HintKind.VERSION:
            return _wrong_version(hint)
        case HintKind.REQUIRES if hint.other == PICTURE:
            return _NEEDS_PICTURE.format(name=name)
        case HintKind.OPTION_UNUSED:
            return f"The prompt has {name}, so the option {in_code(hint.other)} isn't used."
        case HintKind.WEIGHTS:
            return f"Weights (`::`) don't work in {hint.other}."
        case kind:
            return _HINTS[kind].format(name=name, other=other, value=value)


def prompt_stop(stop: PromptStop) -> str:
    """Why a prompt is not sent, and what to do about it."""
    name = _parameter(stop.name)
    if stop.kind is StopKind.WEIGHT and stop.other == PICTURE:
        return f"{_NEEDS_PICTURE.format(name=name)} Please add one, or take {name} out."
    return _STOPS[stop.kind].format(name=name, other=_parameter(stop.other), number=stop.number, limit=stop.limit)


def several_jobs(jobs: int) -> str:
    """The question whether a prompt shall make several jobs."""
    return f"This prompt makes {jobs:,} jobs, and each of them counts. Run it?"


def forbidden(entry: str) -> str:
    """The refusal of a prompt with an entry of the server's word list, for the member who wrote it only."""
    return f"{in_code(entry)} isn't allowed in this server's prompts. Please change it, nothing was sent."


def _expected(known: MidjourneyParameter) -> str:
    """The values of a parameter, after "takes"."""
    match known.kind:
        case ValueKind.NUMBER if known.low == known.high:
            return in_code(f"{known.low:g}")
        case ValueKind.NUMBER:
            return f"a {'whole ' if known.whole else ''}number from {_number(known.low)} to {_number(known.high)}"
        case ValueKind.RATIO:
            return "a ratio of whole numbers, such as `16:9`"
        case ValueKind.CHOICE:
            *others, last = map(in_code, known.choices)
            return f"{', '.join(others)} or {last}"
        case ValueKind.LINK:
            return "the link of a picture"
        case _:
            return "a value"


def _wrong_value(hint: PromptHint) -> str:
    known = parameter_for(hint.name or "")
    expected = "another value" if known is None else _expected(known)
    if hint.value is None:
        return f"{_parameter(hint.name)} needs {expected}."
    return f"{_parameter(hint.name)} takes {expected}, not {in_code(hint.value)}."


def _wrong_version(hint: PromptHint) -> str:
    known = parameter_for(hint.name or "")
    if known is None or not known.only_in:
        return f"{_parameter(hint.name)} doesn't work in {hint.other}."
    return f"{_parameter(hint.name)} only works in {' and '.join(known.only_in)}, but this prompt uses {hint.other}."


def _number(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _parameter(name: str | None) -> str:
    return in_code(f"--{name}")


def in_code(text: str | None, *, limit: int = _QUOTED) -> str:
    """Untrusted text as inline code, of at most `limit` characters."""
    return f"`{clip(clean(text or '').replace('`', chr(39)), limit)}`"
