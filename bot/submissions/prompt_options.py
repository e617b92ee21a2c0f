"""Adds a command's options to a prompt; what was typed in the prompt wins over an option, an option over a preset."""

from collections.abc import Iterator

from bot.models.prompt import HintKind, PromptHint, PromptOptions
from bot.submissions.prompt_parts import PromptParts, TypedParameter, parse


def merge(typed: PromptParts, options: PromptOptions) -> tuple[PromptParts, tuple[PromptHint, ...]]:
    """Return the prompt with the options, and a hint for each option that differs from what was typed.

    What the prompt has already is not added again, so the same options change nothing the second time.
    """
    preset = parse(options.style or "")
    parameters = list(typed.parameters)
    hints = []
    for option, added in _selected(options):
        same = [one for one in typed.parameters if one.group == added.group]
        if not same:
            parameters.append(added)
        elif all(str(one) != str(added) for one in same):
            hints.append(PromptHint(kind=HintKind.OPTION_UNUSED, name=same[-1].name, other=option))
    groups = {parameter.group for parameter in parameters}
    parameters += [parameter for parameter in preset.parameters if parameter.group not in groups]
    merged = PromptParts(
        images=(*_missing(options.images, typed), *typed.images, *_missing(preset.images, typed)),
        text=_with_words(typed.text, preset.text),
        parameters=tuple(parameters),
    )
    return merged, tuple(hints)


def _missing(images: tuple[str, ...], typed: PromptParts) -> list[str]:
    return [image for image in dict.fromkeys(images) if image not in typed.images]


def _selected(options: PromptOptions) -> Iterator[tuple[str, TypedParameter]]:
    """The name of each option that was selected in the command, with its parameter."""
    if options.aspect:
        yield "aspect", TypedParameter("ar", options.aspect)
    if options.speed:
        yield "speed", TypedParameter(options.speed, "")
    if options.references:
        yield "reference", TypedParameter("sref", " ".join(options.references))


def _with_words(text: str, added: str) -> str:
    """The text with the words of a preset, after a comma; before it, if a brace in it ends among the parameters."""
    if not added or added in text:
        return text
    if not text:
        return added
    if text.count("{") > text.count("}"):
        return f"{added}, {text}"
    return f"{text}{'' if added[0] in ',.;:' else ', '}{added}"
