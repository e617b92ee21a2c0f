"""A channel where everything happens at once, and a gateway that goes away; the real process against sockets."""

from tests import sample_pictures
from tests.conftest import LONG, only_long
from tests.crash.conftest import ProcessHarness
from tests.fakes.discord.limits import Limits
from tests.fakes.discord.server import Received

RESULTS = 200 if LONG else 30


@only_long
async def test_a_busy_channel_gets_all_results_in_order_and_discord_is_not_provoked(harness: ProcessHarness) -> None:
    discord = harness.discord
    discord.limits = Limits((5, 0.1), whole=(50, 1.0))  # Discord's 5 messages in 5 s a channel, fifty times as fast
    await harness.bot.start()
    await discord.wait_ready()
    people = [discord.add_member(harness.guild, f"Person {number}") for number in range(RESULTS)]
    jobs = [harness.useapi.add_job(prompt=f"picture number {number:03}", age=1000) for number in range(RESULTS)]
    promised: list[str] = []
    for person, jobid in zip(people, jobs, strict=True):
        interaction = await discord.slash(harness.channel, person, "job", {"jobid": jobid})
        promised.append((await interaction.answered(within=20)).content)
    assert set(promised) == {"This job has already finished. Posting it here."}
    await discord.wait_until(lambda: len(discord.messages(harness.channel)) == RESULTS, 40)
    posted = [
        message.embeds[0]["description"].split("picture number ")[1][:3]
        for message in discord.messages(harness.channel)
    ]
    assert posted == [f"{number:03}" for number in range(RESULTS)]
    refused = [request for request in discord.requests if request.status == 429]
    assert len(refused) <= 1


async def test_a_result_does_not_wait_for_all_the_status_cards_of_a_busy_channel(harness: ProcessHarness) -> None:
    discord = harness.discord
    discord.limits = Limits((5, 0.5), whole=(50, 1.0))
    await harness.bot.start()
    await discord.wait_ready()
    for number in range(30):
        person = discord.add_member(harness.guild, f"Person {number}")
        await discord.slash(harness.channel, person, "job", {"jobid": harness.useapi.add_job(duration=4000)})
    await discord.wait_until(lambda: len(discord.messages(harness.channel)) >= 12)
    await discord.slash(
        harness.channel, harness.mira, "job", {"jobid": harness.useapi.add_job(prompt="done", age=1000)}
    )
    await harness.picture("done")
    assert len(discord.messages(harness.channel)) < 25, "the other cards come behind it"


async def test_a_slow_download_and_a_slow_upload_delay_no_result_of_another_channel(harness: ProcessHarness) -> None:
    discord, useapi = harness.discord, harness.useapi
    downloads, uploads = (discord.add_channel(harness.guild, name) for name in ("downloads", "uploads"))
    dripping = useapi.serve_file("x.png", sample_pictures.png(256, 256, noise=5), content_type="image/png", drip=1.0)
    await harness.bot.start()
    await discord.wait_ready()
    slow = useapi.add_job(prompt="drips", age=1000, attachments=[{"url": dripping}])
    await discord.slash(downloads, harness.mira, "job", {"jobid": slow})
    await useapi.wait_for_request(path="/files/*")
    discord.fail(f"POST /channels/{uploads}/messages", "hang")
    await discord.slash(uploads, harness.mira, "job", {"jobid": useapi.add_job(prompt="hangs", age=1000)})
    await discord.wait_until(lambda: any(request.fault == "hang" for request in discord.requests))
    await discord.slash(harness.channel, harness.mira, "job", {"jobid": useapi.add_job(prompt="done", age=1000)})
    await harness.picture("done", within=10)
    assert discord.messages(downloads) == discord.messages(uploads) == []


@only_long
async def test_a_gateway_that_goes_away_delays_no_result(harness: ProcessHarness) -> None:
    discord = harness.discord
    await harness.bot.start()
    await discord.wait_ready()
    jobid = harness.useapi.add_job(prompt="a lighthouse", duration=40)
    await (await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})).answered()
    discord.fail("GET /gateway", 503, times=3)
    await discord.gateway.drop()
    result = await harness.picture()
    assert "a lighthouse" in str(result.embeds)
    await discord.wait_ready(within=40)
    again = await discord.slash(harness.channel, harness.mira, "job", {"jobid": jobid})
    assert "It's already posted here." in (await again.answered(within=10)).content
    assert "Traceback" not in harness.bot.screen


async def test_a_result_does_not_wait_for_an_edit_that_discord_limits(harness: ProcessHarness) -> None:
    discord = harness.discord
    edits = f"PATCH /channels/{harness.channel}/messages/*"
    await harness.bot.start()
    await discord.wait_ready()
    discord.fail(edits, "limited", times=None)  # discord.py waits for 20 s, and repeats the request
    await discord.slash(harness.channel, harness.mira, "job", {"jobid": harness.useapi.add_job(duration=200)})
    await discord.wait_until(lambda: any(request.method == "PATCH" for request in edits_in(harness)))
    await discord.slash(
        harness.channel, harness.mira, "job", {"jobid": harness.useapi.add_job(prompt="done", age=1000)}
    )
    await harness.picture("done", within=10)


def edits_in(harness: ProcessHarness) -> list[Received]:
    """The requests for messages of the channel that are there already."""
    inside = f"/channels/{harness.channel}/messages/"
    return [request for request in harness.discord.requests if request.path.startswith(inside)]
