"""`python -m bot.demo.useapi`: the pretend useapi as a process of its own, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
import sys

from bot.demo.useapi.server import FakeUseapi


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.demo.useapi", description="A pretend useapi.net on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", default="demo-token", help="the bearer token it accepts")
    parser.add_argument("--refresh", type=float, default=15.0, help="seconds between its looks at Discord")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than real its jobs run")
    parser.add_argument("--max-jobs", type=int, default=3, help="how many jobs run at a time")
    parser.add_argument("--post-delay", type=float, default=0.0, help="seconds until a POST is answered")
    parser.add_argument("--grid-size", type=int, default=1024, help="width of a grid in pixels")
    parser.add_argument("--seed", type=int, default=0, help="another number, other pictures")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    """Print the API's address on one line once it listens, and serve until told to stop."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    async with FakeUseapi(**vars(options)) as useapi:
        sys.stdout.write(f"{useapi.url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(_options()))
