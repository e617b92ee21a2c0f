"""A provider calls when a job has news; polling goes on, and nobody is believed."""

import asyncio
import gzip
import logging
from typing import Any

import aiohttp
import pytest
from discord.ext import commands
from simcord.builders import ChannelHandle

from bot.demo.midjourney_proxy import NODE
from bot.models import ProviderName
from tests.conftest import only_long
from tests.database import damage
from tests.journeys.conftest import BotHarness, either_provider, labels, words
from tests.ports import free_port

CASTLE = "a castle in the fog, ink wash"


def url_of(harness: BotHarness) -> str:
    """Where the provider calls the bot."""
    return harness.bot.settings.callback_url(harness.provider.name)


@pytest.fixture
async def called(harness: BotHarness) -> BotHarness:
    """A bot that may be called."""
    port = free_port()
    await harness.restart(public_url=f"http://127.0.0.1:{port}/darkroom", webhook_port=port)
    return harness


def thread_in(harness: BotHarness, channel: Any) -> ChannelHandle:
    thread = harness.env.backend.create_thread(channel.id, "sketches", harness.bo.id, broadcast=False)
    return ChannelHandle(harness.env, harness.guild, thread)


async def send(url: str, body: Any, *, method: str = "POST", **more: Any) -> int:
    data = body if isinstance(body, bytes | str) else None
    async with aiohttp.ClientSession() as session:
        request = session.request(method, url, data=data, json=None if data is not None else body, **more)
        async with request as response:
            return response.status


def made_elsewhere(harness: BotHarness) -> str:
    """A job that is over and names our lounge, though nobody here asked for it."""
    return harness.useapi.add_job(
        prompt=CASTLE,
        age=600,
        replyUrl=url_of(harness),
        replyRef=f"discord:{harness.lounge.id}",
    )


@either_provider
async def test_a_call_brings_the_job_of_a_press_that_was_given_up(called: BotHarness) -> None:
    await called.job(called.mira, called.provider.add_job(prompt=CASTLE, age=600))
    called.provider.plan(duration=7, listed_after=10_000)
    called.provider.fail("made_reset", path=called.provider.submissions)
    await called.press(called.mira, called.last, "V2")
    await called.wait(200)
    assert await called.rows("SELECT state FROM submissions") == [("lost",)]
    assert await called.provider.call(called.provider.jobids[-1]) == 200
    await called.wait(1)
    assert await called.rows("SELECT state FROM submissions") == [("accepted",)]
    assert "**V2** of " in words(called.last)
    assert len(called.provider.submitted()) == 1


@either_provider
async def test_a_press_is_shown_as_soon_as_the_provider_knows_of_its_end(called: BotHarness) -> None:
    await called.job(called.mira, called.provider.add_job(prompt=CASTLE, age=600))
    called.provider.plan(duration=7)
    await called.press(called.mira, called.last, "V2")
    press = await called.provider.wait_for_request(path=called.provider.submissions)
    assert press.json[called.provider.webhook] == url_of(called)
    child = called.provider.jobids[-1]
    await called.wait(7)
    assert len(called.posts()) == 1
    assert await called.provider.call(child) == 200
    await called.wait(0.1)
    assert words(called.last).startswith("**V2** of ")
    assert called.last.attachments
    assert called.polls(child) == 1


@either_provider
async def test_a_call_that_comes_before_the_press_is_answered_is_not_forgotten(called: BotHarness) -> None:
    await called.job(called.mira, called.provider.add_job(prompt=CASTLE, age=600))
    called.provider.calls()
    called.provider.plan(duration=0)
    await called.press(called.mira, called.last, "U1")
    await called.wait(0.2)
    assert words(called.last).startswith("**U1** of "), "not at the first look, 12 s later"


async def test_while_jobs_cannot_be_read_a_call_is_503_and_a_member_gets_a_sentence(called: BotHarness) -> None:
    jobid = called.useapi.add_job(prompt=CASTLE, age=600)
    called.env.inject_error("POST", f"/channels/{called.channel.id}/messages", status=503, times=1)
    await called.job(called.mira, jobid)
    await damage(called.bot.store.database, called.folder, "jobs")
    assert await send(url_of(called), {"jobid": jobid}) == 503
    assert await called.job(called.bo, jobid) == "My database can't be read right now. Please tell this server's admin."
    await called.wait(60)
    assert called.posts() == []
    assert await called.rows("SELECT attempts, error FROM deliveries") == [(2, "it cannot be read")]


