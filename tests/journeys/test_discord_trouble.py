"""Discord in trouble: what was promised is posted once, as whole as Discord allows, or its failure is written down."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

import aiohttp
import discord
import msgspec
import pytest

from bot.models.job import Destination, Job, Person, Status
from tests.journeys.conftest import Stage, labels, words

MESSAGES = "/channels/*/messages"
MINUTE = 60


def sends(stage: Stage) -> int:
    """How often the bot tried to post a message in the server's channels."""
    places = {f"/channels/{channel.id}/messages" for channel in (stage.channel, stage.lounge)}
    return sum(request.method == "POST" and request.path in places for request in stage.env.http_requests)


def refuse(stage: Stage, status: int, code: int = 0, *, times: int | None = 1, method: str = "POST") -> None:
    path = MESSAGES if method == "POST" else f"{MESSAGES}/*"
    stage.env.inject_error(method, path, status=status, code=code, times=times)


def recover(stage: Stage) -> None:
    stage.env.backend.faults.clear()


async def over(stage: Stage) -> None:
    """A job that is over is asked for: the result is to be posted now."""
    assert await stage.job(stage.mira, stage.useapi.add_job(age=600)) == "It is over already: I'm posting it here."


# --- for a while ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_discord_that_fails_some_times_gets_the_post_once(stage: Stage, status: int) -> None:
    refuse(stage, status, times=3)
    await over(stage)
    await stage.wait(2 * MINUTE)
    (post,) = stage.posts()
    assert post.attachments, "whole, because nothing was wrong with it"
    assert sends(stage) == 4


async def test_a_try_that_falls_due_between_two_readings_of_the_clock_is_made_at_once(stage: Stage) -> None:
    refuse(stage, 503, times=3)
    await over(stage)
    ((due,),) = await stage.rows("SELECT next_try FROM deliveries")
    early: list[datetime] = []

    def clock() -> datetime:
        now = discord.utils.utcnow()
        if now.timestamp() >= due and len(early) < 2:  # the loop looks at the clock, and then at what is due
            early.append(datetime.fromtimestamp(due - 0.001, UTC))
            return early[-1]
        return now

    stage.bot.store._now = stage.bot.dispatcher._now = clock
    await stage.wait(MINUTE)
    assert early
    assert stage.last.attachments


async def test_an_hour_without_discord_costs_few_requests_and_loses_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    jobid = stage.useapi.add_job(duration=60)
    await stage.job(stage.mira, jobid)
    refuse(stage, 503, times=None)
    refuse(stage, 503, times=None, method="PATCH")
    await stage.wait(60 * MINUTE)
    assert sends(stage) < 36
    recover(stage)
    await stage.wait(6 * MINUTE)
    card, result = stage.posts()
    assert result.attachments
    assert card.content.startswith("-# ✓")


async def test_an_answer_that_never_came_is_settled_by_a_look_not_by_a_second_post(stage: Stage) -> None:
    request = stage.bot.http.request
    lost: list[Any] = []

    async def cut_off(route: Any, **options: Any) -> Any:
        answer = await request(route, **options)
        if route.method == "POST" and len(lost) < 2:
            lost.append(route)
            raise aiohttp.ServerDisconnectedError
        return answer

    stage.bot.http.request = cut_off  # type: ignore[method-assign]  # the wire is cut, not our code
    await stage.job(stage.mira, stage.useapi.add_job(duration=30))
    await stage.wait(5 * MINUTE)
    card, result = stage.posts()
    assert len(lost) == 2
    assert result.attachments
    assert card.content.startswith("-# ✓")


@pytest.mark.parametrize(("status", "pause"), [(429, 5 * MINUTE), (401, MINUTE)], ids=["too many", "token refused"])
async def test_a_refusal_of_the_whole_bot_holds_every_channel(stage: Stage, status: int, pause: int) -> None:
    refuse(stage, status)
    await over(stage)
    await stage.job(stage.bo, stage.useapi.add_job(age=600), stage.lounge)
    tried = sends(stage)
    await stage.wait(pause - 5)
    assert sends(stage) == tried
    await stage.wait(10)
    assert stage.last.attachments
    assert stage.posts(stage.lounge)[0].attachments


