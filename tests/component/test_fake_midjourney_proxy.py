import asyncio
import json
import math
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.demo.midjourney_proxy import NEWAPI, NODE, NOVI, TRUEAI, Dialect, FakeMidjourneyProxy
from bot.demo.midjourney_proxy.dialects import ACCOUNT, DIALECTS
from tests.conftest import only_long
from tests.processes import started

SAMPLES = Path(__file__).parents[1] / "samples" / "midjourney_proxy"
START = 1_780_396_473.688
HEADERS = {
    "trueai": {"Authorization": "demo-token"},
    "node": {"mj-api-secret": "demo-token"},
    "newapi": {"Authorization": "Bearer demo-token"},
    "novi": {"mj-api-secret": "demo-token"},
}
TRUEAIS = HEADERS["trueai"]
ADMIN = {"Authorization": "admin-token"}
OPTIONAL = {"buttons", "imageUrl", "progressMessageId", "messageHash", "failReason", "referencedMessageId"}
"""Fields that the port leaves out where it has nothing to say."""


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


class Caller:
    """A client of the protocol that knows nothing of the server's internals."""

    def __init__(self, proxy: FakeMidjourneyProxy, clock: Clock, session: aiohttp.ClientSession) -> None:
        self.proxy = proxy
        self.clock = clock
        self.session = session

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.get(self.proxy.url + path, **options) as answer:
            return answer.status, decoded(await answer.text())

    async def post(self, path: str, fields: object = None, **options: Any) -> tuple[int, Any]:
        async with self.session.post(self.proxy.url + path, json=fields, **options) as answer:
            return answer.status, decoded(await answer.text())

    async def submit(self, route: str, **fields: object) -> Any:
        return (await self.post(f"/mj/submit/{route}", fields))[1]

    async def task(self, jobid: object, after: float = 0.0) -> Any:
        self.clock.time += after
        return (await self.get(f"/mj/task/{jobid}/fetch"))[1]

    async def press(self, parent: str, label: str, **fields: object) -> Any:
        return await self.submit("action", taskId=parent, customId=self.proxy.custom_id(parent, label), **fields)


def decoded(text: str) -> Any:
    with suppress(ValueError):
        return json.loads(text)
    return text


@asynccontextmanager
async def calling(dialect: Dialect = TRUEAI, **options: Any) -> AsyncIterator[Caller]:
    clock = Clock()
    async with (
        FakeMidjourneyProxy(dialect, **{"now": clock, "refresh": 0.0, "grid_size": 32, **options}) as proxy,
        aiohttp.ClientSession(headers=HEADERS[dialect.name]) as session,
    ):
        yield Caller(proxy, clock, session)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def differences(expected: Any, made: Any, where: str = "") -> list[str]:
    """Where an answer has other keys or types than its sample; `null` may stand for anything."""
    if expected is None or made is None:
        return []
    if isinstance(expected, dict) and isinstance(made, dict):
        others = {key for key in expected.keys() ^ made.keys() if key not in OPTIONAL}
        found = [f"{where}.{key}: {'made up' if key in made else 'missing'}" for key in sorted(others)]
        for key in expected.keys() & made.keys():
            found += differences(expected[key], made[key], f"{where}.{key}")
        return found
    if isinstance(expected, list) and isinstance(made, list):
        return differences(expected[0], made[0], f"{where}[]") if expected and made else []
    return [] if type(expected) is type(made) else [f"{where}: {type(made).__name__}"]


# --- as the samples ---------------------------------------------------------------------------------------------------

TASKS: list[tuple[Dialect, str, dict[str, Any]]] = [
    (TRUEAI, "reconstructed_trueai_task_in_progress_47", {"age": 16}),
    (TRUEAI, "reconstructed_trueai_task_success_grid", {"age": 60}),
    (TRUEAI, "reconstructed_trueai_task_describe_success", {"age": 60, "verb": "describe"}),
    (TRUEAI, "reconstructed_trueai_task_failure_midjourney_said_no", {"age": 60, "ends": "moderated"}),
    (NODE, "measured_task_in_progress_0", {"age": 7}),
    (NODE, "measured_task_success_imagine_without_buttons", {"age": 60}),
    (NODE, "measured_task_failure_banned_by_midjourney", {"age": 60, "ends": "moderated"}),
    (NEWAPI, "docs_relay_task_in_progress", {"age": 16}),
    (NOVI, "docs_callback_imagine_success", {"age": 60}),
]


