"""A member is forgotten: what goes at once, what is finished first, and what the server keeps without them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bot.models import (
    CostTier,
    Destination,
    Job,
    KnownJob,
    Limit,
    LimitExceeded,
    Limits,
    Origin,
    Person,
    ProviderName,
    Status,
    Submission,
    SubmissionState,
)
from bot.models.kept_data import KeptCounts
from bot.store import Store, open_store
from tests.database import migrated
from tests.submitting import button_press, prompt_submission

HERE = Destination(guild_id=100, channel_id=200)
THERE = Destination(guild_id=101, channel_id=300)
MIRA, BO = Person(id=4711, name="Mira"), Person(id=4712, name="Bo")
RUNNING = Job(jobid="job:1", verb="imagine", status=Status.STARTED, prompt="castle in the fog")
DAY = timedelta(days=1)


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    async with open_store(migrated(tmp_path), clock) as opened:
        yield opened


async def imagined(store: Store, person: Person, prompt: str = "a castle", limits: Limits | None = None) -> Submission:
    submission = await store.submissions.add(
        prompt_submission(prompt, HERE, person), provider=ProviderName.USEAPI, limits=limits or Limits()
    )
    assert isinstance(submission, Submission)
    await store.submissions.mark_answered(submission)
    return submission


async def started(store: Store, person: Person, jobid: str = "job:1") -> KnownJob:
    """A prompt of theirs that became a running job."""
    submission = await imagined(store, person)
    sent = await store.submissions.mark_sent(submission)
    assert sent is not None
    job = msgspec.structs.replace(RUNNING, jobid=jobid)
    subscribed = await store.submissions.mark_accepted(sent, job, repeated=False, delay=0)
    await store.submissions.mark_notified(sent)
    return subscribed.known


async def end(store: Store, known: KnownJob) -> None:
    """The job is over and its picture is posted."""
    await store.jobs.record([(known.id, msgspec.structs.replace(known.job, status=Status.COMPLETED))])
    await post_all(store)


async def post_all(store: Store) -> None:
    for delivery in await store.outbox.due():
        claimed = await store.outbox.claim(delivery)
        assert claimed is not None
        await store.outbox.mark_posted(claimed, 1000 + claimed.id)
    for edit in await store.outbox.to_edit():
        await store.outbox.mark_edited(edit, 0)


async def mentions(store: Store, person: Person) -> set[str]:
    """The tables in which a member's id or name is found."""
    found = set()
    for (table,) in await store.database.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql <> ''"):
        for row in await store.database.rows(f"SELECT * FROM {table}"):
            if person.id in tuple(row) or any(isinstance(cell, str) and person.name in cell for cell in row):
                found.add(table)
    return found


async def test_who_is_forgotten_is_named_nowhere_and_the_server_keeps_its_numbers_and_rights(
    store: Store, clock: Clock
) -> None:
    known = await started(store, MIRA)
    await end(store, known)
    pressed = await store.submissions.add(
        button_press(known, "U1", HERE, MIRA, tier=CostTier.PICK), provider=ProviderName.USEAPI, limits=Limits()
    )
    assert isinstance(pressed, Submission)
    await store.submissions.mark_answered(pressed)
    child = msgspec.structs.replace(RUNNING, jobid="job:2", status=Status.COMPLETED)
    await store.submissions.mark_accepted(pressed, child, repeated=False, delay=0)
    await store.submissions.mark_notified(pressed)
    await post_all(store)
    await store.servers.set_pings(HERE.guild_id, MIRA.id, False)
    await store.members.change(HERE.guild_id, MIRA.id, shut_out=True, until=None, manager_name="Ada")
    await store.members.change(HERE.guild_id, MIRA.id, shut_out=False, until=None, manager_name="Ada")
    await store.stars.add(known.id, MIRA.id, Destination(guild_id=100, channel_id=900), 1)
    await post_all(store)
    clock.time += 2 * DAY
    before = await store.history.totals(HERE.guild_id, clock.time - 7 * DAY)
    assert await store.kept_data.counts(MIRA.id) == KeptCounts(
        subscriptions=2, submissions=2, stars=1, memberships=1, audit=2
    )
    assert await mentions(store, MIRA) == {"subscriptions", "submissions", "stars", "members", "audit_entries"}

    await store.kept_data.forget(MIRA.id)

    assert await mentions(store, MIRA) == set()
    assert await store.kept_data.counts(MIRA.id) == KeptCounts()
    assert (await store.kept_data.read(MIRA.id)).subscriptions == ()
    after = await store.history.totals(HERE.guild_id, clock.time - 7 * DAY)
    assert [(what, number) for _, what, number in after] == [(what, number) for _, what, number in before]
    assert {person for person, _, _ in after} == {Person(id=0, name="")}
    assert await store.jobs.by_key(known.key, HERE.guild_id) == await store.jobs.get(known.id), "others can use its key"
    assert (await store.subscriptions.requesters(known.id, HERE)).here, "its moderators keep their rights"
    assert await store.history.child_of(known.id, "U1") is not None, "U1 is not paid for again"
    assert await store.history.prompts(MIRA.id, HERE.guild_id, limit=9) == []
    assert [known.id for known in await store.prompts.find("castle", [HERE.channel_id], limit=9)] == [2, 1]


