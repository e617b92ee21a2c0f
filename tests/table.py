"""A table of cases that is one test: a case of it costs microseconds, a test of its own several milliseconds."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def table(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test once for each case, as `pytest.mark.parametrize` does, but as one test and without fixtures.

    All cases are run. Those that fail are in the `ExceptionGroup` that is raised, each with a note. Tables may be
    stacked.
    """
    arguments = (names,) if isinstance(names, str) else names
    rows = [dict(zip(arguments, _values(case, len(arguments)), strict=True)) for case in cases]
    assert rows, "a table without cases tests nothing"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(**others: Any) -> None:
            failures = []
            for row in rows:
                try:
                    test(**row, **others)
                except Exception as failure:  # noqa: BLE001 -- raised when the other cases have been run
                    failure.add_note(f"the case: {repr(row)[:500]}")
                    failures.append(failure)
            if failures:
                raise ExceptionGroup(f"{len(failures)} of {len(rows)} cases failed", failures)

        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(run, attribute, getattr(test, attribute))
        parameters = inspect.signature(test).parameters.items()
        # pytest takes the parameters for the names of fixtures; what is left is that of a table further out.
        vars(run)["__signature__"] = inspect.Signature([each for name, each in parameters if name not in arguments])
        return run

    return decorate


def _values(case: Any, count: int) -> Iterable[Any]:
    if isinstance(case, type(pytest.param())):
        case = case.values[0] if count == 1 else case.values
    return (case,) if count == 1 else tuple(case)
