"""Figures as tables: printed, and kept in docs/performance.md, each section between two marks of its own."""

import os
import platform
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"

_HEAD = """# What Darkroom costs, and how fast it is

`make bench` measures all of this and writes this page; `.venv/bin/python -m tests.bench <section>` measures one again.
Figures are medians of several runs taken in turn, with the lowest and the highest behind them where that says
something. Trust ratios more than absolute figures: both sides of a ratio ran on the same machine in the same minutes.
The other side is on the same machine, so the network costs nothing here, and is a model of useapi and of Discord.
"""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table and what stands around it; every cell is text already."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    before: str = ""
    after: str = ""

    def markdown(self) -> str:
        lines = [_row(self.head), _row(["---"] * len(self.head)), *map(_row, self.rows)]
        return "\n\n".join(filter(None, (self.before, "\n".join(lines), self.after)))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """The median, and the lowest and the highest of several runs."""
    middle = format(statistics.median(values), form)
    if len(values) < 2:
        return middle
    return f"{middle} [{format(min(values), form)}..{format(max(values), form)}]"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0-1) of them lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def unrest(seconds: float = 1.0) -> float:
    """How restless the machine is: how much longer short pieces of work take on average than the quickest.

    0 is a machine that does nothing else; 1 one on which everything takes twice as long as it could.
    """
    pieces: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        sum(number * number for number in range(20_000))
        pieces.append(time.perf_counter() - started)
    return statistics.mean(pieces) / min(pieces) - 1


def measured(unrest_before: float, unrest_after: float) -> str:
    """One line about when and where a section was measured."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return (
        f"-# {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {load:.1f}; the same piece of work took {unrest_before:+.0%} before and {unrest_after:+.0%} after it, "
        "compared with the quickest"
    ).removeprefix("-# ")


def keep(name: str, text: str, order: Sequence[str]) -> None:
    """Put a section into the page, in the place of its last figures."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    kept = dict(re.findall(r"<!-- (\w+) -->\n(.*?)\n<!-- /\1 -->", page, re.DOTALL))
    kept[name] = text
    parts = [f"<!-- {each} -->\n{kept[each]}\n<!-- /{each} -->" for each in order if each in kept]
    PAGE.write_text("\n\n".join([_HEAD.strip(), *parts]) + "\n", encoding="utf-8")
