"""Whose submission is sent next: servers take turns, and so do their members; a restart changes nothing in that."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.models import CostTier, Job, ProviderName, Status, Submission
from bot.store import Store, open_store
from tests.conftest import LONG
from tests.database import migrated

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
USEAPI = ProviderName.USEAPI


class Queue:
    """A store whose clock advances by a second with each event; members are numbers, and 10 to 19 are of server 1."""

    store: Store

    def __init__(self, folder: Path) -> None:
        self.now = NOON
        self.number = 0
        self._folder = folder
        self._life = AsyncExitStack()

    async def open(self) -> None:
        self.store = await self._life.enter_async_context(open_store(migrated(self._folder), self.clock))

    async def close(self) -> None:
        await self._life.aclose()

    async def restart(self) -> None:
        await self.close()
        await self.open()

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    async def add(self, member: int, *, tier: CostTier = CostTier.VARY, by_moderator: bool = False) -> int:
        """A submission that its member saw taken; its row id."""
        self.number += 1
        values = (str(self.number), tier, member // 10, member, self.store.clock.time(), by_moderator)
        await self.store.database.transaction(
            lambda db: db.execute(
                """INSERT INTO submissions (reference, kind, tier, guild_id, channel_id, user_id, user_name, created_at,
                       by_moderator, answered) VALUES (?1, 'imagine', ?2, ?3, 1, ?4, 'M', ?5, ?6, 1)""",
                values,
            )
        )
        return self.number

    async def next(self) -> Submission:
        return (await self.store.queue.next(USEAPI, 1))[0]

    async def send(self) -> int:
        """The next one is sent; its member."""
        sent = await self.store.submissions.mark_sent(await self.next())
        assert sent is not None
        return sent.person.id

    async def run(self, submission: Submission) -> int:
        """Its job runs; the job's row id."""
        job = Job(jobid=f"job:{submission.id}", status=Status.STARTED)
        accepted = await self.store.submissions.mark_accepted(submission, job, repeated=False, delay=1)
        return accepted.known.id


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Queue]:
    queue = Queue(tmp_path)
    await queue.open()
    for guild_id in range(5):
        await queue.store.servers.change_settings(guild_id, running=1000)
    yield queue
    await queue.close()


async def test_one_with_fifty_waiting_delays_another_member_by_one_turn_at_most(queue: Queue) -> None:
    for _ in range(50):
        await queue.add(11)
    assert [await queue.send() for _ in range(3)] == [11, 11, 11]
    late = await queue.add(12)
    (submission,) = [each for each in await queue.store.queue.next(USEAPI, 100) if each.id == late]
    assert await queue.store.queue.position(submission) == 2
    assert [await queue.send() for _ in range(4)] == [11, 12, 11, 11]


async def test_a_server_with_many_members_delays_another_server_by_one_turn_at_most(queue: Queue) -> None:
    for member in (10, 11, 12, 13, 14, 15, 16, 17):
        for _ in range(3):
            await queue.add(member)
    assert [await queue.send() for _ in range(3)] == [10, 11, 12]
    await queue.add(21)
    await queue.add(21)
    assert [await queue.send() for _ in range(8)] == [13, 21, 14, 21, 15, 16, 17, 10]


async def test_a_newcomer_does_not_pass_who_waits_already(queue: Queue) -> None:
    await queue.add(11)
    await queue.send()
    await queue.add(11)
    await queue.add(12)
    assert [await queue.send() for _ in range(2)] == [11, 12]


async def test_the_order_survives_a_restart_and_a_full_account(queue: Queue) -> None:
    for member in (11, 11, 11, 12):
        await queue.add(member)
    assert await queue.send() == 11
    await queue.restart()
    first = await queue.next()
    assert first.person.id == 12
    sent = await queue.store.submissions.mark_sent(first)
    assert sent is not None
    await queue.store.submissions.requeue(sent, 3, "too many")
    assert await queue.next() == first


