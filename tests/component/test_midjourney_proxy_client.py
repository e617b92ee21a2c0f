import asyncio
import gc
import json
import logging
import math
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from bot import errors
from bot.demo.fake_server.requests import Request
from bot.demo.midjourney_proxy import NEWAPI, NODE, NOVI, TRUEAI, Dialect, FakeMidjourneyProxy
from bot.demo.midjourney_proxy.dialects import DIALECTS
from bot.models import Dimensions, InputPicture, Job, ProviderName, Status
from bot.providers.base import Account, Cancellation, Capabilities, Provider
from bot.providers.http import Response
from bot.providers.midjourney_proxy import MidjourneyProxyClient
from bot.providers.midjourney_proxy.buttons import GRID
from bot.providers.midjourney_proxy.responses import read_seed
from tests.conftest import only_long
from tests.sample_pictures import png
from tests.table import table

START = 1_780_396_473.688
AUTH = {"trueai": "authorization", "node": "mj-api-secret", "newapi": "bearer", "novi": "mj-api-secret"}
SUBMITS = "/mj/submit/*"
MANY = "/mj/task/list-by-condition"


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)


class Pair:
    """A client and the fake server that it talks to."""

    def __init__(self, proxy: FakeMidjourneyProxy, client: MidjourneyProxyClient, clock: Clock) -> None:
        self.proxy = proxy
        self.client = client
        self.clock = clock

    async def grid(self) -> Job:
        """A completed grid, as the client knows it."""
        return await self.client.poll(self.proxy.add_job(prompt="a castle", age=60))

    async def single(self, grid: Job) -> Job:
        """A completed U1 of it."""
        return await self.client.poll(self.proxy.add_job("button", button="U1", parent=grid.jobid, age=60))

    async def done(self, job: Job, after: float = 60) -> Job:
        self.clock.time += after
        return await self.client.poll(job.jobid)

    def paths(self, pattern: str = "") -> list[str]:
        return [request.path for request in self.proxy.requests if pattern in request.path]


@asynccontextmanager
async def paired(
    dialect: Dialect = TRUEAI, *, probed: bool = True, client: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Pair]:
    clock = Clock()
    async with (
        FakeMidjourneyProxy(dialect, **{"now": clock, "refresh": 0.0, "grid_size": 32, **options}) as proxy,
        aiohttp.ClientSession() as session,
    ):
        given: dict[str, Any] = {"secret": "demo-token", "auth": AUTH[dialect.name], "now": clock.now, **(client or {})}
        pair = Pair(proxy, MidjourneyProxyClient(session=session, url=proxy.url, **given), clock)
        if probed:
            await pair.client.probe()
            proxy.requests.clear()
        yield pair


@asynccontextmanager
async def bare_server(
    answer: Callable[[web.Request], web.Response], **client: Any
) -> AsyncIterator[tuple[MidjourneyProxyClient, list[str]]]:
    """A client of a server that answers every request with `answer`, and the paths that it was asked for."""
    paths: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        paths.append(request.path)
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as session:
            yield MidjourneyProxyClient(session=session, url=url, **{"secret": "demo-token", **client}), paths
    finally:
        await runner.cleanup()


every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
ADMIN = {"admin_secret": "admin-token"}


def test_it_is_a_provider() -> None:
    provider: type[Provider] = MidjourneyProxyClient  # mypy compares every method
    assert provider.name is ProviderName.MIDJOURNEY_PROXY
    assert MidjourneyProxyClient.title == "midjourney-proxy"


# --- what the server offers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "client", "capabilities"),
    [
        (TRUEAI, {}, {"running": True, "find": True, "seed": True, "cancel": Cancellation.NO_ADMIN_TOKEN}),
        (TRUEAI, ADMIN, {"running": True, "find": True, "seed": True, "cancel": Cancellation.WORKS, "accounts": True}),
        (
            *(TRUEAI, {"admin_secret": "wrong"}),
            {"running": True, "find": True, "seed": True, "cancel": Cancellation.ADMIN_TOKEN_REFUSED},
        ),
        (NODE, {"notify_hook": "http://x"}, {"running": True, "find": True, "seed": True, "webhooks": True}),
        (NEWAPI, {}, {"seed": True}),
        (NOVI, ADMIN, {"running": True, "find": True}),
    ],
)
async def test_a_probe_finds_out_what_the_server_offers(
    dialect: Dialect, client: dict[str, str], capabilities: dict[str, Any]
) -> None:
    async with paired(dialect, probed=False, client=client) as pair:
        assert pair.client.capabilities.find, "whether it can be searched is not known, so nothing is given up"
        with pytest.raises(errors.TransientError):
            await pair.client.find("dr-1")
        assert pair.proxy.requests == []
        expected = Capabilities(
            echoes_reference=True, keeps_jobs=False, batch=200, pictures_as_bytes=True, **capabilities
        )
        assert await pair.client.probe() == expected == pair.client.capabilities
        assert not any("submit" in path or "account/" in path for path in pair.paths())