async def test_what_is_still_owed_is_posted_first_and_what_counts_for_limits_stays_a_day(
    store: Store, clock: Clock
) -> None:
    known = await started(store, MIRA)
    queued = await imagined(store, MIRA, "a tower")
    clock.time += timedelta(minutes=1)
    await store.kept_data.forget(MIRA.id)
    counts = await store.kept_data.counts(MIRA.id)
    assert (counts.awaited, counts.unfinished, counts.requested_at) == (1, 1, clock.time)
    assert [each.person for each in await store.subscriptions.in_channel(known.id, HERE.channel_id)] == [MIRA]
    assert [each.prompt for each in await store.queue.next(ProviderName.USEAPI, 9)] == ["a tower"]
    (first, _) = await store.database.rows("SELECT user_name, prompt FROM submissions ORDER BY id")
    assert tuple(first) == ("", ""), "what is finished has no name any more"

    await store.submissions.cancel(queued)
    await store.jobs.record([(known.id, msgspec.structs.replace(known.job, status=Status.COMPLETED))])
    await store.kept_data.forget_more()
    assert (await store.kept_data.counts(MIRA.id)).awaited == 1, "it is not posted yet"
    await post_all(store)
    await store.kept_data.forget_more()
    counts = await store.kept_data.counts(MIRA.id)
    assert (counts.subscriptions, counts.awaited, counts.unfinished) == (0, 0, 0)
    assert await mentions(store, MIRA) == {"submissions", "forget_requests"}
    exceeded = await store.submissions.add(
        prompt_submission("a bridge", HERE, MIRA), provider=ProviderName.USEAPI, limits=Limits(daily=1)
    )
    assert isinstance(exceeded, LimitExceeded), "being forgotten gives nobody another day's number"
    assert exceeded.why is Limit.DAILY

    clock.time += DAY
    await store.kept_data.forget_more()
    assert await mentions(store, MIRA) == set()
    assert await store.kept_data.counts(MIRA.id) == KeptCounts()


async def test_what_a_member_does_after_the_request_is_not_forgotten_and_nobody_elses_is(
    store: Store, clock: Clock
) -> None:
    known = await started(store, MIRA)
    await store.subscriptions.add(known.job, HERE, BO, origin=Origin.NOTIFY)
    await store.kept_data.forget(MIRA.id)
    clock.time += timedelta(minutes=5)
    later = await started(store, MIRA, "job:later")
    await end(store, known)
    await end(store, later)
    clock.time += 2 * DAY
    await store.kept_data.forget_more()
    counts = await store.kept_data.counts(MIRA.id)
    assert (counts.subscriptions, counts.submissions, counts.requested_at) == (1, 1, None)
    assert [each.person for each in await store.subscriptions.in_channel(later.id, HERE.channel_id)] == [MIRA]
    assert [each.person for each in await store.subscriptions.in_channel(known.id, HERE.channel_id)] == [BO]


