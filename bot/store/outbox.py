"""The outbox: which messages are to be posted, which may have been, which stand.

The courier's half of the store. Each method is one transaction; where a crash may fall between two of them stands in
the courier, beside the lines.
"""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiosqlite

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination, Fallback
from bot.store.connection import Database
from bot.store.rows import aware, delivery_of, update_delivery

_NONCE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
OPEN = f"state IN ('{DeliveryState.WAITING}', '{DeliveryState.SENDING}')"
_POSTED = f"state = '{DeliveryState.POSTED}'"
_TO_EDIT = "state = 'posted' AND (wanted > shown OR picture_until IS NOT NULL)"
_LATER = "(next_try > :now AND next_try < :now + 600)"
"""Not due yet. No pause is that long: what lies further ahead was written before a clock was set back, and is due."""
_PATIENCE = 4  # failed sends of one delivery before those behind it may pass
HELD_UP = f"""
WITH held_up AS MATERIALIZED (
    SELECT channel_id, min(id) AS behind FROM deliveries
    WHERE {OPEN} AND kind <> 'card' AND {_LATER} AND attempts < {_PATIENCE} GROUP BY channel_id)
"""
"""The channels in which one that has trouble holds up those behind it, and which one that is."""
DUE = f"""
FROM deliveries LEFT JOIN held_up USING (channel_id)
WHERE {OPEN} AND NOT {_LATER} AND (behind IS NULL OR id < behind)
"""
"""What could be sent now; it goes with `HELD_UP`."""
_CLOCKS_DIFFER = 2000 << 22  # two seconds as a snowflake: Discord's own machines need not agree to the millisecond
_FIRST_TRY = 15.0  # seconds from a post without its picture to the next try
_GATHER = 5.0  # seconds in which children of one parent gather, so that its post is edited once for all of them


