"""Who is shut out: after declined jobs for a day, or by a manager; with a real queue, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bot.errors import ProviderServerError, RequestTimeout, SubmissionDeclined
from bot.models import Limit, LimitExceeded, Status, Submission, SubmissionState
from bot.models.alert import AlertName
from bot.models.member import AuditAction, ShutOutReason
from tests.clock import VirtualTime
from tests.queue_harness import BO, HERE, MINUTE, MIRA, THERE, QueueHarness, lost

event_loop_factory = VirtualTime


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[QueueHarness]:
    harness = QueueHarness(tmp_path)
    await harness.begin()
    await harness.store.servers.change_settings(HERE.guild_id, declined=3)
    yield harness
    await harness.end()


async def declined(harness: QueueHarness, times: int, *, by_moderator: bool = False) -> None:
    """So many prompts of Mira's are declined at once."""
    for _ in range(times):
        harness.useapi.outcomes = [SubmissionDeclined("Banned prompt")]
        await harness.imagined(by_moderator=by_moderator)
        await asyncio.sleep(MINUTE)


async def moderated(harness: QueueHarness) -> None:
    """A prompt of Mira's becomes a job, which Midjourney then declines."""
    submission = await harness.imagined()
    await asyncio.sleep(MINUTE)
    ended = await harness.store.history.by_id(submission.id)
    assert ended is not None
    assert ended.child_id is not None
    known = await harness.store.jobs.get(ended.child_id)
    await harness.store.jobs.record([(known.id, msgspec.structs.replace(known.job, status=Status.MODERATED))])


def alerts(harness: QueueHarness) -> list[str]:
    """What the admin was told about declined jobs; nothing where it is over."""
    return [text for name, text in harness.alerts if name is AlertName.DECLINED]


async def test_after_three_declined_jobs_a_member_waits_a_day_and_the_admin_is_alerted_once(
    harness: QueueHarness,
) -> None:
    await declined(harness, 1)
    await moderated(harness)
    assert await harness.store.members.shut_out(HERE.guild_id, MIRA.id) is None
    assert alerts(harness) == []
    await declined(harness, 1)
    shut = await harness.store.members.shut_out(HERE.guild_id, MIRA.id)
    assert shut is not None
    assert shut.reason is ShutOutReason.DECLINED
    assert shut.until is not None
    assert timedelta(hours=23, minutes=58) < shut.until - harness.wall() < timedelta(days=1)
    assert await harness.imagine() == LimitExceeded(why=Limit.SHUT_OUT, free_at=shut.until, shut_out=shut)
    assert await harness.add("U1") == LimitExceeded(why=Limit.SHUT_OUT, free_at=shut.until, shut_out=shut)
    assert isinstance(await harness.imagine(person=BO), Submission)
    assert isinstance(await harness.imagine(destination=THERE), Submission), "each server has its own number"
    (alert,) = alerts(harness)
    assert f"of Mira (<@{MIRA.id}>) in the server {HERE.guild_id}" in alert
    await harness.end()
    await harness.begin()
    await harness.store.servers.change_settings(HERE.guild_id, declined=3)
    await asyncio.sleep(MINUTE)
    assert alerts(harness) == [alert]
    harness.jump += timedelta(days=1)
    harness.submissions.wake()
    await asyncio.sleep(MINUTE)
    assert alerts(harness) == [alert, ""]
    assert isinstance(await harness.imagine(), Submission)
    await declined(harness, 2)
    assert await harness.store.members.shut_out(HERE.guild_id, MIRA.id) is None, "the count begins anew"


async def test_a_clock_that_is_set_back_by_years_shuts_nobody_out_for_years(harness: QueueHarness) -> None:
    members, guild_id = harness.store.members, HERE.guild_id
    harness.jump = timedelta(days=3650)
    await declined(harness, 3)
    assert await members.shut_out(guild_id, MIRA.id) is not None
    harness.jump -= timedelta(minutes=5)
    assert await members.shut_out(guild_id, MIRA.id) is not None, "a clock may be corrected by a little"
    harness.jump = timedelta()
    assert await members.shut_out(guild_id, MIRA.id) is None
    assert await members.all_shut_out(guild_id, 9) == []
    assert isinstance(await harness.imagine(), Submission)


async def test_a_job_that_is_declined_after_its_answer_was_lost_counts_too(harness: QueueHarness) -> None:
    await harness.store.servers.change_settings(HERE.guild_id, declined=1)
    harness.useapi.outcomes = lost(RequestTimeout())
    harness.useapi.checks_meet = ProviderServerError()
    await harness.imagined()
    await asyncio.sleep(MINUTE)
    ((_, job),) = harness.useapi.made.values()
    await harness.submissions.job_seen(msgspec.structs.replace(job, status=Status.MODERATED))
    assert await harness.store.members.shut_out(HERE.guild_id, MIRA.id) is not None


