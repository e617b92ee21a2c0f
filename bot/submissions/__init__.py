"""The queue of submissions: each is sent once, in order, and its presser is notified of the outcome. No Discord here.

`queue` decides what is sent or checked next, `pause` why nothing is sent now, and `answer_checks` whether a presser
saw a submission taken. `sender` sends a submission, `reconciler` finds the job of one whose answer was lost,
`notifications` knows who is to be notified, and `tasks` runs all of that side by side. `prompt_check` refuses prompts
that cost more than one job. Each provider has a queue of its own; `queues` holds them.
"""

from bot.submissions.queue import SubmissionQueue
from bot.submissions.queues import SubmissionQueues
from bot.submissions.sender import STATUS_CARD_DELAY

__all__ = ["STATUS_CARD_DELAY", "SubmissionQueue", "SubmissionQueues"]
