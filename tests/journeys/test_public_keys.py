"""What a job's public key gives to members, and what it does not: the rights of who brought the job."""

import re

import discord
import pytest

from bot.models import Destination, Job, Origin, Person, Status
from bot.models.provider import ProviderName
from tests.journeys.conftest import BotHarness, button, key_in, labels, private, words

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
    assert labels(menu) == [
        ["Related", "Prompt", "Again with changes", "Seed", "Split into four"],
        ["Delete this post"],
    ], "she keeps her channel tidy, and may start jobs there, no more"
    nonce = str(button(copy, "⋯").custom_id).rpartition(":")[2]
    refused = await harness.press(ada, harness.forge(f"dr:c:{nonce}", harness.lounge), "Forged")
    assert refused.content == NOT_YOURS
    other = harness.newcomer()
    assert await harness.job(other, f"#{key}", harness.lounge) == "It's already posted here."
    refused = await harness.press(other, copy, "U1")
    assert refused.content == "Only whoever added this job and moderators can use this button."
    menu = await harness.press(harness.bo, copy, "⋯")
    assert labels(menu) == [
        ["Related", "Prompt", "Seed", "Split into four", "Full size"],
        ["Show job ID", "Delete this post"],
    ], "who brought a job has their rights in the whole server"
    assert words(await harness.press(harness.bo, copy, "U1")) == "U1 is on its way. I'll post it here."
    assert await harness.job(other, jobid, harness.lounge) == "It's already posted here."
    assert "Show job ID" in str(labels(await harness.press(other, copy, "⋯"))), "the first there who gave the id itself"


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


# --- what a member cannot view ----------------------------------------------------------------------------------------


def unknown(key: str) -> str:
    return f"No job in this server has the key `#{key}`. Try its id instead."


async def test_a_key_of_a_channel_that_a_member_cannot_view_is_an_unknown_key(harness: BotHarness) -> None:
    ada = harness.newcomer()
    for jobid in (harness.useapi.add_job(prompt=CASTLE, age=600), harness.useapi.add_job(prompt="a boat", age=600)):
        await harness.job(harness.bo, jobid)
        await harness.job(ada, jobid)
    key = key_in(words(await harness.press(harness.bo, harness.last, "⋯")))
    harness.forbid(ada, "view_channel")
    assert await harness.job(ada, f"#{key}", harness.lounge) == unknown(key)
    assert await harness.job(ada, "#2222", harness.lounge) == unknown("2222"), "it does not even say that there is one"
    assert await ada.autocomplete(harness.lounge, "job", "jobid", "") == []
    assert len(await harness.bo.autocomplete(harness.lounge, "job", "jobid", "")) == 2
    assert not harness.posts(harness.lounge)
    harness.env.inject_error("GET", "/guilds/*", status=503, times=None)
    assert await harness.job(harness.bo, f"#{key}", harness.lounge) == unknown(key), "what Discord does not say is a no"
    assert await harness.job(harness.bo, f"#{key}") == "It's already posted here.", "here nobody need be asked"


async def test_a_key_of_a_private_thread_works_for_its_members(harness: BotHarness) -> None:
    ada = harness.newcomer()
    thread = harness.thread(private=True, members=(harness.bo,))
    key = key_in(await harness.job(harness.bo, harness.useapi.add_job(duration=300), thread))
    assert await harness.job(ada, f"#{key}") == unknown(key)
    assert (await harness.job(harness.bo, f"#{key}")).startswith("Watching")
    assert "I'm already watching" in await harness.job(ada, f"#{key}"), "now it is posted where she can view it"


async def test_an_id_that_can_be_guessed_opens_no_more_than_a_key(harness: BotHarness) -> None:
    ada = harness.newcomer()
    job = Job(jobid="1712345678901234", provider=ProviderName.MIDJOURNEY_PROXY, status=Status.COMPLETED, prompt=CASTLE)
    here = Destination(guild_id=harness.guild.id, channel_id=harness.channel.id)
    await harness.bot.store.subscriptions.add(job, here, Person(id=harness.bo.id, name="Bo"), origin=Origin.JOB_ID)
    harness.forbid(ada, "view_channel")
    answer = await harness.job(ada, job.jobid, harness.lounge)
    assert answer.startswith("midjourney-proxy has no job with this id.")
    assert await harness.job(harness.bo, job.jobid, harness.lounge) == "This job has already finished. Posting it here."
    assert await harness.job(ada, job.jobid, harness.lounge) == "It's already posted here."
    assert "Show job ID" not in str(labels(await harness.press(ada, harness.posts(harness.lounge)[0], "⋯")))


