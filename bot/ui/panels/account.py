"""What runs on the provider's Midjourney accounts now: shown to the bot's owner only."""

import asyncio
import hashlib
from collections.abc import Sequence

import msgspec

from bot import formatting
from bot.errors import DarkroomError, ProviderError
from bot.models import Job
from bot.ui.interactions import Bot

_MAX_FETCHED = 8  # running jobs without a subscription here that are described; each costs a request


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The running jobs of all accounts, by a token each, and the state of the queue.

    `slots` counts all accounts' slots; `None`: unknown. `queued` counts submissions of all servers. `pause_reason` says
    why the queue is paused; `None`: it is not. `error` is the provider's error instead of the jobs.
    """

    jobs: dict[str, Job] = {}
    slots: int | None = None
    queued: int = 0
    pause_reason: str | None = None
    error: str | None = None


async def fetch_account(bot: Bot) -> Account:
    """Ask the provider what runs; its errors become part of the answer."""
    queued, pause_reason = await bot.store.queue.count(), bot.submissions.pause_reason
    try:
        jobids = await bot.provider.running()
    except ProviderError as error:
        return Account(queued=queued, pause_reason=pause_reason, error=str(error))
    jobs = await _described(bot, jobids)
    return Account(
        jobs={_token(job.jobid): job for job in jobs}, slots=_slots(jobs), queued=queued, pause_reason=pause_reason
    )


async def find_running(bot: Bot, token: str) -> Job | None:
    """The running job with this token; raises `ProviderError`."""
    for jobid in await bot.provider.running():
        if _token(jobid) == token:
            known = await bot.store.jobs.by_jobid(bot.provider.name, jobid)
            return known.job if known is not None else await bot.provider.job(jobid)
    return None


def account_lines(account: Account) -> list[str]:
    """The account as lines of the owner's panel."""
    if account.error is not None:
        return ["**The account**", account.error]
    running = len(account.jobs)
    slots = f"{running} of {max(account.slots, running)}" if account.slots else f"{running}"
    lines = [f"**The account: {slots} slots in use, {account.queued} queued**"]
    lines += [f"- {formatting.summary(job, '')}" for job in account.jobs.values()]
    return lines if account.pause_reason is None else [*lines, f"-# {account.pause_reason}"]


async def _described(bot: Bot, jobids: Sequence[str]) -> list[Job]:
    known = {jobid: await bot.store.jobs.by_jobid(bot.provider.name, jobid) for jobid in jobids}
    unknown = [jobid for jobid, found in known.items() if found is None][:_MAX_FETCHED]
    fetched = dict(zip(unknown, await asyncio.gather(*(_fetch(bot, jobid) for jobid in unknown)), strict=True))
    return [found.job if found is not None else fetched.get(jobid, Job(jobid=jobid)) for jobid, found in known.items()]


async def _fetch(bot: Bot, jobid: str) -> Job:
    try:
        return await bot.provider.job(jobid)
    except DarkroomError:
        return Job(jobid=jobid)  # it runs; more is not known


def _slots(jobs: Sequence[Job]) -> int | None:
    """The slots of all accounts that run a job: each account is a channel of its own at Midjourney."""
    slots = {job.channel: job.max_jobs for job in jobs if job.max_jobs}
    return sum(number for number in slots.values() if number) or None


def _token(jobid: str) -> str:
    """A stand-in for a job id in a select: the id holds the payer's account number, and may be too long."""
    return hashlib.sha256(jobid.encode(errors="replace")).hexdigest()[:24]
