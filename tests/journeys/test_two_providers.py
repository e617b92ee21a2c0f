"""Two providers side by side: an id finds its own, and one provider's trouble is not the other's."""

import json
import logging
import math
from collections.abc import AsyncIterator
from fnmatch import fnmatchcase

import aiohttp
import pytest

from bot.demo.midjourney.job import CHANNEL
from bot.demo.midjourney_proxy import FakeMidjourneyProxy
from bot.demo.midjourney_proxy.dialects import ACCOUNT
from bot.models import ProviderName
from bot.settings import Secret
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, private, words
from tests.journeys.test_imagine import imagine
from tests.journeys.test_my_jobs import choose, opened
from tests.ports import free_port

PROXY = ProviderName.MIDJOURNEY_PROXY


@pytest.fixture
async def proxy(harness: BotHarness) -> AsyncIterator[FakeMidjourneyProxy]:
    """The fake server of the second provider, which the harness's bot knows from now on."""
    async with FakeMidjourneyProxy(now=harness.now, refresh=0, grid_size=48) as fake:
        await harness.restart(
            mj_proxy_url=Secret(fake.url),
            mj_proxy_secret=Secret("demo-token"),
            mj_proxy_auth="authorization",
            image_hosts=(harness.useapi.origin, fake.origin),
        )
        yield fake


