"""Discord in trouble: what was promised is posted once, as whole as Discord allows, or its failure is written down."""

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import discord
import msgspec
import pytest

from bot.models import Destination, Job, Person, Status
from bot.models.provider import ProviderName
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, words

MESSAGES = "/channels/*/messages"
MINUTE = 60
UNKNOWN_CODE = 987654


def in_soak(*values: Any) -> list[Any]:
    """Values of which another one is in `make test`; test_retry_policy says that they mean the same."""
    return [
        pytest.param(*value, marks=only_long) if isinstance(value, tuple) else pytest.param(value, marks=only_long)
        for value in values
    ]


def sends(harness: BotHarness) -> int:
    """How often the bot tried to post a message in the server's channels."""
    paths = {f"/channels/{channel.id}/messages" for channel in (harness.channel, harness.lounge)}
    return sum(request.method == "POST" and request.path in paths for request in harness.env.http_requests)


def refuse(harness: BotHarness, status: int, code: int = 0, *, times: int | None = 1, method: str = "POST") -> None:
    path = MESSAGES if method == "POST" else f"{MESSAGES}/*"
    harness.env.inject_error(method, path, status=status, code=code, times=times)


def recover(harness: BotHarness) -> None:
    harness.env.backend.faults.clear()


async def over(harness: BotHarness) -> None:
    """A job that is over is asked for: the result is to be posted now."""
    assert (
        await harness.job(harness.mira, harness.useapi.add_job(age=600))
        == "This job has already finished. Posting it here."
    )


# --- for a while ------------------------------------------------------------------------------------------------------


async def test_a_discord_that_fails_some_times_gets_the_post_once(harness: BotHarness) -> None:
    for number, status in enumerate((500, 502, 503, 504), 1):
        refuse(harness, status, times=3)
        await over(harness)
        await harness.wait(2 * MINUTE)
        assert harness.last.attachments, "whole, because nothing was wrong with it"
        assert len(harness.posts()) == number, status
        assert sends(harness) == 4 * number, status


async def test_a_try_that_falls_due_between_two_readings_of_the_clock_is_made_at_once(harness: BotHarness) -> None:
    refuse(harness, 503, times=3)
    await over(harness)
    ((due,),) = await harness.rows("SELECT next_try FROM deliveries")
    early: list[datetime] = []

    def clock() -> datetime:
        now = discord.utils.utcnow()
        if now.timestamp() >= due and len(early) < 2:  # the loop looks at the clock, and then at what is due
            early.append(datetime.fromtimestamp(due - 0.001, UTC))
            return early[-1]
        return now

    harness.bot.store.clock.now = harness.bot.dispatcher._now = clock
    await harness.wait(MINUTE)
    assert early
    assert harness.last.attachments


@only_long
async def test_an_hour_without_discord_costs_few_requests_and_loses_nothing(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    jobid = harness.useapi.add_job(duration=60)
    await harness.job(harness.mira, jobid)
    refuse(harness, 503, times=None)
    refuse(harness, 503, times=None, method="PATCH")
    refuse(harness, 503, times=None, method="DELETE")
    await harness.wait(60 * MINUTE)
    assert sends(harness) < 36
    recover(harness)
    await harness.wait(6 * MINUTE)
    (result,) = harness.posts()
    assert result.attachments


async def test_an_answer_that_never_came_is_settled_by_the_history_not_by_a_second_post(harness: BotHarness) -> None:
    request = harness.bot.http.request
    lost: list[Any] = []

    async def cut_off(route: Any, **options: Any) -> Any:
        answer = await request(route, **options)
        if route.method == "POST" and len(lost) < 2:
            lost.append(route)
            raise aiohttp.ServerDisconnectedError
        return answer

    harness.bot.http.request = cut_off  # type: ignore[method-assign]  # the wire is cut, not our code
    await harness.job(harness.mira, harness.useapi.add_job(duration=30))
    await harness.wait(5 * MINUTE)
    (result,) = harness.posts()
    assert len(lost) == 2
    assert result.attachments


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (429, 0), *in_soak((403, 0), (404, 10003), (401, 0))])
async def test_a_refused_history_does_not_make_an_unanswered_post_an_unsent_one(
    harness: BotHarness, status: int, code: int
) -> None:
    request = harness.bot.http.request

    async def cut_off(route: Any, **options: Any) -> Any:
        answer = await request(route, **options)
        if route.method == "POST":
            harness.bot.http.request = request  # type: ignore[method-assign]  # as below
            raise aiohttp.ServerDisconnectedError
        return answer

    harness.bot.http.request = cut_off  # type: ignore[method-assign]  # the wire is cut, not our code
    harness.env.inject_error("GET", MESSAGES, status=status, code=code)
    await over(harness)
    await harness.wait(10 * MINUTE)
    assert len(harness.posts()) == 1
    assert sends(harness) == 1


