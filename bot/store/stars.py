"""Stars: which members starred which pictures, and the starboard post of a picture that has enough of them."""

from typing import Any

import aiosqlite
import msgspec

from bot.models import Delivery, DeliveryKind, DeliveryState, Destination
from bot.store.clock import Clock
from bot.store.delivery_statements import OPEN, insert_delivery, one_delivery, rearm
from bot.store.repository import Repository

_GATHER_SECONDS = 60.0  # stars that follow each other make one edit of the post
_OF_KIND = f"kind = '{DeliveryKind.STARBOARD_POST}'"
_REMOVED = "(state = 'dropped' AND message_id IS NOT NULL) OR (state = 'posted' AND message_id IS NULL)"
_EDITABLE = f"({OPEN} OR (state = 'posted' AND message_id IS NOT NULL))"


class Starred(msgspec.Struct, frozen=True, kw_only=True):
    """How many stars a picture has in a server, and its starboard post, where it has one."""

    stars: int
    post: Delivery | None = None

    @property
    def removed(self) -> bool:
        """Whether the picture was on the starboard and was removed from it by a person."""
        if self.post is None:
            return False
        if self.post.message_id is None:
            return self.post.state is DeliveryState.POSTED
        return self.post.state is DeliveryState.DROPPED


class Stars(Repository):
    """The table `stars`: one star per member, job and server."""

    async def add(self, job_id: int, user_id: int, starboard: Destination, needed: int) -> Starred:
        """Star a job; a second star of the same member changes nothing.

        With the star that makes them `needed` or more, the job's post in `starboard` is added in the same transaction:
        one per job and channel, and none where a person removed it from a starboard of this server. One that was given
        up, or dropped before it was posted, is put back into the outbox by the next star.
        """

        async def work(db: aiosqlite.Connection) -> Starred:
            starred = await db.execute(
                "INSERT INTO stars (job_id, guild_id, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (job_id, starboard.guild_id, user_id),
            )
            stars = await _count(db, job_id, starboard.guild_id)
            if starred.rowcount:
                await _edit_posts(db, self._clock, job_id, starboard.guild_id)
            post = await _post(db, job_id, starboard)
            if post is None and stars >= needed:
                await insert_delivery(db, self._clock, DeliveryKind.STARBOARD_POST, job_id, starboard)
            elif post is not None and starred.rowcount:
                await rearm(db, self._clock, "id = ?", (post.id,))
                await rearm(db, self._clock, "id = ? AND message_id IS NULL", (post.id,), state=DeliveryState.DROPPED)
            return Starred(stars=stars, post=await _post(db, job_id, starboard))

        return await self._db.transaction(work)

    async def remove(self, job_id: int, guild_id: int, user_id: int) -> int:
        """Take a member's star back; how many are left. A starboard post stays."""

        async def work(db: aiosqlite.Connection) -> int:
            removed = await db.execute(
                "DELETE FROM stars WHERE job_id = ? AND guild_id = ? AND user_id = ?", (job_id, guild_id, user_id)
            )
            if removed.rowcount:
                await _edit_posts(db, self._clock, job_id, guild_id)
            return await _count(db, job_id, guild_id)

        return await self._db.transaction(work)

    async def count(self, job_id: int, guild_id: int) -> int:
        """How many stars a job has in a server."""
        rows = await self._db.rows(_COUNT, (job_id, guild_id))
        return int(rows[0][0])

    async def has(self, job_id: int, guild_id: int, user_id: int) -> bool:
        """Whether a member starred a job in a server."""
        rows = await self._db.rows(
            "SELECT 1 FROM stars WHERE job_id = ? AND guild_id = ? AND user_id = ?", (job_id, guild_id, user_id)
        )
        return bool(rows)


_COUNT = "SELECT count(*) FROM stars WHERE job_id = ? AND guild_id = ?"


async def _count(db: aiosqlite.Connection, job_id: int, guild_id: int) -> int:
    (row,) = await db.execute_fetchall(_COUNT, (job_id, guild_id))
    return int(row[0])


async def _post(db: aiosqlite.Connection, job_id: int, starboard: Destination) -> Delivery | None:
    """The job's post in this channel, else one of the server that a person removed."""
    values: tuple[Any, ...] = (job_id, starboard.guild_id, starboard.channel_id, starboard.channel_id)
    where = f"job_id = ? AND {_OF_KIND} AND guild_id = ? AND (channel_id = ? OR ({_REMOVED}))"
    return await one_delivery(db, f"{where} ORDER BY channel_id = ? DESC LIMIT 1", values)


async def _edit_posts(db: aiosqlite.Connection, clock: Clock, job_id: int, guild_id: int) -> None:
    """Have the job's starboard posts show the new number, which is edited once for all stars of a minute."""
    await db.execute(
        f"""UPDATE deliveries SET revision = revision + 1,
            next_try = iif(state = 'posted' AND revision = posted_revision, max(next_try, ?), next_try)
            WHERE job_id = ? AND guild_id = ? AND {_OF_KIND} AND {_EDITABLE}""",
        (clock.time() + _GATHER_SECONDS, job_id, guild_id),
    )