@pytest.mark.parametrize(("dialect", "name", "options"), TASKS, ids=[name for _, name, _ in TASKS])
async def test_a_task_has_the_fields_of_its_sample(dialect: Dialect, name: str, options: dict[str, Any]) -> None:
    async with calling(dialect) as caller:
        made = await caller.task(caller.proxy.add_job(echoed={"state": "s", "notifyHook": "http://x"}, **options))
    expected = sample(name)
    assert made["status"] == expected["status"]
    if dialect is NOVI:  # printed without the state; and its properties are cut
        del made["state"], made["properties"], expected["properties"]
    if dialect is NEWAPI:
        del made["properties"]
    if name.endswith(("describe_success", "official_four_pictures")):
        del made["properties"], expected["properties"]
    assert differences(expected, made) == []


async def test_the_task_of_a_press_and_of_a_form_have_the_fields_of_their_samples() -> None:
    async with calling() as caller:
        grid = caller.proxy.add_job(age=60)
        child = (await caller.press(grid, "U2", state="s"))["result"]
        done = await caller.task(child, after=5)
        form = (await caller.press(child, "Custom Zoom"))["result"]
        waiting = await caller.task(form)
    assert differences(sample("reconstructed_trueai_task_success_U2"), done) == []
    assert (done["parentId"], done["state"]) == (grid, "s")
    assert differences(sample("reconstructed_trueai_task_modal_custom_zoom"), waiting) == []
    async with calling(NODE) as caller:
        grid = caller.proxy.add_job(age=60)
        child = (await caller.submit("change", taskId=grid, action="UPSCALE", index=3, state="s"))["result"]
        done = await caller.task(child, after=5)
        form = (await caller.press(child, "Custom Zoom", state="s"))["result"]
        assert differences(sample("measured_task_success_upscale_buttons_in_properties"), done) == []
        name = "measured_task_of_code21_customzoom_stays_not_start"
        assert differences(sample(name), await caller.task(form)) == []


async def test_the_four_pictures_of_an_official_task_have_the_fields_of_the_sample() -> None:
    async with calling(four_pictures=True) as caller:
        made = await caller.task(caller.proxy.add_job(age=60))
        expected = sample("reconstructed_trueai_task_success_grid_official_four_pictures")
        assert differences(expected["imageUrls"], made["imageUrls"]) == []
        async with caller.session.get(made["imageUrls"][3]["url"]) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")


async def answers_of(dialect: Dialect, **options: Any) -> dict[str, Any]:
    async with calling(dialect, **options) as caller:
        grid = caller.proxy.add_job(age=60)
        single = caller.proxy.add_job(verb="button", button="U1", parent=grid, age=60)
        found = {"taken": await caller.submit("imagine", prompt="a lake", state="s")}
        found["form"] = await caller.press(single, "Custom Zoom")
        found["unknown"] = await caller.post(
            "/mj/submit/action", {"taskId": "1", "customId": "MJ::JOB::upsample::1::x"}
        )
        found["empty"] = await caller.submit("imagine", prompt="")
        found["banned"] = await caller.submit("imagine", prompt="something forbidden")
        found["queued"] = await caller.submit("imagine", prompt="another lake")
        found["full"] = await caller.submit("imagine", prompt="one too many")
        caller.proxy.lock_account()
        found["locked"] = await caller.submit("imagine", prompt="a lake")
        found["locked_press"] = await caller.press(grid, "V1")
        found["fetch"] = await caller.get("/mj/task/1/fetch")
        return found


async def test_the_answers_of_trueai_are_those_of_the_samples() -> None:
    found = await answers_of(TRUEAI, max_jobs=2, queue_size=1)
    assert differences(sample("docs_submit_code1"), found["taken"]) == []
    assert differences(sample("reconstructed_trueai_submit_code21_waits_for_modal"), found["form"]) == []
    assert found["unknown"] == (404, sample("reconstructed_trueai_http404_unknown_parent"))
    assert found["banned"]["code"] == 1, "the task fails later"
    assert differences(sample("docs_submit_code22_queued"), found["queued"]) == []
    full = sample("reconstructed_trueai_submit_code9_queue_full")
    assert (found["full"]["code"], found["full"]["description"]) == (full["code"], full["description"])
    assert found["locked"] == sample("reconstructed_trueai_submit_code3_no_account")
    assert found["fetch"] == (204, "")


