"""The pretend Discord and the pretend useapi as processes of their own, so that the bot may die beside them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.fakes.discord import RemoteFakeDiscord
from tests.processes import started

ROOT = Path(__file__).parents[2]


class DistantUseapi:
    """A pretend useapi in another process."""

    def __init__(self, url: str, session: ClientSession) -> None:
        self.url = url
        self.origin = url.removesuffix("/v2")
        self._session = session

    async def add_job(self, **options: Any) -> str:
        """See `FakeUseapi.add_job`."""
        async with self._session.post(f"{self.origin}/_control/jobs", json=options) as response:
            answer = await response.json()
        if response.status != 200:
            raise RuntimeError(answer["error"])
        return str(answer["jobid"])

    async def fail(self, kind: int | str, **how: Any) -> None:
        """See `FakeUseapi.fail`."""
        async with self._session.post(f"{self.origin}/_control/faults", json={"kind": kind, **how}) as response:
            assert response.status == 200

    async def heal(self) -> None:
        """No more faults."""
        await self._session.delete(f"{self.origin}/_control/faults")

    async def requests(self) -> list[dict[str, Any]]:
        """Every request so far."""
        async with self._session.get(f"{self.origin}/_control/requests") as response:
            answer: list[dict[str, Any]] = await response.json()
        return answer

    async def job(self, jobid: str) -> dict[str, Any]:
        """A job as the API tells it."""
        authorized = {"Authorization": "Bearer demo-token"}
        async with self._session.get(f"{self.url}/jobs/", params={"jobid": jobid}, headers=authorized) as response:
            answer: dict[str, Any] = await response.json()
        return answer


@asynccontextmanager
async def far_ends(
    *, nonce_window: float, faults: str, rate: float, seed: int, useapi_options: Sequence[str] = ()
) -> AsyncIterator[Any]:
    """Both, as `(discord, useapi)`; `faults`: the kinds, with commas, that `rate` (0-1) of Discord's requests meet."""
    async with AsyncExitStack() as stack:
        discord_at = await stack.enter_async_context(
            _process(
                *("tests.fakes.discord", f"--nonce-window={nonce_window}", f"--seed={seed}"),
                *(f"--fault-rate={rate}", f"--fault-kinds={faults}"),
            )
        )
        useapi_at = await stack.enter_async_context(
            _process("bot.demo.useapi", "--refresh=0", "--grid-size=64", *useapi_options)
        )
        discord = await stack.enter_async_context(RemoteFakeDiscord(discord_at))
        session = await stack.enter_async_context(ClientSession())
        yield discord, DistantUseapi(useapi_at, session)


@asynccontextmanager
async def _process(*module: str) -> AsyncIterator[str]:
    """A module as a process; gives the line that it prints first, its address."""
    command = (sys.executable, "-m", *module)
    async with started(*command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
