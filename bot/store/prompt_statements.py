"""The index of prompts, in step with jobs and subscriptions: statements inside the transactions that change these."""

from collections.abc import Iterable

import aiosqlite

from bot.models import Destination, Job, Status
from bot.store.rows import IDS, ids_parameter
from bot.text import names_job_file


async def index_prompt(db: aiosqlite.Connection, job_id: int, job: Job) -> None:
    """Add a new job to the index."""
    await db.execute(
        "INSERT OR REPLACE INTO job_prompts (rowid, prompt, channels) VALUES (?, ?, '')", (job_id, _words(job))
    )


async def update_prompt(db: aiosqlite.Connection, job_id: int, old: Job, new: Job) -> None:
    """Change a job in the index, if other words of its prompt are found from now on."""
    if _indexed_prompt(new) != _indexed_prompt(old) and (words := _words(new)) != _words(old):
        await db.execute("UPDATE job_prompts SET prompt = ? WHERE rowid = ?", (words, job_id))


async def index_channel(db: aiosqlite.Connection, job_id: int, destination: Destination) -> None:
    """Have a job found in a channel; to be called before it is subscribed there for the first time."""
    channel_id = destination.channel_id
    if not await db.execute_fetchall(
        "SELECT 1 FROM subscriptions WHERE job_id = ? AND channel_id = ? LIMIT 1", (job_id, channel_id)
    ):
        await db.execute("INSERT OR IGNORE INTO job_channels VALUES (?, ?)", (destination.guild_id, channel_id))
        await db.execute("UPDATE job_prompts SET channels = channels || ' ' || ? WHERE rowid = ?", (channel_id, job_id))


async def remove_from_index(db: aiosqlite.Connection, job_ids: Iterable[int]) -> None:
    """Remove jobs that are deleted."""
    await db.execute(f"DELETE FROM job_prompts WHERE rowid IN {IDS}", (ids_parameter(job_ids),))


def _words(job: Job) -> str:
    """The words of a prompt by which its job is found: no address or name of a job's file, which may name the payer."""
    return " ".join(word for word in _indexed_prompt(job).split() if "://" not in word and not names_job_file(word))


def _indexed_prompt(job: Job) -> str:
    """The prompt by which a job is found; none of a declined one, or of one whose answer shows the payer's account."""
    return "" if job.status == Status.MODERATED or job.private else job.full_prompt
