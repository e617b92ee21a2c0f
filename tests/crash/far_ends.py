"""The fake Discord and the fake provider as processes of their own, so that the bot may die beside them."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from bot.models import ProviderName
from bot.models.midjourney_buttons import PICKS
from tests.fakes.discord import RemoteFakeDiscord
from tests.processes import started

ROOT = Path(__file__).parents[2]
Made = dict[str, tuple[str, str]]
"""The jobs that submissions made: by id, the reference of the submission and the id of the parent, "" without one."""


class DistantProvider:
    """A fake provider in another process; each kind says how the bot is told of it, and how its jobs are read."""

    name: ProviderName
    module: str
    options: Sequence[str] = ()
    reference: str
    """The field of a submission that holds its reference."""
    submissions: Sequence[str]
    """The paths of presses, prompts and blends."""

    def __init__(self, url: str, session: ClientSession) -> None:
        self.url = url
        self.origin = url
        self._session = session

    def settings(self) -> dict[str, str]:
        """The bot's settings for it, as environment variables."""
        raise NotImplementedError

    async def add_job(self, **options: Any) -> str:
        """See `FakeUseapi.add_job`."""
        async with self._session.post(f"{self.origin}/_control/jobs", json=options) as response:
            body = await response.json()
        if response.status != 200:
            raise RuntimeError(body["error"])
        return str(body["jobid"])

    async def fail(self, kind: int | str, **how: Any) -> None:
        """See `FakeUseapi.fail`."""
        async with self._session.post(f"{self.origin}/_control/faults", json={"kind": kind, **how}) as response:
            assert response.status == 200

    async def plan(self, **options: Any) -> None:
        """See `FakeUseapi.plan`."""
        async with self._session.post(f"{self.origin}/_control/plans", json=options) as response:
            assert response.status == 200

    async def heal(self) -> None:
        """No more faults."""
        await self._session.delete(f"{self.origin}/_control/faults")

    async def sent(self) -> Counter[str]:
        """How often a submission with each reference arrived."""
        async with self._session.get(f"{self.origin}/_control/requests") as response:
            requests: list[dict[str, Any]] = await response.json()
        return Counter(
            (request["json"] or {}).get(self.reference, "")
            for request in requests
            if request["path"] in self.submissions
        )

    async def made(self) -> Made:
        """The jobs that submissions made."""
        raise NotImplementedError

    async def picks(self, parents: Collection[str]) -> Counter[tuple[str, str]]:
        """How often each of U1-U4 of these jobs was charged for."""
        raise NotImplementedError


class DistantUseapi(DistantProvider):
    """The fake useapi: the children of a job are listed in it."""

    name = ProviderName.USEAPI
    module = "bot.demo.useapi"
    reference = "replyRef"
    submissions = ("/v2/jobs/button", "/v2/jobs/imagine", "/v2/jobs/blend")

    def __init__(self, url: str, session: ClientSession) -> None:
        super().__init__(url, session)
        self.origin = url.removesuffix("/v2")

    def settings(self) -> dict[str, str]:
        return {"USEAPI_TOKEN": "demo-token", "USEAPI_URL": self.url}

    async def made(self) -> Made:
        async with self._session.get(f"{self.origin}/_control/jobs") as response:
            jobs = {jobid: await self._job(jobid) for jobid in await response.json()}
        return {
            jobid: (job["replyRef"], job.get("parentJobId", "")) for jobid, job in jobs.items() if job.get("replyRef")
        }

    async def picks(self, parents: Collection[str]) -> Counter[tuple[str, str]]:
        found = [(parent, str(job["button"])) for parent, _, job in await self._children(parents)]
        return Counter(each for each in found if each[1] in PICKS)

    async def _children(self, parents: Collection[str]) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            (parent, child["jobid"], await self._job(child["jobid"]))
            for parent in parents
            for child in (await self._job(parent)).get("children", ())
        ]

    async def _job(self, jobid: str) -> dict[str, Any]:
        authorized = {"Authorization": "Bearer demo-token"}
        async with self._session.get(f"{self.url}/jobs/", params={"jobid": jobid}, headers=authorized) as response:
            body: dict[str, Any] = await response.json()
        return body


class DistantMidjourneyProxy(DistantProvider):
    """The fake server of trueai's dialect: its administrator lists all tasks, and it counts what was charged."""

    name = ProviderName.MIDJOURNEY_PROXY
    module = "bot.demo.midjourney_proxy"
    options = ("--dialect=trueai", "--queue-size=2")
    reference = "state"
    submissions = ("/mj/submit/action", "/mj/submit/imagine", "/mj/submit/blend")

    def settings(self) -> dict[str, str]:
        return {
            "MJ_PROXY_URL": self.url,
            "MJ_PROXY_SECRET": "demo-token",
            "MJ_PROXY_AUTH": "authorization",
            "MJ_PROXY_ADMIN_SECRET": "admin-token",
        }

    async def made(self) -> Made:
        authorized = {"Authorization": "admin-token"}
        async with self._session.post(f"{self.url}/mj/admin/tasks", json={}, headers=authorized) as response:
            tasks: list[dict[str, Any]] = (await response.json())["list"]
        return {task["id"]: (task["state"], task["parentId"] or "") for task in tasks if task["state"]}

    async def picks(self, parents: Collection[str]) -> Counter[tuple[str, str]]:
        async with self._session.get(f"{self.origin}/_control/charges") as response:
            charges: list[tuple[str, str, int]] = await response.json()
        return Counter(
            {
                (parent, button): times
                for parent, button, times in charges
                if parent in parents and button.startswith("MJ::JOB::upsample::")
            }
        )


PROVIDERS: dict[ProviderName, type[DistantProvider]] = {
    kind.name: kind for kind in (DistantUseapi, DistantMidjourneyProxy)
}


@asynccontextmanager
async def far_ends(
    provider: ProviderName,
    *,
    nonce_window: float,
    faults: str,
    rate: float,
    seed: int,
    options: Sequence[str] = (),
) -> AsyncIterator[tuple[Any, DistantProvider]]:
    """Both, as `(discord, provider)`; `faults`: the kinds, with commas, that `rate` (0-1) of Discord's requests meet.

    `options` are those of the fake provider's command line.
    """
    kind = PROVIDERS[provider]
    async with AsyncExitStack() as stack:
        discord_at = await stack.enter_async_context(
            _process(
                *("tests.fakes.discord", f"--nonce-window={nonce_window}", f"--seed={seed}"),
                *(f"--fault-rate={rate}", f"--fault-kinds={faults}"),
            )
        )
        provider_at = await stack.enter_async_context(
            _process(kind.module, "--refresh=0", "--grid-size=48", *kind.options, *options)
        )
        discord = await stack.enter_async_context(RemoteFakeDiscord(discord_at))
        session = await stack.enter_async_context(ClientSession())
        yield discord, kind(provider_at, session)


@asynccontextmanager
async def _process(*module: str) -> AsyncIterator[str]:
    """A module as a process; gives the line that it prints first, its address."""
    command = (sys.executable, "-m", *module)
    async with started(*command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