async def test_the_answers_of_the_port_are_those_that_were_measured() -> None:
    found = await answers_of(NODE, max_jobs=1, queue_size=1)
    assert differences(sample("measured_submit_imagine_code1"), found["taken"]) == []
    form = sample("measured_submit_action_code21_waits_for_modal")
    assert differences(form, found["form"]) == []
    assert found["form"]["description"] == form["description"]
    assert found["unknown"] == (200, sample("measured_submit_code3_unknown_parent"))
    assert found["empty"] == sample("measured_submit_code4_empty_prompt")
    assert differences(sample("measured_submit_code24_banned_word"), found["banned"]) == []
    queued = sample("measured_submit_change_code22_queued")
    assert differences(queued, found["queued"]) == []
    assert found["queued"]["description"] == queued["description"]
    assert found["full"]["code"] == 22, "its queue has no end"
    assert found["locked"] == sample("measured_submit_code3_no_account")
    assert differences(sample("measured_submit_code3_account_unavailable"), found["locked_press"]) == []
    assert found["locked_press"]["description"] == f"Account unavailable: {ACCOUNT}"
    assert found["fetch"] == (200, None)


async def test_the_answers_of_a_relay_are_those_of_the_samples() -> None:
    found = await answers_of(NEWAPI, max_jobs=1, queue_size=1)
    unknown = sample("reconstructed_newapi_fetch_unknown")
    assert found["fetch"] == (unknown.pop("_http_status"), unknown)
    assert found["queued"]["code"] == 1
    assert found["unknown"][0] == 400
    async with calling(NEWAPI) as caller:
        caller.proxy.fail("no_quota", path="/mj/submit/*")
        no_quota = sample("reconstructed_newapi_submit_no_quota")
        status = no_quota.pop("_http_status")
        assert await caller.post("/mj/submit/imagine", {"prompt": "x"}) == (status, no_quota)


async def test_the_answers_of_novicezks_server_are_those_of_the_samples() -> None:
    found = await answers_of_change_only()
    assert differences(sample("docs_submit_code23_queue_full"), found["full"]) == [".result: missing"], "it is no task"
    assert differences(sample("docs_submit_code24_banned_word"), found["banned"]) == []
    assert found["fetch"] == (200, "")


async def answers_of_change_only() -> dict[str, Any]:
    async with calling(NOVI, max_jobs=1, queue_size=0) as caller:
        found = {"banned": await caller.submit("imagine", prompt="something forbidden")}
        await caller.submit("imagine", prompt="a lake")
        found["full"] = await caller.submit("imagine", prompt="one too many")
        found["fetch"] = await caller.get("/mj/task/1/fetch")
        return found


# --- jobs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_an_imagine_follows_its_timeline(dialect: Dialect) -> None:
    async with calling(dialect) as caller:
        jobid = (await caller.submit("imagine", prompt="a castle", state="mine"))["result"]
        assert re.fullmatch(r"\d{16}", jobid)
        seen = [await caller.task(jobid, after=seconds) for seconds in (0, 7, 9, 14)]
        assert [(task["status"], task["progress"]) for task in seen[:3]] == [
            ("SUBMITTED", "0%"), ("IN_PROGRESS", "17%"), ("IN_PROGRESS", "47%"),
        ]  # fmt: skip
        assert (seen[3]["status"], seen[3]["progress"], seen[3]["state"]) == ("SUCCESS", "100%", "mine")
        async with caller.session.get(seen[3]["imageUrl"]) as answer:
            assert answer.status == 200
    if dialect is NEWAPI:
        assert [task["state"] for task in seen[:3]] == ["", "", "mine"]
        assert "?rand=" in seen[2]["imageUrl"]


async def test_a_second_identical_press_is_charged_again() -> None:
    async with calling() as caller:
        grid = caller.proxy.add_job(age=60)
        ids = [(await caller.press(grid, "U1", state="same"))["result"] for _ in range(2)]
        assert ids[0] != ids[1]
        assert caller.proxy.charges == {(grid, caller.proxy.custom_id(grid, "U1")): 2}


@pytest.mark.parametrize("dialect", [TRUEAI, NODE, NEWAPI], ids=["trueai", "node", "newapi"])
async def test_a_form_is_charged_when_it_is_submitted(dialect: Dialect) -> None:
    async with calling(dialect) as caller:
        grid = caller.proxy.add_job(age=60)
        single = caller.proxy.add_job(verb="button", button="U1", parent=grid, age=60)
        caller.proxy.remix = True
        parent, label = (grid, "V1") if dialect.remix else (single, "Custom Zoom")
        pressed = await caller.press(parent, label, state="s")
        assert pressed["code"] == (1 if dialect is NEWAPI else 21)
        waiting = await caller.task(pressed["result"], after=600)
        assert waiting["status"] == ("NOT_START" if dialect is NODE else "MODAL")
        assert caller.proxy.charges == {}
        taken = await caller.submit("modal", taskId=pressed["result"], prompt="a fox", state="s")
        assert (taken["result"] == pressed["result"]) is (dialect is not NODE)
        assert caller.proxy.charges == {(parent, caller.proxy.custom_id(parent, label)): 1}
        done = await caller.task(taken["result"], after=60)
        assert (done["status"], done["prompt"]) == ("SUCCESS", "a fox")


