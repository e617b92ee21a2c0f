"""People and programs that mean no good, or mean too much of it, against the real process."""

import asyncio

from tests.conftest import only_long
from tests.crash.conftest import ProcessHarness
from tests.fakes.discord import Message


async def picture(harness: ProcessHarness, prompt: str) -> Message:
    """A result that stands in the channel."""
    jobid = harness.useapi.add_job(prompt=prompt, age=1000)
    await (await harness.discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    return await harness.picture(prompt)


def pressed_labels(harness: ProcessHarness) -> list[str]:
    return [request.json["button"] for request in harness.useapi.requests if request.path == "/v2/jobs/button"]


async def test_forty_people_with_one_id_cause_one_poll_one_status_card_and_one_result(
    harness: ProcessHarness,
) -> None:
    discord = harness.discord
    harness.settle(POLL_SECONDS="2")  # the poller's own polls are few, however slow the machine is
    await harness.bot.start()
    await discord.wait_ready()
    jobid = harness.useapi.add_job(prompt="a lighthouse", duration=60)
    people = [discord.add_member(harness.guild, f"Person {number}") for number in range(40)]
    interactions = await asyncio.gather(
        *(discord.slash(harness.channel, person, "job", {"jobid": jobid}) for person in people)
    )
    answers = [await interaction.answered(within=20) for interaction in interactions]
    assert {answer.content.split(":")[0].split(" ")[0] for answer in answers} == {"Watching", "I'm"}
    polls = [request for request in harness.useapi.requests if request.path == "/v2/jobs/"]
    assert len(polls) <= 1 + 3, "one for all who asked, and the poller's own"
    result = await harness.picture()
    await discord.wait_until(lambda: discord.messages(harness.channel) == [result])
    assert "and 1 more" not in result.content, "nobody waited for a minute, so nobody is pinged"


@only_long
async def test_one_member_who_asks_three_hundred_times_harms_nobody_else(harness: ProcessHarness) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    jobid = harness.useapi.add_job(prompt="a lighthouse", age=1000)
    answers: list[str] = []
    for burst in range(6):
        flood = [
            await discord.slash(harness.channel, harness.bo, "job", {"jobid": f"#ZZ{burst:02}"}) for _ in range(50)
        ]
        if burst == 3:
            calm = await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})
            assert "Posting it here" in (await calm.answered(within=10)).content
        answers += [(await interaction.answered(within=20)).content for interaction in flood]
    assert len(answers) == 300
    assert sum("Too fast" in words for words in answers) >= 294
    await harness.picture()


async def test_an_interaction_that_comes_twice_is_carried_out_once(harness: ProcessHarness) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    result = await picture(harness, "a lighthouse")
    press = await discord.click(result, harness.mira, result.button("V1"))
    await press.answered()
    await discord.replay(press)
    await discord.replay(press)
    await discord.wait_until(lambda: len(pressed_labels(harness)) >= 1)
    other = await discord.click(result, harness.mira, result.button("V2"))  # whatever came before was read before it
    await other.answered()
    await discord.wait_until(lambda: "V2" in pressed_labels(harness))
    assert pressed_labels(harness) == ["V1", "V2"]


async def test_a_request_to_post_again_that_comes_twice_is_granted_once(harness: ProcessHarness) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    await picture(harness, "a lighthouse")
    jobid = harness.useapi.jobids[-1]
    answer = await (await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    again = next(part["custom_id"] for part in answer.buttons if part["label"] == "Post again")
    subscribed = await discord.click(discord.every_message[answer.message_id or 0], harness.mira, again)
    event = subscribed.event()  # the button that was pressed is still in it
    await discord.wait_until(lambda: harness.bot.screen.count("Posted the result") == 2)
    for _ in range(2):
        await discord.gateway.dispatch(harness.guild, "INTERACTION_CREATE", event)
    await picture(harness, "a windmill")  # whatever came before was read before it
    assert len(harness.pictures("a lighthouse")) == 2


async def test_a_forged_press_costs_nothing_and_is_answered(harness: ProcessHarness) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    result = await picture(harness, "a lighthouse")
    elsewhere = discord.add_channel(harness.guild, "elsewhere")
    lure = discord.say(elsewhere, harness.bo, "press here")
    for forged in (result.button("U1"), "dr:p:aaaaaaaaaaaaaaaaaaaaaaaa:0", "dr:p:x:999", "job:1", "dr:u"):
        pressed = await discord.click(lure, harness.mira, forged, forged=True)
        answer = await pressed.answered()
        assert answer.ephemeral
        assert answer.content.startswith(("I don't know this post any more", "This button no longer works"))
    assert pressed_labels(harness) == []


async def test_the_owner_learns_in_private_what_needs_a_person(harness: ProcessHarness) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    jobid = harness.useapi.add_job(prompt="a lighthouse", duration=100)
    await (await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    harness.useapi.fail(402, times=1)
    sent = await discord.wait_until(
        lambda: next((r for r in discord.requests if "subscription has ended" in str(r.json)), None), 10
    )
    assert sent.status == 200
    assert sent.path != f"/channels/{harness.channel}/messages"
