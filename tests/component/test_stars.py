"""Stars in the store: one per member and job, and one starboard post per job and channel, in the star's transaction."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination, Job, Person, Status
from bot.store import Store, open_store
from tests.database import migrated

HERE = Destination(guild_id=100, channel_id=200)
STARBOARD = Destination(guild_id=100, channel_id=300)
ANOTHER = Destination(guild_id=100, channel_id=301)
ELSEWHERE = Destination(guild_id=900, channel_id=901)
MIRA = Person(id=1, name="Mira")
DONE = Job(jobid="job:1", verb="imagine", status=Status.COMPLETED)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(migrated(tmp_path), lambda: NOON) as opened:
        yield opened


@pytest.fixture
async def job_id(store: Store) -> int:
    """A job whose result is posted."""
    known = (await store.subscriptions.add(DONE, HERE, MIRA)).known
    await posted(store, await only(store), 5)
    return known.id


async def only(store: Store) -> Delivery:
    (delivery,) = await store.outbox.due()
    return delivery


async def posted(store: Store, delivery: Delivery, message_id: int) -> Delivery:
    claimed = await store.outbox.claim(delivery)
    assert claimed is not None
    return await store.outbox.mark_posted(claimed, message_id)


async def test_the_star_that_reaches_the_number_adds_one_post_however_many_come_at_once(
    store: Store, job_id: int
) -> None:
    first = await store.stars.add(job_id, 2, STARBOARD, 3)
    assert (first.stars, first.post) == (1, None)
    again = await store.stars.add(job_id, 2, STARBOARD, 3)
    assert (again.stars, again.post) == (1, None), "one star for each member"
    assert await store.stars.remove(job_id, HERE.guild_id, 2) == 0
    starred = await asyncio.gather(*(store.stars.add(job_id, member, STARBOARD, 3) for member in range(2, 12)))
    assert sorted(each.stars for each in starred) == list(range(1, 11))
    delivery = await only(store)
    assert (delivery.kind, delivery.destination, delivery.job_id) == (DeliveryKind.STARBOARD_POST, STARBOARD, job_id)


async def test_each_server_counts_its_own_stars(store: Store, job_id: int) -> None:
    await store.stars.add(job_id, 2, STARBOARD, 2)
    await store.stars.add(job_id, 3, ELSEWHERE, 2)
    assert await store.outbox.due() == []
    assert [await store.stars.count(job_id, guild) for guild in (100, 900)] == [1, 1]
    assert [await store.stars.has(job_id, 100, member) for member in (2, 3)] == [True, False]


async def test_later_stars_make_one_edit_of_the_post_and_a_star_twice_none(store: Store, job_id: int) -> None:
    await store.stars.add(job_id, 2, STARBOARD, 1)
    post = await posted(store, await only(store), 6)
    await store.stars.add(job_id, 2, STARBOARD, 1)
    assert await store.outbox.next_due(NOON) is None
    for member in (3, 4):
        assert (await store.stars.add(job_id, member, STARBOARD, 1)).post is not None
    await store.stars.remove(job_id, HERE.guild_id, 4)
    due = await store.outbox.next_due(NOON)
    assert due is not None
    assert (due - NOON).total_seconds() == 60
    (row,) = await store.database.rows("SELECT revision, posted_revision FROM deliveries WHERE id = ?", (post.id,))
    assert row["revision"] > row["posted_revision"]
    assert await store.outbox.due() == []


async def test_a_post_that_a_person_removed_does_not_come_back_in_any_channel(store: Store, job_id: int) -> None:
    await store.stars.add(job_id, 2, STARBOARD, 1)
    await store.outbox.drop(await posted(store, await only(store), 6))
    for member, starboard in ((3, STARBOARD), (4, ANOTHER)):
        starred = await store.stars.add(job_id, member, starboard, 1)
        assert starred.removed
        assert starred.post is not None
    assert await store.outbox.due() == []


async def test_another_channel_gets_a_post_of_its_own(store: Store, job_id: int) -> None:
    await store.stars.add(job_id, 2, STARBOARD, 1)
    await posted(store, await only(store), 6)
    starred = await store.stars.add(job_id, 3, ANOTHER, 1)
    assert not starred.removed
    assert (await only(store)).destination == ANOTHER


async def test_a_post_that_was_given_up_is_tried_again_with_the_next_star(store: Store, job_id: int) -> None:
    await store.stars.add(job_id, 2, STARBOARD, 1)
    assert await store.outbox.give_up(await only(store), "HTTP 403, code 50013")
    await store.stars.add(job_id, 2, STARBOARD, 1)
    assert await store.outbox.due() == []
    starred = await store.stars.add(job_id, 3, STARBOARD, 1)
    assert starred.post is not None
    assert (await only(store)).state is DeliveryState.SENDING, "an earlier send may exist"


async def test_a_post_that_was_dropped_before_it_was_sent_is_tried_again_with_the_next_star(
    store: Store, job_id: int
) -> None:
    await store.stars.add(job_id, 2, STARBOARD, 1)
    assert await store.outbox.drop(await only(store))
    await store.stars.add(job_id, 2, STARBOARD, 1)
    assert await store.outbox.due() == [], "no star, none was added"
    starred = await store.stars.add(job_id, 3, STARBOARD, 1)
    assert not starred.removed
    assert (await only(store)).state is DeliveryState.SENDING, "an earlier send may exist"


async def test_stars_go_with_their_job(store: Store, job_id: int) -> None:
    await store.stars.add(job_id, 2, STARBOARD, 3)
    await store.database.transaction(lambda db: db.execute("DELETE FROM jobs WHERE id = ?", (job_id,)))
    assert await store.stars.count(job_id, HERE.guild_id) == 0
