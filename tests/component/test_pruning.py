"""Deletion of what ended long ago, on real SQLite files."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bot.models import (
    Person,
    SubmissionState,
)
from bot.models.provider import ProviderName
from bot.store import SubscriptionOutcome, open_store
from tests.database import migrated
from tests.stored_jobs import DONE, HERE, MIRA, NOON, RUNNING, Clock, count, ended, imagine, post_all, press


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_what_nobody_needs_goes_with_all_that_belongs_to_it(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with open_store(tmp_path, clock) as store:
        old = await ended(store, clock, "job:old")
        made = await press(store, old)
        await store.submissions.mark_accepted(
            made, msgspec.structs.replace(DONE, jobid="job:child"), repeated=False, delay=0
        )
        await store.submissions.mark_notified(made)
        await post_all(store, clock)
        refused, imagined = [await imagine(store) for _ in range(2)]
        await store.submissions.mark_failed(refused, SubmissionState.REFUSED, "no")
        await store.submissions.mark_accepted(
            imagined, msgspec.structs.replace(DONE, jobid="job:castle"), repeated=False, delay=0
        )
        await store.submissions.mark_notified(imagined)
        await store.submissions.notify_in_channel(refused)
        await post_all(store, clock)
        clock.forward(store, days=89.9)
        await ended(store, clock, "job:young")
        assert await store.pruning.prune(90) == 0
        assert await count(store, "submissions") == 3
        clock.forward(store, days=0.2)
        assert await store.pruning.prune(90) == 3
        assert [await count(store, table) for table in ("jobs", "subscriptions", "submissions")] == [1, 1, 0]
        assert await store.jobs.by_jobid(ProviderName.USEAPI, "job:young") is not None
        assert await store.database.rows("PRAGMA foreign_key_check") == []
        assert await store.pruning.prune(90) == 0
    assert [line for line in caplog.messages if "Deleted" in line] == [
        "Deleted 3 jobs that ended before 2026-11-23, 0 of them with a result that could never be posted"
    ]


async def test_prompts_without_a_job_go_however_many_there_are(tmp_path: Path, clock: Clock) -> None:
    many = """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
              INSERT INTO submissions (reference, kind, prompt, guild_id, channel_id, user_id, user_name, state,
                                       created_at, ended_at, notified)
              SELECT i, 'imagine', 'a castle', 100, 200, 1, 'Mira', 'declined', 0, 0, 1 FROM n"""
    async with open_store(migrated(tmp_path), clock) as store:
        await store.database.transaction(lambda db: db.execute(many))
        await imagine(store)
        await store.pruning.prune(90)
        assert await count(store, "submissions") == 1


@pytest.mark.parametrize("what", ["unposted", "asked again", "joined", "pressed", "press open", "running", "edit"])
async def test_what_is_still_needed_stays_however_old_it_is(tmp_path: Path, clock: Clock, what: str) -> None:
    async with open_store(tmp_path, clock) as store:
        if what == "running":
            await store.subscriptions.add(RUNNING, HERE, MIRA)
            await post_all(store, clock)
        else:
            job_id = await ended(store, clock, post=what != "unposted")
        if what == "press open":
            await press(store, job_id)
        clock.forward(store, days=100)
        match what:
            case "asked again":
                await store.subscriptions.add(DONE, HERE, MIRA, again=True)
                await post_all(store, clock)
            case "joined":
                assert (
                    await store.subscriptions.add(DONE, HERE, Person(id=2, name="Bo"))
                ).outcome is SubscriptionOutcome.POSTED
            case "pressed":
                pressed = await press(store, job_id)
                await store.submissions.mark_failed(pressed, SubmissionState.REFUSED, "no")
                await store.submissions.mark_notified(pressed)
            case "edit":
                await store.database.transaction(
                    lambda db: db.execute("UPDATE deliveries SET revision = posted_revision + 1 WHERE kind = 'result'")
                )
        clock.forward(store, days=60)
        assert await store.pruning.prune(90) == 0
        assert await count(store) == 1


async def test_an_abandoned_job_goes_and_so_does_one_that_could_never_be_posted(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock, "job:lost", post=False)
        for delivery in await store.outbox.due():
            await store.outbox.give_up(delivery, "gone")
        await store.subscriptions.add(msgspec.structs.replace(RUNNING, jobid="job:stopped"), HERE, MIRA)
        (status_card, *_) = await post_all(store, clock)
        await store.subscriptions.stop_all(status_card)
        await store.outbox.drop(status_card)
        clock.forward(store, days=91)
        assert await store.pruning.prune(90) == 2
    assert "1 of them with a result that could never be posted" in caplog.text


async def test_a_clock_that_runs_ahead_by_years_deletes_nothing(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        clock.time += timedelta(days=3000)  # and Discord says nothing of the kind
        assert await store.pruning.prune(31) == 0


async def test_pruning_comes_to_the_end_of_a_long_history(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.pruning._PAUSE", 0)
    async with open_store(tmp_path, clock) as store:
        await store.database.transaction(
            lambda db: db.execute(
                """WITH RECURSIVE ended (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ended WHERE n < 500)
                   INSERT INTO jobs (key, jobid, status, over, answer, added_at, changed_at, over_at)
                   SELECT n, n, 'completed', 1, '{"jobid":"x"}', ?1, ?1, ?1 FROM ended""",
                (NOON.timestamp(),),
            )
        )
        clock.forward(store, days=91)
        await ended(store, clock)
        assert await store.pruning.prune(90) == 500
        assert await count(store) == 1
