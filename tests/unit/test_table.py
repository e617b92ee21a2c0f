"""A table of cases: all are run, and each that fails is named."""

import pytest

from tests.table import table


def test_every_case_is_run_and_each_that_fails_is_named() -> None:
    seen = []

    @table(("left", "right"), [(1, 1), pytest.param(1, 2, id="odd"), (3, 4)])
    @table("side", ["top", "bottom"])
    def are_equal(left: int, right: int, side: str) -> None:
        seen.append((left, right, side))
        assert left == right or side == "top"

    with pytest.raises(ExceptionGroup, match="2 of 3 cases failed") as failed:
        are_equal()
    assert len(seen) == 6
    assert [error.__notes__ for error in failed.value.exceptions] == [
        ["the case: {'left': 1, 'right': 2}"],
        ["the case: {'left': 3, 'right': 4}"],
    ]
