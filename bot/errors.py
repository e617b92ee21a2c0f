"""Everything that can go wrong, as a family. The docstring of each is the sentence that a person reads.

Only the pictures' own part of it stands where it is raised, in bot/images/errors.py.

DarkroomError
├── StartError                 the start ends with this sentence and exit status 1
│   ├── SettingsError
│   ├── StoreError
│   └── DiscordStartError
├── StoreTrouble               the database cannot be written: the disk is full, read-only, damaged …
├── PersonError                said in private to the person who caused it
└── UseapiError                what useapi answered, with the rule for the watcher
    ├── JobOver                  rule OVER
    │   ├── SubmissionDeclined     422 to a POST
    │   ├── JobUnknown             404
    │   └── JobExpired             410
    ├── BadRequest               rule OVER: 400, 412, 413
    │   └── ButtonUsed             409
    ├── Misconfigured            rule MISCONFIGURED: an admin must act
    │   ├── TokenRefused           401
    │   ├── SubscriptionEnded      402
    │   └── AccountBlocked         596
    ├── Busy                     rule BACK_OFF: 429
    │   └── QueueFull              429 with executingJobs
    └── Trouble                  rule RETRY: the next look may work
        ├── ServerTrouble          5xx
        ├── Overloaded             504; of a press it is no refusal, see bot/providers/useapi/responses.py
        ├── Unreachable            reset: nobody knows what arrived
        │   └── NotSent              refused, no network: nothing arrived, for certain
        ├── TooSlow                time-out
        └── Nonsense               empty, HTML, truncated, wrong shape, too large
"""

from enum import Enum
from typing import ClassVar


class DarkroomError(Exception):
    """Something went wrong that Darkroom has no words for yet. The log has the details."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence if sentence is not None else type(self).sentence())

    @classmethod
    def sentence(cls) -> str:
        """The class's own words: the docstring on one line."""
        return " ".join((cls.__doc__ or "").split())


class StartError(DarkroomError):
    """Darkroom could not start."""


class SettingsError(StartError):
    """Some settings are missing or wrong."""


class StoreError(StartError):
    """The database could not be opened."""


class DiscordStartError(StartError):
    """Discord did not let the bot in."""


class StoreUnavailable(DarkroomError):
    """My database cannot be written just now, so I can't keep that. Please tell this server's admin."""

    def __init__(self, for_admin: str) -> None:
        super().__init__()
        self.for_admin = for_admin
        """What is wrong and what whoever runs the bot can do; logged and alerted by the database already."""


class UserError(DarkroomError):
    """That did not work."""


class Rule(Enum):
    """What the watcher does after an outcome that is no job."""

    RETRY = "retry"
    BACK_OFF = "back off"
    OVER = "over"
    MISCONFIGURED = "misconfigured"


class ProviderError(DarkroomError):
    """useapi.net gave an answer that Darkroom does not know."""

    rule: ClassVar[Rule] = Rule.RETRY

    def __init__(self, sentence: str | None = None, *, code: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code


class JobOver(ProviderError):
    """The job is over."""

    rule = Rule.OVER


class SubmissionDeclined(JobOver):
    """Midjourney declined this one."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(code=422)
        self.reason = reason
        """What Midjourney says about it, in up to two paragraphs; empty where it gives no reason. Untrusted text."""


class JobUnknown(JobOver):
    """useapi.net knows no job with this id. Is it complete, and does it belong to this server's useapi account?"""


class JobExpired(JobOver):
    """useapi.net no longer keeps this job. It keeps each for about 31 days."""


class BadRequest(ProviderError):
    """useapi.net did not accept this. Please check the id, or use `/job` to see the job anew."""

    rule = Rule.OVER


class ButtonUsed(BadRequest):
    """Somebody used this button before."""

    def __init__(self, child_jobid: str) -> None:
        super().__init__(code=409)
        self.child_jobid = child_jobid


class Misconfigured(ProviderError):
    """useapi.net does not serve this bot at the moment. Please ask this server's admin."""

    rule = Rule.MISCONFIGURED
    for_admin: ClassVar[str] = "useapi.net does not serve this bot."
    """What whoever runs the bot can do."""


class TokenRefused(Misconfigured):
    """useapi.net does not accept this bot's token. Please ask this server's admin to check USEAPI_TOKEN."""

    for_admin = "useapi.net does not accept USEAPI_TOKEN any more. Copy it anew from your account there, then restart."


class SubscriptionEnded(Misconfigured):
    """The useapi.net subscription behind this bot has ended. Please ask this server's admin to renew it."""

    for_admin = "The useapi.net subscription has ended. Jobs go on by themselves once it is renewed."


class AccountBlocked(Misconfigured):
    """The Midjourney account behind this bot waits for a person (a CAPTCHA or a moderator's message).
    Please ask this server's admin to look into it.
    """

    for_admin = (
        "The Midjourney account waits for a person: open Discord with it, solve the CAPTCHA or answer the moderator's "
        "message, then reset the account at useapi.net. Jobs go on by themselves after that."
    )


class Busy(ProviderError):
    """useapi.net asks for a pause. Please try again in half a minute."""

    rule = Rule.BACK_OFF

    def __init__(
        self, sentence: str | None = None, *, code: int | None = 429, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence, code=code)
        self.retry_after = retry_after


class QueueFull(Busy):
    """All of the Midjourney account's places are taken. Please try again when one of the running jobs is done."""

    def __init__(self, executing: tuple[str, ...]) -> None:
        super().__init__()
        self.executing = executing


class TransientError(ProviderError):
    """useapi.net could not answer just now. Please try again in a minute."""


class ProviderServerError(TransientError):
    """useapi.net has trouble of its own just now. Please try again in a minute."""


class Overloaded(TransientError):
    """useapi.net is overloaded just now. Please try again in a few minutes."""

    rule = Rule.BACK_OFF


class Unreachable(TransientError):
    """useapi.net could not be reached just now. Please try again in a minute."""


class NotSent(Unreachable):
    """useapi.net could not be reached just now. Please try again in a minute."""


class RequestTimeout(TransientError):
    """useapi.net took too long to answer. Please try again in a minute."""


class InvalidResponse(TransientError):
    """useapi.net gave an answer that makes no sense. Please try again in a minute."""