async def test_a_probe_says_when_the_secret_is_wrong_or_the_server_away() -> None:
    async with paired(probed=False, client={"secret": "wrong-canary"}) as pair:
        with pytest.raises(errors.TokenRefused) as caught:
            await pair.client.probe()
        assert caught.value.provider is ProviderName.MIDJOURNEY_PROXY
        pair.proxy.fail(502, times=math.inf)
        with pytest.raises(errors.ProviderServerError):
            await pair.client.probe()


@pytest.mark.parametrize("kind", [404, "html"])
async def test_a_probe_says_when_the_address_is_that_of_another_server(kind: int | str) -> None:
    async with paired(probed=False) as pair:
        pair.proxy.fail(kind, times=math.inf)
        with pytest.raises(errors.OtherService) as caught:
            await pair.client.probe()
        assert "MJ_PROXY_URL" in caught.value.for_admin


@every_dialect
async def test_a_server_without_the_route_for_many_jobs_is_one_of_the_protocol(dialect: Dialect) -> None:
    async with paired(dialect, probed=False) as pair:
        pair.proxy.fail(404, path="/mj/task/list-by-condition", times=math.inf)
        assert (await pair.client.probe()).batch == 1


@pytest.mark.parametrize("auth", ["mj-api-secret", "authorization", "bearer"])
async def test_exactly_one_header_authorizes(auth: str) -> None:
    accepted = {name for name, own in AUTH.items() if own == auth}
    accepted |= {"trueai"} if auth == "mj-api-secret" else {"newapi"} if auth == "authorization" else set()
    for dialect in DIALECTS.values():
        async with paired(dialect, probed=False, client={"auth": auth}) as pair:
            job = pair.client.poll(pair.proxy.add_job())
            if dialect.name in accepted:
                assert (await job).status == Status.STARTED
            else:
                with pytest.raises(errors.TokenRefused):
                    await job
            assert [request.authorized for request in pair.proxy.requests] == [dialect.name in accepted]


# --- polls ------------------------------------------------------------------------------------------------------------


@every_dialect
async def test_a_job_is_followed_to_its_picture(dialect: Dialect) -> None:
    async with paired(dialect) as pair:
        jobid = pair.proxy.add_job(prompt="a castle", echoed={"state": "mine"})
        seen = [await pair.done(Job(jobid=jobid), after=seconds) for seconds in (0, 7, 9, 14)]
    assert [job.status for job in seen] == ["started", "progress", "progress", "completed"]
    assert [job.percent for job in seen] == [None, 17, 47, None]
    done = seen[-1]
    assert (done.verb, done.reply_ref, done.provider) == ("imagine", "mine", ProviderName.MIDJOURNEY_PROXY)
    assert done.prompt.startswith("a castle")
    assert len(done.attachments) == 1
    assert done.buttons == GRID
    assert bool(done.custom_ids) is (dialect in (TRUEAI, NEWAPI))
    assert "1234567890123456789" not in repr(done), "the payer's mention"


@every_dialect
async def test_an_unknown_task_is_a_job_that_is_not_known(dialect: Dialect) -> None:
    async with paired(dialect) as pair:
        with pytest.raises(errors.JobUnknown):
            await pair.client.poll("1785744000123456")


async def test_the_address_may_end_in_mj() -> None:
    async with paired() as pair, aiohttp.ClientSession() as session:
        client = MidjourneyProxyClient(
            session=session, url=f"{pair.proxy.url}/mj/", secret="demo-token", auth="authorization"
        )
        assert (await client.job(pair.proxy.add_job())).status == Status.STARTED


async def test_an_id_of_another_form_is_never_sent() -> None:
    async with paired() as pair:
        for jobid in ("job:20260602103433688-user:1", "../admin/accounts", "", "x" * 65, "a b", "1\n"):
            assert not pair.client.recognises(jobid)
            with pytest.raises(errors.JobUnknown):
                await pair.client.poll(jobid)
        assert pair.proxy.requests == []
        assert pair.client.recognises("1785744000123456")
        assert pair.client.recognises("task_01KV52C0TEJSYZMCG0NCS4YWKK")


async def test_an_unchanged_answer_returns_the_known_job_alone_and_among_many() -> None:
    async with paired() as pair:
        ids = [pair.proxy.add_job(age=60) for _ in range(3)]
        known = [await pair.client.poll(jobid) for jobid in ids]
        again = await asyncio.gather(*map(pair.client.poll, ids, known))
        assert all(a.jobid == b.jobid and a.status == b.status for a, b in zip(known, again, strict=True))
        once_more = await asyncio.gather(*map(pair.client.poll, ids, again))
        assert all(a is b for a, b in zip(again, once_more, strict=True))
        alone = await pair.client.poll(ids[0])
        assert await pair.client.poll(ids[0], alone) is alone
        given_up = msgspec.structs.replace(alone, status=Status.SILENT)
        assert (await pair.client.poll(ids[0], given_up)).status == Status.COMPLETED


