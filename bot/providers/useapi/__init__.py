"""The only door to useapi.net: HTTP goes in, frozen values of `bot.models` or errors of `bot.errors` come out."""

from bot.providers.useapi.client import UseapiClient
from bot.providers.useapi.parsing import Account, clean, parse_job

__all__ = ["Account", "UseapiClient", "clean", "parse_job"]
