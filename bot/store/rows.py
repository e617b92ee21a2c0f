"""Rows of the database to values and back; times in the database are seconds since 1970."""

from collections.abc import Iterable
from datetime import UTC, datetime

import aiosqlite
import msgspec

from bot.models import (
    CostTier,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Destination,
    Dimensions,
    Fallback,
    InputPicture,
    Job,
    KnownJob,
    Person,
    ProviderName,
    Submission,
    SubmissionKind,
    SubmissionState,
)

IDS = "(SELECT value FROM json_each(?))"
"""Any number of ids in one parameter, made by `ids_parameter`."""

_JOB = msgspec.json.Decoder(Job)
_JOBS = msgspec.json.Decoder(list[Job])


def encode(job: Job) -> str:
    """The job as the JSON that its row keeps."""
    return msgspec.json.encode(job).decode()


def decode(text: str) -> Job:
    """The job of such a JSON."""
    return _JOB.decode(text)


def decode_all(texts: str | None) -> list[Job]:
    """The jobs of many such JSONs, which `group_concat` joined; of none, where there was no row.

    Python's sqlite3 gives the interpreter lock away for each row and waits to get it back, while the event loop has
    work; one row with everything in it costs that once.
    """
    return _JOBS.decode(f"[{texts}]") if texts else []


def ids_parameter(ids: Iterable[int]) -> str:
    """The parameter of `IDS`."""
    return msgspec.json.encode([*ids]).decode()


def aware(seconds: float) -> datetime:
    """Seconds since 1970 as an aware time."""
    return datetime.fromtimestamp(seconds, UTC)


def known_of(row: aiosqlite.Row) -> KnownJob:
    """A row of `jobs`."""
    job = decode(row["answer"])
    return known_job(row["id"], row["key"], job, row["added_at"], row["changed_at"], row["over_at"])


def known_job(job_id: int, key: str, job: Job, added_at: float, changed_at: float, over_at: float | None) -> KnownJob:
    """The columns of a row of `jobs`, with its job."""
    return KnownJob(
        id=job_id,
        key=key,
        job=job,
        added_at=aware(added_at),
        changed_at=aware(changed_at),
        over_at=None if over_at is None else aware(over_at),
    )


def destination_of(row: aiosqlite.Row) -> Destination:
    """Where a row of `subscriptions`, `deliveries` or `submissions` belongs."""
    return Destination(guild_id=row["guild_id"], channel_id=row["channel_id"])


def person_of(row: aiosqlite.Row) -> Person:
    """The member of a row, with their name at the time."""
    return Person(id=row["user_id"], name=row["user_name"])


def delivery_of(row: aiosqlite.Row) -> Delivery:
    """A row of `deliveries`."""
    return Delivery(
        id=row["id"],
        kind=DeliveryKind(row["kind"]),
        job_id=row["job_id"],
        destination=destination_of(row),
        nonce=row["nonce"],
        state=DeliveryState(row["state"]),
        created_at=aware(row["created_at"]),
        after_id=row["after_id"],
        message_id=row["message_id"],
        attempts=row["attempts"],
        timeouts=row["timeouts"],
        fallback=Fallback(row["fallback"]),
        gone_since=None if row["gone_since"] is None else aware(row["gone_since"]),
        error=row["error"],
        revision=row["revision"],
        posted_revision=row["posted_revision"],
        submission_id=row["submission_id"],
        picture_until=None if row["picture_until"] is None else aware(row["picture_until"]),
    )


def submission_of(row: aiosqlite.Row) -> Submission:
    """A row of `submissions`, without its interaction's token."""
    return Submission(
        id=row["id"],
        reference=row["reference"],
        kind=SubmissionKind(row["kind"]),
        parent_id=row["parent_id"],
        button=row["button"],
        tier=CostTier(row["tier"]),
        destination=destination_of(row),
        person=person_of(row),
        created_at=aware(row["created_at"]),
        provider=ProviderName(row["provider"]),
        prompt=row["prompt"],
        dimensions=None if row["dimensions"] is None else Dimensions(row["dimensions"]),
        expires_at=None if row["expires_at"] is None else aware(row["expires_at"]),
        state=SubmissionState(row["state"]),
        answered=bool(row["answered"]),
        child_id=row["child_id"],
        waits_for=row["waits_for"],
        error=row["error"],
        sent_at=None if row["sent_at"] is None else aware(row["sent_at"]),
        by_moderator=bool(row["by_moderator"]),
    )


def picture_of(row: aiosqlite.Row) -> InputPicture:
    """A row of `submission_pictures`."""
    return InputPicture(link=row["link"], content_type=row["content_type"], content=row["content"])
