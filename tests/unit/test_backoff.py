"""The pauses between retries."""

import pytest

from bot.backoff import backoff


def test_pauses_double_up_to_the_cap() -> None:
    assert [backoff(attempt, first=10.0, cap=100.0) for attempt in range(6)] == [10, 20, 40, 80, 100, 100]


def test_jitter_spreads_a_pause_over_its_range_also_at_the_cap() -> None:
    for attempt, whole in ((0, 2.0), (3, 16.0), (20, 300.0)):
        pauses = [backoff(attempt, first=2.0, jitter=(0.5, 1.0), random=random) for random in (0.0, 0.5, 1.0)]
        assert pauses == pytest.approx([whole / 2, whole * 0.75, whole])


def test_a_service_that_was_away_for_a_month_is_asked_after_the_longest_pause() -> None:
    assert backoff(100_000) == 300
