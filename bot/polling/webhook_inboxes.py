"""The webhook inboxes of all providers."""

from collections.abc import Mapping

from bot.models import ProviderName
from bot.polling.webhooks import WebhookInbox


class WebhookInboxes:
    """One inbox for each provider that is set up."""

    def __init__(self, inboxes: Mapping[ProviderName, WebhookInbox]) -> None:
        self._inboxes = inboxes

    async def received(self, provider: ProviderName, jobid: str) -> bool:
        """Act on a provider's call that says that this job has news; `False` where an equal call later may do more."""
        return await self._inboxes[provider].received(jobid)

    def catch_up(self) -> None:
        """Check all jobs that run now, in the background: calls about them may have come while the bot was off."""
        for inbox in self._inboxes.values():
            inbox.catch_up()

    async def close(self) -> None:
        """Wait a moment for what calls have begun, then cancel the rest; nothing may call `received` any more."""
        for inbox in self._inboxes.values():
            await inbox.close()

    @property
    def last_received(self) -> float | None:
        """When the last call came, by the loop's clock."""
        return max((inbox.last_received for inbox in self._inboxes.values() if inbox.last_received), default=None)
