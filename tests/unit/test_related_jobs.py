"""Related jobs: which are listed, in which order, and which are hidden because they belong to another server."""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import formatting
from bot.models import Destination, Job, KnownJob, Person, Status
from bot.store import Store, open_store
from tests.database import migrated
from tests.strategies import jobs

HERE = Destination(guild_id=100, channel_id=200)
LOUNGE = Destination(guild_id=100, channel_id=201)
ELSEWHERE = Destination(guild_id=900, channel_id=901)
CHANNELS = (HERE.channel_id, LOUNGE.channel_id)
MIRA = Person(id=1, name="Mira")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(migrated(tmp_path), lambda: NOON) as opened:
        yield opened


async def add_job(store: Store, name: str, parent: str = "", destination: Destination = HERE) -> KnownJob:
    """Store a finished job with a subscription of Mira's."""
    verb = "button" if parent else "imagine"
    job = Job(jobid=name, verb=verb, button=name, status=Status.COMPLETED, parent_jobid=parent, prompt=f"scene {name}")
    return (await store.subscriptions.add(job, destination, MIRA)).known


async def tree(
    store: Store, known: KnownJob, *, limit: int = 15, channels: Collection[int] = CHANNELS
) -> tuple[list[str], int]:
    """The listed jobs in order: a dash for each generation, then the job id; and the number of those left out."""
    related, more = await store.related_jobs.of(known, HERE, channels, limit=limit)
    return ["-" * each.generation + each.known.job.jobid for each in related], more


async def test_every_parent_is_listed_above_its_children(store: Store) -> None:
    await add_job(store, "root")
    for name, parent in (("a", "root"), ("b", "root"), ("a1", "a"), ("b1", "b"), ("a2", "a"), ("a1x", "a1")):
        await add_job(store, name, parent)
    a = await add_job(store, "a", "root")
    assert await tree(store, a) == (["root", "-a", "--a1", "---a1x", "--a2"], 0)
    root = await add_job(store, "root")
    assert await tree(store, root) == (["root", "-a", "--a1", "---a1x", "--a2", "-b", "--b1"], 0)
    assert await tree(store, root, limit=4) == (["root", "-a", "--a1", "-b"], 3), "the closest relatives are kept"


async def test_a_job_of_another_server_is_not_listed(store: Store) -> None:
    await add_job(store, "root", destination=ELSEWHERE)
    mine = await add_job(store, "mine", "root")
    await add_job(store, "theirs", "mine", ELSEWHERE)
    await add_job(store, "hidden child of theirs", "theirs")
    assert await tree(store, mine) == (["mine"], 0)
    await add_job(store, "theirs", "mine", LOUNGE)
    assert await tree(store, mine) == (["mine", "-theirs", "--hidden child of theirs"], 0)


async def test_a_relative_in_a_channel_that_is_not_viewed_hides_those_beyond_it(store: Store) -> None:
    await add_job(store, "root")
    await add_job(store, "hidden", "root", LOUNGE)
    await add_job(store, "beyond", "hidden")
    beyond = await add_job(store, "child", "beyond")
    root = await add_job(store, "root")
    assert await tree(store, root, channels=[HERE.channel_id]) == (["root"], 0)
    assert await tree(store, beyond, channels=[HERE.channel_id]) == (["beyond", "-child"], 0)
    assert set(await store.related_jobs.channels(root, HERE.guild_id)) == set(CHANNELS)
    await add_job(store, "hidden", "root")
    for number, delivery in enumerate(await store.outbox.due()):
        if delivery.destination == LOUNGE:
            await store.outbox.mark_posted(delivery, 1000 + number)
    related, _ = await store.related_jobs.of(root, HERE, [HERE.channel_id], limit=15)
    assert [each.post for each in related] == [None] * 4, "its post there is not linked to"


async def test_a_cycle_of_parents_ends(store: Store) -> None:
    await add_job(store, "a", "c")
    await add_job(store, "b", "a")
    c = await add_job(store, "c", "b")
    await add_job(store, "self", "self")
    assert await tree(store, c) == (["a", "-b", "--c"], 0)
    assert await tree(store, await add_job(store, "self", "self")) == (["self"], 0)


async def test_the_post_in_this_channel_comes_before_those_elsewhere(store: Store) -> None:
    known = await add_job(store, "root")
    await add_job(store, "root", destination=LOUNGE)
    for number, delivery in enumerate(await store.outbox.due()):
        await store.outbox.mark_posted(delivery, 1000 + number)
    for destination in (HERE, LOUNGE):
        ((root,), _) = await store.related_jobs.of(known, destination, CHANNELS, limit=15)
        assert root.post is not None
        assert root.post.destination == destination


@given(st.lists(jobs, min_size=1, max_size=20), st.integers(min_value=0, max_value=300))
def test_a_list_has_fifteen_lines_at_most_and_keeps_discords_limits(members: list[Job], more: int) -> None:
    lines = [
        formatting.RelatedJobLine(job=job, key="4K7Q", generation=number, url=URL) for number, job in enumerate(members)
    ]
    embed = formatting.related_jobs(lines, more)
    listed = (embed.description or "").splitlines()
    assert 1 <= len(listed) <= 15
    assert len(embed.description or "") <= 4096
    assert ("and" in listed[-1]) >= (len(members) + more > 15)


URL = "https://discord.com/channels/1234567890123456789/1234567890123456789/1234567890123456789"


def test_a_line_shows_name_state_and_link() -> None:
    grid = Job(jobid="job:1", verb="imagine", status=Status.COMPLETED, prompt="a castle in the fog --ar 3:2")
    pick = Job(jobid="job:2", verb="button", button="U2", status=Status.COMPLETED, prompt=grid.prompt)
    bad = Job(jobid="job:3", verb="button", button="V1", status=Status.MODERATED, prompt="forbidden words")
    running = Job(jobid="job:4", verb="button", button="V2", status=Status.PROGRESS, percent=47, prompt=grid.prompt)
    lines = [
        formatting.RelatedJobLine(job=grid, key="4K7Q", generation=0, url=URL, here=True),
        formatting.RelatedJobLine(job=pick, key="8M2P", generation=1, url=URL),
        formatting.RelatedJobLine(job=bad, key="9N3R", generation=1, url=URL),
        formatting.RelatedJobLine(job=running, key="2T5W", generation=1),
    ]
    assert (formatting.related_jobs(lines, 0).description or "").splitlines() == [
        f"- **Imagine** [castle in the fog]({URL}) · done · this one",
        f"  - **U2** [castle in the fog]({URL}) · done",
        f"  - **V1** [#9N3R]({URL}) · declined",
        "  - **V2** castle in the fog · 47% · `#2T5W`",
    ]
    assert (formatting.related_jobs(lines, 2).description or "").endswith("\n-# … and 2 more")
    alone = formatting.related_jobs(lines[:1], 0).description or ""
    assert alone.endswith("\n-# No related jobs in this server.")