@pytest.mark.parametrize("provider", [ProviderName.MIDJOURNEY_PROXY])
async def test_an_id_that_can_be_guessed_opens_no_job_of_another_server(harness: BotHarness) -> None:
    jobid, fresh, left = (harness.proxy.add_job(prompt=CASTLE, age=age) for age in (600, 300, 200))
    await harness.job(harness.mira, jobid)
    store, gone = harness.bot.store, Destination(guild_id=7, channel_id=8)
    job = Job(jobid=left, provider=ProviderName.MIDJOURNEY_PROXY, status=Status.COMPLETED, prompt=CASTLE)
    await store.subscriptions.add(job, gone, Person(id=9, name="Ben"), origin=Origin.JOB_ID)
    other = harness.env.create_guild("Elsewhere")
    room = other.create_text_channel("room")
    eve = other.add_member(harness.env.create_user("Eve"))
    nothing = await harness.job(eve, "1767225000000999", room)
    assert nothing.startswith("midjourney-proxy has no job with this id.")
    assert await harness.job(eve, jobid, room) == nothing
    assert await harness.job(harness.bo, jobid) == "It's already posted here.", "Bo can view the channel with it"
    harness.close_to_all_but_moderators(harness.channel)
    assert await harness.job(eve, jobid, room) == nothing
    assert await harness.job(eve, left, room) == nothing
    assert not harness.posts(room)
    forget_server = f"DELETE FROM subscriptions WHERE guild_id = {gone.guild_id}"  # it removed the bot long ago
    await store.database.transaction(lambda db: db.execute(forget_server))
    for each in (fresh, left):
        assert await harness.job(eve, each, room) == "This job has already finished. Posting it here."
        menu = await harness.press(eve, harness.posts(room)[-1], "⋯")
        assert "Show job ID" in str(labels(menu)), "it is no server's"


async def test_a_family_shows_nothing_of_channels_that_its_reader_cannot_view(harness: BotHarness) -> None:
    """A grid and its V1 are private; what V1 brought is posted in public, and so is another child of the grid."""
    ada = harness.newcomer()
    useapi = harness.useapi
    grid = useapi.add_job(prompt="a secret castle", age=900)
    variation = useapi.add_job(prompt="a secret castle", button="V1", parent=grid, age=800)
    for jobid in (grid, variation):
        await harness.job(harness.bo, jobid)
    pick = useapi.add_job(prompt="a public tower", button="U1", parent=variation, age=600)
    await harness.job(harness.bo, pick, harness.lounge)
    await harness.job(harness.bo, useapi.add_job(prompt="a boat", button="V2", parent=grid, age=600), harness.lounge)
    harness.forbid(ada, "view_channel")
    (post, _) = harness.posts(harness.lounge)
    seen = words(await harness.press(ada, await harness.press(ada, post, "⋯"), "Related"))
    assert seen == "- **U1** public tower · done · this one\n-# No related jobs in this server.".replace(
        "public tower", f"[public tower]({harness.jump(post)})"
    )
    seen = words(await harness.press(harness.bo, await harness.press(harness.bo, post, "⋯"), "Related"))
    assert [line.strip()[:12] for line in seen.splitlines()] == ["- **Imagine*", "- **V1** [se", "- **U1** [pu"]


async def test_the_panels_show_nothing_of_channels_that_their_reader_cannot_view(harness: BotHarness) -> None:
    jobs = harness.useapi.add_job(prompt="a castle", duration=900), harness.useapi.add_job(prompt="a boat", age=600)
    for jobid in jobs:
        await harness.job(harness.bo, jobid)
    await harness.press(harness.mira, harness.last, "V1")
    manager = harness.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    olga = harness.guild.add_member(harness.env.create_user("Olga"), roles=[manager])
    log = words(private(await olga.slash(harness.lounge, "darkroom presses")))
    assert f" · Mira · **V1** of [#{key_in(log)}](" in log
    harness.forbid(harness.bo, "view_channel")
    harness.forbid(olga, "view_channel")
    panel = private(await harness.bo.slash(harness.lounge, "jobs"))
    assert "castle" not in repr(panel.components) + words(panel)
    assert "boat" not in words(panel)
    assert re.search(r"^- `#\w+` in another channel$", words(panel), re.MULTILINE), "it can be stopped"
    log = words(private(await olga.slash(harness.lounge, "darkroom presses")))
    assert not key_in(log)
    assert re.search(r" · Mira · \*\*V1\*\* · [^·]+ · another channel$", log)


async def test_a_post_names_and_links_only_what_all_its_readers_can_view(harness: BotHarness) -> None:
    """The grid is in #pictures, its child in #lounge: as #pictures is open, closed, and closed like #lounge."""
    useapi = harness.useapi

    async def children(number: int) -> tuple[str, list[list[str]]]:
        """What a child in the lounge says of its parent, and the buttons of a grid whose U1 is in #pictures."""
        grid = useapi.add_job(prompt=f"castle number {number}", age=900)
        await harness.job(harness.mira, grid)
        variation = useapi.add_job(prompt="a boat", button="V1", parent=grid, age=600)
        await harness.job(harness.mira, variation, harness.lounge)
        said = words(harness.posts(harness.lounge)[-1]).splitlines()[0]
        await harness.press(harness.mira, harness.last, "U1")
        await harness.wait(60)
        await harness.job(harness.mira, grid, harness.lounge)
        return said, labels(harness.posts(harness.lounge)[-1])

    said, buttons = await children(1)
    grid = harness.posts()[0]
    assert said == f"**V1** of [castle number 1]({harness.jump(grid)})"
    assert buttons[0][0] == "U1 ↗"
    harness.close_to_all_but_moderators(harness.channel)
    await harness.restart(away=120)
    said, buttons = await children(2)
    assert said == "**V1**"
    assert buttons[0][0] == "U1"
    harness.close_to_all_but_moderators(harness.lounge)
    await harness.restart(away=120)
    said, buttons = await children(3)
    assert said.startswith("**V1** of [castle number 3](")
    assert buttons[0][0] == "U1 ↗"
    harness.env.inject_error("GET", "/guilds/*", status=503, times=None)
    await harness.restart(away=120)
    assert (await children(4))[0] == "**V1**", "what Discord does not say is a no"
