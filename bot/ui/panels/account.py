"""What runs on the provider's Midjourney accounts now: shown to the bot's owner only."""

import asyncio
import hashlib
from collections.abc import Sequence

import msgspec

from bot import formatting
from bot.errors import DarkroomError, ProviderError
from bot.models import Job
from bot.providers.base import Provider
from bot.ui.interactions import Bot

_MAX_FETCHED = 8  # running jobs without a subscription here that are described; each costs a request


class ProviderActivity(msgspec.Struct, frozen=True, kw_only=True):
    """The running jobs of all accounts at a provider, by a token each, and the state of its queue.

    `slots` counts all accounts' slots; `None`: unknown. `queued` counts submissions of all servers. `pause_reason` says
    why the queue is paused; `None`: it is not. `error` is the provider's error instead of the jobs.
    """

    title: str
    jobs: dict[str, Job] = {}
    slots: int | None = None
    queued: int = 0
    pause_reason: str | None = None
    error: str | None = None


async def fetch_activities(bot: Bot) -> list[ProviderActivity]:
    """Ask each provider that says what runs; its errors become part of the answer."""
    reporting = [provider for provider in bot.providers if provider.capabilities.running]
    return await asyncio.gather(*(_fetch_activity(bot, provider) for provider in reporting))


async def _fetch_activity(bot: Bot, provider: Provider) -> ProviderActivity:
    queued = await bot.store.queue.count_at(provider.name)
    activity = ProviderActivity(
        title=provider.title, queued=queued, pause_reason=bot.submissions.of(provider.name).pause_reason
    )
    try:
        jobids = await provider.running()
    except ProviderError as error:
        return msgspec.structs.replace(activity, error=str(error))
    jobs = await _described(bot, provider, jobids)
    return msgspec.structs.replace(activity, jobs={_token(job.jobid): job for job in jobs}, slots=_slots(jobs))


async def find_running(bot: Bot, token: str) -> Job | None:
    """The running job with this token; `None` where none has it.

    Raises the first `ProviderError` if none of the other providers runs the job.
    """
    first_error: ProviderError | None = None
    for provider in bot.providers:
        if not provider.capabilities.running:
            continue
        try:
            jobids = await provider.running()
        except ProviderError as error:
            first_error = first_error or error
            continue
        for jobid in jobids:
            if _token(jobid) == token:
                known = await bot.store.jobs.by_jobid(provider.name, jobid)
                return known.job if known is not None else await provider.job(jobid)
    if first_error is not None:
        raise first_error
    return None


def activity_lines(activities: Sequence[ProviderActivity]) -> list[str]:
    """The lines of the owner's panel about each provider."""
    lines: list[str] = []
    for activity in activities:
        name = "The account" if len(activities) == 1 else f"The account at {activity.title}"
        lines += ["", *_activity_lines(activity, name)]
    return lines


def _activity_lines(activity: ProviderActivity, name: str) -> list[str]:
    if activity.error is not None:
        return [f"**{name}**", activity.error]
    running = len(activity.jobs)
    slots = max(activity.slots or 0, running)
    used = f"{running} of {slots}" if activity.slots else f"{running}"
    lines = [f"**{name}: {used} {'slot' if slots == 1 else 'slots'} in use, {activity.queued} queued**"]
    lines += [f"- {formatting.summary(job)}" for job in activity.jobs.values()]
    return lines if activity.pause_reason is None else [*lines, f"-# {activity.pause_reason}"]


async def _described(bot: Bot, provider: Provider, jobids: Sequence[str]) -> list[Job]:
    known = {jobid: await bot.store.jobs.by_jobid(provider.name, jobid) for jobid in jobids}
    unknown = [jobid for jobid, found in known.items() if found is None][:_MAX_FETCHED]
    fetched = dict(zip(unknown, await asyncio.gather(*(_fetch(provider, jobid) for jobid in unknown)), strict=True))
    return [
        found.job if found is not None else fetched.get(jobid) or Job(provider=provider.name, jobid=jobid)
        for jobid, found in known.items()
    ]


async def _fetch(provider: Provider, jobid: str) -> Job:
    try:
        return await provider.job(jobid)
    except DarkroomError:
        return Job(provider=provider.name, jobid=jobid)  # it runs; more is not known


def _slots(jobs: Sequence[Job]) -> int | None:
    """The slots of all accounts that run a job: each account is a channel of its own at Midjourney."""
    slots = {job.channel: job.max_jobs for job in jobs if job.max_jobs}
    return sum(number for number in slots.values() if number) or None


def _token(jobid: str) -> str:
    """A stand-in for a job id in a select: the id holds the payer's account number, and may be too long."""
    return hashlib.sha256(jobid.encode(errors="replace")).hexdigest()[:24]