async def test_a_thousand_jobs_cost_five_requests() -> None:
    async with paired(NOVI) as pair:
        ids = [pair.proxy.add_job(ends="silent") for _ in range(1000)]
        pair.proxy.requests.clear()
        jobs = await asyncio.gather(*map(pair.client.poll, ids))
        assert [job.jobid for job in jobs] == ids
        assert pair.paths() == [MANY] * 5
        assert {len(request.json["ids"]) for request in pair.proxy.requests} == {200}


async def test_polls_of_one_job_share_a_request() -> None:
    async with paired() as pair:
        jobid = pair.proxy.add_job()
        assert pair.client.poll(jobid) is pair.client.poll(jobid)
        assert await pair.client.job(jobid) == await pair.client.job(jobid)
        assert len(pair.proxy.requests) == 1


async def test_what_the_server_leaves_out_is_not_known_and_does_not_harm_the_others() -> None:
    async with paired() as pair:
        known = pair.proxy.add_job()
        found = await asyncio.gather(pair.client.poll("17"), pair.client.poll(known), return_exceptions=True)
        assert isinstance(found[0], errors.JobUnknown)
        assert isinstance(found[1], Job)
        assert pair.paths() == [MANY]


async def test_two_tasks_with_one_id_differ_by_our_reference() -> None:
    async with paired() as pair:
        ours, other = (pair.proxy.add_job(echoed={"state": "mine"}, prompt="ours") for _ in range(2))
        known = await pair.client.poll(ours)
        pair.proxy.double(ours)
        again, _ = await asyncio.gather(pair.client.poll(ours, known), pair.client.poll(other))
        assert (again.reply_ref, again.prompt) == ("mine", "ours")
        pair.proxy.set_answer(ours, {"id": ours, "status": "SUCCESS", "state": "somebody-else"})
        with pytest.raises(errors.JobUnknown):
            await pair.client.poll(ours, known)


async def test_one_odd_task_of_a_list_harms_no_other() -> None:
    good, odd = "1785744000123456", "1785744000123457"
    lists = {
        "half of an emoji": (rb'[{"id": "%s", "prompt": "a castle"}, {"id": "%s", "prompt": "a fox \ud83d"}]', "a fox"),
        "no number": (b'[{"id": "%s", "prompt": "a castle"}, {"id": "%s", "prompt": "a fox", "x": NaN}]', "a fox"),
        "a byte order mark": (b'\xef\xbb\xbf[{"id": "%s", "prompt": "a castle"}, {"id": "%s"}]', ""),
    }
    current = b""
    async with bare_server(lambda _: web.Response(body=current)) as (client, paths):
        for case, (body, prompt) in lists.items():
            current = body % (good.encode(), odd.encode())
            jobs = await asyncio.gather(client.poll(good), client.poll(odd))
            assert [job.prompt for job in jobs] == ["a castle", prompt], case
            again = await asyncio.gather(*map(client.poll, (good, odd), jobs))
            assert all(a is b for a, b in zip(jobs, again, strict=True)), case
        assert paths == [MANY] * 6


@pytest.mark.parametrize("kind", ["html", "wrong_shape", "huge", 404, 405, "truncated"])
async def test_a_server_that_cannot_answer_for_many_is_asked_singly_and_that_is_remembered(kind: int | str) -> None:
    async with paired() as pair:
        ids = [pair.proxy.add_job() for _ in range(20)]
        pair.proxy.fail(kind, path=MANY)
        for _ in range(2):
            jobs = await asyncio.gather(*map(pair.client.poll, ids))
            assert [job.jobid for job in jobs] == ids
        assert len(pair.paths(MANY)) == 1
        assert len(pair.paths("/fetch")) == 40
        assert pair.client.capabilities.batch == 1
        await pair.client.probe()
        assert pair.client.capabilities.batch == 200


@pytest.mark.parametrize("known", [True, False], ids=["missing once", "missing at the probe"])
async def test_a_route_for_many_that_was_missing_is_tried_again_every_ten_minutes(
    monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    loop = asyncio.get_running_loop()
    clock, waited = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: clock() + waited)
    async with paired(probed=known) as pair:
        ids = [pair.proxy.add_job() for _ in range(3)]
        pair.proxy.fail(404, path=MANY, times=math.inf)  # as a gateway answers while the server restarts
        if not known:
            await pair.client.probe()
        for _ in range(6 * 5):  # five polls in ten minutes, for an hour
            await asyncio.gather(*map(pair.client.poll, ids))
            waited += 120
        assert len(pair.paths(MANY)) == 6
        pair.proxy.heal()
        waited += 600
        assert pair.client.capabilities.batch == 200
        pair.proxy.requests.clear()
        for _ in range(3):
            await asyncio.gather(*map(pair.client.poll, ids))
            waited += 120
        assert pair.paths() == [MANY] * 3


