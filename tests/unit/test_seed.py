"""What a member reads where there is no seed."""

import asyncio

import pytest

from bot import errors
from bot.models import Attachment, Job, ProviderName, Seed, Status
from bot.providers.registry import AbsentProvider
from bot.providers.shared_seeds import AT_ONCE, SharedSeeds
from bot.ui.posts.seed import offers_seed, seed_error_text
from tests.table import table

PROXY = ProviderName.MIDJOURNEY_PROXY
GRID = Job(
    jobid="1",
    provider=PROXY,
    verb="imagine",
    status=Status.COMPLETED,
    attachments=(Attachment(url="https://cdn.discordapp.com/a.png"),),
)


@table(
    ("error", "sentence"),
    [
        (errors.JobUnknown, "midjourney-proxy no longer has the job of this picture, so I can't ask for its seed."),
        (errors.JobExpired, "midjourney-proxy no longer has the job of this picture, so I can't ask for its seed."),
        (errors.BadRequest, "midjourney-proxy gives no seed for this picture."),
        (errors.NoSeed, "Midjourney gave no seed for this picture."),
        (errors.SeedNotReady, "Midjourney hasn't given the seed of this picture yet. Please try again in a minute."),
        (errors.Unsupported, "midjourney-proxy doesn't give out the seeds of pictures."),
        (errors.ProviderAbsent, errors.ProviderAbsent.sentence(PROXY)),
        (errors.Busy, errors.Busy.sentence(PROXY)),
        (errors.AccountBlocked, errors.AccountBlocked.sentence(PROXY)),
        (errors.Unreachable, errors.Unreachable.sentence(PROXY)),
    ],
)
def test_each_error_has_a_sentence_about_the_seed(error: type[errors.ProviderError], sentence: str) -> None:
    raised = error()
    raised.provider = PROXY
    assert seed_error_text(raised) == sentence


def test_a_seed_that_is_known_needs_no_provider() -> None:
    absent = AbsentProvider(PROXY)
    assert not offers_seed(GRID, absent)
    known = Job(jobid="1", status=Status.COMPLETED, attachments=GRID.attachments, seed=Seed(value="4"))
    assert offers_seed(known, absent)
    unknown = Job(jobid="1", status=Status.COMPLETED, attachments=GRID.attachments, seed=Seed(value="four"))
    assert not offers_seed(unknown, absent)


async def test_nobody_floods_the_provider_by_requesting_the_seeds_of_all_pictures() -> None:
    answered = asyncio.Event()

    async def fetch(jobid: str) -> str:
        await answered.wait()
        return jobid

    seeds = SharedSeeds(fetch)
    requested = [asyncio.create_task(seeds.of(str(number))) for number in (*range(AT_ONCE), 0)]
    await asyncio.sleep(0)
    with pytest.raises(errors.Busy, match="Too many seeds are being requested"):
        await seeds.of("another")
    answered.set()
    assert await asyncio.gather(*requested) == [*map(str, range(AT_ONCE)), "0"]
    assert await seeds.of("another") == "another"
