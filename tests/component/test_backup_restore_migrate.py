"""Data for years, on real SQLite files: nightly copies, pruning, putting a copy back, updates from every release."""

import asyncio
import json
import os
import resource
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosqlite
import msgspec
import pytest

from bot.errors import StoreError
from bot.models import (
    Delivery,
    DeliveryState,
    Destination,
    Job,
    Limits,
    Person,
    Status,
    Submission,
    SubmissionState,
)
from bot.models.provider import ProviderName
from bot.store import Store, SubscriptionOutcome, open_store
from bot.store.backups import BackupError, nightly
from bot.store.connection import FILE, MIGRATIONS, open_database
from bot.store.file_header import DatabaseState, read_header
from bot.store.restore import restore
from tests.database import migrated
from tests.disk import largest_file
from tests.submitting import button_press, prompt_submission

HERE = Destination(guild_id=100, channel_id=200)
MIRA = Person(id=1, name="Mira")
RUNNING = Job(jobid="job:1", verb="imagine", status=Status.STARTED, prompt="castle in the fog")
DONE = msgspec.structs.replace(RUNNING, status=Status.COMPLETED)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    """Our clock, and Discord's with it."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def forward(self, store: Store, *, days: float = 0, seconds: float = 0) -> None:
        self.time += timedelta(days=days, seconds=seconds)
        store.clock.note_snowflake(snowflake(self.time))


def snowflake(when: datetime) -> int:
    return int((when.timestamp() - 1420070400) * 1000) << 22


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def ended(store: Store, clock: Clock, jobid: str = "job:1", *, post: bool = True) -> int:
    """A job that was asked for, ended, and was posted; its row id."""
    subscribed = await store.subscriptions.add(msgspec.structs.replace(RUNNING, jobid=jobid), HERE, MIRA)
    await store.jobs.record([(subscribed.known.id, msgspec.structs.replace(DONE, jobid=jobid))])
    if post:
        await post_all(store, clock)
    return subscribed.known.id


async def post_all(store: Store, clock: Clock) -> list[Delivery]:
    posted = []
    for delivery in await store.outbox.due():
        claimed = await store.outbox.claim(delivery)
        assert claimed is not None
        clock.forward(store, seconds=1)
        posted.append(await store.outbox.mark_posted(claimed, snowflake(clock.time)))
    for edit in await store.outbox.to_edit():
        await store.outbox.mark_edited(edit, 0)
    return posted


async def press(store: Store, parent_id: int, button: str = "V1") -> Submission:
    parent = await store.jobs.get(parent_id)
    pressed = await store.submissions.add(
        button_press(parent, button, HERE, MIRA), provider=parent.job.provider, limits=Limits()
    )
    assert isinstance(pressed, Submission)
    await store.submissions.mark_answered(pressed)
    return pressed


async def imagine(store: Store) -> Submission:
    submission = await store.submissions.add(
        prompt_submission("a castle", HERE, MIRA), provider=ProviderName.USEAPI, limits=Limits()
    )
    assert isinstance(submission, Submission)
    await store.submissions.mark_answered(submission)
    return submission


async def count(store: Store, table: str = "jobs") -> int:
    return int((await store.database.rows(f"SELECT count(*) FROM {table}"))[0][0])


def read(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as database:
        return database.execute(sql).fetchall()


# --- copies ---------------------------------------------------------------------------------------------------------


async def test_the_newest_copies_stay_and_what_lies_beside_them(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        (tmp_path / "backups").mkdir()
        mine = [tmp_path / "backups" / name for name in ("before-schema-2-x.sqlite3", "nightly-mine.sqlite3", "notes")]
        for file in (*mine, tmp_path / "backups" / "nightly-20260101T000000Z.sqlite3.part"):
            file.write_text("kept, but for the .part", encoding="utf-8")
        made = []
        for _ in range(4):
            made.append(await store.backups.create(tmp_path, 2))
            clock.forward(store, days=1)
        assert nightly(tmp_path) == made[-2:]
        assert sorted((tmp_path / "backups").iterdir()) == sorted([*mine, *made[-2:]])
        assert {file.stat().st_mode & 0o777 for file in (made[-1], *tmp_path.glob(f"{FILE}*"))} == {0o600}
        assert read(made[-1], "SELECT status FROM jobs") == [("completed",)]
        await store.facts.set("the bot", "goes on")


async def test_a_copy_without_room_is_not_begun(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_store(tmp_path, clock) as store:
        kept = await store.backups.create(tmp_path, 2)
        monkeypatch.setattr("bot.store.backups.free_bytes", lambda _: 5 << 20)
        with pytest.raises(BackupError, match="needs 16 MB, and 5 MB are free"):
            await store.backups.create(tmp_path, 2)
        assert list((tmp_path / "backups").iterdir()) == [kept]


async def test_a_damaged_copy_does_not_push_out_a_good_one(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        for number in range(40):
            await ended(store, clock, f"job:{number}", post=False)
        kept = await store.backups.create(tmp_path, 1)
        clock.forward(store, days=1)
        for pragma in ("wal_checkpoint(TRUNCATE)", "shrink_memory"):
            await store.database.rows(f"PRAGMA {pragma}")
        with (tmp_path / FILE).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(size // 2)
            file.write(bytes(size - size // 2))
        with pytest.raises(BackupError, match="damaged, as the database itself may be"):
            await store.backups.create(tmp_path, 1)
        assert list((tmp_path / "backups").iterdir()) == [kept]


async def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "backups").write_text("a file", encoding="utf-8")
    async with open_store(tmp_path, clock) as store:
        with pytest.raises(BackupError, match=r"backups cannot be written"):
            await store.backups.create(tmp_path, 1)


# --- pruning --------------------------------------------------------------------------------------------------------


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


# --- putting a copy back --------------------------------------------------------------------------------------------


async def test_a_copy_comes_back_and_knows_that_time_has_passed(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock, "job:posted")
        waiting = await ended(store, clock, "job:waiting", post=False)
        running = await store.subscriptions.add(msgspec.structs.replace(RUNNING, jobid="job:running"), HERE, MIRA)
        queued = await press(store, waiting)
        newest = store.clock.newest_snowflake
        copy = await store.backups.create(tmp_path, 7)
        clock.forward(store, days=1)
        await ended(store, clock, "job:after the copy")
    clock.time += timedelta(hours=1)
    restored = await restore(tmp_path, copy, clock.time)
    assert restored.jobs == 3
    assert restored.newest is not None
    assert restored.newest < NOON + timedelta(hours=1)
    assert restored.replaced is not None
    assert read(restored.replaced, "SELECT count(*) FROM jobs") == [(4,)]
    assert {file.name for file in tmp_path.iterdir()} == {FILE, restored.replaced.name, "backups"}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600

    clock.time += timedelta(hours=1)
    async with open_store(tmp_path, clock) as store:
        assert await count(store) == 3
        (delivery,) = await store.outbox.due()
        assert (delivery.job_id, delivery.state) == (waiting, DeliveryState.SENDING), "it is looked for by its nonce"
        assert await store.deliveries.posted_since(delivery, await store.jobs.get(waiting)) is None
        pressed = await store.history.by_id(queued.id)
        assert pressed is not None
        assert (pressed.state, pressed.sent_at) == (SubmissionState.UNCONFIRMED, queued.created_at), (
            "it may have been paid"
        )
        clock.forward(store, days=1)
        await store.jobs.record([(running.known.id, msgspec.structs.replace(DONE, jobid="job:running"))])
        late = (await store.outbox.due())[-1]
        assert late.job_id == running.known.id
        after = await store.deliveries.posted_since(late, await store.jobs.get(late.job_id))
        assert after is not None
        assert newest - (3000 << 22) < after <= newest, "where the copy's knowledge ends"
        fresh = await ended(store, clock, "job:new", post=False)
        (delivery,) = [each for each in await store.outbox.due() if each.job_id == fresh]
        assert await store.deliveries.posted_since(delivery, await store.jobs.get(fresh)) is None


async def test_a_bot_that_was_never_restored_searches_for_nothing(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        job_id = await ended(store, clock, post=False)
        (delivery,) = await store.outbox.due()
        assert await store.deliveries.posted_since(delivery, await store.jobs.get(job_id)) is None


async def test_a_running_bot_is_not_restored(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path, 7)
    # The lock that counts is another process's: SQLite's own do not keep their process out.
    holder = await asyncio.create_subprocess_exec(
        *("python3", "-c", OPEN_DATABASE, str(tmp_path / FILE)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        assert await holder.stdout.readline() == b"held\n"
        before = (tmp_path / FILE).read_bytes()
        assert read_header(tmp_path).found is DatabaseState.IN_USE
        with pytest.raises(StoreError, match="Stop it first"):
            await restore(tmp_path, copy, clock.time)
        assert (tmp_path / FILE).read_bytes() == before
        assert {file.name for file in tmp_path.iterdir()} <= {FILE, "backups", f"{FILE}-wal"}
    finally:
        await holder.communicate(b"")
    assert read_header(tmp_path).found is DatabaseState.OURS
    await restore(tmp_path, copy, clock.time)


OPEN_DATABASE = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA locking_mode = EXCLUSIVE")
database.executescript("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT;")
print("held", flush=True)
sys.stdin.read()
"""