@pytest.mark.parametrize("kind", [500, 502, "reset", "group_full", 401])
async def test_trouble_of_the_server_is_everybodys_trouble_and_changes_nothing(kind: int | str) -> None:
    async with paired() as pair:
        ids = [pair.proxy.add_job() for _ in range(3)]
        pair.proxy.fail(kind, path=MANY)
        found = await asyncio.gather(*map(pair.client.poll, ids), return_exceptions=True)
        assert all(isinstance(error, errors.ProviderError) for error in found)
        assert not any(isinstance(error, errors.JobOver) for error in found)
        assert all(error is not found[0] for error in found[1:]), "each raises its own"
        assert len(await asyncio.gather(*map(pair.client.poll, ids))) == 3
        assert pair.paths("/fetch") == []


async def test_a_server_that_forgot_all_tasks_knows_none_of_them() -> None:
    async with paired(NODE) as pair:
        ids = [pair.proxy.add_job() for _ in range(30)]
        pair.proxy.restart()
        found = await asyncio.gather(*map(pair.client.poll, ids), return_exceptions=True)
        assert {type(error) for error in found} == {errors.JobUnknown}
        assert len(pair.proxy.requests) == 2, "one for all, and one that checks it"


@only_long
async def test_a_poll_that_fails_after_all_callers_left_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with paired() as pair:
        pair.proxy.fail(500)
        caller = asyncio.create_task(pair.client.job("17"))
        await pair.proxy.wait_for_request()
        caller.cancel()
        await asyncio.wait([task for task in asyncio.all_tasks() if "MidjourneyProxyClient" in repr(task)])
        gc.collect()
    assert caplog.records == []


# --- presses ----------------------------------------------------------------------------------------------------------


@every_dialect
async def test_a_prompt_is_one_submission_and_its_job_runs_to_its_end(dialect: Dialect) -> None:
    async with paired(dialect, client={"notify_hook": "http://127.0.0.1:1/secret"}) as pair:
        job = await pair.client.imagine("a castle --ar 3:2", reference="dr-1")
        assert (job.verb, job.prompt, job.reply_ref, job.button) == ("imagine", "a castle --ar 3:2", "dr-1", "")
        request = pair.proxy.requests[-1]
        common = {"state": "dr-1", "notifyHook": "http://127.0.0.1:1/secret"}
        assert request.path == "/mj/submit/imagine"
        assert request.json == {**common, "prompt": "a castle --ar 3:2", "botType": "MID_JOURNEY"}
        done = await pair.done(job)
        assert (done.status, done.verb, done.reply_ref) == ("completed", "imagine", "dr-1")
        assert sum(pair.proxy.charges.values()) == 1
        await pair.client.imagine("a fox --niji 7", reference="dr-2")
        assert pair.proxy.requests[-1].json["botType"] == "NIJI_JOURNEY"


async def test_a_lost_answer_to_a_prompt_is_found_and_a_refusal_is_no_job() -> None:
    async with paired() as pair:
        pair.proxy.fail("made_reset", path=SUBMITS)
        with pytest.raises(errors.Unreachable):
            await pair.client.imagine("a castle", reference="dr-1")
        found = await pair.client.find("dr-1")
        assert found is not None
        assert (found.verb, found.prompt) == ("imagine", "a castle")
        pair.proxy.fail("queue_full", path=SUBMITS)
        with pytest.raises(errors.QueueFull):
            await pair.client.imagine("a castle", reference="dr-2")
        assert await pair.client.find("dr-2") is None


@every_dialect
async def test_a_press_sends_the_buttons_own_id_or_the_change(dialect: Dialect) -> None:
    async with paired(dialect, client={"notify_hook": "http://127.0.0.1:1/secret"}) as pair:
        grid = await pair.grid()
        child = await pair.client.press(grid, "U2", reference="dr-1")
        assert (child.button, child.parent_jobid, child.reply_ref) == ("U2", grid.jobid, "dr-1")
        assert (child.status, child.verb, child.provider) == ("created", "button", ProviderName.MIDJOURNEY_PROXY)
        request = pair.proxy.requests[-1]
        common = {"taskId": grid.jobid, "state": "dr-1", "notifyHook": "http://127.0.0.1:1/secret"}
        if dialect in (TRUEAI, NEWAPI):
            assert request.path == "/mj/submit/action"
            assert request.json == {**common, "customId": pair.proxy.custom_id(grid.jobid, "U2")}
        else:
            assert request.path == "/mj/submit/change"
            assert request.json == {**common, "action": "UPSCALE", "index": 2}
        done = await pair.done(child)
        assert (done.status, done.reply_ref) == ("completed", "dr-1")
        assert "127.0.0.1:1" not in repr(done)
        assert sum(pair.proxy.charges.values()) == 1


