"""The adapter of servers that speak the midjourney-proxy protocol: self-hosted ones, and relays.

All HTTP to such a server goes through `MidjourneyProxyClient`. Its methods return frozen values of `bot.models` or
raise a `ProviderError` of `bot.errors`; raw JSON does not leave this package, and what identifies the payer is dropped.
"""

from bot.providers.midjourney_proxy.authorization import Auth
from bot.providers.midjourney_proxy.client import MidjourneyProxyClient
from bot.providers.midjourney_proxy.parsing import created_in, parse_task

__all__ = ["Auth", "MidjourneyProxyClient", "created_in", "parse_task"]
