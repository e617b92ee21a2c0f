"""The queue of submissions on a real store, with a stub of useapi that notes what was charged, in virtual time."""

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from bot.errors import (
    AccountBlocked,
    BadRequest,
    Busy,
    ButtonUsed,
    InvalidResponse,
    JobExpired,
    JobUnknown,
    NotSent,
    Overloaded,
    ProviderError,
    ProviderServerError,
    QueueFull,
    RequestTimeout,
    StoreUnavailable,
    SubmissionDeclined,
    SubscriptionEnded,
    TokenRefused,
    Unreachable,
)
from bot.models import (
    DECLINED_A_DAY,
    OPEN_SUBMISSIONS,
    Child,
    CostTier,
    DeliveryKind,
    Destination,
    Dimensions,
    InputPicture,
    Job,
    Limit,
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
from bot.store import Store, open_store, submission_statements
from bot.submissions import SubmissionQueue
from tests.clock import VirtualTime
from tests.conftest import LONG, only_long
from tests.database import migrated
from tests.fakes.alerts import AlertLog
from tests.submitting import button_press, prompt_submission

event_loop_factory = VirtualTime

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
        return msgspec.structs.replace(child, reply_ref="") if self.echoed_after else child

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
        return job

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
        found = await self.store.history.by_id(submission.id)
        assert found is not None
        return found.state

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


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[QueueHarness]:
    harness = QueueHarness(tmp_path)
    await harness.begin()
    yield harness
    await harness.end()


def lost(error: ProviderError) -> list[Fate]:
    """The job is made, and its answer lost."""
    return [[error]]


# --- one press ------------------------------------------------------------------------------------------------------


async def test_a_submission_is_sent_once_its_job_polled_and_its_presser_notified(harness: QueueHarness) -> None:
    submission = await harness.submission("V1")
    await asyncio.sleep(MINUTE)
    assert [(button, reference) for _, button, reference in harness.useapi.posts] == [("V1", submission.reference)]
    assert harness.polled == ["job:1"]
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED]
    assert await harness.store.submissions.interaction_token(submission) == "", (
        "the token is kept no longer than needed"
    )
    child = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert child is not None
    assert child.job.parent_jobid == GRID.jobid
    assert (await harness.store.history.of_child(child.id)) is not None


async def test_nothing_is_sent_before_the_presser_was_answered(harness: QueueHarness) -> None:
    submission = await harness.add("V1")
    assert isinstance(submission, Submission)
    await harness.submission("V2", BO)
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V2") == [SubmissionState.ACCEPTED], "who was answered does not wait for who was not"
    assert len(harness.useapi.posts) == 1
    await harness.answered(submission)
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED]


async def test_ten_members_pressing_u1_in_the_same_second_share_one_request(harness: QueueHarness) -> None:
    members = [Person(id=number, name=f"M{number}") for number in range(10)]
    await asyncio.gather(*(harness.submission("U1", member) for member in members))
    await asyncio.sleep(MINUTE)
    assert len(harness.useapi.posts) == 1
    assert Counter(harness.notified_of("U1")) == {SubmissionState.ACCEPTED: 1, SubmissionState.REPEATED: 9}
    child = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert child is not None
    assert {
        subscription.person.id
        for subscription in await harness.store.subscriptions.in_channel(child.id, HERE.channel_id)
    } == set(range(10))
    await asyncio.gather(*(harness.submission("V1", member) for member in members[:4]))
    await asyncio.sleep(MINUTE)
    assert len(harness.useapi.posts) == 5, "a V may be pressed again and again"


async def test_a_used_u_leads_to_its_job_at_once_though_the_queue_is_paused(harness: QueueHarness) -> None:
    await harness.submission("U1")
    await asyncio.sleep(MINUTE)
    harness.useapi.everybody = QueueFull(())
    await harness.submission("V1")
    await asyncio.sleep(10)
    pressed_at = now()
    submission = await harness.submission("U1", BO)
    assert (submission.state, submission.child_id) == (SubmissionState.REPEATED, 2)
    await asyncio.sleep(1)
    assert harness.notified[-1][1:] == ("U1", SubmissionState.REPEATED)
    assert harness.notified[-1][0] - pressed_at < 0.2
    assert [button for _, button, _ in harness.useapi.posts] == ["U1", "V1"]


@pytest.mark.parametrize("status", [Status.MODERATED, Status.FAILED, Status.EXPIRED])
async def test_a_u_whose_job_came_to_nothing_can_be_pressed_again(harness: QueueHarness, status: Status) -> None:
    await harness.submission("U1")
    await asyncio.sleep(MINUTE)
    child = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert child is not None
    await harness.store.jobs.record([(child.id, msgspec.structs.replace(child.job, status=status))])
    harness.useapi.made.clear()  # and useapi says so, too
    await harness.submission("U1")
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("U1") == [SubmissionState.ACCEPTED, SubmissionState.ACCEPTED]


async def test_a_u_that_was_pressed_elsewhere_is_followed_whether_its_parent_lists_it_or_a_409_names_it(
    harness: QueueHarness,
) -> None:
    for number, button in enumerate(("U1", "U2"), 1):
        child = Job(jobid=f"job:{number}", button=button, status=Status.STARTED)
        harness.useapi.made[child.jobid] = (HOUR, child)
    listed = msgspec.structs.replace(GRID, children=(Child(button="U1", jobid="job:1"),))
    await harness.store.database.transaction(
        lambda db: db.execute("UPDATE jobs SET answer = ?", (msgspec.json.encode(listed).decode(),))
    )
    await harness.submission("U1")
    await harness.submission("U2")
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["repeated", "repeated"]
    assert [button for _, button, _ in harness.useapi.posts] == ["U2"], "of U1 it was known"
    assert sorted(harness.polled) == ["job:1", "job:2"]


async def test_two_servers_and_one_u_are_one_job_and_a_paused_server_delays_no_other(harness: QueueHarness) -> None:
    await harness.store.servers.change_settings(HERE.guild_id, paused=True)
    paused = await harness.submission("U1", MIRA, HERE)
    await harness.submission("V1", MIRA, HERE)
    other = await harness.submission("U1", BO, THERE)
    await asyncio.sleep(MINUTE)
    assert await harness.state(paused) == SubmissionState.QUEUED
    assert await harness.state(other) == SubmissionState.ACCEPTED
    await harness.store.servers.change_settings(HERE.guild_id, paused=False)
    harness.submissions.wake()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["repeated", "accepted", "accepted"]
    await asyncio.gather(harness.submission("U2", MIRA, HERE), harness.submission("U2", BO, THERE))
    await asyncio.sleep(MINUTE)
    assert [button for _, button, _ in harness.useapi.posts] == ["U1", "V1", "U2"]
    assert await harness.states() == ["repeated", "accepted", "accepted", "accepted", "repeated"]


async def test_a_u_waits_while_the_same_u_of_another_server_is_unconfirmed(harness: QueueHarness) -> None:
    harness.useapi.outcomes = lost(RequestTimeout())
    harness.useapi.checks_meet = ProviderServerError()  # it was made, and useapi cannot say so yet
    first = await harness.submission("U1", MIRA, HERE)
    await asyncio.sleep(10)
    second = await harness.submission("U1", BO, THERE)
    await asyncio.sleep(20)
    assert await harness.state(first) == SubmissionState.UNCONFIRMED
    assert await harness.state(second) == SubmissionState.QUEUED
    harness.useapi.checks_meet = None
    await asyncio.sleep(3 * MINUTE)
    assert await harness.state(first) == SubmissionState.ACCEPTED
    assert await harness.state(second) == SubmissionState.REPEATED
    assert [button for _, button, _ in harness.useapi.posts] == ["U1"], (
        "the second costs no request that may be charged"
    )


