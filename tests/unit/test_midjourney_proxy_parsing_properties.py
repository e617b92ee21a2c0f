import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import InvalidResponse, ProviderError
from bot.models import Job
from bot.providers.http import Response
from bot.providers.midjourney_proxy import parse_task
from bot.providers.midjourney_proxy.parsing import jobid_of
from bot.providers.midjourney_proxy.responses import read_submission, read_task
from bot.providers.values import CONTENT, ITEMS
from tests.unit.test_useapi_parsing_properties import is_sanitized, leaf, numbers, texts

NOW = datetime(2026, 8, 3, 8, tzinfo=UTC)
FIELDS = [
    "id", "action", "status", "prompt", "promptEn", "description", "state", "submitTime", "startTime", "finishTime",
    "imageUrl", "imageUrls", "image_urls", "videoUrl", "videoUrls", "failReason", "progress", "properties", "buttons",
    "parentId", "mode", "seed", "width", "height", "size", "contentType", "code", "result", "message", "error",
]  # fmt: skip
PARTS = ["customId", "custom_id", "label", "emoji", "name", "url", "finalPrompt", "messageContent", "notifyHook",
         "buttons", "status", "bannedWord"]  # fmt: skip
TYPICAL = [
    "SUCCESS", "FAILURE", "MODAL", "IN_PROGRESS", "IMAGINE", "47%", "可能包含敏感词", "[Banned prompt] x",
    "MJ::JOB::upsample::1::x", "https://e.example/a.png", "**x** - <@1> (47%) (fast)", "1785744000123456",
]  # fmt: skip

word = st.sampled_from(TYPICAL) | leaf | st.integers(10**12, 10**13)
part = st.dictionaries(st.sampled_from(PARTS), word, max_size=4)
value = word | part | st.lists(word | part, max_size=3)
answer = st.dictionaries(st.sampled_from(FIELDS), value, max_size=8)


def check(job: Job) -> None:
    fields: dict[str, Any] = msgspec.to_builtins(job)
    assert all(len(text) <= CONTENT and is_sanitized(text) for text in texts(fields))
    assert all(0 <= number < 2**63 for number in numbers(fields))
    assert all(len(items) <= ITEMS for items in fields.values() if isinstance(items, list))
    assert job.percent is None or 0 <= job.percent <= 100
    assert all(moment is None or moment.tzinfo is UTC for moment in (job.created, job.timestamp))
    assert job.jobid == "requested" or jobid_of(job.jobid) == job.jobid
    assert len(set(job.buttons)) == len(job.buttons), "a label identifies a button"
    assert len(job.custom_ids) in (0, len(job.buttons))
    assert job.reply_url == job.channel == job.server == ""
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_job_or_an_invalid_response(raw: bytes) -> None:
    with contextlib.suppress(InvalidResponse):
        check(parse_task(raw, jobid="requested", now=NOW))


@settings(deadline=None)
@given(answer)
def test_any_object_is_a_clean_and_bounded_job_that_survives_the_database(fields: dict[str, object]) -> None:
    check(parse_task(json.dumps(fields).encode(), jobid="requested", now=NOW))


@settings(deadline=None)
@given(answer | value, st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 405, 413, 422, 429, 500, 503, 599]))
def test_any_answer_to_a_submission_is_a_task_or_an_outcome(body: object, status: int) -> None:
    response = Response(status, json.dumps(body).encode())
    try:
        submitted = read_submission(response)
    except ProviderError:
        return
    assert status < 300
    assert jobid_of(submitted.jobid) == submitted.jobid != ""


@settings(deadline=None)
@given(st.binary(max_size=60) | value.map(lambda each: json.dumps(each).encode()), st.integers(100, 599))
def test_any_answer_about_a_task_is_the_task_or_an_outcome(body: bytes, status: int) -> None:
    try:
        fields = read_task(Response(status, body), jobid="1")
    except ProviderError:
        return
    assert 200 <= status < 300
    assert jobid_of(fields.get("id")) in ("", "1")


def test_depth_is_no_danger() -> None:
    deep, too_deep = (b'{"properties":' * depth + b"1" + b"}" * depth for depth in (10, 100_000))
    check(parse_task(deep, jobid="requested", now=NOW))
    with pytest.raises(InvalidResponse):
        parse_task(too_deep, jobid="requested", now=NOW)
