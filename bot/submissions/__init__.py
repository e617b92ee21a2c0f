"""The queue of submissions: each is sent once, in order, and its presser is notified of the outcome. No Discord here.

`queue` decides what is sent or checked next, `pause` why nothing is sent now, and `answer_checks` whether a presser
saw a submission taken. `sender` sends a submission, `reconciler` finds the job of one whose answer was lost,
`notifications` knows who is to be notified, `declined_alerts` alerts the admin about members whose jobs are declined,
and `tasks` runs all of that side by side. Each provider has a queue of its own; `queues` holds them.

`prompt_check` gives the final prompt, its cost, and why it is not sent: `prompt_parts` takes it apart,
`prompt_options` adds a command's options, `prompt_hints` compares it with the table of parameters, and `permutations`
counts its jobs. `prompt_guard` finds the words that a server forbids. All of these are pure.
"""

from bot.submissions.queue import SubmissionQueue
from bot.submissions.queues import SubmissionQueues
from bot.submissions.sender import STATUS_CARD_DELAY

__all__ = ["STATUS_CARD_DELAY", "SubmissionQueue", "SubmissionQueues"]
