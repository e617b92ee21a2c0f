"""What the store's queries cost: as much as is going on, however much has been."""

import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.errors import StoreError
from bot.models import CostTier, Destination, Job, KnownJob, Limits, Person, Status, SubmissionState
from bot.models.provider import ProviderName
from bot.store import Store, connection, open_store
from tests.database import migrated
from tests.submitting import button_press

HERE = Destination(guild_id=100, channel_id=200)
MIRA = Person(id=1, name="Mira")
RUNNING = Job(jobid="job:running", status=Status.STARTED, prompt="castle in the fog")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

ENDED = """
    WITH RECURSIVE ended (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ended WHERE n < ?)
    INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at, over_at)
    SELECT n, 'k' || n, 'old:' || n, 'completed', 1, '{"jobid":"old"}', 0, 0, 0 FROM ended
"""
THEIR_SUBSCRIPTIONS = """
    INSERT INTO subscriptions (job_id, guild_id, channel_id, user_id, user_name, created_at)
    SELECT id, 100, 200, 1, 'Mira', 0 FROM jobs ORDER BY id
"""
THEIR_MESSAGES = """
    INSERT INTO deliveries (kind, job_id, guild_id, channel_id, nonce, state, message_id, next_try, posted_revision,
                            created_at)
    SELECT column1, id, 100, 200, substr(column1, 1, 1) || printf('%023d', id), 'posted', 5, 0, 1, 0
    FROM jobs, (VALUES ('status_card'), ('result')) ORDER BY id
"""
THEIR_SUBMISSIONS = """
    INSERT INTO submissions (reference, parent_id, child_id, button, tier, guild_id, channel_id, user_id, user_name,
                             state, created_at, sent_at, ended_at, notified)
    SELECT 'r' || id, id, id, 'U1', 'pick', 100, 200, 1, 'Mira', 'accepted', 0, 0, 0, 1 FROM jobs ORDER BY id
"""
THEIR_PROMPTS = """
    INSERT INTO submissions (reference, kind, child_id, prompt, guild_id, channel_id, user_id, user_name, state,
                             created_at, sent_at, ended_at, notified)
    SELECT 'p' || id, 'imagine', id, 'a castle', 100, 200, iif(id <= 5, 1, 2), '?', 'accepted', 0, 0, 0, 1 FROM jobs
    ORDER BY id
"""


@asynccontextmanager
async def store_with(ended: int, folder: Path) -> AsyncIterator[Store]:
    """A store with a history of one busy member in one channel, and with one job that still runs."""
    async with open_store(migrated(folder), lambda: NOON) as store:
        await store.database.transaction(lambda db: db.execute(ENDED, (ended,)))
        await store.database.transaction(lambda db: db.execute(THEIR_SUBSCRIPTIONS))
        await store.database.transaction(lambda db: db.execute(THEIR_MESSAGES))
        await store.database.transaction(lambda db: db.execute(THEIR_SUBMISSIONS))
        await store.database.transaction(lambda db: db.execute(THEIR_PROMPTS))
        await store.subscriptions.add(RUNNING, HERE, MIRA)
        yield store


