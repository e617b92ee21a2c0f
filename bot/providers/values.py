"""Check and bound the values of a provider's decoded JSON: tolerant of shape, strict about size.

A value of the wrong type counts as missing. Texts are clipped; ids, URLs and labels are kept whole or not at all,
because half of one means something else.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from bot.errors import InvalidResponse
from bot.text import INVISIBLE

WORD = 64  # verbs, statuses, sizes, times; the longest known verb is "seed_async"
ID = 200  # a v2 job id has 74-77 characters, a snowflake 20; the store keeps no longer job id
LABEL = 256  # the longest known button has 23; useapi needs the whole label back, so a longer one cannot be pressed
NAME = 260  # file names and content types; most file systems end there
TITLE = 256  # `Job.error` is the title of Midjourney's embed: Discord's limit
DESCRIPTION = 4096  # `Job.error_details` and describe's prompts are embed descriptions: Discord's limit
PROMPT = 5000  # useapi's limit
CONTENT = 8000  # a prompt, and Midjourney's text around it
URL = 2048  # Discord's limit for a URL in an embed
ITEMS = 50  # Discord allows 25 buttons, 10 attachments and 10 embeds a message
RUNNING = 1000  # up to 15 jobs per account, and some accounts
REFERENCE = 1024  # useapi's limit

_INT64 = 2**63 - 1  # what an SQLite column holds
_BREAKS = re.compile(r"\r\n?|[\n\u2028\u2029]")
_NUMBER = re.compile(r"[0-9]{1,19}")

Fields = dict[str, Any]  # a decoded JSON object; each value is checked where it is read
Item = TypeVar("Item")


def sanitize(text: str, limit: int, *, lines: bool = False) -> str:
    """Return untrusted text without control, bidi and invisible characters, at most `limit` characters long.

    `lines` keeps line breaks; otherwise each becomes a space. Markdown stays: escape it before showing.
    """
    if not (text.isascii() and text.isprintable()):  # most texts are plain already
        text = _BREAKS.sub("\n" if lines else " ", text).replace("\t", " ")
        text = INVISIBLE.sub("", text)
    return text.strip()[:limit].rstrip()


def decode(raw: bytes) -> object:
    """Decode JSON; raises `InvalidResponse` where `raw` is none."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_leniently(raw)
    except RecursionError:
        raise InvalidResponse from None


def decode_if_any(raw: bytes) -> object:
    """Decode the body of an error, which may be empty or a gateway's HTML: `None` then."""
    try:
        return decode(raw)
    except InvalidResponse:
        return None


def _decode_leniently(raw: bytes) -> object:
    """Decode what JavaScript writes and msgspec refuses: lone surrogates, NaN, a byte order mark."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidResponse from None


def text_of(value: object, limit: int, *, lines: bool = False) -> str:
    """Return a text, sanitized and clipped."""
    return sanitize(value, limit, lines=lines) if isinstance(value, str) else ""


def exact_text(value: object, limit: int) -> str:
    """Return a text that means something only as a whole: unchanged or empty."""
    return value if isinstance(value, str) and len(value) <= limit and sanitize(value, limit) == value else ""


def web_url(value: object) -> str:
    """Return an http(s) URL; Discord accepts no other schemes either."""
    url = exact_text(value, URL)
    return url if url.lower().startswith(("https://", "http://")) and " " not in url else ""


def number_of(value: object) -> int | None:
    """Return a number from 0 to 2**63 - 1; JavaScript may write one as 2048.0 or as "2048"."""
    if isinstance(value, str):
        value = int(value) if _NUMBER.fullmatch(value) else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _INT64:
        return value
    return None


def newest(value: object, limit: int = ITEMS) -> list[Any]:
    """Return the last `limit` items of a list: the newest ones where it grows. Anything else is empty."""
    return value[-limit:] if isinstance(value, list) else []


def each_object(items: list[Any], parse: Callable[[Fields], Item | None]) -> Iterator[Item]:
    """Parse the items that are JSON objects; those without a usable value are left out."""
    for item in items:
        if isinstance(item, dict) and (parsed := parse(item)) is not None:
            yield parsed