@either_provider
async def test_calls_in_a_row_share_one_poll_and_news_under_way_is_not_missed(called: BotHarness) -> None:
    jobid = called.provider.add_job(prompt=CASTLE, echoed={called.provider.webhook: url_of(called)}, duration=300)
    await called.job(called.mira, jobid)
    before = called.polls(jobid)
    for _ in range(20):
        assert await called.provider.call(jobid) == 200
    await called.wait(0.1)
    assert called.polls(jobid) - before == 1
    await called.wait(2.1)
    assert called.polls(jobid) - before <= 2
    for _ in range(3):
        await called.wait(2.1)
        await called.provider.call(jobid)
    await called.wait(0.1)
    assert called.polls(jobid) - before <= 6


@either_provider
async def test_equal_bodies_within_half_a_minute_count_once_and_any_other_at_once(called: BotHarness) -> None:
    await called.restart(poll_seconds=300)
    jobid = called.provider.add_job(prompt=CASTLE, duration=600)
    await called.job(called.mira, jobid)
    await called.wait(3)
    body = {"id": jobid, "jobid": jobid, "progress": "10%"}
    before = called.polls(jobid)
    for _ in range(4):
        assert await send(url_of(called), body) == 200
        await called.wait(4)
    assert called.polls(jobid) - before == 1
    assert await send(url_of(called), {**body, "progress": "11%"}) == 200
    await called.wait(4)
    assert called.polls(jobid) - before == 2
    await called.wait(15)
    assert await send(url_of(called), body) == 200
    await called.wait(1)
    assert called.polls(jobid) - before == 3, "35 s after the first"


@only_long
@pytest.mark.parametrize(("provider", "dialect"), [(ProviderName.MIDJOURNEY_PROXY, NODE)], ids=["node"])
async def test_hundreds_of_calls_a_minute_about_one_job_are_a_poll_every_two_seconds(called: BotHarness) -> None:
    """As many as a real server was seen to send, each with the whole task."""
    jobid = called.provider.add_job(prompt=CASTLE, duration=90)
    await called.job(called.mira, jobid)
    before = called.polls(jobid)
    for burst in range(14):
        async with aiohttp.ClientSession() as session:
            for number in range(49):  # 686 in all
                body = {"id": jobid, "status": "IN_PROGRESS", "progress": f"{burst * 7 + number // 7}%"}
                async with session.post(url_of(called), json=body) as response:
                    assert response.status == 200
        await called.wait(60 / 14)
    assert called.polls(jobid) - before <= 31
    await called.wait(60)
    assert [bool(post.attachments) for post in called.posts()] == [True]


async def test_a_job_made_elsewhere_that_names_its_channel_is_followed_there_by_itself(called: BotHarness) -> None:
    jobid = called.useapi.add_job(
        prompt=CASTLE,
        replyUrl=url_of(called),
        duration=60,
        replyRef=f"discord:{called.lounge.id}",
    )
    assert await called.useapi.call(jobid) == 200
    await called.wait(1)
    (status_card,) = called.posts(called.lounge)
    assert words(status_card).startswith(f"**Imagine**\n> {CASTLE}")
    assert status_card.embeds[0].footer.text is None, "nobody in particular waits"
    await called.wait(60)
    await called.useapi.call(jobid)
    await called.wait(0.2)
    (result,) = called.posts(called.lounge)
    assert result.attachments
    assert "<@" not in result.content
    assert str(result.embeds[0].footer.text).startswith("fast · 1 min · #")
    for _ in range(3):
        await called.useapi.call(jobid)
        await called.wait(40)
    assert len(called.posts(called.lounge)) == 1, "it is told once, however often useapi calls"
    assert called.posts() == []


@only_long
async def test_who_joins_a_job_that_nobody_brought_is_notified_and_no_more(called: BotHarness) -> None:
    jobid = called.useapi.add_job(
        prompt=CASTLE,
        replyUrl=url_of(called),
        duration=100,
        replyRef=f"discord:{called.channel.id}",
    )
    await called.useapi.call(jobid)
    await called.wait(1)
    await called.press(called.bo, called.last, "🔔 Notify me")
    await called.wait(6)
    assert called.posts()[0].embeds[0].footer.text == "Notifying Bo"
    await called.wait(120)
    assert called.called() == {called.bo.id}
    answer = await called.press(called.bo, called.last, "⋯")
    assert "Show job ID" not in str(labels(answer)), "it holds the payer's number; whoever brought the job knows it"