async def test_a_queued_job_starts_when_one_before_it_ends() -> None:
    async with calling(max_jobs=1) as caller:
        await caller.submit("imagine", prompt="first")
        second = await caller.submit("imagine", prompt="second")
        assert (second["code"], second["properties"]["numberOfQueues"]) == (22, 1)
        assert (await caller.task(second["result"], after=20))["status"] == "NOT_START"
        assert (await caller.task(second["result"], after=8))["status"] == "SUBMITTED"


async def test_many_tasks_come_at_once_without_those_that_it_does_not_know() -> None:
    async with calling() as caller:
        ids = [caller.proxy.add_job(prompt=str(number)) for number in range(3)]
        _, found = await caller.post("/mj/task/list-by-condition", {"ids": [ids[2], "17", ids[0]]})
        assert [task["id"] for task in found] == [ids[0], ids[2]]
        caller.proxy.double(ids[0])
        _, found = await caller.post("/mj/task/list-by-condition", {"ids": ids[:1]})
        assert [(task["id"], task["state"]) for task in found] == [(ids[0], "somebody-else"), (ids[0], None)]


async def test_a_restart_forgets_all_tasks() -> None:
    async with calling(NODE) as caller:
        jobid = caller.proxy.add_job()
        caller.proxy.restart()
        assert await caller.task(jobid) is None
        assert caller.proxy.jobids == []


async def test_only_an_administrator_cancels_and_sees_accounts() -> None:
    async with calling() as caller:
        jobid = caller.proxy.add_job(echoed={"state": "mine"})
        assert (await caller.post(f"/mj/task/{jobid}/cancel"))[0] == 400
        assert (await caller.get("/mj/admin/accounts"))[0] == 401
        assert await caller.post("/mj/task/17/cancel", headers=ADMIN) == (200, "")
        assert await caller.post(f"/mj/task/{jobid}/cancel", headers=ADMIN) == (200, "")
        cancelled = await caller.task(jobid)
        assert (cancelled["status"], cancelled["failReason"]) == ("FAILURE", "取消任务")
        assert differences(sample("reconstructed_trueai_task_cancelled"), cancelled) == []
        _, found = await caller.post("/mj/admin/tasks", {"search": {"id": "mine"}}, headers=ADMIN)
        assert [task["id"] for task in found["list"]] == [jobid]
        (account,) = (await caller.get("/mj/admin/accounts", headers=ADMIN))[1]
        assert (account["lock"], account["coreSize"]) == (False, 3)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_only_one_header_is_read(dialect: Dialect) -> None:
    async with FakeMidjourneyProxy(dialect) as proxy, aiohttp.ClientSession() as session:
        for headers in HEADERS.values():
            async with session.get(f"{proxy.url}/mj/task/1/fetch", headers=headers) as answer:
                accepted = answer.status != 401
            also = (dialect is TRUEAI and "mj-api-secret" in headers) or (dialect is NEWAPI and headers == TRUEAIS)
            assert accepted is (headers == HEADERS[dialect.name] or also), headers
        both = {**HEADERS["node"], "Authorization": "Bearer demo-token"}
        async with session.get(f"{proxy.url}/mj/task/1/fetch", headers=both) as answer:
            assert (answer.status == 401) is (dialect is TRUEAI), "it reads Authorization first, as it is"
        assert all("demo-token" not in str(request.headers) for request in proxy.requests)


@pytest.mark.parametrize(
    ("dialect", "status", "content_type"),
    [(TRUEAI, 404, "text/plain"), (NODE, 404, "application/json"), (NEWAPI, 200, "text/html"),
     (NOVI, 404, "application/json")],
    ids=DIALECTS,
)  # fmt: skip
async def test_a_missing_route_is_answered_as_that_server_does(
    dialect: Dialect, status: int, content_type: str
) -> None:
    async with calling(dialect) as caller, caller.session.get(f"{caller.proxy.url}/mj/no/such") as answer:
        assert (answer.status, answer.content_type) == (status, content_type)


