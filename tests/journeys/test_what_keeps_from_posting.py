"""What keeps the bot from posting is found out, and named, before "Watching" is said."""

from datetime import datetime, timedelta

from simcord.builders import ChannelHandle
from simcord.enums import ChannelType

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness
from tests.journeys.test_discord_trouble import sends
from tests.journeys.test_rights import HELP, is_refused, thread_of

MINUTE = 60


def typed(harness: BotHarness) -> int:
    """How often the bot asked Discord, by the typing indicator, whether it may write."""
    return sum(request.path.endswith("/typing") for request in harness.env.http_requests)


def time_out(harness: BotHarness, length: timedelta) -> str:
    """A moderator times the bot out; what members then read about it."""
    backend = harness.env.backend
    until: datetime = harness.env.now() + length
    backend.get_member(harness.guild.id, backend.bot_user.id).timed_out_until = until.isoformat()
    end = f"<t:{int(until.timestamp())}:R>"
    return f" A moderator has timed me out in this server until {end}, so I'll post it after that."


async def test_the_chat_of_a_voice_or_stage_channel_wants_connect_too(harness: BotHarness) -> None:
    for channel in (harness.guild.create_voice_channel("loud"), harness.guild.create_stage_channel("talks")):
        harness.forbid(None, "connect", channel=channel)
        answer = await harness.job(harness.bo, harness.useapi.add_job(), channel)
        await is_refused(harness, answer, f"I can't post here, because I lack Connect. {HELP}", channel)
    harness.forbid(None, channel=channel)
    assert (await harness.job(harness.bo, harness.useapi.add_job(), channel)).startswith("Watching")


@only_long
async def test_a_time_out_is_said_and_its_end_is_waited_for(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    (parent,) = harness.posts()
    until = time_out(harness, timedelta(minutes=10))
    await harness.wait(MINUTE)
    answer = await harness.job(harness.mira, harness.useapi.add_job(duration=60))
    assert answer.startswith("Watching")
    assert answer.endswith(until)
    assert (await harness.press(harness.mira, parent, "V1")).content == f"V1 is on its way. I'll post it here.{until}"
    assert typed(harness) == 1, "before the time-out: in it there is nothing to find out"
    before = sends(harness)
    await harness.wait(8 * MINUTE)
    assert harness.posts() == [parent]
    assert sends(harness) - before <= 4, "each message is tried every five minutes, whole"
    await harness.wait(3 * MINUTE)
    assert len([post for post in harness.posts() if post.attachments]) == 3


async def test_a_locked_thread_and_a_private_one_without_the_bot_are_named(harness: BotHarness) -> None:
    thread = thread_of(harness)
    harness.env.backend.channels[thread.id].thread_metadata.locked = True
    harness.forbid(None, "manage_threads")
    answer = await harness.job(harness.bo, harness.useapi.add_job(), thread)
    sentence = "I can't post here, because this thread is locked. Someone with Manage Threads can unlock it."
    await is_refused(harness, answer, sentence, thread)

    private = ChannelType.PRIVATE_THREAD
    made = harness.env.backend.create_thread(harness.channel.id, "secret", harness.bo.id, type=private, broadcast=False)
    thread = ChannelHandle(harness.env, harness.guild, made)
    harness.env.inject_error("POST", f"/channels/{made.id}/typing", status=403, code=50001)
    answer = await harness.job(harness.bo, harness.useapi.add_job(), thread)
    sentence = "I can't post here, because I'm not in this private thread. Mention me in it to add me."
    await is_refused(harness, answer, sentence, thread)


async def test_what_no_permission_shows_is_named_by_its_code(harness: BotHarness) -> None:
    harness.env.inject_error("POST", "/channels/*/typing", status=403, code=50013, times=None)
    for _ in range(3):
        answer = await harness.job(harness.bo, harness.useapi.add_job())
        assert answer.startswith("I can't post here (Discord's code 50013). Discord doesn't let me do that: ")
    assert typed(harness) == 1, "once in a minute"
    assert not harness.useapi.requests
    harness.env.backend.faults.clear()
    await harness.wait(2 * MINUTE)
    assert (await harness.job(harness.bo, harness.useapi.add_job())).startswith("Watching")
