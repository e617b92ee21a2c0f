"""A fake useapi.net (API v2) with a Midjourney account behind it, for the demo and all tests.

It is written after the API's documentation alone and imports nothing of the bot but `bot.demo`. `server` is what tests
use, `api` has the endpoints, `serializer` describes a job of the account in `bot.demo.midjourney`.
"""

from bot.demo.fake_server.requests import Request
from bot.demo.useapi.server import FakeUseapi

__all__ = ["FakeUseapi", "Request"]
