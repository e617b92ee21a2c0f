"""Addresses in a prompt that name the payer.

The form of a button shows a placeholder for each, and its submit puts them back; a new prompt goes without them.
"""

import re

import msgspec

from bot.images import names_the_payer
from bot.submissions.prompt_parts import parse
from bot.text import names_job_file

_WORD = re.compile(r"\S+")
_ADDRESS = re.compile(r"https?://(?:(?!https?://).)*", re.IGNORECASE)  # within a word; another may follow in it
_PLACEHOLDER = "<picture {}>"
_GAP = "https://cdn.midjourney.com"  # what is left out, while the prompt is parsed: an address that is hidden itself


def hide(prompt: str) -> str:
    """The prompt with `<picture 1>`, `<picture 2>`… in place of the addresses that name the payer."""
    number = 0

    def hidden(match: re.Match[str]) -> str:
        nonlocal number
        if not _is_hidden(match[0]):
            return match[0]
        number += 1
        return _PLACEHOLDER.format(number)

    return _WORD.sub(hidden, prompt)


def restore(text: str, prompt: str) -> str:
    """`text`, an edited result of `hide(prompt)`, with the addresses of `prompt` in place of the placeholders.

    Only where a word begins with one: as the end of another address, Midjourney would send it to that one's host.
    """
    for number, address in enumerate(filter(_is_hidden, prompt.split()), 1):
        text = re.sub(rf"(?<!\S){_PLACEHOLDER.format(number)}", address.replace("\\", r"\\"), text)
    return text


def leave_out(prompt: str) -> str:
    """The prompt without the addresses that name the payer, and without parameters of which nothing is left.

    The whole word goes that holds one, as with `hide`: the address may be typed to the name of a parameter.
    """
    if hide(prompt) == prompt:
        return prompt
    parts = parse(_WORD.sub(lambda word: _GAP if _is_hidden(word[0]) else word[0], prompt))
    kept = tuple(each for each in parts.parameters if _left(each.value) or not each.value)
    return _left(str(msgspec.structs.replace(parts, parameters=kept)))


def _left(text: str) -> str:
    return " ".join(word for word in text.split() if not _is_hidden(word))


def _is_hidden(word: str) -> bool:
    return names_job_file(word) or any(names_the_payer(address.strip("<>")) for address in _ADDRESS.findall(word))