def spoil(file: Path, what: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        match what:
            case "newer":
                database.executescript("PRAGMA user_version = 99")
            case "another program's":
                database.executescript("PRAGMA application_id = 7")
            case "without its parts":
                database.executescript("PRAGMA foreign_keys = OFF; DELETE FROM jobs;")
    if what == "damaged":
        content = bytearray(file.read_bytes())
        content[4096 * 3 : 4096 * 3 + 400] = b"\xff" * 400
        file.write_bytes(content)
    elif what == "no database":
        file.write_bytes(b"a diary " * 1000)
    elif what == "empty":
        file.write_bytes(b"")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("newer", "A newer Darkroom wrote"),
        ("another program's", "belongs to another program"),
        ("without its parts", "is damaged. Take an older one"),
        ("damaged", "(is damaged|cannot be used)"),
        ("no database", "is no SQLite database"),
        ("empty", "is empty"),
    ],
)
async def test_a_copy_that_is_none_is_refused_and_all_stays_as_it_was(
    tmp_path: Path, clock: Clock, what: str, says: str
) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path, 7)
    spoil(copy, what)
    before = {file: file.read_bytes() for file in (tmp_path / FILE, copy)}
    with pytest.raises(StoreError, match=says):
        await restore(tmp_path, copy, clock.time)
    assert {file: file.read_bytes() for file in before} == before
    assert {file.name for file in tmp_path.iterdir()} == {FILE, "backups"}


