"""discord.py repeats a POST by itself after a 5xx: what the second request is answered says nothing about the first."""

import pytest

from tests.crash.conftest import ProcessHarness


@pytest.mark.parametrize("refusal", [400, 413])
async def test_a_post_that_discord_stored_but_refused_at_its_repetition_is_not_posted_again(
    street: ProcessHarness, refusal: int
) -> None:
    discord = street.discord
    discord.nonce_window = 0  # as some minutes later: only the history says that it was posted
    await street.bot.start()
    await discord.wait_ready()
    messages = f"POST /channels/{street.channel}/messages"
    discord.fail(messages, "stored-500")
    discord.fail(messages, refusal)
    for prompt in ("a castle", "a lighthouse"):
        jobid = street.useapi.add_job(prompt=prompt, age=1000)
        await (await discord.slash(street.channel, street.mira, "job", {"jobid": jobid})).answered()
    await street.picture("a lighthouse")  # sent after whatever became of the first
    first, second = discord.messages(street.channel)
    assert "a castle" in str(first.embeds)
    assert "a lighthouse" in str(second.embeds)


async def test_a_post_whose_only_request_was_refused_is_sent_again_without_a_search(street: ProcessHarness) -> None:
    discord = street.discord
    await street.bot.start()
    await discord.wait_ready()
    messages = f"POST /channels/{street.channel}/messages"
    discord.fail(messages, 413)
    jobid = street.useapi.add_job(prompt="a castle", age=1000)
    await (await discord.slash(street.channel, street.mira, "job", {"jobid": jobid})).answered()
    await discord.wait_until(lambda: discord.messages(street.channel))
    asked = [(request.method, request.path) for request in discord.requests]
    assert ("GET", messages.removeprefix("POST ")) not in asked


async def test_a_page_of_cloudflares_is_taken_for_an_outage_and_not_for_a_refusal_of_the_channel(
    street: ProcessHarness,
) -> None:
    discord = street.discord
    await street.bot.start()
    await discord.wait_ready()
    discord.fail(f"POST /channels/{street.channel}/messages", "blocked")
    jobid = street.useapi.add_job(age=1000)
    await (await discord.slash(street.channel, street.mira, "job", {"jobid": jobid})).answered()
    await discord.wait_until(lambda: "Discord refused delivery 1: HTTP 403, code 0, not Discord's" in street.bot.screen)