@only_long
async def test_nothing_is_sent_for_a_server_that_is_no_longer_served_nor_a_day_late(harness: QueueHarness) -> None:
    harness.served.discard(THERE.guild_id)
    await harness.submission("V1", destination=THERE)
    await harness.store.servers.change_settings(HERE.guild_id, paused=True)
    late = await harness.submission("V2")
    await asyncio.sleep(25 * HOUR)
    await harness.store.servers.change_settings(HERE.guild_id, paused=False)
    harness.submissions.wake()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["refused", "refused"]
    assert harness.useapi.posts == []
    assert "queued for a whole day" in ((await harness.store.history.by_id(late.id)) or late).error


# --- whether the presser saw it taken -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["the bot is killed", "no confirmation"])
@pytest.mark.parametrize("visible", [True, False])
async def test_a_press_is_sent_only_if_discord_shows_its_presser_that_it_was_taken(
    harness: QueueHarness, how: str, visible: bool
) -> None:
    submission = await harness.add("V1", daily=1)
    assert isinstance(submission, Submission)
    if how == "the bot is killed":
        harness.visible |= {submission.id} if visible else set()
        await harness.kill()
        await harness.begin()
    else:
        await harness.answered(submission, visible=visible, confirmed=False)
    await asyncio.sleep(4)
    assert harness.useapi.posts == []
    assert harness.reads == [], "Discord may still take an answer"
    await asyncio.sleep(MINUTE)
    assert len(harness.reads) == 1
    assert len(harness.useapi.posts) == visible
    assert await harness.states() == ["accepted" if visible else "cancelled"]
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED if visible else SubmissionState.CANCELLED]
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert visible or "nothing was charged. Press the button again" in found.error
    assert await harness.store.submissions.interaction_token(submission) == ""
    assert isinstance(await harness.add("V1", daily=1), LimitExceeded) is visible, "what was not sent is not counted"


async def test_while_discord_is_down_it_is_asked_ever_more_rarely_until_the_token_is_dead(
    harness: QueueHarness,
) -> None:
    for outage in (5 * MINUTE, 20 * MINUTE):
        harness.discord_down = True
        submission = await harness.add("V1", Person(id=round(outage), name="M"))
        assert isinstance(submission, Submission)
        await harness.answered(submission, confirmed=False)
        await harness.submission("V2")
        await asyncio.sleep(outage)
        harness.discord_down = False
        await asyncio.sleep(2 * MINUTE)
    assert await harness.states() == ["accepted", "accepted", "cancelled", "accepted"], "V2 waits for nobody"
    assert len(harness.reads) < 35
    assert max(harness.reads[10:]) < 7 * MINUTE + 15 * MINUTE + 10


async def test_what_nobody_could_ask_about_for_a_quarter_of_an_hour_is_withdrawn(harness: QueueHarness) -> None:
    submission = await harness.add("V1")
    assert isinstance(submission, Submission)
    await harness.kill()
    await asyncio.sleep(16 * MINUTE)
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["cancelled"]
    assert harness.reads == []
    assert harness.useapi.posts == []
    assert harness.notified_of("V1") == [SubmissionState.CANCELLED]


async def test_an_interaction_that_is_delivered_again_is_no_second_press(harness: QueueHarness) -> None:
    async def deliver() -> Submission | LimitExceeded | None:
        return await harness.submissions.add(button_press(harness.grid, "V1", HERE, MIRA, interaction_id=7), Limits())

    first, second = await asyncio.gather(deliver(), deliver())
    assert isinstance(first, Submission)
    assert second is None
    harness.visible.add(first.id)
    await harness.kill()
    await harness.begin()
    assert await deliver() is None
    await asyncio.sleep(MINUTE)
    assert await deliver() is None
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"]
    assert len(harness.useapi.posts) == 1


@pytest.mark.parametrize(("visible", "states"), [
    ((True, False), ["accepted", "cancelled"]),
    ((False, True), ["cancelled", "accepted"]),
    ((False, False), ["cancelled", "cancelled"]),
    ((True, True), ["accepted", "repeated"]),
])  # fmt: skip
async def test_of_two_who_press_one_u_those_count_who_saw_it_taken(
    harness: QueueHarness, visible: tuple[bool, bool], states: list[str]
) -> None:
    for person, is_visible in zip((MIRA, BO), visible, strict=True):
        submission = await harness.add("U1", person)
        assert isinstance(submission, Submission)
        await harness.answered(submission, visible=is_visible, confirmed=False)
    await asyncio.sleep(MINUTE)
    assert await harness.states() == states
    assert len(harness.useapi.posts) == any(visible)


# --- the account is full --------------------------------------------------------------------------------------------


async def test_submissions_are_sent_in_order_when_the_account_is_full(harness: QueueHarness) -> None:
    harness.useapi.slots = 1
    members = [Person(id=number, name=f"M{number}") for number in range(6)]
    submissions = []
    for number, member in enumerate(members):
        submissions.append(await harness.submission("V1", member))
        await asyncio.sleep(1 + number)
    await asyncio.sleep(6 * MINUTE)
    made = [job.reply_ref for _, job in harness.useapi.made.values()]
    assert made == [submission.reference for submission in submissions]
    assert set(harness.children().values()) == {1}
    counts = Counter(harness.notified_of("V1"))
    assert counts[SubmissionState.ACCEPTED] == 6
    assert 5 <= counts[SubmissionState.QUEUED] <= 5 + 4 + 3 + 2 + 1, (
        "again when the queue has moved, not at every attempt"
    )


async def test_a_slot_is_used_when_a_job_ends_and_tried_every_15_s(harness: QueueHarness) -> None:
    harness.useapi.slots, harness.useapi.lasts = 1, 40.0
    await harness.submission("V1")
    await asyncio.sleep(5)
    await harness.submission("V2", BO)
    await asyncio.sleep(38)
    assert harness.useapi.times == [0, 5, 20, 35]
    harness.submissions.slot_freed()
    await asyncio.sleep(1)
    assert harness.useapi.times == [0, 5, 20, 35, 43]
    assert await harness.states() == ["accepted", "sent"]


async def test_only_so_many_of_one_member_are_queued_and_the_oldest_stay(harness: QueueHarness) -> None:
    harness.useapi.everybody = QueueFull(())
    for button in ("V1", "V2", "V3", "V4", "🔄"):
        await harness.submission(button)
    await asyncio.sleep(10)  # three were sent side by side, and two waited for these
    assert await harness.states() == ["queued", "queued", "queued", "refused", "refused"]
    assert await harness.add("V1") == LimitExceeded(why=Limit.QUEUE)
    assert isinstance(await harness.submission("V1", BO), Submission)
    queued = await harness.store.queue.next(ProviderName.USEAPI, 9)
    assert [await harness.store.queue.position(submission) for submission in queued] == [
        1,
        2,
        3,
        4,
    ]
    (first, *_) = await harness.store.queue.of_member(MIRA.id, HERE.guild_id)
    assert await harness.submissions.cancel_queued(first)
    assert not await harness.submissions.cancel_queued(first)
    assert isinstance(await harness.submission("V1"), Submission)