async def test_what_is_no_copy_is_named(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock):
        pass
    with pytest.raises(StoreError, match="is the database itself"):
        await restore(tmp_path, tmp_path / FILE, clock.time)
    with pytest.raises(StoreError, match="There is no file"):
        await restore(tmp_path, tmp_path / "nothing", clock.time)


async def test_a_damaged_database_can_be_replaced_and_is_kept_with_its_journal(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path, clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path, 7)
    (tmp_path / FILE).write_bytes(b"\0garbage" * 4000)
    (tmp_path / f"{FILE}-wal").write_bytes(b"the journal of another life")
    restored = await restore(tmp_path, copy, clock.time)
    assert restored.replaced is not None
    assert restored.replaced.read_bytes().startswith(b"\0garbage")
    assert Path(f"{restored.replaced}-wal").read_bytes() == b"the journal of another life"
    async with open_store(tmp_path, clock) as store:
        assert await count(store) == 1


async def test_moving_house_is_one_copy_into_an_empty_folder(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path / "old", clock) as store:
        await ended(store, clock)
        copy = await store.backups.create(tmp_path / "old", 7)
    (tmp_path / "new").mkdir()
    assert (await restore(tmp_path / "new", copy, clock.time)).replaced is None
    async with open_store(tmp_path / "new", clock) as store:
        assert await count(store) == 1


async def test_a_copy_made_by_hand_of_a_bot_that_was_killed_has_its_last_commits(tmp_path: Path, clock: Clock) -> None:
    async with open_store(tmp_path / "old", clock) as store:
        await ended(store, clock)
        shutil.copytree(tmp_path / "old", tmp_path / "hand")  # with the -wal file, in which all of it stands
    assert (tmp_path / "hand" / f"{FILE}-wal").stat().st_size > 0
    (tmp_path / "new").mkdir()
    assert (await restore(tmp_path / "new", tmp_path / "hand" / FILE, clock.time)).jobs == 1


