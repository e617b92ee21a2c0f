"""The outbox: which messages are to be posted, which may have been, which stand.

The courier's half of the store. Each method is one transaction; where a crash may fall between two of them stands in
the courier, beside the lines.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiosqlite

from bot.jobs import Delivery, Kind, Place, Shape, State
from bot.store.database import Database
from bot.store.rows import aware, delivery_of, update_delivery

_NONCE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
OPEN = f"state IN ('{State.WAITING}', '{State.SENDING}')"
_PATIENCE = 4  # failed sends of one delivery before those behind it may pass
_CLOCKS_DIFFER = 2000 << 22  # two seconds as a snowflake: Discord's own machines need not agree to the millisecond


class Outbox:
    """The deliveries; `now` is the clock, `seen` the newest snowflake of Discord's that the file remembers."""

    def __init__(self, database: Database, now: Callable[[], datetime], *, seen: int) -> None:
        self._db = database
        self._now = now
        self._seen = seen

    def on_health(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called when the disk begins to refuse (in words), and when it no longer does ("")."""
        self._db.on_health = tell

    def saw(self, snowflake: int) -> None:
        """Note an id that Discord just made; the newest one is how the courier knows Discord's time."""
        self._seen = max(self._seen, snowflake)

    async def _insert(
        self, db: aiosqlite.Connection, kind: Kind, job_id: int, place: Place, now: float, quiet_for: float = 0
    ) -> None:
        nonce = "".join(secrets.choice(_NONCE_LETTERS) for _ in range(24))
        await db.execute(
            """INSERT INTO deliveries (kind, job_id, guild_id, channel_id, nonce, after_id, next_try, created_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (kind, job_id, place.guild_id, place.channel_id, nonce, self._floor(), now + quiet_for, now),
        )

    async def open_deliveries(self, limit: int = 1000) -> list[Delivery]:
        """The deliveries to send now, results before cards, in the order in which they were made.

        One that has trouble holds up those behind it in its channel, so that they arrive in order, but not for ever.
        """
        now = self._time()
        rows = await self._db.rows(
            f"""WITH held_up AS MATERIALIZED (
                    SELECT channel_id, min(id) AS behind FROM deliveries
                    WHERE {OPEN} AND kind = 'result' AND next_try > ? AND attempts < {_PATIENCE} GROUP BY channel_id)
                SELECT deliveries.* FROM deliveries LEFT JOIN held_up USING (channel_id)
                WHERE {OPEN} AND next_try <= ? AND (behind IS NULL OR id < behind)
                ORDER BY kind DESC, id LIMIT ?""",  # noqa: S608 -- constants only
            (now, now, limit),
        )
        return [delivery_of(row) for row in rows]

    async def cards_to_edit(self, limit: int = 1000) -> list[Delivery]:
        """The posted cards that no longer show how things are, and that may be edited by now."""
        rows = await self._db.rows(
            """SELECT * FROM deliveries WHERE kind = 'card' AND state = 'posted' AND wanted > shown AND next_try <= ?
               ORDER BY next_try, id LIMIT ?""",
            (self._time(), limit),
        )
        return [delivery_of(row) for row in rows]

    async def next_delivery(self) -> datetime | None:
        """When something more falls due than is due already; `None` where nothing else waits."""
        now = self._time()
        (row,) = await self._db.rows(
            f"""SELECT min(next_try) FROM (
                    SELECT min(next_try) AS next_try FROM deliveries WHERE {OPEN} AND next_try > ?
                    UNION ALL SELECT min(next_try) FROM deliveries
                    WHERE kind = 'card' AND state = 'posted' AND wanted > shown AND next_try > ?)""",  # noqa: S608 -- constants only
            (now, now),
        )
        return None if row[0] is None else aware(row[0])

    async def delivery(self, nonce: str) -> Delivery | None:
        """The delivery that a message or a custom_id names; a custom_id is a claim, so compare its place."""
        rows = await self._db.rows("SELECT * FROM deliveries WHERE nonce = ?", (nonce,))
        return delivery_of(rows[0]) if rows else None

    async def claim(self, delivery: Delivery) -> Delivery | None:
        """Say, before a send, that the message may exist from now on; `None` where it is not wanted any more.

        One that was never sent before also notes the newest snowflake: whatever it posts will be newer.
        """

        async def work(db: aiosqlite.Connection) -> Delivery | None:
            rows = await db.execute_fetchall(
                f"""UPDATE deliveries SET state = 'sending', attempts = attempts + 1,
                    after_id = iif(state = 'waiting', max(after_id, ?), after_id)
                    WHERE id = ? AND {OPEN} RETURNING *""",  # noqa: S608 -- constants only
                (self._floor(), delivery.id),
            )
            return next((delivery_of(row) for row in rows), None)

        return await self._db.transaction(work)

    async def posted(self, delivery: Delivery, message_id: int | None) -> Delivery:
        """The message stands, showing version `delivery.wanted`; `None`: it stood, and somebody deleted it.

        After a result, the card of the job in that place has a link to show.
        """
        if message_id is not None:
            self.saw(message_id)
        state = State.DROPPED if message_id is None and delivery.kind is Kind.CARD else State.POSTED

        async def work(db: aiosqlite.Connection) -> Delivery:
            if delivery.kind is Kind.RESULT:
                await self._touch_card(db, delivery)
            return await update_delivery(
                db,
                delivery,
                "state = ?, message_id = ?, posted_at = ?, shown = ?, trouble = ''",
                (state, message_id, self._time(), delivery.wanted),
            )

        return await self._db.transaction(work)

    async def put_off(
        self,
        delivery: Delivery,
        pause: float,
        trouble: str,
        *,
        unsent: bool = False,
        timed_out: bool = False,
        shape: Shape | None = None,
        gone: bool = False,
    ) -> Delivery:
        """Try again in `pause` seconds, from `shape` on where that is given; `delivery` as it was before its claim.

        `unsent`: Discord refused it for certain, so nothing has to be looked for. `gone`: the channel seems to be away,
        which stays noted while other trouble (a file that is not taken) comes between. What failed before it could be
        claimed counts as an attempt, too: it must not hold up those behind it for ever.
        """
        return await self._change(
            delivery,
            """next_try = ?, trouble = ?, attempts = ?, state = iif(?, 'waiting', state), timeouts = timeouts + ?,
               shape = ?, gone_since = iif(?, coalesce(gone_since, ?), gone_since)""",
            (
                self._time() + pause,
                trouble,
                delivery.attempts + 1,
                unsent,
                timed_out,
                delivery.shape if shape is None else shape,
                gone,
                self._time(),
            ),
        )

    async def give_up(self, delivery: Delivery, trouble: str) -> Delivery:
        """Keep the row, for the admin to see, but stop trying; the card need not wait for the result any more."""

        async def work(db: aiosqlite.Connection) -> Delivery:
            await self._touch_card(db, delivery)
            return await update_delivery(db, delivery, "state = 'undeliverable', trouble = ?", (trouble,))

        return await self._db.transaction(work)

    async def drop(self, delivery: Delivery) -> Delivery:
        """The message is not wanted any more, or was deleted by hand."""
        return await self._change(delivery, "state = 'dropped'", ())

    async def shown(self, card: Delivery, pause: float) -> Delivery:
        """The card now shows version `card.wanted`; the next edit is not due before `pause` seconds."""
        return await self._change(
            card,
            "shown = max(shown, ?), next_try = ?, attempts = 0, gone_since = NULL",
            (card.wanted, self._time() + pause),
        )

    async def open_result(self, job_id: int, channel_id: int) -> Delivery | None:
        """The result that is still to be posted in a channel."""
        rows = await self._db.rows(
            f"SELECT * FROM deliveries WHERE job_id = ? AND channel_id = ? AND kind = 'result' AND {OPEN}",  # noqa: S608 -- constants only
            (job_id, channel_id),
        )
        return delivery_of(rows[0]) if rows else None

    async def undeliverable(self, guild_id: int) -> list[Delivery]:
        """The results of a server that were given up, the oldest first."""
        rows = await self._db.rows(
            "SELECT * FROM deliveries WHERE guild_id = ? AND state = 'undeliverable' ORDER BY id", (guild_id,)
        )
        return [delivery_of(row) for row in rows]

    async def rearm(self, guild_id: int) -> int:
        """Try the given up results of a server again, whole, from now on; how many there are."""
        return await self._db.transaction(lambda db: rearm(db, "guild_id = ?", (guild_id,), self._time()))

    async def waiting(self, guild_id: int) -> int:
        """How many results of a server are still to be posted."""
        (row,) = await self._db.rows(
            f"SELECT count(*) FROM deliveries WHERE guild_id = ? AND kind = 'result' AND {OPEN}",  # noqa: S608 -- constants only
            (guild_id,),
        )
        return int(row[0])

    async def post_of(self, job_id: int, channel_id: int) -> Delivery | None:
        """The newest message that stands for a job in a channel: its result, else its card."""
        rows = await self._db.rows(
            """SELECT * FROM deliveries WHERE job_id = ? AND channel_id = ? AND state = 'posted'
               AND message_id IS NOT NULL ORDER BY kind = 'result' DESC, id DESC LIMIT 1""",
            (job_id, channel_id),
        )
        return delivery_of(rows[0]) if rows else None

    async def _change(self, delivery: Delivery, assignments: str, values: tuple[Any, ...]) -> Delivery:
        return await self._db.transaction(lambda db: update_delivery(db, delivery, assignments, values))

    async def _touch_card(self, db: aiosqlite.Connection, result: Delivery) -> None:
        """The card has its last word to say, and need not wait for its turn."""
        await db.execute(
            """UPDATE deliveries SET wanted = wanted + 1, next_try = min(next_try, ?)
               WHERE kind = 'card' AND job_id = ? AND channel_id = ?""",
            (self._time(), result.job_id, result.place.channel_id),
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
            gone_since = NULL WHERE {where} AND state = 'undeliverable'""",  # noqa: S608 -- the callers' own constants
        (now, *values),
    )
    return cursor.rowcount
