"""`python -m bot.demo.useapi`: the fake useapi as a process of its own, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
import sys

from bot.demo.useapi.server import FakeUseapi


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.demo.useapi", description="A fake useapi.net on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--token", default="demo-token", help="the bearer token it accepts")
    parser.add_argument("--refresh", type=float, default=15.0, help="seconds between its refreshes from Discord")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than real jobs its jobs run")
    parser.add_argument("--max-jobs", type=int, default=3, help="how many jobs may run at a time")
    parser.add_argument("--post-delay", type=float, default=0.0, help="seconds until a POST is answered")
    parser.add_argument("--grid-size", type=int, default=1024, help="width of a grid in pixels")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other pictures")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    """Print the API's URL on one line once it listens, and serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with FakeUseapi(**vars(options)) as useapi:
        sys.stdout.write(f"{useapi.url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(_options()))