async def test_the_speed_is_in_the_path() -> None:
    async with calling() as caller:
        _, taken = await caller.post("/mj-relax/mj/submit/imagine", {"prompt": "a lake"})
        assert (await caller.task(taken["result"]))["mode"] == "RELAX"
    async with calling(NOVI) as caller:
        assert (await caller.post("/mj-fast/mj/submit/imagine", {"prompt": "a lake"}))[0] == 404


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[str, list[Any], Callable[[int], Any]]]:
    """A receiver of callbacks: its address, what came, and a way to wait for so many of them."""
    came: list[Any] = []
    news = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        came.append(await request.json())
        news.set()
        return web.Response()

    async def wait_for(count: int) -> None:
        while len(came) < count:
            news.clear()
            await news.wait()

    app = web.Application()
    app.router.add_post("/hook", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", came, wait_for
    finally:
        await runner.cleanup()


async def test_callbacks_have_the_whole_task_with_our_own_address() -> None:
    async with receiving() as (url, came, wait_for), FakeMidjourneyProxy(refresh=0, speed=100, grid_size=32) as proxy:
        proxy.calls()
        async with aiohttp.ClientSession(headers=HEADERS["trueai"]) as session:
            fields = {"prompt": "a lake", "notifyHook": url, "state": "mine"}
            await session.post(f"{proxy.url}/mj/submit/imagine", json=fields)
            while sum(task["status"] == "SUCCESS" for task in came) < 2:
                await wait_for(len(came) + 1)
    assert {task["state"] for task in came} == {"mine"}
    assert came[-1]["properties"]["notifyHook"] == url
    progress = [int(task["progress"].rstrip("%")) for task in came]
    assert progress != sorted(progress), "calls overtake each other"
    assert [task["status"] for task in came].count("SUCCESS") == 2, "and the end comes twice"


async def test_the_port_calls_all_the_time() -> None:
    async with (
        receiving() as (url, came, wait_for),
        FakeMidjourneyProxy(NODE, refresh=0, grid_size=32) as proxy,
        aiohttp.ClientSession(headers=HEADERS["node"]) as session,
    ):
        proxy.calls()
        await session.post(f"{proxy.url}/mj/submit/imagine", json={"prompt": "a lake", "notifyHook": url, "state": "s"})
        await wait_for(3)
    assert [task["status"] for task in came] == ["SUBMITTED"] * len(came), "equal states, again and again"
    assert differences(sample("measured_callback_progress_46")["body"], came[0]) in (
        [], [".properties.finalPrompt: missing"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status"),
    [("html", 200), (500, 500), (502, 502), ("group_full", 429), ("limit", 200), ("empty", 200), (404, 404)],
)
async def test_faults_are_answers_on_order(kind: int | str, status: int) -> None:
    async with calling() as caller:
        caller.proxy.fail(kind)
        assert (await caller.get("/mj/task/1/fetch"))[0] == status
        assert (await caller.get("/mj/task/1/fetch"))[0] == 204
        with pytest.raises(ValueError, match="queue_full_9"):
            caller.proxy.fail("no such fault")


async def test_a_lost_answer_is_charged_all_the_same() -> None:
    async with calling() as caller:
        caller.proxy.fail("made_reset", path="/mj/submit/*")
        with pytest.raises(aiohttp.ClientError):
            await caller.submit("imagine", prompt="a lake")
        assert len(caller.proxy.jobids) == 1
        caller.proxy.fail("hang", times=math.inf)
        caller.proxy.heal()
        assert (await caller.get("/mj/task/1/fetch"))[0] == 204


async def test_a_relay_may_drop_the_state() -> None:
    async with calling(NEWAPI, drops_state=True) as caller:
        taken = await caller.submit("imagine", prompt="a lake", state="mine")
        assert (await caller.task(taken["result"], after=60))["state"] == ""


@only_long
async def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    async with started(
        *(sys.executable, "-m", "bot.demo.midjourney_proxy", "--dialect", "node", "--refresh", "0"),
        *("--grid-size", "32"),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout
        url = (await process.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession(headers=HEADERS["node"]) as session:
            async with session.post(f"{url}/_control/jobs", json={"prompt": "a lake", "age": 60}) as answer:
                jobid = (await answer.json())["jobid"]
            change = {"taskId": jobid, "action": "UPSCALE", "index": 1}
            await session.post(f"{url}/mj/submit/change", json=change)
            async with session.get(f"{url}/_control/charges") as answer:
                assert await answer.json() == [[jobid, "U1", 1]]
            async with session.get(f"{url}/_control/requests") as answer:
                assert [request["path"] for request in await answer.json()] == ["/mj/submit/change"]
            await session.post(f"{url}/_control/restart")
            async with session.get(f"{url}/mj/task/{jobid}/fetch") as answer:
                assert await answer.json() is None
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
