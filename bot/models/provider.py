"""The providers of jobs: their names, and the words for them that people read."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class ProviderName(StrEnum):
    """A kind of Midjourney job API. The values are those of the database and of the metrics."""

    USEAPI = "useapi"
    """useapi.net's API v2, or a server that is compatible with it."""
    MIDJOURNEY_PROXY = "midjourney-proxy"
    """A server with the routes of midjourney-proxy (`/mj/submit/*`, `/mj/task/{id}/fetch`)."""


GUESSABLE_IDS = frozenset({ProviderName.MIDJOURNEY_PROXY})
"""The providers whose job ids can be guessed, so that to give one proves no right to a job that was brought before."""


class ProviderWords(msgspec.Struct, frozen=True, kw_only=True):
    """What sentences for people say of a provider."""

    title: str
    """What people call it."""
    setting: str
    """The setting that holds its token."""
    jobid: str
    """What its job ids look like."""
    retention: str = ""
    """How long it keeps jobs, as a sentence; empty where that is up to the server."""


WORDS: Mapping[ProviderName, ProviderWords] = {
    ProviderName.USEAPI: ProviderWords(
        title="useapi.net",
        setting="USEAPI_TOKEN",
        jobid="job:20240909…-user:…-channel:…-bot:midjourney",
        retention="Jobs are kept for about 31 days.",
    ),
    ProviderName.MIDJOURNEY_PROXY: ProviderWords(
        title="midjourney-proxy", setting="MJ_PROXY_SECRET", jobid="1785744000123456"
    ),
}

_UNNAMED = ProviderWords(title="The provider", setting="its token", jobid="…")


def worded(sentence: str, provider: ProviderName | None) -> str:
    """Fill the words for a provider into a sentence: `{provider}`, `{name}`, `{secret}` and `{retention}`.

    Without one it is called "The provider".
    """
    words = _UNNAMED if provider is None else WORDS[provider]
    filled = sentence.replace("{provider}", words.title).replace("{secret}", words.setting)
    return filled.replace("{name}", provider or "provider").replace("{retention}", words.retention).strip()
