"""discord.py would repeat a POST by itself after a 5xx, which may make a second message: a send is one request."""

from tests.crash.conftest import ProcessHarness


async def ask(harness: ProcessHarness, channel: int, prompt: str) -> None:
    """A job that is over is asked for; the private answer has come when this returns."""
    jobid = harness.useapi.add_job(prompt=prompt, age=1000)
    await (await harness.discord.slash(channel, harness.mira, "job", {"jobid": jobid})).answered()


async def test_a_post_that_discord_stored_and_denied_is_found_in_the_history_before_it_is_sent_again(
    harness: ProcessHarness,
) -> None:
    discord = harness.discord
    discord.nonce_window = 0  # as some minutes later: only the history says that it was posted
    await harness.bot.start()
    await discord.wait_ready()
    channels = {answer: discord.add_channel(harness.guild, answer) for answer in ("stored-500", "stored-502")}
    for answer, channel in channels.items():
        discord.fail(f"POST /channels/{channel}/messages", answer)
        await ask(harness, channel, "a castle")
        await ask(harness, channel, "a lighthouse")
    for channel in channels.values():
        await discord.wait_until(lambda channel=channel: "a lighthouse" in str(discord.messages(channel)), 20)  # type: ignore[misc]
        assert len(discord.messages(channel)) == 2


async def test_a_post_that_discord_stored_and_denied_is_not_doubled_where_the_history_may_not_be_read(
    harness: ProcessHarness,
) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    discord.deny(harness.channel, "READ_MESSAGE_HISTORY")
    discord.fail(f"POST /channels/{harness.channel}/messages", "stored-502")
    for prompt in ("a castle", "a lighthouse"):
        jobid = harness.useapi.add_job(prompt=prompt, age=1000)
        await (await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    await harness.picture("a lighthouse")
    assert len(discord.messages(harness.channel)) == 2, "the nonce of the second send was not that of the first"


async def test_a_post_that_was_certainly_not_stored_is_sent_again_without_reading_the_history(
    harness: ProcessHarness,
) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    channels = {answers: discord.add_channel(harness.guild, "room") for answers in ((413,), (429, 413))}
    for answers, channel in channels.items():
        for answer in answers:
            discord.fail(f"POST /channels/{channel}/messages", answer)
        await ask(harness, channel, "a castle")
    await discord.wait_until(lambda: all(map(discord.messages, channels.values())))
    requested = {(request.method, request.path) for request in discord.requests}
    assert not requested & {("GET", f"/channels/{channel}/messages") for channel in channels.values()}


async def test_a_page_of_cloudflares_is_taken_for_an_outage_and_not_for_a_refusal_of_the_channel(
    harness: ProcessHarness,
) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    discord.fail(f"POST /channels/{harness.channel}/messages", "blocked")
    jobid = harness.useapi.add_job(age=1000)
    await (await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    await discord.wait_until(
        lambda: "Discord refused delivery 1: HTTP 403, code 0, not Discord's" in harness.bot.screen
    )
