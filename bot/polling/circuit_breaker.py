"""useapi as a whole, as the looks find it: whether it works, how long to leave it alone, whose trouble a trouble is."""

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable

from bot.errors import AccountBlocked, Busy, ProviderError, Rule, SubscriptionEnded, TokenRefused
from bot.models import KnownJob
from bot.providers.useapi.parsing import Account

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 300.0
_ASK_AGAIN = 300.0  # seconds between two questions about the accounts, when no job can show how they are
_ASK_IN_VAIN = 12  # times in a row, an hour
_PROBE = 60.0  # between two looks while useapi refuses the whole account
_REFUSALS = (TokenRefused, SubscriptionEnded)  # never one job's trouble alone


class CircuitBreaker:
    """What is remembered of useapi's trouble; times of the loop's clock. An outage is two log lines.

    `alert` is told, by a name, what needs a person, and with no words when it does no more.

    A blocked Midjourney account is seen by the jobs that meet it, and the alert ends when the last of them is answered.
    When the last of them is forgotten instead (stopped, silent, over), `accounts` is asked in the background until no
    account waits for a person. Where that is not answered for an hour, the alert ends: the next blocked job opens it
    again.
    """

    def __init__(
        self,
        *,
        alert: Callable[[str, str], None],
        accounts: Callable[[], Awaitable[Iterable[Account]]],
        rng: random.Random,
    ) -> None:
        self._alert = alert
        self._accounts = accounts
        self._rng = rng
        self._loop_time = asyncio.get_running_loop().time
        self._failing_since: dict[int, float] = {}  # the jobs whose last look met trouble
        self._blocked: set[int] = set()  # those of them that met a blocked Midjourney account
        self._unsure = False  # whether the alert stands and no job is left to end it
        self._asking: asyncio.Task[None] | None = None
        self._answered_at = 0.0
        self._strain = 0
        self.outage: type[ProviderError] | None = None
        """The trouble that it has; meanwhile one look at a time is enough to see whether it is over."""
        self.paused_until = -math.inf
        """When it may be asked again."""

    @property
    def paused(self) -> bool:
        """Whether it is to be left alone now."""
        return self._loop_time() < self.paused_until

    def failed(self, outcome: ProviderError, known: KnownJob) -> bool:
        """Take note of a look that met trouble; whether that is this job's own, which slows nobody else down."""
        self._failing_since.setdefault(known.id, self._loop_time())
        if isinstance(outcome, AccountBlocked):
            self._block(outcome, known)
        if self._is_its_own(outcome, known.id):
            return True
        self._slow_down(outcome)
        return False

    def answered(self, job_id: int) -> None:
        """Take note of a look that useapi answered."""
        self._failing_since.pop(job_id, None)
        if job_id in self._blocked:
            self._blocked.remove(job_id)
            if not self._blocked:
                self._alert("account", "")  # this account works, and no job has met another that does not
        if self.paused:
            return  # this look was under way when the trouble began
        self._answered_at = self._loop_time()
        if self.outage is not None:
            log.info("useapi.net answers again")
            self._alert("useapi", "")
            self.outage = None
        self._strain = 0

    def forget(self, job_id: int) -> None:
        """Nothing stays of a job that is looked at no more."""
        self._failing_since.pop(job_id, None)
        if job_id in self._blocked:
            self._blocked.remove(job_id)
            if not self._blocked:
                self._unsure = True
                self.resume()

    def resume(self) -> None:
        """Go on asking about the accounts, where that was begun and neither finished nor made needless."""
        if self._unsure and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask_about_accounts())

    def close(self) -> None:
        """End what goes on in the background; `resume` takes it up again."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _ask_about_accounts(self) -> None:
        in_vain = 0
        while in_vain < _ASK_IN_VAIN:
            await asyncio.sleep(self.paused_until - self._loop_time())
            try:
                blocked = any(account.needs_person for account in await self._accounts())
                in_vain = 0
            except AccountBlocked:
                blocked, in_vain = True, 0
            except ProviderError as error:
                log.debug("useapi.net does not say how the Midjourney accounts are: %s", error)
                blocked, in_vain = True, in_vain + 1
            except Exception:
                log.exception("The question about the Midjourney accounts failed in an unexpected way")
                break
            if not blocked:
                break
            await asyncio.sleep(_ASK_AGAIN)
        self._unsure = False
        self._alert("account", "")

    def _block(self, outcome: AccountBlocked, known: KnownJob) -> None:
        """The first job that meets a blocked account is told of; the last that has met it and works again ends that."""
        if not self._blocked:
            self._unsure = False  # from now on this job shows how its account is
            self.close()
            # The key makes each time another alert, should nobody have waited to see the end of the last.
            self._alert("account", f"Running jobs wait, such as #{known.key}. {outcome.for_admin}")
        self._blocked.add(known.id)

    def _is_its_own(self, outcome: ProviderError, job_id: int) -> bool:
        """Whether the trouble is this job's alone: it began before useapi told of others, and is not over.

        A blocked account is one of several, maybe: what one of its jobs met is no news when the next one meets it.
        """
        if isinstance(outcome, _REFUSALS):
            return False
        related = self._blocked if isinstance(outcome, AccountBlocked) else {job_id}
        return min(self._failing_since[each] for each in related) < self._answered_at

    def _slow_down(self, outcome: ProviderError) -> None:
        """Trouble slows the source down, not the single job: one look at a time, with growing pauses."""
        if not self.paused:  # looks that failed side by side are one trouble
            self._strain = min(self._strain + 1, 8)
        pause = self._rng.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, 2.0**self._strain)
        if outcome.rule is Rule.MISCONFIGURED:
            pause = _PROBE
        self.paused_until = max(self.paused_until, self._loop_time() + max(pause, asked_pause(outcome)))
        if self.outage is None:
            log.warning("useapi.net has trouble, jobs wait: %s", outcome)
        if isinstance(outcome, _REFUSALS):
            self._alert("useapi", f"Running jobs wait. {outcome.for_admin}")
        self.outage = type(outcome)


def asked_pause(outcome: ProviderError) -> float:
    """The seconds for which useapi itself asked to be left alone."""
    return (outcome.retry_after or 0.0) if isinstance(outcome, Busy) else 0.0
