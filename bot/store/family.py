"""Which jobs were made from which, as far as they are known in one server."""

import aiosqlite
import msgspec

from bot.models import Delivery, Destination, KnownJob
from bot.store.outbox import Outbox
from bot.store.rows import delivery_of, known_of

_ELDERS = 5  # generations back,
_YOUNGER = 6  # and on: nobody reads more
_AT_ONCE = 100  # children of one generation
_HERE = "EXISTS (SELECT 1 FROM watches WHERE guild_id = ? AND job_id = jobs.id)"


class FamilyMember(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a family: how many generations it is below its oldest, and where it stands, this channel first."""

    known: KnownJob
    generation: int
    post: Delivery | None = None


class Family(Outbox):
    """The families. A job is known only in the servers where it was asked for, and so are its parents and children."""

    async def family(self, known: KnownJob, destination: Destination, *, limit: int) -> tuple[list[FamilyMember], int]:
        """The parents, the job itself and what was made of it, each parent before its children.

        At most `limit` of them, the near ones first, and how many more there are.
        """
        elders = await self._elders(known, destination.guild_id)
        below = await self._children(known, destination.guild_id, {each.id for each in elders})
        line = [*elders, known]
        generations = {each.id: generation for generation, each in enumerate(line)}
        room = max(limit - len(line), 0)
        shown = below[:room]
        for parent, child in shown:
            generations[child.id] = generations[parent.id] + 1
        posts = await self._posts([*generations], destination)
        ordered = [*line[:-1], *_parents_first(known, shown)]
        relatives = [
            FamilyMember(known=each, generation=generations[each.id], post=posts.get(each.id)) for each in ordered
        ]
        return relatives, len(below) - len(shown)

    async def _elders(self, known: KnownJob, guild_id: int) -> list[KnownJob]:
        """The oldest first; a job that useapi calls its own ancestor ends the line."""
        elders: list[KnownJob] = []
        youngest = known
        while youngest.job.parent_jobid and len(elders) < _ELDERS:
            rows = await self._db.rows(
                f"SELECT * FROM jobs WHERE jobid = ? AND {_HERE}",
                (youngest.job.parent_jobid, guild_id),
            )
            if not rows or rows[0]["id"] in {known.id, *(each.id for each in elders)}:
                break
            youngest = known_of(rows[0])
            elders.insert(0, youngest)
        return elders

    async def _children(self, known: KnownJob, guild_id: int, met: set[int]) -> list[tuple[KnownJob, KnownJob]]:
        """Every descendant behind its parent, generation by generation."""
        found: list[tuple[KnownJob, KnownJob]] = []
        generation = {known.job.jobid: known}
        met = {*met, known.id}
        for _ in range(_YOUNGER):
            rows = await self._of(list(generation), guild_id)
            new = [(row["parent_jobid"], known_of(row)) for row in rows if row["id"] not in met]
            met.update(child.id for _, child in new)
            found += [(generation[parent], child) for parent, child in new]
            generation = {child.job.jobid: child for _, child in new}
            if not generation:
                break
        return found

    async def _of(self, jobids: list[str], guild_id: int) -> list[aiosqlite.Row]:
        return list(
            await self._db.rows(
                f"""SELECT * FROM jobs WHERE parent_jobid IN ({", ".join("?" * len(jobids))})
                    AND parent_jobid <> '' AND {_HERE} ORDER BY id LIMIT {_AT_ONCE}""",
                (*jobids, guild_id),
            )
        )

    async def _posts(self, job_ids: list[int], destination: Destination) -> dict[int, Delivery]:
        rows = await self._db.rows(
            f"""SELECT * FROM deliveries WHERE job_id IN ({", ".join("?" * len(job_ids))}) AND guild_id = ?
                AND kind IN ('result', 'card') AND state = 'posted' AND message_id IS NOT NULL
                ORDER BY channel_id = ?, kind = 'result', id""",
            (*job_ids, destination.guild_id, destination.channel_id),
        )
        return {row["job_id"]: delivery_of(row) for row in rows}


def _parents_first(known: KnownJob, pairs: list[tuple[KnownJob, KnownJob]]) -> list[KnownJob]:
    """A job, and each of its descendants right behind its own parent or that one's other children."""
    ordered = [known]
    for child in (child for parent, child in pairs if parent.id == known.id):
        ordered += _parents_first(child, pairs)
    return ordered