async def test_with_a_queue_limit_of_zero_a_submission_is_sent_or_refused(tmp_path: Path) -> None:
    harness = QueueHarness(tmp_path)
    harness.queue = 0
    await harness.begin()
    await harness.submission("V1")
    await asyncio.sleep(5)
    harness.useapi.everybody = QueueFull(())
    await harness.submission("V2")
    await asyncio.sleep(5)
    assert await harness.states() == ["accepted", "refused"]
    await asyncio.sleep(20)
    assert isinstance(await harness.submission("V3"), Submission), "a pause of long ago does not concern this one"
    await harness.end()


async def test_a_member_with_a_running_job_reads_that_the_next_one_waits_for_it(harness: QueueHarness) -> None:
    await harness.store.servers.change_settings(HERE.guild_id, running=1)
    await harness.submission("V1", running=1)
    await harness.submission("V2", running=1)
    await harness.submission("V3", BO, running=1)
    await asyncio.sleep(HOUR)
    assert [button for _, button, _ in harness.useapi.posts] == ["V1", "V3"]
    assert harness.notified_of("V2") == [SubmissionState.QUEUED]
    for button in ("V4", "🔄"):
        await harness.submission(button, running=1)
    full = await harness.add("V1", running=1)
    assert full == LimitExceeded(why=Limit.QUEUE), "three are queued, and none of them is about to be sent"
    known = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert known is not None
    await harness.store.jobs.record([(known.id, msgspec.structs.replace(known.job, status=Status.COMPLETED))])
    harness.submissions.slot_freed()
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V2") == [SubmissionState.QUEUED, SubmissionState.ACCEPTED]


async def test_the_oldest_follower_of_a_cancelled_submission_is_sent_instead(harness: QueueHarness) -> None:
    harness.useapi.everybody = QueueFull(())
    leader = await harness.submission("U1")
    await asyncio.sleep(5)
    ben, bo = await harness.submission("U1", Person(id=3, name="Ben")), await harness.submission("U1", BO)
    await asyncio.sleep(1)
    assert ben.waits_for == bo.waits_for == leader.id
    assert harness.notified_of("U1") == [SubmissionState.QUEUED] * 3, "they all know that they wait"
    assert await harness.submissions.cancel_queued(leader)
    assert await harness.submissions.cancel_queued(bo)
    harness.useapi.everybody = None
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["cancelled", "accepted", "cancelled"]


async def test_the_queue_goes_on_after_a_restart(harness: QueueHarness) -> None:
    harness.useapi.everybody = QueueFull(())
    for number in range(5):
        await harness.submission("V1", Person(id=number, name="M"))
    await asyncio.sleep(5)
    await harness.end()
    harness.useapi.everybody = None
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"] * 5
    assert [reference for _, _, reference in harness.useapi.posts[-5:]] == list(harness.children())


# --- refused, for now or for good -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "times"),
    [
        (Busy(), [0, 14, 38, 82]),  # 10, 20, 40 s after each answer, which takes 4 s
        (Busy(retry_after=100), [0, 104, 208, 312]),
        (AccountBlocked(), [0, 64, 128, 192]),
    ],
)
async def test_what_useapi_did_not_accept_is_sent_again_after_pauses(
    harness: QueueHarness, refusal: ProviderError, times: list[int]
) -> None:
    harness.useapi.outcomes = [refusal] * 3
    await harness.submission("V1")
    await asyncio.sleep(5)
    await harness.submission("V2", BO)
    await asyncio.sleep(10 * MINUTE)
    first, *_ = harness.useapi.posts
    assert [round(at) for at, _, reference in harness.useapi.posts if reference == first[2]] == times
    assert await harness.states() == ["accepted", "accepted"]
    assert harness.notified_of("V1") == [SubmissionState.QUEUED, SubmissionState.ACCEPTED]


async def test_what_was_certainly_not_sent_is_sent_again(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [NotSent()] * 3
    await harness.submission("V1")
    await asyncio.sleep(9)
    assert harness.submissions.pause_reason == "useapi.net has trouble right now."
    await asyncio.sleep(10 * MINUTE)
    assert harness.useapi.times == [70]
    assert await harness.states() == ["accepted"]


async def test_a_blocked_account_pauses_the_queue_and_alerts_once(harness: QueueHarness) -> None:
    harness.useapi.everybody = AccountBlocked()
    for button in ("V1", "V2", "V3"):
        await harness.submission(button)
    await asyncio.sleep(HOUR)
    assert len(set(harness.alerts)) == 1, "the admin gets one alert"
    assert "solve the CAPTCHA" in harness.alerts[0][1]
    assert len(harness.useapi.posts) <= 3 + 60
    harness.useapi.everybody = None
    await asyncio.sleep(2 * MINUTE)
    assert await harness.states() == ["accepted"] * 3
    assert harness.alerts[-1] == ("presses", "")


@pytest.mark.parametrize("refusal", [AccountBlocked(), TokenRefused()])
async def test_the_alert_is_closed_when_the_account_works_again_also_without_a_submission(
    harness: QueueHarness, refusal: ProviderError
) -> None:
    harness.useapi.everybody, harness.useapi.accounts_meet = refusal, refusal
    submission = await harness.submission("V1")
    await asyncio.sleep(10)
    await harness.submissions.cancel_queued(submission)  # a refused token has ended it already
    await asyncio.sleep(2 * HOUR)
    assert [text for _, text in harness.alerts if not text] == [], "it is still blocked"
    assert min(b - a for a, b in pairwise(harness.useapi.account_requests)) >= 300
    harness.useapi.accounts_meet = None
    await asyncio.sleep(6 * MINUTE)
    assert harness.alerts[1:] == [("presses", "")]
    before = len(harness.useapi.account_requests)
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.account_requests) == before


@only_long
async def test_while_a_submission_can_show_the_end_of_a_block_the_accounts_are_not_asked(harness: QueueHarness) -> None:
    harness.useapi.everybody, harness.useapi.blocked = AccountBlocked(), True
    await harness.submissions.cancel_queued(await harness.submission("V1"))
    first = await harness.submission("V1")
    await asyncio.sleep(10)
    await harness.submissions.cancel_queued(first)
    await asyncio.sleep(2 * MINUTE)
    assert len(harness.useapi.account_requests) == 1
    await harness.submission("V2")
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.account_requests) == 1
    harness.useapi.everybody = None
    await asyncio.sleep(2 * MINUTE)
    assert harness.alerts[-1] == ("presses", "")
    assert await harness.states() == ["cancelled", "cancelled", "accepted"]


@pytest.mark.parametrize("refusal", [TokenRefused(), SubscriptionEnded()])
async def test_a_refused_account_notifies_the_presser_and_alerts_the_admin(
    harness: QueueHarness, refusal: TokenRefused
) -> None:
    harness.useapi.everybody = harness.useapi.accounts_meet = refusal
    submission = await harness.submission("V1")
    await asyncio.sleep(MINUTE)
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert (found.state, found.error) == (SubmissionState.REFUSED, str(refusal))
    assert "ask this server's admin" in found.error
    assert harness.alerts == [("presses", f"Buttons do not work. {refusal.for_admin}")]


