"""What the text of Midjourney's own message says about a job: "**prompt** - <@1> (47%) (fast, stealth)"."""

import re

from bot.models import Halt

_BRACKETS = re.compile(r"\(([^()]*)\)")
_PERCENT = re.compile(r"([0-9]{1,3})%")
_MODE = re.compile(r"(?:fast|relaxed|turbo)(?:, stealth)?")
_HALTS: dict[str, Halt] = {halt.value: halt for halt in Halt}


def progress(content: str) -> tuple[int | None, str]:
    """Return percent (0-100) and mode from the brackets after the prompt: "** - <@1> (47%) (fast, stealth)".

    Only what follows the last "** - " on its line is Midjourney's own text about the job: the prompt may contain
    "(99%)" too, and so may the small print ("-# ...") on the lines below.
    """
    percent, mode = None, ""
    for text in _facts(content):
        if (number := _PERCENT.fullmatch(text)) and int(number[1]) <= 100:
            percent = int(number[1])
        elif _MODE.fullmatch(text):
            mode = text
    return percent, mode


def halted(content: str) -> Halt | None:
    """Return what Midjourney did to the job, as it says after the prompt: "** - <@1> (paused) (relaxed)"."""
    return next((_HALTS[text.lower()] for text in _facts(content) if text.lower() in _HALTS), None)


def _facts(content: str) -> list[str]:
    """Return the texts in the brackets after the prompt."""
    _, found, tail = content.rpartition("** - ")
    return _BRACKETS.findall(tail.partition("\n")[0]) if found else []
