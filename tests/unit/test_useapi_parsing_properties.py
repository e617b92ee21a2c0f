import contextlib
import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import InvalidResponse
from bot.models import Job
from bot.providers.http import MAX_RETRY_AFTER, retry_after_seconds
from bot.providers.message_text import progress
from bot.providers.useapi import parse_job
from bot.providers.useapi.parsing import CHILDREN
from bot.providers.values import CONTENT, sanitize

FIELDS = [
    "jobid", "parentJobId", "verb", "status", "seed", "created", "updated", "prompt", "blendUrls", "blendDimensions",
    "describeUrl", "button", "children", "buttons", "discord", "channel", "server", "maxJobs", "messageId", "content",
    "timestamp", "attachments", "embeds", "imageUx", "videoUx", "error", "errorDetails", "replyUrl", "replyRef", "code",
]  # fmt: skip
PARTS = [
    "url",
    "proxy_url",
    "id",
    "filename",
    "content_type",
    "size",
    "width",
    "image",
    "description",
    "value",
    "jobid",
]
TYPICAL = ["completed", "https://e.example/a.png", "2026-06-02T10:34:33.200Z", "**x** - <@1> (47%) (fast)"]

odd_text = st.sampled_from(TYPICAL) | st.text(st.characters(exclude_categories=[]), max_size=12)
long_text = st.builds(lambda text, times: text * times, odd_text, st.integers(1, 2000))
leaf = st.none() | st.booleans() | st.integers() | st.floats() | odd_text | long_text
part = st.dictionaries(st.sampled_from(PARTS), leaf | st.just({"url": "https://e.example/b.png"}), max_size=4)
value = leaf | part | st.lists(leaf | part, max_size=3)
answer = st.dictionaries(st.sampled_from(FIELDS), value, max_size=6)


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def numbers(value: object) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers(item)


def is_sanitized(text: str) -> bool:
    bidi = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    return not any(
        (unicodedata.category(char) in ("Cc", "Cs") and char != "\n") or unicodedata.bidirectional(char) in bidi
        for char in text
    )


def check(job: Job) -> None:
    fields: dict[str, Any] = msgspec.to_builtins(job)
    assert all(len(text) <= CONTENT and is_sanitized(text) for text in texts(fields))
    assert all(0 <= number < 2**63 for number in numbers(fields))
    assert all(len(items) <= CHILDREN for items in fields.values() if isinstance(items, list))
    assert job.percent is None or 0 <= job.percent <= 100
    assert all(moment is None or moment.tzinfo is UTC for moment in (job.created, job.updated, job.timestamp))
    assert all(attachment.url for attachment in job.attachments)
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_job_or_an_invalid_response(raw: bytes) -> None:
    with contextlib.suppress(InvalidResponse):
        check(parse_job(raw, jobid="job:requested"))


@settings(deadline=None)
@given(answer)
def test_any_object_is_a_clean_and_bounded_job_that_survives_the_database(fields: dict[str, object]) -> None:
    check(parse_job(json.dumps(fields).encode(), jobid="job:requested"))


@settings(deadline=None)
@given(leaf | st.lists(answer, max_size=2))
def test_any_json_but_an_object_is_an_invalid_response(raw: object) -> None:
    with pytest.raises(InvalidResponse):
        parse_job(json.dumps(raw).encode(), jobid="job:requested")


@settings(deadline=None)
@given(odd_text | long_text, st.integers(1, 60), st.booleans())
def test_sanitizing_twice_changes_nothing(text: str, limit: int, lines: bool) -> None:
    once = sanitize(text, limit, lines=lines)
    assert len(once) <= limit
    assert is_sanitized(once)
    assert lines or "\n" not in once
    assert sanitize(once, limit, lines=lines) == once


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(0, 100), st.sampled_from(["fast", "relaxed", "turbo", "fast, stealth"]))
def test_no_prompt_can_fake_its_progress(prompt: str, percent: int, mode: str) -> None:
    assert progress(f"**{prompt}** - <@1> ({percent}%) ({mode})") == (percent, mode)


@settings(deadline=None)
@given(st.text(max_size=40) | st.floats().map(str) | st.datetimes().map(lambda d: d.strftime("%a, %d %b %Y %T GMT")))
def test_no_retry_after_stops_the_poller_for_long(header: str) -> None:
    seconds = retry_after_seconds(header, now=datetime(2026, 6, 2, tzinfo=UTC))
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER
