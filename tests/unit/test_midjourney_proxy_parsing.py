import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import errors, formatting
from bot.models import Halt, Job, Media, ProviderName, Status
from bot.providers.http import Response
from bot.providers.midjourney_proxy import created_in, parse_task
from bot.providers.midjourney_proxy.buttons import (
    CUSTOM_ID,
    GRID,
    buttons_in,
    change_of,
    described_press,
    label_of,
)
from bot.providers.midjourney_proxy.parsing import FORM_TIMEOUT, jobid_of, jobids_in, percent_of, time_of
from bot.providers.midjourney_proxy.phrases import is_chinese
from bot.providers.midjourney_proxy.responses import Submitted, read_submission, read_task
from tests.table import table

SAMPLES = Path(__file__).parents[1] / "samples" / "midjourney_proxy"
TASKS = sorted(path.stem for path in SAMPLES.glob("*task_*.json"))
NOW = datetime(2026, 8, 3, 8, 1, tzinfo=UTC)
UUID = "3dbbd469-36af-4a0f-8f02-df6c579e7011"
PRIVATE = ("192.0.2.10", "bot.example", "127.0.0.1:18903", "user_a_red_fox_3d", "<@1000000000000000001>", '"user"')
"""What the samples say of the payer, and our own callback address; a picture's own address may carry a name."""


def sample(name: str) -> Job:
    return parse_task((SAMPLES / f"{name}.json").read_bytes(), jobid="requested", now=NOW)


def task(*, now: datetime = NOW, **fields: Any) -> Job:
    return parse_task(json.dumps(fields).encode(), jobid="requested", now=now)


# --- the samples ------------------------------------------------------------------------------------------------------


SAMPLED = [
    ("docs_relay_task_imagine_success.PARTIAL", "imagine", "completed"),
    ("docs_relay_task_in_progress", "imagine", "progress"),
    ("docs_task_describe_success.PARTIAL", "describe", "completed"),
    ("measured_task_failure_banned_by_midjourney", "imagine", "moderated"),
    ("measured_task_failure_midjourney_not_reached", "imagine", "failed"),
    ("measured_task_failure_timeout", "button", "failed"),
    ("measured_task_in_progress_0", "imagine", "progress"),
    ("measured_task_of_code21_customzoom_stays_not_start", "button", "created"),
    ("measured_task_success_imagine_without_buttons", "imagine", "completed"),
    ("measured_task_success_upscale_buttons_in_properties", "button", "completed"),
    ("measured_task_success_variation", "button", "completed"),
    ("other_apimart_task_success", "imagine", "completed"),
    ("reconstructed_trueai_task_cancelled", "imagine", "cancelled"),
    ("reconstructed_trueai_task_describe_success", "describe", "completed"),
    ("reconstructed_trueai_task_failure_midjourney_said_no", "imagine", "moderated"),
    ("reconstructed_trueai_task_failure_own_words", "imagine", "failed"),
    ("reconstructed_trueai_task_in_progress_47", "imagine", "progress"),
    ("reconstructed_trueai_task_modal_custom_zoom", "button", "started"),
    ("reconstructed_trueai_task_success_U2", "button", "completed"),
    ("reconstructed_trueai_task_success_grid", "imagine", "completed"),
    ("reconstructed_trueai_task_success_grid_official_four_pictures", "imagine", "completed"),
]


@table(("name", "verb", "status"), SAMPLED)
def test_every_sampled_task_is_a_job(name: str, verb: str, status: str) -> None:
    job = sample(name)
    assert (job.verb, job.status, job.provider) == (verb, status, ProviderName.MIDJOURNEY_PROXY)


def test_no_sample_of_a_task_is_left_out() -> None:
    assert [name for name, *_ in SAMPLED] == TASKS


def test_a_grid_has_its_picture_its_buttons_and_their_own_ids() -> None:
    grid = sample("reconstructed_trueai_task_success_grid")
    assert grid.jobid == "1785744000123456"
    assert grid.created == datetime(2026, 8, 3, 8, 0, 0, 123_000, UTC)
    assert grid.timestamp == datetime(2026, 8, 3, 8, 0, 28, 900_000, UTC)
    assert (grid.prompt, grid.mode) == ("a red fox in the snow --ar 16:9 --v 7.0", "fast")
    assert grid.reply_ref == "dr-6f2c"
    assert grid.buttons == GRID
    assert grid.custom_id("U2") == f"MJ::JOB::upsample::2::{UUID}"
    assert grid.custom_id("🔄") == f"MJ::JOB::reroll::0::{UUID}::SOLO"
    (picture,) = grid.attachments
    assert (picture.width, picture.height, picture.size, picture.content_type) == (2048, 2048, 612345, "image/webp")
    assert (picture.id, picture.filename) == ("", "")


