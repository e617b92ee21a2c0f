"""The page of figures: what `make bench` writes, without measuring anything."""

from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.report import Table, keep, percentile, spread
from tests.bench.soak import slope


def test_a_table_comes_between_its_words() -> None:
    table = Table(head=["what", "figure"], rows=[["memory", "57 MB"]], before="Before.", after="After.")
    assert table.markdown() == "Before.\n\n| what | figure |\n| --- | --- |\n| memory | 57 MB |\n\nAfter."


def test_a_figure_is_the_median_with_the_lowest_and_the_highest() -> None:
    assert spread([3.0, 1.0, 2.0], ".1f") == "2.0 [1.0..3.0]"
    assert spread([1234.5]) == "1,234"
    assert percentile([5.0, 1.0, 3.0, 4.0, 2.0], 0.5) == 3.0
    assert percentile([], 0.99) == 0.0


def test_a_section_that_is_measured_again_replaces_its_last_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "performance.md"
    monkeypatch.setattr(report, "PAGE", page)
    order = ("polls", "scale")
    for name, figures in (("scale", "## Scale\n\n1"), ("polls", "## Polls\n\n2"), ("scale", "## Scale\n\n3")):
        keep(name, figures, order)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# What Darkroom costs")
    assert [line for line in text.splitlines() if line in {"1", "2", "3"}] == ["2", "3"]


def test_the_slope_of_a_soak_comes_with_its_error() -> None:
    assert slope([0.0, 1.0, 2.0, 3.0], [10.0, 1010.0, 2010.0, 3010.0]) == "+1,000 ± 0"
    assert slope([0.0, 1.0, 2.0, 3.0], [5.0, 15.0, 5.0, 15.0]) == "+2 ± 3"
