import asyncio
import io
import json
import math
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image
from yarl import URL

from bot.demo.useapi import FakeUseapi
from tests.conftest import only_long
from tests.processes import started

START = 1_780_396_473.688
AUTHORIZED = {"Authorization": "Bearer demo-token"}
GRID_BUTTONS = ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"]


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


class Caller:
    """A client of the documented API that knows nothing of the server's internals."""

    def __init__(self, useapi: FakeUseapi, clock: Clock, session: aiohttp.ClientSession) -> None:
        self.useapi = useapi
        self.clock = clock
        self.session = session

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        async with self.session.get(self.useapi.url + path, params=query) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, **fields: Any) -> tuple[int, Any]:
        async with self.session.post(self.useapi.url + path, json=fields) as answer:
            return answer.status, await answer.json()

    async def job(self, jobid: str, after: float = 0.0) -> Any:
        self.clock.time += after
        return (await self.get("/jobs/", jobid=jobid))[1]

    async def press(self, parent: str, button: str, **fields: Any) -> tuple[int, Any]:
        return await self.post("/jobs/button", jobid=parent, button=button, **fields)

    async def file(self, url: str) -> tuple[int, bytes]:
        async with self.session.get(url) as answer:
            return answer.status, await answer.read()


@asynccontextmanager
async def calling(**options: Any) -> AsyncIterator[Caller]:
    clock = Clock()
    async with (
        FakeUseapi(**{"now": clock, "refresh": 0.0, "grid_size": 32, **options}) as useapi,
        aiohttp.ClientSession(headers=AUTHORIZED) as session,
    ):
        yield Caller(useapi, clock, session)


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with calling() as caller:
        yield caller


async def test_an_imagine_follows_its_timeline_and_ends_in_a_new_message(caller: Caller) -> None:
    jobid = caller.useapi.add_job(prompt="a castle in the fog --v 7")

    waiting = await caller.job(jobid)
    early = await caller.job(jobid, after=7)
    under_way = await caller.job(jobid, after=6)
    done = await caller.job(jobid, after=14)

    bold = "**a castle in the fog --v 7.0** - <@1234567890123456789>"
    assert (waiting["status"], waiting["content"]) == ("started", f"{bold} (Waiting to start)")
    assert (early["status"], early["content"], early["attachments"]) == ("progress", f"{bold} (17%) (fast)", [])
    assert under_way["content"] == f"{bold} (35%) (fast)"
    assert under_way["attachments"][0]["filename"].endswith("_grid_0.webp")
    link = r" \[\(Open on website for full quality\)\]\(<https://midjourney\.com/jobs/[0-9a-f-]{36}>\) \(fast\)"
    assert done["status"] == "completed"
    assert re.fullmatch(re.escape(bold) + link, done["content"])
    assert done["buttons"] == GRID_BUTTONS
    assert "buttons" not in under_way
    assert waiting["messageId"] == under_way["messageId"] != done["messageId"]
    assert waiting["updated"] < early["updated"] < under_way["updated"] < done["updated"]


async def test_a_response_has_the_documented_fields_and_formats(caller: Caller) -> None:
    done = await caller.job(caller.useapi.add_job(prompt="a lake", age=60))

    stamp = re.fullmatch(r"job:(\d{17})-user:12345-channel:(\d{19})-bot:midjourney", done["jobid"])
    assert stamp
    assert stamp[1] == "".join(re.findall(r"\d", done["created"]))
    assert stamp[2] == done["channel"]
    assert done["created"] == "2026-06-02T10:33:33.688Z"
    assert done["updated"] == "2026-06-02T10:34:00.388Z"
    assert done["timestamp"] == "2026-06-02T10:34:00.388000+00:00"
    assert (done["verb"], done["prompt"], done["maxJobs"], done["code"]) == ("imagine", "a lake", 3, 200)
    assert re.fullmatch(r"\d{17,19}", done["messageId"])
    assert not {"children", "error", "button", "parentJobId", "replyRef"} & done.keys()


async def test_the_picture_is_served_as_the_response_describes_it(caller: Caller) -> None:
    done = await caller.job(caller.useapi.add_job(age=60))

    (attachment,) = done["attachments"]
    status, data = await caller.file(attachment["url"])
    picture = Image.open(io.BytesIO(data))
    assert (status, len(data)) == (200, attachment["size"])
    assert (picture.format, picture.size) == ("WEBP", (attachment["width"], attachment["height"]))
    assert attachment["content_type"] == "image/webp"
    assert attachment["url"].startswith(f"{caller.useapi.origin}/attachments/{done['channel']}/{attachment['id']}/")


async def test_a_link_expires_after_a_day_and_cannot_be_forged(caller: Caller) -> None:
    (attachment,) = (await caller.job(caller.useapi.add_job(age=60)))["attachments"]
    url = attachment["url"]

    assert (await caller.file(url.replace("ex=", "ex=f")))[0] == 404
    assert (await caller.file(url.partition("?")[0]))[0] == 404
    caller.clock.time += 86_400
    assert await caller.file(url) == (404, b"This content is no longer available.")


async def test_a_preview_is_deleted_when_its_job_is_done(caller: Caller) -> None:
    running = await caller.job(caller.useapi.add_job(age=14))
    (preview,) = running["attachments"]

    assert (await caller.file(preview["url"]))[0] == 200
    caller.clock.time += 13
    assert (await caller.file(preview["url"]))[0] == 404


async def test_a_job_changes_at_refreshes_only() -> None:
    async with calling(refresh=15.0) as caller:
        jobid = caller.useapi.add_job()
        seen = [(await caller.job(jobid, after=step))["content"] for step in (0, 14.9, 0.1, 14.9)]
        done = await caller.job(jobid, after=0.1)

    assert [re.findall(r"\d+%|Waiting", text) for text in seen] == [["Waiting"], ["Waiting"], ["35%"], ["35%"]]
    assert done["status"] == "completed"


async def test_a_post_is_answered_with_what_discord_shows_by_then() -> None:
    async with calling(refresh=15.0, speed=1000.0) as caller:
        parent = caller.useapi.add_job(age=60)
        _, at_once = await caller.press(parent, "U1")
        caller.useapi.plan(duration=0)
        _, quick = await caller.press(parent, "U2")

        assert (at_once["status"], quick["status"]) == ("started", "completed")
        assert (await caller.job(quick["jobid"]))["status"] == "completed"


async def test_speed_shortens_a_timeline() -> None:
    async with calling(speed=10.0) as caller:
        jobid = caller.useapi.add_job()

        assert (await caller.job(jobid, after=2.6))["status"] == "progress"
        assert (await caller.job(jobid, after=0.1))["status"] == "completed"


@pytest.mark.parametrize(
    ("options", "status", "seconds"),
    [
        ({"verb": "describe"}, "started", 12),
        ({"verb": "blend"}, "progress", 24),
        ({"button": "Upscale (Subtle)"}, "progress", 47),
        ({"button": "Vary (Strong)"}, "progress", 23),
        ({"duration": 300}, "progress", 299),
        ({"queued": 9}, "created", 8),
        ({"ends": "silent"}, "progress", 1e5),
    ],
)
async def test_each_kind_of_job_takes_its_time(
    caller: Caller, options: dict[str, Any], status: str, seconds: float
) -> None:
    jobid = caller.useapi.add_job(**options)

    assert (await caller.job(jobid, after=seconds))["status"] == status
    assert await caller.get("/jobs") == (200, [jobid])


async def test_a_silent_job_is_no_longer_updated(caller: Caller) -> None:
    jobid = caller.useapi.add_job(ends="silent", age=100)

    assert (await caller.job(jobid))["updated"] == (await caller.job(jobid, after=900))["updated"]


async def test_a_press_makes_a_child_that_its_parent_lists(caller: Caller) -> None:
    parent = caller.useapi.add_job(prompt="a lake", age=60)

    status, child = await caller.press(parent, "U2", replyRef="press 7")
    done = await caller.job(child["jobid"], after=0.6)

    assert (status, child["verb"], child["button"], child["parentJobId"]) == (200, "button", "U2", parent)
    assert (child["status"], child["replyRef"], done["replyRef"]) == ("started", "press 7", "press 7")
    assert child["content"].startswith("Upscaling image #2 with **a lake --v 7.0**")
    assert done["content"] == "**a lake --v 7.0** - Image #2 <@1234567890123456789>"
    assert done["attachments"][0]["content_type"] == "image/png"
    assert done["buttons"][:5] == [
        *("Upscale (Subtle)", "Upscale (Creative)", "Vary (Subtle)", "Vary (Strong)", "Vary (Region)"),
    ]
    children = (await caller.job(parent))["children"]
    assert children == [{"button": "U2", "jobid": child["jobid"], "messageId": done["messageId"]}]


async def test_an_upscale_works_once_and_then_names_its_child(caller: Caller) -> None:
    parent = caller.useapi.add_job(age=60)
    _, child = await caller.press(parent, "U1")
    assert (await caller.get("/jobs/cancel/", jobid=child["jobid"]))[1]["status"] == "cancelled"

    status, refusal = await caller.press(parent, "U1")

    error = f"Button U1 already executed by job {child['jobid']}"
    assert status == 409
    assert refusal == {"error": error, "button": "U1", "jobid": child["jobid"], "code": 409}
    assert (await caller.press(parent, "V1"))[0] == (await caller.press(parent, "V1"))[0] == 200


async def test_buttons_lead_from_a_grid_to_an_extended_video(caller: Caller) -> None:
    jobid = caller.useapi.add_job(prompt="a boat", age=60)
    seen = []
    for button in ("V3", "U1", "Upscale (Creative)", "Animate (Low motion)", "U4", "Extend (High motion)"):
        status, child = await caller.press(jobid, button)
        assert status == 200, child
        done = await caller.job(jobid := child["jobid"], after=60)
        seen.append((done["content"].partition("** - ")[2].partition(" [")[0], done["attachments"][0]["filename"][-4:]))

    mention = "<@1234567890123456789>"
    assert seen == [
        (f"Variations (Strong) by {mention}", "webp"),
        (f"Image #1 {mention}", ".png"),
        (f"Upscaled by {mention} (fast)", ".png"),
        (mention, "webp"),
        (f"Image #4 {mention}", "webp"),
        (mention, "webp"),
    ]


@pytest.mark.parametrize(
    ("button", "fields", "code"),
    [
        ("U9", {}, 400),
        ("", {}, 412),
        ("Custom Zoom", {}, 412),
        ("Custom Zoom", {"prompt": "a lake --zoom 1.5"}, 200),
        ("Vary (Region)", {"prompt": "a swan"}, 412),
        ("Vary (Region)", {"mask": "aGk="}, 200),
        ("Vary (Subtle)", {"prompt": "x" * 5001}, 413),
        ("Vary (Subtle)", {"replyRef": "x" * 1025}, 413),
        ("Vary (Subtle)", {"prompt": "something forbidden"}, 422),
    ],
)
async def test_a_press_is_validated_like_the_api_does(
    caller: Caller, button: str, fields: dict[str, str], code: int
) -> None:
    parent = caller.useapi.add_job(button="U1", age=60)

    status, answer = await caller.press(parent, button, **fields)

    assert (status, answer["code"]) == (code, code)
    assert ("error" in answer) == (code != 200)


async def test_a_running_job_offers_no_button_and_an_unknown_one_is_not_found(caller: Caller) -> None:
    assert (await caller.press(caller.useapi.add_job(), "U1"))[0] == 400
    assert await caller.press("job:1", "U1") == (404, {"error": "Unable to locate job job:1", "code": 404})


async def test_a_declined_prompt_is_a_422_with_the_job(caller: Caller) -> None:
    status, answer = await caller.post("/jobs/imagine", prompt="a FORBIDDEN fruit")

    assert status == 422
    assert answer.keys() == {"error", "errorDetails", "jobid", "status", "code"}
    assert (await caller.job(answer["jobid"]))["status"] == "moderated"


@pytest.mark.parametrize("over_code", [200, 422])
async def test_a_job_may_be_declined_later(caller: Caller, over_code: int) -> None:
    jobid = caller.useapi.add_job(ends="moderated", over_code=over_code)

    assert (await caller.get("/jobs/", jobid=jobid))[0] == 200
    caller.clock.time += 30
    status, answer = await caller.get("/jobs/", jobid=jobid)
    assert (status, answer["code"], answer["status"]) == (over_code, over_code, "moderated")
    assert answer["error"]
    assert answer["errorDetails"]
    assert "attachments" not in answer


async def test_a_job_may_be_listed_and_echo_its_reference_late(caller: Caller) -> None:
    parent = caller.useapi.add_job(age=600)
    caller.useapi.plan(listed_after=10, listed_as="{} ", echoed_after=20)
    _, child = await caller.press(parent, "V1", replyRef="mine")
    assert "replyRef" not in child
    assert (await caller.get("/jobs"))[1] == []
    assert "children" not in await caller.job(parent)
    (listed,) = (await caller.job(parent, after=10))["children"]
    assert (listed["button"], listed["jobid"]) == ("V1 ", child["jobid"])
    assert (await caller.get("/jobs"))[1] == [child["jobid"]]
    assert "replyRef" not in await caller.job(child["jobid"])
    assert (await caller.job(child["jobid"], after=10))["replyRef"] == "mine"


async def test_a_declined_job_may_be_described_in_short(caller: Caller) -> None:
    caller.useapi.plan(ends="moderated", duration=0, over_code=422, brief=True)
    _, refusal = await caller.press(caller.useapi.add_job(age=600), "V1", replyRef="mine")
    status, answer = await caller.get("/jobs/", jobid=refusal["jobid"])
    assert (status, answer.keys()) == (422, {"jobid", "status", "error", "errorDetails", "code"})


async def test_a_post_beyond_max_jobs_is_a_429(caller: Caller) -> None:
    running = [caller.useapi.add_job(), caller.useapi.add_job()]
    _, third = await caller.post("/jobs/imagine", prompt="a lake")

    status, refusal = await caller.post("/jobs/imagine", prompt="one more")

    assert (status, refusal["executingJobs"]) == (429, [*running, third["jobid"]])
    assert (await caller.post("/jobs/imagine", prompt="one more", maxJobs=4))[0] == 200
    caller.clock.time += 30
    assert (await caller.get("/jobs"))[1] == []
    assert (await caller.post("/jobs/imagine", prompt="one more"))[0] == 200


async def test_a_get_of_a_job_fails_in_the_documented_ways(caller: Caller) -> None:
    old, gone = caller.useapi.add_job(age=31 * 86_400 + 1), caller.useapi.add_job(ends="expired")

    assert await caller.get("/jobs/") == (400, {"error": "Query param jobid not provided", "code": 400})
    assert await caller.get("/jobs/", jobid="job:1") == (404, {"error": "Unable to locate job job:1", "code": 404})
    assert await caller.get("/jobs/", jobid=old) == (410, {"error": "Job has expired", "code": 410})
    assert (await caller.get("/jobs/", jobid=gone))[0] == 410
    assert (await caller.get(f"/jobs/{old}"))[0] == 404
    assert (await caller.get("/jobs/button"))[0] == 404


async def test_a_request_without_the_token_is_a_401(caller: Caller) -> None:
    async with aiohttp.ClientSession() as unauthorized, unauthorized.get(f"{caller.useapi.url}/jobs") as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "Unauthorized", "code": 401})
    await caller.get("/jobs")

    assert [request.authorized for request in caller.useapi.requests] == [False, True]
    assert "demo-token" not in repr(caller.useapi.requests)


async def test_a_cancelled_job_keeps_its_last_state(caller: Caller) -> None:
    jobid = caller.useapi.add_job(age=16)

    assert await caller.get("/jobs/cancel/", jobid=jobid) == (
        200,
        {"jobid": jobid, "status": "cancelled", "code": 200},
    )
    later = await caller.job(jobid, after=60)
    assert (later["status"], "(47%)" in later["content"]) == ("cancelled", True)
    assert (await caller.get("/jobs"))[1] == []
    assert (await caller.get("/jobs/cancel/"))[0] == 400


async def test_describe_ends_in_four_prompts_and_their_picture(caller: Caller) -> None:
    _, started = await caller.post("/jobs/describe", describeUrl="https://example.com/1.png")
    done = await caller.job(started["jobid"], after=13)

    (embed,) = done["embeds"]
    assert [line[:3] for line in embed["description"].split("\n\n")] == ["1️⃣", "2️⃣", "3️⃣", "4️⃣"]
    assert (await caller.file(embed["image"]["url"]))[0] == 200
    assert (started["status"], done["describeUrl"]) == ("started", "https://example.com/1.png")


@pytest.mark.parametrize("verb", ["seed", "seed_async"])
async def test_a_seed_comes_with_four_pictures(caller: Caller, verb: str) -> None:
    parent = caller.useapi.add_job(prompt="a lake", age=60)
    _, started = await caller.post(f"/jobs/{verb}", jobid=parent)
    done = await caller.job(started["jobid"], after=8)

    assert (done["verb"], done["parentJobId"]) == ("seed_async", parent)
    assert done["seed"]["content"].endswith(f"**seed** {done['seed']['value']}")
    assert len({attachment["url"] for attachment in done["seed"]["attachments"]}) == 4
    assert "children" not in await caller.job(parent)


async def test_a_blend_takes_two_to_five_pictures_as_json_or_form(caller: Caller) -> None:
    form = aiohttp.FormData([("blendUrls", "https://example.com/1.png"), ("blendUrls", "https://example.com/2.png")])
    async with caller.session.post(f"{caller.useapi.url}/jobs/blend", data=form) as answer:
        started = await answer.json()

    assert started["blendUrls"] == ["https://example.com/1.png", "https://example.com/2.png"]
    assert re.match(r"\*\*<https://s\.mj\.run/\w+> <https://s\.mj\.run/\w+> --v 7\.0\*\* - <@", started["content"])
    assert (await caller.post("/jobs/blend", blendUrls=["https://example.com/1.png"]))[0] == 412


@pytest.mark.parametrize("verb", ["info", "relax", "fast", "turbo", "variability", "remix"])
async def test_account_verbs_are_completed_within_the_post(caller: Caller, verb: str) -> None:
    for _ in range(3):
        caller.useapi.add_job()

    status, answer = await caller.post(f"/jobs/{verb}")

    assert (status, answer["verb"], answer["status"]) == (200, verb, "completed")
    assert answer["content"]
    assert "buttons" not in answer


async def test_remix_toggles(caller: Caller) -> None:
    first, second = [(await caller.post("/jobs/remix"))[1]["content"] for _ in range(2)]

    assert ("turned on" in first, "turned off" in second) == (True, True)


async def test_a_blocked_account_works_again_after_its_reset(caller: Caller) -> None:
    caller.useapi.fail(596, times=math.inf, path="/v2/jobs*")
    assert (await caller.get("/jobs"))[0] == 596
    _, accounts = await caller.get("/account/midjourney")
    (channel,) = accounts

    assert (await caller.post(f"/account/midjourney/{channel}/reset"))[0] == 200
    assert (await caller.get("/jobs"))[0] == 200


async def test_overrides_and_pinned_responses_are_sent_verbatim(caller: Caller) -> None:
    odd = caller.useapi.add_job(status="dreaming", buttons=["Fly"], attachments=None, imageUx=[{"id": "1", "url": "x"}])
    answer = await caller.job(odd)
    assert (answer["status"], answer["attachments"], answer["imageUx"][0]["id"]) == ("dreaming", None, "1")

    caller.useapi.set_answer("anything", ["not", "a", "job"], status=203)
    assert await caller.get("/jobs/", jobid="anything") == (203, ["not", "a", "job"])
    caller.useapi.set_answer(odd, b"<html>", content_type="text/html")
    assert await caller.file(f"{caller.useapi.url}/jobs/?jobid={odd}") == (200, b"<html>")
    caller.useapi.forget_answer(odd)
    assert (await caller.job(odd))["jobid"] == odd


@pytest.mark.parametrize("status", [401, 402, 422, 429, 500, 504, 596])
async def test_a_faulty_status_comes_as_often_as_ordered(caller: Caller, status: int) -> None:
    caller.useapi.fail(status, times=2, retry_after=7)

    first, second, third = [await caller.get("/jobs") for _ in range(3)]

    assert first == second
    assert (first[0], first[1]["code"]) == (status, status)
    assert third == (200, [])


async def test_a_fault_can_be_limited_to_one_path(caller: Caller) -> None:
    url = (await caller.job(caller.useapi.add_job(age=60)))["attachments"][0]["url"]
    caller.useapi.fail(503, path="/attachments/*")

    assert (await caller.get("/jobs"))[0] == 200
    assert (await caller.file(url))[0] == 503
    assert (await caller.file(url))[0] == 200


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", aiohttp.ClientOSError),
        ("close", aiohttp.ServerDisconnectedError),
        ("hang", TimeoutError),
        ("slow_drip", TimeoutError),
        ("cut", aiohttp.ClientPayloadError),
        ("truncated", json.JSONDecodeError),
        ("html", aiohttp.ContentTypeError),
    ],
)
async def test_each_fault_causes_its_error(caller: Caller, kind: str, error: type[Exception]) -> None:
    caller.useapi.fail(kind)

    with pytest.raises(error):
        async with asyncio.timeout(0.5 if error is TimeoutError else 10):
            await caller.post("/jobs/info")
    assert (await caller.post("/jobs/info"))[0] == 200


@pytest.mark.parametrize("kind", ["made_reset", "made_hang", "made_500", "made_504"])
async def test_a_response_can_be_lost_although_the_job_was_made(caller: Caller, kind: str) -> None:
    parent = caller.useapi.add_job(age=60)
    caller.useapi.fail(kind)

    with suppress(aiohttp.ClientOSError, TimeoutError):
        async with asyncio.timeout(0.5 if kind == "made_hang" else 10):
            assert (await caller.press(parent, "V1", replyRef="press 7"))[0] == int(kind.removeprefix("made_"))
    (running,) = (await caller.get("/jobs"))[1]
    assert (await caller.job(running))["replyRef"] == "press 7"


async def test_an_upscale_without_a_result_can_be_repeated(caller: Caller) -> None:
    parent = caller.useapi.add_job(age=60)
    for ends in ("moderated", "failed"):
        caller.useapi.plan(ends=ends, duration=0)
        await caller.press(parent, "U1")
    assert (await caller.press(parent, "U1"))[0] == 200
    assert (await caller.press(parent, "U1"))[0] == 409


@pytest.mark.parametrize(("kind", "size"), [("empty", 0), ("bomb", 16 << 20)])
async def test_a_response_may_be_empty_or_blank(caller: Caller, kind: str, size: int) -> None:
    caller.useapi.fail(kind)

    status, data = await caller.file(f"{caller.useapi.url}/jobs")
    assert (status, len(data), data.strip()) == (200, size, b"")


