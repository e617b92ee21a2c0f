"""The poller on a real store, with a stub of useapi, in virtual time."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast

import msgspec
import pytest

from bot.errors import (
    ProviderError,
)
from bot.models import Attachment, Destination, Job, KnownJob, Person, ProviderName, Status
from bot.polling import Poller
from bot.providers.base import Account, Capabilities, Provider
from bot.providers.useapi import created_in
from bot.store import Store, open_store
from tests.database import migrated
from tests.fakes.alerts import AlertLog

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
HERE = Destination(guild_id=100, channel_id=200)
THERE = Destination(guild_id=100, channel_id=201)
MIRA = Person(id=1, name="Mira")
BO = Person(id=2, name="Bo")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

Answer = Job | Exception


def now() -> float:
    return asyncio.get_running_loop().time()


def wall() -> datetime:
    return START + timedelta(seconds=now())


def running(jobid: str, percent: int | None = None) -> Job:
    status = Status.STARTED if percent is None else Status.PROGRESS
    return Job(jobid=jobid, verb="imagine", status=status, prompt="castle in the fog", percent=percent)


def done(jobid: str) -> Job:
    return msgspec.structs.replace(
        running(jobid), status=Status.COMPLETED, attachments=(Attachment(url="https://cdn.discordapp.com/a.png"),)
    )


def named(jobid: str) -> Job:
    """A job of which useapi said no more than its id."""
    return Job(jobid=jobid, verb="button", button="V1")


class StubUseapi:
    """useapi as the poller uses it: `answers` by job id, each given `takes` seconds after the request.

    An id without an answer of its own gets that of `default`, and a job that runs where there is none either.
    """

    name = ProviderName.USEAPI
    title = "useapi.net"
    capabilities = Capabilities(children=True, running=True, echoes_reference=True, picks_once=True, accounts=True)
    created_in = staticmethod(created_in)

    def __init__(self) -> None:
        self.takes = 0.1
        self.answers: dict[str, Answer] = {}
        self.default: Callable[[str], Answer] = running
        self.blocked: bool | ProviderError = False
        self.account_requests: list[float] = []
        self.polls: list[tuple[float, str]] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def job(self, jobid: str) -> Job:
        self.polls.append((now(), jobid))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.in_flight -= 1
        answer = self.answers[jobid] if jobid in self.answers else self.default(jobid)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def poll(self, jobid: str, _known: Job) -> asyncio.Task[Job]:
        return asyncio.create_task(self.job(jobid))

    async def accounts(self) -> tuple[Account, ...]:
        self.account_requests.append(now())
        await asyncio.sleep(self.takes)
        if isinstance(self.blocked, ProviderError):
            raise self.blocked
        return (
            Account(channel="1", max_jobs=3, needs_person=False),
            Account(channel="2", max_jobs=3, needs_person=self.blocked),
        )

    def times(self, jobid: str | None = None, since: float = 0.0) -> list[float]:
        """When this job (or any) was polled."""
        return [at for at, polled in self.polls if at >= since and jobid in {None, polled}]


class PollerHarness:
    """A poller at work; `on_recorded` notes in `recorded` when it has recorded something."""

    store: Store
    poller: Poller

    def __init__(self, folder: Path) -> None:
        self.useapi = StubUseapi()
        self.recorded: list[float] = []
        self.on_recorded: Callable[[], None] = lambda: self.recorded.append(now())
        self.alerts = AlertLog()
        self._folder = folder
        self._life = contextlib.AsyncExitStack()

    async def prepare(self, concurrency: int = 8) -> None:
        self.store = await self._life.enter_async_context(open_store(migrated(self._folder), wall))
        self.poller = Poller(
            provider=cast(Provider, self.useapi),  # all that the poller calls
            store=self.store,
            poll_seconds=15,
            concurrency=concurrency,
            now=wall,
            on_recorded=lambda: self.on_recorded(),
            alerts=self.alerts,
            rng=random.Random(7),
        )

    async def begin(self) -> None:
        await self.prepare()
        loop = asyncio.create_task(self.poller.run())
        self._life.push_async_callback(ended, loop)
        await asyncio.sleep(0.001)  # it has read the running jobs

    async def end(self) -> None:
        await self._life.aclose()

    async def subscribe(
        self,
        jobid: str,
        destination: Destination = HERE,
        person: Person = MIRA,
        known: Callable[[str], Job] = running,
    ) -> KnownJob:
        subscribed = await self.store.subscriptions.add(known(jobid), destination, person)
        self.poller.add(subscribed.known)
        return subscribed.known

    async def stop(self, known: KnownJob, person: Person = MIRA) -> None:
        status_card = (
            await self.store.deliveries.post_of(known.id, HERE.channel_id) or (await self.store.outbox.due())[0]
        )
        await self.store.subscriptions.stop(status_card, person.id)

    async def job(self, known: KnownJob) -> Job:
        return (await self.store.jobs.get(known.id)).job


async def ended(loop: asyncio.Task[None]) -> None:
    loop.cancel()
    await asyncio.wait({loop})
    assert loop.cancelled(), "it ends by cancellation only"


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.message
        for record in caplog.records
        if record.name in {"bot.polling.poller", "bot.polling.circuit_breaker"}
    ]