@only_long
@pytest.mark.parametrize(
    ("status", "code"), [(403, 50013), *in_soak((404, 0), (400, UNKNOWN_CODE))]
)  # one of each kind
async def test_a_status_card_whose_answer_was_lost_and_whose_history_is_refused_once_goes_in_the_end(
    harness: BotHarness, status: int, code: int
) -> None:
    request = harness.bot.http.request

    async def cut_off(route: Any, **options: Any) -> Any:
        answer = await request(route, **options)
        if route.method == "POST":
            harness.bot.http.request = request  # type: ignore[method-assign]  # as below
            raise aiohttp.ServerDisconnectedError
        return answer

    harness.bot.http.request = cut_off  # type: ignore[method-assign]  # the wire is cut, not our code
    harness.env.inject_error("GET", MESSAGES, status=status, code=code)
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    await harness.wait(5 * MINUTE)
    (result,) = harness.posts()
    assert result.attachments


@pytest.mark.parametrize(("status", "pause"), [(429, 5 * MINUTE), (401, MINUTE)], ids=["too many", "token refused"])
async def test_a_refusal_of_the_whole_bot_pauses_every_channel(harness: BotHarness, status: int, pause: int) -> None:
    refuse(harness, status)
    await over(harness)
    await harness.job(harness.bo, harness.useapi.add_job(age=600), harness.lounge)
    tried = sends(harness)
    await harness.wait(pause - 5)
    assert sends(harness) == tried
    await harness.wait(10)
    assert harness.last.attachments
    assert harness.posts(harness.lounge)[0].attachments


async def owed(harness: BotHarness, *channels: Any) -> None:
    """Results without a picture are to be posted in these channels, all of them from the same moment on."""
    for number, channel in enumerate(channels):
        destination = Destination(guild_id=harness.guild.id, channel_id=channel.id)
        job = Job(jobid=f"job:{number}", verb="imagine", status=Status.FAILED)
        await harness.bot.store.subscriptions.add(job, destination, Person(id=harness.mira.id, name="Mira"))
    await harness.bot.store.database.transaction(lambda db: db.execute("UPDATE deliveries SET next_try = 0"))
    harness.bot.deliver_soon()
    await harness.wait(5)


async def test_a_lesser_refusal_right_behind_it_does_not_shorten_the_pause(harness: BotHarness) -> None:
    for channel, status in ((harness.channel, 429), (harness.lounge, 401)):
        harness.env.inject_error("POST", f"/channels/{channel.id}/messages", status=status)
    await owed(harness, harness.channel, harness.lounge)
    await harness.wait(5 * MINUTE - 10)
    assert sends(harness) == 2, "the second was on its way when the first was refused"
    await harness.wait(10)
    assert len(harness.posts()) == len(harness.posts(harness.lounge)) == 1


async def test_a_refusal_of_the_whole_bot_ends_what_other_channels_are_being_sent(harness: BotHarness) -> None:
    harness.env.inject_error("POST", f"/channels/{harness.channel.id}/messages", status=429)
    await owed(harness, harness.channel, harness.lounge, harness.lounge, harness.lounge)
    assert len(harness.posts(harness.lounge)) == 1, "which was on its way"
    await harness.wait(5 * MINUTE)
    assert len(harness.posts(harness.lounge)) == 3
    assert len(harness.posts()) == 1


@only_long
async def test_a_pause_that_discord_orders_on_an_edit_delays_the_posts_too(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=300))
    refuse(harness, 429, method="PATCH", times=None)
    await harness.wait(2 * MINUTE)
    edits = [request for request in harness.env.http_requests if request.method == "PATCH"]
    assert sum(request.path.startswith("/channels/") for request in edits) == 1
    recover(harness)
    await harness.wait(10 * MINUTE)
    assert harness.last.attachments