def test_a_running_task_has_its_percent_and_a_preview() -> None:
    running = sample("reconstructed_trueai_task_in_progress_47")
    assert (running.percent, running.mode, len(running.attachments)) == (47, "fast", 1)
    assert sample("docs_relay_task_in_progress").percent == 65
    assert sample("measured_task_in_progress_0").percent == 0


def test_the_task_of_a_pressed_button_knows_parent_and_button() -> None:
    upscale = sample("reconstructed_trueai_task_success_U2")
    assert (upscale.parent_jobid, upscale.button) == ("1785744000123456", "U2")
    assert upscale.buttons[8:12] == ("⬅️", "➡️", "⬆️", "⬇️")
    assert upscale.custom_id("⬅️") == f"MJ::JOB::pan_left::1::{UUID}::SOLO"
    measured = sample("measured_task_success_upscale_buttons_in_properties")
    assert (measured.parent_jobid, measured.button) == ("1795799507200211", "U3")
    assert len(measured.buttons) == len(measured.custom_ids) == 5
    assert sample("measured_task_success_variation").button == "V1"


@table("name", ["measured_task_success_imagine_without_buttons", "measured_task_success_variation"])
def test_a_grid_without_buttons_gets_those_of_any_grid(name: str) -> None:
    grid = sample(name)
    assert (grid.buttons, grid.custom_ids) == (GRID, ())
    assert grid.custom_id("U1") is None
    raw = (SAMPLES / f"{name}.json").read_bytes()
    assert parse_task(raw, jobid="", now=NOW, grid_buttons=False).buttons == ()


@table(
    "fields",
    [
        {"action": "UPSCALE", "description": "/up 1795799507200211 U3"},
        {"action": "DESCRIBE"},
        {"action": "VIDEO"},
        {"action": "IMAGINE", "status": "IN_PROGRESS"},
    ],
)
def test_what_is_no_completed_grid_gets_no_buttons(fields: dict[str, Any]) -> None:
    assert task(**{"status": "SUCCESS", **fields}).buttons == ()


def test_four_pictures_are_kept_beside_the_grid() -> None:
    official = sample("reconstructed_trueai_task_success_grid_official_four_pictures")
    assert official.attachments[0].url == f"https://mjcdn.example/{UUID}/grid.webp"
    assert official.image_ux == tuple(Media(url=f"https://cdn.midjourney.com/{UUID}/0_{n}.png") for n in range(4))
    apimart = sample("other_apimart_task_success")
    assert apimart.attachments[0].url == "https://cdn.apimart.ai/mj_xxxx.png"
    assert len(apimart.image_ux) == 4


def test_videos_come_as_one_address_or_several() -> None:
    url = "https://cdn.example/0.mp4"
    for fields in ({"videoUrl": url}, {"videoUrls": [url]}, {"videoUrls": [{"url": url}]}, {"videoUrls": f'["{url}"]'}):
        assert task(status="SUCCESS", action="VIDEO", **fields).video_ux == (Media(url=url),)


def test_describe_has_its_four_prompts_and_the_picture() -> None:
    described = sample("reconstructed_trueai_task_describe_success")
    (embed,) = described.embeds
    assert embed.description.startswith("1️⃣ a fox --ar 1:1\n\n2️⃣ a dog")
    assert embed.image_url == "https://mjcdn.example/in.png"
    assert (described.attachments, described.prompt) == ((), "")
    assert described.buttons == ("1️⃣", "2️⃣", "3️⃣", "4️⃣")
    assert formatting.described_prompts(described) == (
        "a fox --ar 1:1", "a dog --ar 1:1", "a cat --ar 1:1", "an owl --ar 1:1",
    )  # fmt: skip


@table("name", TASKS)
def test_nothing_of_the_payer_nor_our_callback_address_is_kept(name: str) -> None:
    job = msgspec.structs.replace(sample(name), attachments=())  # those are ours to guard, like useapi's
    kept = msgspec.json.encode(job).decode()
    assert [private for private in PRIVATE if private in kept] == []


