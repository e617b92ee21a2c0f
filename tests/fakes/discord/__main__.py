"""`python -m tests.fakes.discord`: the pretend Discord as a process, until it is told to end."""

import argparse
import asyncio
import signal

from tests.fakes.discord.faults import Faults
from tests.fakes.discord.server import FakeDiscord


async def serve(options: argparse.Namespace) -> None:
    end = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, end.set)
    async with FakeDiscord(**vars(options)) as discord:
        print(discord.origin, flush=True)  # noqa: T201 - the line that whoever started this waits for
        await end.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.discord", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--nonce-window", type=float, default=120.0, metavar="S")
    parser.add_argument("--limits", action="store_true", help="keep Discord's rate limits")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--seed", type=int, help="of the random faults")
    parser.add_argument("--fault-rate", type=float, default=0.0, metavar="0..1")
    parser.add_argument("--fault-kinds", type=lambda text: tuple(text.split(",")), default=Faults.kinds, metavar="A,B")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
