"""Submissions without a parent: prompts, and the pictures that are sent along."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bot.errors import (
    BadRequest,
    Busy,
    JobUnknown,
    Overloaded,
    ProviderError,
    RequestTimeout,
    SubmissionDeclined,
    Unreachable,
)
from bot.models import (
    DECLINED_A_DAY,
    DeliveryKind,
    Dimensions,
    Limit,
    LimitExceeded,
    Status,
    Submission,
    SubmissionKind,
    SubmissionState,
)
from bot.providers.base import Capabilities
from bot.store import submission_statements
from tests.clock import VirtualTime
from tests.queue_harness import (
    BO,
    BOAT,
    CASTLE,
    FOX,
    HERE,
    HOUR,
    MINUTE,
    MIRA,
    NO_CLEAR_ANSWER,
    START,
    QueueHarness,
    lost,
)

event_loop_factory = VirtualTime


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[QueueHarness]:
    harness = QueueHarness(tmp_path)
    await harness.begin()
    yield harness
    await harness.end()


# --- prompts, which have no parent ------------------------------------------------------------------------------------


async def test_a_prompt_is_sent_once_and_its_job_has_a_status_card_at_once(harness: QueueHarness) -> None:
    submission = await harness.imagined()
    await asyncio.sleep(10)
    assert [(prompt, reference) for _, prompt, reference in harness.useapi.posts] == [(CASTLE, submission.reference)]
    assert (await harness.states(), harness.polled) == (["accepted"], ["job:1"])
    (status_card,) = [row for row in await harness.store.outbox.due() if row.kind is DeliveryKind.STATUS_CARD]
    known = await harness.store.jobs.find(status_card.job_id)
    assert known is not None
    assert (known.job.jobid, known.job.parent_jobid) == ("job:1", "")
    (subscribed,) = await harness.store.subscriptions.in_channel(known.id, HERE.channel_id)
    assert subscribed.person == MIRA


@pytest.mark.parametrize("error", NO_CLEAR_ANSWER, ids=lambda error: type(error).__name__)
async def test_a_running_job_of_a_prompt_whose_answer_was_lost_is_adopted_by_its_reference(
    harness: QueueHarness, error: ProviderError
) -> None:
    harness.useapi.lasts = HOUR
    harness.useapi.outcomes = [[error], None]
    await harness.imagined()
    await harness.imagined(CASTLE, BO)
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted", "accepted"]
    assert list(harness.children().values()) == [1, 1]
    assert len(harness.useapi.posts) == 2


async def test_a_prompt_whose_job_runs_no_longer_counts_as_spent_and_is_adopted_by_a_webhook(
    harness: QueueHarness,
) -> None:
    harness.useapi.outcomes = lost(RequestTimeout())
    harness.useapi.lasts = 0.0
    submission = await harness.imagined(daily=1)
    await asyncio.sleep(4 * MINUTE)
    assert harness.notified_of("") == [SubmissionState.UNCONFIRMED, SubmissionState.LOST]
    assert "no job was found for this prompt" in await harness.sentence(submission)
    assert isinstance(await harness.imagine(daily=1), LimitExceeded)
    ((_, job),) = harness.useapi.made.values()
    await harness.submissions.job_seen(msgspec.structs.replace(job, status=Status.COMPLETED))
    assert await harness.state(submission) == SubmissionState.ACCEPTED
    await harness.submissions.job_seen(job)
    assert len(harness.useapi.posts) == 1


async def test_after_a_504_a_prompt_counts_as_spent_and_is_not_sent_again(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [Overloaded(code=504)]
    submission = await harness.imagined()
    await asyncio.sleep(10)
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(5 * MINUTE)
    assert await harness.state(submission) == SubmissionState.LOST
    assert await harness.sentence(submission) == (
        "useapi.net lost track of this prompt. Midjourney may have made it and charged for it, but its job was not "
        "found. Please look there before you send it again."
    )
    assert len(harness.useapi.posts) == 1


async def test_a_kill_around_the_request_for_a_prompt_loses_and_doubles_nothing(harness: QueueHarness) -> None:
    harness.useapi.takes, harness.useapi.lasts = 30.0, HOUR
    unanswered = await harness.imagine()  # killed before the presser saw it taken
    assert isinstance(unanswered, Submission)
    await harness.imagined(CASTLE, BO)  # killed between the request and its answer
    await asyncio.sleep(3)
    assert await harness.states() == ["queued", "sent"]
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["cancelled", "accepted"]
    assert "Send it again if you still want it." in await harness.sentence(unanswered)
    assert list(harness.children().values()) == [1]


async def test_where_only_children_are_listed_a_lost_prompt_is_lost_at_once(harness: QueueHarness) -> None:
    harness.useapi.capabilities = Capabilities(children=True, echoes_reference=True)
    harness.useapi.outcomes = [RequestTimeout()]
    submission = await harness.imagined()
    await asyncio.sleep(10)
    assert await harness.state(submission) == SubmissionState.LOST
    assert "it can't be asked what became of this" in await harness.sentence(submission)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BadRequest(code=400), "did not accept this prompt, so nothing was sent to Midjourney"),
        (BadRequest(code=413), "too long"),
        (JobUnknown(), "can't start jobs of prompts"),
        (SubmissionDeclined("Banned prompt"), "Banned prompt"),
    ],
    ids=["400", "413", "404", "422"],
)
async def test_a_refused_prompt_says_what_is_wrong_with_it(
    harness: QueueHarness, error: ProviderError, words: str
) -> None:
    harness.useapi.outcomes = [error]
    submission = await harness.imagined()
    await asyncio.sleep(10)
    assert words in await harness.sentence(submission)
    assert (await harness.state(submission)) in {SubmissionState.REFUSED, SubmissionState.DECLINED}


async def test_prompts_and_buttons_count_together(harness: QueueHarness) -> None:
    await harness.submission("V1")
    await harness.imagined(daily=2)
    for refused in (await harness.imagine(daily=2), await harness.add("V2", daily=2)):
        assert isinstance(refused, LimitExceeded)
        assert refused.why is Limit.DAILY


# --- pictures -------------------------------------------------------------------------------------------------------


async def test_a_queued_blend_has_its_pictures_after_a_restart_until_it_was_sent(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [Busy()]
    await harness.started(SubmissionKind.BLEND)
    await asyncio.sleep(5)
    assert await harness.states() == ["queued"]
    assert await harness.stored_pictures() == 2, "what was certainly not taken is sent again"
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"]
    assert harness.useapi.pictures[-1] == (Dimensions.PORTRAIT, FOX, BOAT)
    assert len(harness.useapi.made) == 1
    assert await harness.stored_pictures() == 0


@pytest.mark.parametrize("kind", [SubmissionKind.BLEND, SubmissionKind.DESCRIBE])
async def test_a_lost_answer_about_pictures_is_reconciled_and_nothing_is_sent_again(
    harness: QueueHarness, kind: SubmissionKind
) -> None:
    harness.useapi.outcomes = [[Unreachable()], Unreachable()]
    made, unmade = await harness.started(kind), await harness.started(kind, BO)
    await asyncio.sleep(10)
    assert await harness.stored_pictures() == 0, "they are never needed again"
    await asyncio.sleep(5 * MINUTE)
    assert [await harness.state(each) for each in (made, unmade)] == [SubmissionState.ACCEPTED, SubmissionState.LOST]
    assert len(harness.useapi.posts) == 2
    lost = await harness.store.history.by_id(unmade.id)
    assert lost is not None
    it = {SubmissionKind.BLEND: "blend", SubmissionKind.DESCRIBE: "description"}[kind]
    assert f"no job was found for this {it}. It may have been charged" in lost.error


async def test_pictures_that_are_not_sent_are_not_kept(harness: QueueHarness) -> None:
    harness.useapi.everybody = Busy()
    cancelled = await harness.started(SubmissionKind.BLEND)
    unseen = await harness.start(SubmissionKind.BLEND)
    assert isinstance(unseen, Submission)
    expired = await harness.started(SubmissionKind.DESCRIBE, BO, expires_at=START + timedelta(minutes=5))
    assert await harness.stored_pictures() == 5
    await harness.submissions.cancel_queued(cancelled)
    harness.submissions.answer_ended(unseen)
    await asyncio.sleep(16 * MINUTE)
    assert await harness.states() == ["cancelled", "cancelled", "refused"]
    assert await harness.stored_pictures() == 0
    ended = await harness.store.history.by_id(expired.id)
    assert ended is not None
    assert ended.error.startswith("The link to its picture expired while this was queued")


async def test_no_more_pictures_are_kept_than_the_database_has_room_for(
    harness: QueueHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_statements, "MAX_STORED_BYTES", 64 << 10)
    harness.useapi.everybody = Busy()
    large = msgspec.structs.replace(FOX, content=bytes(20 << 10))
    await harness.started(SubmissionKind.BLEND, pictures=(large, large, large))
    assert await harness.start(SubmissionKind.BLEND, BO, pictures=(large, large)) == LimitExceeded(why=Limit.PICTURES)
    assert isinstance(await harness.start(SubmissionKind.BLEND, BO), Submission)


async def test_descriptions_run_side_by_side_and_too_many_declined_ones_stop_their_member(
    harness: QueueHarness,
) -> None:
    harness.useapi.takes = 30.0
    both = [await harness.start(SubmissionKind.DESCRIBE) for _ in range(2)]
    for each in both:
        assert isinstance(each, Submission)
        await harness.store.submissions.mark_answered(each)
    for each in both:
        assert isinstance(each, Submission)
        harness.submissions.answer_ended(each)
    await asyncio.sleep(1)
    assert len(harness.useapi.posts) == 2, "they are not two presses of one button"
    harness.useapi.outcomes = [SubmissionDeclined("Image denied")] * DECLINED_A_DAY
    harness.useapi.takes = 0.1
    for _ in range(DECLINED_A_DAY):
        await harness.started(SubmissionKind.DESCRIBE, BO)
        await asyncio.sleep(MINUTE)
    refused = await harness.start(SubmissionKind.DESCRIBE, BO)
    assert isinstance(refused, LimitExceeded)
    assert refused.why is Limit.DECLINED
