"""Jobs with their presses and posts, put into a store, and what is read of its file."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bot.models import (
    Delivery,
    Destination,
    Job,
    Limits,
    Person,
    Status,
    Submission,
)
from bot.models.provider import ProviderName
from bot.store import Store
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
