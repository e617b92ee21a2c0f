"""A server's presets and its word list as they are stored: beside a second admin, and apart from other servers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.models import (
    CostTier,
    Destination,
    Job,
    Limits,
    Person,
    ProviderName,
    ServerSettings,
    Status,
    Submission,
    SubmissionKind,
    SubmissionRequest,
    SubmissionState,
)
from bot.models.prompt import MAX_PRESETS, PresetProblem, words_digest
from bot.store import Store, open_store
from tests.database import migrated

HERE, ELSEWHERE = 100, 101
MIRA, BO = Person(id=1, name="Mira"), Person(id=2, name="Bo")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(migrated(tmp_path), lambda: datetime(2026, 11, 23, 12, tzinfo=UTC)) as opened:
        yield opened


async def named(store: Store, guild_id: int = HERE) -> dict[str, str]:
    return {preset.name: preset.suffix for preset in await store.presets.of_server(guild_id)}


async def test_presets_are_listed_by_name_found_in_any_case_renamed_and_deleted(store: Store) -> None:
    for name, suffix in (("zine", "--ar 3:2"), ("Ink", "ink wash"), ("Été", "summer light")):
        assert await store.presets.add(HERE, name, suffix) is None
    assert await store.presets.add(ELSEWHERE, "Ink", "other ink") is None
    assert list(await named(store)) == ["Ink", "zine", "Été"]
    ink = await store.presets.by_name(HERE, "iNK")
    assert ink is not None
    assert await store.presets.change(HERE, ink.id, "INK", "more ink") is None
    assert await store.presets.change(HERE, ink.id, "éTÉ", "more ink") is PresetProblem.NAME_TAKEN
    assert await store.presets.change(ELSEWHERE, ink.id, "Stolen", "") is PresetProblem.DELETED
    assert await store.presets.delete(ELSEWHERE, ink.id) is None
    assert await store.presets.by_id(ELSEWHERE, ink.id) is None
    assert await named(store) == {"INK": "more ink", "zine": "--ar 3:2", "Été": "summer light"}
    deleted = await store.presets.delete(HERE, ink.id)
    assert deleted is not None
    assert deleted.suffix == "more ink"
    assert await store.presets.change(HERE, ink.id, "Ink", "again") is PresetProblem.DELETED
    assert await store.presets.by_name(HERE, "ink") is None
    assert await named(store, ELSEWHERE) == {"Ink": "other ink"}


async def test_two_admins_at_once_add_no_name_twice_and_no_more_than_fit(store: Store) -> None:
    twice = await asyncio.gather(*(store.presets.add(HERE, name, "fog") for name in ("Ink", "ink")))
    assert sorted(twice, key=str) == [None, PresetProblem.NAME_TAKEN]
    added = await asyncio.gather(*(store.presets.add(HERE, f"fog {number}", "fog") for number in range(MAX_PRESETS)))
    assert added.count(PresetProblem.TOO_MANY) == 1
    assert len(await named(store)) == MAX_PRESETS


async def test_a_word_list_is_replaced_only_by_who_saw_it(store: Store) -> None:
    empty = words_digest(())
    assert await store.servers.change_words(HERE, ("blood",), before=empty)
    assert not await store.servers.change_words(HERE, ("gore",), before=empty)
    assert await store.servers.words(HERE) == ("blood",)
    assert await store.servers.words(ELSEWHERE) == ()
    await store.servers.change_settings(HERE, daily=3)
    assert await store.servers.change_words(HERE, (), before=words_digest(("blood",)))
    assert await store.servers.settings(HERE) == ServerSettings(daily=3)


async def imagine(store: Store, prompt: str, person: Person = MIRA, guild_id: int = HERE) -> Submission:
    request = SubmissionRequest(
        kind=SubmissionKind.IMAGINE,
        tier=CostTier.VARY,
        prompt=prompt,
        destination=Destination(guild_id=guild_id, channel_id=200),
        person=person,
    )
    added = await store.submissions.add(request, provider=ProviderName.USEAPI, limits=Limits())
    assert isinstance(added, Submission)
    await store.submissions.mark_answered(added)
    return added


async def test_members_are_given_their_own_prompts_of_one_server_without_declined_ones(store: Store) -> None:
    first = await imagine(store, "a castle")
    await imagine(store, "a bridge")
    for others in (await imagine(store, "a tower", BO), await imagine(store, "a wall", guild_id=ELSEWHERE)):
        assert await store.history.prompt(others.id, MIRA.id, HERE) is None
    for declined, moderated in (("a bloody castle", False), ("a bloody bridge", True)):
        submission = await imagine(store, declined)
        assert await store.submissions.mark_sent(submission)
        if moderated:
            job = Job(jobid="job:1", status=Status.MODERATED)
            await store.submissions.mark_accepted(submission, job, repeated=False, delay=0)
        else:
            await store.submissions.mark_failed(submission, SubmissionState.DECLINED, "Banned")
    assert [prompt for _, prompt in await store.history.prompts(MIRA.id, HERE, limit=9)] == ["a bridge", "a castle"]
    assert len(await store.history.prompts(MIRA.id, HERE, limit=1)) == 1
    assert await store.history.prompt(first.id, MIRA.id, HERE) == "a castle"
