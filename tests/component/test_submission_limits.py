"""Limits of submissions, and what a full disk does to the queue."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bot.errors import (
    BadRequest,
    JobExpired,
    Overloaded,
    QueueFull,
    RequestTimeout,
    SubmissionDeclined,
)
from bot.models import (
    CostTier,
    Limit,
    LimitExceeded,
    Person,
    ProviderName,
    Status,
    Submission,
    SubmissionState,
)
from tests.clock import VirtualTime
from tests.conftest import only_long
from tests.queue_harness import (
    BO,
    GRID,
    HERE,
    HOUR,
    MINUTE,
    MIRA,
    START,
    THERE,
    Fate,
    QueueHarness,
)

event_loop_factory = VirtualTime


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[QueueHarness]:
    harness = QueueHarness(tmp_path)
    await harness.begin()
    yield harness
    await harness.end()


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