async def test_every_call_of_press_is_one_submission() -> None:
    async with paired() as pair:
        grid = await pair.grid()
        children = [await pair.client.press(grid, "U1", reference="same") for _ in range(2)]
        assert children[0].jobid != children[1].jobid
        assert pair.proxy.charges == {(grid.jobid, pair.proxy.custom_id(grid.jobid, "U1")): 2}


async def test_changes_are_those_of_a_grid() -> None:
    async with paired(NOVI) as pair:
        grid = await pair.grid()
        await pair.client.press(grid, "🔄", reference="r")
        assert pair.proxy.requests[-1].json == {"taskId": grid.jobid, "state": "r", "action": "REROLL"}
        with pytest.raises(errors.BadRequest):
            await pair.client.press(grid, "Custom Zoom", reference="r", prompt="x --zoom 1.5")
        with pytest.raises(errors.BadRequest, match="midjourney-proxy can't run this button with another prompt"):
            await pair.client.press(grid, "V1", reference="r", prompt="a fox")
        assert len(pair.paths("submit")) == 1


@pytest.mark.parametrize("dialect", [TRUEAI, NODE, NEWAPI], ids=["trueai", "node", "newapi"])
async def test_custom_zooms_form_is_submitted_at_once(dialect: Dialect) -> None:
    async with paired(dialect) as pair:
        single = await pair.single(await pair.grid())
        child = await pair.client.press(single, "Custom Zoom", reference="dr-2", prompt="a castle --zoom 1.8")
        action, modal = (request for request in pair.proxy.requests if "submit" in request.path)
        assert (action.path, modal.path) == ("/mj/submit/action", "/mj/submit/modal")
        assert modal.json["prompt"] == "a castle --zoom 1.8"
        assert (child.parent_jobid, child.reply_ref) == (single.jobid, "dr-2")
        done = await pair.done(child)
        assert done.status == Status.COMPLETED
        assert "--zoom 1.8" in done.prompt
        assert sum(pair.proxy.charges.values()) == 1


@pytest.mark.parametrize("prompt", [None, "a fox"])
async def test_a_remix_press_gets_the_parents_prompt_or_another(prompt: str | None) -> None:
    async with paired() as pair:
        grid = await pair.grid()
        pair.proxy.remix = True
        child = await pair.client.press(grid, "V1", reference="dr-3", prompt=prompt)
        assert (await pair.done(child)).prompt.startswith(prompt or "a castle")
        assert pair.proxy.requests[-2].json["taskId"] == child.jobid
        action = next(request for request in pair.proxy.requests if request.path.endswith("action"))
        assert action.json.get("enableRemix") is (True if prompt else None)


async def test_a_server_that_would_ignore_another_prompt_is_not_asked() -> None:
    async with paired(NODE) as pair:
        single = await pair.single(await pair.grid())
        with pytest.raises(errors.BadRequest, match="midjourney-proxy can't run this button with another prompt"):
            await pair.client.press(single, "Vary (Strong)", reference="r", prompt="a fox")
        assert pair.proxy.charges == {}
        await pair.client.press(single, "Vary (Strong)", reference="r")
        assert sum(pair.proxy.charges.values()) == 1


@pytest.mark.parametrize("dialect", [TRUEAI, NODE], ids=["trueai", "node"])
async def test_a_prompt_is_sent_in_one_line(dialect: Dialect) -> None:
    async with paired(dialect) as pair:
        job = await pair.client.imagine("a castle\r\nin the fog\n--ar 3:2", reference="r")
        assert pair.proxy.requests[-1].json["prompt"] == job.prompt == "a castle in the fog --ar 3:2"
        single = await pair.single(await pair.grid())
        await pair.client.press(single, "Custom Zoom", reference="r", prompt="a castle\n--zoom 2")
        assert pair.proxy.requests[-1].json["prompt"] == "a castle --zoom 2"


async def test_a_form_behind_a_1_is_submitted_once_when_a_poll_finds_it() -> None:
    async with paired(NEWAPI) as pair:
        grid = await pair.grid()
        pair.proxy.remix = True
        child = await pair.client.press(grid, "V1", reference="dr-3", prompt="a fox")
        assert pair.proxy.charges == {}
        for _ in range(3):
            assert (await pair.client.poll(child.jobid)).status == Status.STARTED
            await pair.proxy.wait_for_request(path="/mj/submit/modal")
        assert len(pair.paths("modal")) == 1
        done = await pair.done(child)
        assert (done.status, done.prompt.partition(" --")[0]) == ("completed", "a fox")
        assert sum(pair.proxy.charges.values()) == 1


async def test_a_late_form_that_was_not_taken_is_submitted_again_and_an_unclear_one_is_not() -> None:
    async with paired(NEWAPI) as pair:
        grid = await pair.grid()
        pair.proxy.remix = True
        child = await pair.client.press(grid, "V1", reference="dr-3", prompt="a fox")
        for kind, requests in (("group_full", 1), (500, 2), (500, 2)):
            pair.proxy.fail(kind, path="/mj/submit/modal")
            await pair.client.poll(child.jobid)
            await pair.proxy.wait_for_request(requests, path="/mj/submit/modal")
            if late := [task for task in asyncio.all_tasks() if "_submit_late_form" in repr(task)]:
                await asyncio.wait(late)
        assert len(pair.paths("modal")) == 2


