"""Asks the provider in the background whether its accounts work again, to end an alert that no request will end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from bot.errors import AccountBlocked, ProviderError

log = logging.getLogger(__name__)

_ASK_AGAIN = 300.0  # seconds
_MAX_FAILURES = 12  # in a row: an hour


class Account(Protocol):
    """An account at the provider, as far as it matters here."""

    @property
    def needs_person(self) -> bool:
        """Whether the account is blocked until a person acts."""


class AccountProbe:
    """Asks for the accounts every 300 s until none is blocked, then calls `recovered` once.

    An error of the types `blocked_by` counts as blocked. After an hour of other errors `recovered` is called as well:
    otherwise the alert would stay for ever, and the next request that meets a blocked account opens it again.

    `delay` returns the seconds for which nothing may be sent to the provider.
    """

    def __init__(
        self,
        *,
        accounts: Callable[[], Awaitable[Iterable[Account]]],
        recovered: Callable[[], None],
        delay: Callable[[], float],
        blocked_by: type[ProviderError] = AccountBlocked,
    ) -> None:
        self._accounts = accounts
        self._recovered = recovered
        self._delay = delay
        self._blocked_by = blocked_by
        self._needed = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask; a probe that is under way goes on."""
        self._needed = True
        self.resume()

    def stop(self) -> None:
        """End it, because requests show again whether the accounts work."""
        self._needed = False
        self.suspend()

    def suspend(self) -> None:
        """Pause it until `resume`, such as for the end of the loop to which it belongs."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def resume(self) -> None:
        """Go on with a probe that was suspended; nothing happens where none is needed."""
        if self._needed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        failures = 0
        while failures < _MAX_FAILURES:
            await asyncio.sleep(self._delay())
            try:
                if not any(account.needs_person for account in await self._accounts()):
                    break
                failures = 0
            except self._blocked_by:
                failures = 0
            except ProviderError as error:
                log.debug("The provider does not say how the Midjourney accounts are: %s", error)
                failures += 1
            except Exception:
                log.exception("The question about the Midjourney accounts failed in an unexpected way")
                break
            await asyncio.sleep(_ASK_AGAIN)
        self._needed = False
        self._recovered()