async def owed(stage: Stage, *channels: Any) -> None:
    """Results without a picture are to be posted in these channels, all of them from the same moment on."""
    for number, channel in enumerate(channels):
        destination = Destination(guild_id=stage.guild.id, channel_id=channel.id)
        job = Job(jobid=f"job:{number}", verb="imagine", status=Status.FAILED)
        await stage.bot.store.ask(job, destination, Person(id=stage.mira.id, name="Mira"))
    await stage.bot.store._db.transaction(lambda db: db.execute("UPDATE deliveries SET next_try = 0"))
    stage.bot.deliver_soon()
    await stage.wait(5)


async def test_a_lesser_refusal_right_behind_it_does_not_shorten_the_pause(stage: Stage) -> None:
    for channel, status in ((stage.channel, 429), (stage.lounge, 401)):
        stage.env.inject_error("POST", f"/channels/{channel.id}/messages", status=status)
    await owed(stage, stage.channel, stage.lounge)
    await stage.wait(5 * MINUTE - 10)
    assert sends(stage) == 2, "the second was on its way when the first was refused"
    await stage.wait(10)
    assert len(stage.posts()) == len(stage.posts(stage.lounge)) == 1


async def test_a_refusal_of_the_whole_bot_ends_what_other_channels_are_being_sent(stage: Stage) -> None:
    stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=429)
    await owed(stage, stage.channel, stage.lounge, stage.lounge, stage.lounge)
    assert len(stage.posts(stage.lounge)) == 1, "which was on its way"
    await stage.wait(5 * MINUTE)
    assert len(stage.posts(stage.lounge)) == 3
    assert len(stage.posts()) == 1


async def test_a_pause_that_discord_orders_on_an_edit_holds_the_posts_too(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=300))
    refuse(stage, 429, method="PATCH", times=None)
    await stage.wait(2 * MINUTE)
    edits = [request for request in stage.env.http_requests if request.method == "PATCH"]
    assert sum(request.path.startswith("/channels/") for request in edits) == 1
    recover(stage)
    await stage.wait(10 * MINUTE)
    assert stage.last.attachments


async def test_a_picture_that_was_late_comes_though_the_answer_to_its_post_was_lost(stage: Stage) -> None:
    request = stage.bot.http.request

    async def cut_off(route: Any, **options: Any) -> Any:
        answer = await request(route, **options)
        if route.method == "POST":
            stage.bot.http.request = request  # type: ignore[method-assign]  # as below
            raise aiohttp.ServerDisconnectedError
        return answer

    stage.bot.http.request = cut_off  # type: ignore[method-assign]  # the wire is cut, not our code
    stage.useapi.fail(503, path="/attachments/*")
    await over(stage)
    await stage.wait(MINUTE)
    (post,) = stage.posts()
    assert len(post.attachments) == 1, "a link to the picture is not the picture"


async def test_a_folder_that_was_tidied_away_is_made_anew(stage: Stage) -> None:
    on_their_way = stage.folder / "tmp"
    on_their_way.rmdir()
    await over(stage)
    assert stage.last.attachments
    assert not list(on_their_way.iterdir()), "nothing stays behind"


@pytest.mark.parametrize(("status", "code"), [(429, 30046), (403, 50001)])
async def test_a_card_that_may_not_be_edited_for_a_while_tells_the_end_when_it_may(
    stage: Stage, status: int, code: int
) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=60))
    refuse(stage, status, code, times=None, method="PATCH")
    await stage.wait(10 * MINUTE)
    card, result = stage.posts()
    assert card.embeds
    edits = [request.method for request in stage.env.http_requests].count("PATCH")
    assert edits < 12
    recover(stage)
    await stage.wait(3 * MINUTE)
    card, result = stage.posts()
    assert card.content.endswith(f"[picture]({stage.jump(result)})")


# --- because of what it is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (413, 40005), (413, 0), (400, 40005)])
async def test_a_file_that_discord_does_not_take_becomes_a_link(stage: Stage, status: int, code: int) -> None:
    refuse(stage, status, code)
    await over(stage)
    (post,) = stage.posts()
    assert not post.attachments
    assert str(post.embeds[0].image.url).startswith(stage.useapi.origin)
    last = words(post).splitlines()[-1]
    assert re.fullmatch(r"-# The picture could not be attached here\. This is a link, which ends <t:\d+:R>\.", last)
    assert labels(post)[-1][-1] == "⋯"