async def test_a_form_that_is_never_submitted_ends_the_job() -> None:
    async with paired() as pair:
        grid = await pair.grid()
        jobid = pair.proxy.wait_for_form(grid.jobid, "Custom Zoom")
        waiting = await pair.client.poll(jobid)
        assert waiting.status == Status.STARTED
        ended = await pair.client.poll(jobid, waiting)
        pair.clock.time += 16 * 60
        ended = await pair.client.poll(jobid, waiting)
        assert (ended.status, ended.error) == ("failed", "Form not submitted")
        assert pair.paths("submit") == []


PNG = png(8, 8)
PICTURE = InputPicture(link="https://cdn.discordapp.com/attachments/1/2/a.png", content_type="image/png", content=PNG)


async def test_a_blend_sends_the_pictures_themselves() -> None:
    async with paired() as pair:
        child = await pair.client.blend([PICTURE, PICTURE], dimensions=Dimensions.PORTRAIT, reference="dr-5")
        (request,) = (request for request in pair.proxy.requests if request.path.endswith("/submit/blend"))
        assert request.json["base64Array"] == [f"data:image/png;base64,{b64encode(PNG).decode()}"] * 2
        assert (request.json["dimensions"], request.json["state"]) == ("PORTRAIT", "dr-5")
        assert (child.verb, child.reply_ref) == ("blend", "dr-5")
        assert (await pair.done(child)).buttons == GRID


async def test_a_description_has_four_prompts_and_the_picture() -> None:
    async with paired() as pair:
        child = await pair.client.describe(PICTURE, reference="dr-6")
        done = await pair.done(child)
        assert (done.verb, done.reply_ref) == ("describe", "dr-6")
        assert done.embeds[0].description.count("--ar 1:1") == 4
        assert done.embeds[0].image_url


async def test_pictures_that_are_no_pictures_are_refused_by_the_server() -> None:
    broken = msgspec.structs.replace(PICTURE, content=b"words, not a picture")
    async with paired() as pair:
        with pytest.raises(errors.BadRequest):
            await pair.client.describe(broken, reference="dr-7")
        with pytest.raises(errors.BadRequest):
            await pair.client.blend([PICTURE, broken], dimensions=Dimensions.SQUARE, reference="dr-8")


async def test_the_speed_is_in_the_path_of_submissions() -> None:
    async with paired(client={"mode": "relax"}) as pair:
        child = await pair.client.press(await pair.grid(), "V1", reference="r")
        assert pair.paths("submit") == ["/mj-relax/mj/submit/action"]
        assert (await pair.done(child)).mode == "relaxed"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("queue_full", errors.QueueFull),
        ("queue_full_9", errors.QueueFull),
        ("group_full", errors.Busy),
        ("limit", errors.Busy),
        ("daily_limit", errors.Busy),
        ("model_not_found", errors.Busy),
        ("account_blocked", errors.AccountBlocked),
        ("no_quota", errors.SubscriptionEnded),
        (401, errors.TokenRefused),
        ("declined", errors.SubmissionDeclined),
        ("exists", errors.ButtonUsed),
        ("failure", errors.InvalidResponse),
        ("unreadable", errors.InvalidResponse),
        ("upstream_400", errors.ProviderServerError),
        ("html", errors.InvalidResponse),
        ("empty", errors.InvalidResponse),
        ("truncated", errors.InvalidResponse),
        (500, errors.ProviderServerError),
        (504, errors.ProviderServerError),
        ("made_500", errors.ProviderServerError),
        ("made_reset", errors.Unreachable),
        ("bomb", errors.InvalidResponse),
    ],
)
async def test_each_outcome_of_a_press_has_its_error_and_is_sent_once(
    kind: int | str, error: type[errors.ProviderError]
) -> None:
    async with paired() as pair:
        grid = await pair.grid()
        pair.proxy.fail(kind, path=SUBMITS)
        with pytest.raises(errors.ProviderError) as caught:
            await pair.client.press(grid, "U1", reference="r")
        assert type(caught.value) is error
        assert caught.value.provider is ProviderName.MIDJOURNEY_PROXY
        assert str(caught.value).isascii() or "’" in str(caught.value)
        assert len(pair.paths("submit")) == 1


async def test_a_locked_account_and_a_full_queue_take_nothing() -> None:
    for dialect in DIALECTS.values():
        async with paired(dialect, max_jobs=1, queue_size=0) as pair:
            grid = await pair.grid()
            await pair.client.press(grid, "V1", reference="r")
            if not dialect.endless_queue:
                with pytest.raises(errors.QueueFull):
                    await pair.client.press(grid, "V2", reference="r")
            pair.proxy.lock_account()
            with pytest.raises(errors.AccountBlocked):
                await pair.client.press(grid, "V3", reference="r")
            assert sum(pair.proxy.charges.values()) == 1


