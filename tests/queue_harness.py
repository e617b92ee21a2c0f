"""The queue of submissions on a real store, with a stub of useapi that notes what was charged, in virtual time."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec

from bot.errors import (
    ButtonUsed,
    InvalidResponse,
    JobUnknown,
    NotSent,
    Overloaded,
    ProviderError,
    ProviderServerError,
    QueueFull,
    RequestTimeout,
    StoreUnavailable,
    Unreachable,
)
from bot.models import (
    OPEN_SUBMISSIONS,
    Child,
    CostTier,
    Destination,
    Dimensions,
    InputPicture,
    Job,
    LimitExceeded,
    Limits,
    Person,
    ProviderName,
    Status,
    Submission,
    SubmissionKind,
    SubmissionRequest,
    SubmissionState,
)
from bot.providers.base import Account, Capabilities, Provider
from bot.providers.useapi import created_in
from bot.store import Store, open_store
from bot.submissions import SubmissionQueue
from tests.database import migrated
from tests.fakes.alerts import AlertLog
from tests.submitting import button_press, prompt_submission

Fate = ProviderError | list[ProviderError] | None

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
HERE = Destination(guild_id=100, channel_id=200)
THERE = Destination(guild_id=101, channel_id=300)  # another server
MIRA, BO = Person(id=1, name="Mira"), Person(id=2, name="Bo")
MINUTE, HOUR = 60.0, 3600.0
BUTTONS = ("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4")
CASTLE = "a castle in the fog --ar 3:2"
GRID = Job(jobid="job:grid", verb="imagine", status=Status.COMPLETED, prompt="a castle", buttons=BUTTONS)
FOX = InputPicture(link="https://cdn.example/fox.png", content_type="image/png", content=b"a fox")
BOAT = InputPicture(link="https://cdn.example/boat.jpg", content_type="image/jpeg", content=b"a boat")
OVER = {
    SubmissionState.ACCEPTED,
    SubmissionState.REPEATED,
    SubmissionState.DECLINED,
    SubmissionState.REFUSED,
    SubmissionState.LOST,
}


NO_CLEAR_ANSWER = [ProviderServerError(), Unreachable(), RequestTimeout(), InvalidResponse(), Overloaded(code=504)]


def now() -> float:
    return asyncio.get_running_loop().time()


class StubUseapi:
    """useapi and what it was paid for: `posts` are the requests that arrived, `made` the jobs that came of them.

    `outcomes` are what the next POSTs meet, first come first served: an error is answered and nothing is made; an error
    within a list is answered although the job was made; `None` stands for all being well. A job runs for `lasts`
    seconds; `slots` run at a time. What is in `unlisted` is missing among the parent's children.
    """

    name = ProviderName.USEAPI
    title = "useapi.net"
    capabilities = Capabilities(children=True, running=True, echoes_reference=True, picks_once=True, accounts=True)
    created_in = staticmethod(created_in)

    def __init__(self) -> None:
        self.takes, self.lasts, self.slots = 4.0, 30.0, 99
        self.outcomes: list[Fate] = []
        self.everybody: ProviderError | None = None
        self.checks_meet: ProviderError | None = None
        self.unlisted: set[str] = set()
        self.listed_after = self.echoed_after = 0.0  # seconds from the request
        self.listed_as = "{}"  # what the parent's children call a button
        self.declined_in_short = False  # jobs are declined, and described without button, time and reference
        self.unknown: set[str] = set()
        self.named: Callable[[Job], Job] = lambda made: made  # the job in the answer to a POST that made one
        self.posts: list[tuple[float, str, str]] = []
        self.pictures: list[tuple[Dimensions | InputPicture, ...]] = []  # what was sent with blends and descriptions
        self.made: dict[str, tuple[float, Job]] = {}
        self.began: dict[str, float] = {}
        self.reads: Counter[str] = Counter()
        self.accounts_meet: ProviderError | None = None
        self.blocked = False
        self.account_requests: list[float] = []

    async def press(self, _parent: Job, button: str, *, reference: str, prompt: str | None = None) -> Job:
        outcome = self.everybody or (self.outcomes.pop(0) if self.outcomes else None)
        if isinstance(outcome, NotSent):
            raise outcome
        self.posts.append((now(), button, reference))
        if isinstance(outcome, ProviderError):
            await asyncio.sleep(self.takes)
            raise outcome
        if button[0] == "U" and (before := [job for _, job in self.made.values() if job.button == button]):
            raise ButtonUsed(before[0].jobid)
        if len(running := self._running()) >= self.slots:
            raise QueueFull(running)
        child = Job(
            jobid=f"job:{len(self.made) + 1}", verb="button", status=Status.STARTED, button=button, reply_ref=reference
        )
        self.made[child.jobid] = (now() + self.lasts, child)
        self.began[child.jobid] = now()
        await asyncio.sleep(self.takes)
        if isinstance(outcome, list):
            raise outcome[0]
        return self.named(msgspec.structs.replace(child, reply_ref="") if self.echoed_after else child)

    async def imagine(self, prompt: str, *, reference: str) -> Job:
        return await self._start("imagine", prompt, reference)

    async def blend(self, pictures: Sequence[InputPicture], *, dimensions: Dimensions, reference: str) -> Job:
        self.pictures.append((dimensions, *pictures))
        return await self._start("blend", "", reference)

    async def describe(self, picture: InputPicture, *, reference: str) -> Job:
        self.pictures.append((picture,))
        return await self._start("describe", "", reference)

    async def _start(self, verb: str, prompt: str, reference: str) -> Job:
        outcome = self.everybody or (self.outcomes.pop(0) if self.outcomes else None)
        if isinstance(outcome, NotSent):
            raise outcome
        self.posts.append((now(), prompt or verb, reference))
        if isinstance(outcome, ProviderError):
            await asyncio.sleep(self.takes)
            raise outcome
        if len(running := self._running()) >= self.slots:
            raise QueueFull(running)
        jobid = f"job:{len(self.made) + 1}"
        job = Job(jobid=jobid, verb=verb, status=Status.STARTED, prompt=prompt, reply_ref=reference)
        self.made[job.jobid] = (now() + self.lasts, job)
        self.began[job.jobid] = now()
        await asyncio.sleep(self.takes)
        if isinstance(outcome, list):
            raise outcome[0]
        return self.named(job)

    async def job(self, jobid: str) -> Job:
        self.reads[jobid] += 1
        await asyncio.sleep(0.1)
        if self.checks_meet is not None:
            raise self.checks_meet
        if jobid == GRID.jobid:
            listed = [
                job
                for _, job in self.made.values()
                if job.button and job.jobid not in self.unlisted and self._is_listed(job)
            ]
            return msgspec.structs.replace(
                GRID,
                children=tuple(Child(button=self.listed_as.format(job.button), jobid=job.jobid) for job in listed),
            )
        if jobid not in self.made or jobid in self.unknown:
            raise JobUnknown
        ends, job = self.made[jobid]
        if self.declined_in_short:
            return Job(jobid=jobid, status=Status.MODERATED, error="Banned prompt")
        if now() - self.began.get(jobid, 0.0) < self.echoed_after:
            job = msgspec.structs.replace(job, reply_ref="")
        return msgspec.structs.replace(job, status=Status.COMPLETED) if now() >= ends else job

    async def running(self) -> tuple[str, ...]:
        if self.checks_meet is not None:
            raise self.checks_meet
        return self._running()

    async def accounts(self) -> tuple[Account, ...]:
        self.account_requests.append(now())
        await asyncio.sleep(0.1)
        if self.accounts_meet is not None:
            raise self.accounts_meet
        return (Account(channel="1", max_jobs=3, needs_person=self.blocked),)

    def _running(self) -> tuple[str, ...]:
        return tuple(jobid for jobid, (ends, job) in self.made.items() if now() < ends and self._is_listed(job))

    def _is_listed(self, job: Job) -> bool:
        return now() - self.began.get(job.jobid, 0.0) >= self.listed_after

    @property
    def times(self) -> list[float]:
        return [round(at) for at, _, _ in self.posts]


class QueueHarness:
    """A running queue. `notified` has each notification: when, of which button, and the submission's state."""

    store: Store
    submissions: SubmissionQueue

    def __init__(self, folder: Path) -> None:
        self.useapi = StubUseapi()
        self.jump = timedelta()  # of the wall clock
        self.queue = 3
        self.served = {HERE.guild_id, THERE.guild_id}
        self.notified: list[tuple[float, str, SubmissionState]] = []
        self.refused_notifications = 0  # how many of the next Discord does not take
        self.interactions = itertools.count(1)
        self.visible: set[int] = set()  # the row ids that Discord shows as taken
        self.discord_down = False
        self.reads: list[float] = []  # when it was read whether Discord shows one as taken
        self.polled: list[str] = []
        self.alerts = AlertLog()
        self._folder = folder
        self._life = contextlib.AsyncExitStack()

    def wall(self) -> datetime:
        return START + timedelta(seconds=now()) + self.jump

    async def open(self) -> None:
        """Open the store and the queue, without its loop."""
        self._life = contextlib.AsyncExitStack()
        self.store = await self._life.enter_async_context(open_store(migrated(self._folder), self.wall))
        self.submissions = SubmissionQueue(
            provider=cast(Provider, self.useapi),
            store=self.store,
            poll_child=lambda known: self.polled.append(known.job.jobid),
            notify=self._notify,
            is_visible=self._is_visible,
            deliver_soon=lambda: None,
            alerts=self.alerts,
            queue_limit=self.queue,
            now=self.wall,
            is_served=lambda guild_id: guild_id in self.served,
        )
        for guild_id in (HERE.guild_id, THERE.guild_id):
            await self.store.servers.change_settings(guild_id, running=1000, declined=1000)
        self.grid = (await self.store.subscriptions.add(GRID, HERE, MIRA)).known
        await self.store.subscriptions.add(GRID, THERE, MIRA)

    async def begin(self) -> None:
        await self.open()
        self._loop = asyncio.create_task(self.submissions.run())
        self._life.push_async_callback(ended, self._loop)
        await asyncio.sleep(0.001)

    async def end(self) -> None:
        await self._life.aclose()

    async def stop(self) -> None:
        """SIGTERM, up to where the store is closed."""
        await ended(self._loop)

    async def kill(self) -> None:
        """The process is gone: nothing is tidied up."""
        for task in (*self.submissions._tasks(), self._loop):
            task.cancel()
        await self._life.aclose()

    async def _notify(self, submission: Submission) -> None:
        await asyncio.sleep(0.05)
        if self.refused_notifications:
            self.refused_notifications -= 1
            return
        self.notified.append((now(), submission.button, submission.state))
        if submission.state not in OPEN_SUBMISSIONS:
            await self.store.submissions.mark_notified(submission)

    async def _is_visible(self, submission: Submission) -> bool | None:
        self.reads.append(now())
        await asyncio.sleep(0.05)
        return None if self.discord_down else submission.id in self.visible

    async def submission(
        self, button: str = "V1", person: Person = MIRA, destination: Destination = HERE, **limits: Any
    ) -> Submission:
        submission = await self.add(button, person, destination, **limits)
        assert isinstance(submission, Submission)
        await self.answered(submission)
        return submission

    async def answered(self, submission: Submission, *, visible: bool = True, confirmed: bool = True) -> None:
        """Answer the presser: Discord shows it or not, and confirms that or does not."""
        if visible:
            self.visible.add(submission.id)
        if confirmed:
            with contextlib.suppress(StoreUnavailable):
                await self.submissions.mark_answered(submission)
        self.submissions.answer_ended(submission)

    async def add(
        self, button: str = "V1", person: Person = MIRA, destination: Destination = HERE, **limits: Any
    ) -> Submission | LimitExceeded:
        tier = CostTier.PICK if button[0] == "U" else CostTier.VARY
        answer = await self.submissions.add(
            button_press(self.grid, button, destination, person, tier=tier, interaction_id=next(self.interactions)),
            Limits(**limits),
        )
        assert answer is not None
        return answer

    async def imagined(self, prompt: str = CASTLE, person: Person = MIRA, **limits: Any) -> Submission:
        submission = await self.imagine(prompt, person, **limits)
        assert isinstance(submission, Submission)
        await self.answered(submission)
        return submission

    async def imagine(
        self,
        prompt: str = CASTLE,
        person: Person = MIRA,
        destination: Destination = HERE,
        *,
        by_moderator: bool = False,
        **limits: Any,
    ) -> Submission | LimitExceeded:
        request = prompt_submission(
            prompt, destination, person, interaction_id=next(self.interactions), by_moderator=by_moderator
        )
        answer = await self.submissions.add(request, Limits(**limits))
        assert answer is not None
        return answer

    async def start(self, kind: SubmissionKind, person: Person = MIRA, **fields: Any) -> Submission | LimitExceeded:
        """Store a blend of two pictures, or the description of one."""
        blends = kind is SubmissionKind.BLEND
        request = SubmissionRequest(
            kind=kind,
            tier=CostTier.VARY if blends else CostTier.PICK,
            destination=HERE,
            person=person,
            interaction_id=next(self.interactions),
            interaction_token="token",
            **{"pictures": (FOX, BOAT) if blends else (FOX,), "dimensions": Dimensions.PORTRAIT if blends else None}
            | fields,
        )
        answer = await self.submissions.add(request, Limits())
        assert answer is not None
        return answer

    async def started(self, kind: SubmissionKind, person: Person = MIRA, **fields: Any) -> Submission:
        submission = await self.start(kind, person, **fields)
        assert isinstance(submission, Submission)
        await self.answered(submission)
        return submission

    async def stored_pictures(self) -> int:
        (row,) = await self.store.database.rows("SELECT count(*) FROM submission_pictures")
        return int(row[0])

    async def state(self, submission: Submission) -> SubmissionState:
        return (await self._stored(submission)).state

    async def sentence(self, submission: Submission) -> str:
        """What its presser reads of its end."""
        return (await self._stored(submission)).error

    async def _stored(self, submission: Submission) -> Submission:
        found = await self.store.history.by_id(submission.id)
        assert found is not None
        return found

    async def states(self) -> list[str]:
        return [
            str(row["state"]) for row in await self.store.database.rows("SELECT state FROM submissions ORDER BY id")
        ]

    def notified_of(self, button: str) -> list[SubmissionState]:
        return [state for _, each, state in self.notified if each == button]

    async def disk(self, *, full: bool) -> None:
        await self.store.database._connection.execute(f"PRAGMA query_only = {int(full)}")

    def children(self) -> Counter[str]:
        """How many jobs came of each press, by its `reference`."""
        return Counter(job.reply_ref for _, job in self.useapi.made.values())


async def ended(loop: asyncio.Task[None]) -> None:
    loop.cancel()
    await asyncio.wait({loop})
    assert loop.cancelled(), "it ends by cancellation only"


def lost(error: ProviderError) -> list[Fate]:
    """The job is made, and its answer lost."""
    return [[error]]
