"""All errors of Darkroom but those about pictures (bot/images/errors.py). A class's docstring is what a person reads.

DarkroomError
├── StartError                 ends the start with this sentence; the exit status says whether a restart may help
│   ├── SettingsError
│   ├── StoreError
│   └── DiscordStartError
├── StoreUnavailable           the database does not work: the disk is full, read-only, damaged …
│   └── StoreUnreadable          nor read
├── UserError                  said in private to the person who caused it
│   └── TooManySubscriptions
└── ProviderError              what a provider answered instead of a result, with the poller's rule for it
    ├── JobOver                  rule OVER
    │   ├── SubmissionDeclined     422 to a POST; to a GET it is a job with the status "moderated"
    │   ├── JobUnknown             404
    │   └── JobExpired             410
    ├── BadRequest               rule OVER: 400, 412, 413
    │   ├── ButtonUsed             409
    │   └── NoSeed                 the answer about a seed holds none
    ├── Misconfigured            rule MISCONFIGURED: an admin must act
    │   ├── TokenRefused           401
    │   ├── OtherService           what answers there is no such server
    │   ├── SubscriptionEnded      402
    │   │   └── ServiceEnded         the provider has ended its Midjourney service
    │   └── AccountBlocked         596
    ├── Unsupported              rule OVER: the provider offers no such request
    │   └── ProviderAbsent         the provider is not set up (any more)
    ├── Busy                     rule BACK_OFF: 429
    │   ├── QueueFull              429 with executingJobs
    │   └── SeedNotReady           a seed that comes later
    └── TransientError           rule RETRY: the next poll may succeed
        ├── ProviderServerError    5xx
        ├── JobsMissing            many running jobs were not found one after the other
        ├── Overloaded             504, rule BACK_OFF; to a POST it is no refusal, see bot/providers/useapi/responses.py
        ├── Unreachable            connection lost: whether the request arrived is unknown
        │   └── NotSent              refused, no network: the request certainly did not arrive
        │       └── HostUnknown        the provider's host has no address
        ├── RequestTimeout         no answer in time
        └── InvalidResponse        empty, HTML, truncated, wrong shape, too large
"""

from enum import Enum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from bot.models.provider import ProviderName


class DarkroomError(Exception):
    """Something unexpected went wrong. The log has the details."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence if sentence is not None else type(self).sentence())

    @classmethod
    def sentence(cls) -> str:
        """Return the sentence of the class: its docstring on one line."""
        return " ".join((cls.__doc__ or "").split())


class StartError(DarkroomError):
    """Darkroom could not start."""

    def __init__(self, sentence: str | None = None, *, temporary: bool = False) -> None:
        super().__init__(sentence)
        self.temporary = temporary
        """Whether a later start may succeed although nobody changed anything."""

    @property
    def exit_status(self) -> int:
        """The exit status of `run`: 1, or 78 (EX_CONFIG of sysexits.h) where a person must act before a restart."""
        return 1 if self.temporary else 78


class SettingsError(StartError):
    """Some settings are missing or wrong."""


class StoreError(StartError):
    """The database could not be opened."""


class DiscordStartError(StartError):
    """Discord did not accept the bot."""


class StoreUnavailable(DarkroomError):
    """My database can't be written to right now, so that was not saved. Please tell this server's admin."""

    def __init__(self, for_admin: str) -> None:
        super().__init__()
        self.for_admin = for_admin
        """What is wrong and what the bot's owner can do; already logged and alerted by `Database`."""


class StoreUnreadable(StoreUnavailable):
    """My database can't be read right now. Please tell this server's admin."""


class UserError(DarkroomError):
    """That did not work."""


class TooManySubscriptions(UserError):
    """You're already watching as many running jobs as you may. Please wait until one of them is done."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"You're already watching {limit} running jobs. Please wait until one of them is done.")


class Rule(Enum):
    """How the poller reacts to a `ProviderError`."""

    RETRY = "retry"
    """Poll again; unless it is one job's own trouble, all polls slow down (see `CircuitBreaker`)."""
    BACK_OFF = "back off"
    """The same, because the provider asked for it or is overloaded."""
    OVER = "over"
    """Polling again is no use: the job is over, at the latest when the error repeats."""
    MISCONFIGURED = "misconfigured"
    """Polls fail until an admin has acted: one a minute is sent to see whether that has happened."""


def _worded(sentence: str, provider: "ProviderName | None") -> str:
    # Imported here: a Python without the packages, and the worker for pictures, import this module but no models.
    from bot.models.provider import worded

    return worded(sentence, provider)