async def test_a_press_on_a_forgotten_or_unfinished_job_is_refused_in_words() -> None:
    for dialect in DIALECTS.values():
        async with paired(dialect) as pair:
            grid = await pair.grid()
            running = msgspec.structs.replace(grid, jobid=pair.proxy.add_job())
            with pytest.raises(errors.BadRequest):
                await pair.client.press(running, "U1", reference="r")
            pair.proxy.restart()
            with pytest.raises(errors.JobExpired, match="midjourney-proxy no longer has the job of this picture"):
                await pair.client.press(grid, "U1", reference="r")


async def test_a_press_without_a_connection_was_certainly_not_sent(unused_tcp_port: int) -> None:
    async with aiohttp.ClientSession() as session:
        client = MidjourneyProxyClient(session=session, url=f"http://127.0.0.1:{unused_tcp_port}", secret="s")
        with pytest.raises(errors.NotSent):
            await client.press(Job(jobid="1", buttons=("U1",)), "U1", reference="r")
        with pytest.raises(errors.NotSent):
            await client.poll("1")


async def test_a_press_that_is_not_answered_in_time_is_unclear() -> None:
    async with paired(client={"press_timeout": 0.3}) as pair:
        grid = await pair.grid()
        pair.proxy.fail("made_hang", path=SUBMITS)
        with pytest.raises(errors.RequestTimeout):
            await pair.client.press(grid, "U1", reference="r")
        assert sum(pair.proxy.charges.values()) == 1


# --- finding, cancellation, accounts, seeds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "client", "path"),
    [
        (TRUEAI, ADMIN, "/mj/admin/tasks"),
        (TRUEAI, {}, "/mj/task/list"),
        (NODE, {}, "/mj/task/list"),
        (NOVI, {}, "/mj/task/list"),
    ],
)
async def test_a_lost_answers_job_is_found_by_its_reference(
    dialect: Dialect, client: dict[str, str], path: str
) -> None:
    async with paired(dialect, client=client) as pair:
        grid = await pair.grid()
        pair.proxy.fail("made_reset", path=SUBMITS)
        with pytest.raises(errors.Unreachable):
            await pair.client.press(grid, "U1", reference="dr-1")
        found = await pair.client.find("dr-1")
        assert found is not None
        assert (found.reply_ref, found.jobid) == ("dr-1", pair.proxy.jobids[-1])
        assert await pair.client.find("dr") is None
        assert pair.paths()[-1] == path


async def test_where_the_server_has_no_list_nothing_is_found_by_a_reference() -> None:
    async with paired(NEWAPI) as pair:
        with pytest.raises(errors.Unsupported):
            await pair.client.find("dr-1")
        with pytest.raises(errors.Unsupported):
            await pair.client.running()


async def test_a_list_that_is_too_short_is_no_answer() -> None:
    async with paired(max_jobs=1000) as pair:
        for _ in range(120):
            pair.proxy.add_job(ends="failed", duration=0.0)
        with pytest.raises(errors.TransientError):
            await pair.client.find("dr-1")
        pair.clock.time += 600
        assert await pair.client.find("dr-1") is None


async def test_the_job_is_found_rather_than_the_form_that_was_left() -> None:
    async with paired(NODE) as pair:
        single = await pair.single(await pair.grid())
        child = await pair.client.press(single, "Custom Zoom", reference="dr-1", prompt="x --zoom 2")
        found = await pair.client.find("dr-1")
        assert found is not None
        assert found.jobid == child.jobid


@pytest.mark.parametrize("dialect", [TRUEAI, NODE, NOVI], ids=["trueai", "node", "novi"])
async def test_the_running_jobs_are_those_that_have_not_ended(dialect: Dialect) -> None:
    async with paired(dialect) as pair:
        grid = await pair.grid()
        running = pair.proxy.add_job()
        if dialect is TRUEAI:
            pair.proxy.wait_for_form(grid.jobid, "V1")
        assert await pair.client.running() == (running,)


async def test_an_administrator_cancels_and_sees_the_accounts() -> None:
    async with paired(client=ADMIN) as pair:
        jobid = pair.proxy.add_job()
        assert (await pair.client.job(jobid)).status == Status.STARTED
        await pair.client.cancel(jobid)
        cancelled = await pair.client.job(jobid)
        assert (cancelled.status, cancelled.error) == ("cancelled", "")
        assert await pair.client.accounts() == (Account("1122334455667788990", 3, needs_person=False),)
        pair.proxy.lock_account()
        (account,) = await pair.client.accounts()
        assert account.needs_person


async def test_without_an_administrator_nothing_is_sent() -> None:
    async with paired() as pair:
        for call in (pair.client.cancel("17"), pair.client.accounts()):
            with pytest.raises(errors.Unsupported):
                await call
        assert pair.proxy.requests == []


