"""Buttons that lie, presses that fail, and a log that gives nothing away."""

import asyncio
import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO

import discord
import pytest
from simcord.backend.serializers import message_payload

from bot import logs
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, private, words

NO_BUTTON = "This button no longer works. `/job` with the job ID posts it again."
NO_POST = "I don't know this post any more. `/job` with its id shows the job again."
NO_PERSON = "a" * 24  # a nonce that was never given out

FORGED = {
    "evil": NO_BUTTON,
    "dr:": NO_BUTTON,
    "dr:p:": NO_BUTTON,
    f"dr:p:{NO_PERSON}": NO_BUTTON,
    f"dr:p:{NO_PERSON}:": NO_BUTTON,
    f"dr:p:{NO_PERSON}:-1": NO_BUTTON,
    f"dr:p:{NO_PERSON}:100": NO_BUTTON,
    f"dr:p:{NO_PERSON}:1; DROP TABLE jobs": NO_BUTTON,
    f"dr:m:{NO_PERSON.upper()}": NO_BUTTON,
    f"dr:m:{NO_PERSON}\n": NO_BUTTON,
    f"dr:z:{NO_PERSON}": NO_BUTTON,
    "x" * 100: NO_BUTTON,
    "🏰" * 50: NO_BUTTON,
    "job:20240909000000000-user:1-channel:1-bot:mj": NO_BUTTON,
    f"dr:p:{NO_PERSON}:0": NO_POST,
    f"dr:p:{NO_PERSON}:99": NO_POST,
    f"dr:p:{NO_PERSON}:٣": NO_POST,
    f"dr:i:{'9' * 19}": NO_BUTTON,
    f"dr:m:i:{'9' * 20}": NO_BUTTON,
    **{f"dr:{code}:{NO_PERSON}": NO_POST for code in "mcdwrtsxa"},
}


async def posted(harness: BotHarness) -> tuple[str, discord.Message, str]:
    """The id of a job that is over, its post, and the nonce that the post's buttons hold."""
    jobid = harness.useapi.add_job(age=600)
    await harness.job(harness.mira, jobid)
    post = harness.last
    return jobid, post, str(button(post, "⋯").custom_id).rpartition(":")[2]


async def test_every_forged_button_is_answered_with_a_sentence_and_does_nothing(harness: BotHarness) -> None:
    await posted(harness)
    before = len(harness.useapi.requests)
    for custom_id, sentence in FORGED.items():
        answer = await harness.press(harness.mira, harness.forge(custom_id), "Forged")
        assert answer.content == sentence, custom_id
        assert not answer.components
    assert len(harness.useapi.requests) == before


async def test_a_button_that_its_message_does_not_have_is_answered_too(harness: BotHarness) -> None:
    _, post, nonce = await posted(harness)
    stored = harness.env.backend.get_message(harness.channel.id, post.id)
    answer = await harness.mira._dispatch_interaction(
        3,
        harness.channel,
        {"custom_id": f"dr:d:{nonce}", "component_type": 2},
        extra={"message": dict(message_payload(harness.env.backend, stored))},
        source_message_id=post.id,
    )
    assert private(answer).content == NO_BUTTON
    assert harness.posts()[0].id == post.id


async def test_an_index_out_of_range_is_no_button(harness: BotHarness) -> None:
    _, _, nonce = await posted(harness)
    for index in (9, 50, 99):
        answer = await harness.press(harness.mira, harness.forge(f"dr:p:{nonce}:{index}"), "Forged")
        assert answer.content == "This job has no such button any more."
    assert not harness.button_requests()


@pytest.mark.parametrize("where", ["another channel", "another server"])
async def test_a_button_carried_elsewhere_opens_nothing(harness: BotHarness, where: str) -> None:
    jobid, post, nonce = await posted(harness)
    who, channel = harness.mira, harness.lounge
    if where == "another server":
        server = harness.env.create_guild("Elsewhere")
        channel = server.create_text_channel("general")
        everything = server.create_role("Owners", permissions=discord.Permissions.all())
        who = server.add_member(harness.env.create_user("Eve"), roles=[everything])
    before = len(harness.useapi.requests)
    for custom_id in (f"dr:p:{nonce}:0", *(f"dr:{code}:{nonce}" for code in "mcdwr")):
        answer = await harness.press(who, harness.forge(custom_id, channel), "Forged")
        assert answer.content == NO_POST
        assert jobid not in answer.content
    assert len(harness.useapi.requests) == before
    assert [message.id for message in harness.posts()] == [post.id]


async def test_the_buttons_of_a_status_card_do_nothing_to_a_result_nor_the_other_way_round(harness: BotHarness) -> None:
    _, _, result = await posted(harness)
    await harness.job(harness.mira, harness.useapi.add_job(duration=9000))
    status_card = str(button(harness.last, "Stop").custom_id).rpartition(":")[2]
    for custom_id in (*(f"dr:{code}:{result}" for code in "tsxa"), *(f"dr:{code}:{status_card}" for code in "mcdwr")):
        assert (await harness.press(harness.mira, harness.forge(custom_id), "Forged")).content == NO_POST


async def test_a_plain_member_gains_nothing_from_a_moderators_buttons(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=9000))
    status_card = str(button(harness.last, "Stop").custom_id).rpartition(":")[2]
    answer = await harness.press(harness.bo, harness.forge(f"dr:a:{status_card}"), "Forged")
    assert answer.content == "Only moderators can stop watching for everyone."
    await harness.wait(60)
    assert harness.posts()[0].embeds, "the card lives on"


# --- presses that fail ------------------------------------------------------------------------------------------------


REFUSALS = (
    (400, "Midjourney no longer offers this button for this picture."),
    (401, "useapi.net does not accept this bot's token. Please ask this server's admin"),
    (402, "The useapi.net subscription behind this bot has ended. Please ask this server's admin"),
    (404, "useapi.net has no job with this id."),
)


async def test_a_press_that_useapi_refuses_is_answered_and_never_sent_again(harness: BotHarness) -> None:
    for number, (error, sentence) in enumerate(REFUSALS, 1):
        _, post, _ = await posted(harness)
        harness.useapi.fail(error, path="/v2/jobs/button", times=math.inf)
        answer = await harness.press(harness.mira, post, "V1")
        assert answer.content.startswith(sentence)
        await harness.wait(600)
        assert len(harness.button_requests()) == number, "each one costs money"
        assert len(harness.posts()) == number
        harness.useapi.heal()


async def test_a_press_whose_answer_was_lost_is_reconciled_and_never_sent_again(harness: BotHarness) -> None:
    errors: tuple[int | str, ...] = (500, "reset", "html")
    for number, error in enumerate(errors, 1):
        _, post, _ = await posted(harness)
        harness.useapi.fail(error, path="/v2/jobs/button", times=math.inf)
        answer = await harness.press(harness.mira, post, "V1")
        harness.useapi.heal()
        await harness.wait(8)
        assert "did not confirm that Midjourney received V1" in _now(harness, answer), error
        await harness.wait(240)
        assert "It may have been charged all the same." in _now(harness, answer), error
        assert len(harness.button_requests()) == number, "each one costs money"
        assert len(harness.posts()) == number


async def test_a_press_that_midjourney_took_though_useapi_said_504_is_found_and_charged_once(
    harness: BotHarness,
) -> None:
    _, post, _ = await posted(harness)
    harness.useapi.fail("made_504", path="/v2/jobs/button")
    await harness.press(harness.mira, post, "V1")
    await harness.wait(400)
    assert words(harness.last).startswith("**V1** of ")
    assert len(harness.button_requests()) == 1


@only_long
async def test_a_press_that_useapi_cannot_follow_after_a_504_is_never_called_free(harness: BotHarness) -> None:
    _, post, _ = await posted(harness)
    harness.useapi.fail(504, path="/v2/jobs/button", times=math.inf)
    answer = await harness.press(harness.mira, post, "V1")
    await harness.wait(8)
    assert "did not confirm that Midjourney received V1" in _now(harness, answer)
    await harness.wait(600)
    assert _now(harness, answer) == (
        "useapi.net lost track of this press. Midjourney may have made it and charged for it, but its job was not "
        "found. Please look there before you press again."
    )
    assert len(harness.button_requests()) == 1, "a second one would be charged, too"


@only_long
@pytest.mark.parametrize("error", [429, 596])
async def test_a_press_that_useapi_puts_off_is_kept_and_sent_later(harness: BotHarness, error: int) -> None:
    _, post, _ = await posted(harness)
    harness.useapi.fail(error, path="/v2/jobs/button", times=2)
    answer = await harness.press(harness.mira, post, "V1")
    await harness.wait(1)
    assert "V1 is queued (1st)" in _now(harness, answer)
    await harness.wait(400)
    assert len(harness.button_requests()) == 3
    *_, child = harness.posts()
    assert words(child).startswith("**V1** of ")


def _now(harness: BotHarness, answer: discord.Message) -> str:
    """What a private answer says by now."""
    stored = harness.env.backend.get_message(answer.channel.id, answer.id)
    return str(stored.content)


@only_long
async def test_a_press_that_hangs_is_reported_after_its_timeout_and_never_sent_again(harness: BotHarness) -> None:
    async def time_passes() -> None:
        await harness.useapi.wait_for_request(path="/v2/jobs/button")
        harness.env.backend.advance_clock(76)

    _, post, _ = await posted(harness)
    harness.useapi.fail("hang", path="/v2/jobs/button")
    clock = asyncio.create_task(time_passes())
    answer = await harness.press(harness.mira, post, "V1")
    await clock
    await harness.wait(8)
    assert "did not confirm that Midjourney received V1" in _now(harness, answer)
    await harness.wait(600)
    assert len(harness.button_requests()) == 1