@pytest.mark.parametrize(
    ("refusal", "state", "words"),
    [
        (BadRequest(code=400), "refused", "Midjourney no longer offers this button"),
        (JobUnknown(code=404, provider=ProviderName.USEAPI), "refused", "useapi.net has no job with this id."),
        (JobExpired(code=410, provider=ProviderName.USEAPI), "refused", "useapi.net no longer keeps this job."),
        (BadRequest(code=412), "refused", "This button needs more than a press"),
        (BadRequest(code=413), "refused", "This prompt is too long"),
        (SubmissionDeclined("Banned prompt\nThe word x"), "declined", "Banned prompt\nT"),
    ],
)
async def test_what_is_refused_for_good_is_sent_once_and_notified_once(
    harness: QueueHarness, refusal: ProviderError, state: str, words: str
) -> None:
    harness.useapi.everybody = refusal
    submission = await harness.submission("V1")
    await asyncio.sleep(10 * MINUTE)
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert (str(found.state), found.error.startswith(words)) == (state, True)
    assert harness.notified_of("V1") == [found.state]
    assert len(harness.useapi.posts) == 1
    buttons = (await harness.store.jobs.get(harness.grid.id)).job.buttons
    assert buttons == (() if isinstance(refusal, JobExpired) else BUTTONS), "a job that is kept no more has none"


# --- no clear answer ------------------------------------------------------------------------------------------------

NO_CLEAR_ANSWER = [ProviderServerError(), Unreachable(), RequestTimeout(), InvalidResponse(), Overloaded(code=504)]


@pytest.mark.parametrize("where", ["among the children", "among what runs", "both, and over", "not known everywhere"])
async def test_a_job_whose_answer_was_lost_is_found_and_never_sent_again(harness: QueueHarness, where: str) -> None:
    useapi = harness.useapi
    useapi.outcomes = [[error] for error in NO_CLEAR_ANSWER]
    useapi.unlisted = {f"job:{number}" for number in range(9)} if where == "among what runs" else set()
    useapi.lasts = 0.0 if where == "both, and over" else HOUR
    useapi.unknown = {f"job:{number}" for number in range(9)} if where == "not known everywhere" else set()
    for number, button in enumerate(("V1", "V2", "V3", "V1", "V2")):
        await harness.submission(button, Person(id=10 + number, name="M"))
    await asyncio.sleep(2 * MINUTE)
    useapi.unknown.clear()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"] * 5
    assert list(harness.children().values()) == [1] * 5
    assert len(useapi.posts) == 5
    assert len(await harness.store.database.rows("SELECT * FROM jobs WHERE jobid LIKE 'job:_'")) == 5


@pytest.mark.parametrize("error", NO_CLEAR_ANSWER, ids=lambda error: type(error).__name__)
async def test_a_submission_without_a_job_is_lost_after_three_minutes_and_not_before(
    harness: QueueHarness, error: ProviderError
) -> None:
    harness.useapi.outcomes = [error]
    submission = await harness.submission("V1")
    follower = await harness.submission("V2", BO)
    await asyncio.sleep(175)
    assert await harness.states() == ["unconfirmed", "accepted"]
    await asyncio.sleep(25)
    assert await harness.state(submission) == SubmissionState.LOST
    assert harness.notified_of("V1") == [SubmissionState.UNCONFIRMED, SubmissionState.LOST]
    assert await harness.state(follower) == SubmissionState.ACCEPTED
    assert len(harness.useapi.posts) == 2
    assert isinstance(await harness.submission("V1"), Submission)
    await asyncio.sleep(10)
    assert await harness.states() == ["lost", "accepted", "accepted"]


@pytest.mark.parametrize(
    "outcome", [Overloaded(code=504), ProviderServerError(code=504)], ids=["useapi's", "a gateway's"]
)
async def test_after_a_504_the_presser_reads_that_it_may_have_been_charged(
    harness: QueueHarness, outcome: ProviderError
) -> None:
    harness.useapi.outcomes = [outcome]
    submission = await harness.submission("V1")
    await asyncio.sleep(10)
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(5 * MINUTE)
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert found.state == SubmissionState.LOST
    assert "may have made it and charged for it" in found.error
    assert "nothing was charged" not in found.error
    assert len(harness.useapi.posts) == 1


async def sentence(harness: QueueHarness, submission: Submission) -> str:
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    return found.error


async def test_a_reference_that_is_echoed_late_and_a_label_that_differs_by_a_space_are_found(
    harness: QueueHarness,
) -> None:
    harness.useapi.echoed_after, harness.useapi.listed_as, harness.useapi.lasts = 40.0, "{} ", 1.0
    harness.useapi.outcomes = lost(RequestTimeout())
    await harness.submission("V1")
    await asyncio.sleep(25)
    assert await harness.states() == ["unconfirmed"]
    await asyncio.sleep(30)
    assert await harness.states() == ["accepted"]
    assert len(harness.useapi.posts) == 1


@pytest.mark.parametrize("press_again", [False, True])
async def test_a_job_without_a_reference_may_be_that_of_a_lost_submission_and_is_said_so(
    harness: QueueHarness, press_again: bool
) -> None:
    harness.useapi.declined_in_short = True
    harness.useapi.outcomes = lost(RequestTimeout())
    submission = await harness.submission("V1")
    if press_again:  # this one owns its job, so the two are not taken for each other
        await harness.submission("V1", BO)
    await asyncio.sleep(200)
    assert await harness.states() == ["lost", *["accepted"] * press_again]
    assert "it may be yours, and it may have been charged" in await sentence(harness, submission)
    assert len(harness.useapi.posts) == 1 + press_again


@pytest.mark.parametrize(("pressed", "perhaps"), [("V1", True), ("V2", False)])
async def test_a_job_without_a_reference_that_only_runs_is_perhaps_ours_if_its_button_is_the_same(
    harness: QueueHarness, pressed: str, perhaps: bool
) -> None:
    theirs = Job(jobid="job:theirs", verb="button", status=Status.STARTED, button=pressed)
    harness.useapi.made[theirs.jobid] = (now() + HOUR, theirs)
    harness.useapi.unlisted = {theirs.jobid}
    harness.useapi.outcomes = [RequestTimeout()]
    submission = await harness.submission("V1")
    await asyncio.sleep(200)
    assert ("may be yours" in await sentence(harness, submission)) is perhaps


async def test_a_job_that_another_submission_owns_or_that_echoes_another_reference_is_not_perhaps_ours(
    harness: QueueHarness,
) -> None:
    harness.useapi.echoed_after = HOUR  # nothing is echoed at all
    harness.useapi.outcomes = [RequestTimeout()]
    submission = await harness.submission("V1")
    await harness.submission("V1", BO)
    theirs = Job(jobid="job:theirs", status=Status.STARTED, button="V1", reply_ref="another client's")
    harness.useapi.made[theirs.jobid] = (now() + HOUR, theirs)
    harness.useapi.began[theirs.jobid] = -HOUR
    await asyncio.sleep(200)
    assert await harness.states() == ["lost", "accepted"]
    assert "no job was found for this button. It may have been charged" in await sentence(harness, submission)


@pytest.mark.parametrize(
    ("born", "perhaps"), [("20261123115500000", False), ("20261123120100000", True), ("20201123115500000", False)]
)
async def test_a_job_is_perhaps_ours_only_if_it_was_made_after_the_request(
    harness: QueueHarness, born: str, perhaps: bool
) -> None:
    harness.useapi.outcomes = [RequestTimeout()]
    theirs = Job(jobid=f"job:{born}-user:1-channel:1-bot:midjourney", status=Status.STARTED, button="V1")
    harness.useapi.made[theirs.jobid] = (now(), theirs)
    submission = await harness.submission("V1")
    await asyncio.sleep(200)
    assert await harness.states() == ["lost"]
    assert ("may be yours" in await sentence(harness, submission)) is perhaps
    assert (harness.useapi.reads[theirs.jobid] == 1) is born.startswith("2020"), "what cannot be ours is read once"