@pytest.mark.parametrize("dialect", [TRUEAI, NODE, NEWAPI], ids=["trueai", "node", "newapi"])
async def test_a_seed_is_a_number_as_text(dialect: Dialect) -> None:
    async with paired(dialect) as pair:
        grid = await pair.grid()
        assert (await pair.client.seed(grid.jobid)).isdecimal()
        with pytest.raises(errors.JobUnknown):
            await pair.client.seed("17")


def _of_seeds(request: Request) -> bool:
    return request.path.endswith("/image-seed")


async def test_a_seed_is_requested_once_for_all_who_ask_and_again_after_an_error() -> None:
    async with paired() as pair:
        grid = await pair.grid()
        pair.proxy.fail(503, path="*/image-seed")
        for answer in await asyncio.gather(*(pair.client.seed(grid.jobid) for _ in range(3)), return_exceptions=True):
            assert isinstance(answer, errors.ProviderServerError)
        seeds = {await pair.client.seed(grid.jobid) for _ in range(3)}
        assert len(seeds) == 1
        assert len([*filter(_of_seeds, pair.proxy.requests)]) == 2


@table(
    ("status", "body", "error"),
    [
        (202, b"", errors.SeedNotReady),
        (202, b'{"code": 1}', errors.SeedNotReady),
        (200, b'{"code": 1, "description": "ok", "result": null}', errors.NoSeed),
        (200, b'{"code": 9, "description": "?"}', errors.NoSeed),
        (200, b'{"code": 3}', errors.JobUnknown),
        (200, b"<html>", errors.InvalidResponse),
        (200, b"17", errors.InvalidResponse),
        (429, b"", errors.Busy),
        (401, b"", errors.TokenRefused),
        (502, b"<html>", errors.ProviderServerError),
    ],
)
def test_each_answer_without_a_seed_is_an_outcome(status: int, body: bytes, error: type[errors.ProviderError]) -> None:
    with pytest.raises(error) as raised:
        read_seed(Response(status, body, None))
    assert type(raised.value) is error


async def test_where_the_server_has_no_route_for_seeds_nothing_is_sent() -> None:
    async with paired(NOVI) as pair:
        with pytest.raises(errors.Unsupported):
            await pair.client.seed("17")
        assert pair.proxy.requests == []


async def test_a_call_names_its_job() -> None:
    async with paired() as pair:
        assert pair.client.jobid_in_call(b'{"id": "1785744000123456", "status": "SUCCESS"}') == "1785744000123456"
        assert pair.client.jobid_in_call(b'{"id": 1785744000123456}') == "1785744000123456"
        nobody = (b"", b"<html>", b"[]", b"{}", b'{"id": "../x"}')
        assert [pair.client.jobid_in_call(body) for body in nobody] == [""] * 5
        assert pair.client.created_in("1785744000123456") == datetime(2026, 8, 3, 8, 0, 0, 123_000, UTC)


# --- secrets ----------------------------------------------------------------------------------------------------------


def everything_about(error: BaseException) -> str:
    """Everything that a log could print of an error, with its causes."""
    parts = [repr(error), str(error), repr(error.args), *traceback.format_exception(error)]
    for other in (error.__cause__, error.__context__):
        parts += [everything_about(other)] if other is not None else []
    return "\n".join(parts)


async def test_no_error_and_no_log_contains_a_secret_or_an_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    jobid, received = "1785744000123456", []
    leak = {
        "description": f"canary {jobid}",
        "message": jobid,
        "error": "secret-canary",
        "code": 4,
        "result": "canary/x",
    }
    answers = [(status, json.dumps(leak)) for status in (200, 302, 400, 401, 403, 404, 409, 418, 429, 500, 503)]
    answers += [(200, f"<html>{leak}"), (200, f'{{"id": "{jobid}'), (500, f"canary {jobid}")]
    current: list[tuple[int, str]] = []

    def answer(_: web.Request) -> web.Response:
        status, text = current[-1]
        return web.Response(status=status, text=text, content_type="application/json", headers={"Location": "/canary"})

    async with bare_server(answer, secret="secret-canary", admin_secret="admin-canary") as (client, _):
        received.append(repr(client))
        client._has_seed = True  # as after a probe
        parent = Job(jobid=jobid, buttons=("U1",), custom_ids=("MJ::JOB::upsample::1::x",))
        for each in answers:
            current.append(each)
            both = asyncio.gather(client.poll(jobid), client.poll("1785744000123457"), return_exceptions=True)
            received += [everything_about(error) for error in await both if isinstance(error, BaseException)]
            for call in (client.press(parent, "U1", reference="r"), client.seed(jobid), client.probe()):
                try:
                    await call
                except errors.ProviderError as error:
                    received.append(everything_about(error))
    assert len(received) > 40
    assert "canary" not in "\n".join((*received, caplog.text))
    assert jobid not in "\n".join((*received, caplog.text))