async def test_a_moderators_declined_jobs_shut_nobody_out(harness: QueueHarness) -> None:
    await declined(harness, 4, by_moderator=True)
    assert await harness.store.members.shut_out(HERE.guild_id, MIRA.id) is None
    await declined(harness, 1)
    exceeded = await harness.imagine(by_moderator=True)
    assert isinstance(exceeded, LimitExceeded)
    assert exceeded.why is Limit.DECLINED, "the bot's own number is for everyone"


async def test_who_is_shut_out_by_a_manager_submits_nothing_until_the_end_or_until_let_in(
    harness: QueueHarness,
) -> None:
    members, guild_id = harness.store.members, HERE.guild_id
    await harness.store.servers.change_settings(guild_id, paused=True)
    queued = await harness.imagined()
    await members.remember_name(guild_id, MIRA)
    until = harness.wall() + timedelta(hours=1)
    await members.change(guild_id, MIRA.id, shut_out=True, until=until, manager_name="Ada")
    assert isinstance(await harness.imagine(by_moderator=True), LimitExceeded), "moderators, too"
    await harness.store.servers.change_settings(guild_id, paused=False)
    harness.submissions.wake()
    await asyncio.sleep(MINUTE)
    assert await harness.state(queued) == SubmissionState.REFUSED
    assert harness.useapi.posts == []
    assert [person for person, _ in await members.all_shut_out(guild_id, 9)] == [MIRA]
    harness.jump += timedelta(hours=1)
    assert isinstance(await harness.imagine(), Submission)

    await members.change(guild_id, MIRA.id, shut_out=True, until=None, manager_name="Ada")
    harness.jump += timedelta(days=30)
    assert isinstance(await harness.imagine(), LimitExceeded)
    await members.change(guild_id, MIRA.id, shut_out=False, until=None, manager_name="Bea")
    assert isinstance(await harness.imagine(), Submission)
    audit = await members.audit_of(guild_id, MIRA.id, 9)
    assert [(entry.action, entry.manager_name) for entry in audit] == [
        (AuditAction.LET_IN, "Bea"),
        (AuditAction.SHUT_OUT, "Ada"),
        (AuditAction.SHUT_OUT, "Ada"),
    ]
    assert audit == await members.audit(guild_id, since=None, before=None, limit=9)
    assert alerts(harness) == []


async def test_being_let_in_after_declined_jobs_ends_the_alert_and_the_count(harness: QueueHarness) -> None:
    await declined(harness, 3)
    members, guild_id = harness.store.members, HERE.guild_id
    await members.change(guild_id, MIRA.id, shut_out=False, until=None, manager_name="Ada")
    harness.submissions.wake()
    await asyncio.sleep(MINUTE)
    assert [bool(text) for text in alerts(harness)] == [True, False]
    numbers = await members.numbers(guild_id, MIRA.id, 10)
    assert (numbers.used, numbers.declined, numbers.running) == (3, 0, 0)
    await declined(harness, 1)
    assert await members.shut_out(guild_id, MIRA.id) is None


async def test_pings_and_a_shut_out_do_not_overwrite_each_other(harness: QueueHarness) -> None:
    store = harness.store
    await store.members.change(HERE.guild_id, MIRA.id, shut_out=True, until=None, manager_name="Ada")
    await store.servers.set_pings(HERE.guild_id, MIRA.id, False)
    assert await store.members.shut_out(HERE.guild_id, MIRA.id) is not None
    await store.members.change(HERE.guild_id, MIRA.id, shut_out=False, until=None, manager_name="Ada")
    assert not await store.servers.wants_pings(HERE.guild_id, MIRA.id)


async def test_the_next_use_is_free_when_one_of_as_many_as_are_allowed_is_a_day_old(harness: QueueHarness) -> None:
    for _ in range(3):
        await harness.imagined()
        await asyncio.sleep(MINUTE)
        harness.jump += timedelta(minutes=59)
    now = harness.wall()
    for daily, hours in ((10, 3), (3, 3), (2, 2), (1, 1), (None, 3)):
        numbers = await harness.store.members.numbers(HERE.guild_id, MIRA.id, daily)
        assert (numbers.used, numbers.running) == (3, 3)
        assert numbers.next_at is not None
        assert abs(numbers.next_at - (now + timedelta(hours=24 - hours))) < timedelta(minutes=1), daily
    assert (await harness.store.members.numbers(HERE.guild_id, BO.id, 10)).next_at is None
