"""Submissions: written before they are sent, counted, queued, and ended.

`submission_queue` and `submission_history` read them.
"""

import secrets
from typing import Any

import aiosqlite

from bot.errors import InvalidResponse
from bot.models import (
    CostTier,
    DeliveryKind,
    Job,
    LimitExceeded,
    Limits,
    Origin,
    ProviderName,
    Status,
    Submission,
    SubmissionKind,
    SubmissionRequest,
    SubmissionState,
)
from bot.store.declined_statements import note_declined
from bot.store.delivery_statements import insert_delivery
from bot.store.job_statements import known_as
from bot.store.repository import Repository
from bot.store.rows import submission_of
from bot.store.submission_statements import (
    OPEN_STATES,
    QUEUED,
    end_submissions,
    existing_child,
    insert_submission,
    limit_exceeded,
    one_submission,
    promote_follower,
)
from bot.store.subscription_statements import SubscriptionResult, subscribe

_NAMES_ANOTHER_JOB = "{provider} named a job that was not made by this request."


class Submissions(Repository):
    """The table `submissions`, and every change of a submission's state."""

    async def add(
        self,
        request: SubmissionRequest,
        *,
        provider: ProviderName,
        limits: Limits,
        reference: str = "",
        delay: float = 0,
    ) -> Submission | LimitExceeded | None:
        """Store a submission as QUEUED and not answered, before anything is sent; or return the limit it would exceed.

        `None`: this interaction has a submission already, because Discord delivered it twice.

        A button of the tier PICK makes one job only. Where that job is known, the submission ends at once as REPEATED.
        While another submission of the same button is open in this server, this one waits for it, and the outcome
        counts for both. (One of another server is not waited for: that server may be paused.) Submissions of other
        kinds wait for none: two members may send the same prompt.

        The interaction's token is kept until the presser was notified; `reference` is made where none is given;
        `delay`: see `Subscriptions.add`.
        """
        reference = reference or secrets.token_hex(12)

        async def work(db: aiosqlite.Connection) -> Submission | LimitExceeded | None:
            if await one_submission(db, "interaction_id = ?", (request.interaction_id,)) is not None:
                return None
            child = leader = None
            if request.kind is SubmissionKind.BUTTON and request.tier is CostTier.PICK:
                assert request.parent_id is not None
                child = await existing_child(db, request.parent_id, request.button)
                leader = await one_submission(
                    db,
                    f"""parent_id = ? AND button = ? AND +guild_id = ? AND +waits_for IS NULL
                        AND state IN ({OPEN_STATES})""",
                    (request.parent_id, request.button, request.destination.guild_id),
                )
            if child is None and leader is None:
                exceeded = await limit_exceeded(db, self._clock, request, provider, limits)
                if exceeded is not None:
                    return exceeded
            row_id = await insert_submission(
                db,
                self._clock,
                request,
                provider=provider,
                reference=reference,
                waits_for=None if leader is None or child is not None else leader.id,
            )
            if child is not None:
                await subscribe(
                    db,
                    self._clock,
                    child.job,
                    request.destination,
                    request.person,
                    origin=Origin.POST,
                    delay=delay,
                )
                await end_submissions(db, self._clock, "id = ?", row_id, SubmissionState.REPEATED, child_id=child.id)
            submission = await one_submission(db, "id = ?", (row_id,))
            assert submission is not None
            return submission

        return await self._db.transaction(work)

    # --- the answer -------------------------------------------------------------------------------------------------

    async def mark_answered(self, submission: Submission) -> None:
        """Record that the presser saw the submission taken, so that it may be sent."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute("UPDATE submissions SET answered = 1 WHERE id = ?", (submission.id,))

        await self._db.transaction(work)

    async def withdraw(self, submission: Submission, error: str) -> None:
        """Take a submission out of the queue that its presser did not see taken. QUEUED to CANCELLED.

        `error` is the sentence for the presser. The first one that waited for it takes its part.
        """

        async def work(db: aiosqlite.Connection) -> None:
            cursor = await db.execute(
                """UPDATE submissions SET state = 'cancelled', error = ?, ended_at = ?, waits_for = NULL
                   WHERE id = ? AND state = 'queued' AND NOT answered""",
                (error, self._clock.time(), submission.id),
            )
            if cursor.rowcount:
                await promote_follower(db, submission.id)

        await self._db.transaction(work)

    # --- sending ----------------------------------------------------------------------------------------------------

    async def mark_sent(self, submission: Submission) -> Submission | None:
        """Record before the request that the job may exist from now on.

        `None` where it is not QUEUED any more, or its presser is not known to have seen it taken.
        """
        return await self._move(
            submission, "state = 'queued' AND answered", "state = 'sent', sent_at = ?", (self._clock.time(),)
        )

    async def mark_unconfirmed(self, submission: Submission, error: str = "") -> Submission | None:
        """Record that the answer was lost: SENT to UNCONFIRMED. `error` is the sentence if no job is found."""
        return await self._move(submission, "state = 'sent'", "state = 'unconfirmed', error = ?", (error,))

    async def requeue(self, submission: Submission, limit: int, too_many: str) -> None:
        """Queue a submission again that the provider certainly did not take, in its old position. SENT to QUEUED.

        Where its presser then has more than `limit` in the queue, the newest of them end as REFUSED with the sentence
        `too_many`.
        """

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                "UPDATE submissions SET state = 'queued', sent_at = NULL WHERE id = ? AND state = 'sent'",
                (submission.id,),
            )
            for row in await db.execute_fetchall(
                f"""SELECT id FROM submissions WHERE {QUEUED} AND waits_for IS NULL AND +user_id = ?
                    ORDER BY id LIMIT -1 OFFSET ?""",
                (submission.person.id, limit),
            ):
                await end_submissions(db, self._clock, "id = ?", row["id"], SubmissionState.REFUSED, error=too_many)
                await promote_follower(db, row["id"])

        await self._db.transaction(work)

    async def cancel(self, submission: Submission) -> bool:
        """Take a submission out of the queue; whether it was still there. QUEUED to CANCELLED.

        The first one that waited for it takes its part.
        """

        async def work(db: aiosqlite.Connection) -> bool:
            cursor = await db.execute(
                """UPDATE submissions
                   SET state = 'cancelled', ended_at = ?, notified = 1, interaction_token = '', waits_for = NULL
                   WHERE id = ? AND state = 'queued'""",
                (self._clock.time(), submission.id),
            )
            if cursor.rowcount:
                await promote_follower(db, submission.id)
            return bool(cursor.rowcount)

        return await self._db.transaction(work)

    # --- ending -----------------------------------------------------------------------------------------------------

    async def mark_accepted(
        self, submission: Submission, child: Job, *, repeated: bool, delay: float
    ) -> SubscriptionResult:
        """The submission, and those that wait for it, became the job `child`, to which all of them are subscribed.

        `repeated`: the job had been made before, so this one was not charged. Otherwise it raises `InvalidResponse`
        where the job certainly was not made by this submission, and changes nothing; see `_check_is_new`.
        """
        state = SubmissionState.REPEATED if repeated else SubmissionState.ACCEPTED

        async def work(db: aiosqlite.Connection) -> SubscriptionResult:
            if not repeated:
                await _check_is_new(db, submission, child)
            subscribed = await subscribe(
                db,
                self._clock,
                child,
                submission.destination,
                submission.person,
                origin=Origin.POST if repeated else Origin.PRESS,
                delay=delay,
            )
            child_id = subscribed.known.id
            await end_submissions(db, self._clock, "id = ?", submission.id, state, child_id=child_id)
            if not repeated and subscribed.known.job.status == Status.MODERATED:
                await note_declined(db, self._clock, "id = ?", submission.id)
            for row in await db.execute_fetchall(
                "SELECT * FROM submissions WHERE waits_for = ? ORDER BY id", (submission.id,)
            ):
                follower = submission_of(row)
                await subscribe(
                    db, self._clock, child, follower.destination, follower.person, origin=Origin.POST, delay=delay
                )
            await end_submissions(
                db, self._clock, "waits_for = ?", submission.id, SubmissionState.REPEATED, child_id=child_id
            )
            return subscribed

        return await self._db.transaction(work)

    async def mark_found(self, submission: Submission, child: Job, *, delay: float) -> SubscriptionResult | None:
        """The job of a lost submission has turned up. LOST to ACCEPTED; `None` where it is not LOST any more.

        Those that waited for the same button and were lost with it, unsent, are subscribed too. LOST to REPEATED.
        Raises `InvalidResponse` as `mark_accepted` does.
        """

        async def work(db: aiosqlite.Connection) -> SubscriptionResult | None:
            found = await one_submission(db, "id = ? AND state = 'lost'", (submission.id,))
            if found is None:
                return None
            await _check_is_new(db, found, child)
            subscribed = await subscribe(
                db, self._clock, child, found.destination, found.person, origin=Origin.PRESS, delay=delay
            )
            end = "UPDATE submissions SET state = ?, error = '', child_id = ? WHERE id = ?"
            await db.execute(end, (SubmissionState.ACCEPTED, subscribed.known.id, found.id))
            if subscribed.known.job.status == Status.MODERATED:
                await note_declined(db, self._clock, "id = ?", found.id)
            for row in await db.execute_fetchall(
                """SELECT * FROM submissions WHERE parent_id = ? AND button = ? AND +guild_id = ? AND tier = 'pick'
                   AND state = 'lost' AND sent_at IS NULL ORDER BY id""",
                (found.parent_id, found.button, found.destination.guild_id),
            ):
                follower = submission_of(row)
                await subscribe(
                    db, self._clock, child, follower.destination, follower.person, origin=Origin.POST, delay=delay
                )
                await db.execute(end, (SubmissionState.REPEATED, subscribed.known.id, follower.id))
            return subscribed

        return await self._db.transaction(work)

    async def mark_failed(self, submission: Submission, state: SubmissionState, error: str) -> None:
        """The submission, and those that wait for it, end in `state` without a job."""

        async def work(db: aiosqlite.Connection) -> None:
            await end_submissions(db, self._clock, "id = ?", submission.id, state, error=error)
            if state is SubmissionState.DECLINED:
                await note_declined(db, self._clock, "id = ?", submission.id)
            await end_submissions(db, self._clock, "waits_for = ?", submission.id, state, error=error)

        await self._db.transaction(work)

    async def refuse_alone(self, submission: Submission, error: str) -> None:
        """End a submission for what concerns its presser alone, with the sentence `error`. QUEUED to REFUSED.

        The first one that waited for it takes its part.
        """

        async def work(db: aiosqlite.Connection) -> None:
            # Only what is still queued: where it was sent, a second request of the same button could be charged.
            queued = "state = 'queued' AND id = ?"
            if await end_submissions(db, self._clock, queued, submission.id, SubmissionState.REFUSED, error=error):
                await promote_follower(db, submission.id)

        await self._db.transaction(work)

    # --- notifying --------------------------------------------------------------------------------------------------

    async def interaction_token(self, submission: Submission) -> str:
        """The token of the interaction, which lives for 15 minutes; empty without one. Never log or show it."""
        rows = await self._db.rows("SELECT interaction_token FROM submissions WHERE id = ?", (submission.id,))
        return rows[0]["interaction_token"] if rows else ""

    async def mark_notified(self, submission: Submission) -> None:
        """Record that the presser knows the outcome."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                "UPDATE submissions SET notified = 1, interaction_token = '' WHERE id = ?", (submission.id,)
            )

        await self._db.transaction(work)

    async def notify_in_channel(self, submission: Submission) -> None:
        """Have a notice posted in the channel, because the presser can no longer be answered in private."""

        async def work(db: aiosqlite.Connection) -> None:
            cursor = await db.execute(
                "UPDATE submissions SET notified = 1, interaction_token = '' WHERE id = ? AND notified = 0",
                (submission.id,),
            )
            if cursor.rowcount:
                await insert_delivery(
                    db,
                    self._clock,
                    DeliveryKind.NOTICE,
                    submission.parent_id,
                    submission.destination,
                    submission_id=submission.id,
                )

        await self._db.transaction(work)

    async def _move(
        self, submission: Submission, condition: str, assignments: str, values: tuple[Any, ...]
    ) -> Submission | None:
        async def work(db: aiosqlite.Connection) -> Submission | None:
            rows = await db.execute_fetchall(
                f"UPDATE submissions SET {assignments} WHERE id = ? AND {condition} RETURNING *",
                (*values, submission.id),
            )
            return next((submission_of(row) for row in rows), None)

        return await self._db.transaction(work)


async def mark_sent_unconfirmed(db: aiosqlite.Connection) -> None:
    """At a start: what was SENT when the bot died may have become a job, so it is reconciled and not sent again."""
    await db.execute("UPDATE submissions SET state = 'unconfirmed' WHERE state = 'sent'")


async def _check_is_new(db: aiosqlite.Connection, submission: Submission, job: Job) -> None:
    """Raise `InvalidResponse` where a job that the provider named for a submission is certainly not what it made.

    That is a job of another submission, one with another reference, and one without a reference that was known here
    before the request: with it would go another server's picture and prompt, and the rights to the job.
    """
    known = await known_as(db, job)
    if known is None or known.job.reply_ref == submission.reference:
        return
    owner = await one_submission(db, "child_id = ? AND state = 'accepted'", (known.id,))
    if owner is not None and owner.id == submission.id:
        return  # this was stored before, and is stored again because the disk reported an error
    known_before = submission.sent_at is not None and known.added_at < submission.sent_at
    if known.job.reply_ref or known_before or owner is not None:
        raise InvalidResponse(_NAMES_ANOTHER_JOB, provider=job.provider)
