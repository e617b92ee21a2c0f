"""*What I keep about you*, in words."""

from bot import formatting
from bot.models.kept_data import KeptCounts
from tests.table import table


@table(
    ("number", "unfinished", "jobs", "submissions"),
    [
        (1, 0, "1 watched job", "1 prompt or press"),
        (1, 1, "1 watched job, not posted yet", "1 prompt or press, not finished yet"),
        (2, 1, "2 watched jobs, 1 of them not posted yet", "2 prompts and presses, 1 of them not finished yet"),
        (2, 2, "2 watched jobs, 2 of them not posted yet", "2 prompts and presses, 2 of them not finished yet"),
    ],
)
def test_what_is_kept_is_counted_in_the_right_number(number: int, unfinished: int, jobs: str, submissions: str) -> None:
    counts = KeptCounts(subscriptions=number, awaited=unfinished, submissions=number, unfinished=unfinished)
    assert formatting.kept(counts, 90).splitlines()[1:3] == [f"- {jobs}", f"- {submissions}"]