# --- looking from outside -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("newer", DatabaseState.NEWER),
        ("another program's", DatabaseState.FOREIGN),
        ("no database", DatabaseState.NO_DATABASE),
        ("", DatabaseState.OURS),
    ],
)
async def test_reading_a_database_from_outside_describes_it_and_changes_nothing(
    tmp_path: Path, clock: Clock, what: str, found: DatabaseState
) -> None:
    assert read_header(tmp_path).found is DatabaseState.NOTHING
    async with open_store(tmp_path, clock):
        pass
    spoil(tmp_path / FILE, what)
    before = (tmp_path / FILE).read_bytes(), (tmp_path / FILE).stat().st_mtime_ns
    seen = read_header(tmp_path)
    assert seen.found is found
    assert (what == "newer") == (seen.version == 99)
    assert ((tmp_path / FILE).read_bytes(), (tmp_path / FILE).stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


# --- updates --------------------------------------------------------------------------------------------------------

RELEASED = {
    1: """
    INSERT INTO facts VALUES ('commands', 'a hash');
    INSERT INTO jobs VALUES (1, 'AAAA', 'job:parent', 'completed', 1, '{"jobid":"job:parent"}', 1, 2, 2),
                            (2, 'BBBB', 'job:child', 'progress', 0, '{"jobid":"job:child"}', 3, 4, NULL);
    INSERT INTO watches VALUES (1, 1, 100, 200, 1, 'Mira', 1, 0), (2, 2, 100, 200, 1, 'Mira', 3, 1);
    INSERT INTO deliveries (id, kind, job_id, guild_id, channel_id, nonce, state, message_id, next_try, created_at)
        VALUES (1, 'result', 1, 100, 200, 'aaaaaaaaaaaaaaaaaaaaaaaa', 'posted', 5, 1, 2),
               (2, 'card', 2, 100, 200, 'bbbbbbbbbbbbbbbbbbbbbbbb', 'sending', NULL, 3, 3),
               (3, 'result', 1, 100, 201, 'cccccccccccccccccccccccc', 'undeliverable', NULL, 3, 3);
    INSERT INTO presses VALUES (1, 'ref1', 1, 2, 'U1', 100, 200, 1, 'Mira', 'made', '', 3),
                               (2, 'ref2', 1, NULL, 'V1', 100, 200, 1, 'Mira', 'unknown', 'the bot ended', 3);
    """,
    2: """
    INSERT INTO facts VALUES ('commands', 'a hash'), ('night', '7');
    INSERT INTO jobs VALUES
        (1, 'AAAA', 'job:parent', 'completed', 1, '{"jobid":"job:parent"}', 1, 2, 2, ''),
        (2, 'BBBB', 'job:child', 'progress', 0, '{"jobid":"job:child","parent_jobid":"job:parent"}', 3, 4, NULL,
         'job:parent');
    INSERT INTO watches VALUES (1, 1, 100, 200, 1, 'Mira', 1, 0), (2, 2, 100, 200, 1, 'Mira', 3, 1);
    INSERT INTO servers VALUES (100, '{"daily":3,"press_role":7}', 26214400);
    INSERT INTO members VALUES (100, 1, 0);
    INSERT INTO presses VALUES
        (1, 'ref1', 1, 2, 'U1', 'pick', '', 100, 200, 1, 'Mira', 'made', NULL, '', 3, 3, 4, 1, ''),
        (2, 'ref2', 1, NULL, 'V1', 'vary', 'a tower', 100, 200, 1, 'Mira', 'lost', NULL, 'no job', 3, 3, 9, 1, ''),
        (3, 'ref3', 1, NULL, 'V2', 'vary', '', 100, 200, 2, 'Bo', 'queued', NULL, '', 4, NULL, NULL, 0, 'a token');
    INSERT INTO deliveries (id, kind, job_id, press_id, guild_id, channel_id, nonce, state, message_id, next_try,
                            picture_until, pinged, created_at)
        VALUES (1, 'result', 1, NULL, 100, 200, 'aaaaaaaaaaaaaaaaaaaaaaaa', 'posted', 5, 1, 600, 1, 2),
               (2, 'card', 2, NULL, 100, 200, 'bbbbbbbbbbbbbbbbbbbbbbbb', 'sending', NULL, 3, NULL, 0, 3),
               (3, 'notice', 1, 2, 100, 200, 'cccccccccccccccccccccccc', 'waiting', NULL, 3, NULL, 0, 3),
               (4, 'split', 1, NULL, 100, 201, 'dddddddddddddddddddddddd', 'undeliverable', NULL, 3, NULL, 0, 3);
    """,
}
"""Rows as each schema before the newest had them; a new migration brings those of the schema that it leaves behind."""
RELEASED[3] = f"{RELEASED[2]} INSERT INTO durations VALUES (1, 'imagine', 'fast', 52.5);"
RELEASED[4] = f"""{RELEASED[3]}
    INSERT INTO presses VALUES
        (4, 'ref4', 1, NULL, 'U2', 'pick', '', 100, 200, 1, 'Mira', 'asked', NULL, '', 5, 5, NULL, 0, ''),
        (5, 'ref5', 1, NULL, 'U2', 'pick', '', 100, 200, 2, 'Bo', 'queued', 4, '', 6, NULL, NULL, 0, ''),
        (6, 'ref6', 1, NULL, 'V3', 'vary', '', 100, 200, 1, 'Mira', 'unknown', NULL, 'no answer', 5, 5, NULL, 0, ''),
        (7, 'ref7', 1, 2, 'U1', 'pick', '', 100, 200, 2, 'Bo', 'used', NULL, '', 7, NULL, 7, 1, ''),
        (8, 'ref8', 1, NULL, 'V4', 'vary', '', 100, 200, 2, 'Bo', 'withdrawn', NULL, '', 7, NULL, 8, 1, ''),
        (9, 'ref9', 1, NULL, 'V4', 'vary', '', 100, 200, 2, 'Bo', 'declined', NULL, 'Banned', 7, 7, 8, 0, 'a token');
    UPDATE deliveries SET attempts = 3, timeouts = 1, shape = 1, trouble = 'HTTP 500', wanted = 4, shown = 2,
        after_id = 4 WHERE id = 1;
"""
RELEASED[5] = """
    INSERT INTO facts VALUES ('commands', 'a hash');
    INSERT INTO jobs VALUES
        (1, 'AAAA', 'job:parent', 'completed', 1, '{"jobid":"job:parent"}', 1, 2, 2, ''),
        (2, 'BBBB', 'job:child', 'progress', 0, '{"jobid":"job:child"}', 3, 4, NULL, 'job:parent');
    INSERT INTO subscriptions VALUES (1, 1, 100, 200, 1, 'Mira', 1, 0), (2, 2, 100, 200, 1, 'Mira', 3, 1);
    INSERT INTO submissions VALUES
        (1, 'ref1', 1, 2, 'U1', 'pick', '', 100, 200, 1, 'Mira', 'accepted', NULL, '', 3, 3, 4, 1, ''),
        (2, 'ref2', 1, NULL, 'V1', 'vary', '', 100, 200, 1, 'Mira', 'lost', NULL, 'Look there', 3, 3, 9, 0, 'a token');
    INSERT INTO deliveries (id, kind, job_id, guild_id, channel_id, nonce, state, message_id, next_try, created_at)
        VALUES (1, 'result', 1, 100, 200, 'aaaaaaaaaaaaaaaaaaaaaaaa', 'posted', 5, 1, 2);
"""
RELEASED[6] = f"""{RELEASED[5]}
    INSERT INTO subscriptions VALUES
        (3, 1, 100, 200, 2, 'Bo', 3, 0),
        (4, 1, 100, 201, 2, 'Bo', 4, 0),
        (5, 1, 900, 901, 2, 'Bo', 4, 1),
        (6, 2, 100, 201, 0, '', 5, 1),
        (7, 2, 900, 901, 0, '', 5, 1),
        (8, 2, 900, 901, 2, 'Bo', 6, 1);
"""
_SUBSCRIBED = (
    "INSERT INTO subscriptions (id, job_id, guild_id, channel_id, user_id, user_name, created_at, stopped) VALUES"
)
RELEASED[7] = f"""{RELEASED[5].replace("INSERT INTO subscriptions VALUES", _SUBSCRIBED)}
    INSERT INTO subscriptions (id, job_id, guild_id, channel_id, user_id, user_name, created_at, stopped, origin)
        VALUES (3, 1, 100, 200, 2, 'Bo', 3, 0, 'key');
    INSERT INTO deliveries (id, kind, job_id, submission_id, guild_id, channel_id, nonce, state, next_try, created_at)
        VALUES (2, 'notice', 1, 2, 100, 200, 'bbbbbbbbbbbbbbbbbbbbbbbb', 'waiting', 3, 3);
    INSERT INTO submissions VALUES
        (3, 'ref3', 1, NULL, 'U2', 'pick', '', 100, 200, 1, 'Mira', 'queued', NULL, '', 5, NULL, NULL, 0, ''),
        (4, 'ref4', 1, NULL, 'U2', 'pick', '', 100, 200, 2, 'Bo', 'queued', 3, '', 6, NULL, NULL, 0, '');
"""
_JOBS = "INSERT INTO jobs (id, key, jobid, status, over, answer, added_at, changed_at, over_at, parent_jobid) VALUES"
_SUBMITTED = (
    "INSERT INTO submissions (id, reference, parent_id, child_id, button, tier, prompt, guild_id, channel_id, user_id, "
    "user_name, state, waits_for, error, created_at, sent_at, ended_at, notified, interaction_token) VALUES"
)
RELEASED[8] = (
    RELEASED[7].replace("INSERT INTO jobs VALUES", _JOBS).replace("INSERT INTO submissions VALUES", _SUBMITTED)
)
RELEASED[9] = f"""{RELEASED[8]}
    UPDATE submissions SET answered = 1;
    UPDATE subscriptions SET origin = 'notify' WHERE id = 3;
"""
RELEASED[10] = f"""{RELEASED[9]}
    INSERT INTO submissions (id, reference, parent_id, button, guild_id, channel_id, user_id, user_name, state,
                             provider, created_at, sent_at, interaction_id, answered)
        VALUES (5, 'ref5', 1, 'V2', 100, 200, 2, 'Bo', 'sent', 'midjourney-proxy', 7, 7, 77, 1);
    UPDATE submissions SET waits_for = 3 WHERE id = 4;
"""
_SERVERS = "INSERT INTO servers (guild_id, settings, file_limit) VALUES"
RELEASED[11] = f"""{RELEASED[10]}
    INSERT INTO servers VALUES (100, '{{"daily":3}}', 1000);
    INSERT INTO submissions (id, reference, kind, prompt, guild_id, channel_id, user_id, user_name, state, created_at,
                             sent_at, ended_at, answered)
        VALUES (6, 'ref6', 'imagine', 'a castle', 100, 200, 2, 'Bo', 'declined', 8, 8, 8, 1);
    INSERT INTO deliveries (id, kind, submission_id, guild_id, channel_id, nonce, next_try, created_at)
        VALUES (3, 'notice', 6, 100, 200, 'cccccccccccccccccccccccc', 8, 8);
"""
RELEASED[12] = f"""{RELEASED[11].replace("INSERT INTO servers VALUES", _SERVERS)}
    INSERT INTO submissions (id, reference, kind, prompt, guild_id, channel_id, user_id, user_name, created_at,
                             answered)
        VALUES (7, 'ref7', 'imagine', 'a castle', 100, 200, 2, 'Bo', 8, 1);
    INSERT INTO members VALUES (100, 2, 0);
"""
RELEASED[13] = f"""{RELEASED[12]}
    INSERT INTO presets VALUES (1, 100, 'Ink', 'ink wash --ar 3:2');
    INSERT INTO submissions (id, reference, kind, dimensions, guild_id, channel_id, user_id, user_name, created_at,
                             answered)
        VALUES (8, 'ref8', 'blend', 'portrait', 100, 200, 2, 'Bo', 9, 1);
    INSERT INTO submission_pictures VALUES (8, 0, 'https://cdn.example/a.png', 'image/png', x'89', 1);
"""
_MEMBERS = "INSERT INTO members (guild_id, user_id, pings) VALUES"
RELEASED[14] = f"""{RELEASED[13].replace("INSERT INTO members VALUES", _MEMBERS)}
    UPDATE members SET name = 'Bo', shut_out = 'manager', declined_from = 9;
    INSERT INTO audit_entries VALUES (1, 'shut out', 100, 2, 'Bo', 'Ada', NULL, 9, 'none');
"""
RELEASED[15] = f"""{RELEASED[14]}
    INSERT INTO job_prompts (rowid, prompt, channels) VALUES (1, 'a castle', '200');
    INSERT INTO job_channels VALUES (100, 200);
"""
RELEASED[16] = f"""{RELEASED[15]}
    INSERT INTO stars VALUES (1, 100, 2);
    UPDATE deliveries SET kind = 'starboard_post' WHERE kind = 'split';
"""
RELEASED[17] = f"""{RELEASED[16]}
    INSERT INTO forget_requests VALUES (2, 9);
    INSERT INTO left_servers VALUES (100, 9);
"""

SAME = {
    "jobs": "id, key, jobid, status, over, answer, added_at, changed_at, over_at",
    "facts": "name, value",
    "servers": "guild_id, settings, file_limit",
    "members": "guild_id, user_id, pings",
    "durations": "id, kind, mode, seconds",
}
"""What every update leaves as it is, where the older schema has it."""

RENAMED = [
    (
        "SELECT id, job_id, guild_id, channel_id, user_id, user_name, asked_at, stopped FROM watches",
        "SELECT id, job_id, guild_id, channel_id, user_id, user_name, created_at, stopped FROM subscriptions",
    ),
    (
        "SELECT id, iif(kind = 'card', 'status_card', kind), job_id, channel_id, nonce, state, after_id, message_id, "
        "attempts, timeouts, next_try, shape, gone_since, trouble, wanted, created_at FROM deliveries",
        "SELECT id, kind, job_id, channel_id, nonce, state, after_id, message_id, "
        "attempts, timeouts, next_try, fallback, gone_since, error, revision, created_at FROM deliveries",
    ),
    (
        "SELECT id, ref, parent_id, child_id, button, user_id, trouble, pressed_at FROM presses",
        "SELECT id, reference, parent_id, child_id, button, user_id, error, created_at FROM submissions",
    ),
]
"""What schema 5 gave other names: how the older schemas are asked for it, and how the newest is."""

DENIED = "This press did not reach Midjourney, so nothing was charged. Press again if you still want it."
"""What 0.1.0 said of a press whose job it did not find."""


def test_every_schema_before_the_newest_has_rows_to_be_brought_up_to_date() -> None:
    behind = range(1, len(list(MIGRATIONS.glob("*.sql"))))
    assert set(RELEASED) >= set(behind)


async def submissions(store: Store) -> list[aiosqlite.Row]:
    return await store.database.rows("SELECT * FROM submissions")


@pytest.mark.parametrize("released", RELEASED)
async def test_a_database_of_each_release_is_brought_up_to_date_with_all_its_rows(
    tmp_path: Path, clock: Clock, released: int
) -> None:
    scripts = sorted(MIGRATIONS.glob("*.sql"))
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(scripts[:released], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[released])
    tables = {name for (name,) in read(tmp_path / FILE, "SELECT name FROM sqlite_schema")} & set(SAME)
    same = [f"SELECT {SAME[table]} FROM {table}" for table in sorted(tables)]
    renamed = [old if released < 5 else new for old, new in RENAMED]
    before = [sorted(read(tmp_path / FILE, query)) for query in [*same, *renamed]]
    assert read_header(tmp_path).found is (DatabaseState.OLDER if released < len(scripts) else DatabaseState.OURS)
    async with open_store(tmp_path, clock) as store:
        after = [
            sorted(tuple(row) for row in await store.database.rows(query))
            for query in [*same, *(new for _, new in RENAMED)]
        ]
        assert await store.database.rows("PRAGMA foreign_key_check") == []
        (version,) = await store.database.rows("PRAGMA user_version")
        assert await store.jobs.to_poll(ProviderName.USEAPI) == [], "Mira had stopped"
        parent = await store.jobs.by_key("AAAA", 100)
        assert parent is not None
        assert await store.jobs.by_jobid(ProviderName.USEAPI, "job:parent") == parent
        states = {row["id"]: (row["state"], row["waits_for"]) for row in await submissions(store)}
        assert await store.queue.unanswered(ProviderName.USEAPI) == [], "what is queued is sent, as it was promised"
        counts = await store.stats.counts()
        assert [sum(each.values()) for each in (counts.jobs, counts.deliveries, counts.submissions)] == [
            await count(store, table) for table in ("jobs", "deliveries", "submissions")
        ]
    assert after == before
    if released == 4:
        assert states == {
            1: ("accepted", None),
            2: ("lost", None),
            3: ("queued", None),
            4: ("unconfirmed", None),
            5: ("queued", 4),
            6: ("unconfirmed", None),
            7: ("repeated", None),
            8: ("cancelled", None),
            9: ("declined", None),
        }, "what had been sent at the end is reconciled, as after every start"
    assert version[0] == len(scripts)
    (copy,) = (tmp_path / "backups").iterdir()
    assert read(copy, "SELECT count(*) FROM jobs") == [(2,)]
    restored = await restore(tmp_path, copy, clock.time)
    assert restored.jobs == 2, "an older copy is brought up to date when it is put back"
    async with open_store(tmp_path, clock) as store:
        assert json.loads(str(await store.facts.get("restored")))["after"] == 5


async def test_no_charge_that_0_1_0_denied_is_denied_after_the_update(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:4], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[4])
        database.execute("UPDATE presses SET trouble = ? WHERE state IN ('lost', 'refused', 'unknown')", (DENIED,))
        database.commit()
    async with open_store(tmp_path, clock) as store:
        sentences = {row["id"]: row["error"] for row in await submissions(store) if row["error"]}
    assert "may have been charged" in sentences[2]
    assert "may have been charged" in sentences[6]
    assert not [sentence for sentence in sentences.values() if "nothing was charged" in sentence]