class ProviderError(DarkroomError):
    """{provider} sent an answer that Darkroom does not know."""

    rule: ClassVar[Rule] = Rule.RETRY

    def __init__(
        self, sentence: str | None = None, *, code: int | None = None, provider: "ProviderName | None" = None
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.provider = provider
        """Whose error it is: filled by the provider's client, see `bot.providers.base.attributed`."""
        self._sentence = sentence

    def __str__(self) -> str:
        sentence = self._sentence
        return type(self).sentence(self.provider) if sentence is None else _worded(sentence, self.provider)

    @classmethod
    def sentence(cls, provider: "ProviderName | None" = None) -> str:
        """Return the sentence of the class, with the words for the provider."""
        return _worded(super().sentence(), provider)


class JobOver(ProviderError):
    """The job has ended."""

    rule = Rule.OVER


class SubmissionDeclined(JobOver):
    """Midjourney declined this one."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(code=422)
        self.reason = reason
        """Midjourney's title and text, on a line each where both are there; empty without either. Untrusted text."""


class JobUnknown(JobOver):
    """{provider} has no job with this id. Is the id complete, and does it belong to this server's {name} account?"""


class JobExpired(JobOver):
    """{provider} no longer keeps this job. {retention}"""


class BadRequest(ProviderError):
    """{provider} did not accept this. Check the id, or use `/job` to see the job as it is now."""

    rule = Rule.OVER


class ButtonUsed(BadRequest):
    """Someone already used this button."""

    def __init__(self, child_jobid: str) -> None:
        super().__init__(code=409)
        self.child_jobid = child_jobid


class NoSeed(BadRequest):
    """Midjourney gave no seed for this picture."""


class Unsupported(ProviderError):
    """{provider} can't do that."""

    rule = Rule.OVER


class ProviderAbsent(Unsupported):
    """{provider} is no longer set up for this bot, and this job was made there. Please ask this server's admin."""


class Misconfigured(ProviderError):
    """{provider} refuses this bot's requests at the moment. Please ask this server's admin."""

    rule = Rule.MISCONFIGURED
    advice: ClassVar[str] = "{provider} refuses this bot's requests."

    @property
    def for_admin(self) -> str:
        """What is wrong and what the bot's owner can do."""
        return _worded(self.advice, self.provider)


class TokenRefused(Misconfigured):
    """{provider} does not accept this bot's token. Please ask this server's admin to check {secret}."""

    advice = "{provider} no longer accepts {secret}. Copy it again from your account there, then restart the bot."


class OtherService(Misconfigured):
    """At the address of {provider} there is a server of another kind. Please ask this server's admin to check it."""

    advice = (
        "Nothing at MJ_PROXY_URL speaks the midjourney-proxy protocol. Set it to the address of the server, without "
        "/mj and without the path of a page, then restart the bot."
    )


class SubscriptionEnded(Misconfigured):
    """The {provider} subscription behind this bot has ended. Please ask this server's admin to renew it."""

    advice = "The {provider} subscription has ended. Jobs continue on their own once it is renewed."


class ServiceEnded(SubscriptionEnded):
    """{provider} no longer offers Midjourney. Please ask this server's admin to set up another provider."""

    advice = (
        "{provider} ended its Midjourney service (v1, v2 and v3) on 24 June 2026, and answers as a service that is "
        "gone. Set up another provider: midjourney-proxy, with MJ_PROXY_URL and MJ_PROXY_SECRET (docs/providers.md). "
        "Jobs that are known stay, with their posts and buttons."
    )


class AccountBlocked(Misconfigured):
    """The Midjourney account behind this bot needs a person (a CAPTCHA or a moderator's message).
    Please ask this server's admin to take care of it.
    """

    advice = (
        "The Midjourney account needs a person: log in to Discord with it, solve the CAPTCHA or answer the moderator's "
        "message, then reset the account at {provider}. Jobs continue on their own after that."
    )


class Busy(ProviderError):
    """{provider} is busy right now. Please try again in half a minute."""

    rule = Rule.BACK_OFF

    def __init__(
        self, sentence: str | None = None, *, code: int | None = 429, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence, code=code)
        self.retry_after = retry_after


class QueueFull(Busy):
    """All Midjourney slots are busy. Please try again when one of the running jobs is done."""

    def __init__(self, executing: tuple[str, ...]) -> None:
        super().__init__()
        self.executing = executing


class SeedNotReady(Busy):
    """Midjourney hasn't given the seed of this picture yet. Please try again in a minute."""


class TransientError(ProviderError):
    """{provider} could not answer right now. Please try again in a minute."""


class ProviderServerError(TransientError):
    """{provider} is having problems right now. Please try again in a minute."""


class JobsMissing(TransientError):
    """{provider} does not find the running jobs right now. Please try again in a few minutes."""


class Overloaded(TransientError):
    """{provider} is overloaded right now. Please try again in a few minutes."""

    rule = Rule.BACK_OFF


class Unreachable(TransientError):
    """{provider} could not be reached. Please try again in a minute."""


class NotSent(Unreachable):
    """{provider} could not be reached. Please try again in a minute."""


class HostUnknown(NotSent):
    """{provider} could not be reached. Please try again in a minute."""


class RequestTimeout(TransientError):
    """{provider} took too long to answer. Please try again in a minute."""


class InvalidResponse(TransientError):
    """{provider} sent an answer that I could not read. Please try again in a minute."""
