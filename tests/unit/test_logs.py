"""Log lines: format, level, subject, and redaction of secrets."""

import asyncio
import contextlib
import io
import json
import logging
from collections.abc import Iterator

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bot import logs
from bot.models import Destination
from tests.strategies import JOBID
from tests.table import table

DISCORD_TOKEN = "MTk4.canary.discord"
USEAPI_TOKEN = "user:1-canary-useapi"
INTERACTION = "aW50ZXJhY3Rpb246canary-interaction-token"

log = logging.getLogger("darkroom.test")


@contextlib.contextmanager
def screen(
    level: str = "DEBUG",
    secrets: tuple[str, ...] = (DISCORD_TOKEN, USEAPI_TOKEN),
    form: str = "text",
    onto: io.StringIO | None = None,
) -> Iterator[io.StringIO]:
    """Capture standard error; logging is restored afterwards."""
    root = logging.getLogger()
    everyone = [root, *(logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    before = [(logger, logger.handlers[:], logger.level) for logger in everyone]
    try:
        with contextlib.redirect_stderr(onto or io.StringIO()) as output:
            logs.set_up(level, secrets, form)
            yield output
    finally:
        for logger, handlers, number in before:
            logger.handlers[:] = handlers
            logger.setLevel(number)


@table("form", ["text", "json"])
@table("secret", [DISCORD_TOKEN, USEAPI_TOKEN, USEAPI_TOKEN.replace(":", "%3A"), JOBID, JOBID.replace(":", "%3A")])
def test_no_secret_is_shown_anywhere_in_a_line(secret: str, form: str) -> None:
    with screen(form=form) as output:
        log.info("in the message %s" % secret)  # noqa: G002, UP031 -- as libraries write it
        log.info("in an argument %s and %r", secret, {"headers": [secret]})
        log.error("in an object %s", RuntimeError(secret))
        log.debug("by name %(name)s", {"name": secret})
    assert len(output.getvalue().splitlines()) == 4
    assert secret not in output.getvalue()
    assert output.getvalue().count("***") == 5


@table("form", ["text", "json"])
def test_no_secret_is_shown_in_a_traceback(form: str) -> None:
    def fail() -> None:
        try:
            raise ValueError(f"inner {USEAPI_TOKEN} {JOBID}")
        except ValueError as inner:
            raise RuntimeError(f"outer {DISCORD_TOKEN}") from inner

    with screen(form=form) as output:
        try:
            fail()
        except RuntimeError:
            log.exception("It broke", stack_info=True)
    text = output.getvalue()
    assert "Traceback" in text
    assert "RuntimeError: outer ***" in text
    assert "ValueError: inner *** job:***" in text
    assert "canary" not in text
    assert "user:12345" not in text


def test_no_secret_is_shown_in_the_repr_of_aiohttps_errors() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": f"Bearer {USEAPI_TOKEN}"}))
    url = URL(f"https://api.useapi.net/v2/jobs/?jobid={JOBID}")
    with screen() as output:
        log.warning("%r", aiohttp.ClientResponseError(aiohttp.RequestInfo(url, "GET", headers, url), (), status=500))
    assert "Authorization" in output.getvalue(), "this is why log lines are redacted"
    assert "canary" not in output.getvalue()
    assert "user:12345" not in output.getvalue()


@table("path", ["webhooks/123456789012345678/{}/messages/@original", "interactions/1/{}/callback"])
def test_an_interaction_token_is_redacted_but_the_url_around_it_is_not(path: str) -> None:
    with screen() as output:
        log.debug("POST https://discord.com/api/v10/%s has returned 404", path.format(INTERACTION))
    assert "canary" not in output.getvalue()
    assert f"/api/v10/{path.format('***')} has" in output.getvalue()


def test_every_known_form_of_a_job_id_is_redacted_whole() -> None:
    with screen() as output:
        log.info("<%s>", "job:20240909043306025-user:1234-channel:1187654321012345678-bot:midjourney")
        log.info("<%s>", "j0904202401234567890v-u123-c4567890123456789-bot:niji")
    assert [line.split("<")[1] for line in output.getvalue().splitlines()] == ["job:***>", "job:***>"]


def test_other_text_is_unchanged() -> None:
    with screen() as output:
        log.warning("job #4K7Q of user:12 is job: 3 of /webhooks/1/short")
    assert output.getvalue().endswith(" WARNING darkroom.test: job #4K7Q of user:12 is job: 3 of /webhooks/1/short\n")


def test_a_secret_that_contains_another_is_redacted_whole() -> None:
    with screen(secrets=("abc", "abcdef", "")) as output:
        log.info("abcdef abc")
    assert output.getvalue().endswith(": *** ***\n")


# --- levels ---------------------------------------------------------------------------------------------------------


def received(level: str) -> set[str]:
    """Return the loggers and levels that are shown at this level."""
    with screen(level) as output:
        for name in ("bot.polling.poller", "discord.http", "discord.gateway", "discord.webhook.async_", "aiosqlite"):
            for severity in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
                logging.getLogger(name).log(severity, "said")
    return {f"{line.split()[3].rstrip(':')} {line.split()[2]}" for line in output.getvalue().splitlines()}


def test_by_default_our_info_lines_are_shown_and_only_warnings_of_libraries() -> None:
    seen = received("INFO")
    assert {"bot.polling.poller INFO", "discord.http WARNING", "aiosqlite WARNING"} < seen
    assert not {"bot.polling.poller DEBUG", "discord.http INFO", "aiosqlite DEBUG"} & seen


def test_by_default_discord_pys_warnings_about_unused_features_are_hidden() -> None:
    with screen("INFO") as output:
        logging.getLogger("discord.client").warning("PyNaCl is not installed, voice will NOT be supported")
        logging.getLogger("discord.state").warning("Guilds intent seems to be disabled.")
    assert output.getvalue() == ""


def test_debug_shows_all_but_loggers_of_tokens_and_frames() -> None:
    seen = received("DEBUG")
    assert {"bot.polling.poller DEBUG", "discord.http INFO", "discord.gateway INFO"} < seen
    assert not {"discord.http DEBUG", "discord.gateway DEBUG", "discord.webhook.async_ DEBUG", "aiosqlite DEBUG"} & seen


@table(("level", "severities"), [("WARNING", {"WARNING", "ERROR"}), ("ERROR", {"ERROR"})])
def test_nothing_below_the_level_is_shown(level: str, severities: set[str]) -> None:
    assert {each.split()[1] for each in received(level)} == severities


def test_a_line_is_shown_once_however_often_logging_is_set_up() -> None:
    with screen() as output:
        logs.set_up("INFO", ())
        log.info("once")
    assert output.getvalue().count("once") == 1


# --- formats --------------------------------------------------------------------------------------------------------

HERE = Destination(guild_id=100000000000000001, channel_id=200000000000000002)


def test_json_is_one_object_per_line_with_its_subject() -> None:
    quoted = 'a"b\\c'
    with screen(form="json", secrets=(quoted,)) as output:
        with logs.about(key="4K7Q", destination=HERE):
            log.warning("two\nlines and %s", quoted)
        try:
            raise ValueError(quoted)
        except ValueError:
            log.exception("broke")
    warning, error = (json.loads(line) for line in output.getvalue().splitlines())
    assert warning.pop("time").endswith("+00:00")
    assert warning == {
        "level": "WARNING",
        "logger": "darkroom.test",
        "message": "two\nlines and ***",
        "key": "4K7Q",
        "guild": "100000000000000001",
        "channel": "200000000000000002",
    }
    assert error["traceback"].endswith("ValueError: ***")
    assert "key" not in error


async def test_only_lines_inside_the_subject_of_a_job_name_it() -> None:
    async def deliver() -> None:
        with logs.about(destination=HERE):
            await asyncio.sleep(0)
            with logs.about(key="4K7Q"):
                logging.getLogger("discord.http").warning("We are being rate limited")
            log.info("done")

    async def serve() -> None:
        for key in ("AAAA", ""):
            logs.turn_to(key=key, destination=None if key else HERE)
            log.info("served")

    with screen() as output:
        await asyncio.create_task(serve())
        with logs.about(key="OTHER"):
            other = asyncio.create_task(asyncio.sleep(0))
        await asyncio.gather(deliver(), other)
        log.info("idle")
    first, second, limited, done, idle = [line.split(": ", 1)[1] for line in output.getvalue().splitlines()]
    assert (first, second) == ("served (#AAAA)", "served (guild 100000000000000001, channel 200000000000000002)")
    assert limited == ("We are being rate limited (guild 100000000000000001, channel 200000000000000002, #4K7Q)")
    assert done == "done (guild 100000000000000001, channel 200000000000000002)"
    assert idle == "idle"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for onto, form, coloured in (
        (Terminal(), "text", True),
        (io.StringIO(), "text", False),
        (Terminal(), "json", False),
    ):
        with screen(onto=onto, form=form) as output:
            log.error("red")
            log.info("as it is")
        assert [line.startswith("\x1b[31m") for line in output.getvalue().splitlines()] == [coloured, False]
    monkeypatch.setenv("NO_COLOR", "1")
    with screen(onto=Terminal()) as output:
        log.error("plain")
    assert "\x1b" not in output.getvalue()
