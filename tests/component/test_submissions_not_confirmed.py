"""Submissions of which nobody knows whether they were taken: by the provider, or by their presser."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import cast

import msgspec
import pytest

from bot.errors import (
    AccountBlocked,
    BadRequest,
    Busy,
    ButtonUsed,
    InvalidResponse,
    NotSent,
    Overloaded,
    ProviderError,
    ProviderServerError,
    QueueFull,
    RequestTimeout,
    SubmissionDeclined,
    Unreachable,
)
from bot.models import (
    Destination,
    Job,
    LimitExceeded,
    Limits,
    Origin,
    Person,
    ProviderName,
    Status,
    Submission,
    SubmissionState,
)
from tests.clock import VirtualTime
from tests.conftest import LONG, only_long
from tests.queue_harness import (
    BO,
    BUTTONS,
    CASTLE,
    GRID,
    HERE,
    HOUR,
    MINUTE,
    MIRA,
    NO_CLEAR_ANSWER,
    OVER,
    THERE,
    Fate,
    QueueHarness,
    lost,
    now,
)
from tests.submitting import button_press

event_loop_factory = VirtualTime


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[QueueHarness]:
    harness = QueueHarness(tmp_path)
    await harness.begin()
    yield harness
    await harness.end()


# --- whether the presser saw it taken -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["the bot is killed", "no confirmation"])
@pytest.mark.parametrize("visible", [True, False])
async def test_a_press_is_sent_only_if_discord_shows_its_presser_that_it_was_taken(
    harness: QueueHarness, how: str, visible: bool
) -> None:
    submission = await harness.add("V1", daily=1)
    assert isinstance(submission, Submission)
    if how == "the bot is killed":
        harness.visible |= {submission.id} if visible else set()
        await harness.kill()
        await harness.begin()
    else:
        await harness.answered(submission, visible=visible, confirmed=False)
    await asyncio.sleep(4)
    assert harness.useapi.posts == []
    assert harness.reads == [], "Discord may still take an answer"
    await asyncio.sleep(MINUTE)
    assert len(harness.reads) == 1
    assert len(harness.useapi.posts) == visible
    assert await harness.states() == ["accepted" if visible else "cancelled"]
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED if visible else SubmissionState.CANCELLED]
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert visible or "nothing was charged. Press the button again" in found.error
    assert await harness.store.submissions.interaction_token(submission) == ""
    assert isinstance(await harness.add("V1", daily=1), LimitExceeded) is visible, "what was not sent is not counted"


async def test_while_discord_is_down_it_is_asked_ever_more_rarely_until_the_token_is_dead(
    harness: QueueHarness,
) -> None:
    for outage in (5 * MINUTE, 20 * MINUTE):
        harness.discord_down = True
        submission = await harness.add("V1", Person(id=round(outage), name="M"))
        assert isinstance(submission, Submission)
        await harness.answered(submission, confirmed=False)
        await harness.submission("V2")
        await asyncio.sleep(outage)
        harness.discord_down = False
        await asyncio.sleep(2 * MINUTE)
    assert await harness.states() == ["accepted", "accepted", "cancelled", "accepted"], "V2 waits for nobody"
    assert len(harness.reads) < 35
    assert max(harness.reads[10:]) < 7 * MINUTE + 15 * MINUTE + 10


async def test_what_nobody_could_ask_about_for_a_quarter_of_an_hour_is_withdrawn(harness: QueueHarness) -> None:
    submission = await harness.add("V1")
    assert isinstance(submission, Submission)
    await harness.kill()
    await asyncio.sleep(16 * MINUTE)
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["cancelled"]
    assert harness.reads == []
    assert harness.useapi.posts == []
    assert harness.notified_of("V1") == [SubmissionState.CANCELLED]


async def test_an_interaction_that_is_delivered_again_is_no_second_press(harness: QueueHarness) -> None:
    async def deliver() -> Submission | LimitExceeded | None:
        return await harness.submissions.add(button_press(harness.grid, "V1", HERE, MIRA, interaction_id=7), Limits())

    first, second = await asyncio.gather(deliver(), deliver())
    assert isinstance(first, Submission)
    assert second is None
    harness.visible.add(first.id)
    await harness.kill()
    await harness.begin()
    assert await deliver() is None
    await asyncio.sleep(MINUTE)
    assert await deliver() is None
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"]
    assert len(harness.useapi.posts) == 1


@pytest.mark.parametrize(("visible", "states"), [
    ((True, False), ["accepted", "cancelled"]),
    ((False, True), ["cancelled", "accepted"]),
    ((False, False), ["cancelled", "cancelled"]),
    ((True, True), ["accepted", "repeated"]),
])  # fmt: skip
async def test_of_two_who_press_one_u_those_count_who_saw_it_taken(
    harness: QueueHarness, visible: tuple[bool, bool], states: list[str]
) -> None:
    for person, is_visible in zip((MIRA, BO), visible, strict=True):
        submission = await harness.add("U1", person)
        assert isinstance(submission, Submission)
        await harness.answered(submission, visible=is_visible, confirmed=False)
    await asyncio.sleep(MINUTE)
    assert await harness.states() == states
    assert len(harness.useapi.posts) == any(visible)


# --- no clear answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["among the children", "among what runs", "both, and over", "not known everywhere"])
async def test_a_job_whose_answer_was_lost_is_found_and_never_sent_again(harness: QueueHarness, where: str) -> None:
    useapi = harness.useapi
    useapi.outcomes = [[error] for error in NO_CLEAR_ANSWER]
    useapi.unlisted = {f"job:{number}" for number in range(9)} if where == "among what runs" else set()
    useapi.lasts = 0.0 if where == "both, and over" else HOUR
    useapi.unknown = {f"job:{number}" for number in range(9)} if where == "not known everywhere" else set()
    for number, button in enumerate(("V1", "V2", "V3", "V1", "V2")):
        await harness.submission(button, Person(id=10 + number, name="M"))
    await asyncio.sleep(2 * MINUTE)
    useapi.unknown.clear()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"] * 5
    assert list(harness.children().values()) == [1] * 5
    assert len(useapi.posts) == 5
    assert len(await harness.store.database.rows("SELECT * FROM jobs WHERE jobid LIKE 'job:_'")) == 5


@pytest.mark.parametrize("error", NO_CLEAR_ANSWER, ids=lambda error: type(error).__name__)
async def test_a_submission_without_a_job_is_lost_after_three_minutes_and_not_before(
    harness: QueueHarness, error: ProviderError
) -> None:
    harness.useapi.outcomes = [error]
    submission = await harness.submission("V1")
    follower = await harness.submission("V2", BO)
    await asyncio.sleep(175)
    assert await harness.states() == ["unconfirmed", "accepted"]
    await asyncio.sleep(25)
    assert await harness.state(submission) == SubmissionState.LOST
    assert harness.notified_of("V1") == [SubmissionState.UNCONFIRMED, SubmissionState.LOST]
    assert await harness.state(follower) == SubmissionState.ACCEPTED
    assert len(harness.useapi.posts) == 2
    assert isinstance(await harness.submission("V1"), Submission)
    await asyncio.sleep(10)
    assert await harness.states() == ["lost", "accepted", "accepted"]


@pytest.mark.parametrize(
    "outcome", [Overloaded(code=504), ProviderServerError(code=504)], ids=["useapi's", "a gateway's"]
)
async def test_after_a_504_the_presser_reads_that_it_may_have_been_charged(
    harness: QueueHarness, outcome: ProviderError
) -> None:
    harness.useapi.outcomes = [outcome]
    submission = await harness.submission("V1")
    await asyncio.sleep(10)
    await harness.kill()
    await harness.begin()
    await asyncio.sleep(5 * MINUTE)
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert found.state == SubmissionState.LOST
    assert "may have made it and charged for it" in found.error
    assert "nothing was charged" not in found.error
    assert len(harness.useapi.posts) == 1


async def test_a_reference_that_is_echoed_late_and_a_label_that_differs_by_a_space_are_found(
    harness: QueueHarness,
) -> None:
    harness.useapi.echoed_after, harness.useapi.listed_as, harness.useapi.lasts = 40.0, "{} ", 1.0
    harness.useapi.outcomes = lost(RequestTimeout())
    await harness.submission("V1")
    await asyncio.sleep(25)
    assert await harness.states() == ["unconfirmed"]
    await asyncio.sleep(30)
    assert await harness.states() == ["accepted"]
    assert len(harness.useapi.posts) == 1


@pytest.mark.parametrize("press_again", [False, True])
async def test_a_job_without_a_reference_may_be_that_of_a_lost_submission_and_is_said_so(
    harness: QueueHarness, press_again: bool
) -> None:
    harness.useapi.declined_in_short = True
    harness.useapi.outcomes = lost(RequestTimeout())
    submission = await harness.submission("V1")
    if press_again:  # this one owns its job, so the two are not taken for each other
        await harness.submission("V1", BO)
    await asyncio.sleep(200)
    assert await harness.states() == ["lost", *["accepted"] * press_again]
    assert "it may be yours, and it may have been charged" in await harness.sentence(submission)
    assert len(harness.useapi.posts) == 1 + press_again


@pytest.mark.parametrize(("pressed", "may_be_ours"), [("V1", True), ("V2", False)])
async def test_a_job_without_a_reference_that_only_runs_may_be_ours_if_its_button_is_the_same(
    harness: QueueHarness, pressed: str, may_be_ours: bool
) -> None:
    theirs = Job(jobid="job:theirs", verb="button", status=Status.STARTED, button=pressed)
    harness.useapi.made[theirs.jobid] = (now() + HOUR, theirs)
    harness.useapi.unlisted = {theirs.jobid}
    harness.useapi.outcomes = [RequestTimeout()]
    submission = await harness.submission("V1")
    await asyncio.sleep(200)
    assert ("may be yours" in await harness.sentence(submission)) is may_be_ours


async def test_a_job_that_another_submission_owns_or_that_echoes_another_reference_cannot_be_ours(
    harness: QueueHarness,
) -> None:
    harness.useapi.echoed_after = HOUR  # nothing is echoed at all
    harness.useapi.outcomes = [RequestTimeout()]
    submission = await harness.submission("V1")
    await harness.submission("V1", BO)
    theirs = Job(jobid="job:theirs", status=Status.STARTED, button="V1", reply_ref="another client's")
    harness.useapi.made[theirs.jobid] = (now() + HOUR, theirs)
    harness.useapi.began[theirs.jobid] = -HOUR
    await asyncio.sleep(200)
    assert await harness.states() == ["lost", "accepted"]
    assert "no job was found for this button. It may have been charged" in await harness.sentence(submission)


@pytest.mark.parametrize(
    ("created", "may_be_ours"),
    [("20261123115500000", False), ("20261123120100000", True), ("20201123115500000", False)],
)
async def test_a_job_may_be_ours_only_if_it_was_made_after_the_request(
    harness: QueueHarness, created: str, may_be_ours: bool
) -> None:
    harness.useapi.outcomes = [RequestTimeout()]
    theirs = Job(jobid=f"job:{created}-user:1-channel:1-bot:midjourney", status=Status.STARTED, button="V1")
    harness.useapi.made[theirs.jobid] = (now(), theirs)
    submission = await harness.submission("V1")
    await asyncio.sleep(200)
    assert await harness.states() == ["lost"]
    assert ("may be yours" in await harness.sentence(submission)) is may_be_ours
    assert (harness.useapi.reads[theirs.jobid] == 1) is created.startswith("2020"), "what cannot be ours is read once"


async def test_a_job_that_may_be_theirs_is_named_by_its_key_where_it_is_posted_in_the_channel(
    harness: QueueHarness,
) -> None:
    theirs = Job(jobid="job:theirs", verb="button", status=Status.COMPLETED, button="V1")
    harness.useapi.made[theirs.jobid] = (now(), theirs)
    known = (await harness.store.subscriptions.add(theirs, HERE, BO)).known
    (delivery,) = [each for each in await harness.store.outbox.due() if each.job_id == known.id]
    harness.useapi.outcomes = [RequestTimeout(), RequestTimeout()]
    here, there = await harness.submission("V1"), await harness.submission("V1", BO, THERE)
    claimed = await harness.store.outbox.claim(delivery)
    assert claimed is not None
    await harness.store.outbox.mark_posted(claimed, 7)
    await asyncio.sleep(200)
    assert f"(#{known.key}): it may be yours" in await harness.sentence(here)
    assert known.key not in await harness.sentence(there)


@pytest.mark.parametrize("button", ["V1", "U1"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_job_that_turns_up_after_the_submission_was_lost_is_adopted(
    harness: QueueHarness, button: str, restarted: bool
) -> None:
    harness.useapi.listed_after = 200.0 if not restarted else 3 * HOUR
    harness.useapi.outcomes = lost(RequestTimeout())
    await harness.submission(button)
    if button == "U1":
        await harness.submission(button, BO)  # waits for the first
    await asyncio.sleep(195)
    assert set(await harness.states()) == {"lost"}
    if restarted:
        await harness.kill()
        await harness.begin()
    await asyncio.sleep(3 * MINUTE if not restarted else 5 * HOUR)
    assert await harness.states() == ["accepted", "repeated"][: 1 + (button == "U1")]
    assert [len(await harness.store.subscriptions.in_channel(2, HERE.channel_id)), len(harness.useapi.posts)] == [
        1 + (button == "U1"),
        1,
    ]
    assert SubmissionState.ACCEPTED not in harness.notified_of(button), "its result is what its presser reads"


async def test_a_webhook_call_leads_to_the_job_of_a_lost_submission_at_once(harness: QueueHarness) -> None:
    harness.useapi.listed_after = HOUR
    harness.useapi.outcomes = [[RequestTimeout()], [RequestTimeout()]]
    await harness.submission("V1")
    await asyncio.sleep(200)
    await harness.submission("V2")
    await asyncio.sleep(20)
    assert await harness.states() == ["lost", "unconfirmed"]
    for _ in range(2):
        for _, job in harness.useapi.made.values():
            await harness.submissions.job_seen(job)
        await harness.submissions.job_seen(msgspec.structs.replace(GRID, reply_ref="somebody else's"))
    assert await harness.states() == ["accepted", "accepted"]
    assert harness.polled == ["job:1", "job:2"]


@only_long
async def test_checks_for_late_jobs_become_rare_and_end_after_a_day(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [RequestTimeout()]
    await harness.submission("V1")
    await asyncio.sleep(200)
    reads = harness.useapi.reads[GRID.jobid]
    await asyncio.sleep(24 * HOUR)
    assert 20 <= harness.useapi.reads[GRID.jobid] - reads <= 40
    reads = harness.useapi.reads[GRID.jobid]
    await asyncio.sleep(24 * HOUR)
    assert harness.useapi.reads[GRID.jobid] == reads
    assert not harness.submissions._reconciler._late_checks


@only_long
async def test_while_checks_are_cut_short_nothing_is_lost(harness: QueueHarness) -> None:
    harness.useapi.outcomes = lost(RequestTimeout())
    harness.useapi.checks_meet = ProviderServerError()
    submission = await harness.submission("V1")
    await asyncio.sleep(HOUR)
    assert await harness.state(submission) == SubmissionState.UNCONFIRMED
    harness.useapi.checks_meet = None
    await asyncio.sleep(16)
    assert await harness.state(submission) == SubmissionState.ACCEPTED


@pytest.mark.parametrize("jump", [timedelta(days=2), timedelta(days=-2)])
async def test_a_wall_clock_that_jumps_neither_hastens_nor_delays_a_loss(
    harness: QueueHarness, jump: timedelta
) -> None:
    harness.useapi.outcomes = [RequestTimeout(), [RequestTimeout()]]
    await harness.submission("V1")
    await harness.submission("V2")
    harness.useapi.checks_meet = ProviderServerError()
    await asyncio.sleep(20)
    harness.jump = jump
    await asyncio.sleep(100)
    harness.useapi.checks_meet = None
    await asyncio.sleep(20)
    assert await harness.states() == ["unconfirmed", "accepted"]
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["lost", "accepted"]
    assert isinstance(await harness.submission("V1", cooldown=5.0), Submission), (
        "the clock's future counts for no cooldown"
    )


@only_long
async def test_an_outage_does_not_use_up_the_queue(harness: QueueHarness) -> None:
    harness.useapi.everybody = Unreachable()
    for number in range(9):
        await harness.submission("V1", Person(id=number, name="M"))
    await asyncio.sleep(2 * MINUTE)
    states = Counter(await harness.states())
    assert states["unconfirmed"] <= 6, "three at once, and then one after each pause"
    harness.useapi.everybody = None
    await asyncio.sleep(10 * MINUTE)
    states = Counter(await harness.states())
    assert set(states) == {"lost", "accepted"}
    assert states["accepted"] >= 3
    assert max(harness.children().values()) == 1


# --- a job of something else ----------------------------------------------------------------------------------------

THEIRS = Job(jobid="job:theirs", verb="imagine", status=Status.COMPLETED, prompt="a secret tower", buttons=BUTTONS)
ANSWERS: dict[str, Callable[[Job], Job]] = {
    "useapi, without replyRef": lambda made: msgspec.structs.replace(made, jobid=THEIRS.jobid, reply_ref=""),
    "midjourney-proxy, an id alone": lambda made: msgspec.structs.replace(made, jobid=THEIRS.jobid),
}
"""What a provider answers that made a job and names another one. The client of midjourney-proxy adds the reference."""


async def is_theirs_alone(harness: QueueHarness) -> bool:
    """Whether nothing of their job went to another server than theirs."""
    known = await harness.store.jobs.by_jobid(ProviderName.USEAPI, THEIRS.jobid)
    assert known is not None
    channels = [await harness.store.subscriptions.channels_of_job(known.id, each.guild_id) for each in (HERE, THERE)]
    posted = {each.destination for each in await harness.store.outbox.due() if each.job_id == known.id}
    return channels == [[HERE.channel_id], []] and posted == {HERE} and known.job.prompt == THEIRS.prompt


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_job_that_was_known_before_a_submission_was_sent_is_not_its_job(
    harness: QueueHarness, answer: Callable[[Job], Job]
) -> None:
    await harness.store.subscriptions.add(THEIRS, HERE, MIRA, origin=Origin.JOB_ID)
    harness.useapi.made[THEIRS.jobid] = (now(), THEIRS)
    await asyncio.sleep(1)
    harness.useapi.named = answer
    await harness.answered(cast(Submission, await harness.imagine(CASTLE, BO, THERE)))
    await harness.submission("V1", BO, THERE)
    await asyncio.sleep(6)
    assert await harness.states() == ["unconfirmed"] * 2
    assert await is_theirs_alone(harness)
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"] * 2, "they became other jobs, which were found"
    assert sorted(harness.polled) == ["job:2", "job:3"]
    assert await is_theirs_alone(harness)
    assert len(harness.useapi.posts) == 2


async def test_where_nothing_else_is_found_the_presser_reads_that_it_may_have_been_charged(
    harness: QueueHarness,
) -> None:
    await harness.store.subscriptions.add(THEIRS, HERE, MIRA, origin=Origin.JOB_ID)
    await asyncio.sleep(1)
    harness.useapi.named = ANSWERS["midjourney-proxy, an id alone"]
    harness.useapi.listed_after = HOUR
    submission = await harness.submission("V1", BO, THERE)
    await asyncio.sleep(10)
    for _ in range(2):  # also where a list or a webhook says that it has our reference
        await harness.submissions.job_seen(msgspec.structs.replace(THEIRS, reply_ref=submission.reference))
        await asyncio.sleep(200)
        assert await harness.states() == ["lost"]
    assert "no job was found for this button. It may have been charged" in await harness.sentence(submission)
    assert await is_theirs_alone(harness)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_two_submissions_do_not_become_one_job(harness: QueueHarness, answer: Callable[[Job], Job]) -> None:
    harness.useapi.named = answer
    harness.useapi.unlisted, harness.useapi.listed_after = {"job:1", "job:2"}, HOUR
    await harness.submission("V1", MIRA, HERE)
    await harness.submission("V1", BO, THERE)
    await asyncio.sleep(MINUTE)
    assert sorted(await harness.states()) == ["accepted", "unconfirmed"]


async def test_a_used_button_leads_to_no_job_of_another_button(harness: QueueHarness) -> None:
    """A 409, or the code 21 of midjourney-proxy, that names their job."""
    other_child = Job(jobid="job:other", verb="button", button="U1", parent_jobid="job:another grid")
    for job in (THEIRS, other_child):
        await harness.store.subscriptions.add(job, HERE, MIRA, origin=Origin.JOB_ID)
        harness.useapi.made[job.jobid] = (now(), job)
    await asyncio.sleep(1)
    for named, described in ((THEIRS, True), (other_child, True), (THEIRS, False)):
        harness.useapi.unknown = set() if described else {named.jobid}
        harness.useapi.outcomes = [ButtonUsed(named.jobid), ButtonUsed(named.jobid)]
        await harness.answered(cast(Submission, await harness.imagine(CASTLE, BO, THERE)))
        await harness.submission("U2", BO, THERE)
        await asyncio.sleep(200)
        assert await is_theirs_alone(harness)
    assert await harness.states() == ["lost"] * 6


@pytest.mark.parametrize("echoed", ["our reference", "nothing", "another reference"])
async def test_a_job_that_becomes_known_between_the_request_and_its_answer_may_be_its_job(
    harness: QueueHarness, echoed: str
) -> None:
    harness.useapi.echoed_after = 0.0 if echoed == "our reference" else HOUR
    submission = await harness.submission("V1", MIRA, HERE)
    await asyncio.sleep(1)
    job = await harness.useapi.job("job:1")
    if echoed == "another reference":
        job = msgspec.structs.replace(job, reply_ref="another client's")
    await harness.store.subscriptions.add(job, THERE, BO, origin=Origin.JOB_ID)
    await asyncio.sleep(10)
    assert await harness.states() == ["unconfirmed" if echoed == "another reference" else "accepted"]
    if echoed != "another reference":  # stored once more, as after a disk error
        await harness.store.submissions.mark_accepted(submission, job, repeated=False, delay=0)


# --- dying ----------------------------------------------------------------------------------------------------------


async def test_a_request_in_flight_at_the_end_has_a_moment_and_is_reconciled_after_that(harness: QueueHarness) -> None:
    for takes, before in ((2.0, "accepted"), (20.0, "sent")):
        harness.useapi.takes = takes
        await harness.submission("V1")
        await asyncio.sleep(1)
        began = now()
        await harness.stop()
        assert now() - began <= 3.5
        assert (await harness.states())[-1] == before
        await harness.end()
        await harness.begin()
        await asyncio.sleep(15)
        assert (await harness.states())[-1] == "accepted"
    assert list(harness.children().values()) == [1, 1]


@pytest.mark.parametrize("away", [0.0, HOUR])
async def test_a_kill_between_the_request_and_its_answer_loses_and_doubles_nothing(
    harness: QueueHarness, away: float
) -> None:
    harness.useapi.outcomes = [None, RequestTimeout()]
    harness.useapi.takes = 30.0
    await harness.submission("V1")
    await harness.submission("V2")
    await asyncio.sleep(3)
    await harness.kill()
    await asyncio.sleep(away)
    began = now()
    await harness.begin()
    await asyncio.sleep(1)
    assert await harness.states() == ["accepted", "unconfirmed"]
    await asyncio.sleep(30)
    assert await harness.states() == ["accepted", "unconfirmed"], (
        "it is reconciled for a while, however long the bot was away"
    )
    await asyncio.sleep(30 if away else 170)
    assert await harness.states() == ["accepted", "lost"], now() - began
    assert len(harness.useapi.posts) == 2


async def test_the_end_of_a_submission_is_notified_after_a_restart_and_until_discord_takes_it(
    harness: QueueHarness,
) -> None:
    harness.refused_notifications = 1000
    await harness.submission("V1")
    await asyncio.sleep(5 * MINUTE)
    assert 9 <= 1000 - harness.refused_notifications <= 11, "every half minute"
    await harness.end()
    harness.refused_notifications = 1
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED]


# --- everything at once ---------------------------------------------------------------------------------------------

FATES: list[Callable[[], Fate]] = [
    *[lambda: None] * 8,
    lambda: QueueFull(()), Busy, NotSent, lambda: AccountBlocked(),
    ProviderServerError, Overloaded, Unreachable, RequestTimeout, InvalidResponse,
    lambda: [ProviderServerError()], lambda: [Overloaded()], lambda: [Unreachable()], lambda: [RequestTimeout()],
    lambda: BadRequest(code=400), lambda: SubmissionDeclined("No"),
]  # fmt: skip


async def answered_somehow(harness: QueueHarness, submission: Submission, chance: random.Random) -> None:
    """Answer a presser, confirmed, only shown, or not at all, while Discord can be asked or not."""
    harness.discord_down = chance.random() < 0.2
    visible, confirmed = chance.choice((*[(True, True)] * 4, (True, False), (False, False)))
    await harness.answered(submission, visible=visible, confirmed=confirmed)


async def anything(
    harness: QueueHarness, chance: random.Random, person: Person, destination: Destination
) -> Submission | LimitExceeded:
    """A press, or a prompt."""
    if chance.random() < 0.3:
        return await harness.imagine(CASTLE, person, destination)
    return await harness.add(chance.choice(BUTTONS), person, destination)


async def chaos(harness: QueueHarness, chance: random.Random) -> list[Submission]:
    """Members press, useapi answers as it likes, the bot is killed, the disk is full; then all is well for an hour."""

    async def submission() -> None:
        person, destination = Person(id=chance.randint(1, 9), name="M"), chance.choice((HERE, HERE, THERE))
        answer = await anything(harness, chance, person, destination)
        if isinstance(answer, Submission):
            submissions.append(answer)
            await (answered_somehow(harness, answer, chance) if chance.random() < 0.8 else killed())

    async def killed() -> None:
        await harness.kill()
        await asyncio.sleep(chance.choice((0.0, 30.0, 400.0)))
        await harness.begin()

    async def restarted() -> None:
        await harness.end()
        await harness.begin()

    async def taken_back() -> None:
        if submissions:
            await harness.submissions.cancel_queued(chance.choice(submissions))

    async def full_disk() -> None:
        await harness.disk(full=True)
        await asyncio.sleep(chance.choice((0.0, 30.0, 400.0)))
        await harness.disk(full=False)

    async def slot_freed() -> None:
        harness.submissions.slot_freed()

    submissions: list[Submission] = []
    for _ in range(80):
        harness.useapi.outcomes = [chance.choice(FATES)() for _ in range(6)]
        harness.useapi.takes = chance.choice((0.0, 1.0, 4.0, 60.0))
        harness.useapi.lasts = chance.choice((0.0, 30.0, 200.0))
        await chance.choice((*[submission] * 6, killed, restarted, taken_back, full_disk, slot_freed))()
        await asyncio.sleep(chance.choice((0.0, 0.1, 3.0, 20.0)))
    harness.useapi.outcomes, harness.discord_down = [], False
    await asyncio.sleep(HOUR)
    return submissions


@pytest.mark.parametrize("seed", range(100 if LONG else 1))
async def test_whatever_happens_nothing_is_charged_twice_and_nothing_is_forgotten(tmp_path: Path, seed: int) -> None:
    harness = QueueHarness(tmp_path)
    harness.useapi.slots = 3
    await harness.begin()
    submissions = await chaos(harness, random.Random(seed))
    assert len(submissions) > 20
    states = {submission.reference: await harness.state(submission) for submission in submissions}
    assert set(states.values()) <= {*OVER, SubmissionState.CANCELLED}, "all have ended"
    children = harness.children()
    assert max(children.values(), default=0) <= 1, "nothing was made twice"
    imagined = {submission.reference for submission in submissions if submission.parent_id is None}
    accepted = {reference for reference, state in states.items() if state == SubmissionState.ACCEPTED}
    assert accepted <= set(children), "nothing was invented"
    assert set(children) - accepted <= {
        reference for reference in imagined if states[reference] == SubmissionState.LOST
    }, "and all was found, but what no parent lists and ran no longer when it could be searched for"
    visible = {submission.reference for submission in submissions if submission.id in harness.visible}
    assert set(children) <= visible, "nothing was made that its presser did not see taken"
    known = {
        row["jobid"] for row in await harness.store.database.rows("SELECT jobid FROM jobs WHERE jobid <> 'job:grid'")
    }
    assert known == {jobid for jobid, (_, job) in harness.useapi.made.items() if job.reply_ref in accepted}
    picks = Counter(job.button for _, job in harness.useapi.made.values() if job.button[:1] == "U")
    assert max(picks.values(), default=0) <= 1
    assert await harness.store.queue.to_notify(ProviderName.USEAPI) == []
    queue, notifications = harness.submissions, harness.submissions._notifications
    for remembered in (
        *(queue._sends, queue._checks, queue._skip_until, queue._reconciler._unconfirmed),
        *(queue._answering, queue._answer_checks._checks, queue._answer_checks.tasks),
        *(notifications.tasks, notifications._notified_queued, notifications._updates, notifications._notify_at),
    ):
        assert not remembered
    await harness.end()