class Outbox:
    """The deliveries; `now` is the clock, `seen` the newest snowflake of Discord's that the file remembers."""

    def __init__(self, database: Database, now: Callable[[], datetime], *, seen: int) -> None:
        self._db = database
        self._now = now
        self._seen = seen
        self._told_limits: dict[int, int] = {}

    def on_health(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called when the disk begins to refuse (in words), and when it no longer does ("")."""
        self._db.on_health = tell

    def note_snowflake(self, snowflake: int) -> None:
        """Note an id that Discord just made; the newest one is how the courier knows Discord's time."""
        self._seen = max(self._seen, snowflake)

    async def _insert(
        self,
        db: aiosqlite.Connection,
        kind: DeliveryKind,
        job_id: int,
        destination: Destination,
        now: float,
        quiet_for: float = 0,
        *,
        submission_id: int | None = None,
    ) -> None:
        nonce = "".join(secrets.choice(_NONCE_LETTERS) for _ in range(24))
        await db.execute(
            """INSERT INTO deliveries
               (kind, job_id, press_id, guild_id, channel_id, nonce, after_id, next_try, created_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                kind,
                job_id,
                submission_id,
                destination.guild_id,
                destination.channel_id,
                nonce,
                self._floor(),
                now + quiet_for,
                now,
            ),
        )

    async def due_deliveries(self, limit: int = 1000) -> list[Delivery]:
        """The deliveries to send now, cards last, in the order in which they were made.

        One that has trouble holds up those behind it in its channel, so that they arrive in order, but not for ever.
        Of more than `limit`, those of the other channels follow with one each.
        """
        due = {"now": self._time(), "limit": limit}
        rows = await self._db.rows(
            f"{HELD_UP} SELECT deliveries.* {DUE} ORDER BY kind = 'card', id LIMIT :limit",
            due,
        )
        if len(rows) == limit:  # a long backlog, of one channel maybe: no other waits until it is through
            rows += await self._db.rows(
                f"""{HELD_UP} SELECT * FROM deliveries WHERE id IN (
                        SELECT min(id) {DUE} AND channel_id NOT IN (SELECT value FROM json_each(:met))
                        GROUP BY channel_id)""",
                {**due, "met": json.dumps(list({row["channel_id"] for row in rows}))},
            )
        return [delivery_of(row) for row in rows]

    async def posts_to_edit(self, limit: int = 1000) -> list[Delivery]:
        """The posts that no longer show how things are, or lack their picture, and that may be edited by now."""
        rows = await self._db.rows(
            f"SELECT * FROM deliveries WHERE {_TO_EDIT} AND next_try <= ? ORDER BY next_try, id LIMIT ?",
            (self._time(), limit),
        )
        return [delivery_of(row) for row in rows]

    async def next_delivery(self, after: datetime) -> datetime | None:
        """When something more falls due than was due at a moment; `None` where nothing else waits.

        That moment lies before `due_deliveries` was asked: what falls due between the two questions is in one answer.
        """
        (row,) = await self._db.rows(
            f"""SELECT min(next_try) FROM (
                    SELECT min(next_try) AS next_try FROM deliveries WHERE {OPEN} AND next_try > ?
                    UNION ALL SELECT min(next_try) FROM deliveries WHERE {_TO_EDIT} AND next_try > ?)""",
            (after.timestamp(), after.timestamp()),
        )
        return None if row[0] is None else aware(row[0])

    async def delivery(self, nonce: str) -> Delivery | None:
        """The delivery that a message or a custom_id names; a custom_id is a claim, so compare its place."""
        rows = await self._db.rows("SELECT * FROM deliveries WHERE nonce = ?", (nonce,))
        return delivery_of(rows[0]) if rows else None

    async def claim(self, delivery: Delivery, *, pinged: bool = False) -> Delivery | None:
        """Say, before a send, that the message may exist from now on; `None` where it is not wanted any more.

        One that was never sent before also notes the newest snowflake: whatever it posts will be newer. `pinged`: it
        rings for somebody, perhaps without anybody hearing of its arrival.
        """

        async def work(db: aiosqlite.Connection) -> Delivery | None:
            rows = await db.execute_fetchall(
                f"""UPDATE deliveries SET state = 'sending', attempts = attempts + 1, pinged = ?,
                    after_id = iif(state = 'waiting', max(after_id, ?), after_id)
                    WHERE id = ? AND {OPEN} RETURNING *""",
                (pinged, self._floor(), delivery.id),
            )
            return next((delivery_of(row) for row in rows), None)

        return await self._db.transaction(work)

    async def posted(self, delivery: Delivery, message_id: int | None, *, picture_for: float = 0) -> Delivery:
        """The message stands, showing version `delivery.revision`; `None`: it stood, and somebody deleted it.

        After a result, the card of the job in that place has a link to show, and so have the posts of the job whose
        button made this one. `picture_for`: it stands without its picture, which is tried again for so many seconds.
        The only change of state without a guard: it records what Discord said, which is true whatever the row says.
        """
        if message_id is not None:
            self.note_snowflake(message_id)
        state = (
            DeliveryState.DROPPED if message_id is None and delivery.kind is DeliveryKind.CARD else DeliveryState.POSTED
        )
        now = self._time()
        until = now + picture_for if picture_for and message_id is not None else None

        async def work(db: aiosqlite.Connection) -> Delivery:
            if delivery.kind is DeliveryKind.RESULT:
                await self._touch_card(db, delivery)
                await self._touch_parents(db, delivery)
            changed = await update_delivery(
                db,
                delivery,
                """state = ?, message_id = ?, posted_at = ?, shown = ?, trouble = '', attempts = 0,
                   picture_until = ?, next_try = iif(?, ?, next_try)""",
                (state, message_id, now, delivery.revision, until, until is not None, now + _FIRST_TRY),
            )
            return changed or delivery

        return await self._db.transaction(work)

    async def put_off(
        self,
        delivery: Delivery,
        pause: float,
        error: str,
        *,
        unsent: bool = False,
        timed_out: bool = False,
        fallback: Fallback | None = None,
        gone: bool = False,
    ) -> Delivery:
        """Try again in `pause` seconds, from `fallback` on where that is given; `delivery` as it was before its claim.

        `unsent`: Discord refused it for certain, so nothing has to be looked for. `gone`: the channel seems to be away,
        which stays noted while other trouble (a file that is not taken) comes between. What failed before it could be
        claimed counts as an attempt, too: it must not hold up those behind it for ever. One that was dropped, given up
        or posted meanwhile stays as it is.
        """
        return await self._change(
            delivery,
            _POSTED if delivery.state is DeliveryState.POSTED else OPEN,
            """next_try = ?, trouble = ?, attempts = ?, timeouts = timeouts + ?, shape = ?,
               state = iif(? AND state = 'sending', 'waiting', state),
               gone_since = iif(?, coalesce(gone_since, ?), gone_since)""",
            (
                self._time() + pause,
                error,
                delivery.attempts + 1,
                timed_out,
                delivery.fallback if fallback is None else fallback,
                unsent,
                gone,
                self._time(),
            ),
        )

    async def give_up(self, delivery: Delivery, error: str) -> bool:
        """Keep the row, for the admin to see, but stop trying; the card need not wait for the result any more.

        WAITING or SENDING to UNDELIVERABLE. `False`, and nothing changes, where it was dropped or posted meanwhile.
        """

        async def work(db: aiosqlite.Connection) -> bool:
            given_up = await update_delivery(db, delivery, "state = 'undeliverable', trouble = ?", (error,), where=OPEN)
            if given_up is not None:
                await self._touch_card(db, delivery)
            return given_up is not None

        return await self._db.transaction(work)

    async def drop(self, delivery: Delivery) -> bool:
        """The message is not wanted any more, or was deleted by hand: nothing leads to it from now on.

        Any other state to DROPPED: a message that a person deletes may belong to a row in any of them. `False`, and
        nothing changes, where it was dropped before.
        """

        async def work(db: aiosqlite.Connection) -> bool:
            dropped = await update_delivery(db, delivery, "state = 'dropped'", (), where="state <> 'dropped'")
            if dropped is not None and delivery.kind is DeliveryKind.RESULT:
                await self._touch_parents(db, delivery)
            return dropped is not None

        return await self._db.transaction(work)

    async def retire(self, card: Delivery) -> bool:
        """A posted card of a job that still runs has had its last word: who asks again gets a new card.

        POSTED to DROPPED. `False`, and nothing changes, where somebody asked again since `card` was read, because
        their card is this one.
        """

        async def work(db: aiosqlite.Connection) -> bool:
            retired = await update_delivery(
                db, card, "state = 'dropped'", (card.revision,), where=f"{_POSTED} AND wanted = ?"
            )
            return retired is not None

        return await self._db.transaction(work)

    async def shown(self, post: Delivery, pause: float, *, picture: bool = False) -> Delivery:
        """The post now shows version `post.revision`; the next edit is not due before `pause` seconds.

        `picture`: it has its picture, or will never have it.
        """
        return await self._change(
            post,
            _POSTED,
            """shown = max(shown, ?), next_try = ?, attempts = 0, gone_since = NULL,
               picture_until = iif(?, NULL, picture_until)""",
            (post.revision, self._time() + pause, picture),
        )

    async def _change(self, delivery: Delivery, where: str, assignments: str, values: tuple[Any, ...]) -> Delivery:
        async def work(db: aiosqlite.Connection) -> Delivery:
            return await update_delivery(db, delivery, assignments, values, where=where) or delivery

        return await self._db.transaction(work)

    async def _touch_card(self, db: aiosqlite.Connection, result: Delivery) -> None:
        """The card has its last word to say, and need not wait for its turn."""
        await db.execute(
            """UPDATE deliveries SET wanted = wanted + 1, next_try = min(next_try, ?)
               WHERE kind = 'card' AND job_id = ? AND channel_id = ?""",
            (self._time(), result.job_id, result.destination.channel_id),
        )

    async def _touch_parents(self, db: aiosqlite.Connection, result: Delivery) -> None:
        """Where this job came from a button of the tier PICK, the button becomes a link, or a button again."""
        await db.execute(
            """UPDATE deliveries SET wanted = wanted + 1, next_try = iif(state = 'posted', max(next_try, ?), next_try)
               WHERE kind = 'result' AND guild_id = ? AND job_id IN (
                   SELECT parent_id FROM presses JOIN jobs ON jobs.id = child_id
                   WHERE child_id = ? AND tier = 'pick' AND status = 'completed')
               AND (state IN ('waiting', 'sending') OR (state = 'posted' AND message_id IS NOT NULL))""",
            (self._time() + _GATHER, result.destination.guild_id, result.job_id),
        )

    async def _edit_results(self, db: aiosqlite.Connection, job_id: int) -> None:
        """The posts of a job's result have something else to show."""
        await db.execute(
            """UPDATE deliveries SET wanted = wanted + 1, next_try = min(next_try, ?)
               WHERE job_id = ? AND kind = 'result' AND state = 'posted' AND message_id IS NOT NULL""",
            (self._time(), job_id),
        )

    def _time(self) -> float:
        return self._now().timestamp()

    def _floor(self) -> int:
        return max(self._seen - _CLOCKS_DIFFER, 0)


async def rearm(db: aiosqlite.Connection, where: str, values: tuple[Any, ...], now: float) -> int:
    """Put given up results back into the outbox, inside a transaction; how many."""
    # SENDING, not WAITING: an old send of theirs may have been stored, and is looked for first.
    cursor = await db.execute(
        f"""UPDATE deliveries SET state = 'sending', next_try = ?, attempts = 0, timeouts = 0, shape = 0,
            gone_since = NULL WHERE {where} AND state = 'undeliverable'""",
        (now, *values),
    )
    return cursor.rowcount