def test_the_mention_goes_and_the_rest_of_the_message_stays() -> None:
    job = task(properties={"messageContent": "**a cat** - <@1> (47%) (relaxed)"}, status="IN_PROGRESS")
    assert (job.content, job.percent, job.mode) == ("**a cat** - (47%) (relaxed)", 47, "relaxed")
    paused = task(properties={"messageContent": "**a cat** - <@!1> (paused) (fast)"}, status="IN_PROGRESS")
    assert (paused.status, paused.halted) == ("progress", Halt.PAUSED)


# --- values -----------------------------------------------------------------------------------------------------------


@table(
    ("word", "status"),
    [
        ("", "created"), ("NOT_START", "created"), ("SUBMITTED", "started"), ("MODAL", "started"),
        ("IN_PROGRESS", "progress"), ("SUCCESS", "completed"), ("FAILURE", "failed"), ("CANCEL", "cancelled"),
        ("success", "completed"), ("DREAMING", "dreaming"), (None, "created"), (7, "created"),
    ],
)  # fmt: skip
def test_statuses_are_mapped_and_unknown_ones_kept(word: object, status: str) -> None:
    assert task(status=word).status == status


@table(
    ("reason", "status", "error", "details"),
    [
        ("取消任务", "cancelled", "", ""),
        ("强制取消", "cancelled", "", ""),
        ("可能包含敏感词", "moderated", "Banned word", "The prompt may contain a word that is not allowed."),
        ("may contain sensitive words", "moderated", "Banned word",
         "The prompt may contain a word that is not allowed."),
        ("[Banned prompt detected] The word x is not allowed", "moderated", "Banned prompt detected",
         "The word x is not allowed"),
        ("[Request denied] No.", "moderated", "Request denied", "No."),
        ("[Blocked by a filter]", "moderated", "Blocked by a filter", ""),
        ("[Sorry] Our AI moderators feel so", "moderated", "Sorry", "Our AI moderators feel so"),
        ("[Invalid parameter] Unrecognized `--x`\nTry again", "failed", "Invalid parameter",
         "Unrecognized `--x`\nTry again"),
        ("[Internal Server Error] connect ECONNREFUSED 10.0.0.7:80", "failed", "Server error",
         "Something went wrong on the server."),
        *((each, "failed", "Midjourney not reached", "The server could not reach Midjourney.") for each in (
            "connect ECONNREFUSED 10.0.0.7:80", "getaddrinfo ENOTFOUND gateway.internal", "read ECONNRESET",
            "HTTP 403: Forbidden", "Request failed with status code 429", "Connection refused (gateway.internal:443)",
        )),
        ("Account unavailable: 1118138338562560102", "failed", "Account not available",
         "The server's Midjourney account is not available."),
        ("No route to 10.0.0.7", "failed", "Unknown error", "The server gave a reason that can't be shown here."),
        ("No route to gateway:8080", "failed", "Unknown error", "The server gave a reason that can't be shown here."),
        ("Try --ar 16:9", "failed", "Try --ar 16:9", ""),
        ("实例不可用", "failed", "Account not available", "The server's Midjourney account is not available."),
        ("文件上传失败", "failed", "Upload failed", "The server could not pass on a picture."),
        ("某种新的错误", "failed", "Unknown error", "The server gave a reason that can't be shown here."),
        ("[错误] 某种新的错误", "failed", "Unknown error", "The server gave a reason that can't be shown here."),
        ("The picture is gone", "failed", "The picture is gone", ""),
        ("", "failed", "", ""), (None, "failed", "", ""), (["x"], "failed", "", ""),
    ],
)  # fmt: skip
def test_a_fail_reason_becomes_an_error_in_our_words_or_midjourneys(
    reason: object, status: str, error: str, details: str
) -> None:
    job = task(status="FAILURE", progress="100%", failReason=reason)
    assert (job.status, job.error, job.error_details, job.percent) == (status, error, details, None)


@table("reason", ["任务超时", "执行超时 5 分钟", "任务提交超时", "Task timeout", "上游任务超时（超过1小时）"])
def test_a_timeout_is_said_in_our_words(reason: str) -> None:
    assert task(status="FAILURE", failReason=reason).error == "Timed out"


def test_a_text_that_quotes_a_chinese_word_is_no_chinese_text() -> None:
    assert not is_chinese("The word 裸体 is not allowed")
    assert is_chinese("提交失败 error")


