"""The line of presses: each is sent to useapi once, in order, and what became of it is told. Knows nothing of Discord.

`line` says whose turn it is, and `hold` what holds it up. `sending` sends a press, `search` looks for the job of one
whose answer was lost, `telling` knows who is to be told; `tasks` lets all of that go on side by side.
"""

from bot.submissions.queue import SubmissionQueue
from bot.submissions.sender import CARD_AFTER

__all__ = ["CARD_AFTER", "SubmissionQueue"]
