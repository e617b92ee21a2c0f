"""A pretend useapi.net (v2) with a Midjourney behind it, for the demo and for all tests.

An opinion of the API of its own: it imports nothing of the bot. `server` holds the doors for tests, `api` the
endpoints, `account` the jobs, `job` and `course` how one runs, `body` and `words` how it is told, `attached` and `cdn`
its pictures, `faults` trouble on order.
"""

from bot.demo.useapi.requests import Request
from bot.demo.useapi.server import FakeUseapi

__all__ = ["FakeUseapi", "Request"]