async def test_a_job_that_may_be_theirs_is_named_by_its_key_where_it_is_posted_in_the_channel(
    harness: QueueHarness,
) -> None:
    theirs = Job(jobid="job:theirs", verb="button", status=Status.COMPLETED, button="V1")
    harness.useapi.made[theirs.jobid] = (now(), theirs)
    known = (await harness.store.subscriptions.add(theirs, HERE, BO)).known
    (delivery,) = [each for each in await harness.store.outbox.due() if each.job_id == known.id]
    harness.useapi.outcomes = [RequestTimeout(), RequestTimeout()]
    here, there = await harness.submission("V1"), await harness.submission("V1", BO, THERE)
    claimed = await harness.store.outbox.claim(delivery)
    assert claimed is not None
    await harness.store.outbox.mark_posted(claimed, 7)
    await asyncio.sleep(200)
    assert f"(#{known.key}): it may be yours" in await sentence(harness, here)
    assert known.key not in await sentence(harness, there)


@pytest.mark.parametrize("button", ["V1", "U1"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_job_that_turns_up_after_the_submission_was_lost_is_adopted(
    harness: QueueHarness, button: str, restarted: bool
) -> None:
    harness.useapi.listed_after = 200.0 if not restarted else 3 * HOUR
    harness.useapi.outcomes = lost(RequestTimeout())
    await harness.submission(button)
    if button == "U1":
        await harness.submission(button, BO)  # waits for the first
    await asyncio.sleep(195)
    assert set(await harness.states()) == {"lost"}
    if restarted:
        await harness.kill()
        await harness.begin()
    await asyncio.sleep(3 * MINUTE if not restarted else 5 * HOUR)
    assert await harness.states() == ["accepted", "repeated"][: 1 + (button == "U1")]
    assert [len(await harness.store.subscriptions.in_channel(2, HERE.channel_id)), len(harness.useapi.posts)] == [
        1 + (button == "U1"),
        1,
    ]
    assert SubmissionState.ACCEPTED not in harness.notified_of(button), "its result is what its presser reads"


async def test_a_webhook_call_leads_to_the_job_of_a_lost_submission_at_once(harness: QueueHarness) -> None:
    harness.useapi.listed_after = HOUR
    harness.useapi.outcomes = [[RequestTimeout()], [RequestTimeout()]]
    await harness.submission("V1")
    await asyncio.sleep(200)
    await harness.submission("V2")
    await asyncio.sleep(20)
    assert await harness.states() == ["lost", "unconfirmed"]
    for _ in range(2):
        for _, job in harness.useapi.made.values():
            await harness.submissions.job_seen(job)
        await harness.submissions.job_seen(msgspec.structs.replace(GRID, reply_ref="somebody else's"))
    assert await harness.states() == ["accepted", "accepted"]
    assert harness.polled == ["job:1", "job:2"]


@only_long
async def test_checks_for_late_jobs_become_rare_and_end_after_a_day(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [RequestTimeout()]
    await harness.submission("V1")
    await asyncio.sleep(200)
    reads = harness.useapi.reads[GRID.jobid]
    await asyncio.sleep(24 * HOUR)
    assert 20 <= harness.useapi.reads[GRID.jobid] - reads <= 40
    reads = harness.useapi.reads[GRID.jobid]
    await asyncio.sleep(24 * HOUR)
    assert harness.useapi.reads[GRID.jobid] == reads
    assert not harness.submissions._reconciler._late_checks


@only_long
async def test_while_checks_are_cut_short_nothing_is_lost(harness: QueueHarness) -> None:
    harness.useapi.outcomes = lost(RequestTimeout())
    harness.useapi.checks_meet = ProviderServerError()
    submission = await harness.submission("V1")
    await asyncio.sleep(HOUR)
    assert await harness.state(submission) == SubmissionState.UNCONFIRMED
    harness.useapi.checks_meet = None
    await asyncio.sleep(16)
    assert await harness.state(submission) == SubmissionState.ACCEPTED


@pytest.mark.parametrize("jump", [timedelta(days=2), timedelta(days=-2)])
async def test_a_wall_clock_that_jumps_neither_hastens_nor_delays_a_loss(
    harness: QueueHarness, jump: timedelta
) -> None:
    harness.useapi.outcomes = [RequestTimeout(), [RequestTimeout()]]
    await harness.submission("V1")
    await harness.submission("V2")
    harness.useapi.checks_meet = ProviderServerError()
    await asyncio.sleep(20)
    harness.jump = jump
    await asyncio.sleep(100)
    harness.useapi.checks_meet = None
    await asyncio.sleep(20)
    assert await harness.states() == ["unconfirmed", "accepted"]
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["lost", "accepted"]
    assert isinstance(await harness.submission("V1", cooldown=5.0), Submission), (
        "the clock's future counts for no cooldown"
    )


@only_long
async def test_an_outage_does_not_use_up_the_queue(harness: QueueHarness) -> None:
    harness.useapi.everybody = Unreachable()
    for number in range(9):
        await harness.submission("V1", Person(id=number, name="M"))
    await asyncio.sleep(2 * MINUTE)
    states = Counter(await harness.states())
    assert states["unconfirmed"] <= 6, "three at once, and then one after each pause"
    harness.useapi.everybody = None
    await asyncio.sleep(10 * MINUTE)
    states = Counter(await harness.states())
    assert set(states) == {"lost", "accepted"}
    assert states["accepted"] >= 3
    assert max(harness.children().values()) == 1


# --- dying ----------------------------------------------------------------------------------------------------------


async def test_a_request_in_flight_at_the_end_has_a_moment_and_is_reconciled_after_that(harness: QueueHarness) -> None:
    for takes, before in ((2.0, "accepted"), (20.0, "sent")):
        harness.useapi.takes = takes
        await harness.submission("V1")
        await asyncio.sleep(1)
        began = now()
        await harness.stop()
        assert now() - began <= 3.5
        assert (await harness.states())[-1] == before
        await harness.end()
        await harness.begin()
        await asyncio.sleep(15)
        assert (await harness.states())[-1] == "accepted"
    assert list(harness.children().values()) == [1, 1]


@pytest.mark.parametrize("away", [0.0, HOUR])
async def test_a_kill_between_the_request_and_its_answer_loses_and_doubles_nothing(
    harness: QueueHarness, away: float
) -> None:
    harness.useapi.outcomes = [None, RequestTimeout()]
    harness.useapi.takes = 30.0
    await harness.submission("V1")
    await harness.submission("V2")
    await asyncio.sleep(3)
    await harness.kill()
    await asyncio.sleep(away)
    began = now()
    await harness.begin()
    await asyncio.sleep(1)
    assert await harness.states() == ["accepted", "unconfirmed"]
    await asyncio.sleep(30)
    assert await harness.states() == ["accepted", "unconfirmed"], (
        "it is reconciled for a while, however long the bot was away"
    )
    await asyncio.sleep(30 if away else 170)
    assert await harness.states() == ["accepted", "lost"], now() - began
    assert len(harness.useapi.posts) == 2


async def test_the_end_of_a_submission_is_notified_after_a_restart_and_until_discord_takes_it(
    harness: QueueHarness,
) -> None:
    harness.refused_notifications = 1000
    await harness.submission("V1")
    await asyncio.sleep(5 * MINUTE)
    assert 9 <= 1000 - harness.refused_notifications <= 11, "every half minute"
    await harness.end()
    harness.refused_notifications = 1
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED]


# --- prompts, which have no parent ------------------------------------------------------------------------------------


async def test_a_prompt_is_sent_once_and_its_job_has_a_status_card_at_once(harness: QueueHarness) -> None:
    submission = await harness.imagined()
    await asyncio.sleep(10)
    assert [(prompt, reference) for _, prompt, reference in harness.useapi.posts] == [(CASTLE, submission.reference)]
    assert (await harness.states(), harness.polled) == (["accepted"], ["job:1"])
    (status_card,) = [row for row in await harness.store.outbox.due() if row.kind is DeliveryKind.STATUS_CARD]
    known = await harness.store.jobs.find(status_card.job_id)
    assert known is not None
    assert (known.job.jobid, known.job.parent_jobid) == ("job:1", "")
    (subscribed,) = await harness.store.subscriptions.in_channel(known.id, HERE.channel_id)
    assert subscribed.person == MIRA


@pytest.mark.parametrize("error", NO_CLEAR_ANSWER, ids=lambda error: type(error).__name__)
async def test_a_running_job_of_a_prompt_whose_answer_was_lost_is_adopted_by_its_reference(
    harness: QueueHarness, error: ProviderError
) -> None:
    harness.useapi.lasts = HOUR
    harness.useapi.outcomes = [[error], None]
    await harness.imagined()
    await harness.imagined(CASTLE, BO)
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted", "accepted"]
    assert list(harness.children().values()) == [1, 1]
    assert len(harness.useapi.posts) == 2


async def test_a_prompt_whose_job_runs_no_longer_counts_as_spent_and_is_adopted_by_a_webhook(
    harness: QueueHarness,
) -> None:
    harness.useapi.outcomes = lost(RequestTimeout())
    harness.useapi.lasts = 0.0
    submission = await harness.imagined(daily=1)
    await asyncio.sleep(4 * MINUTE)
    assert harness.notified_of("") == [SubmissionState.UNCONFIRMED, SubmissionState.LOST]
    assert "no job was found for this prompt" in await sentence(harness, submission)
    assert isinstance(await harness.imagine(daily=1), LimitExceeded)
    ((_, job),) = harness.useapi.made.values()
    await harness.submissions.job_seen(msgspec.structs.replace(job, status=Status.COMPLETED))
    assert await harness.state(submission) == SubmissionState.ACCEPTED
    await harness.submissions.job_seen(job)
    assert len(harness.useapi.posts) == 1


async def test_after_a_504_a_prompt_counts_as_spent_and_is_not_sent_again(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [Overloaded(code=504)]
    submission = await harness.imagined()
    await asyncio.sleep(10)
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(5 * MINUTE)
    assert await harness.state(submission) == SubmissionState.LOST
    assert await sentence(harness, submission) == (
        "useapi.net lost track of this prompt. Midjourney may have made it and charged for it, but its job was not "
        "found. Please look there before you send it again."
    )
    assert len(harness.useapi.posts) == 1


async def test_a_kill_around_the_request_for_a_prompt_loses_and_doubles_nothing(harness: QueueHarness) -> None:
    harness.useapi.takes, harness.useapi.lasts = 30.0, HOUR
    unanswered = await harness.imagine()  # killed before the presser saw it taken
    assert isinstance(unanswered, Submission)
    await harness.imagined(CASTLE, BO)  # killed between the request and its answer
    await asyncio.sleep(3)
    assert await harness.states() == ["queued", "sent"]
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["cancelled", "accepted"]
    assert "Send it again if you still want it." in await sentence(harness, unanswered)
    assert list(harness.children().values()) == [1]


async def test_where_only_children_are_listed_a_lost_prompt_is_lost_at_once(harness: QueueHarness) -> None:
    harness.useapi.capabilities = Capabilities(children=True, echoes_reference=True)
    harness.useapi.outcomes = [RequestTimeout()]
    submission = await harness.imagined()
    await asyncio.sleep(10)
    assert await harness.state(submission) == SubmissionState.LOST
    assert "it can't be asked what became of this" in await sentence(harness, submission)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BadRequest(code=400), "did not accept this prompt, so nothing was sent to Midjourney"),
        (BadRequest(code=413), "too long"),
        (JobUnknown(), "can't start jobs of prompts"),
        (SubmissionDeclined("Banned prompt"), "Banned prompt"),
    ],
    ids=["400", "413", "404", "422"],
)
async def test_a_refused_prompt_says_what_is_wrong_with_it(
    harness: QueueHarness, error: ProviderError, words: str
) -> None:
    harness.useapi.outcomes = [error]
    submission = await harness.imagined()
    await asyncio.sleep(10)
    assert words in await sentence(harness, submission)
    assert (await harness.state(submission)) in {SubmissionState.REFUSED, SubmissionState.DECLINED}