async def test_a_picture_that_was_late_comes_though_the_answer_to_its_post_was_lost(harness: BotHarness) -> None:
    request = harness.bot.http.request

    async def cut_off(route: Any, **options: Any) -> Any:
        answer = await request(route, **options)
        if route.method == "POST":
            harness.bot.http.request = request  # type: ignore[method-assign]  # as below
            raise aiohttp.ServerDisconnectedError
        return answer

    harness.bot.http.request = cut_off  # type: ignore[method-assign]  # the wire is cut, not our code
    harness.useapi.fail(503, path="/attachments/*")
    await over(harness)
    await harness.wait(MINUTE)
    (post,) = harness.posts()
    assert len(post.attachments) == 1, "a link to the picture is not the picture"


async def test_a_folder_that_was_tidied_away_is_made_again(harness: BotHarness) -> None:
    on_their_way = harness.folder / "tmp"
    on_their_way.rmdir()
    await over(harness)
    assert harness.last.attachments
    assert not list(on_their_way.iterdir()), "nothing stays behind"


@pytest.mark.parametrize(("status", "code"), [(403, 50001), *in_soak((429, 30046))])
async def test_a_status_card_that_cannot_be_deleted_for_a_while_is_deleted_later(
    harness: BotHarness, status: int, code: int
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    refuse(harness, status, code, times=None, method="DELETE")
    await harness.wait(10 * MINUTE)
    status_card, result = harness.posts()
    assert status_card.embeds
    assert [request.method for request in harness.env.http_requests].count("DELETE") < 12
    recover(harness)
    await harness.restart()
    await harness.wait(3 * MINUTE)
    assert harness.posts() == [result]


@only_long
async def test_the_status_card_of_a_result_that_cannot_be_posted_says_how_the_job_ended(harness: BotHarness) -> None:
    """`/darkroom status` then posts the result after all, and the card goes like any other."""
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a castle", duration=60))
    refuse(harness, 403, 50001, times=None)
    await harness.wait(40 * MINUTE)
    (status_card,) = harness.posts()
    assert words(status_card) == "-# ✓ Imagine · castle, 1 min"
    recover(harness)
    assert await harness.bot.store.deliveries.rearm(harness.guild.id) == 1
    harness.bot.deliver_soon()
    await harness.wait(10)
    (result,) = harness.posts()
    assert result.attachments


# --- because of what it is --------------------------------------------------------------------------------------------


TOO_LARGE = "The picture is too large to attach here."


async def test_a_file_that_discord_does_not_take_is_linked_privately(harness: BotHarness) -> None:
    refusals = [
        (403, 50013, "The picture could not be attached here."),
        (413, 40005, TOO_LARGE),
        (413, 0, TOO_LARGE),
        (400, 40005, TOO_LARGE),
        (400, 50045, TOO_LARGE),
        (400, 20009, "Discord's filter for explicit content refused the picture."),
        (403, 400001, "Discord has limited file uploads in this server."),
        (400, 50046, "Discord did not accept the file."),
        (400, UNKNOWN_CODE, "The picture could not be attached here."),
    ]
    for status, code, why in refusals:
        refuse(harness, status, code)
        await over(harness)
        is_without_a_public_link(harness.last, why)
        await harness.wait(10)  # /job has a cooldown
    assert len(harness.posts()) == len(refusals)


def is_without_a_public_link(post: discord.Message, why: str) -> None:
    assert not post.attachments
    assert post.embeds[0].image.url is None, "Midjourney's file names begin with the payer's name"
    assert words(post).splitlines()[-1] == f"-# {why} Whoever added this job finds it in full size under `⋯`."
    assert labels(post)[-1][-1] == "⋯"


WORDS = pytest.mark.parametrize("code", [200000, *in_soak(200001, 240000)])


@WORDS
async def test_words_that_a_filter_refuses_are_left_out_and_the_picture_comes(harness: BotHarness, code: int) -> None:
    refuse(harness, 400, code)
    await over(harness)
    (post,) = harness.posts()
    assert post.attachments
    assert labels(post)[0] == ["U1", "U2", "U3", "U4", "🔄"]
    assert words(post) == "**Imagine**\n\n-# A filter refused the prompt, so it is left out here."
    assert "castle" not in harness.sent(), "not in the file's name nor its description either"
    assert sends(harness) == 2


@only_long
@WORDS
async def test_words_that_are_refused_at_once_are_left_out_of_a_status_card(harness: BotHarness, code: int) -> None:
    refuse(harness, 400, code)
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    assert len(harness.posts()) == 1
    assert "castle" not in harness.sent()
    refuse(harness, 400, code)
    await harness.wait(3 * MINUTE)
    (result,) = harness.posts()
    assert result.attachments
    assert "castle" not in harness.sent()


async def test_words_that_are_refused_in_an_edit_are_left_out_of_the_edit(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    refuse(harness, 400, 200000, method="PATCH")
    await harness.wait(3 * MINUTE)
    (result,) = harness.posts()
    assert "castle" in words(result), "nothing was refused there"


@only_long
async def test_a_message_whose_words_are_refused_to_the_last_is_kept_for_the_admin(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(harness, 400, 240000, times=None)
    await over(harness)
    await harness.wait(60 * MINUTE)
    assert sends(harness) == 3, "whole, without its words, as one line without any link"
    assert "is undeliverable" in caplog.text
    recover(harness)
    await over_again(harness)


@only_long
async def test_a_code_that_is_not_known_reduces_the_post_step_by_step_and_keeps_it(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(harness, 400, UNKNOWN_CODE, times=None)
    await over(harness)
    await harness.wait(60 * MINUTE)
    assert sends(harness) == 4, "whole, without its file, as text, without its words"
    assert "is undeliverable" in caplog.text
    recover(harness)
    await over_again(harness)


async def test_an_embed_that_discord_does_not_take_either_becomes_text(harness: BotHarness) -> None:
    refuse(harness, 403, 50013, times=2)
    await over(harness)
    (post,) = harness.posts()
    assert re.fullmatch(r"-# ✓ Imagine · castle in the fog, \d+ s · #\w{4}", post.content)
    assert not post.embeds
    assert labels(post)[-1][-1] == "⋯"


async def test_a_post_that_discord_calls_malformed_becomes_plain_text_at_once(harness: BotHarness) -> None:
    refuse(harness, 400, 50035)
    await over(harness)
    (post,) = harness.posts()
    assert post.content.startswith("-# ✓ Imagine")
    assert not post.embeds
    assert sends(harness) == 2


async def test_a_reply_that_discord_does_not_allow_becomes_a_post_of_its_own(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=20))
    refuse(harness, 400, 160002)
    await harness.wait(MINUTE)
    assert harness.last.reference is None
    assert harness.last.attachments, "and otherwise whole"


async def test_a_status_card_that_discord_refuses_is_dropped_and_the_picture_comes(harness: BotHarness) -> None:
    for number, (status, code) in enumerate(((400, 50035), (403, 50013), (404, 10003), (413, 0))):
        refuse(harness, status, code, times=None)
        assert (await harness.job(harness.mira, harness.useapi.add_job(duration=20))).startswith("Watching")
        assert len(harness.posts()) == number, (status, code)
        recover(harness)
        await harness.wait(MINUTE)
        assert len(harness.posts()) == number + 1, (status, code)
        assert harness.last.attachments, (status, code)


@only_long
async def test_a_post_that_is_malformed_even_as_text_is_kept_for_the_admin_and_not_repeated(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(harness, 400, 50035, times=None)
    await over(harness)
    await harness.wait(60 * MINUTE)
    assert sends(harness) == 2
    assert "is undeliverable: Discord refuses even plain text" in caplog.text
    recover(harness)
    await over_again(harness)


async def test_a_result_that_is_replaced_during_its_last_send_raises_no_alert(
    harness: BotHarness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    jobid = harness.useapi.add_job(duration=120)
    await harness.job(harness.mira, jobid)
    ((job_id,),) = await harness.rows("SELECT id FROM jobs")
    send, tried = harness.bot.http.send_message, 0

    async def during_the_second(*how: Any, **options: Any) -> Any:
        nonlocal tried
        tried += 1
        if tried == 2:  # the last try: meanwhile Midjourney finishes the job all the same
            known = await harness.bot.store.jobs.get(job_id)
            await harness.bot.store.jobs.record([(job_id, msgspec.structs.replace(known.job, status=Status.COMPLETED))])
        return await send(*how, **options)

    monkeypatch.setattr(harness.bot.http, "send_message", during_the_second)
    refuse(harness, 400, 50035, times=2)
    await harness.bot.providers.of(ProviderName.USEAPI).cancel(jobid)
    await harness.wait(5 * MINUTE)
    assert tried == 3
    assert "cancelled" not in words(harness.last), "the result that took its place stands"
    assert "undeliverable" not in caplog.text
    assert harness.posts(harness.lounge) == []


async def over_again(harness: BotHarness, channel: Any = None) -> None:
    """`/job` by the key puts a delivery that was given up into the outbox anew."""
    channel = channel or harness.channel
    choices = await harness.mira.autocomplete(channel, "job", "jobid", "")
    answer = await harness.job(harness.mira, choices[0]["value"], channel)
    assert answer == "This job has already finished. Posting it here."
    assert harness.posts(channel)[-1].attachments


# --- because the channel is gone --------------------------------------------------------------------------------------

GONE = ((404, 10003), (403, 50001), (403, 50013))


async def gone(harness: BotHarness) -> list[Any]:
    """Three channels, each refused in another way, and a result that is to be posted in each."""
    channels = [harness.channel, harness.lounge, harness.guild.create_text_channel("attic")]
    for channel, (status, code) in zip(channels, GONE, strict=True):
        path = f"/channels/{channel.id}/messages"
        harness.env.inject_error("POST", path, status=status, code=code, times=None)
        answer = await harness.job(harness.mira, harness.useapi.add_job(age=600), channel)
        assert answer == "This job has already finished. Posting it here."
    return channels


@only_long
async def test_channels_that_stay_away_for_half_an_hour_are_given_up(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    channels = await gone(harness)
    await harness.wait(25 * MINUTE)
    assert "undeliverable" not in caplog.text
    await harness.wait(10 * MINUTE)
    assert "is undeliverable: the channel was unavailable for half an hour" in caplog.text
    assert caplog.text.count("is undeliverable") == len(channels)
    tried = len(harness.env.http_requests)
    await harness.wait(15 * MINUTE)
    assert len(harness.env.http_requests) == tried
    recover(harness)
    for channel in channels:
        await over_again(harness, channel)


async def test_channels_that_come_back_in_time_get_the_whole_post(harness: BotHarness) -> None:
    channels = await gone(harness)
    await harness.wait(20 * MINUTE)
    recover(harness)
    await harness.wait(2 * MINUTE)
    for channel in channels:
        (post,) = harness.posts(channel)
        assert post.attachments, channel


@only_long
async def test_rights_that_are_taken_while_somebody_waits_and_given_back_cost_nothing(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    harness.forbid(None, "send_messages")
    await harness.wait(10 * MINUTE)
    assert len(harness.posts()) == 1
    harness.forbid(None)
    await harness.wait(2 * MINUTE)
    assert harness.last.attachments


@only_long
@pytest.mark.parametrize(
    ("status", "code"), [(400, 50083), *in_soak((429, 20016))]
)  # test_retry_policy has the other codes
async def test_a_channel_that_is_closed_for_hours_gets_the_whole_post_when_it_opens(
    harness: BotHarness, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    harness.env.inject_error("POST", f"/channels/{harness.channel.id}/messages", status=status, code=code, times=None)
    await over(harness)
    await harness.wait(60 * MINUTE)  # twice as long as a channel may be away
    assert "undeliverable" not in caplog.text
    assert sends(harness) < 25
    (alert,) = harness.posts(harness.lounge)
    assert alert.content == (
        f"⚠️ Nothing can be posted in <#{harness.channel.id}> for now (HTTP {status}, code {code}): it is archived, "
        "locked or limited, or I am timed out there. Results for it are kept, and posted when that ends."
    )
    recover(harness)
    await harness.wait(6 * MINUTE)
    (post,) = harness.posts()
    assert post.attachments
    assert harness.posts(harness.lounge)[-1].content.startswith("✓ Over: ")


@only_long
async def test_a_bot_that_is_timed_out_by_a_moderator_posts_the_whole_result_when_that_ends(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    backend = harness.env.backend
    me = backend.get_member(harness.guild.id, backend.bot_user.id)
    me.timed_out_until = (harness.env.now() + timedelta(hours=1)).isoformat()
    await harness.wait(55 * MINUTE)
    assert sends(harness) > 5, "simcord refuses what a member in time-out posts"
    assert "undeliverable" not in caplog.text
    assert len(harness.posts()) == 1
    await harness.wait(10 * MINUTE)
    (result,) = harness.posts()
    assert result.attachments


@only_long
async def test_a_block_of_the_whole_bot_is_an_outage_and_gives_up_no_channel(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    for method in ("POST", "PATCH", "DELETE"):
        refuse(harness, 403, 40333, times=None, method=method)
    await harness.wait(60 * MINUTE)
    assert sends(harness) < 30
    assert "undeliverable" not in caplog.text
    recover(harness)
    await harness.wait(6 * MINUTE)
    (result,) = harness.posts()
    assert result.attachments
    assert "castle" in words(result)


async def test_trouble_in_one_channel_does_not_touch_another(harness: BotHarness) -> None:
    harness.env.inject_error("POST", f"/channels/{harness.channel.id}/messages", status=403, code=50001, times=None)
    jobid = harness.useapi.add_job(duration=60)
    await harness.job(harness.mira, jobid)
    await harness.job(harness.bo, jobid, harness.lounge)
    await harness.wait(3 * MINUTE)
    assert harness.posts(harness.lounge)[-1].attachments
    assert not harness.posts()


@only_long
async def test_a_post_that_cannot_be_made_does_not_delay_those_behind_it_for_ever(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(harness, 503, times=None)
    await over(harness)
    await over(harness)
    db = harness.bot.store.database  # a row that no code of ours could have written
    await db.transaction(lambda db: db.execute("UPDATE jobs SET answer = '[]' WHERE id = 1"))
    recover(harness)
    await harness.wait(40 * MINUTE)
    assert len(harness.posts()) == 1
    assert "failed in an unexpected way; it is kept" in caplog.text
    caplog.clear()


def cut_off_what_contains(harness: BotHarness, text: str) -> list[str]:
    """Let every message with this text end in a lost connection before it is stored; returns those that did."""
    request, cut = harness.bot.http.request, list[str]()

    async def cut_off(route: Any, **options: Any) -> Any:
        if route.method == "POST" and text in str(options.get("form") or options.get("json")):
            cut.append(text)
            raise aiohttp.ServerDisconnectedError
        return await request(route, **options)

    harness.bot.http.request = cut_off  # type: ignore[method-assign]  # the wire is cut, not our code
    return cut


@only_long
async def test_a_message_that_fails_while_others_are_posted_is_reduced_until_it_is_taken(harness: BotHarness) -> None:
    cut = cut_off_what_contains(harness, "lighthouse")
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse", age=600))
    for _ in range(4):
        await over(harness)
    await harness.wait(15 * MINUTE)
    *others, last = harness.posts()
    assert len(others) == 4
    assert all(post.attachments for post in others)
    assert re.fullmatch(r"-# ✓ Imagine, [\w ]+ · #\w+", last.content)
    assert len(cut) == 7, "five times whole, without its file, as text; then without its words"


@only_long
async def test_a_message_that_fails_in_every_form_is_an_alert_after_an_hour(harness: BotHarness) -> None:
    await harness.restart(alert_channel=harness.lounge.id)
    request = harness.bot.http.request
    cut_off_what_contains(harness, "lighthouse")
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse", age=600))
    ((nonce,),) = await harness.rows("SELECT nonce FROM deliveries")
    cut_off_what_contains(harness, nonce)  # its buttons hold it, whatever else is left out
    await over(harness)
    await harness.wait(55 * MINUTE)
    assert not harness.posts(harness.lounge)
    await harness.wait(30 * MINUTE)
    (alert,) = harness.posts(harness.lounge)
    assert alert.content == (
        f"⚠️ A message for <#{harness.channel.id}> has failed for more than an hour, while others are posted. It is "
        "kept and retried; the log says why (delivery 1)."
    )
    harness.bot.http.request = request  # type: ignore[method-assign]  # as above
    await harness.wait(6 * MINUTE)
    assert len(harness.posts()) == 2
    assert harness.posts(harness.lounge)[-1].content.startswith("✓ Over: ")


# --- deleted by hand --------------------------------------------------------------------------------------------------


@only_long
async def test_a_status_card_that_was_deleted_by_hand_takes_nothing_with_it(harness: BotHarness) -> None:
    for number, when in enumerate((1, 40), 1):
        await harness.job(harness.mira, harness.useapi.add_job(duration=60))
        await harness.wait(when)
        await harness.mira.delete(harness.last)
        await harness.wait(2 * MINUTE)
        assert len(harness.posts()) == number, when
        assert harness.last.attachments, when


@pytest.mark.parametrize(("status", "code"), [(404, 10008), *in_soak((404, 10003), (404, 10004), (404, 0))])
async def test_a_status_card_that_one_answer_calls_unknown_is_deleted_all_the_same(
    harness: BotHarness, status: int, code: int
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    refuse(harness, status, code, method="DELETE")
    await harness.wait(4 * MINUTE)
    (result,) = harness.posts()
    assert result.attachments


async def test_a_first_send_that_one_answer_calls_posted_and_deleted_is_sent_again(harness: BotHarness) -> None:
    refuse(harness, 404, 10008)
    await over(harness)
    await harness.wait(MINUTE)
    (post,) = harness.posts()
    assert post.attachments


async def test_a_send_after_a_lost_answer_that_one_answer_calls_posted_and_deleted_is_sent_again(
    harness: BotHarness,
) -> None:
    refuse(harness, 503)
    refuse(harness, 404, 10008)
    await over(harness)
    await harness.wait(MINUTE)
    (post,) = harness.posts()
    assert post.attachments


async def test_who_asks_again_after_deleting_the_status_card_gets_a_new_one(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=600)
    await harness.job(harness.mira, jobid)
    await harness.mira.delete(harness.last)
    await harness.wait(2 * MINUTE)
    assert (await harness.job(harness.mira, jobid)).startswith("Watching")
    (status_card,) = harness.posts()
    assert labels(status_card) == [["🔔 Notify me", "Stop"]]


async def test_a_result_that_was_deleted_by_hand_can_be_had_again(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(age=600)
    await harness.job(harness.mira, jobid)
    await harness.mira.delete(harness.last)
    answer = await harness.ask(harness.mira, jobid)
    assert answer.content == "It's already posted here."
    await harness.press(harness.mira, answer, "Post again")
    assert harness.last.attachments


async def test_a_result_that_was_deleted_before_discord_confirmed_it_can_be_had_again(harness: BotHarness) -> None:
    refuse(harness, 503)  # it is posted and its answer lost; before the next try a member deletes it
    refuse(harness, 404, 10008)
    refuse(harness, 404, 10008)
    jobid = harness.useapi.add_job(age=600)
    await harness.job(harness.mira, jobid)
    await harness.wait(10 * MINUTE)
    assert not harness.posts(), "posted, and deleted by somebody: it is not forced upon the channel"
    assert await harness.job(harness.mira, jobid) == "This job has already finished. Posting it here."
    assert harness.last.attachments


@only_long
async def test_a_child_whose_parent_was_deleted_is_posted_without_a_reply(harness: BotHarness) -> None:
    await over(harness)
    parent = harness.last
    await harness.press(harness.mira, parent, "V1")
    await harness.mira.delete(parent)
    await harness.wait(2 * MINUTE)
    assert harness.last.attachments


# --- answers to people ------------------------------------------------------------------------------------------------


async def test_a_command_that_could_not_be_taken_up_promises_nothing(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    for status, code in ((404, 10062), (400, 40060), (500, 0)):
        harness.env.inject_error("POST", "/interactions/*", status=status, code=code, times=None)
        await harness.mira.slash(harness.channel, "job", jobid=harness.useapi.add_job())
        recover(harness)
    harness.env._errors.clear()  # simcord notes what the command raised; here it is the story
    await harness.wait(10 * MINUTE)
    assert not harness.useapi.requests
    assert not harness.posts()
    caplog.clear()


async def test_a_lost_answer_loses_no_subscription(harness: BotHarness, caplog: pytest.LogCaptureFixture) -> None:
    harness.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015, times=None)
    await harness.mira.slash(harness.channel, "job", jobid=harness.useapi.add_job())
    harness.env._errors.clear()
    await harness.wait(2 * MINUTE)
    assert harness.last.attachments
    assert "Traceback" not in caplog.text


async def test_whoever_asked_while_an_answer_was_lost_does_not_read_that_it_failed(harness: BotHarness) -> None:
    harness.env.inject_error("PATCH", "/webhooks/*", status=503, times=1)
    said = await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse", age=600))
    assert said.startswith("Discord has trouble just now. Your request may have gone through anyway")
    assert "a lighthouse" in words(harness.last)
    harness.env._errors.clear()


# --- refusals that a person caused ------------------------------------------------------------------------------------

EDIT_PERMISSIONS = "Someone who manages this channel can change that under Edit Channel, Permissions."


async def delete_the_post(harness: BotHarness) -> str:
    """Mira presses "Delete this post" below a result; what the private answer says."""
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    extras = await harness.press(harness.mira, harness.last, "⋯")
    return (await harness.press(harness.mira, extras, "Delete this post")).content


REFUSED_DELETIONS = (
    (403, 50013, "Discord doesn't let me do that: I lack a permission. "),
    (403, 50001, "I can't access that channel. "),
    (400, 50083, "This thread is archived. "),
    (429, 0, "That was too fast for Discord. "),
    (400, 777, "Discord refused that (code 777). "),
)


async def test_a_deletion_that_discord_refuses_says_why_and_is_no_bug(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    for number, (status, code, sentence) in enumerate(REFUSED_DELETIONS, 1):
        caplog.clear()
        harness.env.inject_error("DELETE", "/channels/*/messages/*", status=status, code=code)
        assert (await delete_the_post(harness)).startswith(sentence)
        assert len(harness.posts()) == number
        (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert f"HTTP {status}, code {code}" in record.getMessage()
        assert record.exc_info is None
        assert not re.search(r"\d{15,}", record.getMessage()), "no id of anybody or anything"


async def test_a_refused_deletion_names_the_permission_that_is_missing(harness: BotHarness) -> None:
    harness.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50013)
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    extras = await harness.press(harness.mira, harness.last, "⋯")
    harness.forbid(None, "view_channel")
    answer = await harness.press(harness.mira, extras, "Delete this post")
    assert answer.content == f"Discord doesn't let me do that here, because I lack View Channel. {EDIT_PERMISSIONS}"
    harness.forbid(None)
    assert (await harness.press(harness.mira, extras, "Delete this post")).content.startswith("Deleted.")


async def test_a_refused_request_that_was_malformed_is_a_bug(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.env.inject_error("DELETE", "/channels/*/messages/*", status=400, code=50035)
    assert (await delete_the_post(harness)).startswith("Something went wrong on my side.")
    assert "Traceback" in caplog.text
    caplog.clear()


async def test_a_command_that_discord_refuses_says_why(harness: BotHarness) -> None:
    harness.env.inject_error("PATCH", "/webhooks/*", status=400, code=200000)
    said = await harness.job(harness.mira, harness.useapi.add_job(age=600))
    assert said.startswith("This server's AutoMod blocked my message. ")
    harness.env._errors.clear()


async def test_suggestions_that_come_too_late_are_a_line_in_the_log(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.env.inject_error("POST", "/interactions/*", status=404, code=10062)
    with caplog.at_level(logging.INFO, "discord.app_commands.tree"):
        await harness.mira.autocomplete(harness.channel, "job", "jobid", "")
    (record,) = [record for record in caplog.records if record.name == "discord.app_commands.tree"]
    assert record.getMessage() == "Could not send suggestions for a command (HTTP 404, code 10062)"
    assert record.exc_info is None


async def test_an_answer_that_was_dismissed_is_one_line_in_the_log(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    jobid = harness.useapi.add_job(age=600)
    await harness.job(harness.mira, jobid)
    posted = await harness.ask(harness.mira, jobid)
    extras = await harness.press(harness.mira, harness.last, "⋯")
    for code, act in (
        (10008, harness.mira.slash(harness.channel, "job", jobid=jobid)),
        (10015, harness.mira.click(posted, custom_id=button(posted, "Post again").custom_id)),
        (10062, harness.mira.click(extras, custom_id=button(extras, "Delete this post").custom_id)),
    ):
        caplog.clear()
        harness.env.inject_error("PATCH", "/webhooks/*", status=404, code=code)
        with caplog.at_level(logging.INFO, "bot.ui.replies"):
            await act
            await harness.wait(5)
        (record,) = [record for record in caplog.records if record.name == "bot.ui.replies"]
        assert (record.levelno, record.exc_info) == (logging.INFO, None)
        assert str(code) in record.getMessage()
    assert len(harness.posts()) == 1, "each did what it was for: posted again, and one deleted"