@only_long
async def test_a_moderators_stop_counts_for_a_job_that_came_by_itself(called: BotHarness) -> None:
    jobid = called.useapi.add_job(
        prompt=CASTLE,
        replyUrl=url_of(called),
        duration=100,
        replyRef=f"discord:{called.channel.id}",
    )
    await called.useapi.call(jobid)
    await called.wait(1)
    question = await called.press(called.mira, called.last, "Stop")
    await called.press(called.mira, question, "Stop watching for everyone")
    await called.wait(40)
    await called.useapi.call(jobid)
    await called.wait(120)
    assert len(called.posts()) == 1
    assert called.last.content == "-# No longer watching Imagine here."


async def test_why_a_job_that_nobody_brought_was_declined_is_for_moderators(called: BotHarness) -> None:
    jobid = called.useapi.add_job(prompt=CASTLE, age=600, ends="moderated", replyRef=f"discord:{called.lounge.id}")
    assert await send(url_of(called), {"jobid": jobid}) == 200
    await called.wait(1)
    (declined,) = called.posts(called.lounge)
    assert "Only whoever" in words(await called.press(called.bo, declined, "Why?"))
    assert "Only whoever" not in words(await called.press(called.mira, declined, "Why?"))


@only_long
async def test_a_job_that_names_no_channel_of_ours_is_not_shown(
    called: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    for ref in ("discord:123456789012345678", "discord:", "discord:1 OR 1", "", "discord:٣٣٣٣٣٣٣٣٣٣٣٣٣٣٣٣"):
        jobid = called.useapi.add_job(prompt=CASTLE, age=600, replyUrl=url_of(called), replyRef=ref)
        for _ in range(3):
            assert await called.useapi.call(jobid) == 200
            await called.wait(1)
        assert called.posts() == []
        assert called.polls(jobid) == 1, "one question, whoever calls how often"
        assert jobid not in caplog.text


@only_long
async def test_a_channel_that_cannot_be_disturbs_nobody(called: BotHarness) -> None:
    reply: dict[str, Any] = {"replyUrl": url_of(called), "duration": 3000}
    odd = called.useapi.add_job(**reply, replyRef="discord:99999999999999999999")
    await called.job(called.mira, odd)
    assert await called.useapi.call(odd) == 200
    called.useapi.add_job(**reply, replyRef=f"discord:{called.lounge.id}")
    await called.restart()
    await called.wait(30)
    assert called.posts(called.lounge), "the other one is found at the start"


async def test_a_job_may_name_a_thread(called: BotHarness) -> None:
    thread = thread_in(called, called.lounge)
    jobid = called.useapi.add_job(prompt=CASTLE, age=600, replyRef=f"discord:{thread.id}")
    assert await send(url_of(called), {"jobid": jobid}) == 200
    await called.wait(1)
    assert called.posts(thread)[-1].attachments


async def test_where_nothing_can_be_posted_nothing_is_promised(
    called: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    locked, thread = thread_in(called, called.lounge), thread_in(called, called.channel)
    called.env.backend.channels[locked.id].thread_metadata.locked = True
    called.forbid(None, "manage_threads", channel=called.lounge)
    called.forbid(None, "send_messages_in_threads")
    quiet = called.guild.create_text_channel("quiet")
    called.forbid(None, "send_messages", channel=quiet)
    for destination, why in (
        (called.guild.create_forum_channel("ideas"), "messages can't be sent in it"),
        (called.guild.create_category("rooms"), "messages can't be sent in it"),
        (locked, "it is locked"),
        (thread, "I lack Send Messages in Threads there"),
        (quiet, "I lack Send Messages there"),
    ):
        jobid = called.useapi.add_job(prompt=CASTLE, age=600, replyRef=f"discord:{destination.id}")
        assert await send(url_of(called), {"jobid": jobid}) == 200
        await called.wait(1)
        assert f"in the channel {destination.id} that it names: {why}" in caplog.text
    assert await called.rows("SELECT * FROM deliveries") == []


async def test_only_listed_servers_are_shown_anything(called: BotHarness, caplog: pytest.LogCaptureFixture) -> None:
    await called.restart(allowed_guilds=frozenset({called.guild.id + 1}))
    jobid = made_elsewhere(called)
    assert await called.useapi.call(jobid) == 200
    await called.wait(1)
    assert called.posts(called.lounge) == []
    assert f"channel {called.lounge.id} that it names: its server is not listed" in caplog.text


async def test_what_a_call_says_is_never_believed(called: BotHarness) -> None:
    jobid = called.useapi.add_job(prompt=CASTLE, duration=300)
    await called.job(called.mira, jobid)
    forged = {
        "jobid": jobid,
        "status": "completed",
        "prompt": "@everyone",
        "replyRef": f"discord:{called.lounge.id}",
        "attachments": [{"url": f"{called.useapi.origin}/files/evil.png"}],
    }
    assert await send(url_of(called), forged) == 200
    await called.wait(5)
    assert len(called.posts()) == 1, "the card of a running job"
    assert called.posts(called.lounge) == []
    assert "everyone" not in words(called.last)


async def test_whoever_does_not_know_the_address_learns_and_causes_nothing(
    called: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = url_of(called)
    jobid = called.useapi.add_job(prompt=CASTLE)
    good = {"jobid": jobid}
    before = len(called.useapi.requests)
    for wrong in (url[:-1] + ("1" if url.endswith("0") else "0"), url + "0", url[:-1], f"{url}/"):
        assert await send(wrong, good) == 404
    assert await send(url.rpartition("/")[0] + "/%F0%9F%8F%B0", good) == 404
    assert await send(url, None, method="GET") == 405
    assert await send(url, b"x" * 65_537) == 413
    assert await send(url, b"[" * 60_000) == 400
    for nonsense in (b"", b"null", b"[]", b'{"jobid": 5}', b'{"jobid": ""}', b"\xff\xfe", {"jobid": "x" * 300}):
        assert await send(url, nonsense) == 400
    bomb = gzip.compress(b" " * 10_000_000 + b"{}")
    assert await send(url, bomb, headers={"Content-Encoding": "gzip"}) == 413
    assert len(called.useapi.requests) == before
    assert await send(url, good) == 200


async def raw(harness: BotHarness, request: bytes) -> bytes:
    reader, builder = await asyncio.open_connection("127.0.0.1", harness.settings["webhook_port"])
    builder.write(request)
    status = await reader.readline()
    builder.close()
    return status


async def test_requests_that_make_no_sense_fill_no_log(called: BotHarness, caplog: pytest.LogCaptureFixture) -> None:
    path = url_of(called).partition(str(called.settings["webhook_port"]))[2].encode()
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    for nonsense in (
        b"\x16\x03\x01\x02\r\n\r\n",
        b"POST /useapi/\xff HTTP/1.1\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n{}",
        head + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        head + b"Content-Encoding: gzip\r\n\r\n{}",
    ):
        assert b" 400 " in await raw(called, nonsense), nonsense[:60]
    records = [record for record in caplog.get_records("call") if "web" in record.name or "aiohttp" in record.name]
    assert [record for record in records if record.levelno > logging.DEBUG or record.exc_info] == []


@only_long
async def test_connections_that_stay_open_keep_no_call_out_and_use_up_no_files(called: BotHarness) -> None:
    connections = [await asyncio.open_connection("127.0.0.1", called.settings["webhook_port"]) for _ in range(250)]
    try:
        async with asyncio.timeout(5):
            assert [await reader.read() for reader, _ in connections[:150]] == [b""] * 150, "the oldest go"
        assert await called.useapi.call(called.useapi.add_job(replyUrl=url_of(called))) == 200
    finally:
        for _, builder in connections:
            builder.close()


@only_long
async def test_a_flood_of_calls_about_unknown_jobs_is_a_trickle_at_useapi(called: BotHarness) -> None:
    url = url_of(called)
    before = len(called.useapi.requests)
    for number in range(80):
        assert await send(url, {"jobid": f"job:{number}"}) == 200
    await called.wait(1)
    assert 25 <= len(called.useapi.requests) - before <= 35
    jobid = called.useapi.add_job(prompt=CASTLE, replyUrl=url, replyRef=f"discord:{called.lounge.id}", age=600)
    assert await send(url, {"jobid": jobid}) == 200
    await called.wait(4)
    assert called.posts(called.lounge) == [], "one too many just then"
    assert await send(url, {"jobid": jobid}) == 200
    await called.wait(1)
    assert called.posts(called.lounge)[-1].attachments, "the first call was not acted on, so the repeat is"


@only_long
async def test_jobs_that_came_by_themselves_cost_nothing_more_and_leave_room_for_new_ones(called: BotHarness) -> None:
    await called.restart(poll_seconds=300)  # they are polled now and then only
    url = url_of(called)
    many = [
        called.useapi.add_job(prompt=CASTLE, duration=900, replyRef=f"discord:{called.lounge.id}") for _ in range(12)
    ]
    for _ in range(2):
        for jobid in many:
            await send(url, {"jobid": jobid})
        await called.wait(60)
    for jobid in many:
        await send(url, {"jobid": jobid})
    requests = sum(call.path == f"/channels/{called.lounge.id}" for call in called.env.http_requests)
    jobid = called.useapi.add_job(prompt=CASTLE, age=600, replyRef=f"discord:{called.channel.id}")
    await send(url, {"jobid": jobid})
    await called.wait(1)
    assert called.last.attachments
    assert requests == 2 * len(many)


@only_long
async def test_a_job_that_is_known_here_and_named_another_channel_meanwhile_is_found_at_the_start(
    called: BotHarness,
) -> None:
    jobid = called.useapi.add_job(prompt=CASTLE, replyRef=f"discord:{called.lounge.id}", duration=100)
    await called.job(called.mira, jobid)
    await called.restart(away=10)
    await called.wait(120)
    assert called.posts(called.lounge)[-1].attachments
    assert called.last.attachments, "and where Mira asked"


@only_long
async def test_jobs_that_named_a_channel_while_the_bot_was_away_are_found_at_the_start(called: BotHarness) -> None:
    called.useapi.add_job(prompt=CASTLE, replyRef=f"discord:{called.lounge.id}", duration=100)
    called.useapi.add_job(prompt=CASTLE, duration=100)
    await called.restart(away=10)
    await called.wait(1)
    assert [words(status_card).splitlines()[0] for status_card in called.posts(called.lounge)] == ["**Imagine**"]
    await called.wait(120)
    assert called.posts(called.lounge)[-1].attachments, "by polling alone, if nobody calls"


async def test_a_call_while_the_bot_shuts_down_is_refused_instead_of_answered_and_lost(called: BotHarness) -> None:
    class Late(commands.Cog):
        """Unloaded when the bot shuts down, after the loops: the moment at which the call comes."""

        answer: int | None = None

        async def cog_unload(self) -> None:
            self.answer = await called.useapi.call(jobid)

    jobid, late = made_elsewhere(called), Late()
    await called.bot.add_cog(late)
    await called.restart()
    assert late.answer == 0, "no connection, so the caller can call again"
    assert await called.useapi.call(jobid) == 200
    await called.wait(2)
    assert called.posts(called.lounge)[-1].attachments


async def test_a_call_that_was_answered_just_before_the_bot_shuts_down_is_acted_on(called: BotHarness) -> None:
    jobid = made_elsewhere(called)
    assert await called.useapi.call(jobid) == 200
    await called._life.aclose()
    await called.restart()
    await called.wait(2)
    assert called.posts(called.lounge)[-1].attachments, "the job is over, so nothing but the call names it"


async def test_useapi_in_trouble_is_asked_again_about_a_job_that_names_its_channel(called: BotHarness) -> None:
    jobid = made_elsewhere(called)
    called.useapi.fail(500, times=2, path="/v2/jobs/")
    assert await called.useapi.call(jobid) == 200
    await called.wait(25)
    assert called.posts(called.lounge)[-1].attachments


async def test_a_database_that_cannot_be_written_just_now_loses_no_job_that_names_its_channel(
    called: BotHarness,
) -> None:
    jobid = made_elsewhere(called)
    connection = called.bot.store.database._connection
    await connection.execute("PRAGMA query_only = ON")
    assert await called.useapi.call(jobid) == 200
    await called.wait(4)
    await connection.execute("PRAGMA query_only = OFF")
    await called.wait(5)
    assert called.posts(called.lounge)[-1].attachments


async def test_a_job_that_useapi_does_not_know_yet_when_it_calls_is_asked_about_again(called: BotHarness) -> None:
    jobid = made_elsewhere(called)
    called.useapi.fail(404, times=2, path="/v2/jobs/")
    assert await called.useapi.call(jobid) == 200
    await called.wait(21)
    assert called.posts(called.lounge)[-1].attachments, "although it never calls again"
    await send(url_of(called), {"jobid": "job:none"})
    await called.wait(600)
    assert called.polls("job:none") == 3


@either_provider
async def test_a_bot_that_may_not_be_called_sends_no_address(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.provider.add_job(prompt=CASTLE, age=600))
    await harness.press(harness.mira, harness.last, "V1")
    press = await harness.provider.wait_for_request(path=harness.provider.submissions)
    assert harness.provider.webhook not in press.json
