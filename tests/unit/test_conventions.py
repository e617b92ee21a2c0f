"""Conventions that no other tool checks."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

from tests import log

ROOT = Path(__file__).parents[2]
PATHS = [path for folder in ("bot", "cogs") for path in sorted((ROOT / folder).rglob("*.py"))]
SOURCES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PATHS}
MACHINE = re.compile(r"(?<![\w.~])/(?:work|home|root|Users|opt|mnt|usr/local)/|\b[A-Z]:\\\\", re.ASCII)
"""The beginnings of paths that exist on somebody's machine only."""


def test_every_file_says_what_it_is_for() -> None:
    assert {"bot/__main__.py", "cogs/jobs.py"} < SOURCES.keys()
    assert [name for name, source in SOURCES.items() if source and not re.match(r'""".', source)] == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert [name for name, source in SOURCES.items() if MACHINE.search(source)] == []


def test_the_map_in_contributing_names_every_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    parts = [path for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    names = {f"`bot/{path.name}{'/' if path.is_dir() else ''}`" for path in parts} - {"`bot/__init__.py`"}
    assert {name for name in names if name not in text} == set()


def test_nothing_happens_when_a_file_is_imported() -> None:
    acts = (ast.For, ast.While, ast.With, ast.Try, ast.Delete, ast.Raise)
    # Parsed where a line looks like it, in the code or in a string: parsing all takes half a second.
    suspicious = re.compile(r"^(?:(?:for|while|with|try|del|raise)\b|[\w.\[\]]+\()", re.MULTILINE)
    acting = [
        name
        for name, source in SOURCES.items()
        if suspicious.search(source)
        for node in ast.parse(source).body
        if isinstance(node, acts) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ]
    assert acting == ["bot/discord_internals.py"]  # which checks that discord.py has what it needs


def test_the_loggers_whose_lines_must_name_a_job_exist() -> None:
    assert [name for name in log.ABOUT_JOBS if find_spec(name) is None] == []
    assert [
        name for name in log.ABOUT_JOBS if "getLogger(__name__)" not in SOURCES[f"{name.replace('.', '/')}.py"]
    ] == []
