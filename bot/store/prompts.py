"""Jobs found by the words of their prompts.

The table `job_prompts` is a full-text index of them: https://www.sqlite.org/fts5.html. `prompt_statements` says which
of their words are in it, and keeps it in step with the jobs.
"""

from collections.abc import Collection

from bot.models import KnownJob
from bot.store.repository import Repository
from bot.store.rows import known_of

_MAX_WORDS = 8
_SHORTEST_BEGINNING = 3  # characters
_NEWEST = 9223372036854775807  # the largest row id


class Prompts(Repository):
    """The tables `job_prompts` and `job_channels`."""

    async def channels(self, guild_id: int) -> list[int]:
        """The channels and threads of a server in which jobs were ever subscribed, the newest first."""
        rows = await self._db.rows(
            "SELECT channel_id FROM job_channels WHERE guild_id = ? ORDER BY channel_id DESC", (guild_id,)
        )
        return [row["channel_id"] for row in rows]

    async def find(
        self, words: str, channels: Collection[int], *, before: int | None = None, limit: int
    ) -> list[KnownJob]:
        """The jobs subscribed in one of these channels whose prompts have all the words, the newest first.

        `before`: only jobs older than the one with this row id. Text in quotes is found as it is, one word with `*` at
        its end by its beginning, and the plural of a word with the word.
        """
        return await self._find(words, channels, f"rowid < {before or _NEWEST} ORDER BY job_prompts.rowid DESC", limit)

    async def find_newer(self, words: str, channels: Collection[int], *, after: int, limit: int) -> list[KnownJob]:
        """The same for those just after the job with the row id `after`, the newest first too."""
        found = await self._find(words, channels, f"rowid > {after} ORDER BY job_prompts.rowid", limit)
        return found[::-1]

    async def _find(self, words: str, channels: Collection[int], which: str, limit: int) -> list[KnownJob]:
        expression = _expression(words)
        if not expression or not channels:
            return []
        viewable = " OR ".join(f'"{channel_id}"' for channel_id in channels)
        rows = await self._db.rows(
            f"""SELECT jobs.* FROM job_prompts CROSS JOIN jobs ON jobs.id = job_prompts.rowid
                WHERE job_prompts MATCH ? AND job_prompts.{which} LIMIT ?""",
            (f"prompt : ({expression}) AND channels : ({viewable})", limit),
        )
        return [known_of(row) for row in rows]


def _expression(words: str) -> str:
    """What people type as an expression of FTS5, in which each part is quoted: none of it is an operator.

    One part at most is a beginning, of at least three characters: every word that begins so is read.
    """
    parts: list[str] = []
    for number, text in enumerate(words.split('"')):  # every second part was in quotes
        parts += [text] if number % 2 else text.split()
    named = [part for part in parts if any(char.isalnum() for char in part)][:_MAX_WORDS]
    beginning = next((part for part in named if part.endswith("*") and len(part) > _SHORTEST_BEGINNING), None)
    return " AND ".join(f'"{part.rstrip("*")}"' + " *" * (part is beginning) for part in named)
