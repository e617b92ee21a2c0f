import asyncio
import gc
import gzip
import json
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bot import errors
from bot.errors import Rule
from bot.models import Dimensions, InputPicture, Job, ProviderName, Status
from bot.provider_clients import open_session
from bot.providers.http import MAX_RESPONSE_BYTES, retry_after_seconds
from bot.providers.useapi import UseapiClient
from tests.conftest import only_long
from tests.table import table

SAMPLES = Path(__file__).parents[1] / "samples"
TOKEN = "user:12345-canary"
NO_HOST = ".".join(["a" * 60] * 5)
"""The system\'s resolver says that there is no name of such a length, without asking any DNS server."""
JOBID = "job:20260602103433688-user:12345-channel:1502243953687265485-bot:midjourney"
PARENT = Job(jobid=JOBID)
NODATA = getattr(socket, "EAI_NODATA", socket.EAI_NONAME)  # not every system tells the two apart

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StubUseapi:
    """A minimal useapi: records every request and passes it to `answer`."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.arrived = asyncio.Event()
        self.url = ""
        self.answer: Handler = completed

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        self.arrived.set()
        return await self.answer(request)

    def respond(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.answer = lambda _: reply(body, status, **headers)


async def reply(body: bytes, status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        body=body, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


DONE = sample("docs_get_job_imagine_completed").replace(b"<jobid>", JOBID.encode(), 1)


async def completed(request: web.Request) -> web.Response:
    """The requested job, completed."""
    jobid = json.dumps(request.query.get("jobid", JOBID))
    return await reply(sample("imagine_completed").replace(json.dumps(JOBID).encode(), jobid.encode()))


@pytest.fixture
async def useapi() -> AsyncIterator[StubUseapi]:
    useapi = StubUseapi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", useapi.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    useapi.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2"
    yield useapi
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
def provider(useapi: StubUseapi, session: aiohttp.ClientSession) -> UseapiClient:
    return UseapiClient(session=session, url=useapi.url, token=TOKEN)


async def test_a_poll_requests_one_job_with_the_token(useapi: StubUseapi, provider: UseapiClient) -> None:
    job = await provider.job(JOBID)
    assert (job.jobid, job.status) == (JOBID, "completed")
    (request,) = useapi.requests
    assert (request.method, request.path) == ("GET", "/v2/jobs/")
    assert request.raw_path == f"/v2/jobs/?jobid={JOBID.replace(':', '%3A')}"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    "jobid", ["", "a&b=c#d?e/../f", "%2e%2e/", "🐦 \u202e", "'; DROP TABLE jobs --", "x" * 4000, "\x00\n\ud800"]
)
async def test_every_job_id_arrives_unchanged(useapi: StubUseapi, provider: UseapiClient, jobid: str) -> None:
    await provider.job(jobid)
    assert useapi.requests[0].path == "/v2/jobs/"
    assert dict(useapi.requests[0].query) == {"jobid": jobid.replace("\ud800", "?")}


async def test_an_unchanged_response_returns_the_known_job(useapi: StubUseapi, provider: UseapiClient) -> None:
    response = msgspec.json.decode(sample("imagine_progress_47"))
    useapi.respond(msgspec.json.encode(response))
    known = await provider.poll(JOBID)
    assert known.digest
    assert await provider.poll(JOBID, known) is known
    useapi.respond(msgspec.json.encode({"served": "just now", **response, "discord": "another"}))
    assert await provider.poll(JOBID, known) is known, "nothing that is parsed has changed"
    useapi.respond(msgspec.json.encode({**response, "attachments": []}))
    again = await provider.poll(JOBID, known)
    assert (again.attachments, again.digest != known.digest) == ((), True)


async def test_a_job_that_was_given_up_is_parsed_again_from_the_same_bytes(
    useapi: StubUseapi, provider: UseapiClient
) -> None:
    useapi.respond(sample("imagine_progress_47"))
    alive = await provider.poll(JOBID)
    assert await provider.poll(JOBID, msgspec.structs.replace(alive, status=Status.SILENT)) == alive


async def test_a_response_may_be_compressed(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(gzip.compress(sample("imagine_completed")), Content_Encoding="gzip")
    assert (await provider.job(JOBID)).status == "completed"


@pytest.mark.parametrize(
    ("name", "status", "error", "rule"),
    [
        ("docs_error_400_get_job_no_jobid", 400, errors.BadRequest, Rule.OVER),
        ("docs_error_401", 401, errors.TokenRefused, Rule.MISCONFIGURED),
        ("docs_error_402", 402, errors.SubscriptionEnded, Rule.MISCONFIGURED),
        ("docs_error_404_job", 404, errors.JobUnknown, Rule.OVER),
        ("docs_error_410", 410, errors.JobExpired, Rule.OVER),
        ("reconstructed_error_409_button_already_executed", 409, errors.ButtonUsed, Rule.OVER),
        ("reconstructed_error_429_discord_rate_limited", 429, errors.Busy, Rule.BACK_OFF),
        ("reconstructed_error_429_queue_full", 429, errors.QueueFull, Rule.BACK_OFF),
        ("reconstructed_error_504_lock", 504, errors.Overloaded, Rule.BACK_OFF),
        ("reconstructed_error_596_pending_mod", 596, errors.AccountBlocked, Rule.MISCONFIGURED),
    ],
)
@pytest.mark.parametrize("honest", [True, False], ids=["by status", "in a 200"])
async def test_each_known_error_has_its_own_class(
    useapi: StubUseapi,
    provider: UseapiClient,
    name: str,
    status: int,
    error: type[errors.ProviderError],
    rule: Rule,
    honest: bool,
) -> None:
    useapi.respond(sample(name), status if honest else 200)
    with pytest.raises(errors.ProviderError) as caught:
        await provider.job(JOBID)
    assert type(caught.value) is error
    assert (caught.value.rule, caught.value.code) == (rule, status)
    assert str(caught.value) == error.sentence(ProviderName.USEAPI)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, errors.InvalidResponse), (302, errors.InvalidResponse), (304, errors.InvalidResponse),
        (400, errors.ProviderServerError),
        (401, errors.TokenRefused), (403, errors.ProviderServerError), (404, errors.ProviderServerError),
        (408, errors.ProviderServerError), (409, errors.ProviderServerError), (410, errors.ProviderServerError),
        (412, errors.ProviderServerError), (413, errors.ProviderServerError), (418, errors.BadRequest),
        (422, errors.ProviderServerError), (429, errors.Busy), (500, errors.ProviderServerError),
        (502, errors.ProviderServerError),
        (503, errors.ProviderServerError), (504, errors.ProviderServerError), (520, errors.ProviderServerError),
        (596, errors.AccountBlocked), (600, errors.InvalidResponse),
    ],
)  # fmt: skip
async def test_a_gateways_error_does_not_end_a_job(
    useapi: StubUseapi, provider: UseapiClient, status: int, error: type[errors.ProviderError]
) -> None:
    for body in (b"", b"<html><body>Bad gateway</body></html>", b'["wrong shape"]'):
        useapi.respond(b"" if status == 304 else body, status, Location="/v2/elsewhere")
        with pytest.raises(errors.ProviderError) as caught:
            await provider.job(JOBID)
        assert type(caught.value) is error
    assert len(useapi.requests) == 3


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Just a moment...</html>", sample("imagine_completed")[:400], b"[]", b'"ok"', b"null", b"[" * 100_000],
    ids=["empty", "html", "truncated", "list", "text", "null", "deep"],
)
async def test_a_200_with_a_bad_body_is_an_invalid_response(
    useapi: StubUseapi, provider: UseapiClient, body: bytes
) -> None:
    useapi.respond(body)
    with pytest.raises(errors.InvalidResponse):
        await provider.job(JOBID)


async def test_a_response_above_one_mebibyte_is_invalid_compressed_or_not(
    useapi: StubUseapi, provider: UseapiClient
) -> None:
    big = json.dumps({"jobid": JOBID, "x": "0" * 4 * MAX_RESPONSE_BYTES}).encode()
    useapi.respond(big[: MAX_RESPONSE_BYTES + 1])
    with pytest.raises(errors.InvalidResponse):
        await provider.job(JOBID)
    useapi.respond(gzip.compress(big, 1), Content_Encoding="gzip")
    with pytest.raises(errors.InvalidResponse):
        await provider.job(JOBID)
    useapi.respond(sample("imagine_started"))
    assert (await provider.job(JOBID)).status == "started"


@pytest.mark.parametrize("status", [422, 200], ids=["by status", "in a 200"])
async def test_a_moderated_job_is_a_job_with_that_status_and_its_reason(
    useapi: StubUseapi, provider: UseapiClient, status: int
) -> None:
    body = {"jobid": JOBID, "error": "Banned prompt detected", "errorDetails": "The word x", "code": 422}
    useapi.respond(json.dumps(body).encode(), status)
    job = await provider.job(JOBID)
    assert (job.jobid, job.status, job.over) == (JOBID, "moderated", True)
    assert (job.error, job.error_details) == ("Banned prompt detected", "The word x")


@pytest.mark.parametrize("status", [422, 200])
async def test_an_answer_about_another_job_is_an_invalid_response(
    useapi: StubUseapi, provider: UseapiClient, status: int
) -> None:
    useapi.respond(json.dumps({"jobid": "job:other", "verb": "imagine", "status": "completed"}).encode(), status)
    with pytest.raises(errors.InvalidResponse):
        await provider.job(JOBID)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": "Banned prompt detected", "errorDetails": "The word x"}, "Banned prompt detected\nThe word x"),
        ({"errorDetails": "The word x"}, "The word x"),
        ({"error": 7, "jobid": "job:1"}, ""),
    ],
)
async def test_a_declined_press_raises_midjourneys_reason(
    useapi: StubUseapi, provider: UseapiClient, body: dict[str, object], reason: str
) -> None:
    useapi.respond(json.dumps({**body, "status": "moderated", "code": 422}).encode(), 422)
    with pytest.raises(errors.SubmissionDeclined) as caught:
        await provider.press(PARENT, "V1", reference="p1")
    assert (caught.value.reason, caught.value.code, caught.value.rule) == (reason, 422, Rule.OVER)
    assert str(caught.value) == errors.SubmissionDeclined.sentence()
    assert "The word x" not in everything_about(caught.value), (
        "untrusted text goes where it is asked for, not into logs"
    )


async def test_a_full_queue_names_the_running_jobs(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(json.dumps({"executingJobs": ["job:1", 7, "job:2"], "code": 429}).encode(), 429)
    with pytest.raises(errors.QueueFull) as caught:
        await provider.press(PARENT, "U1", reference="p1")
    assert caught.value.executing == ("job:1", "job:2")


async def test_a_used_button_names_the_child_that_it_made(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(json.dumps({"button": "U1", "jobid": "job:child", "code": 409}).encode(), 409)
    with pytest.raises(errors.ButtonUsed) as caught:
        await provider.press(PARENT, "U1", reference="p1")
    assert caught.value.child_jobid == "job:child"


async def test_busy_carries_retry_after(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(b"", 429, Retry_After="12")
    with pytest.raises(errors.Busy) as caught:
        await provider.job(JOBID)
    assert caught.value.retry_after == 12.0


@table(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("nan", None), ("0", 0.0), ("-5", 0.0), ("1.5", 1.5),
        ("99999", 300.0), ("inf", 300.0), ("9" * 5000, 300.0), ("Tue, 02 Jun 2026 10:00:30 GMT", 30.0),
        ("Tue, 02 Jun 2026 09:00:00 GMT", 0.0), ("Wed, 03 Jun 2026 10:00:00 GMT", 300.0),
        ("Tue, 02 Jun 2026 12:00:07 +0200", 7.0),
    ],
)  # fmt: skip
def test_retry_after_is_parsed_in_both_forms_and_bounded(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, now=datetime(2026, 6, 2, 10, tzinfo=UTC)) == seconds


async def test_repeated_calls_within_a_second_are_one_request_but_a_poll_is_a_new_one(
    useapi: StubUseapi, provider: UseapiClient
) -> None:
    useapi.respond(DONE)
    first = await provider.job(JOBID)
    assert [await provider.job(JOBID) for _ in range(20)] == [first] * 20
    assert len(useapi.requests) == 1
    await provider.poll(JOBID)
    assert len(useapi.requests) == 2


@pytest.mark.parametrize("what", ["cancelled", "pressed", "press failed"])
async def test_a_call_after_a_write_does_not_return_what_was_before_it(
    useapi: StubUseapi, provider: UseapiClient, what: str
) -> None:
    useapi.respond(DONE)
    await provider.job(JOBID)
    before = provider.poll(JOBID)
    useapi.respond(b"{}", 500 if "failed" in what else 200)
    with suppress(errors.ProviderError):
        await (provider.cancel(JOBID) if what == "cancelled" else provider.press(PARENT, "U1", reference="ref"))
    useapi.respond(DONE.replace(b'"completed"', b'"cancelled"'))
    assert (await provider.job(JOBID)).status == Status.CANCELLED
    await before


async def test_a_response_requested_before_a_write_is_not_cached(useapi: StubUseapi, provider: UseapiClient) -> None:
    gate = asyncio.Event()

    async def after_gate(_: web.Request) -> web.Response:
        await gate.wait()
        return await reply(DONE)

    useapi.answer = after_gate
    before = asyncio.create_task(provider.job(JOBID))
    await useapi.arrived.wait()
    useapi.respond(b"{}")
    await provider.cancel(JOBID)
    gate.set()
    assert (await before).status == Status.COMPLETED
    useapi.respond(DONE.replace(b'"completed"', b'"cancelled"'))
    assert (await provider.job(JOBID)).status == Status.CANCELLED


async def test_a_press_is_one_post_and_gives_the_child(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(json.dumps({"jobid": "job:child", "verb": "button", "status": "started", "button": "V1"}).encode())
    child = await provider.press(PARENT, "V1", reference="p1", prompt="a cat")
    assert (child.jobid, child.button) == ("job:child", "V1")
    (request,) = useapi.requests
    assert (request.method, request.path, request.content_type) == ("POST", "/v2/jobs/button", "application/json")
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert json.loads(useapi.bodies[0]) == {"jobid": JOBID, "button": "V1", "replyRef": "p1", "prompt": "a cat"}
    await provider.press(PARENT, "⬅️", reference="p2")
    assert json.loads(useapi.bodies[1]) == {"jobid": JOBID, "button": "⬅️", "replyRef": "p2"}


async def test_a_prompt_is_one_post_and_gives_its_job(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(sample("docs_post_imagine_200_started").replace(b"<your optional reference id>", b"p1"))
    job = await provider.imagine("a cat --ar 3:2", reference="p1")
    assert (job.verb, job.status, job.parent_jobid) == ("imagine", Status.STARTED, "")
    (request,) = useapi.requests
    assert (request.method, request.path, request.content_type) == ("POST", "/v2/jobs/imagine", "application/json")
    assert json.loads(useapi.bodies[0]) == {"prompt": "a cat --ar 3:2", "replyRef": "p1"}


async def test_pictures_are_sent_by_their_whole_links(useapi: StubUseapi, provider: UseapiClient) -> None:
    links = [f"https://cdn.discordapp.com/attachments/1/2/{name}?ex=1&is=2&hm=3&" for name in ("one.png", "two.png")]
    one, two = (InputPicture(link=link, content_type="image/png") for link in links)
    useapi.respond(sample("docs_post_describe_started.PARTIAL"))
    job = await provider.describe(one, reference="p1")
    assert (job.verb, job.status) == ("describe", Status.STARTED)
    useapi.respond(b'{"jobid": "job:blend", "verb": "blend", "status": "started", "replyRef": "p2"}')
    assert (await provider.blend([one, two], dimensions=Dimensions.LANDSCAPE, reference="p2")).verb == "blend"
    assert [request.path for request in useapi.requests] == ["/v2/jobs/describe", "/v2/jobs/blend"]
    assert [json.loads(body) for body in useapi.bodies] == [
        {"describeUrl": one.link, "replyRef": "p1"},
        {"blendUrls": [one.link, two.link], "blendDimensions": "Landscape", "replyRef": "p2"},
    ]
    assert one.link not in repr(one)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (sample("reconstructed_error_504_lock"), 504, errors.Overloaded),
        (sample("reconstructed_error_422_moderated"), 422, errors.SubmissionDeclined),
        (b"{}", 200, errors.InvalidResponse),
        (b'{"jobid": "job:another", "replyRef": "p2"}', 200, errors.InvalidResponse),
    ],
    ids=["504", "422", "no job", "another's job"],
)
async def test_a_prompt_without_a_job_is_sent_once_and_says_what_is_known(
    useapi: StubUseapi, provider: UseapiClient, body: bytes, status: int, error: type[errors.ProviderError]
) -> None:
    useapi.respond(body, status)
    with pytest.raises(error) as caught:
        await provider.imagine("a cat", reference="p1")
    assert isinstance(caught.value, errors.TransientError) == (status != 422)
    assert len(useapi.requests) == 1


async def test_a_press_sends_the_reply_url_where_one_is_set(useapi: StubUseapi) -> None:
    useapi.respond(json.dumps({"jobid": "job:child", "verb": "button", "status": "started"}).encode())
    async with aiohttp.ClientSession() as session:
        provider = UseapiClient(
            session=session, url=useapi.url, token=TOKEN, reply_url="https://darkroom.example.com/useapi/x"
        )
        await provider.press(PARENT, "V1", reference="p1")
        await provider.imagine("a cat", reference="p2")
    for body in useapi.bodies:
        assert json.loads(body)["replyUrl"] == "https://darkroom.example.com/useapi/x"


@pytest.mark.parametrize("body", [b"{}", json.dumps({"jobid": JOBID}).encode(), b"[]"])
async def test_a_press_whose_child_has_no_id_of_its_own_is_an_invalid_response(
    useapi: StubUseapi, provider: UseapiClient, body: bytes
) -> None:
    useapi.respond(body)
    with pytest.raises(errors.InvalidResponse):
        await provider.press(PARENT, "V1", reference="p1")


async def test_a_press_that_is_answered_with_the_job_of_another_press_is_an_invalid_response(
    useapi: StubUseapi, provider: UseapiClient
) -> None:
    useapi.respond(json.dumps({"jobid": "job:child", "replyRef": "p2"}).encode())
    with pytest.raises(errors.InvalidResponse):
        await provider.press(PARENT, "V1", reference="p1")
    assert (await provider.press(PARENT, "V1", reference="p2")).jobid == "job:child"


async def test_two_presses_are_two_posts(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(json.dumps({"jobid": "job:child"}).encode())
    await asyncio.gather(*(provider.press(PARENT, "V1", reference="p") for _ in range(2)))
    assert len(useapi.requests) == 2


async def test_a_press_whose_connection_breaks_is_not_sent_again(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.answer = hang_up
    with pytest.raises(errors.Unreachable):
        await provider.press(PARENT, "V1", reference="p")
    assert len(useapi.requests) == 1


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_the_running_jobs_are_a_list_of_ids(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(sample("docs_get_jobs_running_list"))
    assert await provider.running() == ("<jobid>",) * 3
    assert useapi.requests[0].raw_path == "/v2/jobs"
    useapi.respond(b'{"jobs": []}')
    with pytest.raises(errors.InvalidResponse):
        await provider.running()
    useapi.respond(sample("docs_error_401"), 401)
    with pytest.raises(errors.TokenRefused):
        await provider.running()


async def test_concurrent_calls_for_a_job_share_one_request(useapi: StubUseapi, provider: UseapiClient) -> None:
    gate = asyncio.Event()

    async def after_gate(request: web.Request) -> web.Response:
        await gate.wait()
        return await completed(request)

    useapi.answer = after_gate
    first, *others = [asyncio.create_task(provider.job(JOBID)) for _ in range(5)]
    other_job = asyncio.create_task(provider.job("job:other"))
    await useapi.arrived.wait()
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    gate.set()
    jobs = await asyncio.gather(*others)
    await other_job
    assert [job.status for job in jobs] == ["completed"] * 4
    assert sorted(request.query["jobid"] for request in useapi.requests) == sorted([JOBID, "job:other"])
    assert first.cancelled()


async def test_a_poll_shares_a_request_under_way_and_only_the_first_callers_known_job_counts(
    useapi: StubUseapi, provider: UseapiClient
) -> None:
    useapi.respond(sample("imagine_progress_47"))
    known = await provider.poll(JOBID)
    first = provider.poll(JOBID, known)
    assert provider.poll(JOBID, msgspec.structs.replace(known, digest="")) is first
    assert await provider.job(JOBID) is known
    assert len(useapi.requests) == 2


async def test_a_later_call_is_a_new_request(useapi: StubUseapi, provider: UseapiClient) -> None:
    useapi.respond(b"", 500)
    with pytest.raises(errors.ProviderServerError):
        await provider.job(JOBID)
    useapi.respond(sample("imagine_completed"))
    await provider.job(JOBID)
    assert len(useapi.requests) == 2


@only_long
async def test_a_poll_that_fails_after_all_callers_left_logs_nothing(
    useapi: StubUseapi, provider: UseapiClient, caplog: pytest.LogCaptureFixture
) -> None:
    gate = asyncio.Event()

    async def after_gate(_: web.Request) -> web.Response:
        await gate.wait()
        return await reply(b"", 500)

    useapi.answer = after_gate
    before = asyncio.all_tasks()
    caller = asyncio.create_task(provider.job(JOBID))
    await useapi.arrived.wait()
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    gate.set()
    await asyncio.wait([task for task in asyncio.all_tasks() - before if "Useapi" in repr(task)])
    gc.collect()
    assert caplog.records == []


async def test_a_slow_response_is_a_request_timeout(useapi: StubUseapi, session: aiohttp.ClientSession) -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    provider = UseapiClient(session=session, url=useapi.url, token=TOKEN, poll_timeout=0.5, press_timeout=0.5)
    for answer in (never, drip):
        useapi.answer = answer
        with pytest.raises(errors.RequestTimeout):
            await provider.job(JOBID)
    useapi.answer = never
    with pytest.raises(errors.RequestTimeout):
        await provider.press(PARENT, "U1", reference="p")


async def half_a_response(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"jobid":')
    return await hang_up(request)


async def test_a_reset_is_unreachable_before_and_within_a_response(useapi: StubUseapi, provider: UseapiClient) -> None:
    for answer in (hang_up, half_a_response):
        useapi.answer = answer
        with pytest.raises(errors.Unreachable):
            await provider.job(JOBID)


async def test_without_a_connection_nothing_was_sent(session: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    for host in (f"127.0.0.1:{unused_tcp_port}", NO_HOST):
        provider = UseapiClient(session=session, url=f"http://{host}/v2", token=TOKEN)
        for call in (provider.job(JOBID), provider.press(PARENT, "V1", reference="p")):
            with pytest.raises(errors.NotSent):
                await call


async def test_a_504_of_useapi_leaves_a_press_unconfirmed_and_is_sent_once(
    useapi: StubUseapi, provider: UseapiClient
) -> None:
    useapi.respond(sample("reconstructed_error_504_lock"), 504)
    with pytest.raises(errors.Overloaded) as caught:
        await provider.press(PARENT, "V1", reference="p")
    assert isinstance(caught.value, errors.TransientError)
    assert caught.value.code == 504
    assert len(useapi.requests) == 1


async def test_a_504_of_a_gateway_leaves_a_press_unconfirmed(useapi: StubUseapi, provider: UseapiClient) -> None:
    for body in (b"", b"<html>", b'{"message": "Endpoint request timed out"}'):
        useapi.respond(body, 504)
        with pytest.raises(errors.ProviderServerError) as caught:
            await provider.press(PARENT, "V1", reference="p")
        assert caught.value.code == 504


async def no_http(request: web.Request) -> web.StreamResponse:
    assert isinstance(request.transport, asyncio.Transport)
    request.transport.write(b"\x00\x01 220 ready\r\n\r\n")
    request.transport.close()
    return web.Response()


async def test_a_server_that_speaks_no_http_is_unreachable(session: aiohttp.ClientSession) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01 220 ready\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        provider = UseapiClient(session=session, url=f"http://127.0.0.1:{port}/v2", token="demo-token")
        with pytest.raises(errors.Unreachable):
            await provider.job(JOBID)


def everything_about(error: BaseException) -> str:
    """Everything that a log could print of an error, with its causes."""
    parts = [repr(error), str(error), repr(error.args), *traceback.format_exception(error)]
    for other in (error.__cause__, error.__context__):
        parts += [everything_about(other)] if other is not None else []
    return "\n".join(parts)


async def test_no_error_and_no_log_contains_the_token_or_the_jobid(
    useapi: StubUseapi, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    leak = json.dumps({"error": f"Unable to locate {JOBID} {TOKEN}", "executingJobs": None}).encode()
    answers: list[Handler] = [
        hang_up,
        half_a_response,
        no_http,
        lambda _: reply(leak[:9]),
        lambda _: reply(b"<html>" + leak),
    ]
    statuses = (302, 400, 401, 402, 404, 409, 410, 418, 429, 500, 504, 596)
    answers += [partial(lambda status, _: reply(leak, status, Location=f"/{TOKEN}"), status) for status in statuses]
    provider = UseapiClient(session=session, url=useapi.url, token=TOKEN)
    received = [repr(provider)]
    for answer in answers:
        useapi.answer = answer
        for call in (provider.job(JOBID), provider.press(PARENT, "U1", reference="p"), provider.running()):
            with pytest.raises(errors.ProviderError) as caught:
                await call
            received.append(everything_about(caught.value))
    received.append(caplog.text)
    assert "canary" not in "\n".join(received)
    assert JOBID not in "\n".join(received)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, b'{"error": "no subscription", "code": 402}'),
        (404, b'{"error": "no such route", "code": 404}'),
        (404, b"<html>Not found</html>"),
        (410, b"<html>Gone</html>"),
        (200, b"<html>Welcome</html>"),
    ],
)
async def test_useapi_itself_is_known_to_have_ended_by_any_answer_of_a_service_that_is_gone(
    useapi: StubUseapi, session: aiohttp.ClientSession, status: int, body: bytes
) -> None:
    useapi.respond(body, status=status)
    with pytest.raises(errors.ServiceEnded) as caught:
        await UseapiClient(session=session, url=useapi.url, token=TOKEN, ended=True).probe()
    assert "ended its Midjourney service (v1, v2 and v3) on 24 June 2026" in caught.value.for_admin
    assert "MJ_PROXY_URL" in caught.value.for_admin
    with pytest.raises(errors.ProviderError) as compatible:
        await UseapiClient(session=session, url=useapi.url, token=TOKEN).probe()
    assert not isinstance(compatible.value, errors.ServiceEnded), "a compatible server has not ended"


async def test_useapi_without_an_address_has_ended(session: aiohttp.ClientSession) -> None:
    provider = UseapiClient(session=session, url=f"http://{NO_HOST}/v2", token=TOKEN, ended=True)
    with pytest.raises(errors.ServiceEnded) as caught:
        await provider.probe()
    assert caught.value.provider is ProviderName.USEAPI


class FailingResolver(AbstractResolver):
    """A resolver of host names that answers as the system's one with this error of getaddrinfo."""

    def __init__(self, code: int) -> None:
        self._code = code

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise socket.gaierror(self._code, f"no address of {host}:{port} ({family})")

    async def close(self) -> None:
        pass


async def test_only_a_name_that_has_no_address_is_a_sign_that_useapi_has_ended() -> None:
    unknown = {"no such name": socket.EAI_NONAME, "a name without an address": NODATA}
    away = {"no DNS server answers": socket.EAI_AGAIN, "a DNS server is broken": socket.EAI_FAIL}
    for case, code in {**unknown, **away}.items():
        connector = aiohttp.TCPConnector(resolver=FailingResolver(code))
        async with aiohttp.ClientSession(connector=connector) as session:
            provider = UseapiClient(session=session, url="http://useapi.example/v2", token=TOKEN, ended=True)
            with pytest.raises(errors.ProviderError) as caught:
                await provider.probe()
        assert type(caught.value) is (errors.ServiceEnded if case in unknown else errors.NotSent), case


async def test_useapi_that_is_only_overloaded_has_not_ended(useapi: StubUseapi, session: aiohttp.ClientSession) -> None:
    useapi.respond(b"<html>Bad gateway</html>", status=502)
    with pytest.raises(errors.ProviderServerError):
        await UseapiClient(session=session, url=useapi.url, token=TOKEN, ended=True).probe()
