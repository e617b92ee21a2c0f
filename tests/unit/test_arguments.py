"""The command line: where settings are, and a file of settings to begin with."""

import contextlib
import io
import os
import stat
import sys
from pathlib import Path

import pytest

from bot import installation
from bot.__main__ import _not_installed, main
from bot.cli.arguments import dotenv_to_create, locate_settings, read_arguments
from bot.cli.init import create_dotenv
from bot.errors import SettingsError, StartError
from bot.settings import from_environment, some_settings
from tests.table import table


@pytest.fixture(autouse=True)
def current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_settings_are_in_the_current_folder() -> None:
    assert locate_settings({"A": "b"}, None) == ({"A": "b"}, Path(".env"))


def test_a_folder_after_data_is_where_the_database_is_and_may_have_its_own_settings(tmp_path: Path) -> None:
    here, there = Path(".env"), tmp_path / "there"
    there.mkdir()
    (there / ".env").write_text("DATA_DIR=elsewhere\n", encoding="utf-8")
    environ, dotenv = locate_settings({"DATA_DIR": "third"}, there)
    assert dotenv == there / ".env"
    assert some_settings(environ, "DATA_DIR", dotenv=dotenv) == {"data_dir": there}
    here.write_text("", encoding="utf-8")
    assert locate_settings({}, there).dotenv == there / ".env"
    (there / ".env").unlink()
    assert locate_settings({}, there).dotenv == here
    assert dotenv_to_create(there) == there / ".env", "beside settings that another bot has here"
    assert dotenv_to_create(None) == here
    here.unlink()
    assert locate_settings({}, there).dotenv == there / ".env", "the one that a sentence asks for"


def test_init_writes_settings_for_their_owner_alone_and_never_over_others(tmp_path: Path) -> None:
    dotenv = tmp_path / "new" / ".env"
    assert create_dotenv(dotenv).startswith(f"Wrote {dotenv}.")
    assert stat.S_IMODE(dotenv.stat().st_mode) == 0o600
    example = installation.example_settings()
    assert example is not None
    assert dotenv.read_bytes() == example.read_bytes()
    dotenv.write_text("MINE=1\n", encoding="utf-8")
    with pytest.raises(StartError, match="it was left as it is"):
        create_dotenv(dotenv)
    assert dotenv.read_text(encoding="utf-8") == "MINE=1\n"
    with pytest.raises(StartError, match="cannot be created: Not a directory"):
        create_dotenv(dotenv / "deeper" / ".env")


def test_a_start_without_settings_says_how_to_get_them_in_a_checkout_and_when_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SettingsError, match=r"no file \.env yet: cp \.env\.example \.env, then"):
        from_environment({})
    monkeypatch.setattr(installation, "is_installed", lambda: True)
    with pytest.raises(SettingsError, match=r"no file \.env yet: darkroom init, then"):
        from_environment({})
    assert "`pipx reinstall darkroom`" in installation.how_to_install_packages()


def test_the_demo_has_arguments_of_its_own_and_no_other_command_takes_unknown_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert read_arguments(["demo", "--port", "1234", "--no-browser"]).others == ["--port", "1234", "--no-browser"]
    with pytest.raises(SystemExit):
        read_arguments(["run", "--port", "1234"])
    assert "unrecognized arguments: --port 1234" in capsys.readouterr().err


@table("typed", ["18446744073709551617", "9223372036854775808", "0", "studio", "15022439536872654²"])
def test_what_cannot_be_the_id_of_a_server_is_said(typed: str) -> None:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), pytest.raises(SystemExit):
        read_arguments(["export", typed, "archive"])
    where = "In Discord: right-click the server, Copy Server ID."
    last = said.getvalue().splitlines()[-1]
    assert last.endswith(f"argument server: {typed} is not the id of a server. {where}")


@pytest.mark.parametrize(
    ("encoding", "words", "lines"),
    [
        ("cp1252", ["check"], ["x settings: DISCORD_TOKEN is missing", "    -> the bot's token: Discord"]),
        ("ascii", ["restore", "--help"], ["  file           such as data/backups/nightly-....sqlite3"]),
    ],
)
def test_signs_that_the_output_cannot_encode_are_plain_ones(
    monkeypatch: pytest.MonkeyPatch, encoding: str, words: list[str], lines: list[str]
) -> None:
    monkeypatch.setattr("bot.logs.set_up", lambda *_: None)
    monkeypatch.setattr(os, "environ", {"UPDATE_CHECK": "off", "COLUMNS": "120"})
    monkeypatch.setattr(sys, "argv", ["darkroom", *words])
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with contextlib.suppress(SystemExit):
        main()
    sys.stdout.flush()
    said = screen.getvalue().decode(encoding)
    assert [line for line in lines if f"\n{line}" not in said] == []


def test_what_is_missing_is_said_with_what_brings_it() -> None:
    assert "The image does not contain the demo" in str(_not_installed("bot.demo"))
    assert "`make demo` installs it" in str(_not_installed("simcord.env"))
    assert str(_not_installed("discord.ext")).endswith("`make .venv/run` installs all that Darkroom needs.")
    assert _not_installed("bot.typo") is None, "a bug, which is shown as one"