def test_a_form_that_nobody_submits_ends_the_job() -> None:
    made = datetime(2026, 8, 3, 8, tzinfo=UTC)
    waiting: dict[str, Any] = {"status": "MODAL", "submitTime": int(made.timestamp() * 1000)}
    assert task(now=made + FORM_TIMEOUT, **waiting).status == Status.STARTED
    late = task(now=made + FORM_TIMEOUT + timedelta(seconds=1), **waiting)
    assert (late.status, late.error) == (Status.FAILED, "Form not submitted")
    zoom = {**waiting, "status": "NOT_START", "properties": {"customId": f"MJ::CustomZoom::{UUID}"}}
    assert task(now=made + FORM_TIMEOUT * 4, **zoom).status == Status.CREATED  # it may as well be queued
    assert task(now=made + timedelta(hours=3), **zoom).status == Status.FAILED
    assert task(now=made + timedelta(hours=3), **{**zoom, "properties": {}}).status == Status.CREATED
    assert task(now=made + timedelta(days=9), status="MODAL").status == Status.STARTED  # nobody knows since when


@table(
    ("raw", "jobid"),
    [
        ("1785744000123456", "1785744000123456"), (1785744000123456, "1785744000123456"), ("task_01KV", "task_01KV"),
        ("a" * 64, "a" * 64), ("a" * 65, ""), ("", ""), (" 1", ""), ("../1", ""), ("job:1", ""), (True, ""), (-1, ""),
        (0, ""), (1.5, ""), (None, ""), (["1"], ""), ("１２", ""), (10**70, ""),
    ],
)  # fmt: skip
def test_ids_are_letters_and_digits_or_a_number(raw: object, jobid: str) -> None:
    assert jobid_of(raw) == jobid
    assert task(id=raw).jobid == (jobid or "requested")


@table(
    ("raw", "ids"),
    [
        ("1", ("1",)), (1, ("1",)), ("1,2, 3", ("1", "2", "3")), (["1", 2, None, {}], ("1", "2")), ("", ()),
        (None, ()), ({}, ()), (",", ()), ("../", ()),
    ],
)  # fmt: skip
def test_a_result_is_one_id_a_number_a_list_or_several_with_commas(raw: object, ids: tuple[str, ...]) -> None:
    assert jobids_in(raw) == ids


@table(
    ("raw", "time"),
    [
        (1785744000123, datetime(2026, 8, 3, 8, 0, 0, 123_000, UTC)),
        ("1785744000123", datetime(2026, 8, 3, 8, 0, 0, 123_000, UTC)),
        (0, None), (None, None), ("", None), (-5, None), (1785744000, None), (10**18, None), (True, None),
        ("now", None),
        (4_200_000_000_000, None),
    ],
)  # fmt: skip
def test_times_are_milliseconds_and_0_is_none(raw: object, time: datetime | None) -> None:
    assert time_of(raw) == time
    assert task(submitTime=raw).created == time


def test_an_id_says_when_its_task_was_made() -> None:
    assert created_in("1785744000123456") == datetime(2026, 8, 3, 8, 0, 0, 123_000, UTC)
    assert created_in("14001929738841620") is None
    assert created_in("task_01KV52C0TEJSYZMCG0NCS4YWKK") is None
    assert task(id="1785744000123456").created == created_in("1785744000123456")


@table(
    ("raw", "percent"),
    [("47%", 47), (" 47% ", 47), (47, 47), ("0%", 0), ("100%", 100), ("101%", None), ("", None), ("-1%", None),
     ("4x%", None), (None, None), (4.5, None)],
)  # fmt: skip
def test_progress_is_a_percentage_while_a_task_runs(raw: object, percent: int | None) -> None:
    assert percent_of(raw) == percent
    assert task(status="IN_PROGRESS", progress=raw).percent == percent
    assert task(status="SUBMITTED", progress=raw).percent is None


def test_a_picture_that_gets_another_address_each_time_keeps_one() -> None:
    url = "https://relay.example/mj/image/1730621826053455"
    job = task(status="IN_PROGRESS", imageUrl=f"{url}?rand=1730621826053455000")
    assert job.attachments[0].url == url
    assert task(status="SUCCESS", imageUrl=f"{url}?sig=abc").attachments[0].url == f"{url}?sig=abc"
    assert task(status="FAILURE", imageUrl=url).attachments == ()