async def test_an_embed_that_discord_does_not_take_either_becomes_text(stage: Stage) -> None:
    refuse(stage, 403, 50013, times=2)
    await over(stage)
    (post,) = stage.posts()
    assert re.fullmatch(r"-# ✓ Imagine · castle in the fog, \d+ s", post.content)
    assert not post.embeds
    assert labels(post)[-1][-1] == "⋯"


async def test_a_post_that_discord_calls_malformed_becomes_plain_text_at_once(stage: Stage) -> None:
    refuse(stage, 400, 50035)
    await over(stage)
    (post,) = stage.posts()
    assert post.content.startswith("-# ✓ Imagine")
    assert not post.embeds
    assert sends(stage) == 2


async def test_a_reply_that_discord_does_not_allow_becomes_a_post_of_its_own(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=20))
    refuse(stage, 400, 160002)
    await stage.wait(MINUTE)
    assert stage.last.reference is None
    assert stage.last.attachments, "and otherwise whole"


@pytest.mark.parametrize(("status", "code"), [(400, 50035), (403, 50013), (404, 10003), (413, 0)])
async def test_a_card_that_discord_refuses_is_let_go_and_the_picture_comes(
    stage: Stage, status: int, code: int
) -> None:
    refuse(stage, status, code, times=None)
    assert (await stage.job(stage.mira, stage.useapi.add_job(duration=20))).startswith("Watching")
    assert not stage.posts()
    recover(stage)
    await stage.wait(MINUTE)
    (result,) = stage.posts()
    assert result.attachments


async def test_a_post_that_is_malformed_even_as_text_is_kept_for_the_admin_and_not_repeated(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(stage, 400, 50035, times=None)
    await over(stage)
    await stage.wait(60 * MINUTE)
    assert sends(stage) == 2
    assert "is undeliverable: Discord refuses even plain text" in caplog.text
    recover(stage)
    await over_again(stage)


async def test_a_result_that_is_replaced_during_its_last_send_raises_no_alert(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.restart(alert_channel=stage.lounge.id)
    jobid = stage.useapi.add_job(duration=120)
    await stage.job(stage.mira, jobid)
    ((job_id,),) = await stage.rows("SELECT id FROM jobs")
    send, tried = stage.bot.http.send_message, 0

    async def during_the_second(*how: Any, **options: Any) -> Any:
        nonlocal tried
        tried += 1
        if tried == 2:  # the last try: meanwhile Midjourney finishes the job all the same
            known = await stage.bot.store.known(job_id)
            await stage.bot.store.record([(job_id, msgspec.structs.replace(known.job, status=Status.COMPLETED))])
        return await send(*how, **options)

    monkeypatch.setattr(stage.bot.http, "send_message", during_the_second)
    refuse(stage, 400, 50035, times=2)
    await stage.bot.api.cancel(jobid)
    await stage.wait(5 * MINUTE)
    assert tried == 3
    assert "cancelled" not in words(stage.last), "the result that took its place stands"
    assert "undeliverable" not in caplog.text
    assert stage.posts(stage.lounge) == []


async def over_again(stage: Stage) -> None:
    """`/job` by the key puts a delivery that was given up into the outbox anew."""
    choices = await stage.mira.autocomplete(stage.channel, "job", "jobid", "")
    assert await stage.job(stage.mira, choices[0]["value"]) == "It is over already: I'm posting it here."
    assert stage.last.attachments


# --- because the channel is gone --------------------------------------------------------------------------------------

GONE = pytest.mark.parametrize(("status", "code"), [(404, 10003), (403, 50001), (403, 50013)])


@GONE
async def test_a_channel_that_stays_away_for_half_an_hour_is_given_up(
    stage: Stage, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    refuse(stage, status, code, times=None)
    await over(stage)
    await stage.wait(25 * MINUTE)
    assert "undeliverable" not in caplog.text
    await stage.wait(10 * MINUTE)
    assert "is undeliverable: the channel stayed away for half an hour" in caplog.text
    tried = sends(stage)
    await stage.wait(60 * MINUTE)
    assert sends(stage) == tried
    recover(stage)
    await over_again(stage)


@GONE
async def test_a_channel_that_comes_back_in_time_gets_the_whole_post(stage: Stage, status: int, code: int) -> None:
    refuse(stage, status, code, times=None)
    await over(stage)
    await stage.wait(20 * MINUTE)
    recover(stage)
    await stage.wait(2 * MINUTE)
    (post,) = stage.posts()
    assert post.attachments


async def test_rights_that_are_taken_while_somebody_waits_and_given_back_cost_nothing(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=60))
    stage.forbid(None, "send_messages")
    await stage.wait(10 * MINUTE)
    assert len(stage.posts()) == 1
    stage.forbid(None)
    await stage.wait(2 * MINUTE)
    assert stage.last.attachments


async def test_trouble_in_one_channel_does_not_touch_another(stage: Stage) -> None:
    stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=403, code=50001, times=None)
    jobid = stage.useapi.add_job(duration=60)
    await stage.job(stage.mira, jobid)
    await stage.job(stage.bo, jobid, stage.lounge)
    await stage.wait(3 * MINUTE)
    assert stage.posts(stage.lounge)[-1].attachments
    assert not stage.posts()


async def test_a_post_that_cannot_be_made_does_not_hold_up_those_behind_it_for_ever(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(stage, 503, times=None)
    await over(stage)
    await over(stage)
    db = stage.bot.store._db  # a row that no code of ours could have written
    await db.transaction(lambda db: db.execute("UPDATE jobs SET answer = '[]' WHERE id = 1"))
    recover(stage)
    await stage.wait(40 * MINUTE)
    assert len(stage.posts()) == 1
    assert "failed in an unexpected way; it is kept" in caplog.text
    caplog.clear()


# --- deleted by hand --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", [1, 40])
async def test_a_card_that_was_deleted_by_hand_takes_nothing_with_it(stage: Stage, when: int) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=60))
    await stage.wait(when)
    await stage.mira.delete(stage.last)
    await stage.wait(2 * MINUTE)
    (result,) = stage.posts()
    assert result.attachments


