import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import InvalidResponse
from bot.models import Child, Halt, Job, Media, Status
from bot.providers.message_text import progress
from bot.providers.useapi import created_in, parse_job
from bot.providers.useapi.parsing import CHILDREN
from bot.providers.values import ITEMS, LABEL, sanitize
from tests.table import table

SAMPLES = Path(__file__).parents[1] / "samples"
GRID = ("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4")


def sample(name: str) -> Job:
    return parse_job((SAMPLES / f"{name}.json").read_bytes(), jobid="job:requested")


def job(**fields: object) -> Job:
    return parse_job(json.dumps(fields).encode(), jobid="job:requested")


def test_a_started_imagine_waits_to_start() -> None:
    started = sample("imagine_started")
    assert (started.verb, started.status, started.over) == ("imagine", "started", False)
    assert (started.percent, started.mode, started.attachments) == (None, "", ())


def test_a_running_imagine_has_its_percent_its_mode_and_a_preview() -> None:
    running = sample("imagine_progress_47")
    assert (running.status, running.percent, running.mode) == ("progress", 47, "fast")
    (preview,) = running.attachments
    assert (preview.width, preview.height, preview.size, preview.content_type) == (512, 512, 28640, "image/webp")
    assert preview.url.endswith("&")


def test_a_completed_imagine_carries_its_picture_and_its_buttons() -> None:
    done = sample("imagine_completed")
    assert done.over
    assert done.jobid == "job:20260602103433688-user:12345-channel:1502243953687265485-bot:midjourney"
    assert done.created == datetime(2026, 6, 2, 10, 34, 33, 200_000, UTC)
    assert done.timestamp == datetime(2026, 6, 2, 10, 35, 0, 408_000, UTC)
    assert done.prompt.startswith("a small bird pixel-art sprite")
    assert (done.buttons, done.mode, done.percent) == (GRID, "fast", None)
    assert (done.channel, done.max_jobs, done.code) == ("1502243953687265485", 3, 200)
    assert done.attachments[0].filename.endswith(".webp")


def test_an_upscale_knows_its_parent_and_keeps_unknown_labels() -> None:
    upscale = sample("button_U1_completed")
    assert (upscale.verb, upscale.button, upscale.mode) == ("button", "U1", "")
    assert upscale.parent_jobid.startswith("job:20260602103433688-")
    assert {"Vary (Region)", "⬅️", "Animate (High motion)"} <= set(upscale.buttons)
    assert len(upscale.buttons) == 14


@table(("name", "percent"), [("button_vary_strong_progress_63", 63), ("button_vary_strong_completed", None)])
def test_a_variation_has_its_percent(name: str, percent: int | None) -> None:
    assert (sample(name).percent, sample(name).mode) == (percent, "fast")


def test_the_documented_response_has_three_children_and_no_attachments() -> None:
    done = sample("docs_get_job_imagine_completed")
    assert [child.button for child in done.children] == ["U1", "U2", "U3"]
    assert done.children[0] == Child(button="U1", jobid="<jobid>", message_id="<Discord message id>")
    assert (done.jobid, done.mode) == ("<jobid>", "fast")
    assert done.attachments == ()  # "<generated image url>" is no URL


@table(
    ("name", "verb", "status"),
    [
        ("blog250901_video_completed.PARTIAL", "imagine", "completed"),
        ("docs_cancel_200", "", "cancelled"),
        ("docs_post_button_200_started", "button", "started"),
        ("docs_post_describe_started.PARTIAL", "describe", "started"),
        ("docs_post_imagine_200_started", "imagine", "started"),
        ("docs_post_info_200_completed.PARTIAL", "info", "completed"),
        ("docs_post_relax_200_completed.PARTIAL", "relax", "completed"),
        ("docs_post_remix_200_completed.PARTIAL", "remix", "completed"),
        ("docs_post_seed_200_completed.PARTIAL", "seed", "completed"),
        ("docs_post_seed_async_200_started.PARTIAL", "seed_async", "started"),
    ],
)
def test_every_documented_response_is_a_job(name: str, verb: str, status: str) -> None:
    assert (sample(name).verb, sample(name).status) == (verb, status)


