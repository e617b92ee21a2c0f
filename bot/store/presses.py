"""Presses: written down before anything is sent, counted, kept in line, and followed to what became of them."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import aiosqlite
import msgspec

from bot.jobs import (
    Delivery,
    Job,
    Kind,
    KnownJob,
    Limits,
    Person,
    Place,
    Press,
    PressState,
    Refusal,
    Refused,
    Status,
    Tier,
)
from bot.store.rows import aware, delivery_of, encode, known_of, one_known, press_of
from bot.store.wishes import Wish, Wishes

_OPEN = f"'{PressState.QUEUED}', '{PressState.ASKED}', '{PressState.UNKNOWN}'"
"""In the order of the index `presses_open`: SQLite uses it for exactly these words."""
_COUNTED = f"{_OPEN}, '{PressState.MADE}'"  # what may have been charged, or will be
_DAY = timedelta(days=1).total_seconds()
_CHILD = f"""
SELECT jobs.* FROM presses JOIN jobs ON jobs.id = child_id
WHERE parent_id = ? AND presses.button = ?
AND status NOT IN ('{Status.MODERATED}', '{Status.FAILED}', '{Status.EXPIRED}')
ORDER BY presses.id DESC LIMIT 1
"""  # noqa: S608 -- constants only


class PressRows(Wishes):
    """The rows of presses; a press of a button that another press has taken up waits `behind` that one."""

    async def press(
        self,
        parent: KnownJob,
        button: str,
        place: Place,
        person: Person,
        *,
        tier: Tier,
        limits: Limits,
        prompt: str = "",
        answer: str = "",
        ref: str = "",
        quiet_for: float = 0,
    ) -> Press | Refused:
        """Write a press down, queued, before anything is sent; or say which number it would pass.

        A button of the tier PICK makes one job only. One that is known already ends the press at once, as USED. While
        another press of the same button is open in this server, this one waits behind it, and what comes of that one
        counts for both. (Of another server's it knows nothing: that one may be paused.)

        `answer` is the interaction's token, kept until the presser was told how it ended. `ref` is made where none is
        given. `quiet_for`: as `ask` has it.
        """
        ref = ref or secrets.token_hex(12)

        async def work(db: aiosqlite.Connection) -> Press | Refused:
            child = leader = None
            if tier is Tier.PICK:
                child = await self._used_child(db, parent.id, button)
                leader = await _one(
                    db,
                    f"parent_id = ? AND button = ? AND +guild_id = ? AND +behind IS NULL AND state IN ({_OPEN})",
                    (parent.id, button, place.guild_id),
                )
            if not child and not leader and (refused := await self._refused(db, place, person, tier, limits)):
                return refused
            cursor = await db.execute(
                """INSERT INTO presses (ref, parent_id, button, tier, prompt, guild_id, channel_id, user_id, user_name,
                                        behind, pressed_at, answer)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    ref,
                    parent.id,
                    button,
                    tier,
                    prompt,
                    place.guild_id,
                    place.channel_id,
                    person.id,
                    person.name,
                    None if leader is None or child is not None else leader.id,
                    self._time(),
                    answer,
                ),
            )
            if child is not None:
                await self._ask(db, child.job, place, person, again=False, quiet_for=quiet_for)
                await self._end(db, "id = ?", cursor.lastrowid or 0, PressState.USED, "", child.id)
            made = await _one(db, "id = ?", (cursor.lastrowid,))
            assert made is not None
            return made

        return await self._db.transaction(work)

    async def _refused(
        self, db: aiosqlite.Connection, place: Place, person: Person, tier: Tier, limits: Limits
    ) -> Refused | None:
        if tier is not Tier.PICK:
            now = self._time()
            mine = ("guild_id = ? AND user_id = ?", (place.guild_id, person.id))
            everybodys = ("guild_id = ?", (place.guild_id,))
            for why, (whose, ids), number, seconds in (
                (Refusal.COOLDOWN, mine, 1 if limits.cooldown else None, limits.cooldown),
                (Refusal.DAILY, mine, limits.daily, _DAY),
                (Refusal.SERVER_DAILY, everybodys, limits.server_daily, _DAY),
            ):
                if number is None:
                    continue
                # The `number`-th newest within the time: when it is too old, one more is free. What a wall clock that
                # was set back has left in the future counts no more.
                rows = await db.execute_fetchall(
                    f"""SELECT pressed_at FROM presses WHERE {whose} AND pressed_at > ? AND pressed_at <= ?
                        AND tier <> 'pick' AND state IN ({_COUNTED})
                        ORDER BY pressed_at DESC LIMIT 1 OFFSET ?""",  # noqa: S608 -- constants only
                    (*ids, now - seconds, now, max(number - 1, 0)),
                )
                if number == 0:
                    return Refused(why=why)
                for row in rows:
                    return Refused(why=why, free_at=aware(row[0] + seconds))
        if limits.queue is not None and await self._in_line(db, person) >= limits.queue:
            return Refused(why=Refusal.QUEUE)
        return None

    async def _in_line(self, db: aiosqlite.Connection, person: Person) -> int:
        rows = await db.execute_fetchall(
            f"SELECT count(*) FROM presses WHERE state IN ({_OPEN}) AND state = 'queued' AND behind IS NULL"  # noqa: S608 -- constants only
            " AND +user_id = ?",
            (person.id,),
        )
        return int(next(iter(rows))[0])

    async def next_presses(self, limit: int) -> list[Press]:
        """The first in line that may be sent.

        Left out are the servers whose admins paused them, and U1-U4 whose own job may just have been made for another
        server: that shows when the other press has ended.
        """
        rows = await self._db.rows(
            f"""SELECT presses.* FROM presses LEFT JOIN servers USING (guild_id)
                WHERE state IN ({_OPEN}) AND state = 'queued' AND behind IS NULL
                AND NOT coalesce(json_extract(settings, '$.paused'), 0)
                AND NOT (tier = 'pick' AND EXISTS (
                    SELECT 1 FROM presses AS twin WHERE twin.parent_id = presses.parent_id
                    AND twin.button = presses.button AND twin.state IN ('asked', 'unknown')))
                ORDER BY presses.id LIMIT ?""",  # noqa: S608 -- constants only
            (limit,),
        )
        return [press_of(row) for row in rows]

    async def behind(self, press: Press) -> list[Press]:
        """The presses that wait for what comes of this one."""
        rows = await self._db.rows("SELECT * FROM presses WHERE behind = ? ORDER BY id", (press.id,))
        return [press_of(row) for row in rows]

    async def place_in_line(self, press: Press) -> int:
        """How many presses are sent before this one is through, itself included; 0 where it does not wait."""
        rows = await self._db.rows(
            f"""SELECT count(*) FROM presses WHERE state IN ({_OPEN}) AND state = 'queued' AND behind IS NULL
                AND id <= ? AND EXISTS (SELECT 1 FROM presses WHERE id = ?2 AND state = 'queued')""",  # noqa: S608 -- constants only
            (press.behind or press.id, press.behind or press.id),
        )
        return int(rows[0][0])

    async def waiting_presses(self, user_id: int, guild_id: int) -> list[Press]:
        """What a member has in line in this server, the oldest first."""
        rows = await self._db.rows(
            f"""SELECT * FROM presses WHERE state IN ({_OPEN}) AND state = 'queued'
                AND +user_id = ? AND +guild_id = ? ORDER BY id""",  # noqa: S608 -- constants only
            (user_id, guild_id),
        )
        return [press_of(row) for row in rows]

    async def count_in_line(self) -> int:
        """How many presses wait for the account, whoever made them."""
        rows = await self._db.rows(
            f"SELECT count(*) FROM presses WHERE state IN ({_OPEN}) AND state = 'queued' AND behind IS NULL"  # noqa: S608 -- constants only
        )
        return int(rows[0][0])

    async def press_by_id(self, press_id: int) -> Press | None:
        """A press by its row id."""
        rows = await self._db.rows("SELECT * FROM presses WHERE id = ?", (press_id,))
        return press_of(rows[0]) if rows else None

    # --- sending ----------------------------------------------------------------------------------------------------

    async def take(self, press: Press) -> Press | None:
        """Say, before the request, that the job may exist from now on; `None` where the press waits no more."""
        return await self._move(press, PressState.QUEUED, "state = 'asked', sent_at = ?", (self._time(),))

    async def back_in_line(self, press: Press, limit: int, too_many: str) -> None:
        """What useapi did not take for certain keeps its place.

        Where its presser has more than `limit` in line then, the newest of them end as refused, with the sentence
        `too_many`: whoever came first is served first.
        """

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute(
                "UPDATE presses SET state = 'queued', sent_at = NULL WHERE id = ? AND state = 'asked'", (press.id,)
            )
            for row in await db.execute_fetchall(
                f"""SELECT id FROM presses WHERE state IN ({_OPEN}) AND state = 'queued' AND behind IS NULL
                    AND +user_id = ? ORDER BY id LIMIT -1 OFFSET ?""",  # noqa: S608 -- constants only
                (press.person.id, limit),
            ):
                await self._end(db, "id = ?", row["id"], PressState.REFUSED, too_many, None)
                await self._move_up(db, row["id"])

        await self._db.transaction(work)

    async def doubt(self, press: Press) -> Press | None:
        """It was sent, and nobody heard what came of it."""
        return await self._move(press, PressState.ASKED, "state = 'unknown'", ())

    async def doubtful(self) -> list[Press]:
        """The presses that were sent and whose answer is not known, those under way included."""
        rows = await self._db.rows(f"SELECT * FROM presses WHERE state IN ({_OPEN}) AND state <> 'queued' ORDER BY id")  # noqa: S608 -- constants only
        return [press_of(row) for row in rows]

    async def withdraw(self, press: Press) -> bool:
        """Take a press out of the line; whether it was still there. Who waited behind it moves up."""

        async def work(db: aiosqlite.Connection) -> bool:
            cursor = await db.execute(
                """UPDATE presses SET state = 'withdrawn', ended_at = ?, told = 1, answer = '', behind = NULL
                   WHERE id = ? AND state = 'queued'""",
                (self._time(), press.id),
            )
            if cursor.rowcount:
                await self._move_up(db, press.id)
            return bool(cursor.rowcount)

        return await self._db.transaction(work)

    async def _move_up(self, db: aiosqlite.Connection, press_id: int) -> None:
        """The first of those behind a press that left the line takes its part."""
        if heir := await _one(db, "behind = ? ORDER BY id LIMIT 1", (press_id,)):
            await db.execute("UPDATE presses SET behind = NULL WHERE id = ?", (heir.id,))
            await db.execute("UPDATE presses SET behind = ? WHERE behind = ?", (heir.id, press_id))

    # --- ending -----------------------------------------------------------------------------------------------------

    async def press_made(self, press: Press, child: Job, *, used: bool, quiet_for: float) -> Wish:
        """The press, and those behind it, became a job, which is watched for all of them from now on.

        `used`: the job was there before, so this one was charged for nothing.
        """

        async def work(db: aiosqlite.Connection) -> Wish:
            wish = await self._ask(db, child, press.place, press.person, again=False, quiet_for=quiet_for)
            await self._end(db, "id = ?", press.id, PressState.USED if used else PressState.MADE, "", wish.known.id)
            for row in await db.execute_fetchall("SELECT * FROM presses WHERE behind = ? ORDER BY id", (press.id,)):
                follower = press_of(row)
                await self._ask(db, child, follower.place, follower.person, again=False, quiet_for=quiet_for)
            await self._end(db, "behind = ?", press.id, PressState.USED, "", wish.known.id)
            return wish

        return await self._db.transaction(work)

    async def press_ended(self, press: Press, state: PressState, trouble: str) -> None:
        """The press, and those behind it, came to nothing."""

        async def work(db: aiosqlite.Connection) -> None:
            await self._end(db, "id = ?", press.id, state, trouble, None)
            await self._end(db, "behind = ?", press.id, state, trouble, None)

        await self._db.transaction(work)

    async def _end(
        self,
        db: aiosqlite.Connection,
        which: str,
        press_id: int,
        state: PressState,
        trouble: str,
        child_id: int | None,
    ) -> None:
        await db.execute(
            f"""UPDATE presses SET state = ?, trouble = ?, child_id = ?, ended_at = ?, behind = NULL
                WHERE {which} AND state IN ({_OPEN})""",  # noqa: S608 -- constants only
            (state, trouble, child_id, self._time(), press_id),
        )

    async def untold(self) -> list[Press]:
        """The presses that ended without their presser knowing how."""
        rows = await self._db.rows("SELECT * FROM presses WHERE told = 0 AND ended_at IS NOT NULL ORDER BY id")
        return [press_of(row) for row in rows]

    async def answer_token(self, press: Press) -> str:
        """The token of the interaction that this press came from; it lives for 15 minutes. Never log or show it."""
        rows = await self._db.rows("SELECT answer FROM presses WHERE id = ?", (press.id,))
        return rows[0]["answer"] if rows else ""

    async def told(self, press: Press) -> None:
        """The presser knows."""

        async def work(db: aiosqlite.Connection) -> None:
            await db.execute("UPDATE presses SET told = 1, answer = '' WHERE id = ?", (press.id,))

        await self._db.transaction(work)

    async def tell_by_notice(self, press: Press) -> None:
        """The presser cannot be told in private any more: a message in the channel will do it."""

        async def work(db: aiosqlite.Connection) -> None:
            cursor = await db.execute("UPDATE presses SET told = 1, answer = '' WHERE id = ? AND told = 0", (press.id,))
            if cursor.rowcount:
                await self._insert(db, Kind.NOTICE, press.parent_id, press.place, self._time(), press_id=press.id)

        await self._db.transaction(work)

    # --- what came of presses ---------------------------------------------------------------------------------------

    async def child_of(self, parent_id: int, button: str) -> KnownJob | None:
        """The job that this button has made, unless it was declined or failed: then the button may be used again."""
        rows = await self._db.rows(_CHILD, (parent_id, button))
        return known_of(rows[0]) if rows else None

    async def _used_child(self, db: aiosqlite.Connection, parent_id: int, button: str) -> KnownJob | None:
        return next((known_of(row) for row in await db.execute_fetchall(_CHILD, (parent_id, button))), None)

    async def press_of_child(self, child_id: int) -> Press | None:
        """The press that made a job."""
        rows = await self._db.rows(
            "SELECT * FROM presses WHERE child_id = ? AND state = 'made' ORDER BY id LIMIT 1", (child_id,)
        )
        return press_of(rows[0]) if rows else None

    async def picks(self, parent_id: int, place: Place) -> dict[str, Delivery]:
        """The posts of the pictures that U1-U4 of a job have made, by their labels; those in this channel first."""
        rows = await self._db.rows(
            """SELECT presses.button, deliveries.* FROM presses JOIN jobs ON jobs.id = child_id
               JOIN deliveries ON deliveries.job_id = jobs.id AND kind = 'result' AND deliveries.state = 'posted'
               WHERE presses.parent_id = ? AND tier = 'pick' AND jobs.status = 'completed'
               AND deliveries.guild_id = ? AND message_id IS NOT NULL
               ORDER BY deliveries.channel_id = ?, deliveries.id""",
            (parent_id, place.guild_id, place.channel_id),
        )
        return {row["button"]: delivery_of(row) for row in rows}

    async def forget_buttons(self, job_id: int) -> None:
        """No button of this job works any more: they go from its posts."""

        async def work(db: aiosqlite.Connection) -> None:
            known = await one_known(db, "id = ?", (job_id,))
            if known is not None and known.job.buttons:
                bare = msgspec.structs.replace(known.job, buttons=())
                await db.execute("UPDATE jobs SET answer = ? WHERE id = ?", (encode(bare), job_id))
                await self._edit_results(db, job_id)

        await self._db.transaction(work)

    async def presses_of(self, guild_id: int, *, before: int | None, limit: int) -> list[tuple[Press, KnownJob]]:
        """A server's presses with their parents, the newest first, from the one before the row id `before` on."""
        rows = await self._db.rows(
            """SELECT presses.* FROM presses WHERE guild_id = ? AND id < coalesce(?, 9223372036854775807)
               ORDER BY id DESC LIMIT ?""",
            (guild_id, before, limit),
        )
        return [(press, await self.known(press.parent_id)) for press in map(press_of, rows)]

    async def newer_presses_of(self, guild_id: int, *, after: int, limit: int) -> list[tuple[Press, KnownJob]]:
        """The same for those just after the row id `after`, the newest first, too."""
        rows = await self._db.rows(
            "SELECT presses.* FROM presses WHERE guild_id = ? AND id > ? ORDER BY id LIMIT ?", (guild_id, after, limit)
        )
        return [(press, await self.known(press.parent_id)) for press in map(press_of, reversed(rows))]

    async def press_totals(self, guild_id: int, since: datetime) -> list[tuple[Person, Tier, int]]:
        """How many jobs each member's presses made since then, by tier, most first."""
        rows = await self._db.rows(
            f"""SELECT user_id, max(user_name) AS user_name, tier, count(*) AS number FROM presses
                WHERE guild_id = ? AND pressed_at > ? AND state IN ({_COUNTED})
                GROUP BY user_id, tier ORDER BY number DESC, user_id""",  # noqa: S608 -- constants only
            (guild_id, since.timestamp()),
        )
        return [(Person(id=row["user_id"], name=row["user_name"]), Tier(row["tier"]), row["number"]) for row in rows]

    async def _move(self, press: Press, state: PressState, assignments: str, values: tuple[Any, ...]) -> Press | None:
        async def work(db: aiosqlite.Connection) -> Press | None:
            rows = await db.execute_fetchall(
                f"UPDATE presses SET {assignments} WHERE id = ? AND state = ? RETURNING *",  # noqa: S608 -- the methods' own constants
                (*values, press.id, state),
            )
            return next((press_of(row) for row in rows), None)

        return await self._db.transaction(work)


async def _one(db: aiosqlite.Connection, where: str, values: Sequence[Any]) -> Press | None:
    rows = await db.execute_fetchall(f"SELECT * FROM presses WHERE {where}", values)  # noqa: S608 -- the methods' own constants
    return next((press_of(row) for row in rows), None)


async def doubt_the_asked(db: aiosqlite.Connection) -> None:
    """What had been sent when the bot died was perhaps made: it is not sent again, its job is looked for."""
    await db.execute("UPDATE presses SET state = 'unknown' WHERE state = 'asked'")