async def test_who_asks_again_after_deleting_the_card_gets_a_new_one(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=600)
    await stage.job(stage.mira, jobid)
    await stage.mira.delete(stage.last)
    await stage.wait(2 * MINUTE)
    assert (await stage.job(stage.mira, jobid)).startswith("Watching")
    (card,) = stage.posts()
    assert labels(card) == [["🔔 Tell me too", "Stop"]]


async def test_a_result_that_was_deleted_by_hand_can_be_had_again(stage: Stage) -> None:
    jobid = stage.useapi.add_job(age=600)
    await stage.job(stage.mira, jobid)
    await stage.mira.delete(stage.last)
    answer = await stage.ask(stage.mira, jobid)
    assert answer.content == "It stands here already."
    await stage.press(stage.mira, answer, "Post again")
    assert stage.last.attachments


async def test_a_result_that_was_deleted_before_discord_confirmed_it_can_be_had_again(stage: Stage) -> None:
    refuse(stage, 404, 10008)
    jobid = stage.useapi.add_job(age=600)
    await stage.job(stage.mira, jobid)
    await stage.wait(10 * MINUTE)
    assert not stage.posts(), "posted, and deleted by somebody: it is not forced upon the channel"
    assert await stage.job(stage.mira, jobid) == "It is over already: I'm posting it here."
    assert stage.last.attachments


async def test_a_child_whose_parent_was_deleted_is_posted_without_a_reply(stage: Stage) -> None:
    await over(stage)
    parent = stage.last
    await stage.press(stage.mira, parent, "V1")
    await stage.mira.delete(parent)
    await stage.wait(2 * MINUTE)
    assert stage.last.attachments


