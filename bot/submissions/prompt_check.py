"""What a member's prompt may not hold, because it costs more than the one job that was counted.

Midjourney makes a job for each repetition and for each permutation, and a mode in the prompt overrides that of the
account, which its owner pays for (https://docs.midjourney.com: Repeat, Permutation Prompts, GPU Speed, Stealth).
"""

import re

_PREFIX = r"(?:--|(?<!\S)[–—])"
"""What a parameter begins with; phones write two hyphens as one dash, and a dash with spaces is one of the text."""
_REPEAT = re.compile(rf"{_PREFIX}(?:repeat|r)(?![a-z])", re.IGNORECASE)
_MODE = re.compile(rf"{_PREFIX}(turbo|fast|relax|stealth|public)(?![a-z])", re.IGNORECASE)

_NO_REPEAT = "`--repeat` makes several jobs from one press, so it can't be used here. Please take it out."
_NO_PERMUTATIONS = (
    "`{…, …}` makes a job of each of its options, so it can't be used here. Please choose one of them, or write it "
    "without the braces."
)
_NO_MODE = "`--{}` can't be used here, because the speed and visibility are those of the account. Please take it out."


def costly_part(prompt: str) -> str | None:
    """Return why a prompt may cost more than one job of the account's mode, in a sentence; `None` where it does not."""
    if _REPEAT.search(prompt):
        return _NO_REPEAT
    if _has_permutations(prompt):
        return _NO_PERMUTATIONS
    if mode := _MODE.search(prompt):
        return _NO_MODE.format(mode[1].lower())
    return None


def _has_permutations(prompt: str) -> bool:
    """Whether braces hold a comma of their own that no backslash escapes; `{a {b, c}}` does, `{a}, {b}` does not."""
    has_comma: list[bool] = []  # of each brace that is open
    escaped = False
    for char in prompt:
        if char == "{":
            has_comma.append(False)
        elif char == "}" and has_comma:
            if has_comma.pop():
                return True
        elif char == "," and has_comma and not escaped:
            has_comma[-1] = True
        escaped = char == "\\" and not escaped
    return False