async def test_an_update_that_would_orphan_rows_is_not_made(tmp_path: Path) -> None:
    released = sorted(MIGRATIONS.glob("*.sql"))
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(released[:7], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[7])
    folder = tmp_path / "migrations"
    folder.mkdir()
    for script in released[:7]:
        shutil.copy(script, folder)
    (folder / "0008_careless.sql").write_text("DELETE FROM jobs WHERE id = 2;", encoding="utf-8")
    with pytest.raises(StoreError, match=r"would leave 2 rows without what they belong to, .* Nothing was changed"):
        async with open_database(tmp_path, folder):
            pass
    assert read(tmp_path / FILE, "SELECT count(*) FROM jobs") == [(2,)]
    assert read(tmp_path / FILE, "PRAGMA user_version") == [(7,)]


async def test_two_providers_may_use_the_same_id(tmp_path: Path, clock: Clock) -> None:
    theirs = msgspec.structs.replace(RUNNING, provider=ProviderName.MIDJOURNEY_PROXY)
    async with open_store(tmp_path, clock) as store:
        first = await store.subscriptions.add(RUNNING, HERE, MIRA)
        second = await store.subscriptions.add(theirs, HERE, MIRA)
        assert first.known.id != second.known.id
        for provider, subscribed in ((ProviderName.USEAPI, first), (ProviderName.MIDJOURNEY_PROXY, second)):
            assert await store.jobs.to_poll(provider) == [subscribed.known.id]
            found = await store.jobs.by_jobid(provider, RUNNING.jobid)
            assert found is not None
            assert (found.id, found.job.provider) == (subscribed.known.id, provider)
            queued = await press(store, found.id)
            assert [each.id for each in await store.queue.next(provider, 9)] == [queued.id]
            assert await store.queue.position(queued) == 1, "each provider has a queue of its own"
        assert (await store.subscriptions.add(theirs, HERE, MIRA)).known.id == second.known.id


