"""Which first polls are too early, without a poller."""

from datetime import timedelta

import pytest

from bot.models.durations import TypicalDuration
from bot.polling.first_poll import not_before


@pytest.mark.parametrize("interval", [30, 60])
@pytest.mark.parametrize("seconds", [None, (24, 38)])
def test_a_long_interval_delays_no_first_poll_until_most_pictures_are_done(
    interval: float, seconds: tuple[float, float] | None
) -> None:
    typical = None if seconds is None else TypicalDuration(*(timedelta(seconds=each) for each in seconds))
    assert not_before("imagine", typical, interval) <= 28