async def test_prompts_and_buttons_count_together(harness: QueueHarness) -> None:
    await harness.submission("V1")
    await harness.imagined(daily=2)
    for refused in (await harness.imagine(daily=2), await harness.add("V2", daily=2)):
        assert isinstance(refused, LimitExceeded)
        assert refused.why is Limit.DAILY


# --- the disk is full, and worse ------------------------------------------------------------------------------------


async def test_a_full_disk_delays_a_submission_and_loses_nothing(harness: QueueHarness) -> None:
    useapi = harness.useapi
    await harness.submission("V1")
    await asyncio.sleep(0)
    await harness.disk(full=True)  # before it is taken
    await asyncio.sleep(MINUTE)
    assert useapi.posts == []
    await harness.disk(full=False)
    await asyncio.sleep(6)
    assert len(useapi.posts) == 1
    declined = SubmissionDeclined("No")
    fates: list[Fate] = [None, QueueFull(()), declined, [RequestTimeout()], JobExpired(code=410)]
    for number, outcome in enumerate(fates):
        useapi.outcomes = [outcome]  # the disk is full between the request and what comes of it
        await harness.submission("V1", Person(id=number + 10, name="M"))
        await asyncio.sleep(2)
        await harness.disk(full=True)
        steps = len(useapi.posts)
        await asyncio.sleep(4 * MINUTE)
        assert len(useapi.posts) == steps
        await harness.disk(full=False)
        await asyncio.sleep(4 * MINUTE)
    assert await harness.states() == ["accepted", "accepted", "accepted", "declined", "accepted", "refused"]
    assert max(harness.children().values()) == 1
    assert Counter(harness.notified_of("V1")).total() - harness.notified_of("V1").count(SubmissionState.QUEUED) >= 6


async def test_a_bug_with_one_submission_does_not_stop_the_others(
    harness: QueueHarness, caplog: pytest.LogCaptureFixture
) -> None:
    odd = (await harness.store.subscriptions.add(msgspec.structs.replace(GRID, jobid="job:odd"), HERE, MIRA)).known
    await harness.store.database.transaction(
        lambda db: db.execute("UPDATE jobs SET answer = '[]' WHERE id = ?", (odd.id,))
    )
    harness.grid, grid = odd, harness.grid
    await harness.submission("V1")
    harness.grid = grid
    await harness.submission("V2")
    await asyncio.sleep(9 * MINUTE)
    assert await harness.states() == ["queued", "accepted"]
    assert len([record for record in caplog.records if record.exc_info]) == 2, "once in five minutes"
    caplog.clear()
    await harness.store.database.transaction(
        lambda db: db.execute("UPDATE jobs SET answer = (SELECT answer FROM jobs WHERE id = 1) WHERE id = ?", (odd.id,))
    )
    await asyncio.sleep(6 * MINUTE)
    assert await harness.states() == ["accepted", "accepted"]


# --- numbers --------------------------------------------------------------------------------------------------------


