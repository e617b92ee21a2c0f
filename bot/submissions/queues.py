"""The queues of all providers: each has its own slots and its own pause."""

from collections.abc import Iterable, Mapping

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
        return self.pause_reasons_of(self._queues)

    def pause_reasons_of(self, providers: Iterable[ProviderName]) -> tuple[str, ...]:
        """As `pause_reasons`, of the queues of these providers."""
        reasons = (self._queues[provider].pause_reason for provider in providers if provider in self._queues)
        return tuple(dict.fromkeys(reason for reason in reasons if reason is not None))

    def wake(self) -> None:
        """Read all queues now, such as after a server's pause has ended."""
        for queue in self._queues.values():
            queue.wake()