def test_json_that_a_relay_hands_on_as_text_is_read() -> None:
    job = task(status="SUCCESS", buttons='[{"customId": "MJ::JOB::upsample::1::x", "label": "U1"}]', properties="{}")
    assert job.buttons == ("U1",)
    assert task(buttons="[broken", properties="[]").buttons == ()


def test_wrong_types_count_as_missing() -> None:
    fields = ["action", "status", "progress", "prompt", "promptEn", "description", "state", "submitTime", "startTime"]
    fields += ["finishTime", "imageUrl", "imageUrls", "failReason", "properties", "buttons", "parentId", "mode", "seed"]
    wrongs: list[Any] = [True, -1, 0.5, None, {}, [[]], [None, 3]]
    for wrong in wrongs:
        expected = Job(jobid="requested", provider=ProviderName.MIDJOURNEY_PROXY)
        assert task(**dict.fromkeys(fields, wrong)) == expected, wrong


@table("raw", [b"", b"null", b"[]", b'"x"', b"42", b"<html>", b'{"id": "1', b"\xff", b"[" * 100_000])
def test_anything_but_a_json_object_is_an_invalid_response(raw: bytes) -> None:
    with pytest.raises(errors.InvalidResponse):
        parse_task(raw, jobid="requested", now=NOW)


# --- buttons ----------------------------------------------------------------------------------------------------------


@table(
    ("custom_id", "label"),
    [
        (f"MJ::JOB::upsample::3::{UUID}", "U3"),
        (f"MJ::JOB::video_virtual_upscale::1::{UUID}", "U1"),
        (f"MJ::JOB::variation::4::{UUID}", "V4"),
        (f"MJ::JOB::reroll::0::{UUID}::SOLO", "🔄"),
        (f"MJ::JOB::high_variation::1::{UUID}::SOLO", "Vary (Strong)"),
        (f"MJ::JOB::low_variation::1::{UUID}::SOLO", "Vary (Subtle)"),
        (f"MJ::JOB::upsample_v7_2x_subtle::1::{UUID}::SOLO", "Upscale (Subtle)"),
        (f"MJ::JOB::upsample_v6r1_2x_creative::1::{UUID}::SOLO", "Upscale (Creative)"),
        (f"MJ::JOB::upsample_v5_4x::1::{UUID}::SOLO", "Upscale (4x)"),
        (f"MJ::Outpaint::50::1::{UUID}::SOLO", "Zoom Out 2x"),
        (f"MJ::Outpaint::75::1::{UUID}::SOLO", "Zoom Out 1.5x"),
        (f"MJ::Outpaint::100::1::{UUID}::SOLO", "Make Square"),
        (f"MJ::CustomZoom::{UUID}", "Custom Zoom"),
        (f"MJ::Inpaint::1::{UUID}::SOLO", "Vary (Region)"),
        (f"MJ::JOB::pan_up::1::{UUID}::SOLO", "⬆️"),
        (f"MJ::JOB::animate_low::1::{UUID}::SOLO", "Animate (Low motion)"),
        ("MJ::Job::PicReader::2", "2️⃣"),
        ("MJ::JOB::hum::1", ""),
        ("", ""),
    ],
)
def test_a_custom_id_says_what_its_button_does(custom_id: str, label: str) -> None:
    assert label_of(custom_id) == label
    if custom_id and label:
        assert [each.label for each in buttons_in([{"customId": custom_id, "label": "", "emoji": "x"}])] == [label]


def test_buttons_that_share_a_label_are_numbered_and_those_without_an_id_left_out() -> None:
    read = buttons_in(
        [
            {"customId": "MJ::JOB::a", "label": "Upscale"},
            {"customId": "MJ::JOB::b", "label": "Upscale"},
            {"customId": "MJ::JOB::a", "label": "Upscale"},
            {"customId": "MJ::JOB::c", "label": "", "emoji": {"name": "🎲"}},
            {"customId": "MJ::BOOKMARK::x", "label": "", "emoji": "❤️"},
            {"customId": "MJ::Job::PromptAnalyzer::1", "label": "", "emoji": "1️⃣"},
            {"label": "Web", "url": "https://midjourney.com"},
            {"customId": "x" * (CUSTOM_ID + 1), "label": "U1"},
            {"customId": "MJ::JOB::d", "label": ""},
            "no object",
        ]
    )
    assert [*read] == [("Upscale", "MJ::JOB::a"), ("Upscale (2)", "MJ::JOB::b"), ("🎲", "MJ::JOB::c")]


