"""Checks a prompt before anything is spent: the final prompt, its cost, hints, and a reason to stop.

Only what makes more jobs than allowed, or certainly cannot work, stops a prompt; everything else is a hint, because
Midjourney changes its parameters more often than `bot.models.midjourney_parameters` is edited. What is checked is what
is sent: the options are added first, and the result is parsed again.

Midjourney takes out braces and backslashes before it looks for parameters, so a prompt is also read without them:
`--{hd}` costs as much as `--hd`. Of both readings the one that costs more counts, and stops the prompt.
"""

from collections.abc import Iterable, Iterator
from math import prod

from bot.models import CostTier
from bot.models.midjourney_parameters import MAX_REPEAT, PICTURE
from bot.models.prompt import CheckedPrompt, PromptOptions, PromptRules, PromptStop, StopKind
from bot.submissions.permutations import permutations, without_braces
from bot.submissions.prompt_hints import hints
from bot.submissions.prompt_options import merge
from bot.submissions.prompt_parts import PromptParts, TypedParameter, has_link, parse

_MAX_HINTS = 8
_NO_OPTIONS = PromptOptions()
_NO_EXCEPTIONS = PromptRules()


def check(prompt: str, *, options: PromptOptions = _NO_OPTIONS, rules: PromptRules = _NO_EXCEPTIONS) -> CheckedPrompt:
    """Return the final prompt with what it costs and what is to be said about it, at most 8 hints.

    Checking the final prompt again gives the same prompt.
    """
    merged, unused = merge(parse(prompt), options)
    parts = parse(str(merged))
    final = str(parts)
    bare = parse(without_braces(final)).parameters
    jobs = permutations(final) * max(_repetitions(parts.parameters), _repetitions(bare))
    charged = (*parts.parameters, *bare)
    costly = frozenset(_with_deciding_value(parameter) for parameter in charged if _is_costly(parameter))
    return CheckedPrompt(
        prompt=final,
        tier=CostTier.UPSCALE if costly or jobs > 1 else CostTier.VARY,
        costly=costly,
        jobs=jobs,
        hints=(*unused, *hints(parts))[:_MAX_HINTS],
        stop=next(_stops(parts, charged, jobs, rules), None),
    )


def _repetitions(parameters: Iterable[TypedParameter]) -> int:
    """The jobs that parameters make of each job."""
    return prod(map(_repetitions_by, parameters))


def _repetitions_by(parameter: TypedParameter) -> int:
    """The jobs that a parameter makes of each job: the highest number, where its value is not a number of jobs."""
    if parameter.known is None or not parameter.known.multiplies_jobs:
        return 1
    value = parameter.value
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 4 else MAX_REPEAT
    return max(number, 1)


def _is_costly(parameter: TypedParameter) -> bool:
    """Whether it makes a job of a higher tier; a value that is no number counts as high."""
    known = parameter.known
    if known is None or known.tier is not CostTier.UPSCALE:
        return False
    if known.costly_from is None:
        return True
    try:
        return not float(parameter.value) < known.costly_from
    except ValueError:
        return True


def _with_deciding_value(parameter: TypedParameter) -> str:
    """The name of a costly parameter, with its value if that is what makes it costly."""
    known = parameter.known
    decides = known is not None and known.costly_from is not None
    return f"{parameter.canonical} {parameter.value}" if decides else parameter.canonical


def _stops(
    parts: PromptParts, charged: tuple[TypedParameter, ...], jobs: int, rules: PromptRules
) -> Iterator[PromptStop]:
    """The reasons not to send a prompt, those that cost something first; `charged`: the parameters of both readings."""
    if not str(parts):
        yield PromptStop(kind=StopKind.EMPTY)
    yield from _several_jobs(charged, jobs, rules)
    for parameter in charged:
        if parameter.known is not None and parameter.known.restricted and parameter.canonical not in rules.allowed:
            yield PromptStop(kind=StopKind.NOT_ALLOWED, name=parameter.canonical)
    if {"v", "niji"} <= {parameter.canonical for parameter in parts.parameters}:
        yield PromptStop(kind=StopKind.TWO_VERSIONS)
    yield from _weights(parts)
    if rules.needs_words:
        yield from _missing_words(parts)
    if (length := len(str(parts))) > rules.max_length:
        yield PromptStop(kind=StopKind.TOO_LONG, number=length, limit=rules.max_length)


def _several_jobs(charged: Iterable[TypedParameter], jobs: int, rules: PromptRules) -> Iterator[PromptStop]:
    if rules.max_jobs > 1:
        if jobs > rules.max_jobs:
            yield PromptStop(kind=StopKind.TOO_MANY_JOBS, number=jobs, limit=rules.max_jobs)
    elif any(parameter.known is not None and parameter.known.multiplies_jobs for parameter in charged):
        yield PromptStop(kind=StopKind.REPEAT)
    elif jobs > 1:
        yield PromptStop(kind=StopKind.PERMUTATIONS)


def _weights(parts: PromptParts) -> Iterator[PromptStop]:
    """Weights whose reference is missing."""
    present = {parameter.canonical for parameter in parts.parameters}
    if parts.images or has_link(parts.text):
        present.add(PICTURE)
    for parameter in parts.parameters:
        reference = parameter.known.weight_of if parameter.known is not None else None
        if reference is not None and reference not in present:
            yield PromptStop(kind=StopKind.WEIGHT, name=parameter.canonical, other=reference)


def _missing_words(parts: PromptParts) -> Iterator[PromptStop]:
    if parts.text or len(parts.images) > 1:
        return
    if not parts.images:
        yield PromptStop(kind=StopKind.ONLY_PARAMETERS)
    elif not any(parameter.known is not None and parameter.known.words_optional for parameter in parts.parameters):
        yield PromptStop(kind=StopKind.ONLY_LINK)
