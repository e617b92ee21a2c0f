"""Presses as they are written down: before anything is sent, counted, kept in line, and ended.

What is read of them stands in `line` and `ledger`.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aiosqlite
import msgspec

from bot.models import (
    CostTier,
    DeliveryKind,
    Destination,
    Job,
    KnownJob,
    Limit,
    LimitExceeded,
    Limits,
    Person,
    Submission,
    SubmissionState,
)
from bot.store.rows import aware, encode, known_of, one_known, submission_of
from bot.store.submission_history import CHILD, COUNTED
from bot.store.submission_queue import OPEN_STATES
from bot.store.subscriptions import SubscriptionResult, Subscriptions

_DAY = timedelta(days=1).total_seconds()


class Submissions(Subscriptions):
    """The rows of presses; a press of a button that another press has taken up waits `waits_for` that one."""

    async def add_submission(
        self,
        parent: KnownJob,
        button: str,
        destination: Destination,
        person: Person,
        *,
        tier: CostTier,
        limits: Limits,
        prompt: str = "",
        answer: str = "",
        reference: str = "",
        quiet_for: float = 0,
    ) -> Submission | LimitExceeded:
        """Write a press down, queued, before anything is sent; or say which number it would pass.

        A button of the tier PICK makes one job only. One that is known already ends the press at once, as USED. While
        another press of the same button is open in this server, this one waits behind it, and what comes of that one
        counts for both. (Of another server's it knows nothing: that one may be paused.)

        `answer` is the interaction's token, kept until the presser was notified; `reference` is made where none is
        given; `quiet_for`: as in `ask`.
        """
        reference = reference or secrets.token_hex(12)

        async def work(db: aiosqlite.Connection) -> Submission | LimitExceeded:
            child = leader = None
            if tier is CostTier.PICK:
                child = await self._existing_child(db, parent.id, button)
                leader = await _one(
                    db,
                    f"parent_id = ? AND button = ? AND +guild_id = ? AND +behind IS NULL AND state IN ({OPEN_STATES})",
                    (parent.id, button, destination.guild_id),
                )
            if (
                not child
                and not leader
                and (refused := await self._limit_exceeded(db, destination, person, tier, limits))
            ):
                return refused
            cursor = await db.execute(
                """INSERT INTO presses (ref, parent_id, button, tier, prompt, guild_id, channel_id, user_id, user_name,
                                        behind, pressed_at, answer)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    reference,
                    parent.id,
                    button,
                    tier,
                    prompt,
                    destination.guild_id,
                    destination.channel_id,
                    person.id,
                    person.name,
                    None if leader is None or child is not None else leader.id,
                    self._time(),
                    answer,
                ),
            )
            if child is not None:
                await self._ask(db, child.job, destination, person, again=False, quiet_for=quiet_for)
                await self._end(db, "id = ?", cursor.lastrowid or 0, SubmissionState.REPEATED, "", child.id)
            made = await _one(db, "id = ?", (cursor.lastrowid,))
            assert made is not None
            return made

        return await self._db.transaction(work)

    async def _existing_child(self, db: aiosqlite.Connection, parent_id: int, button: str) -> KnownJob | None:
        return next((known_of(row) for row in await db.execute_fetchall(CHILD, (parent_id, button))), None)

    async def _limit_exceeded(
        self, db: aiosqlite.Connection, destination: Destination, person: Person, tier: CostTier, limits: Limits
    ) -> LimitExceeded | None:
        if tier is not CostTier.PICK:
            now = self._time()
            mine = ("guild_id = ? AND user_id = ?", (destination.guild_id, person.id))
            everybodys = ("guild_id = ?", (destination.guild_id,))
            for why, (whose, ids), number, seconds in (
                (Limit.COOLDOWN, mine, 1 if limits.cooldown else None, limits.cooldown),
                (Limit.DAILY, mine, limits.daily, _DAY),
                (Limit.SERVER_DAILY, everybodys, limits.server_daily, _DAY),
            ):
                if number is None:
                    continue
                # The `number`-th newest within the time: when it is too old, one more is free. What a wall clock that
                # was set back has left in the future counts no more.
                rows = await db.execute_fetchall(
                    f"""SELECT pressed_at FROM presses WHERE {whose} AND pressed_at > ? AND pressed_at <= ?
                        AND tier <> 'pick' AND state IN ({COUNTED})
                        ORDER BY pressed_at DESC LIMIT 1 OFFSET ?""",
                    (*ids, now - seconds, now, max(number - 1, 0)),
                )
                if number == 0:
                    return LimitExceeded(why=why)
                for row in rows:
                    return LimitExceeded(why=why, free_at=aware(row[0] + seconds))
        if limits.queue is not None and await self._count_queued(db, person) >= limits.queue:
            return LimitExceeded(why=Limit.QUEUE)
        return None

    async def _count_queued(self, db: aiosqlite.Connection, person: Person) -> int:
        rows = await db.execute_fetchall(
            f"SELECT count(*) FROM presses WHERE state IN ({OPEN_STATES}) AND state = 'queued' AND behind IS NULL"
            " AND +user_id = ?",
            (person.id,),
        )
        return int(next(iter(rows))[0])

    # --- sending ----------------------------------------------------------------------------------------------------

    async def mark_sent(self, submission: Submission) -> Submission | None:
        """Say, before the request, that the job may exist from now on; `None` where the press waits no more."""
        return await self._move(submission, SubmissionState.QUEUED, "state = 'asked', sent_at = ?", (self._time(),))

    async def requeue(self, submission: Submission, limit: int, too_many: str) -> None:
        """What useapi did not take for certain keeps its place.

        Where its presser has more than `limit` in line then, the newest of them end as refused, with the sentence
        `too_many`: whoever came first is served first.
        """

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                "UPDATE presses SET state = 'queued', sent_at = NULL WHERE id = ? AND state = 'asked'", (submission.id,)
            )
            for row in await db.execute_fetchall(
                f"""SELECT id FROM presses WHERE state IN ({OPEN_STATES}) AND state = 'queued' AND behind IS NULL
                    AND +user_id = ? ORDER BY id LIMIT -1 OFFSET ?""",
                (submission.person.id, limit),
            ):
                await self._end(db, "id = ?", row["id"], SubmissionState.REFUSED, too_many, None)
                await self._promote_follower(db, row["id"])

        await self._db.transaction(work)

    async def mark_unconfirmed(self, submission: Submission, error: str = "") -> Submission | None:
        """It was sent, and nobody heard what came of it; `error` is the sentence for the case that no job is found.

        It is kept in the row, because a restart forgets what useapi answered.
        """
        return await self._move(submission, SubmissionState.SENT, "state = 'unknown', trouble = ?", (error,))

    async def cancel_queued(self, submission: Submission) -> bool:
        """Take a press out of the line; whether it was still there. Who waited behind it moves up."""

        async def work(db: aiosqlite.Connection) -> bool:
            cursor = await db.execute(
                """UPDATE presses SET state = 'withdrawn', ended_at = ?, told = 1, answer = '', behind = NULL
                   WHERE id = ? AND state = 'queued'""",
                (self._time(), submission.id),
            )
            if cursor.rowcount:
                await self._promote_follower(db, submission.id)
            return bool(cursor.rowcount)

        return await self._db.transaction(work)

    async def _promote_follower(self, db: aiosqlite.Connection, submission_id: int) -> None:
        """The first of those behind a press that left the line takes its part."""
        if heir := await _one(db, "behind = ? ORDER BY id LIMIT 1", (submission_id,)):
            await db.execute("UPDATE presses SET behind = NULL WHERE id = ?", (heir.id,))
            await db.execute("UPDATE presses SET behind = ? WHERE behind = ?", (heir.id, submission_id))

    # --- ending -----------------------------------------------------------------------------------------------------

    async def mark_accepted(
        self, submission: Submission, child: Job, *, used: bool, quiet_for: float
    ) -> SubscriptionResult:
        """The press, and those behind it, became a job, which is watched for all of them from now on.

        `used`: the job was there before, so this one was charged for nothing.
        """

        async def work(db: aiosqlite.Connection) -> SubscriptionResult:
            subscribed = await self._ask(
                db, child, submission.destination, submission.person, again=False, quiet_for=quiet_for
            )
            await self._end(
                db,
                "id = ?",
                submission.id,
                SubmissionState.REPEATED if used else SubmissionState.ACCEPTED,
                "",
                subscribed.known.id,
            )
            for row in await db.execute_fetchall(
                "SELECT * FROM presses WHERE behind = ? ORDER BY id", (submission.id,)
            ):
                follower = submission_of(row)
                await self._ask(db, child, follower.destination, follower.person, again=False, quiet_for=quiet_for)
            await self._end(db, "behind = ?", submission.id, SubmissionState.REPEATED, "", subscribed.known.id)
            return subscribed

        return await self._db.transaction(work)

    async def mark_failed(self, submission: Submission, state: SubmissionState, error: str) -> None:
        """The press, and those behind it, came to nothing."""

        async def work(db: aiosqlite.Connection) -> None:
            await self._end(db, "id = ?", submission.id, state, error, None)
            await self._end(db, "behind = ?", submission.id, state, error, None)

        await self._db.transaction(work)

    async def _end(
        self,
        db: aiosqlite.Connection,
        which: str,
        submission_id: int,
        state: SubmissionState,
        error: str,
        child_id: int | None,
    ) -> None:
        await db.execute(
            f"""UPDATE presses SET state = ?, trouble = ?, child_id = ?, ended_at = ?, behind = NULL
                WHERE {which} AND state IN ({OPEN_STATES})""",
            (state, error, child_id, self._time(), submission_id),
        )

    async def interaction_token(self, submission: Submission) -> str:
        """The token of the interaction that this press came from; it lives for 15 minutes. Never log or show it."""
        rows = await self._db.rows("SELECT answer FROM presses WHERE id = ?", (submission.id,))
        return rows[0]["answer"] if rows else ""

    async def mark_notified(self, submission: Submission) -> None:
        """The presser knows."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute("UPDATE presses SET told = 1, answer = '' WHERE id = ?", (submission.id,))

        await self._db.transaction(work)

    async def notify_in_channel(self, submission: Submission) -> None:
        """The presser cannot be told in private any more: a message in the channel will do it."""

        async def work(db: aiosqlite.Connection) -> None:
            cursor = await db.execute(
                "UPDATE presses SET told = 1, answer = '' WHERE id = ? AND told = 0", (submission.id,)
            )
            if cursor.rowcount:
                await self._insert(
                    db,
                    DeliveryKind.NOTICE,
                    submission.parent_id,
                    submission.destination,
                    self._time(),
                    submission_id=submission.id,
                )

        await self._db.transaction(work)

    async def remove_buttons(self, job_id: int) -> None:
        """No button of this job works any more: they go from its posts."""

        async def work(db: aiosqlite.Connection) -> None:
            known = await one_known(db, "id = ?", (job_id,))
            if known is not None and known.job.buttons:
                bare = msgspec.structs.replace(known.job, buttons=())
                await db.execute("UPDATE jobs SET answer = ? WHERE id = ?", (encode(bare), job_id))
                await self._edit_results(db, job_id)

        await self._db.transaction(work)

    async def _move(
        self, submission: Submission, state: SubmissionState, assignments: str, values: tuple[Any, ...]
    ) -> Submission | None:
        async def work(db: aiosqlite.Connection) -> Submission | None:
            rows = await db.execute_fetchall(
                f"UPDATE presses SET {assignments} WHERE id = ? AND state = ? RETURNING *",
                (*values, submission.id, state),
            )
            return next((submission_of(row) for row in rows), None)

        return await self._db.transaction(work)


async def _one(db: aiosqlite.Connection, where: str, values: Sequence[Any]) -> Submission | None:
    rows = await db.execute_fetchall(f"SELECT * FROM presses WHERE {where}", values)
    return next((submission_of(row) for row in rows), None)


async def mark_sent_unconfirmed(db: aiosqlite.Connection) -> None:
    """What had been sent when the bot died was perhaps made: it is not sent again, its job is looked for."""
    await db.execute("UPDATE presses SET state = 'unknown' WHERE state = 'asked'")
