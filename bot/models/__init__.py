"""The values that all packages share: frozen, keyword-only, times aware and UTC; no I/O."""

from bot.models.delivery import Delivery, DeliveryKind, DeliveryState, Fallback
from bot.models.job import (
    ACCOUNT_VERBS,
    OVER,
    SEED_VERBS,
    Attachment,
    Child,
    Halt,
    Job,
    JobEmbed,
    KnownJob,
    Media,
    Seed,
    Status,
    follow,
)
from bot.models.provider import ProviderName
from bot.models.server import NO_PERSON, Destination, Person, ServerSettings, Spoiler
from bot.models.submission import (
    DECLINED_A_DAY,
    OPEN_SUBMISSIONS,
    CostTier,
    Limit,
    LimitExceeded,
    Limits,
    Submission,
    SubmissionState,
)
from bot.models.subscription import Origin, PollTarget, Requesters, Subscription

__all__ = [
    "ACCOUNT_VERBS",
    "DECLINED_A_DAY",
    "NO_PERSON",
    "OPEN_SUBMISSIONS",
    "OVER",
    "SEED_VERBS",
    "Attachment",
    "Child",
    "CostTier",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "Destination",
    "Fallback",
    "Halt",
    "Job",
    "JobEmbed",
    "KnownJob",
    "Limit",
    "LimitExceeded",
    "Limits",
    "Media",
    "Origin",
    "Person",
    "PollTarget",
    "ProviderName",
    "Requesters",
    "Seed",
    "ServerSettings",
    "Spoiler",
    "Status",
    "Submission",
    "SubmissionState",
    "Subscription",
    "follow",
]
