"""Jobs of a provider that was taken out of the settings: they keep their posts and buttons, which say so."""

import pytest

from bot.errors import ProviderAbsent
from bot.models import Attachment, Destination, Job, Limits, Person, ProviderName, Status, Submission
from tests.journeys.conftest import BotHarness, labels, words
from tests.submitting import button_press

PROXY = ProviderName.MIDJOURNEY_PROXY
GONE = ProviderAbsent.sentence(PROXY)


@pytest.fixture
def here(harness: BotHarness) -> Destination:
    return Destination(guild_id=harness.guild.id, channel_id=harness.channel.id)


async def test_a_job_of_a_provider_that_is_gone_keeps_its_post_and_each_button_says_so(
    harness: BotHarness, here: Destination
) -> None:
    picture = Attachment(url=f"{harness.useapi.origin}/attachments/1/1/a.png", width=64, height=64)
    mira = Person(id=harness.mira.id, name="Mira")
    store = harness.bot.store
    grid = Job(
        provider=PROXY,
        jobid="1700000000000123",
        verb="imagine",
        status=Status.COMPLETED,
        prompt="castle in the fog",
        buttons=("U1", "V1"),
        custom_ids=("MJ::1", "MJ::2"),
        attachments=(picture,),
    )
    running = Job(provider=PROXY, jobid="1700000000000124", verb="imagine", status=Status.PROGRESS, prompt="a boat")
    done = await store.subscriptions.add(grid, here, mira)
    queued = await store.submissions.add(button_press(done.known, "V1", here, mira), provider=PROXY, limits=Limits())
    sent = await store.submissions.add(button_press(done.known, "V2", here, mira), provider=PROXY, limits=Limits())
    assert isinstance(queued, Submission)
    assert isinstance(sent, Submission)
    for submission in (queued, sent):
        await store.submissions.mark_answered(submission)
    await store.submissions.mark_sent(sent)
    await store.subscriptions.add(running, here, mira)
    harness.bot.deliver_soon()
    await harness.wait(5)
    result = next(post for post in harness.posts() if "V1" in str(labels(post)))
    assert (await harness.press(harness.mira, result, "V1")).content == GONE
    assert (await harness.press(harness.mira, result, "U1")).content == GONE
    assert "Seed" not in str(labels(await harness.press(harness.mira, result, "⋯")))
    assert await harness.job(harness.bo, running.jobid) == GONE
    assert "not checked, because midjourney-proxy is no longer set up" in words(
        await harness._seen(await harness.mira.slash(harness.channel, "jobs"))
    )

    await harness.restart()
    await harness.wait(60)
    assert "V1" in str(labels(next(post for post in harness.posts() if post.id == result.id)))
    outcomes = {}
    for submission in (queued, sent):
        found = await harness.bot.store.history.by_id(submission.id)
        assert found is not None
        outcomes[found.button] = (found.state.value, found.error.partition(".")[0])
    assert outcomes == {
        "V1": ("refused", GONE.partition(".")[0]),
        "V2": ("lost", "midjourney-proxy gave no clear answer, and it can't be asked what became of this"),
    }
    assert await harness.bot.store.jobs.by_jobid(PROXY, running.jobid) is not None, "it is kept"