async def test_a_used_button_whose_child_cannot_be_described_yet_is_followed_all_the_same(harness: BotHarness) -> None:
    jobid, post, _ = await posted(harness)
    harness.useapi.add_job(button="U1", parent=jobid)
    harness.useapi.fail(500, path="/v2/jobs/", times=2)
    answer = await harness.press(harness.mira, post, "U1")
    assert answer.content == "U1 was already picked, so this was free. I'll post it here."
    await harness.wait(60)
    assert words(harness.posts()[-1]).startswith("**U1** of ")
    assert await harness.rows("SELECT state FROM submissions") == [("repeated",)]


async def test_a_bug_is_answered_with_a_reference_that_the_log_has_too(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    jobid, post, _ = await posted(harness)
    await harness.bot.store.database.transaction(lambda db: db.execute("UPDATE jobs SET answer = '[]'"))
    for who, ask in ((harness.mira, "press"), (harness.bo, "command")):
        caplog.clear()
        if ask == "press":
            answer = await harness.press(who, post, "⋯")
        else:
            answer = await harness.ask(who, jobid)
        said = re.fullmatch(
            r"Something went wrong on my side\. The admin can find the details in the log under `([0-9a-f]{6})`\.",
            answer.content,
        )
        assert said is not None
        (record,) = [record for record in caplog.records if record.exc_info]
        assert said[1] in record.getMessage()
    harness.env._errors.clear()  # the command's bug is this story
    caplog.clear()


async def test_an_answer_that_discord_refuses_once_is_tried_again_in_words(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    _, post, _ = await posted(harness)
    harness.env.inject_error("POST", "/interactions/*", status=400, code=50035)
    answer = await harness.press(harness.mira, post, "⋯")
    assert answer.content.startswith("Something went wrong on my side.")
    caplog.clear()


# --- what the log knows -----------------------------------------------------------------------------------------------


@contextmanager
def wide_open(caplog: pytest.LogCaptureFixture) -> Iterator[StringIO]:
    """The bot's own logging at DEBUG, as an admin who looks for a bug has it; afterwards all is as before."""
    root, screen = logging.getLogger(), StringIO()
    loggers = [root, *(logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    try:
        with redirect_stderr(screen):
            logs.set_up("DEBUG", ["discord-token", "demo-token"], "json")
            as_json = root.handlers[0]
            logs.set_up("DEBUG", ["discord-token", "demo-token"])
        root.addHandler(as_json)
        root.addHandler(caplog.handler)
        yield screen
    finally:
        root.handlers[:] = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


async def everything_that_goes_wrong(harness: BotHarness) -> None:
    await harness.restart()
    jobid, post, _ = await posted(harness)
    await harness.job(harness.mira, harness.useapi.add_job(duration=300, content=f"**x** - <@1> (17%) {jobid}"))
    for error in (500, 401, "html", "wrong_shape", 404):
        harness.useapi.fail(error, times=math.inf)
        await harness.job(harness.bo, harness.useapi.add_job())
        await harness.press(harness.mira, post, "V1")
        await harness.wait(35)
        harness.useapi.heal()
    await harness.job(harness.bo, f"not an id but near: {jobid[:30]}")
    for status, code in ((500, 0), (400, 50035), (403, 50013)):
        harness.env.inject_error("POST", "/channels/*/messages", status=status, code=code)
    gone = harness.useapi.serve_file(f"{jobid}.png", b"", content_type="image/png", status=404)
    await harness.job(harness.mira, harness.useapi.add_job(age=600, attachments=[{"url": gone}]))
    await harness.wait(300)
    harness.env.inject_error("POST", "/interactions/*", status=400, code=50035)
    await harness.press(harness.mira, post, "⋯")


@only_long
async def test_no_token_and_no_job_id_is_ever_logged(harness: BotHarness, caplog: pytest.LogCaptureFixture) -> None:
    with wide_open(caplog) as screen:
        await everything_that_goes_wrong(harness)
    ours = [record for record in caplog.records if record.name.startswith(("bot", "cogs"))]
    before_the_filter = "\n".join(map(logging.Formatter().format, ours))
    secrets = ("discord-token", "demo-token", "user:12345", "user%3A12345", *harness.env.backend.interaction_tokens)
    for text in (screen.getvalue(), before_the_filter):
        for seen in (
            "useapi.net has trouble",
            "the member was given the reference",
            "Traceback",
            "Discord refused delivery",
        ):
            assert seen in text, "this test looks at something"
        for secret in secrets:
            assert secret not in text
    caplog.clear()
