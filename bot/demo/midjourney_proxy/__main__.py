"""`python -m bot.demo.midjourney_proxy`: the fake server as a process of its own, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
import sys

from bot.demo.midjourney_proxy.dialects import DIALECTS
from bot.demo.midjourney_proxy.server import FakeMidjourneyProxy


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bot.demo.midjourney_proxy", description="A fake midjourney-proxy server on loopback."
    )
    parser.add_argument("--dialect", choices=DIALECTS, default="trueai", help="whose protocol it speaks")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--token", default="demo-token", help="the secret it accepts")
    parser.add_argument("--admin-token", default="admin-token", help="the secret of its administrator")
    parser.add_argument("--refresh", type=float, default=3.0, help="seconds between its looks at Midjourney")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than real jobs its jobs run")
    parser.add_argument("--max-jobs", type=int, default=3, help="how many jobs may run at a time")
    parser.add_argument("--queue-size", type=int, default=10, help="how many more are queued")
    parser.add_argument("--post-delay", type=float, default=0.0, help="seconds until a submission is answered")
    parser.add_argument("--grid-size", type=int, default=1024, help="width of a grid in pixels")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other pictures")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    """Print the server's URL on one line once it listens, and serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with FakeMidjourneyProxy(**{**vars(options), "dialect": DIALECTS[options.dialect]}) as proxy:
        sys.stdout.write(f"{proxy.url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(_options()))