async def test_a_wall_clock_that_was_set_back_keeps_nobody_waiting(queue: Queue) -> None:
    queue.now += timedelta(days=400)
    for member in (11, 11, 12, 12):
        await queue.add(member)
    assert await queue.send() == 11
    queue.now = NOON
    for member in (13, 13, 13):
        await queue.add(member)
    turns = [await queue.send() for _ in range(6)]
    assert turns[:2] == [11, 12]
    assert sorted(turns) == [11, 12, 12, 13, 13, 13]
    assert turns.index(13) == 2


class Lines:
    """What `Queue` should do, as lines of people who join the end again after their turn."""

    def __init__(self) -> None:
        self.waiting: dict[int, int] = defaultdict(int)
        self.members: dict[int, list[int]] = defaultdict(list)
        self.servers: list[int] = []

    def add(self, member: int) -> None:
        server = member // 10
        self.waiting[member] += 1
        if member not in self.members[server]:
            self.members[server].append(member)
        if server not in self.servers:
            self.servers.append(server)

    def send(self) -> int:
        server = self.servers.pop(0)
        member = self.members[server].pop(0)
        self.waiting[member] -= 1
        if self.waiting[member]:
            self.members[server].append(member)
        if self.members[server]:
            self.servers.append(server)
        return member


@pytest.mark.parametrize("seed", range(20 if LONG else 2))
async def test_the_order_is_that_of_people_who_line_up_again_after_their_turn(queue: Queue, seed: int) -> None:
    chance = random.Random(seed)
    lines = Lines()
    for _ in range(150):
        if not lines.servers or chance.random() < 0.55:
            member = chance.choice([10, 10, 10, 11, 12, 20, 20, 21, 30])
            lines.add(member)
            await queue.add(member)
        else:
            assert await queue.send() == lines.send()
    expected = [lines.send() for _ in range(sum(lines.waiting.values()))]
    assert [each.person.id for each in await queue.store.queue.next(USEAPI, 100)] == expected


async def test_a_member_has_as_many_running_jobs_as_the_server_says_and_moderators_more(queue: Queue) -> None:
    await queue.store.servers.change_settings(1, running=2)
    for _ in range(3):
        await queue.add(11)
    await queue.add(12)
    moderated = [await queue.add(13, by_moderator=True) for _ in range(4)]
    waiting = await queue.store.queue.next(USEAPI, 100)
    assert sorted(each.person.id for each in waiting) == [11, 11, 12, 13, 13, 13, 13]
    (deferred,) = await queue.store.queue.deferred(USEAPI)
    assert (deferred.id, await queue.store.queue.exceeded_running_limit(deferred)) == (3, 2)
    assert await queue.store.queue.exceeded_running_limit(waiting[0]) is None

    running = [await queue.run(each) for each in waiting if each.person.id == 11]
    assert await queue.store.queue.deferred(USEAPI) == [deferred]
    pick = await queue.add(11, tier=CostTier.PICK)
    assert pick in {each.id for each in await queue.store.queue.next(USEAPI, 100)}, "U1-U4 are quick"
    known = await queue.store.jobs.get(running[0])
    await queue.store.jobs.record([(known.id, Job(jobid=known.job.jobid, status=Status.COMPLETED))])
    assert await queue.store.queue.deferred(USEAPI) == []
    assert {deferred.id, *moderated} <= {each.id for each in await queue.store.queue.next(USEAPI, 100)}


async def test_a_running_job_counts_for_a_day_when_nobody_is_subscribed_and_until_its_end_when_somebody_is(
    queue: Queue,
) -> None:
    await queue.store.servers.change_settings(1, running=1)
    await queue.add(11)
    await queue.add(11)
    job_id = await queue.run(await queue.next())
    queue.now += timedelta(days=2)
    assert len(await queue.store.queue.deferred(USEAPI)) == 1
    await queue.store.subscriptions.unsubscribe(job_id, 1, 11)
    assert await queue.store.queue.deferred(USEAPI) == []
    queue.now -= timedelta(days=1.5)
    assert len(await queue.store.queue.deferred(USEAPI)) == 1
