"""What a job's public key gives to members, and what it does not: the rights of who brought the job."""

from tests.journeys.conftest import BotHarness, button, key_in, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"
NOT_YOURS = "Only whoever added this job and moderators can see its ID."


async def test_a_key_gives_no_right_to_the_job_wherever_it_is_posted(harness: BotHarness) -> None:
    """Bo brings a job; Ada posts it elsewhere with its key, in a channel that she moderates."""
    ada = harness.newcomer()
    harness.allow(ada, "manage_messages", channel=harness.lounge)
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.bo, jobid)
    key = key_in(words(await harness.press(harness.bo, harness.last, "⋯")))
    assert await harness.job(ada, f"#{key}", harness.lounge) == "This job has already finished. Posting it here."
    (copy,) = harness.posts(harness.lounge)
    menu = await harness.press(ada, copy, "⋯")
    assert labels(menu) == [["Related", "Split into four", "Delete this post"]], "she keeps her channel tidy, no more"
    nonce = str(button(copy, "⋯").custom_id).rpartition(":")[2]
    refused = await harness.press(ada, harness.forge(f"dr:c:{nonce}", harness.lounge), "Forged")
    assert refused.content == NOT_YOURS
    other = harness.newcomer()
    assert await harness.job(other, f"#{key}", harness.lounge) == "It's already posted here."
    refused = await harness.press(other, copy, "U1")
    assert refused.content == "Only whoever added this job and moderators can use this button."
    menu = await harness.press(harness.bo, copy, "⋯")
    assert labels(menu) == [["Related", "Split into four", "Full size", "Show job ID", "Delete this post"]], (
        "who brought a job has their rights in the whole server"
    )
    assert words(await harness.press(harness.bo, copy, "U1")) == "U1 is on its way. I'll post it here."
    assert await harness.job(other, jobid, harness.lounge) == "It's already posted here."
    assert "Show job ID" in labels(await harness.press(other, copy, "⋯"))[0], "the first there who gave the id itself"


async def test_the_reason_of_a_decline_is_read_by_who_gave_the_id_and_not_the_key(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(ends="moderated", age=600))
    key = key_in(words(await harness.press(harness.bo, harness.last, "⋯")))
    for who in (harness.mira, harness.newcomer()):  # Mira moderates the server
        await harness.job(who, f"#{key}", harness.lounge)
        answer = await harness.press(who, harness.posts(harness.lounge)[0], "Why?")
        assert answer.content == "Only whoever added this job can see Midjourney's reason."
    answer = await harness.press(harness.bo, harness.posts(harness.lounge)[0], "Why?")
    assert answer.content.startswith("**Banned prompt detected**")


async def test_a_running_job_is_not_cancelled_by_who_moderates_where_its_key_was_given(harness: BotHarness) -> None:
    ada = harness.newcomer()
    harness.allow(ada, "manage_messages", channel=harness.lounge)
    key = key_in(await harness.job(harness.bo, harness.useapi.add_job(duration=300)))
    assert (await harness.job(ada, f"#{key}", harness.lounge)).startswith("Watching")
    (status_card,) = harness.posts(harness.lounge)
    question = await harness.press(ada, status_card, "Stop")
    assert labels(question) == [["Stop notifying me", "Stop watching for everyone"]]
    question = await harness.press(harness.mira, harness.last, "Stop")
    assert "Cancel the job" in labels(question)[0], "she moderates the channel it was brought to"
