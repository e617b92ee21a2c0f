"""What runs on the payer's accounts just now: for whoever runs the bot, and nobody else."""

import asyncio
import hashlib
from collections.abc import Sequence

import msgspec

from bot import formatting
from bot.errors import DarkroomError, ProviderError
from bot.models import Job
from bot.ui.interactions import Bot

_LOOKED_AT = 8  # running jobs that nobody here has asked for; each costs a request


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that run, by a token each; places in all, where known; presses that wait; else what is the trouble."""

    jobs: dict[str, Job] = {}
    places: int | None = None
    waiting: int = 0
    held: str | None = None
    error: str = ""


async def account(bot: Bot) -> Account:
    """Ask useapi what runs; its trouble is part of the answer."""
    waiting, held = await bot.store.queue.count(), bot.submissions.pause_reason
    try:
        jobids = await bot.api.running()
    except ProviderError as error:
        return Account(waiting=waiting, held=held, error=str(error))
    jobs = await _described(bot, jobids)
    return Account(jobs={_token(job.jobid): job for job in jobs}, places=_places(jobs), waiting=waiting, held=held)


async def find_running(bot: Bot, token: str) -> Job | None:
    """The running job that a token stands for; raises `ProviderError`."""
    for jobid in await bot.api.running():
        if _token(jobid) == token:
            known = await bot.store.jobs.by_jobid(jobid)
            return known.job if known is not None else await bot.api.job(jobid)
    return None


def account_lines(seen: Account) -> list[str]:
    """How the accounts do, for their owner alone."""
    if seen.error:
        return ["**The account**", seen.error]
    places = f" of {max(seen.places, len(seen.jobs))}" if seen.places else ""
    lines = [f"**The account: {len(seen.jobs)}{places} slots running, {seen.waiting} waiting**"]
    lines += [f"- {formatting.summary(job, '')}" for job in seen.jobs.values()]
    return [*lines, f"-# {seen.held}"] if seen.held else lines


async def _described(bot: Bot, jobids: Sequence[str]) -> list[Job]:
    known = {jobid: await bot.store.jobs.by_jobid(jobid) for jobid in jobids}
    strangers = [jobid for jobid, found in known.items() if found is None][:_LOOKED_AT]
    looks = dict(zip(strangers, await asyncio.gather(*(_look(bot, jobid) for jobid in strangers)), strict=True))
    return [found.job if found is not None else looks.get(jobid, Job(jobid=jobid)) for jobid, found in known.items()]


async def _look(bot: Bot, jobid: str) -> Job:
    try:
        return await bot.api.job(jobid)
    except DarkroomError:
        return Job(jobid=jobid)  # it runs, more is not known


def _places(jobs: Sequence[Job]) -> int | None:
    """The places of all accounts that run something: each account is a channel of its own at Midjourney."""
    places = {job.channel: job.max_jobs for job in jobs if job.max_jobs}
    return sum(number for number in places.values() if number) or None


def _token(jobid: str) -> str:
    """Stands for a job in a select: its id holds the payer's account number, and may be too long."""
    return hashlib.sha256(jobid.encode(errors="replace")).hexdigest()[:24]