async def test_wrong_shapes_and_huge_responses_are_still_json(caller: Caller) -> None:
    caller.useapi.fail("wrong_shape")
    caller.useapi.fail("huge")

    assert isinstance((await caller.get("/jobs"))[1], list)
    assert len((await caller.get("/jobs"))[1]["content"]) > 1 << 20
    with pytest.raises(ValueError, match="a fault is"):
        caller.useapi.fail("typo")


async def test_a_file_may_be_anything(caller: Caller) -> None:
    page = caller.useapi.serve_file("a.png", b"x" * 5000, content_type="text/html", drip=0.001)
    unmeasured = caller.useapi.serve_file("b.png", b"x", content_type="image/png", headers={"Content-Length": None})
    moved = caller.useapi.serve_file("c.png", b"", content_type="", status=302, headers={"Location": page})

    assert await caller.file(page) == (200, b"x" * 5000)
    async with caller.session.get(unmeasured) as answer:
        assert (answer.content_length, await answer.read()) == (None, b"x")
    async with caller.session.get(moved, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, page)


async def test_a_file_may_be_longer_than_its_content_length(caller: Caller) -> None:
    url = URL(caller.useapi.serve_file("a.png", b"x" * 90, content_type="image/png", headers={"Content-Length": "10"}))
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET {url.raw_path} HTTP/1.1\r\nHost: {url.host}\r\n\r\n".encode())
    head, _, data = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()

    assert b"Content-Length: 10\r\n" in head
    assert data == b"x" * 90


async def test_requests_can_be_waited_for(caller: Caller) -> None:
    waiting = asyncio.create_task(caller.useapi.wait_for_request(2, path="/v2/jobs/"))
    await caller.get("/jobs/", jobid="one")
    await caller.get("/jobs")
    await caller.get("/jobs/", jobid="two")

    request = await waiting
    assert (request.method, request.query) == ("GET", {"jobid": "two"})
    assert len(caller.useapi.requests) == 3


async def test_it_closes_at_once_even_while_a_request_hangs() -> None:
    async with aiohttp.ClientSession(headers=AUTHORIZED) as session:
        async with FakeUseapi() as useapi:
            useapi.fail("hang", times=math.inf)
            hanging = asyncio.create_task(session.get(f"{useapi.url}/jobs"))
            await useapi.wait_for_request()
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging


async def test_jobs_of_the_same_millisecond_have_different_ids(caller: Caller) -> None:
    ids = {caller.useapi.add_job() for _ in range(20)}

    assert len(ids) == 20
    with pytest.raises(ValueError, match="already"):
        caller.useapi.add_job(jobid=ids.pop())


@only_long
async def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    async with started(
        *(sys.executable, "-m", "bot.demo.useapi", "--refresh", "0", "--grid-size", "32"),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout
        url = (await process.stdout.readline()).decode().strip()
        control = url.removesuffix("/v2") + "/_control"
        async with aiohttp.ClientSession(headers=AUTHORIZED) as session:
            async with session.post(f"{control}/jobs", json={"prompt": "a lake", "age": 60}) as answer:
                jobid = (await answer.json())["jobid"]
            async with session.post(f"{control}/faults", json={"kind": 500}) as answer:
                assert answer.status == 200
            async with session.get(f"{url}/jobs/", params={"jobid": jobid}) as answer:
                assert answer.status == 500
            async with session.get(f"{url}/jobs/", params={"jobid": jobid}) as answer:
                assert (await answer.json())["status"] == "completed"
            async with session.get(f"{control}/requests") as answer:
                assert [request["query"]["jobid"] for request in await answer.json()] == [jobid, jobid]
            async with session.post(f"{control}/jobs", json={"ends": "badly"}) as answer:
                assert answer.status == 400
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