def test_account_responses_are_private_and_keep_their_lines() -> None:
    info = sample("docs_post_info_200_completed.PARTIAL")
    assert info.private
    assert len(info.content.split("\n")) == 4


def test_a_seed_is_kept_as_text() -> None:
    seed = sample("docs_post_seed_200_completed.PARTIAL").seed
    assert seed is not None
    assert seed.value == "123456789"
    assert "**seed**" in seed.content
    long = job(seed={"value": "98765432109876543210", "attachments": [{"url": "https://cdn.example/1.png"}]}).seed
    assert long is not None
    assert (long.value, len(long.attachments)) == ("98765432109876543210", 1)


def test_describe_has_its_prompts_in_the_embed() -> None:
    image = {
        "url": "https://cdn.example/in.png",
        "proxy_url": "https://media.example/in.png",
        "width": 640,
        "height": 480,
    }
    described = job(
        verb="describe",
        describeUrl="https://cdn.example/in.png",
        embeds=[{"type": "rich", "description": "1️⃣ a cat\n\n2️⃣ a dog", "image": image}, "no object", {"image": 7}],
    )
    prompts, empty = described.embeds
    assert prompts.description == "1️⃣ a cat\n\n2️⃣ a dog"
    assert (prompts.image_url, prompts.width, prompts.height) == (image["url"], 640, 480)
    assert (empty.image_url, empty.width) == ("", 0)
    assert described.describe_url == image["url"]


def test_full_size_files_come_as_urls_or_as_objects() -> None:
    url = "https://cdn.midjourney.com/383afba5/0_0.jpeg"
    assert job(imageUx=[url, {"id": "a1", "url": url}, {"id": "b"}, 5]).image_ux == (
        Media(url=url),
        Media(url=url, id="a1"),
    )
    assert job(videoUx=[url]).video_ux == (Media(url=url),)


def test_the_payers_redacted_token_is_dropped() -> None:
    assert "MTI" not in repr(sample("imagine_completed"))


def test_a_response_without_an_id_gets_the_requested_one() -> None:
    assert job().jobid == "job:requested"
    assert job(jobid="").jobid == "job:requested"
    assert job(jobid=["job:1"]).jobid == "job:requested"
    assert job(jobid="job:own").jobid == "job:own"
    assert job(jobid="j" * 300).jobid == "job:requested"


def test_an_empty_object_is_a_job_with_defaults() -> None:
    assert job() == Job(jobid="job:requested")


def test_unknown_values_are_kept_and_unknown_fields_are_not() -> None:
    odd = job(status="Dreaming", verb="hum", buttons=["Make it sing"], mood="blue")
    assert (odd.status, odd.verb, odd.buttons, odd.over) == ("dreaming", "hum", ("Make it sing",), False)


def test_canceled_with_one_l_is_cancelled() -> None:
    assert job(status="canceled").status == Status.CANCELLED


def test_wrong_types_count_as_missing() -> None:
    fields = ["verb", "status", "seed", "created", "prompt", "blendUrls", "button", "children", "buttons", "maxJobs"]
    fields += ["messageId", "content", "timestamp", "attachments", "embeds", "imageUx", "error", "replyRef", "code"]
    wrongs: list[object] = [True, -1, 0.5, None, {}, [[]], [None, 3]]
    for wrong in wrongs:
        read = job(**dict.fromkeys(fields, wrong))
        assert read in (Job(jobid="job:requested"), job(seed={})), wrong


@table(
    ("raw", "parsed"),
    [
        (3, 3), ("3", 3), (3.0, 3), (2**63 - 1, 2**63 - 1), (2**63, None), (10**30, None), (-3, None), (3.5, None),
        (True, None), ("٣", None), ("9" * 19, None), ("three", None),
    ],
)  # fmt: skip
def test_numbers_fit_into_the_database_or_count_as_missing(raw: object, parsed: int | None) -> None:
    assert job(maxJobs=raw).max_jobs == parsed