def test_a_grids_buttons_are_changes() -> None:
    assert [change_of(label) for label in ("U1", "V4", "🔄", "Custom Zoom", "U5")] == [
        ("UPSCALE", 1), ("VARIATION", 4), ("REROLL", None), None, None,
    ]  # fmt: skip
    assert described_press("/up 17 V2") == ("17", "V2")
    assert described_press("/up 17 R") == ("17", "🔄")
    assert described_press(f"/action MJ::JOB::pan_left::1::{UUID}") == ("", "⬅️")
    assert described_press("/imagine /up 17 V2") == ("", "")


# --- answers ----------------------------------------------------------------------------------------------------------


def answered(name: str) -> Response:
    """The response in a sample; its HTTP status is in its name or in the file."""
    body = json.loads((SAMPLES / f"{name}.json").read_bytes())
    status = body.pop("_http_status", 404 if "http404" in name else 200)
    return Response(status, json.dumps(body).encode())


@table(
    ("name", "submitted"),
    [
        ("docs_submit_code1", Submitted("8498455807619990")),
        ("docs_submit_code22_queued", Submitted("0741798445574458")),
        ("docs_relay_submit_success", Submitted("1712158011464906")),
        ("docs_relay_submit_action_result_is_number", Submitted("1320098173412546")),
        ("measured_submit_imagine_code1", Submitted("1795799507200211")),
        ("measured_submit_change_code22_queued", Submitted("1795799513464737")),
        (
            "measured_submit_action_code21_waits_for_modal",
            Submitted("1795799517509327", form=True, prompt="a red fox --v 7"),
        ),
        (
            "reconstructed_trueai_submit_code21_waits_for_modal",
            Submitted("1785744100002333", form=True, prompt="a red fox in the snow --ar 16:9 --v 7.0"),
        ),
    ],
)
def test_a_submission_that_was_taken_has_its_task(name: str, submitted: Submitted) -> None:
    assert read_submission(answered(name)) == submitted


@table(
    ("name", "error"),
    [
        ("docs_submit_code21_exists", errors.ButtonUsed),
        ("docs_submit_code23_queue_full", errors.QueueFull),
        ("docs_submit_code24_banned_word", errors.SubmissionDeclined),
        ("measured_submit_code24_banned_word", errors.SubmissionDeclined),
        ("measured_submit_code3_unknown_parent", errors.JobExpired),
        ("measured_submit_code4_empty_prompt", errors.BadRequest),
        ("reconstructed_newapi_submit_no_quota", errors.SubscriptionEnded),
        ("reconstructed_trueai_http200_refused_by_filter", errors.Busy),
        ("reconstructed_trueai_http404_unknown_parent", errors.JobExpired),
        ("reconstructed_trueai_submit_code3_no_account", errors.AccountBlocked),
        ("reconstructed_trueai_submit_code9_queue_full", errors.QueueFull),
    ],
)
def test_each_refusal_has_its_outcome_in_our_words(name: str, error: type[errors.ProviderError]) -> None:
    with pytest.raises(errors.ProviderError) as caught:
        read_submission(answered(name))
    assert type(caught.value) is error
    assert not is_chinese(str(caught.value))
    assert not isinstance(caught.value, errors.TransientError), "it was certainly not taken"


CERTAIN = (errors.Busy, errors.BadRequest, errors.Misconfigured, errors.JobOver)


