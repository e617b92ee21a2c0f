"""The text for an error: a sentence for a person, without anything that belongs in the log only."""

import logging
import re
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.client import Darkroom
from bot.errors import DarkroomError, TokenRefused, UserError
from bot.ui import replies
from tests.table import table


def family(error: type[DarkroomError]) -> list[type[DarkroomError]]:
    return [error, *(descendant for child in error.__subclasses__() for descendant in family(child))]


@table("error", family(DarkroomError))
def test_every_error_of_ours_is_a_sentence_to_a_person(error: type[DarkroomError]) -> None:
    sentence = error.sentence()
    assert re.fullmatch(r"[A-Za-z][^\n]*[.?]", sentence)
    assert not re.search(r"\b\d{3}\b|error|exception|traceback", sentence, re.IGNORECASE)
    assert len(sentence) <= 200


def test_the_text_of_our_own_errors_is_their_sentence() -> None:
    assert replies.error_text(TokenRefused()) == TokenRefused.sentence()
    assert replies.error_text(UserError("Not here.")) == "Not here."


@table(("retry_after", "says"), [(12.4, "13 seconds"), (1.01, "2 seconds"), (1.0, "1 second"), (0.02, "1 second")])
def test_a_cooldown_says_how_long_to_wait(retry_after: float, says: str) -> None:
    cooldown = app_commands.CommandOnCooldown(app_commands.Cooldown(6, 60), retry_after=retry_after)
    assert replies.error_text(cooldown) == f"Too fast. Try again in {says}."


def test_a_command_that_changed_and_one_in_a_private_message_say_what_to_do() -> None:
    assert "Reload Discord" in replies.error_text(app_commands.CommandNotFound("job", []))
    assert "only works in a server's channels" in replies.error_text(app_commands.NoPrivateMessage())


def test_a_bug_is_answered_with_a_reference_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    text = replies.error_text(ZeroDivisionError("secret details"))
    assert "secret" not in text
    reference = re.search(r"`([0-9a-f]{6})`", text)
    assert reference is not None
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "bot.ui.replies")
    assert reference[1] in record.message
    assert "secret details" in caplog.text


def refusal(status: int, code: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="")
    return discord.HTTPException(response, {"code": code, "message": "no"})


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (refusal(400, 50083), "HTTP 400, code 50083"),
        (refusal(404, 10008), "HTTP 404, code 10008"),
        (refusal(404, 10062), "HTTP 404, code 10062"),
        (refusal(503, 0), "HTTP 503, code 0"),
        (aiohttp.ServerDisconnectedError(), "ServerDisconnectedError"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=str,
)
async def test_an_event_that_discord_did_not_let_finish_is_a_line_without_traceback(
    caplog: pytest.LogCaptureFixture, error: Exception, line: str
) -> None:
    await handle(error, caplog)
    (record,) = caplog.records
    assert record.getMessage() == f"Discord did not let on_interaction finish ({line})"
    assert (record.levelno, record.exc_info) == (logging.INFO, None)


@pytest.mark.parametrize("error", [ZeroDivisionError(), refusal(400, 50035)], ids=str)
async def test_an_event_that_a_bug_ended_has_its_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    await handle(error, caplog)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


async def handle(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A handler of an event raises; discord.py passes that to the client."""
    with caplog.at_level(logging.INFO):
        try:
            raise error
        except type(error):
            await Darkroom.on_error(cast(Any, None), "on_interaction")
