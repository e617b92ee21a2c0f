"""The bot of a kill run: an unchanged `python -m bot run` that can be told to die at a named point."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.crash.far_ends import ROOT, DistantProvider
from tests.crash.prepared import PreparedProcess, prepared
from tests.fakes.discord import RemoteFakeDiscord
from tests.processes import started


def environment(
    folder: Path, guilds: Sequence[int], discord: RemoteFakeDiscord, provider: DistantProvider, *, hurry: int
) -> dict[str, str]:
    """Its environment variables; `hurry` divides some of its pauses, see `fragile/sitecustomize.py`."""
    return {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "SSL_CERT_FILE"}},
        "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "fragile"), str(ROOT))),
        "DISCORD_TOKEN": "MTk4.pretend.token",
        "ALLOWED_GUILDS": ",".join(map(str, guilds)),
        "DISCORD_API_URL": discord.api_url,
        "UPDATE_CHECK": "off",
        "IMAGE_HOSTS": f"{provider.origin} {discord.origin}",
        "POLL_SECONDS": "0.2",
        "DATA_DIR": str(folder),
        "DARKROOM_HURRY": str(hurry),
        **provider.settings(),
    }


@asynccontextmanager
async def bot_process(
    folder: Path, environment: dict[str, str], point: str = "", *, forked: bool = False
) -> AsyncIterator[asyncio.subprocess.Process | PreparedProcess]:
    """Start a bot that kills itself at the point, if one is given; at the end of the block it is killed at the latest.

    Its output is appended to `bot.log` in the folder. With `forked` it starts without its imports.
    """
    environment, log = {**environment, "DARKROOM_DIE": point}, folder / "bot.log"
    if forked:
        async with prepared("run", cwd=folder, env=environment, log=log) as quick:
            yield quick
        return
    with log.open("ab") as output:
        async with started(
            *(sys.executable, "-m", "bot", "run"),
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as bot:
            yield bot
