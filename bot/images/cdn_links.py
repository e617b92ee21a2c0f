"""What the address of a picture tells: how long it lives, and whose it is."""

import re
from datetime import UTC, datetime

from yarl import URL

_NAMES_THE_PAYER = "cdn.midjourney.com"
_SECONDS = re.compile(r"[0-9a-f]{8}")


def link_ends(url: str) -> datetime | None:
    """When a signed link to Discord's CDN dies: its `ex`, hexadecimal seconds since 1970; None where it has none.

    Source: https://discord.com/developers/docs/reference#signed-attachment-cdn-urls
    """
    try:
        query = URL(url).query
    except ValueError:
        return None
    until = query.get("ex", "")
    return datetime.fromtimestamp(int(until, 16), UTC) if "hm" in query and _SECONDS.fullmatch(until) else None


def names_the_payer(url: str) -> bool:
    """Whether an address lies on Midjourney's own host: it identifies the account that paid, and is never shown."""
    try:
        return URL(url).host == _NAMES_THE_PAYER
    except ValueError:
        return True