async def a_day(store: Store) -> AsyncIterator[tuple[str, Awaitable[Any]]]:
    """Everything that the store is asked for in the course of a job, what to call it first."""
    (job_id,) = await store.jobs.to_poll(ProviderName.USEAPI)
    (status_card,) = await store.outbox.due()
    yield "claim", store.outbox.claim(status_card)
    yield "delivery", store.deliveries.by_nonce(status_card.nonce)
    yield "posted, a card", store.outbox.mark_posted(status_card, 6)
    yield "subscribe again", store.subscriptions.add(RUNNING, HERE, MIRA)
    yield "to edit", store.outbox.to_edit()
    yield "mark edited", store.outbox.mark_edited(status_card, 0)
    yield "running", store.jobs.to_poll(ProviderName.USEAPI)
    yield "poll targets", store.jobs.poll_targets([job_id])
    yield "poll targets without subscription", store.jobs.targets_without_subscription([job_id])
    yield "count running", store.subscriptions.count_running(MIRA.id, HERE.guild_id)
    yield "count in server", store.subscriptions.count_in_server(HERE.guild_id)
    yield "subscriptions in channel", store.subscriptions.in_channel(job_id, HERE.channel_id)
    yield "requesters", store.subscriptions.requesters(job_id, HERE)
    yield "channels of job", store.subscriptions.channels_of_job(job_id, HERE.guild_id)
    yield "any of job", store.subscriptions.any_of_job(job_id)
    yield "channels of member", store.subscriptions.channels_of_member(MIRA.id, HERE.guild_id)
    yield "known", store.jobs.get(job_id)
    yield "by jobid", store.jobs.by_jobid(ProviderName.USEAPI, RUNNING.jobid)
    yield "has unattended", store.subscriptions.has_unattended(1, 200)
    yield "typical duration", store.durations.typical(RUNNING)
    yield "by key", store.jobs.by_key("k7", HERE.guild_id)
    yield "recent", store.jobs.recent(HERE, MIRA.id, [HERE.channel_id])
    yield "running of a member", store.subscriptions.running_of_member(MIRA.id, HERE.guild_id)
    yield "recently finished", store.subscriptions.recently_finished(MIRA.id, HERE.guild_id)
    yield "unsubscribe", store.subscriptions.unsubscribe(job_id, HERE.channel_id, 2)
    yield "count in server's queue", store.queue.count_in_server(HERE.guild_id)
    yield "history", store.history.page(HERE.guild_id, before=None, limit=10)
    yield "newer history", store.history.newer_page(HERE.guild_id, after=1, limit=10)
    yield "prompts", store.history.prompts(MIRA.id, HERE.guild_id, limit=5)
    yield "prompt", store.history.prompt(1, MIRA.id, HERE.guild_id)
    yield "add a preset", store.presets.add(HERE.guild_id, "Ink", "ink wash")
    yield "presets", store.presets.of_server(HERE.guild_id)
    yield "words", store.servers.words(HERE.guild_id)
    yield "record", store.jobs.record([(job_id, msgspec.structs.replace(RUNNING, status=Status.COMPLETED))])
    yield "due deliveries", store.outbox.due()
    yield "next due", store.outbox.next_due(datetime.now(UTC))
    yield "newest result", store.deliveries.newest_result(job_id, HERE.channel_id)
    yield "waiting", store.deliveries.count_waiting(HERE.guild_id)
    (result,) = await store.outbox.due()
    yield "retry later", store.outbox.retry_later(result, 0, "reset")
    yield "undelivered", store.undelivered.of_member(MIRA.id, HERE.guild_id)
    yield "give up", store.outbox.give_up(result, "HTTP 400")
    yield "first given up", store.deliveries.is_first_given_up(result, "HTTP 400")
    yield "undeliverable", store.deliveries.undeliverable(HERE.guild_id)
    yield "notices given up", store.undelivered.notices_of(MIRA.id, HERE.guild_id)
    yield "undelivered, given up", store.undelivered.of_member(MIRA.id, HERE.guild_id)
    elsewhere = Destination(guild_id=HERE.guild_id, channel_id=201)
    yield "undelivered, elsewhere", store.undelivered.post_in(result.id + 1, elsewhere, MIRA)
    yield "rearm", store.deliveries.rearm(HERE.guild_id)
    yield "posted, a result", store.outbox.mark_posted(result, 7)
    yield "post of", store.deliveries.post_of(job_id, HERE.channel_id)
    yield "posts in server", store.deliveries.posts_in_server(job_id, HERE.guild_id, 5)
    yield "pinged recently", store.deliveries.pinged_recently(HERE, MIRA.id, 30)
    yield "add split", store.deliveries.add_split(job_id, HERE)
    yield "add split, again", store.deliveries.add_split(job_id, HERE)
    starboard = Destination(guild_id=HERE.guild_id, channel_id=202)
    yield "star", store.stars.add(job_id, 2, starboard, 2)
    yield "star, the last one needed", store.stars.add(job_id, 3, starboard, 2)
    yield "star, one more", store.stars.add(job_id, 4, starboard, 2)
    yield "take a star back", store.stars.remove(job_id, HERE.guild_id, 4)
    yield "stars", store.stars.count(job_id, HERE.guild_id)
    yield "has starred", store.stars.has(job_id, HERE.guild_id, 2)
    yield "author", store.subscriptions.author(job_id, HERE.guild_id)
    yield "remember file limit", store.servers.remember_file_limit(HERE.guild_id, 1 << 20)
    yield "drop, a result", store.outbox.drop(result)
    yield "subscribe, when it is over", store.subscriptions.add(RUNNING, HERE, MIRA)
    yield "subscribe again, when it is over", store.subscriptions.add(RUNNING, HERE, MIRA, again=True)
    yield "stop", store.subscriptions.stop(status_card, MIRA.id)
    yield "retire", store.outbox.retire(status_card)
    yield "subscribe, new job", store.subscriptions.add(msgspec.structs.replace(RUNNING, jobid="job:new"), HERE, MIRA)
    yield "find", store.prompts.find("castle", [HERE.channel_id], limit=10)
    yield "find, newer", store.prompts.find_newer("castle", [HERE.channel_id], after=1, limit=10)
    yield "channels with jobs", store.prompts.channels(HERE.guild_id)
    yield "kept about a member", store.kept_data.counts(77)
    yield "kept about a member, all of it", store.kept_data.read(77)
    yield "forget", store.kept_data.forget(77)
    yield "forget more", store.kept_data.forget_more()
    async for step in some_submissions(store, await store.jobs.get(job_id)):
        yield step


