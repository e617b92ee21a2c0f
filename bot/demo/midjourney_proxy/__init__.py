"""A fake server of the midjourney-proxy protocol with a Midjourney account behind it, for the demo and the tests.

It speaks the protocol in four dialects, which `dialects` distinguishes: trueai's, a TypeScript port's ("node"), that of
the relay new-api, and novicezk's. It is written after their sources and answers, and imports nothing of the bot but
`bot.demo`. `server` is what tests use; `reading` and `submitting` have the routes, `tasks` what the server keeps,
`serializer` describes a task. The jobs are those of the account in `bot.demo.midjourney`.
"""

from bot.demo.midjourney_proxy.dialects import NEWAPI, NODE, NOVI, TRUEAI, Dialect
from bot.demo.midjourney_proxy.server import FakeMidjourneyProxy

__all__ = ["NEWAPI", "NODE", "NOVI", "TRUEAI", "Dialect", "FakeMidjourneyProxy"]