async def test_who_pressed_notify_me_before_the_update_is_mentioned_after_it(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:9], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[9])
    async with open_store(tmp_path, clock) as store:
        subscribed = await store.subscriptions.in_channel(1, HERE.channel_id)
    assert [(each.person.name, each.notify) for each in subscribed] == [("Mira", False), ("Bo", True)]


async def test_of_old_subscriptions_only_those_that_brought_the_job_give_rights(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:6], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[6])
    async with open_store(tmp_path, clock) as store:
        rows = await store.database.rows("SELECT id, origin FROM subscriptions")
        origins = {row["id"]: row["origin"] for row in rows}
    assert origins == {
        1: "job_id",  # the first of the server
        2: "press",
        3: "key",
        4: "key",
        5: "job_id",  # the first of another server
        6: "unattended",
        7: "unattended",
        8: "key",
    }


async def test_a_good_copy_is_not_blamed_for_a_disk_that_is_full(tmp_path: Path, clock: Clock) -> None:
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(copy)) as database:
        script = min(MIGRATIONS.glob("*.sql")).read_text(encoding="utf-8")
        database.executescript(f"{script}; PRAGMA user_version = 1; {RELEASED[1]}")
    (tmp_path / "data").mkdir()
    with largest_file(copy.stat().st_size), pytest.raises(StoreError, match=r"could not be made ready .*disk full\?"):
        await restore(tmp_path / "data", copy, clock.time)
    assert list((tmp_path / "data").iterdir()) == []
    assert (await restore(tmp_path / "data", copy, clock.time)).jobs == 2


@pytest.mark.parametrize("error", ["a full disk", "a file in the place of the folder"])
async def test_an_update_that_cannot_keep_a_copy_changes_nothing_and_leaves_no_half_one(
    tmp_path: Path, clock: Clock, error: str
) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        for number, script in enumerate(sorted(MIGRATIONS.glob("*.sql"))[:2], start=1):
            database.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = {number};")
        database.executescript(RELEASED[2])
        database.execute("INSERT INTO facts VALUES ('long', ?)", ("x" * 1_000_000,))
        database.commit()
    folder = tmp_path / "backups"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if "full" in error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    else:
        folder.touch()
    try:
        with pytest.raises(StoreError, match=r"a copy is made in .*Nothing was changed"):
            await open_store(tmp_path, clock).__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "full" not in error or list(folder.iterdir()) == []
    assert read(tmp_path / FILE, "PRAGMA user_version") == [(2,)]
    if folder.is_file():
        folder.unlink()
    async with open_store(tmp_path, clock):
        pass
    (copy,) = folder.iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    assert read(copy, "PRAGMA user_version") == [(2,)]
