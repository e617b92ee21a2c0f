"""What a job becomes after an answer: statuses only move forward, and what a short answer leaves out is kept."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bot.models import ACCOUNT_VERBS, OVER, Attachment, Job, ProviderName, Status, follow
from tests import strategies
from tests.table import table

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
FORWARD = [Status.CREATED, Status.STARTED, Status.PROGRESS, Status.COMPLETED]
RUNNING = Job(
    jobid=strategies.JOBID,
    verb="imagine",
    status=Status.PROGRESS,
    created=T0,
    updated=T0 + timedelta(seconds=30),
    prompt="a castle in the fog",
    content="**a castle in the fog** - <@1> (47%) (fast)",
    channel="1187654321012345678",
    server="1187654321012345679",
    max_jobs=3,
    reply_ref="ref",
    percent=47,
    mode="fast",
)
changed = msgspec.structs.replace


def rank_of(job: Job) -> int:
    """How far a job has come; a status that nobody knows is on its way."""
    if job.status in OVER:
        return 3
    return {"created": 0, "progress": 2}.get(job.status, 1)


# --- single answers -------------------------------------------------------------------------------------------------


def test_the_same_answer_is_no_news() -> None:
    assert follow(RUNNING, RUNNING) is None
    assert follow(RUNNING, changed(RUNNING, digest="5eed")) is None, "only its bytes were others"


@table("earlier", [Status.CREATED, Status.STARTED])
def test_an_earlier_status_is_no_news(earlier: Status) -> None:
    assert follow(RUNNING, changed(RUNNING, status=earlier, percent=None)) is None


def test_news_bring_their_own_digest() -> None:
    older = changed(RUNNING, digest="aaaa")
    assert follow(older, changed(RUNNING, percent=48, digest="bbbb")) == changed(RUNNING, percent=48, digest="bbbb")


def test_progress_goes_up_only() -> None:
    assert follow(RUNNING, changed(RUNNING, percent=46)) is None
    assert follow(RUNNING, changed(RUNNING, percent=None)) is None
    assert follow(RUNNING, changed(RUNNING, percent=48)) == changed(RUNNING, percent=48)


def test_an_answer_from_before_is_no_news_whatever_it_says() -> None:
    late = changed(RUNNING, percent=60, updated=T0)
    assert follow(RUNNING, late) is None


@table("status", [Status.COMPLETED, Status.MODERATED, Status.FAILED, Status.CANCELLED])
def test_an_end_is_news_even_with_an_older_time_and_nothing_is_after_it(status: Status) -> None:
    over = follow(RUNNING, changed(RUNNING, status=status, updated=T0))
    assert over is not None
    assert over.status == status
    for other in (*Status, "paused"):
        if status == Status.CANCELLED and other == Status.COMPLETED:
            continue  # Midjourney does not hear of a cancel
        assert follow(over, changed(RUNNING, status=other, percent=99, prompt="another")) is None


@table("lost", [Status.EXPIRED, Status.SILENT])
def test_a_job_that_we_gave_up_may_come_back(lost: Status) -> None:
    gone = changed(RUNNING, status=lost)
    assert gone.over
    assert follow(gone, RUNNING) == RUNNING
    done = changed(RUNNING, status=Status.COMPLETED, updated=T0 + timedelta(days=2))
    assert follow(gone, done) == done


def test_a_status_of_the_future_is_on_its_way() -> None:
    paused = changed(RUNNING, status="paused", percent=None)
    assert not paused.over
    assert follow(changed(RUNNING, status=Status.CREATED, percent=None), paused) == paused
    assert follow(RUNNING, paused) is None
    assert follow(paused, RUNNING) == RUNNING


def test_a_short_answer_leaves_the_words_and_takes_the_news() -> None:
    short = Job(jobid="", status=Status.MODERATED, error="Banned prompt detected", code=422)
    over = follow(RUNNING, short)
    assert over is not None
    assert over == changed(
        RUNNING, status=Status.MODERATED, error="Banned prompt detected", code=422, percent=None, updated=None
    )


def test_what_belongs_to_one_answer_alone_is_not_kept() -> None:
    preview = Attachment(url="https://cdn.discordapp.com/preview.webp")
    before = changed(RUNNING, attachments=(preview,), buttons=("Cancel Job",))
    over = follow(before, changed(RUNNING, status=Status.FAILED, percent=None))
    assert over is not None
    assert (over.attachments, over.buttons, over.percent) == ((), (), None)


def test_a_job_keeps_its_own_id() -> None:
    over = follow(RUNNING, changed(RUNNING, jobid="another", status=Status.COMPLETED))
    assert over is not None
    assert over.jobid == RUNNING.jobid


def test_what_is_over_lost_and_private_is_said_by_the_job() -> None:
    says = {status: (Job(jobid="1", status=status).over, Job(jobid="1", status=status).given_up) for status in Status}
    assert {status for status, (over, _) in says.items() if not over} == {"created", "started", "progress"}
    assert {status for status, (_, lost) in says.items() if lost} == {"expired", "silent"}
    assert all(Job(jobid="1", verb=verb).private for verb in ACCOUNT_VERBS)
    assert not Job(jobid="1", verb="imagine").private


# --- any answers ----------------------------------------------------------------------------------------------------

words = st.sampled_from(["", "one", "another"])
answers = st.builds(
    Job,
    jobid=words,
    verb=words,
    status=st.sampled_from([*Status, "paused", ""]).filter(lambda status: status not in {"expired", "silent"}),
    parent_jobid=words,
    created=st.sampled_from([None, T0]),
    updated=st.none() | st.integers(0, 100).map(lambda seconds: T0 + timedelta(seconds=seconds)),
    prompt=words,
    channel=words,
    max_jobs=st.sampled_from([None, 3]),
    content=words,
    buttons=st.sampled_from([(), ("U1", "U2")]),
    error=words,
    percent=st.none() | st.integers(0, 100),
    mode=words,
)


@given(st.lists(answers, min_size=1, max_size=8))
def test_whatever_comes_a_job_only_moves_forward(received: list[Job]) -> None:
    job = received[0]
    for answer in received[1:]:
        after = follow(job, answer)
        if after is None:
            continue
        assert not job.over or (job.status, after.status) == (Status.CANCELLED, Status.COMPLETED)
        assert after != job
        assert after.jobid == job.jobid
        assert rank_of(after) >= rank_of(job)
        if rank_of(after) == rank_of(job) == 2:
            assert (after.percent or 0) >= (job.percent or 0)
        for kept in ("verb", "prompt", "content", "created", "mode", "parent_jobid", "channel", "max_jobs"):
            assert getattr(after, kept) in (getattr(answer, kept), getattr(job, kept))
            assert bool(getattr(after, kept)) == bool(getattr(answer, kept) or getattr(job, kept))
        assert follow(after, answer) is None, "the same answer again says nothing new"
        job = after


@given(st.permutations([changed(RUNNING, status=status, percent=None) for status in FORWARD]))
def test_in_whatever_order_answers_come_the_end_is_the_same(received: list[Job]) -> None:
    job = changed(RUNNING, status=Status.CREATED, percent=None)
    for answer in received:
        job = follow(job, answer) or job
    assert job.status == Status.COMPLETED


def test_a_button_has_the_providers_id_beside_its_label() -> None:
    job = Job(jobid="1", provider=ProviderName.MIDJOURNEY_PROXY, buttons=("U1", "🔄"), custom_ids=("MJ::1", "MJ::2"))
    assert (job.custom_id("🔄"), job.custom_id("V1")) == ("MJ::2", None)
    assert Job(jobid="job:1", buttons=("U1",)).custom_id("U1") is None  # the label identifies it


def test_a_job_of_an_older_version_is_one_of_useapi() -> None:
    stored = msgspec.json.decode(b'{"jobid": "job:1", "status": "started"}', type=Job)
    assert stored.provider is ProviderName.USEAPI
    assert msgspec.json.decode(msgspec.json.encode(stored), type=Job) == stored


def test_news_never_change_the_provider_of_a_job() -> None:
    old = Job(jobid="1", provider=ProviderName.MIDJOURNEY_PROXY)
    news = follow(old, Job(jobid="1", status=Status.STARTED))
    assert news is not None
    assert news.provider is ProviderName.MIDJOURNEY_PROXY
