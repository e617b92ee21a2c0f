"""Permutations: each option in `{…, …}` makes a job of its own.

Source: https://docs.midjourney.com/hc/en-us/articles/32761322355597-Permutations
"""

import re

import msgspec

_BRACES = re.compile(r"[{}\\]")
_MOST = 1_000_000
"""More are not counted."""


class _Brace(msgspec.Struct):
    """An open brace, or the prompt itself: how many permutations it has so far."""

    finished: int = 0
    """Those of the options before the last comma."""
    current: int = 1
    """Those of the option since then."""
    literal: int = 1
    """Those of everything in it, if it is never closed and its commas are just commas."""

    def times(self, permutations: int) -> None:
        self.current = min(self.current * permutations, _MOST)
        self.literal = min(self.literal * permutations, _MOST)


def permutations(prompt: str) -> int:
    """Return how many prompts Midjourney makes of this one, from 1 to 1,000,000.

    A comma counts if it is directly within closed braces and has no backslash: `{a, b}` makes 2, `{a {b, c}}` 2,
    `{a, b} {c, d}` 4, `{a}, {b}` 1.
    """
    stack = [_Brace()]
    escaped = False
    for char in prompt:
        if char == "{":
            stack.append(_Brace())
        elif char == "}" and len(stack) > 1:
            closed = stack.pop()
            stack[-1].times(closed.finished + closed.current)
        elif char == "," and not escaped:
            stack[-1].finished += stack[-1].current
            stack[-1].current = 1
        escaped = char == "\\" and not escaped
    whole = _Brace()
    for brace in stack:
        whole.times(brace.literal)
    return whole.literal


def without_braces(prompt: str) -> str:
    """Return a prompt without braces and backslashes, which Midjourney takes out: `blo{od} --{hd}` is `blood --hd`."""
    return _BRACES.sub("", prompt)


def is_balanced(prompt: str) -> bool:
    """Return whether each brace has its counterpart."""
    depth = 0
    for char in prompt:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0