# --- answers to people ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(404, 10062), (400, 40060), (500, 0)])
async def test_a_command_that_could_not_be_taken_up_promises_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    stage.env.inject_error("POST", "/interactions/*", status=status, code=code, times=None)
    await stage.mira.slash(stage.channel, "job", jobid=stage.useapi.add_job())
    stage.env._errors.clear()  # simcord notes what the command raised; here it is the story
    await stage.wait(10 * MINUTE)
    assert not stage.useapi.requests
    assert not stage.posts()
    caplog.clear()


async def test_an_answer_that_is_lost_loses_no_watch(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015, times=None)
    await stage.mira.slash(stage.channel, "job", jobid=stage.useapi.add_job())
    stage.env._errors.clear()
    await stage.wait(2 * MINUTE)
    assert stage.last.attachments
    assert "Traceback" not in caplog.text


async def test_whoever_asked_while_an_answer_was_lost_is_not_told_that_it_failed(stage: Stage) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*", status=503, times=1)
    said = await stage.job(stage.mira, stage.useapi.add_job(prompt="a lighthouse", age=600))
    assert said.startswith("Discord has trouble just now. What you asked for may have been done anyway")
    assert "a lighthouse" in words(stage.last)
    stage.env._errors.clear()


# --- refusals that a person caused ------------------------------------------------------------------------------------

EDIT_PERMISSIONS = "Someone who manages this channel can change that under Edit Channel, Permissions."


async def delete_the_post(stage: Stage) -> str:
    """Mira presses "Delete this post" below a result; what the private answer says."""
    await stage.job(stage.mira, stage.useapi.add_job(age=600))
    extras = await stage.press(stage.mira, stage.last, "⋯")
    return (await stage.press(stage.mira, extras, "Delete this post")).content


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, 50013, "Discord doesn't let me do that: I lack a permission. "),
        (403, 50001, "I can't access that channel. "),
        (400, 50083, "This thread is archived. "),
        (429, 0, "That was too fast for Discord. "),
        (400, 777, "Discord refused that (code 777). "),
    ],
)
async def test_a_deletion_that_discord_refuses_says_why_and_is_no_bug(
    stage: Stage, caplog: pytest.LogCaptureFixture, status: int, code: int, sentence: str
) -> None:
    stage.env.inject_error("DELETE", "/channels/*/messages/*", status=status, code=code)
    assert (await delete_the_post(stage)).startswith(sentence)
    assert len(stage.posts()) == 1
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"HTTP {status}, code {code}" in record.getMessage()
    assert record.exc_info is None
    assert not re.search(r"\d{15,}", record.getMessage()), "no id of anybody or anything"


async def test_a_refused_deletion_names_the_permission_that_is_missing(stage: Stage) -> None:
    stage.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50013)
    await stage.job(stage.mira, stage.useapi.add_job(age=600))
    extras = await stage.press(stage.mira, stage.last, "⋯")
    stage.forbid(None, "view_channel")
    answer = await stage.press(stage.mira, extras, "Delete this post")
    assert answer.content == f"Discord doesn't let me do that here, because I lack View Channel. {EDIT_PERMISSIONS}"
    stage.forbid(None)
    assert (await stage.press(stage.mira, extras, "Delete this post")).content.startswith("Deleted.")


async def test_a_refused_request_that_was_malformed_is_a_bug(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.env.inject_error("DELETE", "/channels/*/messages/*", status=400, code=50035)
    assert (await delete_the_post(stage)).startswith("Something went wrong on my side.")
    assert "Traceback" in caplog.text
    caplog.clear()


async def test_a_command_that_discord_refuses_says_why(stage: Stage) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*", status=400, code=200000)
    said = await stage.job(stage.mira, stage.useapi.add_job(age=600))
    assert said.startswith("This server's AutoMod blocked my message. ")
    stage.env._errors.clear()


async def test_suggestions_that_come_too_late_are_a_line_in_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.inject_error("POST", "/interactions/*", status=404, code=10062)
    with caplog.at_level(logging.INFO, "discord.app_commands.tree"):
        await stage.mira.autocomplete(stage.channel, "job", "jobid", "")
    (record,) = [record for record in caplog.records if record.name == "discord.app_commands.tree"]
    assert record.getMessage() == "Discord refused suggestions for a command (HTTP 404, code 10062)"
    assert record.exc_info is None
