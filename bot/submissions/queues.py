"""The queues of all providers: each has its own slots and its own pause."""

from collections.abc import Mapping

from bot.models import ProviderName
from bot.submissions.queue import SubmissionQueue


class SubmissionQueues:
    """One queue for each provider.

    Providers that are not set up have one too: it ends what is still open there, with a sentence for the presser.
    """

    def __init__(self, queues: Mapping[ProviderName, SubmissionQueue]) -> None:
        self._queues = queues

    def of(self, provider: ProviderName) -> SubmissionQueue:
        """Return a provider's queue."""
        return self._queues[provider]

    @property
    def pause_reasons(self) -> tuple[str, ...]:
        """Why queues are paused, each reason once, as sentences for a person."""
        reasons = (queue.pause_reason for queue in self._queues.values())
        return tuple(dict.fromkeys(reason for reason in reasons if reason is not None))

    def wake(self) -> None:
        """Read all queues now, such as after a server's pause has ended."""
        for queue in self._queues.values():
            queue.wake()