@table(
    ("status", "body", "error"),
    [
        (401, "", errors.TokenRefused),
        (401, '{"error":"Unauthorized"}', errors.TokenRefused),
        (402, "", errors.SubscriptionEnded),
        (403, "用户已禁用", errors.Misconfigured),
        (403, "<html>Just a moment", errors.ProviderServerError),
        (404, "", errors.BadRequest),
        (404, "<html>", errors.BadRequest),
        (413, "<html>", errors.BadRequest),
        (429, "", errors.Busy),
        (429, '{"description":"当前分组上游负载已饱和 ","code":30}', errors.Busy),
        (200, '{"code":30,"description":"x"}', errors.Busy),
        (503, '{"error":{"code":"model_not_found"}}', errors.Busy),
        (503, '{"error":{"code":"upstream_error"}}', errors.ProviderServerError),
        (503, "", errors.ProviderServerError),
        (500, '{"code":-1,"message":"并发数已达上限"}', errors.Busy),
        (500, '{"code":-1,"message":"服务异常"}', errors.ProviderServerError),
        (200, '{"code":-1,"message":"用户今日绘图次数已达上限"}', errors.Busy),
        (200, '{"code":-1,"message":"服务异常"}', errors.InvalidResponse),
        (200, '{"code":9,"description":"提交失败"}', errors.InvalidResponse),
        (200, '{"code":3,"description":"Account unavailable: 1118138338562560102"}', errors.AccountBlocked),
        (200, '{"code":3,"description":"No available account instance"}', errors.AccountBlocked),
        (200, '{"code":4,"description":"related task does not allow variation"}', errors.BadRequest),
        (200, '{"code":4,"description":"关联任务状态错误"}', errors.BadRequest),
        (200, '{"code":4,"description":"未知的 Action 类型"}', errors.BadRequest),
        (200, '{"code":4,"description":"并发数已达上限"}', errors.Busy),
        (400, '{"description":"task_status_not_success ","type":"upstream_error","code":4}', errors.BadRequest),
        (400, '{"description":"task_not_found ","type":"upstream_error","code":4}', errors.JobExpired),
        (400, '{"description":"do_request_failed ","type":"upstream_error","code":4}', errors.ProviderServerError),
        (400, '{"statusCode":400,"error":"Bad Request","message":"x"}', errors.BadRequest),
        (400, "<html>", errors.ProviderServerError),
        (200, '{"code":1,"result":null}', errors.InvalidResponse),
        (200, '{"code":77}', errors.InvalidResponse),
        (200, "<html>", errors.InvalidResponse),
        (200, "", errors.InvalidResponse),
        (200, "[]", errors.InvalidResponse),
        (204, "", errors.InvalidResponse),
        (302, "", errors.InvalidResponse),
        (502, "<html>", errors.ProviderServerError),
        (500, "<html>", errors.ProviderServerError),
    ],
)
def test_what_is_not_certain_is_never_taken_for_a_refusal(
    status: int, body: str, error: type[errors.ProviderError]
) -> None:
    with pytest.raises(errors.ProviderError) as caught:
        read_submission(Response(status, body.encode()))
    assert type(caught.value) is error
    assert isinstance(caught.value, CERTAIN) != isinstance(caught.value, errors.TransientError)


def test_a_banned_word_is_named() -> None:
    with pytest.raises(errors.SubmissionDeclined) as caught:
        read_submission(answered("docs_submit_code24_banned_word"))
    assert caught.value.reason == "Banned word\nnude"


@table(
    ("status", "body"),
    [
        (204, ""), (200, ""), (200, "null"), (200, " null\n"), (200, '{"code":3,"description":"任务不存在"}'),
        (400, '{"description":"task_no_found ","type":"upstream_error","code":4}'), (400, '{"code":4}'),
        (404, '{"error":{"message":"task not found"}}'),
    ],
)  # fmt: skip
def test_an_unknown_task_is_answered_in_many_ways(status: int, body: str) -> None:
    with pytest.raises(errors.JobUnknown):
        read_task(Response(status, body.encode()), jobid="1")


@table(
    ("status", "body", "error"),
    [
        (200, "<html>", errors.InvalidResponse),
        (200, "[]", errors.InvalidResponse),
        (200, '"x"', errors.InvalidResponse),
        (200, "{}", errors.InvalidResponse),
        (200, '{"id":"2","status":"SUCCESS"}', errors.InvalidResponse),
        (200, '{"code":-1,"message":"请求过于频繁"}', errors.Busy),
        (401, "<html>", errors.TokenRefused),
        (404, "<html>", errors.ProviderServerError),
        (404, '{"message":"Route GET:/x not found","statusCode":404}', errors.ProviderServerError),
        (404, '{"status":404,"error":"Not Found"}', errors.ProviderServerError),
        (400, "<html>", errors.ProviderServerError),
        (429, "", errors.Busy),
        (500, '{"code":-1,"message":"未知错误"}', errors.ProviderServerError),
        (301, "", errors.InvalidResponse),
    ],
)
def test_what_says_nothing_about_a_task_does_not_end_its_job(
    status: int, body: str, error: type[errors.ProviderError]
) -> None:
    with pytest.raises(errors.ProviderError) as caught:
        read_task(Response(status, body.encode()), jobid="1")
    assert type(caught.value) is error


def test_an_id_may_come_as_a_number() -> None:
    assert read_task(Response(200, b'{"id": 17, "status": "SUCCESS"}'), jobid="17")["status"] == "SUCCESS"
