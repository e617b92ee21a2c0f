"""Submissions that are sent: when, how often, with what, and what is refused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from bot.errors import (
    AccountBlocked,
    BadRequest,
    Busy,
    JobExpired,
    JobUnknown,
    NotSent,
    ProviderError,
    ProviderServerError,
    QueueFull,
    RequestTimeout,
    SubmissionDeclined,
    SubscriptionEnded,
    TokenRefused,
)
from bot.models import (
    Child,
    Job,
    Limit,
    LimitExceeded,
    Person,
    ProviderName,
    Status,
    Submission,
    SubmissionKind,
    SubmissionState,
)
from bot.submissions import sentences
from tests.clock import VirtualTime
from tests.conftest import only_long
from tests.database import damage
from tests.queue_harness import (
    BO,
    BUTTONS,
    GRID,
    HERE,
    HOUR,
    MINUTE,
    MIRA,
    THERE,
    QueueHarness,
    lost,
    now,
)

event_loop_factory = VirtualTime


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[QueueHarness]:
    harness = QueueHarness(tmp_path)
    await harness.begin()
    yield harness
    await harness.end()


# --- one press ------------------------------------------------------------------------------------------------------


async def test_a_submission_is_sent_once_its_job_polled_and_its_presser_notified(harness: QueueHarness) -> None:
    submission = await harness.submission("V1")
    await asyncio.sleep(MINUTE)
    assert [(button, reference) for _, button, reference in harness.useapi.posts] == [("V1", submission.reference)]
    assert harness.polled == ["job:1"]
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED]
    assert await harness.store.submissions.interaction_token(submission) == "", (
        "the token is kept no longer than needed"
    )
    child = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert child is not None
    assert child.job.parent_jobid == GRID.jobid
    assert (await harness.store.history.of_child(child.id)) is not None


async def test_nothing_is_sent_before_the_presser_was_answered(harness: QueueHarness) -> None:
    submission = await harness.add("V1")
    assert isinstance(submission, Submission)
    await harness.submission("V2", BO)
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V2") == [SubmissionState.ACCEPTED], "who was answered does not wait for who was not"
    assert len(harness.useapi.posts) == 1
    await harness.answered(submission)
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V1") == [SubmissionState.ACCEPTED]


async def test_ten_members_pressing_u1_in_the_same_second_share_one_request(harness: QueueHarness) -> None:
    members = [Person(id=number, name=f"M{number}") for number in range(10)]
    await asyncio.gather(*(harness.submission("U1", member) for member in members))
    await asyncio.sleep(MINUTE)
    assert len(harness.useapi.posts) == 1
    assert Counter(harness.notified_of("U1")) == {SubmissionState.ACCEPTED: 1, SubmissionState.REPEATED: 9}
    child = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert child is not None
    assert {
        subscription.person.id
        for subscription in await harness.store.subscriptions.in_channel(child.id, HERE.channel_id)
    } == set(range(10))
    await asyncio.gather(*(harness.submission("V1", member) for member in members[:4]))
    await asyncio.sleep(MINUTE)
    assert len(harness.useapi.posts) == 5, "a V may be pressed again and again"


async def test_a_used_u_leads_to_its_job_at_once_though_the_queue_is_paused(harness: QueueHarness) -> None:
    await harness.submission("U1")
    await asyncio.sleep(MINUTE)
    harness.useapi.everybody = QueueFull(())
    await harness.submission("V1")
    await asyncio.sleep(10)
    pressed_at = now()
    submission = await harness.submission("U1", BO)
    assert (submission.state, submission.child_id) == (SubmissionState.REPEATED, 2)
    await asyncio.sleep(1)
    assert harness.notified[-1][1:] == ("U1", SubmissionState.REPEATED)
    assert harness.notified[-1][0] - pressed_at < 0.2
    assert [button for _, button, _ in harness.useapi.posts] == ["U1", "V1"]


@pytest.mark.parametrize("status", [Status.MODERATED, Status.FAILED, Status.EXPIRED])
async def test_a_u_whose_job_came_to_nothing_can_be_pressed_again(harness: QueueHarness, status: Status) -> None:
    await harness.submission("U1")
    await asyncio.sleep(MINUTE)
    child = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert child is not None
    await harness.store.jobs.record([(child.id, msgspec.structs.replace(child.job, status=status))])
    ended = Job(jobid=child.job.jobid, verb="button", status=status)
    harness.useapi.made[ended.jobid] = (HOUR, ended)  # and useapi says so, too
    await harness.submission("U1")
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("U1") == [SubmissionState.ACCEPTED, SubmissionState.ACCEPTED]


async def test_a_u_that_was_pressed_elsewhere_is_followed_whether_its_parent_lists_it_or_a_409_names_it(
    harness: QueueHarness,
) -> None:
    for number, button in enumerate(("U1", "U2"), 1):
        child = Job(jobid=f"job:{number}", button=button, status=Status.STARTED)
        harness.useapi.made[child.jobid] = (HOUR, child)
    listed = msgspec.structs.replace(GRID, children=(Child(button="U1", jobid="job:1"),))
    await harness.store.database.transaction(
        lambda db: db.execute("UPDATE jobs SET answer = ?", (msgspec.json.encode(listed).decode(),))
    )
    await harness.submission("U1")
    await harness.submission("U2")
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["repeated", "repeated"]
    assert [button for _, button, _ in harness.useapi.posts] == ["U2"], "of U1 it was known"
    assert sorted(harness.polled) == ["job:1", "job:2"]


async def test_two_servers_and_one_u_are_one_job_and_a_paused_server_delays_no_other(harness: QueueHarness) -> None:
    await harness.store.servers.change_settings(HERE.guild_id, paused=True)
    paused = await harness.submission("U1", MIRA, HERE)
    await harness.submission("V1", MIRA, HERE)
    other = await harness.submission("U1", BO, THERE)
    await asyncio.sleep(MINUTE)
    assert await harness.state(paused) == SubmissionState.QUEUED
    assert await harness.state(other) == SubmissionState.ACCEPTED
    await harness.store.servers.change_settings(HERE.guild_id, paused=False)
    harness.submissions.wake()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["repeated", "accepted", "accepted"]
    await asyncio.gather(harness.submission("U2", MIRA, HERE), harness.submission("U2", BO, THERE))
    await asyncio.sleep(MINUTE)
    assert [button for _, button, _ in harness.useapi.posts] == ["U1", "V1", "U2"]
    assert await harness.states() == ["repeated", "accepted", "accepted", "accepted", "repeated"]


async def test_a_u_waits_while_the_same_u_of_another_server_is_unconfirmed(harness: QueueHarness) -> None:
    harness.useapi.outcomes = lost(RequestTimeout())
    harness.useapi.checks_meet = ProviderServerError()  # it was made, and useapi cannot say so yet
    first = await harness.submission("U1", MIRA, HERE)
    await asyncio.sleep(10)
    second = await harness.submission("U1", BO, THERE)
    await asyncio.sleep(20)
    assert await harness.state(first) == SubmissionState.UNCONFIRMED
    assert await harness.state(second) == SubmissionState.QUEUED
    harness.useapi.checks_meet = None
    await asyncio.sleep(3 * MINUTE)
    assert await harness.state(first) == SubmissionState.ACCEPTED
    assert await harness.state(second) == SubmissionState.REPEATED
    assert [button for _, button, _ in harness.useapi.posts] == ["U1"], (
        "the second costs no request that may be charged"
    )


@only_long
async def test_nothing_is_sent_for_a_server_that_is_no_longer_served_nor_a_day_late(harness: QueueHarness) -> None:
    harness.served.discard(THERE.guild_id)
    await harness.submission("V1", destination=THERE)
    await harness.store.servers.change_settings(HERE.guild_id, paused=True)
    late = await harness.submission("V2")
    await asyncio.sleep(25 * HOUR)
    await harness.store.servers.change_settings(HERE.guild_id, paused=False)
    harness.submissions.wake()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["refused", "refused"]
    assert harness.useapi.posts == []
    assert "queued for a whole day" in ((await harness.store.history.by_id(late.id)) or late).error


# --- the account is full --------------------------------------------------------------------------------------------


async def test_submissions_are_sent_in_order_when_the_account_is_full(harness: QueueHarness) -> None:
    harness.useapi.slots = 1
    members = [Person(id=number, name=f"M{number}") for number in range(6)]
    submissions = []
    for number, member in enumerate(members):
        submissions.append(await harness.submission("V1", member))
        await asyncio.sleep(1 + number)
    await asyncio.sleep(6 * MINUTE)
    made = [job.reply_ref for _, job in harness.useapi.made.values()]
    assert made == [submission.reference for submission in submissions]
    assert set(harness.children().values()) == {1}
    counts = Counter(harness.notified_of("V1"))
    assert counts[SubmissionState.ACCEPTED] == 6
    assert 5 <= counts[SubmissionState.QUEUED] <= 5 + 4 + 3 + 2 + 1, (
        "again when the queue has moved, not at every attempt"
    )


async def test_a_slot_is_used_when_a_job_ends_and_tried_every_15_s(harness: QueueHarness) -> None:
    harness.useapi.slots, harness.useapi.lasts = 1, 40.0
    await harness.submission("V1")
    await asyncio.sleep(5)
    await harness.submission("V2", BO)
    await asyncio.sleep(38)
    assert harness.useapi.times == [0, 5, 20, 35]
    harness.submissions.slot_freed()
    await asyncio.sleep(1)
    assert harness.useapi.times == [0, 5, 20, 35, 43]
    assert await harness.states() == ["accepted", "sent"]


async def test_only_so_many_of_one_member_are_queued_and_the_oldest_stay(harness: QueueHarness) -> None:
    harness.useapi.everybody = QueueFull(())
    for button in ("V1", "V2", "V3", "V4", "🔄"):
        await harness.submission(button)
    await asyncio.sleep(10)  # three were sent side by side, and two waited for these
    assert await harness.states() == ["queued", "queued", "queued", "refused", "refused"]
    assert await harness.add("V1") == LimitExceeded(why=Limit.QUEUE)
    assert isinstance(await harness.submission("V1", BO), Submission)
    queued = await harness.store.queue.next(ProviderName.USEAPI, 9)
    assert [await harness.store.queue.position(submission) for submission in queued] == [
        1,
        2,
        3,
        4,
    ]
    (first, *_) = await harness.store.queue.of_member(MIRA.id, HERE.guild_id)
    assert await harness.submissions.cancel_queued(first)
    assert not await harness.submissions.cancel_queued(first)
    assert isinstance(await harness.submission("V1"), Submission)


async def test_with_a_queue_limit_of_zero_a_submission_is_sent_or_refused(tmp_path: Path) -> None:
    harness = QueueHarness(tmp_path)
    harness.queue = 0
    await harness.begin()
    await harness.submission("V1")
    await asyncio.sleep(5)
    harness.useapi.everybody = QueueFull(())
    refused = await harness.submission("V2")
    await asyncio.sleep(5)
    assert await harness.states() == ["accepted", "refused"]
    found = await harness.store.history.by_id(refused.id)
    assert found is not None
    assert found.error == (
        "All Midjourney slots are busy. Nothing is queued here, so this was not sent, and nothing was charged. "
        "Please try again later."
    )
    assert await harness.add("V4") == LimitExceeded(why=Limit.NO_QUEUE)
    await asyncio.sleep(20)
    assert isinstance(await harness.submission("V3"), Submission), "a pause of long ago does not concern this one"
    await harness.end()


async def test_a_member_with_a_running_job_reads_that_the_next_one_waits_for_it(harness: QueueHarness) -> None:
    await harness.store.servers.change_settings(HERE.guild_id, running=1)
    await harness.submission("V1", running=1)
    await harness.submission("V2", running=1)
    await harness.submission("V3", BO, running=1)
    await asyncio.sleep(HOUR)
    assert [button for _, button, _ in harness.useapi.posts] == ["V1", "V3"]
    assert harness.notified_of("V2") == [SubmissionState.QUEUED]
    for button in ("V4", "🔄"):
        await harness.submission(button, running=1)
    full = await harness.add("V1", running=1)
    assert full == LimitExceeded(why=Limit.QUEUE), "three are queued, and none of them is about to be sent"
    known = await harness.store.jobs.by_jobid(ProviderName.USEAPI, "job:1")
    assert known is not None
    await harness.store.jobs.record([(known.id, msgspec.structs.replace(known.job, status=Status.COMPLETED))])
    harness.submissions.slot_freed()
    await asyncio.sleep(MINUTE)
    assert harness.notified_of("V2") == [SubmissionState.QUEUED, SubmissionState.ACCEPTED]


async def test_the_oldest_follower_of_a_cancelled_submission_is_sent_instead(harness: QueueHarness) -> None:
    harness.useapi.everybody = QueueFull(())
    leader = await harness.submission("U1")
    await asyncio.sleep(5)
    ben, bo = await harness.submission("U1", Person(id=3, name="Ben")), await harness.submission("U1", BO)
    await asyncio.sleep(1)
    assert ben.waits_for == bo.waits_for == leader.id
    assert harness.notified_of("U1") == [SubmissionState.QUEUED] * 3, "they all know that they wait"
    assert await harness.submissions.cancel_queued(leader)
    assert await harness.submissions.cancel_queued(bo)
    harness.useapi.everybody = None
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["cancelled", "accepted", "cancelled"]


async def test_what_ends_the_first_for_its_presser_alone_does_not_end_those_that_wait_for_it(
    harness: QueueHarness,
) -> None:
    harness.useapi.everybody = QueueFull(())
    ben, ada = Person(id=3, name="Ben"), Person(id=4, name="Ada")
    old = await harness.submission("U2", ben)
    harness.jump = timedelta(hours=23, minutes=59)
    shut_out = await harness.submission("U1", BO)
    others = [await harness.submission(button, person) for button in ("U1", "U2") for person in (MIRA, ada)]
    assert [submission.waits_for for submission in others] == [shut_out.id] * 2 + [old.id] * 2
    await harness.store.members.change(HERE.guild_id, BO.id, shut_out=True, until=None, manager_name="Eve")
    harness.jump += timedelta(minutes=2)
    harness.useapi.everybody = None
    await asyncio.sleep(MINUTE)
    assert await harness.sentence(shut_out) == sentences.SHUT_OUT
    assert await harness.sentence(old) == sentences.EXPIRED[SubmissionKind.BUTTON]
    assert [await harness.sentence(submission) for submission in others] == [""] * 4
    assert await harness.states() == ["refused", "refused", "accepted", "repeated", "accepted", "repeated"]
    assert harness.children() == Counter(submission.reference for submission in others[::2]), "each was paid for once"


async def test_what_cannot_be_read_delays_nothing_behind_it(harness: QueueHarness, tmp_path: Path) -> None:
    harness.useapi.everybody = QueueFull(())
    blends = [await harness.started(SubmissionKind.BLEND, BO) for _ in range(3)]
    press = await harness.submission("V1")
    await damage(harness.store.database, tmp_path, "submission_pictures")
    harness.useapi.everybody = None
    await asyncio.sleep(5 * MINUTE)
    assert await harness.state(press) is SubmissionState.ACCEPTED
    assert {await harness.state(blend) for blend in blends} == {SubmissionState.QUEUED}


async def test_the_queue_goes_on_after_a_restart(harness: QueueHarness) -> None:
    harness.useapi.everybody = QueueFull(())
    for number in range(5):
        await harness.submission("V1", Person(id=number, name="M"))
    await asyncio.sleep(5)
    await harness.end()
    harness.useapi.everybody = None
    await harness.begin()
    await asyncio.sleep(MINUTE)
    assert await harness.states() == ["accepted"] * 5
    assert [reference for _, _, reference in harness.useapi.posts[-5:]] == list(harness.children())


# --- refused, for now or for good -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "times"),
    [
        (Busy(), [0, 14, 38, 82]),  # 10, 20, 40 s after each answer, which takes 4 s
        (Busy(retry_after=100), [0, 104, 208, 312]),
        (AccountBlocked(), [0, 64, 128, 192]),
    ],
)
async def test_what_useapi_did_not_accept_is_sent_again_after_pauses(
    harness: QueueHarness, refusal: ProviderError, times: list[int]
) -> None:
    harness.useapi.outcomes = [refusal] * 3
    await harness.submission("V1")
    await asyncio.sleep(5)
    await harness.submission("V2", BO)
    await asyncio.sleep(10 * MINUTE)
    first, *_ = harness.useapi.posts
    assert [round(at) for at, _, reference in harness.useapi.posts if reference == first[2]] == times
    assert await harness.states() == ["accepted", "accepted"]
    assert harness.notified_of("V1") == [SubmissionState.QUEUED, SubmissionState.ACCEPTED]


async def test_what_was_certainly_not_sent_is_sent_again(harness: QueueHarness) -> None:
    harness.useapi.outcomes = [NotSent()] * 3
    await harness.submission("V1")
    await asyncio.sleep(9)
    assert harness.submissions.pause_reason == "useapi.net has trouble right now."
    await asyncio.sleep(10 * MINUTE)
    assert harness.useapi.times == [70]
    assert await harness.states() == ["accepted"]


async def test_a_blocked_account_pauses_the_queue_and_alerts_once(harness: QueueHarness) -> None:
    harness.useapi.everybody = AccountBlocked()
    for button in ("V1", "V2", "V3"):
        await harness.submission(button)
    await asyncio.sleep(HOUR)
    assert len(set(harness.alerts)) == 1, "the admin gets one alert"
    assert "solve the CAPTCHA" in harness.alerts[0][1]
    assert len(harness.useapi.posts) <= 3 + 60
    harness.useapi.everybody = None
    await asyncio.sleep(2 * MINUTE)
    assert await harness.states() == ["accepted"] * 3
    assert harness.alerts[-1] == ("presses", "")


@pytest.mark.parametrize("refusal", [AccountBlocked(), TokenRefused()])
async def test_the_alert_is_closed_when_the_account_works_again_also_without_a_submission(
    harness: QueueHarness, refusal: ProviderError
) -> None:
    harness.useapi.everybody, harness.useapi.accounts_meet = refusal, refusal
    submission = await harness.submission("V1")
    await asyncio.sleep(10)
    await harness.submissions.cancel_queued(submission)  # a refused token has ended it already
    await asyncio.sleep(2 * HOUR)
    assert [text for _, text in harness.alerts if not text] == [], "it is still blocked"
    assert min(b - a for a, b in pairwise(harness.useapi.account_requests)) >= 300
    harness.useapi.accounts_meet = None
    await asyncio.sleep(6 * MINUTE)
    assert harness.alerts[1:] == [("presses", "")]
    before = len(harness.useapi.account_requests)
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.account_requests) == before


@only_long
async def test_while_a_submission_can_show_the_end_of_a_block_the_accounts_are_not_asked(harness: QueueHarness) -> None:
    harness.useapi.everybody, harness.useapi.blocked = AccountBlocked(), True
    await harness.submissions.cancel_queued(await harness.submission("V1"))
    first = await harness.submission("V1")
    await asyncio.sleep(10)
    await harness.submissions.cancel_queued(first)
    await asyncio.sleep(2 * MINUTE)
    assert len(harness.useapi.account_requests) == 1
    await harness.submission("V2")
    await asyncio.sleep(HOUR)
    assert len(harness.useapi.account_requests) == 1
    harness.useapi.everybody = None
    await asyncio.sleep(2 * MINUTE)
    assert harness.alerts[-1] == ("presses", "")
    assert await harness.states() == ["cancelled", "cancelled", "accepted"]


@pytest.mark.parametrize("refusal", [TokenRefused(), SubscriptionEnded()])
async def test_a_refused_account_notifies_the_presser_and_alerts_the_admin(
    harness: QueueHarness, refusal: TokenRefused
) -> None:
    harness.useapi.everybody = harness.useapi.accounts_meet = refusal
    submission = await harness.submission("V1")
    await asyncio.sleep(MINUTE)
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert (found.state, found.error) == (SubmissionState.REFUSED, str(refusal))
    assert "ask this server's admin" in found.error
    assert harness.alerts == [("presses", f"Buttons do not work. {refusal.for_admin}")]


@pytest.mark.parametrize(
    ("refusal", "state", "words"),
    [
        (BadRequest(code=400), "refused", "Midjourney no longer offers this button"),
        (JobUnknown(code=404, provider=ProviderName.USEAPI), "refused", "useapi.net has no job with this id."),
        (JobExpired(code=410, provider=ProviderName.USEAPI), "refused", "useapi.net no longer keeps this job."),
        (BadRequest(code=412), "refused", "This button needs more than a press"),
        (BadRequest(code=413), "refused", "This prompt is too long"),
        (SubmissionDeclined("Banned prompt\nThe word x"), "declined", "Banned prompt\nT"),
    ],
)
async def test_what_is_refused_for_good_is_sent_once_and_notified_once(
    harness: QueueHarness, refusal: ProviderError, state: str, words: str
) -> None:
    harness.useapi.everybody = refusal
    submission = await harness.submission("V1")
    await asyncio.sleep(10 * MINUTE)
    found = await harness.store.history.by_id(submission.id)
    assert found is not None
    assert (str(found.state), found.error.startswith(words)) == (state, True)
    assert harness.notified_of("V1") == [found.state]
    assert len(harness.useapi.posts) == 1
    buttons = (await harness.store.jobs.get(harness.grid.id)).job.buttons
    assert buttons == (() if isinstance(refusal, JobExpired) else BUTTONS), "a job that is kept no more has none"
