import json
import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from discord import Embed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import formatting
from bot.models import Job
from tests.fakes.discord.openapi_validator import openapi_validator
from tests.strategies import jobs, labels, texts, times

JUMP = "https://discord.com/channels/1/2/3"

quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
links = st.none() | st.builds(
    formatting.Link, texts, st.sampled_from((JUMP, "", "javascript:alert(1)", "https://x/)(y"))
)
spans = st.none() | st.timedeltas()
keys = st.sampled_from(("4K7Q", "#4K7Q", ""))


def unescaped(text: str) -> str:
    return re.sub(r"\\.", "x", text)


def assert_inert(text: str) -> None:
    left = unescaped(text)
    assert not re.search(r"[*_~|`<\[\]\\]|://|discord\.gg/", left)
    assert not re.search(r"@(everyone|here|[!&]?\d)", text)
    assert not re.match(r"[#>+-]|\d+\.\s", left)
    assert "\n" not in text
    text.encode()


def assert_isolated(text: str) -> None:
    outside = re.sub("\u2068[^\u2068\u2069]*\u2069", "", text)
    assert not any(unicodedata.bidirectional(char) in {"R", "AL", "FSI", "PDI"} for char in outside)


def assert_keeps_limits(embed: Embed) -> None:
    body = embed.to_dict()
    description, footer = body.get("description", ""), body.get("footer", {}).get("text", "")
    assert 0 < len(description) <= 4096
    assert len(footer) <= 2048
    assert len(embed) <= 6000
    assert len(body.get("image", {}).get("url", "")) <= 2048
    assert_discord_takes({"embeds": [body]})


def assert_discord_takes(message: dict[str, Any]) -> None:
    if (judge := openapi_validator()) is not None:
        body = json.loads(json.dumps(message).encode())
        assert judge.request("POST", "/channels/{channel_id}/messages", body) == ""


def assert_no_active_markdown(embed: Embed) -> None:
    description = embed.description or ""
    ours = re.sub(rf"\]\({re.escape(JUMP)}\)|<t:-?\d+(:[tTdDfFR])?>", "", description)
    assert "<" not in unescaped(ours)
    assert "](" not in unescaped(ours)
    assert "://" not in unescaped(ours)
    assert not re.search(r"@(everyone|here|[!&]?\d)", description)
    assert not re.search(r"^(#|>>>|\d+\. |- )", description, re.MULTILINE)


@quick
@given(texts, st.integers(0, 300))
def test_plain_text_has_no_links_and_no_mentions(text: str, limit: int) -> None:
    result = formatting.plain(text, limit)
    assert len(result) <= limit
    assert_inert(result)


@quick
@given(jobs, links, st.lists(texts, max_size=4), times)
def test_any_job_makes_a_status_card_that_discord_accepts(
    job: Job, parent: formatting.Link | None, subscribers: list[str], started: datetime | None
) -> None:
    embed = formatting.status_card(job, parent=parent, subscribers=subscribers, started=started)
    assert_keeps_limits(embed)
    assert_no_active_markdown(embed)


@quick
@given(jobs, keys, links, texts, st.none() | st.just("attachment://castle.webp") | texts, spans)
def test_any_job_makes_a_result_that_discord_accepts(
    job: Job,
    key: str,
    parent: formatting.Link | None,
    requester: str,
    picture: str | None,
    took: timedelta | None,
) -> None:
    embed = formatting.result(job, key=key, parent=parent, requester=requester, picture=picture, took=took)
    assert_keeps_limits(embed)
    assert_no_active_markdown(embed)


@quick
@given(jobs, texts)
def test_any_note_fits_under_any_result(job: Job, note: str) -> None:
    embed = formatting.result(job, key="4K7Q", parent=None, requester="Mira", picture=None, note=note)
    assert_keeps_limits(embed)


@quick
@given(jobs)
def test_any_job_makes_an_account_answer_that_discord_accepts(job: Job) -> None:
    embed = formatting.account_answer(job)
    assert_keeps_limits(embed)
    assert_no_active_markdown(embed)


@quick
@given(jobs, keys, spans, st.integers(1, 100), texts)
def test_any_job_makes_texts_within_their_limits(
    job: Job, key: str, took: timedelta | None, limit: int, extension: str
) -> None:
    assert 1 <= len(formatting.label(job)) <= 80
    assert len(formatting.title(job, limit)) <= limit
    assert 1 <= len(formatting.choice(job, key)) <= 100
    assert 1 <= len(formatting.decline_reason(job)) <= 1900
    assert 1 <= len(formatting.alt_text(job)) <= 1024
    name = formatting.file_name(job, key, extension)
    assert len(name) <= 80
    assert re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+", name)
    line = formatting.finished_line(job, took=took)
    for text in (line, formatting.choice(job, key), formatting.summary(job)):
        assert_isolated(text)
    assert len(line) <= 2000
    assert "\n" not in line
    assert_inert(line.removeprefix("-# "))


@quick
@given(jobs)
def test_any_reason_has_no_links_and_no_mentions(job: Job) -> None:
    for line in formatting.decline_reason(job).removeprefix("**").split("**\n")[-1].splitlines():
        left = re.sub(r"\\.|<t:\d+(:[tTdDfFR])?>|`[^`]+`", "x", line)
        assert not re.search(r"[~|`<\[\]\\]|://|discord\.gg/", left)
        assert not re.search(r"@(everyone|here|[!&]?\d)", line)


@quick
@given(st.lists(st.integers(1, 2**64), max_size=200))
def test_each_member_is_mentioned_once_and_within_one_message(user_ids: list[int]) -> None:
    line = formatting.mentions(user_ids)
    mentioned = [int(user_id) for user_id in re.findall(r"<@(\d+)>", line)]
    assert len(line) <= 2000
    assert mentioned == list(dict.fromkeys(user_ids))[: len(mentioned)]
    assert len(mentioned) <= 100


@quick
@given(labels)
def test_any_buttons_leave_room_for_one_more_and_are_accepted_by_discord(labels: tuple[str, ...]) -> None:
    layout = formatting.button_rows(labels)
    faces = [face for row in layout for face in row]
    assert all(1 <= len(row) <= 5 for row in layout)
    assert len(layout) < 5 or (len(layout) == 5 and len(layout[-1]) < 5)
    assert len({face.index for face in faces}) == len(faces) <= 24
    rows_with_more = [[_button(face) for face in row] for row in layout] + [[]] * (len(layout) < 5)
    rows_with_more[-1].append({"type": 2, "style": 2, "custom_id": "more", "label": "⋯"})
    assert_discord_takes({"components": [{"type": 1, "components": row} for row in rows_with_more]})


def _button(face: formatting.ButtonFace) -> dict[str, Any]:
    content = {"emoji": {"name": face.emoji}} if face.emoji else {"label": face.label}
    assert face.emoji or face.label.strip()
    assert len(face.label) <= 80
    return {"type": 2, "style": 2, "custom_id": str(face.index), **content}
