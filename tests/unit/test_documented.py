"""README.md and .env.example name every setting and every command, and none that does not exist."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from discord import AppCommandType, app_commands

from bot.app import open_darkroom
from bot.client import COGS, PERMISSIONS
from bot.models.provider import ProviderName, worded
from bot.settings import SETTINGS, Secret, Setting, Settings, from_environment
from tests.table import table

ROOT = Path(__file__).parents[2]
TOKEN_FILES = {setting.from_file for setting in SETTINGS if setting.from_file}
NAMES = {setting.name for setting in SETTINGS}
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
ASSIGNMENTS = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


@pytest.fixture
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


async def every_command(folder: Path) -> set[str]:
    """What people can call: "/job", or the words in the menu of a message."""
    settings = Settings(discord_token=Secret("x"), useapi_token=Secret("x"), allowed_guilds=None, data_dir=folder)
    async with open_darkroom(settings) as bot:
        for cog in COGS:
            await bot.load_extension(cog)
        menus = [
            *bot.tree.walk_commands(type=AppCommandType.message),
            *bot.tree.walk_commands(type=AppCommandType.user),
        ]
        typed = [each for each in bot.tree.walk_commands() if isinstance(each, app_commands.Command)]
        return {menu.name for menu in menus} | {f"/{command.qualified_name}" for command in typed}


def words_like_settings(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text))


@table("setting", SETTINGS)
def test_the_example_names_each_setting_with_its_default(setting: Setting) -> None:
    assert ASSIGNMENTS[setting.name] == (setting.default or "")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_readme_names_each_setting_with_its_default(setting: Setting, readme: str) -> None:
    lines = [line for line in readme.splitlines() if re.search(rf"\b{setting.name}\b", line)]
    assert lines, f"README.md does not name {setting.name}"
    words = (setting.default or "").split()
    assert any(all(re.search(rf"(?<![\w.]){re.escape(word)}(?![\w/])", line) for word in words) for line in lines), (
        f"no line of README.md says that {setting.name} is {setting.default!r} by default"
    )


def test_the_example_names_no_other_settings() -> None:
    assert set(ASSIGNMENTS) == NAMES
    assert words_like_settings(EXAMPLE) <= NAMES | TOKEN_FILES


def test_the_readme_names_no_other_settings(readme: str) -> None:
    assert words_like_settings(readme) <= NAMES | TOKEN_FILES


def test_the_readme_and_the_example_say_that_tokens_may_come_from_files(readme: str) -> None:
    assert words_like_settings(readme) >= TOKEN_FILES
    assert words_like_settings(EXAMPLE) >= TOKEN_FILES


def test_the_example_works_once_the_settings_at_its_top_are_filled_in(tmp_path: Path) -> None:
    filled = EXAMPLE
    top = {"DISCORD_TOKEN": "a", "ALLOWED_GUILDS": "*", "MJ_PROXY_URL": "http://127.0.0.1:8080", "MJ_PROXY_SECRET": "b"}
    for name, value in top.items():
        filled = filled.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    (tmp_path / "three").write_text(filled, encoding="utf-8")
    (tmp_path / "all").write_text(re.sub(r"^#(?=[A-Z_]+=)", "", filled, flags=re.MULTILINE), encoding="utf-8")
    three, everything = (from_environment({}, tmp_path / name) for name in ("three", "all"))
    assert repr(three) == repr(everything), "what stands behind # is the default"


def test_what_people_may_read_is_quoted_as_the_bot_says_it() -> None:
    files = [file for folder in ("bot", "cogs") for file in (ROOT / folder).rglob("*.py")]
    code = " ".join(file.read_text(encoding="utf-8") for file in files)
    said = re.sub(r"\s+", " ", re.sub(r'"\s*f?"', "", code))  # one sentence may stand on several lines
    said = worded(said.replace("{title}", "{provider}").replace("%s", "{provider}"), ProviderName.USEAPI)
    symptoms = re.findall(r"^\| (.*?) \|", (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    quoted = [quote for symptom in symptoms for quote in re.findall(r'"([^"]+)"', symptom)]
    assert len(quoted) > 20
    pieces = {piece.strip(" ?") for quote in quoted for piece in quote.split("…")} - {
        "",
        "The application did not respond",
    }
    assert not [piece for piece in pieces if piece not in said], (
        "docs/troubleshooting.md quotes what the bot never says"
    )


async def test_the_readme_names_each_command(readme: str, tmp_path: Path) -> None:
    missing = {name for name in await every_command(tmp_path) if not re.search(rf"`?{re.escape(name)}(?!\w)", readme)}
    assert not missing


async def test_the_readme_names_no_command_that_does_not_exist(readme: str, tmp_path: Path) -> None:
    commands = await every_command(tmp_path)
    spans = re.findall(r"`(/[a-z][^`/.]*)`", readme)
    unknown = {span for span in spans if not any(f"{span} ".startswith(f"{name} ") for name in commands)}
    assert not unknown, "in README.md a code span that begins with a slash is a command"


def test_an_invite_link_in_the_readme_asks_for_what_the_bot_needs(readme: str) -> None:
    assert set(re.findall(r"[?&]permissions=(\d+)", readme)) <= {str(PERMISSIONS.value)}


def test_the_page_about_privacy_names_each_table_that_is_kept() -> None:
    page = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| .*? \| (`.*?`) \|", page, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    with closing(sqlite3.connect(":memory:")) as database:
        for migration in sorted((ROOT / "bot/store/migrations").glob("*.sql")):
            database.executescript(migration.read_text(encoding="utf-8"))
        # Those that SQLite makes for an index are part of it.
        tables = {row[1] for row in database.execute("PRAGMA table_list") if row[2] in {"table", "virtual"}}
    assert named == {table for table in tables if not table.startswith("sqlite_")}