@table(
    ("raw", "parsed"),
    [
        ("2023-09-09T02:04:49.667Z", datetime(2023, 9, 9, 2, 4, 49, 667_000, UTC)),
        ("2023-09-09T02:05:24.991000+00:00", datetime(2023, 9, 9, 2, 5, 24, 991_000, UTC)),
        ("2023-09-09T04:00:00+02:00", datetime(2023, 9, 9, 2, tzinfo=UTC)),
        ("2023-09-09T02:00:00", datetime(2023, 9, 9, 2, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (1694225089, None),
    ],
)
def test_times_are_aware_utc_or_missing(raw: object, parsed: datetime | None) -> None:
    created = job(created=raw).created
    assert created == parsed
    assert created is None or created.tzinfo is UTC


@table(
    ("content", "percent", "mode"),
    [
        ("**a cat** - <@1> (47%) (fast)", 47, "fast"),
        ("**a cat** - <@1> (63%) (relaxed)", 63, "relaxed"),
        ("**a cat** - <@1> (0%) (turbo, stealth)", 0, "turbo, stealth"),
        ("**a cat** - <@1> (fast, stealth)", None, "fast, stealth"),
        ("**a cat** - <@1> (100%) (fast)", 100, "fast"),
        ("**a cat** - <@1> (101%) (fast)", None, "fast"),
        ("**a cat** - <@1> (Waiting to start)", None, ""),
        ("**a cat** - <@1> (Stopped)", None, ""),
        ("**a cat** - <@1> (35%) (Stopped)", 35, ""),
        ("**a cat** - Upscaled (Subtle) by <@1> (fast)", None, "fast"),
        ("**a cat** - Image #1 <@1>", None, ""),
        ("**a cat** - <@1> [(Open on website for full quality)](<https://m.example/jobs/1>) (fast)", None, "fast"),
        ("**a cat** - <@1> (47%) (fast)\n-# Create, explore (99%) (turbo)", 47, "fast"),
        ("**a cat (99%) (turbo)** - <@1> (47%) (fast)", 47, "fast"),
        ("**a cat** - <@1> (99%) (turbo)** - <@2> (47%) (fast)", 47, "fast"),
        ("**a cat** - (99%)\n-# b** - <@1> (47%) (fast)", 47, "fast"),
        ("**a cat (99%) (turbo)** - <@1>", None, ""),
        ("Animating... (99%)", None, ""),
        ("", None, ""),
    ],
)
def test_progress_is_read_from_what_follows_the_prompt(content: str, percent: int | None, mode: str) -> None:
    assert progress(content) == (percent, mode)
    assert (job(content=content).percent, job(content=content).mode) == (percent, mode)


@table(
    ("status", "content", "expected"),
    [
        ("progress", "**a cat** - <@1> (paused) (relaxed)", ("progress", Halt.PAUSED)),
        ("started", "**a cat** - <@1> (Paused)", ("started", Halt.PAUSED)),
        ("paused", "", ("progress", Halt.PAUSED)),
        ("progress", "**a cat** - <@1> (Stopped)", ("cancelled", Halt.STOPPED)),
        ("progress", "**a cat** - <@1> (35%) (Stopped)", ("cancelled", Halt.STOPPED)),
        ("stopped", "", ("cancelled", Halt.STOPPED)),
        ("completed", "**a cat** - <@1> (Stopped)", ("completed", None)),
        ("cancelled", "**a cat** - <@1> (Stopped)", ("cancelled", None)),
        ("progress", "**a cat (Stopped) (paused)** - <@1> (35%)", ("progress", None)),
        ("progress", "**a cat** - <@1> (35%)\n-# (paused)", ("progress", None)),
    ],
)
def test_a_job_that_midjourney_paused_or_stopped_is_known_by_its_content(
    status: str, content: str, expected: tuple[str, Halt | None]
) -> None:
    halted = job(status=status, content=content)
    assert (halted.status, halted.halted) == expected


@table(
    ("raw", "sanitized"),
    [
        ("\u202eevil\u202c", "evil"),
        ("a\x00b\x1b[31mc\x7f\x85", "ab[31mc"),
        ("a\u2066b\u2069\u200f\u061c", "ab"),
        ("z\u200bw\ufeff", "zw"),
        ("half \ud83d of an emoji \udc00", "half  of an emoji"),
        ("one\r\ntwo\nthree\u2028four\tfive", "one two three four five"),
        ("👩‍🎨 ⬅️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩‍🎨 ⬅️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ("  @everyone `'; DROP TABLE jobs --  ", "@everyone `'; DROP TABLE jobs --"),
    ],
)
def test_sanitize_drops_invisible_characters_and_keeps_the_rest(raw: str, sanitized: str) -> None:
    assert sanitize(raw, 100) == sanitized


def test_sanitize_clips_and_keeps_lines_on_request() -> None:
    assert sanitize("x" * 10, 4) == "xxxx"
    assert sanitize("ab   cd", 4) == "ab"
    assert sanitize("one\r\ntwo\rthree", 100, lines=True) == "one\ntwo\nthree"


def test_long_texts_are_clipped_and_long_names_are_dropped() -> None:
    big = job(prompt="p" * 9999, content="c" * 99999, error="e" * 999, errorDetails="d" * 9999, channel="1" * 999)
    assert [len(text) for text in (big.prompt, big.content, big.error, big.error_details)] == [5000, 8000, 256, 4096]
    assert big.channel == ""
    assert job(buttons=["x" * (LABEL + 1), "x" * 200, "U1", "U1", "", "\u200b"]).buttons == ("x" * 200, "U1")


def test_long_lists_end_with_the_newest() -> None:
    children = [{"button": "V1", "jobid": f"job:{number}"} for number in range(CHILDREN + 9)]
    read = job(
        buttons=[f"B{number}" for number in range(40)], children=children, blendUrls=["https://e.example/"] * 999
    )
    assert len(read.buttons) == 40
    assert len(read.blend_urls) == ITEMS
    assert (len(read.children), read.children[-1].jobid) == (CHILDREN, f"job:{CHILDREN + 8}")


@table(
    "url",
    ["", "file:///etc/passwd", "javascript:alert(1)", "https://e.example/a b", "https://e.example/\n", "h" * 9, None, 7,
     "https://e.example/" + "x" * 2048],
)  # fmt: skip
def test_an_attachment_without_a_web_url_is_left_out(url: object) -> None:
    assert job(attachments=[{"url": url, "id": "1"}, {"id": "2"}, "no object"]).attachments == ()


def test_half_an_emoji_does_not_invalidate_the_whole_response() -> None:
    assert parse_job(rb'{"prompt": "cut \ud83d", "status": "completed"}', jobid="j").prompt == "cut"
    assert parse_job(b'\xef\xbb\xbf{"maxJobs": NaN, "status": "completed"}', jobid="j").status == "completed"


@table(
    "raw",
    [
        b"", b" ", b"null", b"[]", b'"job"', b"42", b"true", b"NaN", b"<html>502</html>", b'{"jobid": "job:1',
        b"\xff\xfe", b'{"prompt": "\xff"}', b"{}{}", b"[" * 100_000, b'{"a":' * 100_000,
        b'{"maxJobs": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_anything_but_a_json_object_is_an_invalid_response(raw: bytes) -> None:
    with pytest.raises(InvalidResponse):
        parse_job(raw, jobid="job:requested")


@table(
    ("jobid", "created"),
    [
        (
            "job:20250822143812123-user:12345-channel:1502243953687265485-bot:midjourney",
            datetime(2025, 8, 22, 14, 38, 12, 123_000, UTC),
        ),
        ("job:20259999999999999-user:1-channel:2-bot:midjourney", None),
        ("job:1", None),
        ("", None),
    ],
)
def test_a_job_id_says_when_its_job_was_created(jobid: str, created: datetime | None) -> None:
    assert created_in(jobid) == created


def test_a_childs_label_is_kept_without_stray_spaces() -> None:
    children = [
        {"button": "V1 ", "jobid": "job:1"},
        {"button": "x" * (LABEL + 1), "jobid": "job:2"},
        {"jobid": "job:3"},
    ]
    assert [child.button for child in job(children=children).children] == ["V1", "", ""]
