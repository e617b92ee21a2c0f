"""What the URL of a picture reveals: when it expires, and whether it identifies the payer.

Midjourney names its files `<Discord name>_<prompt>_<job uuid>`, wherever they are hosted.
"""

import re
from datetime import UTC, datetime

from yarl import URL

from bot.text import names_job_file

_PAYERS_HOST = "cdn.midjourney.com"
_HEX_SECONDS = re.compile(r"[0-9a-f]{8}")
_DISCORD_CDN = ("discordapp.com", "discordapp.net", "discord.com")
_BY_JOB_ID = re.compile(r"/mj/image/[^/]")  # a relay's own address of a picture: the job's id, which anyone may fetch
_ATTACHMENT = re.compile(r"/(?:ephemeral-)?attachments/")


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


def is_attachment(url: str) -> bool:
    """Whether a URL has the form of a file that was uploaded to Discord: its path, whatever its host."""
    try:
        return _ATTACHMENT.match(URL(url).path) is not None
    except ValueError:
        return False


def is_at_discord(host: str | None) -> bool:
    """Whether a host is Discord's."""
    return any(f".{host}".endswith(f".{known}") for known in _DISCORD_CDN)


def names_the_payer(url: str) -> bool:
    """Whether a URL identifies the account that paid: one of Midjourney's own host or a proxy of it, or a job's file.

    At Discord every file of a job is one that Midjourney or the payer has posted, whatever its name looks like. An
    address that holds the job's id counts too. Such a URL is shown to nobody who may not see the job id.
    """
    try:
        parsed = URL(url)
    except ValueError:
        return True
    rest = f"{parsed.path}?{parsed.query_string}#{parsed.fragment}".casefold()
    if parsed.host == _PAYERS_HOST or _PAYERS_HOST in rest.partition("?")[2] or names_job_file(rest):
        return True
    if _BY_JOB_ID.search(parsed.path):
        return True
    return is_at_discord(parsed.host) and _ATTACHMENT.match(parsed.path) is not None
