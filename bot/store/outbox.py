"""The outbox: which messages are to be posted or edited, and how far each has come.

The dispatcher's part of the store. Each method is one transaction; `bot.delivery` says which way a crash between two of
them falls.
"""

import json
from datetime import datetime
from typing import Any

import aiosqlite

from bot.models import Delivery, DeliveryKind, DeliveryState, Fallback
from bot.store.delivery_statements import OPEN, edit_parents, edit_status_card, update_delivery
from bot.store.repository import Repository
from bot.store.rows import aware, delivery_of

_POSTED = f"state = '{DeliveryState.POSTED}'"
_TO_EDIT = "state = 'posted' AND (revision > posted_revision OR picture_until IS NOT NULL)"
_NOT_DUE = "(next_try > :now AND next_try < :now + 600)"
"""No pause is that long: what is due later was written before the clock was set back, so it is due now."""
_EDITS_DUE = f"""
SELECT * FROM deliveries WHERE {_TO_EDIT} AND next_try <= :now
UNION ALL SELECT * FROM deliveries
WHERE {_TO_EDIT} AND next_try >= :now + 600 AND next_try >= :now + iif(gone_since IS NULL, 600, 7200)
"""
"""The same for edits, of which one that Discord refuses for long is tried once an hour; two ranges of the index."""
_MAX_FAILURES = 4  # failed sends of one delivery before later ones of its channel may pass it
BLOCKED = f"""
WITH blocked AS MATERIALIZED (
    SELECT channel_id, min(id) AS first_id FROM deliveries
    WHERE {OPEN} AND kind <> 'status_card' AND {_NOT_DUE} AND attempts < {_MAX_FAILURES} GROUP BY channel_id)
"""
"""The channels in which a delivery that is being retried blocks the later ones, and which delivery that is."""
DUE = f"""
FROM deliveries LEFT JOIN blocked USING (channel_id)
WHERE {OPEN} AND NOT {_NOT_DUE} AND (first_id IS NULL OR id < first_id)
"""
"""What may be sent now; used together with `BLOCKED`."""
_FIRST_PICTURE_RETRY = 15.0  # seconds after a post without its picture


