"""The pollers of all providers: each has its own circuit breaker, so that one provider's outage delays no other."""

from collections.abc import Mapping

from bot.models import KnownJob, ProviderName
from bot.polling.poller import Poller


class Pollers:
    """One poller for each provider that is set up; jobs of other providers are not polled."""

    def __init__(self, pollers: Mapping[ProviderName, Poller]) -> None:
        self._pollers = pollers

    def add(self, known: KnownJob, *, sooner: bool = False) -> None:
        """Poll this job, see `Poller.add`; nothing happens where its provider is not set up."""
        poller = self._pollers.get(known.job.provider)
        if poller is not None:
            poller.add(known, sooner=sooner)

    @property
    def outages(self) -> Mapping[ProviderName, str]:
        """The trouble of each provider, as a sentence for people; empty where there is none."""
        return {name: poller.outage for name, poller in self._pollers.items()}

    @property
    def overdue(self) -> float:
        """By how many seconds the oldest poll of all is late."""
        return max((poller.overdue for poller in self._pollers.values()), default=0.0)

    @property
    def last_round(self) -> float | None:
        """When the poller that is behind the others last came round, by the loop's clock; `None` before its start."""
        rounds = [poller.last_round for poller in self._pollers.values()]
        started = [each for each in rounds if each is not None]
        return min(started) if len(started) == len(rounds) and started else None
