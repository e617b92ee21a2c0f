"""The adapter of useapi.net's Midjourney API v2.

All HTTP to useapi goes through `UseapiClient`. Its methods return frozen values of `bot.models` or raise a
`ProviderError` of `bot.errors`; raw JSON does not leave this package.
"""

from bot.providers.useapi.client import UseapiClient
from bot.providers.useapi.parsing import created_in, parse_job

__all__ = ["UseapiClient", "created_in", "parse_job"]