class Outbox(Repository):
    """The table `deliveries`, as the dispatcher works through it."""

    async def due(self, limit: int = 1000) -> list[Delivery]:
        """The deliveries to send now: results first, then status cards, each in the order in which they were added.

        A delivery that is being retried blocks the later ones of its channel, so that they arrive in order, but only
        for some attempts. Beyond `limit`, every other channel contributes one delivery.
        """
        due = {"now": self._clock.time(), "limit": limit}
        rows = await self._db.rows(
            f"{BLOCKED} SELECT deliveries.* {DUE} ORDER BY kind = 'status_card', id LIMIT :limit", due
        )
        if len(rows) == limit:  # perhaps the backlog of one channel: the others do not wait until it is done
            rows += await self._db.rows(
                f"""{BLOCKED} SELECT * FROM deliveries WHERE id IN (
                        SELECT min(id) {DUE} AND channel_id NOT IN (SELECT value FROM json_each(:listed))
                        GROUP BY channel_id)""",
                {**due, "listed": json.dumps(list({row["channel_id"] for row in rows}))},
            )
        return [delivery_of(row) for row in rows]

    async def to_edit(self, limit: int = 1000) -> list[Delivery]:
        """The posts that show an older revision or lack their picture, and whose next edit is due."""
        rows = await self._db.rows(
            f"SELECT * FROM ({_EDITS_DUE}) ORDER BY next_try, id LIMIT :limit",
            {"now": self._clock.time(), "limit": limit},
        )
        return [delivery_of(row) for row in rows]

    async def next_due(self, after: datetime) -> datetime | None:
        """When the next delivery or edit is due, of those not due at `after`; `None` without one.

        `after` is a time before `due` was called: what becomes due between the two calls is in one of the answers.
        """
        (row,) = await self._db.rows(
            f"""SELECT min(next_try) FROM (
                    SELECT min(next_try) AS next_try FROM deliveries WHERE {OPEN} AND next_try > ?
                    UNION ALL SELECT min(next_try) FROM deliveries WHERE {_TO_EDIT} AND next_try > ?)""",
            (after.timestamp(), after.timestamp()),
        )
        return None if row[0] is None else aware(row[0])

    async def claim(self, delivery: Delivery, *, pinged: bool = False) -> Delivery | None:
        """Record before a send that the message may exist from now on; `None` where it is no longer to be sent.

        WAITING or SENDING to SENDING. The first claim also records the newest snowflake: the message's id will be
        greater. `pinged`: the message mentions a member.
        """

        async def work(db: aiosqlite.Connection) -> Delivery | None:
            rows = await db.execute_fetchall(
                f"""UPDATE deliveries SET state = 'sending', attempts = attempts + 1, pinged = ?,
                    after_id = iif(state = 'waiting', max(after_id, ?), after_id)
                    WHERE id = ? AND {OPEN} RETURNING *""",
                (pinged, self._clock.after_id(), delivery.id),
            )
            return next((delivery_of(row) for row in rows), None)

        return await self._db.transaction(work)

    async def mark_posted(self, delivery: Delivery, message_id: int | None, *, picture_for: float = 0) -> Delivery:
        """Record that the message is posted and shows `delivery.revision`; `None`: it was posted, then deleted.

        After a result, the status card of the job in that channel is deleted, and the posts of the job's parent are
        edited to link it: both are due from this transaction on. `picture_for`: it was posted without its picture,
        which is retried for so many seconds. The only change of state without a guard: it records what Discord said,
        which is true whatever the row says.
        """
        if message_id is not None:
            self._clock.note_snowflake(message_id)
        deleted_status_card = message_id is None and delivery.kind is DeliveryKind.STATUS_CARD
        state = DeliveryState.DROPPED if deleted_status_card else DeliveryState.POSTED
        now = self._clock.time()
        until = now + picture_for if picture_for and message_id is not None else None

        async def work(db: aiosqlite.Connection) -> Delivery:
            if delivery.kind is DeliveryKind.RESULT:
                await edit_status_card(db, self._clock, delivery)
                await edit_parents(db, self._clock, delivery)
            changed = await update_delivery(
                db,
                delivery,
                """state = ?, message_id = ?, posted_at = ?, posted_revision = ?, error = '', attempts = 0,
                   gone_since = NULL,
                   picture_until = ?, next_try = iif(?, ?, next_try)""",
                (state, message_id, now, delivery.revision, until, until is not None, now + _FIRST_PICTURE_RETRY),
            )
            return changed or delivery

        return await self._db.transaction(work)

    async def retry_later(
        self,
        delivery: Delivery,
        pause: float,
        error: str,
        *,
        unsent: bool = False,
        timed_out: bool = False,
        fallback: Fallback | None = None,
        gone: bool = False,
        here: bool = False,
    ) -> Delivery:
        """Retry in `pause` seconds, with `fallback` where it is given; `delivery` is the row before its claim.

        `unsent`: Discord certainly did not store it, so SENDING becomes WAITING and the history is not searched.
        `gone`: the channel seems to be gone, which stays recorded while other errors come between, until it is known to
        be `here`. A failure before the claim counts as an attempt too: it must not block later deliveries for ever. One
        that was dropped, given up or posted meanwhile stays as it is.
        """
        return await self._change(
            delivery,
            _POSTED if delivery.state is DeliveryState.POSTED else OPEN,
            """next_try = ?, error = ?, attempts = ?, timeouts = timeouts + ?, fallback = ?,
               state = iif(? AND state = 'sending', 'waiting', state),
               gone_since = iif(?, coalesce(gone_since, ?), iif(?, NULL, gone_since))""",
            (
                self._clock.time() + pause,
                error,
                delivery.attempts + 1,
                timed_out,
                delivery.fallback if fallback is None else fallback,
                unsent,
                gone,
                self._clock.time(),
                here,
            ),
        )

    async def give_up(self, delivery: Delivery, error: str) -> bool:
        """Stop trying, but keep the row for the admin; the status card no longer waits for this result.

        WAITING or SENDING to UNDELIVERABLE. `False`, and nothing changes, where it was dropped or posted meanwhile.
        """

        async def work(db: aiosqlite.Connection) -> bool:
            given_up = await update_delivery(db, delivery, "state = 'undeliverable', error = ?", (error,), where=OPEN)
            if given_up is not None:
                await edit_status_card(db, self._clock, delivery)
            return given_up is not None

        return await self._db.transaction(work)

    async def drop(self, delivery: Delivery) -> bool:
        """Record that the message is not needed any more, or was deleted by hand: no other post links to it.

        Any other state to DROPPED: a message that a person deletes may belong to a row in any of them. `False`, and
        nothing changes, where it was dropped before.
        """

        async def work(db: aiosqlite.Connection) -> bool:
            dropped = await update_delivery(db, delivery, "state = 'dropped'", (), where="state <> 'dropped'")
            if dropped is not None and delivery.kind is DeliveryKind.RESULT:
                await edit_parents(db, self._clock, delivery)
            return dropped is not None

        return await self._db.transaction(work)

    async def retire(self, status_card: Delivery) -> bool:
        """Record the last edit of a status card without subscribers: a new subscription gets a new card.

        POSTED to DROPPED. `False`, and nothing changes, where a member subscribed again since `status_card` was read,
        because this card is theirs.
        """

        async def work(db: aiosqlite.Connection) -> bool:
            retired = await update_delivery(
                db, status_card, "state = 'dropped'", (status_card.revision,), where=f"{_POSTED} AND revision = ?"
            )
            return retired is not None

        return await self._db.transaction(work)

    async def mark_edited(
        self, post: Delivery, pause: float, *, picture: bool = False, picture_for: float | None = None
    ) -> Delivery:
        """Record that the post shows `post.revision`; its next edit is due in `pause` seconds at the earliest.

        `picture`: it has its picture, or will never have it. `picture_for`: its picture is retried for so many seconds
        from now at most, also where the clock was set back since it was posted.
        """
        now = self._clock.time()
        return await self._change(
            post,
            _POSTED,
            """posted_revision = max(posted_revision, ?), next_try = ?, attempts = 0, gone_since = NULL,
               picture_until = iif(?, NULL, min(picture_until, coalesce(?, picture_until)))""",
            (post.revision, now + pause, picture, None if picture_for is None else now + picture_for),
        )

    async def _change(self, delivery: Delivery, where: str, assignments: str, values: tuple[Any, ...]) -> Delivery:
        async def work(db: aiosqlite.Connection) -> Delivery:
            return await update_delivery(db, delivery, assignments, values, where=where) or delivery

        return await self._db.transaction(work)
