"""Finds the job of a pasted id: in the store, else at the providers whose ids look like it."""

from bot.errors import JobOver, ProviderError, Unsupported
from bot.models import Job, KnownJob, ProviderName
from bot.providers.base import Provider
from bot.providers.registry import Providers
from bot.store import Store


async def known_as(store: Store, jobid: str) -> KnownJob | None:
    """The job with this id in the store, of whatever provider."""
    for provider in ProviderName:
        known = await store.jobs.by_jobid(provider, jobid)
        if known is not None:
            return known
    return None


async def fetch(providers: Providers, jobid: str) -> Job:
    """Ask each provider that the id may belong to, in turn; one that does not know it is not the end.

    Raises the `ProviderError` that says most: trouble of a provider that might know the job, else the first answer.
    """
    found_errors: list[ProviderError] = []
    for provider in _candidates(providers, jobid):
        try:
            return await provider.job(jobid)
        except ProviderError as error:
            found_errors.append(error)
    undecided = [error for error in found_errors if not isinstance(error, JobOver | Unsupported)]
    raise (undecided or found_errors)[0]


def _candidates(providers: Providers, jobid: str) -> list[Provider]:
    """The providers whose ids have this form; all of them where none has."""
    configured = list(providers)
    return [provider for provider in configured if provider.recognises(jobid)] or configured
