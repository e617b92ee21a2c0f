"""The heap of due times, at times that the test hands in."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bot.polling.schedule import Schedule
from tests.table import table


def schedule_of(**due: float) -> Schedule:
    """Jobs 1, 2, 3 … as `a`, `b`, `c` …, each due at its time."""
    schedule = Schedule()
    for name, at in due.items():
        schedule.reschedule(ord(name) - ord("a") + 1, at)
    return schedule


@table(
    ("until", "limit", "taken"),
    [
        (5, 10, []),
        (10, 10, [1]),
        (25, 10, [1, 3]),
        (99, 10, [1, 3, 2]),
        (99, 2, [1, 3]),
        (99, 0, []),
    ],
)
def test_due_jobs_are_taken_oldest_first_up_to_a_limit(until: float, limit: int, taken: list[int]) -> None:
    assert schedule_of(a=10, b=30, c=20).take_due(until, limit) == taken


def test_a_job_that_was_taken_is_overdue_and_not_taken_again() -> None:
    schedule = schedule_of(a=10, b=30)
    assert schedule.take_due(10, 10) == [1]
    assert schedule.take_due(20, 10) == []
    assert 1 in schedule
    assert schedule.due_time(1) == schedule.oldest_due_time() == 10
    assert schedule.next_due_time() == 30
    schedule.reschedule(1, 40)
    assert schedule.oldest_due_time() == 30
    assert schedule.take_due(50, 10) == [2, 1]


@table(
    ("before", "at", "changed", "due"),
    [
        (None, 20, True, 20),
        (30, 20, True, 20),
        (20, 20, False, 20),
        (10, 20, False, 10),
    ],
)
def test_adding_a_job_moves_it_forward_but_never_back(
    before: float | None, at: float, changed: bool, due: float
) -> None:
    schedule = schedule_of() if before is None else schedule_of(a=before)
    assert schedule.add(1, at) is changed
    assert schedule.due_time(1) == due
    assert schedule.take_due(math.inf, 10) == [1]


@table("times", [[30, 10, 20], [10, 20, 30], [20, 20, 20]])
def test_a_rescheduled_job_is_due_once_at_its_last_time(times: list[float]) -> None:
    schedule = Schedule()
    for at in times:
        schedule.reschedule(1, at)
    assert schedule.take_due(times[-1] - 1, 10) == []
    assert schedule.take_due(times[-1], 10) == [1]
    assert schedule.take_due(math.inf, 10) == []


def test_a_forgotten_job_is_due_no_more_and_may_be_added_again() -> None:
    schedule = schedule_of(a=10, b=20)
    schedule.forget(1)
    schedule.forget(9)
    assert 1 not in schedule
    assert schedule.jobs() == [2]
    assert schedule.due_time(1) == math.inf
    assert schedule.add(1, 40)
    assert schedule.take_due(math.inf, 10) == [2, 1]


def test_an_empty_schedule_has_nothing_due_ever() -> None:
    schedule = schedule_of(a=10, b=20)
    schedule.clear()
    assert schedule.jobs() == []
    assert schedule.next_due_time() == schedule.oldest_due_time() == math.inf
    assert schedule.take_due(math.inf, 10) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["add", "move", "forget", "take"]), st.integers(0, 9))))
def test_it_agrees_with_a_plain_dictionary(steps: list[tuple[int, str, int]]) -> None:
    schedule = Schedule()
    due: dict[int, float] = {}
    taken: set[int] = set()
    for job_id, step, at in steps:
        if step == "take":
            expected = {each for each, time in due.items() if time <= at and each not in taken}
            assert set(schedule.take_due(at, 99)) == expected
            taken |= expected
        elif step == "forget":
            schedule.forget(job_id)
            due.pop(job_id, None)
            taken.discard(job_id)
        elif step == "move" or at < due.get(job_id, math.inf):
            (schedule.reschedule if step == "move" else schedule.add)(job_id, at)
            due[job_id] = at
            taken.discard(job_id)
        else:
            assert not schedule.add(job_id, at)
    assert {each: schedule.due_time(each) for each in schedule.jobs()} == due
