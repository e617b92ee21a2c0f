"""The project's terms: a word that one of them replaced does not come back as a name."""

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from tests.table import table

ROOT = Path(__file__).parents[2]
FOLDERS = ("bot", "cogs", "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md")

REPLACED = {
    "alarm": "wakeup",
    "anew": "again",
    "apis?": "provider",
    "asked": "subscribed, requested",
    "asking": "subscribing",
    "budgets?": "rate limit",
    "(?<!status_)cards?": "status card",
    "chosen": "selected; for settings: changes",
    "couriers?": "dispatcher",
    "expecting": "first poll",
    "hold|held|holds|holding": "pause, of the queue; delay; contain",
    "housekeeping|tend|upkeep": "maintenance, pruning",
    "in_line|(in|of|from)_the_line|(their|our|waiting)_line": "queue",
    "kin": "related",
    "knock": "webhook",
    "look(s|ed|ing)?": "poll",
    "oracle": "validator",
    "pac(e|es)": "durations",
    "peek": "file header",
    "placed": "posted",
    "places?": "destination, channel",
    "presses": "submissions",
    "pretend": "fake",
    "search(es|ed|ing)?": "reconcile",
    "shape": "fallback",
    "shown": "posted_revision",
    "sources?": "provider, circuit breaker",
    "stands?": "posted",
    "tells?|told|telling": "notify, answer",
    "unwatched": "without a subscription",
    "verdicts": "retry policy",
    "(own|elses)_waits?": "subscription",
    "walls": "ssrf",
    "wanted": "revision",
    "watch(es|ed|ing)?": "subscription",
    "watchers?": "poller",
    "wish(es)?": "subscription, request",
    "workshop": "image worker",
}
"""Words, as a regular expression for one or several words with `_` between them → the term for them."""

CLICKS = "clicks on a button, which a press still is"
ALLOWED = {
    "apis?": {
        "*: *api_url": "the address of Discord's REST API",
        "bot/settings.py: DISCORD_API_URL": "the address of Discord's REST API",
        "bot/discord_codes.py: *": "Discord's own names of its error codes",
        "bot/demo/useapi/*: *": "the endpoints of the fake useapi.net",
        "tests/fakes/discord/server.py: *": "the endpoints of the fake Discord",
        "tests/*: test_*": "how useapi.net behaves",
    },
    "asked": {"tests/*: test_*": "a question or a request, to a member or a service"},
    "presses": {
        "bot/ui/press/press_request.py: PressesJob": CLICKS,
        "cogs/admin.py: presses": "the command /darkroom presses",
        "tests/bench/soak.py: presses": CLICKS,
        "tests/crash/submission_run.py: presses": CLICKS,
        "tests/*: test_*": CLICKS,
    },
    "search(es|ed|ing)?": {
        "bot/delivery/history.py: _searched_to": "the history of a channel is searched for a post",
        "tests/component/test_backups.py: test_*": "the history of a channel is searched for a post",
    },
    "shape": {"bot/demo/pictures/brush.py: shape": "a figure that is painted"},
    "shown": {"tests/*: test_*": "what can be read on the screen, not a revision"},
    "sources?": {
        "bot/images/worker/*: *": "the file that an image is read from",
        "bot/messages/*: *": "where the pictures of a post can be fetched",
        "tests/component/test_image_worker_pool.py: *": "the file that an image is read from",
        "tests/fakes/discord/*: *": "the message that an interaction came from",
        "tests/image/*: *": "where the packages and files of the image come from",
        "tests/unit/*: *": "source code",
    },
}
"""Words of `REPLACED` → patterns for "file: name" → the other sense in which the word is meant there."""


@cache
def in_snake_case(name: str) -> str:
    """`ThisName`, `this_name` and "This name" as `this_name`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+", "_", apart).lower()


def has(words: str, name: str) -> bool:
    return re.search(rf"(?<![^_])(?:{words})(?![^_])", in_snake_case(name)) is not None


WORD = re.compile(r"[A-Za-z_]\w*")
PROSE = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\n\\]|\\.)*"|\'(?:[^\'\n\\]|\\.)*\'|#[^\n]*', re.DOTALL)
"""Strings and comments; the formatter has chosen the quotes."""


@cache
def is_suspect(name: str) -> bool:
    """Whether a name has a word that was replaced, in whatever sense."""
    return has("|".join(REPLACED), name)


def may_define_suspects(source: str) -> bool:
    """Whether a file has to be parsed, which takes ten times as long as this: most have no such word in their code."""
    code = PROSE.sub(lambda found: found[0] if "{" in found[0] or "darkroom_" in found[0] else "", source)
    return any(map(is_suspect, set(WORD.findall(code))))


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
            case ast.MatchAs(name=str(name)) | ast.ExceptHandler(name=str(name)):
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
    """Every name that may have a word that was replaced, and others, with the file that defines it."""
    found = {("the database", name) for name in names_in_schema()}
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        file = str(path.relative_to(ROOT))
        found |= {(file, part) for part in (*path.parent.relative_to(ROOT).parts, path.stem)}
        if may_define_suspects(source := path.read_text(encoding="utf-8")):
            found |= {(file, name) for name in names_in_code(ast.parse(source))}
    for path in (path for page in PAGES for path in ROOT.glob(page)):
        headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {(str(path.relative_to(ROOT)), heading) for heading in headings}
    return frozenset(found)


@cache
def suspects() -> frozenset[tuple[str, str]]:
    """Every name with a word that was replaced, whatever its sense, with the file that defines it."""
    return frozenset((file, name) for file, name in names() if is_suspect(name))


def replaced(words: str) -> set[str]:
    """The names with one of these words, as "file: name"."""
    return {f"{file}: {name}" for file, name in suspects() if has(words, name)}


def is_allowed(words: str, name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in ALLOWED.get(words, {}))


def test_no_name_has_a_word_that_was_replaced_and_each_exception_is_needed() -> None:
    """One test, because each worker of pytest would parse all files again for another one."""
    defined = {name for _, name in names()}
    assert {"deliveries", "message_id", "PressesJob", "test_glossary", "Recipes"} - defined == set()
    found = {words: replaced(words) for words in REPLACED}
    assert {
        f"{name} (the term is {term})"
        for words, term in REPLACED.items()
        for name in found[words]
        if not is_allowed(words, name)
    } == set()
    assert {
        pattern
        for words, patterns in ALLOWED.items()
        for pattern in patterns
        if not any(fnmatch(name, pattern) for name in found[words])
    } == set()


@table(
    "source",
    [
        "def courier(): ...",
        "class NightCourier: ...",
        "async def send(courier): ...",
        "the_courier = 1",
        "self.courier_task = 1",
        "import dispatcher as courier",
        "for courier in (): ...",
        "try: ...\nexcept OSError as courier: ...",
        "NAME = 'darkroom_courier_seconds'",
    ],
)
def test_a_replaced_word_is_seen(source: str) -> None:
    assert any(has("couriers?", name) for name in names_in_code(ast.parse(source)))
    assert may_define_suspects(source)


def test_a_word_is_the_whole_word_and_may_depend_on_the_one_before() -> None:
    assert has("watch(es|ed)?", "TheWatchedJob")
    assert not has("watch(es|ed)?", "stopwatch")
    assert has("(?<!status_)cards?", "new_card")
    assert not has("(?<!status_)cards?", "StatusCard")