async def test_a_hundred_submissions_at_once_exceed_no_limit(harness: QueueHarness) -> None:
    answers = await asyncio.gather(*(harness.add("V1", MIRA, HERE, daily=2) for _ in range(50)))
    assert sum(isinstance(answer, Submission) for answer in answers) == 2
    assert {answer.why for answer in answers if isinstance(answer, LimitExceeded)} == {Limit.DAILY}
    members = [Person(id=number, name="M") for number in range(10, 60)]
    answers = await asyncio.gather(*(harness.add("V1", member, HERE, daily=2, server_daily=9) for member in members))
    assert sum(isinstance(answer, Submission) for answer in answers) == 7
    assert {answer.why for answer in answers if isinstance(answer, LimitExceeded)} == {Limit.SERVER_DAILY}
    assert isinstance(await harness.add("U1", MIRA, HERE, daily=0, server_daily=0), Submission), (
        "U1 to U4 are not counted"
    )
    assert isinstance(await harness.add("V1", MIRA, THERE, daily=1), Submission), "each server counts its own"


@only_long
async def test_a_cooldown_and_a_day_pass_and_say_when(harness: QueueHarness) -> None:
    first = harness.wall()
    for _ in range(2):
        assert isinstance(await harness.submission("V1", daily=2, cooldown=5.0), Submission)
        early = await harness.add("V1", daily=9, cooldown=5.0)
        assert isinstance(early, LimitExceeded)
        assert early.why == Limit.COOLDOWN
        await asyncio.sleep(6)
    refused = await harness.add("V1", daily=2, cooldown=5.0)
    assert isinstance(refused, LimitExceeded)
    assert refused.free_at is not None
    assert (refused.why, round((refused.free_at - first).total_seconds())) == (Limit.DAILY, 24 * 3600)
    await asyncio.sleep((refused.free_at - harness.wall()).total_seconds() + 1)
    assert isinstance(await harness.submission("V1", daily=2, cooldown=5.0), Submission)


