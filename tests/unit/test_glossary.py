"""The project's terms: a word that one of them replaced does not come back as a name."""

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bot", "cogs", "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md")

REPLACED = {
    "alarm": "wakeup",
    "expecting": "first poll",
    "housekeeping|tend|upkeep": "maintenance, pruning",
    "knock": "webhook",
    "pac(e|es)": "durations",
    "peek": "file header",
    "placed": "posted",
    "pretend": "fake",
    "unwatched|watchers": "subscription, poller",
    "verdicts": "retry policy",
    "walls": "ssrf",
    "workshop": "image worker",
}
"""Words, as a regular expression for one or several words with `_` between them → the term for them."""

ALLOWED: dict[str, str] = {}
"""A pattern for "file: name" → the other sense in which the word is meant there."""


def in_snake_case(name: str) -> str:
    """`ThisName`, `this_name` and "This name" as `this_name`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+", "_", apart).lower()


def has(words: str, name: str) -> bool:
    return re.search(rf"(?<![^_])(?:{words})(?![^_])", in_snake_case(name)) is not None


def names_in_code(tree: ast.Module) -> Iterator[str]:
    """What a module defines: functions, classes, arguments, variables and attributes, and names of metrics."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.Constant(value=str(name)) if re.fullmatch(r"darkroom_\w+", name):
                yield name


def names_in_schema() -> Iterator[str]:
    """The tables, columns, indexes and triggers of a new database."""
    with closing(sqlite3.connect(":memory:")) as database:
        for migration in sorted((ROOT / "bot/store/migrations").glob("*.sql")):
            database.executescript(migration.read_text(encoding="utf-8"))
        for kind, name, table in database.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall():
            yield name
            if kind == "table":
                yield from (row[0] for row in database.execute("SELECT name FROM pragma_table_info(?)", (table,)))


@cache
def names() -> frozenset[tuple[str, str]]:
    """Every name with the file that defines it."""
    found = {("the database", name) for name in names_in_schema()}
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        file = str(path.relative_to(ROOT))
        found |= {(file, part) for part in (*path.parent.relative_to(ROOT).parts, path.stem)}
        found |= {(file, name) for name in names_in_code(ast.parse(path.read_text(encoding="utf-8")))}
    for path in (path for page in PAGES for path in ROOT.glob(page)):
        headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {(str(path.relative_to(ROOT)), heading) for heading in headings}
    return frozenset(found)


def replaced(words: str) -> list[str]:
    """The names with one of these words, as "file: name", but for those that are allowed."""
    found = (f"{file}: {name}" for file, name in names() if has(words, name))
    return sorted(each for each in found if not any(fnmatch(each, pattern) for pattern in ALLOWED))


def test_no_name_has_a_word_that_was_replaced() -> None:
    found = {f"{each} (the term is {term})" for words, term in REPLACED.items() for each in replaced(words)}
    assert found == set()


def test_names_are_read_from_code_metrics_schema_files_and_headings() -> None:
    assert {"deliveries", "message_id", "Dispatcher", "test_glossary", "Recipes"} - {
        name for _, name in names()
    } == set()
    assert any(name.startswith("darkroom_") for _, name in names())


@pytest.mark.parametrize(
    "source",
    [
        "def courier(): ...",
        "class NightCourier: ...",
        "async def send(courier): ...",
        "the_courier = 1",
        "self.courier_task = 1",
        "import dispatcher as courier",
        "for courier in (): ...",
        "NAME = 'darkroom_courier_seconds'",
    ],
)
def test_a_replaced_word_is_seen(source: str) -> None:
    assert any(has("couriers?", name) for name in names_in_code(ast.parse(source)))


def test_a_word_is_the_whole_word_and_may_depend_on_the_one_before() -> None:
    assert has("watch(es|ed)?", "TheWatchedJob")
    assert not has("watch(es|ed)?", "stopwatch")
    assert has("(?<!status_)cards?", "new_card")
    assert not has("(?<!status_)cards?", "StatusCard")