async def some_submissions(store: Store, parent: KnownJob) -> AsyncIterator[tuple[str, Awaitable[Any]]]:
    """And in the course of its presses, the same."""
    numbers = Limits(daily=10, server_daily=100, cooldown=5.0, declined=5, queue=3)
    for number, button in enumerate(("V1", "U1", "U1", "V2", "U2", "U2")):
        tier = CostTier.PICK if button[0] == "U" else CostTier.VARY
        yield (
            f"press, {button}",
            store.submissions.add(
                button_press(parent, button, HERE, MIRA, tier=tier, interaction_id=number),
                provider=ProviderName.USEAPI,
                limits=numbers,
            ),
        )
        numbers = Limits()
    yield "any open", store.queue.any_open(ProviderName.USEAPI, timedelta(days=1))
    unanswered = await store.queue.unanswered(ProviderName.USEAPI)
    yield "unanswered", store.queue.unanswered(ProviderName.USEAPI)
    for submission in unanswered:
        yield "answered", store.submissions.mark_answered(submission)
    yield "withdraw", store.submissions.withdraw(unanswered[0], "not seen")
    yield "next submissions", store.queue.next(ProviderName.USEAPI, 100)
    vary, pick, other, second_pick = await store.queue.next(ProviderName.USEAPI, 100)
    yield "followers", store.queue.followers(pick)
    yield "position", store.queue.position(pick)
    yield "deferred", store.queue.deferred(ProviderName.USEAPI)
    yield "exceeded running limit", store.queue.exceeded_running_limit(pick)
    yield "queue of member", store.queue.of_member(MIRA.id, HERE.guild_id)
    yield "queue length", store.queue.count()
    yield "queue length of a provider", store.queue.count_at(ProviderName.USEAPI)
    yield "submission by id", store.history.by_id(pick.id)
    yield "interaction token", store.submissions.interaction_token(pick)
    yield "mark sent", store.submissions.mark_sent(vary)
    yield "requeue", store.submissions.requeue(vary, 9, "too many")
    yield "mark sent, again", store.submissions.mark_sent(vary)
    yield "mark unconfirmed", store.submissions.mark_unconfirmed(vary)
    yield "unconfirmed", store.queue.unconfirmed(ProviderName.USEAPI)
    yield "cancel", store.submissions.cancel(other)
    yield "refuse alone", store.submissions.refuse_alone(second_pick, "a day old")
    yield "mark failed", store.submissions.mark_failed(vary, SubmissionState.LOST, "lost")
    yield "lost", store.queue.lost(ProviderName.USEAPI, timedelta(days=1))
    yield "lost lately", store.history.lost_lately(parent.id, "V1", timedelta(days=1))
    yield "by reference", store.history.by_reference(vary.reference)
    child = msgspec.structs.replace(RUNNING, jobid="job:child", parent_jobid=parent.job.jobid)
    late = msgspec.structs.replace(child, jobid="job:late", reply_ref=vary.reference)
    yield "mark accepted", store.submissions.mark_accepted(pick, child, repeated=False, delay=15)
    yield "to notify", store.queue.to_notify(ProviderName.USEAPI)
    yield "mark notified", store.submissions.mark_notified(pick)
    yield "notify in channel", store.submissions.notify_in_channel(vary)
    yield "mark found", store.submissions.mark_found(vary, late, delay=15)
    yield "child of", store.history.child_of(parent.id, "U1")
    yield "picks", store.history.picks(parent.id, HERE)
    made = await store.jobs.by_jobid(ProviderName.USEAPI, "job:child")
    assert made is not None
    yield "poll targets without subscription, a child", store.jobs.targets_without_subscription([made.id])
    yield "running, a child", store.jobs.to_poll(ProviderName.USEAPI)
    yield "submission of child", store.history.of_child(made.id)
    yield "totals", store.history.totals(HERE.guild_id, NOON - timedelta(days=31))
    yield "any_alert", store.members.any_alert()
    yield "shut out", store.members.change(HERE.guild_id, MIRA.id, shut_out=True, until=None, manager_name="Ada")
    yield "is shut out", store.members.shut_out(HERE.guild_id, MIRA.id)
    yield "all shut out", store.members.all_shut_out(HERE.guild_id, 10)
    yield "numbers", store.members.numbers(HERE.guild_id, MIRA.id, 10)
    yield "audit", store.members.audit(HERE.guild_id, since=NOON - timedelta(days=1), before=None, limit=10)
    yield "audit of a member", store.members.audit_of(HERE.guild_id, MIRA.id, 5)
    yield "alerts due", store.members.alerts_due()
    yield "alerts over", store.members.alerts_over()
    yield "next end", store.members.next_end()
    yield "declined", store.submissions.mark_failed(unanswered[0], SubmissionState.DECLINED, "banned")
    yield "member's name", store.members.remember_name(HERE.guild_id, MIRA)
    yield "pictures", store.queue.pictures(pick)
    async for step in some_reports(store, parent):
        yield step
    yield "remove buttons", store.jobs.remove_buttons(parent.id)