@pytest.mark.parametrize("when", ["before the request", "after it"])
async def test_a_clock_that_is_set_back_changes_nothing_of_what_is_forgotten(
    store: Store, clock: Clock, when: str
) -> None:
    known = await started(store, MIRA)
    if when == "before the request":
        await end(store, known)
        clock.time -= 1000 * DAY
    await store.kept_data.forget(MIRA.id)
    if when == "after it":
        clock.time -= 1000 * DAY
        await store.kept_data.forget_more()
        await end(store, known)
    counts = await store.kept_data.counts(MIRA.id)
    assert (counts.submissions, counts.requested_at) == (1, clock.time), "it counts for another day"
    clock.time += timedelta(minutes=5)
    later = await started(store, MIRA, "job:later")
    await end(store, later)
    clock.time += 2 * DAY
    await store.kept_data.forget_more()
    counts = await store.kept_data.counts(MIRA.id)
    assert (counts.subscriptions, counts.submissions, counts.requested_at) == (1, 1, None)
    assert [each.person for each in await store.subscriptions.in_channel(later.id, HERE.channel_id)] == [MIRA]
    assert await store.subscriptions.in_channel(known.id, HERE.channel_id) == []


async def test_two_forgotten_members_of_one_job_leave_one_row_with_the_rights_of_both(store: Store) -> None:
    known = (await store.subscriptions.add(RUNNING, HERE, BO, origin=Origin.KEY)).known
    await store.subscriptions.add(RUNNING, HERE, MIRA, origin=Origin.JOB_ID)
    await end(store, known)
    for person in (BO, MIRA):
        await store.kept_data.forget(person.id)
    rows = await store.database.rows("SELECT user_id, user_name, origin, stopped FROM subscriptions")
    assert [tuple(row) for row in rows] == [(0, "", "job_id", 1)]


@pytest.mark.parametrize("state", [SubmissionState.LOST, SubmissionState.DECLINED])
async def test_a_submission_whose_job_may_turn_up_is_kept_until_it_cannot(
    store: Store, clock: Clock, state: SubmissionState
) -> None:
    submission = await imagined(store, MIRA)
    sent = await store.submissions.mark_sent(submission)
    assert sent is not None
    await store.submissions.mark_failed(sent, state, "a reason that quotes the prompt")
    await store.submissions.mark_notified(sent)
    clock.time += timedelta(hours=1)
    await store.kept_data.forget(MIRA.id)
    (kept,) = await store.database.rows("SELECT user_id, user_name, prompt, error FROM submissions")
    if state is SubmissionState.LOST:
        assert kept["user_name"] == "Mira", "its picture would be posted for her"
    else:
        assert tuple(kept) == (MIRA.id, "", "", "")
    clock.time += DAY
    await store.kept_data.forget_more()
    assert await mentions(store, MIRA) == set()


async def test_who_is_shut_out_stays_so_by_id_alone(store: Store, clock: Clock) -> None:
    await store.members.remember_name(HERE.guild_id, MIRA)
    await store.servers.set_pings(HERE.guild_id, MIRA.id, False)
    await store.members.change(HERE.guild_id, MIRA.id, shut_out=True, until=None, manager_name="Ada")
    await store.members.change(
        THERE.guild_id, MIRA.id, shut_out=True, until=clock.time + timedelta(hours=1), manager_name="Bea"
    )
    clock.time += timedelta(hours=2)
    await store.kept_data.forget(MIRA.id)
    shut = await store.members.shut_out(HERE.guild_id, MIRA.id)
    assert shut is not None
    assert await store.members.all_shut_out(HERE.guild_id, 9) == [(Person(id=MIRA.id, name=""), shut)]
    assert [entry.person for entry in await store.members.audit_of(HERE.guild_id, MIRA.id, 9)] == [
        Person(id=MIRA.id, name="")
    ]
    assert await store.members.audit_of(THERE.guild_id, MIRA.id, 9) == [], "that one was over"
    counts = await store.kept_data.counts(MIRA.id)
    assert (counts.memberships, counts.shut_out, counts.requested_at) == (1, 1, None)