async def test_each_id_is_found_at_its_provider_and_pressed_there_once(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    ours, theirs = harness.useapi.add_job(prompt="a boat", duration=30), proxy.add_job(prompt="a tower", duration=30)
    assert "Watching" in await harness.job(harness.mira, ours)
    assert "Watching" in await harness.job(harness.mira, theirs)
    await harness.wait(90)
    results = [post for post in harness.posts() if "U1" in str(labels(post))]
    assert {("boat" in words(post), "tower" in words(post)) for post in results} == {(True, False), (False, True)}
    tower = next(post for post in results if "tower" in words(post))
    await harness.press(harness.mira, tower, "U1")
    await harness.press(harness.mira, tower, "U1")
    await harness.wait(90)
    assert list(proxy.charges.values()) == [1], "a second press costs nothing, though the provider would take it"
    assert not harness.button_requests()


async def test_a_pick_whose_answer_was_lost_is_not_paid_again_by_another_member_or_after_a_restart(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    await harness.job(harness.mira, proxy.add_job(prompt="a tower", duration=30))
    await harness.wait(90)
    tower = next(post for post in harness.posts() if "U1" in str(labels(post)))
    proxy.fail("made_500", path="/mj/submit/*")
    proxy.fail(404, path="/mj/task/list", times=math.inf)  # nor can the job be found by its reference
    await harness.press(harness.mira, tower, "U1")
    await harness.wait(600)
    (charged,) = proxy.charges.values()
    await harness.press(harness.mira, tower, "U1")
    await harness.wait(60)
    await harness.restart()
    await harness.press(harness.mira, tower, "U1")
    await harness.wait(60)
    assert list(proxy.charges.values()) == [charged]


@only_long
async def test_an_outage_of_one_provider_delays_no_job_of_the_other(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a boat", duration=30))
    await harness.job(harness.mira, proxy.add_job(prompt="a tower", duration=30))
    proxy.fail(503, times=math.inf)
    await harness.wait(120)
    assert [post for post in harness.posts() if "U1" in str(labels(post)) and "boat" in words(post)]
    outages = harness.bot.poller.outages
    assert (outages[ProviderName.USEAPI], "midjourney-proxy" in outages[PROXY]) == ("", True)
    proxy.heal()
    await harness.wait(600)
    assert [post for post in harness.posts() if "U1" in str(labels(post)) and "tower" in words(post)]


async def test_the_owner_subscribes_to_a_job_of_one_provider_while_the_other_has_trouble(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    harness.bot.owner_id = harness.mira.id
    proxy.add_job(prompt="a tower", duration=30)
    harness.useapi.fail(401, path="/v2/jobs", times=math.inf)
    panel = await opened(harness, harness.mira)
    assert "**The account at useapi.net**\nuseapi.net does not accept this bot's token." in words(panel)
    assert "**The account at midjourney-proxy: 1 slot in use, 0 queued**" in words(panel)
    panel = await choose(harness, harness.mira, panel, "dr:n:w")
    assert panel.content.startswith("Watching `#")
    await harness.wait(90)
    assert "tower" in words(harness.last)
    gone = await choose(harness, harness.mira, panel, "dr:n:w")
    assert gone.content.startswith("useapi.net does not accept this bot's token."), "it may run there"


async def test_jobs_shows_the_queue_of_each_provider_by_itself(harness: BotHarness, proxy: FakeMidjourneyProxy) -> None:
    harness.bot.owner_id = harness.mira.id
    ada = harness.guild.add_member(harness.env.create_user("Ada"), roles=[harness.guild.roles["Moderators"]])
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a boat", age=600))
    harness.useapi.fail(429, path="/v2/jobs/button", times=math.inf)
    await harness.press(harness.mira, harness.last, "V1")
    seen = words(await opened(harness, harness.mira))
    assert "**The account at useapi.net: 0 slots in use, 1 queued**\n-# useapi.net asks for a pause." in seen
    assert "**The account at midjourney-proxy: 0 slots in use, 0 queued**" in seen
    proxy.fail(429, path="/mj/submit/imagine", times=math.inf)
    await imagine(harness, ada, "a tower")
    seen = words(await opened(harness, ada))
    assert "- a tower: number 1\n-# midjourney-proxy asks for a pause." in seen
    assert "useapi.net" not in seen


async def test_an_id_that_no_provider_knows_is_said_by_the_one_whose_form_it_has(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    assert (await harness.job(harness.mira, "1700000000000999")).startswith("midjourney-proxy has no job with this id.")
    proxy.fail(503, times=math.inf)
    jobid = harness.useapi.add_job(prompt="a boat", duration=30)
    assert "Watching" in await harness.job(harness.mira, jobid), "the other provider is not asked"


@only_long
async def test_calls_that_are_late_or_repeated_bring_one_result_and_few_polls(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    port = free_port()
    await harness.restart(public_url=f"http://127.0.0.1:{port}", webhook_port=port)
    echoed = {"notifyHook": harness.bot.settings.callback_url(PROXY)}
    jobid = proxy.add_job(prompt="a tower", duration=45, echoed=echoed)
    await harness.job(harness.mira, jobid)
    await harness.wait(46)  # it is over, and its next poll is due after 52 s at the earliest

    def polls() -> int:
        return sum(fnmatchcase(request.path, proxy.polls) for request in proxy.requests)

    before = polls()
    for ago in (0, 25, 10, 0, 40, 0):
        assert await proxy.call(jobid, ago=ago) == 200
    await harness.wait(1)
    (post,) = harness.posts()
    assert "U1" in str(labels(post)), "the end, though the newest calls but one are about a running job"
    for ago in (10, 0, 25):
        assert await proxy.call(jobid, ago=ago) == 200
    await harness.wait(120)
    assert harness.posts() == [post]
    assert 1 <= polls() - before <= 2


async def test_a_server_that_forgot_its_jobs_ends_them_with_a_sentence_and_is_left_alone(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    await harness.job(harness.mira, proxy.add_job(prompt="a tower", ends="silent"))
    await harness.wait(60)
    proxy.restart()
    await harness.wait(2 * 3600)
    (post,) = harness.posts()
    assert words(post).endswith("midjourney-proxy no longer keeps this job.")
    proxy.requests.clear()
    await harness.wait(1800)
    assert proxy.requests == []


@only_long
async def test_a_form_that_nobody_submits_ends_with_a_sentence(harness: BotHarness, proxy: FakeMidjourneyProxy) -> None:
    jobid = proxy.wait_for_form(proxy.add_job(prompt="a tower", age=600), "Custom Zoom")
    assert "Watching" in await harness.job(harness.mira, jobid)
    await harness.wait(1200)
    assert words(harness.last).endswith("Midjourney could not finish this job. Reason: Form not submitted")
    proxy.requests.clear()
    await harness.wait(1800)
    assert proxy.requests == []
    assert not proxy.charges


async def test_where_the_server_drops_our_reference_a_lost_answer_counts_as_spent_and_nothing_is_sent_again(
    harness: BotHarness, proxy: FakeMidjourneyProxy
) -> None:
    await harness.job(harness.mira, proxy.add_job(prompt="a tower", duration=30))
    await harness.wait(90)
    proxy.plan(state=None)
    proxy.fail("made_500", path=proxy.submissions)
    grid = harness.last
    pressed = await harness.mira.click(grid, custom_id=button(grid, "U1").custom_id)
    await harness.wait(600)
    assert "no job was found for this button. It may have been charged all the same." in private(pressed).content
    again = await harness.press(harness.mira, grid, "U1")
    assert "This was pressed before" in again.content
    assert list(proxy.charges.values()) == [1]


async def test_no_post_and_no_log_shows_the_payer_an_id_or_our_callback_address(
    harness: BotHarness, proxy: FakeMidjourneyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    port = free_port()
    await harness.restart(public_url=f"http://127.0.0.1:{port}", webhook_port=port)
    hook = harness.bot.settings.callback_url(PROXY)
    proxy.fail(500, times=math.inf, path="/attachments/*")  # so that a post may be tempted to link the file
    jobid = proxy.add_job(prompt="a tower", duration=30, echoed={"notifyHook": hook})
    await harness.job(harness.mira, jobid)
    await harness.wait(90)
    assert "The picture could not be fetched." in words(harness.last)
    await harness.press(harness.mira, harness.last, "V1")
    await harness.wait(90)
    assert len(proxy.jobids) == 2
    body = json.dumps(await fetched(proxy, jobid))
    secrets = (*proxy.jobids, ACCOUNT, CHANNEL, "192.0.2.10", "u1234567890", hook.rpartition("/")[2])
    assert [secret for secret in secrets[2:] if secret not in body] == [], "the server gives it all out"
    assert [secret for secret in secrets if secret in harness.sent() or secret in caplog.text] == []


async def fetched(proxy: FakeMidjourneyProxy, jobid: str) -> object:
    """The task as the server describes it."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": "demo-token"}) as session,
        session.get(f"{proxy.url}/mj/task/{jobid}/fetch") as answer,
    ):
        return await answer.json()
