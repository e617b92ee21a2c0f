"""Parents and children of a job, as far as they are known in one server."""

import json
from collections.abc import Collection

import aiosqlite
import msgspec

from bot.models import Delivery, Destination, KnownJob, ProviderName
from bot.store.deliveries import Deliveries
from bot.store.repository import Repository
from bot.store.rows import known_of

_MAX_ANCESTORS = 5  # generations
_MAX_DESCENDANTS = 6  # generations
_PER_GENERATION = 100  # children of one generation
_KNOWN = """EXISTS (SELECT 1 FROM subscriptions WHERE job_id = jobs.id AND guild_id = ?
                AND (? IS NULL OR channel_id IN (SELECT value FROM json_each(?))))"""
"""Subscribed in a server, in any channel (`None`) or in one of a JSON list."""


class RelatedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A relative of a job, or the job itself.

    `generation` counts from the oldest of them; `post` is one in this channel, if there is one.
    """

    known: KnownJob
    generation: int
    post: Delivery | None = None


class _Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Where relatives must have been subscribed: in a server and, unless `None`, in one of a JSON list of channels."""

    guild_id: int
    channels: str | None = None

    @property
    def values(self) -> tuple[int, str | None, str | None]:
        """The values of `_KNOWN`."""
        return self.guild_id, self.channels, self.channels


class RelatedJobs(Repository):
    """The parents and children of jobs. They are known only in the channels that subscribed to them."""

    async def channels(self, known: KnownJob, guild_id: int) -> list[int]:
        """The channels of a server in which relatives of a job were subscribed."""
        scope = _Scope(guild_id=guild_id)
        ancestors = await self._ancestors(known, scope)
        descendants = await self._descendants(known, scope, {each.id for each in ancestors})
        ids = [each.id for each in (*ancestors, *(child for _, child in descendants))]
        rows = await self._db.rows(
            """SELECT channel_id FROM subscriptions WHERE guild_id = ?
               AND job_id IN (SELECT value FROM json_each(?)) GROUP BY channel_id ORDER BY count(*) DESC""",
            (guild_id, json.dumps(ids)),
        )
        return [row["channel_id"] for row in rows]

    async def of(
        self, known: KnownJob, destination: Destination, channels: Collection[int], *, limit: int
    ) -> tuple[list[RelatedJob], int]:
        """The job, its ancestors and its descendants, each parent before its children, as these channels know them.

        At most `limit` of them, the nearest generations first, and how many more there are. A relative that none of
        the channels knows hides those beyond it.
        """
        scope = _Scope(guild_id=destination.guild_id, channels=json.dumps([*channels]))
        ancestors = await self._ancestors(known, scope)
        descendants = await self._descendants(known, scope, {each.id for each in ancestors})
        lineage = [*ancestors, known]
        generations = {each.id: generation for generation, each in enumerate(lineage)}
        room = max(limit - len(lineage), 0)
        listed = descendants[:room]
        for parent, child in listed:
            generations[child.id] = generations[parent.id] + 1
        posts = await Deliveries(self._db, self._clock).posts_of_jobs([*generations], destination, channels)
        ordered = [*lineage[:-1], *_parents_first(known, listed)]
        relatives = [
            RelatedJob(known=each, generation=generations[each.id], post=posts.get(each.id)) for each in ordered
        ]
        return relatives, len(descendants) - len(listed)

    async def _ancestors(self, known: KnownJob, scope: _Scope) -> list[KnownJob]:
        """The oldest first; a job that the provider calls its own ancestor ends the search."""
        ancestors: list[KnownJob] = []
        youngest = known
        while youngest.job.parent_jobid and len(ancestors) < _MAX_ANCESTORS:
            rows = await self._db.rows(
                f"SELECT * FROM jobs WHERE jobid = ? AND provider = ? AND {_KNOWN}",
                (youngest.job.parent_jobid, known.job.provider, *scope.values),
            )
            if not rows or rows[0]["id"] in {known.id, *(each.id for each in ancestors)}:
                break
            youngest = known_of(rows[0])
            ancestors.insert(0, youngest)
        return ancestors

    async def _descendants(self, known: KnownJob, scope: _Scope, met: set[int]) -> list[tuple[KnownJob, KnownJob]]:
        """Pairs of parent and child, generation by generation."""
        found: list[tuple[KnownJob, KnownJob]] = []
        generation = {known.job.jobid: known}
        met = {*met, known.id}
        for _ in range(_MAX_DESCENDANTS):
            rows = await self._children_of(known.job.provider, list(generation), scope)
            new = [(row["parent_jobid"], known_of(row)) for row in rows if row["id"] not in met]
            met.update(child.id for _, child in new)
            found += [(generation[parent], child) for parent, child in new]
            generation = {child.job.jobid: child for _, child in new}
            if not generation:
                break
        return found

    async def _children_of(self, provider: ProviderName, jobids: list[str], scope: _Scope) -> list[aiosqlite.Row]:
        return list(
            await self._db.rows(
                f"""SELECT * FROM jobs WHERE parent_jobid IN ({", ".join("?" * len(jobids))})
                    AND provider = ? AND parent_jobid <> '' AND {_KNOWN} ORDER BY id LIMIT {_PER_GENERATION}""",
                (*jobids, provider, *scope.values),
            )
        )


def _parents_first(known: KnownJob, pairs: list[tuple[KnownJob, KnownJob]]) -> list[KnownJob]:
    """A job and its descendants, each right after its own parent or that parent's other children."""
    ordered = [known]
    for child in (child for parent, child in pairs if parent.id == known.id):
        ordered += _parents_first(child, pairs)
    return ordered