async def some_reports(store: Store, parent: KnownJob) -> AsyncIterator[tuple[str, Awaitable[Any]]]:
    """And what panels, health checks and metrics show of it."""
    yield "family", store.related_jobs.of(parent, HERE, [HERE.channel_id], limit=20)
    yield "channels of a family", store.related_jobs.channels(parent, HERE.guild_id)
    yield "counts", store.stats.counts()
    yield "due channels", store.stats.due_channels()
    for name in sorted(store.alert_causes.names):
        yield f"causes, {name}", store.alert_causes.subjects(name)
    yield "fact", store.facts.get("commands")


async def steps_of(store: Store, request: Awaitable[Any]) -> int:
    """How many steps SQLite's machine takes for this."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    await store.database._connection.set_progress_handler(step, 1)
    await request
    await store.database._connection.set_progress_handler(None, 1)  # type: ignore[arg-type]  # None ends it
    return steps


async def test_nothing_costs_more_when_more_jobs_have_ended(tmp_path: Path) -> None:
    costs: list[dict[str, int]] = []  # in steps of SQLite's machine, so the same each time
    for ended in (1000, 4000):
        async with store_with(ended, tmp_path / str(ended)) as store:
            costs.append({what: await steps_of(store, request) async for what, request in a_day(store)})
    assert costs[0] == costs[1]


async def test_no_query_reads_a_table_from_end_to_end(tmp_path: Path) -> None:
    said: list[str] = []
    async with store_with(10, tmp_path) as store:
        await store.database._connection.set_trace_callback(said.append)
        async for _what, request in a_day(store):
            await request
        await store.pruning.prune(90)
        await store.database._connection.set_trace_callback(None)  # type: ignore[arg-type]  # None ends it
        queries = {sql for sql in said if re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", sql)}
        assert len(queries) > 30
        for sql in queries:
            plan = [row["detail"] for row in await store.database.rows(f"EXPLAIN QUERY PLAN {sql}")]
            tables = "jobs|subscriptions|deliveries|submissions|presets|stars"
            scans = rf"SCAN ({tables})|SCAN deliveries USING INDEX deliveries_to_edit"  # many, of which few are due
            assert not [line for line in plan if re.fullmatch(scans, line)], sql


COUNTED = """
    SELECT 'jobs', '', status, count(*) FROM jobs GROUP BY status
    UNION ALL SELECT 'deliveries', kind, state, count(*) FROM deliveries GROUP BY kind, state
    UNION ALL SELECT 'submissions', '', state, count(*) FROM submissions GROUP BY state
