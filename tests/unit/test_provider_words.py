"""Sentences name the provider by the words of its own."""

import pytest

from bot.errors import (
    AccountBlocked,
    JobExpired,
    JobUnknown,
    ProviderError,
    QueueFull,
    SubmissionDeclined,
    TokenRefused,
    Unreachable,
)
from bot.formatting.status_text import ending
from bot.models import Job, ProviderName, Status
from bot.models.provider import WORDS
from bot.providers.base import attributed
from tests.table import table

PROXY = ProviderName.MIDJOURNEY_PROXY


@table(
    ("error", "sentence"),
    [
        (Unreachable(), "midjourney-proxy could not be reached. Please try again in a minute."),
        (JobExpired(), "midjourney-proxy no longer keeps this job."),
        (QueueFull(("1",)), "All Midjourney slots are busy. Please try again when one of the running jobs is done."),
    ],
)
def test_an_error_names_its_provider(error: ProviderError, sentence: str) -> None:
    error.provider = PROXY
    assert str(error) == sentence


def test_a_refused_token_names_the_setting_to_check() -> None:
    assert "check MJ_PROXY_SECRET" in str(TokenRefused(provider=PROXY))
    assert "no longer accepts USEAPI_TOKEN" in TokenRefused(provider=ProviderName.USEAPI).for_admin
    assert "reset the account at midjourney-proxy" in AccountBlocked(provider=PROXY).for_admin


def test_the_reason_of_a_decline_is_not_taken_for_one_of_our_sentences() -> None:
    declined = SubmissionDeclined("{provider} is a banned word")
    declined.provider = PROXY
    assert (str(declined), declined.reason) == ("Midjourney declined this one.", "{provider} is a banned word")


@table("provider", list(ProviderName))
def test_a_job_that_is_no_longer_kept_says_by_whom(provider: ProviderName) -> None:
    end = ending(Job(jobid="1", provider=provider, status=Status.EXPIRED))
    assert end is not None
    assert end.sentence == f"{WORDS[provider].title} no longer keeps this job."


async def test_what_a_client_raises_is_attributed_to_it() -> None:
    class Client:
        name = PROXY

        @attributed
        async def job(self, jobid: str) -> Job:
            raise JobUnknown(jobid)

    with pytest.raises(JobUnknown) as caught:
        await Client().job("{provider} says nothing about itself")
    assert caught.value.provider is PROXY
