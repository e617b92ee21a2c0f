"""A fake useapi.net (API v2) with a Midjourney account behind it, for the demo and all tests.

It is written after the API's documentation alone and imports nothing of the bot but `bot.demo`. `server` is what tests
use, `api` has the endpoints, `account` the jobs; `job` and `timeline` say how a job runs, `serializer` and
`midjourney_text` how it is described, `attachments` and `cdn` serve its pictures, `webhook_sender` calls a `replyUrl`,
`faults` are wrong responses on order, and `control` offers all that over HTTP to tests in another process.
"""

from bot.demo.useapi.requests import Request
from bot.demo.useapi.server import FakeUseapi

__all__ = ["FakeUseapi", "Request"]