"""


async def test_the_numbers_of_rows_are_right_after_all_that_changes_them(tmp_path: Path) -> None:
    async with store_with(10, tmp_path) as store:
        async for _what, request in a_day(store):
            await request
        store.clock.note_snowflake(2**62)  # as if Discord's clock had not said 2015 before
        assert await store.pruning.prune(1) > 0, "with what belongs to the jobs"
        counted = await store.database.rows("SELECT * FROM row_counts WHERE number <> 0")
        assert {tuple(row) for row in counted} == {tuple(row) for row in await store.database.rows(COUNTED)}
        counts = await store.stats.counts()
        assert counts.jobs == {"started": 3, "completed": 1}
        assert (counts.deliveries["result", "dropped"], counts.submissions["repeated"]) == (1, 1)


async def test_twice_the_backlog_costs_twice_as_much(tmp_path: Path) -> None:
    backlog = "UPDATE deliveries SET state = 'waiting' WHERE kind = 'result'"
    error = "UPDATE deliveries SET channel_id = 201, next_try = ? WHERE kind = 'result' AND id % 4 = 0"
    a_minute_later = (NOON.timestamp() + 60,)
    costs: list[int] = []
    for waiting in (200, 400):
        async with store_with(waiting, tmp_path / str(waiting)) as store:
            await store.database.transaction(lambda db: db.execute(backlog))
            await store.database.transaction(lambda db: db.execute(error, a_minute_later))
            costs.append(await steps_of(store, store.outbox.due()))
            assert len(await store.outbox.due()) == waiting // 2 + 1, "one half, and the running job's card"
    assert costs[1] < 2.2 * costs[0]


THEIR_QUEUE = """
    INSERT INTO submissions (reference, kind, guild_id, channel_id, user_id, user_name, created_at, answered)
    SELECT 'q' || id, 'imagine', id % 3, 200, id % 7, 'Mira', 0, 1 FROM jobs ORDER BY id
"""


async def test_a_queue_of_twice_the_length_costs_twice_as_much(tmp_path: Path) -> None:
    costs: list[int] = []
    for queued in (200, 400):
        async with store_with(queued, tmp_path / str(queued)) as store:
            await store.database.transaction(lambda db: db.execute(THEIR_QUEUE))
            costs.append(await steps_of(store, store.queue.next(ProviderName.USEAPI, 10)))
            assert len(await store.queue.next(ProviderName.USEAPI, 1000)) == 2 * 3 * 7, "two of each member"
            assert len(await store.queue.deferred(ProviderName.USEAPI)) == queued + 1 - 2 * 3 * 7
    assert costs[1] < 2.3 * costs[0]


def damage(file: Path, text: bytes) -> None:
    """Overwrite the head of the first page on which this stands."""
    content = bytearray(file.read_bytes())
    page = content.index(text) // 4096 * 4096
    content[page : page + 200] = b"\xff" * 200
    file.write_bytes(content)


async def test_a_large_file_is_read_at_the_start_only_where_there_is_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store_with(1000, tmp_path):
        pass
    monkeypatch.setattr(connection, "CHECKED_WHOLE", 0)
    damage(tmp_path / connection.FILE, b'"jobid":"old"')
    async with open_store(tmp_path, lambda: NOON) as store:
        assert len(await store.jobs.to_poll(ProviderName.USEAPI)) == 1
    damage(tmp_path / connection.FILE, b'"jobid":"job:running"')
    with pytest.raises(StoreError, match="is damaged"):
        async with open_store(tmp_path, lambda: NOON):
            pass
