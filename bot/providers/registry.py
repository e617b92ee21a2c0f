"""The providers that are set up, by name; those that are not answer with a sentence."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime

from bot import errors
from bot.models import Dimensions, InputPicture, Job, ProviderName
from bot.models.provider import WORDS
from bot.providers.base import Account, Capabilities, Provider


class Providers:
    """The configured providers, in the order in which an id that may belong to several of them is asked for."""

    def __init__(self, *configured: Provider) -> None:
        self._configured = {provider.name: provider for provider in configured}

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._configured.values())

    def __contains__(self, name: ProviderName) -> bool:
        return name in self._configured

    def for_prompts(self) -> Provider:
        """Return the provider that starts jobs of prompts: of two not useapi, whose Midjourney service ended."""
        return self._configured.get(ProviderName.MIDJOURNEY_PROXY) or next(iter(self))

    def of(self, name: ProviderName) -> Provider:
        """Return a provider; one that is not set up is an `AbsentProvider`."""
        return self._configured.get(name) or AbsentProvider(name)


class AbsentProvider:
    """Stands for a provider that jobs in the store belong to and that is not set up any more.

    Every request raises `errors.ProviderAbsent`, so each button and command says so. Implements `Provider`.
    """

    capabilities = Capabilities()

    def __init__(self, name: ProviderName) -> None:
        self.name = name
        self.title = WORDS[name].title

    async def probe(self) -> Capabilities:
        """Raise `ProviderAbsent`."""
        raise errors.ProviderAbsent(provider=self.name)

    async def job(self, jobid: str) -> Job:  # noqa: ARG002 -- of the protocol, here and below
        """Raise `ProviderAbsent`."""
        raise errors.ProviderAbsent(provider=self.name)

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:  # noqa: ARG002
        """Return a task that raises `ProviderAbsent`."""
        return asyncio.create_task(self.job(jobid))

    async def press(self, parent: Job, button: str, *, reference: str, prompt: str | None = None) -> Job:  # noqa: ARG002
        """Raise `ProviderAbsent`; nothing is sent."""
        raise errors.ProviderAbsent(provider=self.name)

    async def imagine(self, prompt: str, *, reference: str) -> Job:  # noqa: ARG002
        """Raise `ProviderAbsent`; nothing is sent."""
        raise errors.ProviderAbsent(provider=self.name)

    async def blend(self, pictures: Sequence[InputPicture], *, dimensions: Dimensions, reference: str) -> Job:  # noqa: ARG002
        """Raise `ProviderAbsent`; nothing is sent."""
        raise errors.ProviderAbsent(provider=self.name)

    async def describe(self, picture: InputPicture, *, reference: str) -> Job:  # noqa: ARG002
        """Raise `ProviderAbsent`; nothing is sent."""
        raise errors.ProviderAbsent(provider=self.name)

    async def running(self) -> tuple[str, ...]:
        """Raise `ProviderAbsent`."""
        raise errors.ProviderAbsent(provider=self.name)

    async def cancel(self, jobid: str) -> None:  # noqa: ARG002
        """Raise `ProviderAbsent`."""
        raise errors.ProviderAbsent(provider=self.name)

    async def accounts(self) -> tuple[Account, ...]:
        """Raise `ProviderAbsent`."""
        raise errors.ProviderAbsent(provider=self.name)

    async def find(self, reference: str) -> Job | None:  # noqa: ARG002
        """Raise `ProviderAbsent`."""
        raise errors.ProviderAbsent(provider=self.name)

    async def seed(self, jobid: str) -> str:  # noqa: ARG002
        """Raise `ProviderAbsent`."""
        raise errors.ProviderAbsent(provider=self.name)

    def recognises(self, jobid: str) -> bool:  # noqa: ARG002
        """No id is asked for here."""
        return False

    def created_in(self, jobid: str) -> datetime | None:  # noqa: ARG002
        """Not known."""
        return None

    def jobid_in_call(self, body: bytes) -> str:  # noqa: ARG002
        """Nothing calls."""
        return ""
