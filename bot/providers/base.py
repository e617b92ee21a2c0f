"""What everything above `bot.providers` knows of a provider: the `Provider` protocol and its `Capabilities`."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from enum import Enum
from functools import update_wrapper
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

import msgspec

from bot.errors import ProviderError
from bot.models import Dimensions, InputPicture, Job
from bot.models.provider import ProviderName

T = TypeVar("T")
P = ParamSpec("P")


class Cancellation(Enum):
    """Whether `Provider.cancel` works, and else why not."""

    WORKS = "works"
    NOT_OFFERED = "not offered"
    """The server has no such route."""
    NO_ADMIN_TOKEN = "no admin token"  # noqa: S105 -- none, it says so
    """It takes the server's admin token, and this bot was given none."""
    ADMIN_TOKEN_REFUSED = "admin token refused"  # noqa: S105
    """The server does not accept the admin token that this bot was given."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do, besides answering with a job, pressing its buttons and starting jobs of prompts."""

    children: bool = False
    """A job lists the jobs that its buttons made (`Job.children`)."""
    running: bool = False
    """`Provider.running` answers."""
    find: bool = False
    """`Provider.find` answers, or may once it is known what the server offers."""
    echoes_reference: bool = False
    """A job holds the reference that was sent with its submission (`Job.reply_ref`)."""
    picks_once: bool = False
    """A second press of U1-U4 is refused, and the refusal names the job that the first one made."""
    keeps_jobs: bool = True
    """A job that is not found may be found again later; otherwise a restart of the server may have lost it for good."""
    batch: int = 1
    """How many jobs one status request may ask for; 1 where each needs a request of its own."""
    cancel: Cancellation = Cancellation.NOT_OFFERED
    """Whether `Provider.cancel` works."""
    webhooks: bool = False
    """The provider calls the address of a submission when its job has news."""
    accounts: bool = False
    """`Provider.accounts` answers."""
    seed: bool = False
    """`Provider.seed` answers."""
    pictures_as_bytes: bool = False
    """A submission sends its pictures themselves (`InputPicture.content`); otherwise their links, which the provider
    fetches.
    """


class Account(NamedTuple):
    """A Midjourney account at a provider: the Discord channel it works in, and how many jobs it may run at a time.

    `needs_person`: the account is blocked until its owner solves a CAPTCHA or answers a moderator's message.
    """

    channel: str
    max_jobs: int | None
    needs_person: bool


class Provider(Protocol):
    """A Midjourney job API. Each method sends the requests that it needs and reads bounded answers.

    Every method that sends something raises `errors.ProviderError`, with a class for each outcome, and
    `errors.Unsupported` where the capability of its name is missing. No error holds a token, an address, a job id or
    text of the answer, apart from the reason in a `SubmissionDeclined`, which is kept out of its message.
    """

    name: ProviderName

    @property
    def title(self) -> str:
        """What people call it: see `bot.models.provider.WORDS`."""

    @property
    def capabilities(self) -> Capabilities:
        """What this provider can do; may change after its first requests have shown what the server offers."""

    async def probe(self) -> Capabilities:
        """Ask the provider whether it works, and what it offers; return its capabilities.

        Raises `TokenRefused` and the other errors that every request would meet.
        """

    async def job(self, jobid: str) -> Job:
        """Return the job as the provider knows it now; a moderated job is one with that status.

        The answer may be up to a second old, but never older than the last press on the job or its cancellation.
        """

    def poll(self, jobid: str, known: Job | None = None) -> asyncio.Task[Job]:
        """Return the task of a status request for this job, which callers at the same time share.

        It must not be cancelled. `known` is what the caller has of the job, and may be returned where nothing changed.
        Where `capabilities.batch` is more than 1, polls that begin together become one request.
        """

    async def press(self, parent: Job, button: str, *, reference: str, prompt: str | None = None) -> Job:
        """Press `button` (its exact label) of a job, and return the new job. `reference` identifies the submission.

        Every call spends money: it is sent once and never repeated. After `NotSent`, `Busy` or `AccountBlocked` there
        is certainly no job; after any other `TransientError` that is unknown. Raises `SubmissionDeclined` where
        Midjourney declined the prompt at once.
        """

    async def imagine(self, prompt: str, *, reference: str) -> Job:
        """Start a job of a prompt, with its parameters, and return it. `reference` identifies the submission.

        It spends money, is sent once, and raises what `press` does: after a `TransientError` that is not `NotSent` it
        is unknown whether there is a job.
        """

    async def blend(self, pictures: Sequence[InputPicture], *, dimensions: Dimensions, reference: str) -> Job:
        """Start a job that blends two to five pictures, and return it. Sent once, and raises, as `imagine`."""

    async def describe(self, picture: InputPicture, *, reference: str) -> Job:
        """Start a job that describes a picture, and return it. Sent once, and raises, as `imagine`."""

    async def running(self) -> tuple[str, ...]:
        """Return the ids of the jobs that run now, on all accounts."""

    async def cancel(self, jobid: str) -> None:
        """Stop tracking a job; Midjourney may finish it all the same, and charge for it."""

    async def accounts(self) -> tuple[Account, ...]:
        """Return the Midjourney accounts that are configured at the provider."""

    async def find(self, reference: str) -> Job | None:
        """Return the job of the submission with this reference; `None` where a complete search found none.

        Raises `ProviderError` where the search could not be completed.
        """

    async def seed(self, jobid: str) -> str:
        """Return the seed of a completed job, in digits; it may take a minute, and uses no GPU time.

        Callers at the same time share one request. Raises `SeedNotReady` where it is not known yet, `NoSeed` where
        Midjourney gave none.
        """

    def recognises(self, jobid: str) -> bool:
        """Whether an id has the form of this provider's ids; another provider's may have it too."""

    def created_in(self, jobid: str) -> datetime | None:
        """Return when a job was created, as its id says; `None` where it does not."""

    def jobid_in_call(self, body: bytes) -> str:
        """Return the job id in the body of a webhook call; empty where there is none."""


class _Named(Protocol):
    @property
    def name(self) -> ProviderName: ...


Self = TypeVar("Self", bound=_Named)


def attributed(
    method: Callable[Concatenate[Self, P], Awaitable[T]],
) -> Callable[Concatenate[Self, P], Coroutine[Any, Any, T]]:
    """Have the errors that a method of a provider's client raises name that provider."""

    async def attributing(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(self, *args, **kwargs)
        except ProviderError as error:
            error.provider = self.name
            raise

    update_wrapper(attributing, method)
    return attributing