async def test_what_was_sent_is_counted_whatever_became_of_it(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [BadRequest(code=400), Overloaded(code=504), SubmissionDeclined("No"), None]
    for _ in range(4):
        assert isinstance(await harness.submission("V1", daily=3), Submission)
        await asyncio.sleep(5 * MINUTE)
    assert await harness.states() == ["refused", "lost", "declined", "accepted"]
    refused = await harness.add("V1", daily=3)
    assert isinstance(refused, LimitExceeded)
    assert refused.why == Limit.DAILY
    totals = await harness.store.history.totals(HERE.guild_id, START - timedelta(hours=1))
    assert totals == [(MIRA, CostTier.VARY, 4)], "all that the page lists"
    page = await harness.store.history.page(HERE.guild_id, before=None, limit=3)
    assert [str(submission.state) for submission, _ in page] == ["accepted", "declined", "lost"]
    (last,) = await harness.store.history.page(HERE.guild_id, before=page[-1][0].id, limit=2)
    assert (str(last[0].state), last[1]) == ("refused", harness.grid)


async def test_what_certainly_was_not_taken_is_not_counted(harness: QueueHarness) -> None:
    for code in (400, 404, 410, 413):
        harness.useapi.outcomes = [BadRequest(code=code)]
        assert isinstance(await harness.submission("V1", daily=1, cooldown=600.0), Submission)
        await asyncio.sleep(10)
    harness.useapi.everybody = QueueFull(())
    queued = await harness.submission("V1", daily=1, cooldown=600.0)
    await asyncio.sleep(10)
    assert isinstance(await harness.add("V1", daily=1), LimitExceeded), "it is about to be sent"
    await harness.submissions.cancel_queued(queued)
    assert isinstance(await harness.add("V1", daily=1, cooldown=600.0), Submission)


async def test_declined_presses_keep_the_cooldown_and_the_daily_number(harness: QueueHarness) -> None:
    harness.useapi.everybody, harness.useapi.takes = SubmissionDeclined("No"), 0.1
    answers = []
    for _ in range(25):  # in ten seconds
        answer = await harness.add("V1", daily=3, cooldown=5.0)
        answers.append(answer)
        if isinstance(answer, Submission):
            await harness.answered(answer)
        await asyncio.sleep(0.4)
    assert [answer.why for answer in answers if isinstance(answer, LimitExceeded)] == [Limit.COOLDOWN] * 23
    await asyncio.sleep(5)
    assert isinstance(await harness.submission("V1", daily=3, cooldown=5.0), Submission)
    await asyncio.sleep(6)
    refused = await harness.add("V1", daily=3, cooldown=5.0)
    assert isinstance(refused, LimitExceeded)
    assert refused.why == Limit.DAILY
    assert len(harness.useapi.posts) == 3


async def test_whoever_was_declined_five_times_waits_in_all_servers_and_others_do_not(harness: QueueHarness) -> None:
    harness.useapi.everybody = SubmissionDeclined("No")
    for number in range(4):
        await harness.submission("V1", destination=(HERE, THERE)[number % 2])
        await asyncio.sleep(HOUR)
    harness.useapi.everybody = None
    await harness.submission("V1")
    await asyncio.sleep(MINUTE)
    assert isinstance(await harness.submission("V1"), Submission)
    await asyncio.sleep(MINUTE)
    made = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert made is not None
    moderated = msgspec.structs.replace(made.job, status=Status.MODERATED)  # taken first, and declined later
    await harness.store.jobs.record([(made.id, moderated)])
    refused = await harness.add("V1", destination=THERE)
    assert isinstance(refused, LimitExceeded)
    assert refused.free_at is not None
    assert (refused.why, round((refused.free_at - START).total_seconds() / HOUR)) == (Limit.DECLINED, 24)
    assert isinstance(await harness.submission("V1", BO), Submission)
    assert isinstance(await harness.submission("U1"), Submission), "U1 to U4 have no prompt"
    await asyncio.sleep(24 * HOUR)
    assert isinstance(await harness.submission("V1"), Submission)


# --- everything at once ---------------------------------------------------------------------------------------------

FATES: list[Callable[[], Fate]] = [
    *[lambda: None] * 8,
    lambda: QueueFull(()), Busy, NotSent, lambda: AccountBlocked(),
    ProviderServerError, Overloaded, Unreachable, RequestTimeout, InvalidResponse,
    lambda: [ProviderServerError()], lambda: [Overloaded()], lambda: [Unreachable()], lambda: [RequestTimeout()],
    lambda: BadRequest(code=400), lambda: SubmissionDeclined("No"),
]  # fmt: skip


async def answered_somehow(harness: QueueHarness, submission: Submission, chance: random.Random) -> None:
    """Answer a presser, confirmed, only shown, or not at all, while Discord can be asked or not."""
    harness.discord_down = chance.random() < 0.2
    visible, confirmed = chance.choice((*[(True, True)] * 4, (True, False), (False, False)))
    await harness.answered(submission, visible=visible, confirmed=confirmed)


async def anything(
    harness: QueueHarness, chance: random.Random, person: Person, destination: Destination
) -> Submission | LimitExceeded:
    """A press, or a prompt."""
    if chance.random() < 0.3:
        return await harness.imagine(CASTLE, person, destination)
    return await harness.add(chance.choice(BUTTONS), person, destination)


async def chaos(harness: QueueHarness, chance: random.Random) -> list[Submission]:
    """Members press, useapi answers as it likes, the bot is killed, the disk is full; then all is well for an hour."""

    async def submission() -> None:
        person, destination = Person(id=chance.randint(1, 9), name="M"), chance.choice((HERE, HERE, THERE))
        answer = await anything(harness, chance, person, destination)
        if isinstance(answer, Submission):
            submissions.append(answer)
            await (answered_somehow(harness, answer, chance) if chance.random() < 0.8 else killed())

    async def killed() -> None:
        await harness.kill()
        await asyncio.sleep(chance.choice((0.0, 30.0, 400.0)))
        await harness.begin()

    async def restarted() -> None:
        await harness.end()
        await harness.begin()

    async def taken_back() -> None:
        if submissions:
            await harness.submissions.cancel_queued(chance.choice(submissions))

    async def full_disk() -> None:
        await harness.disk(full=True)
        await asyncio.sleep(chance.choice((0.0, 30.0, 400.0)))
        await harness.disk(full=False)

    async def slot_freed() -> None:
        harness.submissions.slot_freed()

    submissions: list[Submission] = []
    for _ in range(80):
        harness.useapi.outcomes = [chance.choice(FATES)() for _ in range(6)]
        harness.useapi.takes = chance.choice((0.0, 1.0, 4.0, 60.0))
        harness.useapi.lasts = chance.choice((0.0, 30.0, 200.0))
        await chance.choice((*[submission] * 6, killed, restarted, taken_back, full_disk, slot_freed))()
        await asyncio.sleep(chance.choice((0.0, 0.1, 3.0, 20.0)))
    harness.useapi.outcomes, harness.discord_down = [], False
    await asyncio.sleep(HOUR)
    return submissions


@pytest.mark.parametrize("seed", range(100 if LONG else 1))
async def test_whatever_happens_nothing_is_charged_twice_and_nothing_is_forgotten(tmp_path: Path, seed: int) -> None:
    harness = QueueHarness(tmp_path)
    harness.useapi.slots = 3
    await harness.begin()
    submissions = await chaos(harness, random.Random(seed))
    assert len(submissions) > 20
    states = {submission.reference: await harness.state(submission) for submission in submissions}
    assert set(states.values()) <= {*OVER, SubmissionState.CANCELLED}, "all have ended"
    children = harness.children()
    assert max(children.values(), default=0) <= 1, "nothing was made twice"
    imagined = {submission.reference for submission in submissions if submission.parent_id is None}
    accepted = {reference for reference, state in states.items() if state == SubmissionState.ACCEPTED}
    assert accepted <= set(children), "nothing was invented"
    assert set(children) - accepted <= {
        reference for reference in imagined if states[reference] == SubmissionState.LOST
    }, "and all was found, but what no parent lists and ran no longer when it could be searched for"
    visible = {submission.reference for submission in submissions if submission.id in harness.visible}
    assert set(children) <= visible, "nothing was made that its presser did not see taken"
    known = {
        row["jobid"] for row in await harness.store.database.rows("SELECT jobid FROM jobs WHERE jobid <> 'job:grid'")
    }
    assert known == {jobid for jobid, (_, job) in harness.useapi.made.items() if job.reply_ref in accepted}
    picks = Counter(job.button for _, job in harness.useapi.made.values() if job.button[:1] == "U")
    assert max(picks.values(), default=0) <= 1
    assert await harness.store.queue.to_notify(ProviderName.USEAPI) == []
    queue, notifications = harness.submissions, harness.submissions._notifications
    for remembered in (
        *(queue._sends, queue._checks, queue._skip_until, queue._reconciler._unconfirmed),
        *(queue._answering, queue._answer_checks._checks, queue._answer_checks.tasks),
        *(notifications.tasks, notifications._notified_queued, notifications._updates, notifications._notify_at),
    ):
        assert not remembered
    await harness.end()


# --- pictures -------------------------------------------------------------------------------------------------------


async def test_a_queued_blend_has_its_pictures_after_a_restart_until_it_was_sent(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [Busy()]
    await harness.started(SubmissionKind.BLEND)
    await asyncio.sleep(5)
    assert await harness.states() == ["queued"]
    assert await harness.stored_pictures() == 2, "what was certainly not taken is sent again"
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"]
    assert harness.useapi.pictures[-1] == (Dimensions.PORTRAIT, FOX, BOAT)
    assert len(harness.useapi.made) == 1
    assert await harness.stored_pictures() == 0


@pytest.mark.parametrize("kind", [SubmissionKind.BLEND, SubmissionKind.DESCRIBE])
async def test_a_lost_answer_about_pictures_is_reconciled_and_nothing_is_sent_again(
    harness: QueueHarness, kind: SubmissionKind
) -> None:
    harness.useapi.outcomes = [[Unreachable()], Unreachable()]
    made, unmade = await harness.started(kind), await harness.started(kind, BO)
    await asyncio.sleep(10)
    assert await harness.stored_pictures() == 0, "they are never needed again"
    await asyncio.sleep(5 * MINUTE)
    assert [await harness.state(each) for each in (made, unmade)] == [SubmissionState.ACCEPTED, SubmissionState.LOST]
    assert len(harness.useapi.posts) == 2
    lost = await harness.store.history.by_id(unmade.id)
    assert lost is not None
    it = {SubmissionKind.BLEND: "blend", SubmissionKind.DESCRIBE: "description"}[kind]
    assert f"no job was found for this {it}. It may have been charged" in lost.error


async def test_pictures_that_are_not_sent_are_not_kept(harness: QueueHarness) -> None:
    harness.useapi.everybody = Busy()
    cancelled = await harness.started(SubmissionKind.BLEND)
    unseen = await harness.start(SubmissionKind.BLEND)
    assert isinstance(unseen, Submission)
    expired = await harness.started(SubmissionKind.DESCRIBE, BO, expires_at=START + timedelta(minutes=5))
    assert await harness.stored_pictures() == 5
    await harness.submissions.cancel_queued(cancelled)
    harness.submissions.answer_ended(unseen)
    await asyncio.sleep(16 * MINUTE)
    assert await harness.states() == ["cancelled", "cancelled", "refused"]
    assert await harness.stored_pictures() == 0
    ended = await harness.store.history.by_id(expired.id)
    assert ended is not None
    assert ended.error.startswith("The link to its picture expired while this was queued")


async def test_no_more_pictures_are_kept_than_the_database_has_room_for(
    harness: QueueHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_statements, "MAX_STORED_BYTES", 64 << 10)
    harness.useapi.everybody = Busy()
    large = msgspec.structs.replace(FOX, content=bytes(20 << 10))
    await harness.started(SubmissionKind.BLEND, pictures=(large, large, large))
    assert await harness.start(SubmissionKind.BLEND, BO, pictures=(large, large)) == LimitExceeded(why=Limit.PICTURES)
    assert isinstance(await harness.start(SubmissionKind.BLEND, BO), Submission)


async def test_descriptions_run_side_by_side_and_too_many_declined_ones_stop_their_member(
    harness: QueueHarness,
) -> None:
    harness.useapi.takes = 30.0
    both = [await harness.start(SubmissionKind.DESCRIBE) for _ in range(2)]
    for each in both:
        assert isinstance(each, Submission)
        await harness.store.submissions.mark_answered(each)
    for each in both:
        assert isinstance(each, Submission)
        harness.submissions.answer_ended(each)
    await asyncio.sleep(1)
    assert len(harness.useapi.posts) == 2, "they are not two presses of one button"
    harness.useapi.outcomes = [SubmissionDeclined("Image denied")] * DECLINED_A_DAY
    harness.useapi.takes = 0.1
    for _ in range(DECLINED_A_DAY):
        await harness.started(SubmissionKind.DESCRIBE, BO)
        await asyncio.sleep(MINUTE)
    refused = await harness.start(SubmissionKind.DESCRIBE, BO)
    assert isinstance(refused, LimitExceeded)
    assert refused.why is Limit.DECLINED
