"""The owner's lines about the account in `/jobs`."""

from bot.models import Job
from bot.ui.panels.account import ProviderActivity, activity_lines
from tests.table import table


@table(
    ("running", "slots", "says"),
    [
        (0, None, "0 slots in use"),
        (1, None, "1 slot in use"),
        (2, None, "2 slots in use"),
        (1, 3, "1 of 3 slots in use"),
        (2, 1, "2 of 2 slots in use"),
    ],
)
def test_slots_are_counted_in_the_right_number(running: int, slots: int | None, says: str) -> None:
    jobs = {str(number): Job(jobid=str(number)) for number in range(running)}
    lines = activity_lines([ProviderActivity(title="useapi.net", jobs=jobs, slots=slots)])
    assert lines[1] == f"**The account: {says}, 0 queued**"
