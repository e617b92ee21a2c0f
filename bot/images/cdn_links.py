"""What the URL of a picture reveals: when it expires, and whether it identifies the payer."""

import re
from datetime import UTC, datetime

from yarl import URL

_PAYERS_HOST = "cdn.midjourney.com"
_HEX_SECONDS = re.compile(r"[0-9a-f]{8}")


def link_ends(url: str) -> datetime | None:
    """Return when a signed link to Discord's CDN expires, `None` for any other URL.

    The time is its parameter `ex`, hexadecimal seconds since 1970. Source: https://discord.com/developers/docs/reference#signed-attachment-cdn-urls
    """
    try:
        query = URL(url).query
    except ValueError:
        return None
    expires = query.get("ex", "")
    if "hm" not in query or not _HEX_SECONDS.fullmatch(expires):
        return None
    return datetime.fromtimestamp(int(expires, 16), UTC)


def names_the_payer(url: str) -> bool:
    """Whether a URL is on Midjourney's own host: it identifies the account that paid, and is never shown."""
    try:
        return URL(url).host == _PAYERS_HOST
    except ValueError:
        return True
