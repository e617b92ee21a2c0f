"""`/darkroom settings`: what an admin sees, changes and tries; at once, for good, and beside a second admin."""

from typing import Any

import discord
import pytest

from bot.models.job import ServerSettings, Spoiler
from tests.journeys.conftest import Stage, labels, private, words

GONE = "was deleted, or is hidden from me"


def admin(stage: Stage, name: str = "Ada") -> Any:
    role = stage.guild.create_role(f"Managers {name}", permissions=discord.Permissions(manage_guild=True))
    return stage.guild.add_member(stage.env.create_user(name), roles=[role])


async def opened(stage: Stage, who: Any, page: str = "HOME", channel: Any = None) -> discord.Message:
    panel = private(await who.slash(channel or stage.channel, "darkroom settings"))
    return panel if page == "HOME" else await chosen(stage, who, panel, "s", page)


async def chosen(stage: Stage, who: Any, panel: discord.Message, what: str, *values: Any) -> discord.Message:
    return await stage._seen(await who.select(panel, list(values), custom_id=f"dr:g:{what}"))


async def kept(stage: Stage) -> ServerSettings:
    return await stage.bot.store.settings(stage.guild.id)


async def test_the_first_screen_ticks_off_the_rights_and_says_where_to_click(stage: Stage) -> None:
    ada = admin(stage)
    panel = await opened(stage, ada)
    assert panel.content.count("✓") == 5
    assert "✗" not in panel.content
    assert "To give me" not in panel.content
    assert labels(panel) == [[], ["Send a test picture", "Pause presses"]]
    stage.forbid(None, "attach_files", "read_message_history")
    panel = await opened(stage, ada)
    assert "✓ Send Messages\n✓ Embed Links\n✗ Attach Files\n✗ Read Message History" in panel.content
    assert "click the cog beside the name of this channel (Edit Channel), then Permissions" in panel.content
    assert "put **Attach Files**, **Read Message History** on ✓" in panel.content


async def test_every_page_changes_its_settings_at_once_and_they_outlive_a_restart(stage: Stage) -> None:
    ada = admin(stage)
    role = stage.guild.create_role("Printers")
    panel = await opened(stage, ada, "RESULTS")
    panel = await chosen(stage, ada, panel, "r", stage.lounge)
    assert f"Results are posted in <#{stage.lounge.id}>" in panel.content
    panel = await chosen(stage, ada, panel, "c:ping_after", "300")
    assert "Ping whoever waited longer than 5 min;" in panel.content
    panel = await chosen(stage, ada, panel, "c:spoiler", "unless age-restricted")
    await stage.restart()
    panel = await stage.press(ada, panel, "Switch pings off")
    assert "Nobody is pinged." in panel.content
    panel = await chosen(stage, ada, panel, "s", "WHO")
    assert panel.content.startswith("**Who may press**\nModerators may press")
    panel = await chosen(stage, ada, panel, "p", role)
    assert f"Moderators and <@&{role.id}> may press" in panel.content
    panel = await stage.press(ada, panel, "Remix is on at Midjourney")
    assert "Remix is on" in panel.content
    panel = await chosen(stage, ada, panel, "s", "NUMBERS")
    for name, value in (("daily", "3"), ("server_daily", "25"), ("cooldown", "30")):
        panel = await chosen(stage, ada, panel, f"c:{name}", value)
    assert "3 a day for each member, 25 a day for the whole server, 30 s between two presses" in panel.content
    panel = await stage.press(ada, await opened(stage, ada), "Pause presses")
    assert "⏸️ Presses are paused" in panel.content
    assert await kept(stage) == ServerSettings(
        press_role=role.id,
        daily=3,
        server_daily=25,
        cooldown=30,
        paused=True,
        remix=True,
        spoiler=Spoiler.UNLESS_AGE_RESTRICTED,
        results_channel=stage.lounge.id,
        pings=False,
        ping_after=300,
    )
    panel = await stage.press(ada, panel, "Resume presses")
    assert "paused" not in panel.content
    panel = await stage.press(ada, await chosen(stage, ada, panel, "s", "WHO"), "Moderators only")
    panel = await stage.press(
        ada, await chosen(stage, ada, panel, "s", "RESULTS"), "Results where the job was asked for"
    )
    now = await kept(stage)
    assert (now.press_role, now.results_channel, now.paused) == (None, None, False)


async def test_two_admins_at_once_do_not_undo_each_other_and_see_what_is_true(stage: Stage) -> None:
    ada, ben = admin(stage), admin(stage, "Ben")
    hers, his = await opened(stage, ada, "NUMBERS"), await opened(stage, ben, "NUMBERS")
    await chosen(stage, ada, hers, "c:daily", "50")
    his = await chosen(stage, ben, his, "c:cooldown", "60")
    assert "50 a day for each member" in his.content
    assert "1 min between two presses" in his.content
    hers, his = await opened(stage, ada), await opened(stage, ben)
    await stage.press(ada, hers, "Pause presses")
    his = await stage.press(ben, his, "Pause presses")  # he saw that they run, too, and means the same
    assert "⏸️ Presses are paused" in his.content
    assert await kept(stage) == ServerSettings(daily=50, cooldown=60, paused=True)


async def test_who_no_longer_manages_the_server_changes_nothing_with_an_open_panel(stage: Stage) -> None:
    ada = admin(stage)
    home, numbers, results = [await opened(stage, ada, page) for page in ("HOME", "NUMBERS", "RESULTS")]
    stage.env.backend.remove_member_role(stage.guild.id, ada.id, stage.guild.roles["Managers Ada"].id)
    for answer in (
        await stage.press(ada, home, "Pause presses"),
        await stage.press(ada, home, "Send a test picture"),
        await chosen(stage, ada, numbers, "c:daily", "100"),
        await chosen(stage, ada, results, "r", stage.lounge),
        await stage.press(stage.bo, stage.forge("dr:g:b:paused:1"), "Forged"),
    ):
        assert answer.content == "Only members with Manage Server can use this."
    assert await kept(stage) == ServerSettings()
    assert not [post for post in stage.posts() if post.attachments]


@pytest.mark.parametrize("custom_id", ["dr:g:b:daily:1", "dr:g:c:press_role", "dr:g:b:paused:2", "dr:g:"])
async def test_a_button_that_no_panel_has_is_answered_and_changes_nothing(stage: Stage, custom_id: str) -> None:
    answer = await stage.press(admin(stage), stage.forge(custom_id), "Forged")
    assert answer.content.startswith("I don't know this button any more.")
    assert await kept(stage) == ServerSettings()


# --- where results go -------------------------------------------------------------------------------------------------


async def test_results_go_to_the_chosen_channel_and_the_asker_learns_where(stage: Stage) -> None:
    ada = admin(stage)
    await chosen(stage, ada, await opened(stage, ada, "RESULTS"), "r", stage.lounge)
    jobid = stage.useapi.add_job()
    answer = await stage.job(stage.bo, jobid)
    assert answer.startswith("Watching")
    assert answer.endswith(f"I'll post it in <#{stage.lounge.id}>.")
    assert await stage.job(stage.mira, jobid) == f"Already watched in <#{stage.lounge.id}>, I'll tell you too."
    await stage.wait(60)
    _, result = stage.posts(stage.lounge)
    assert result.attachments
    stands = await stage.ask(stage.mira, jobid)
    assert stands.content == f"It stands in <#{stage.lounge.id}> already."
    assert labels(stands) == [["Go to the picture"]]
    assert not stage.posts()
    await stage.press(stage.mira, result, "U1")
    await stage.wait(30)
    assert len(stage.posts(stage.lounge)) >= 3, "what a button makes stays where the button is"
    assert not stage.posts()


async def test_a_chosen_channel_that_was_deleted_or_closed_stops_nobody(stage: Stage) -> None:
    ada = admin(stage)
    await chosen(stage, ada, await opened(stage, ada, "RESULTS"), "r", stage.lounge)
    stage.forbid(None, "embed_links", channel=stage.lounge)
    panel = await opened(stage, ada)
    assert f"⚠️ Results belong in <#{stage.lounge.id}>, but I lack Embed Links there" in panel.content
    answer = await stage.job(stage.bo, stage.useapi.add_job(age=600))
    assert answer == (
        f"It is over already: I'm posting it here. I can't post in <#{stage.lounge.id}>, chosen for results: "
        "I lack Embed Links there. `/darkroom settings` changes that."
    )
    stage.env.backend.delete_channel(stage.lounge.id)
    assert GONE in await stage.job(stage.bo, stage.useapi.add_job(age=600))
    assert len([post for post in stage.posts() if post.attachments]) == 2
    panel = await opened(stage, ada, "RESULTS")
    assert f"⚠️ The channel for results {GONE}. Until you choose another" in panel.content
    stage.env.inject_error("GET", f"/guilds/{stage.guild.id}", status=503, times=1)
    assert "I'll post it in" in await stage.job(stage.bo, stage.useapi.add_job()), "nobody knows, so the choice counts"


async def test_a_channel_in_which_nothing_can_be_posted_is_not_taken(stage: Stage) -> None:
    ada = admin(stage)
    stage.forbid(None, "embed_links", "attach_files", channel=stage.lounge)
    panel = await chosen(stage, ada, await opened(stage, ada, "RESULTS"), "r", stage.lounge)
    assert panel.content.startswith(
        f"⚠️ I did not take <#{stage.lounge.id}>: I lack Embed Links and Attach Files there."
    )
    stage.forbid(None, "send_messages", channel=stage.lounge)
    panel = await chosen(stage, ada, panel, "r", stage.lounge)
    assert "I lack Send Messages there." in panel.content
    assert (await kept(stage)).results_channel is None


async def test_who_may_not_write_here_gets_nothing_posted_in_the_chosen_channel_either(stage: Stage) -> None:
    ada = admin(stage)
    await chosen(stage, ada, await opened(stage, ada, "RESULTS"), "r", stage.lounge)
    stage.forbid(stage.bo, "send_messages")
    assert (await stage.job(stage.bo, stage.useapi.add_job())).startswith("You may not send messages in this channel")


# --- roles, sizes, the test picture -----------------------------------------------------------------------------------


async def test_a_press_role_that_was_deleted_is_shown_as_such(stage: Stage) -> None:
    ada = admin(stage)
    role = stage.guild.create_role("Printers")
    await chosen(stage, ada, await opened(stage, ada, "WHO"), "p", role)
    stage.env.backend.delete_role(stage.guild.id, role.id)
    panel = await opened(stage, ada, "WHO")
    assert "⚠️ The press role was deleted, so only moderators may press. Choose another role" in panel.content
    panel = await stage.press(ada, panel, "Moderators only")
    assert "⚠️" not in panel.content


async def test_a_server_with_500_channels_and_250_roles_has_the_same_panel(stage: Stage) -> None:
    ada = admin(stage)
    for number in range(500):
        last = stage.guild.create_text_channel(f"room-{number}")
    for number in range(250 - len(stage.guild.roles)):
        role = stage.guild.create_role(f"role-{number}")
    panel = await chosen(stage, ada, await opened(stage, ada, "RESULTS"), "r", last)
    assert f"Results are posted in <#{last.id}>" in panel.content
    panel = await chosen(stage, ada, await opened(stage, ada, "WHO"), "p", role)
    assert f"<@&{role.id}>" in panel.content


async def test_a_test_picture_shows_that_results_arrive_and_costs_nothing(stage: Stage) -> None:
    ada = admin(stage)
    panel = await opened(stage, ada)
    assert (
        await stage.press(ada, panel, "Send a test picture")
    ).content == "The test picture stands here. It was free."
    (post,) = stage.posts()
    assert post.attachments[0].filename.endswith(".webp")
    assert "It cost nothing" in words(post)
    assert not post.components
    stage.forbid(None, "attach_files")
    answer = await stage.press(ada, panel, "Send a test picture")
    assert answer.content.startswith("I can't post here, because I lack Attach Files.")
    stage.forbid(None)
    stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=403, code=50013)
    answer = await stage.press(ada, panel, "Send a test picture")
    assert answer.content.startswith(f"Discord did not let me post in <#{stage.channel.id}>.")
    stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=413, code=40005)
    answer = await stage.press(ada, panel, "Send a test picture")
    assert answer.content.startswith("Discord doesn't accept a file that large here.")
    await chosen(stage, ada, await opened(stage, ada, "RESULTS"), "r", stage.lounge)
    answer = await stage.press(ada, panel, "Send a test picture")
    assert answer.content == f"The test picture stands in <#{stage.lounge.id}>. It was free."
    assert len(stage.posts(stage.lounge)) == 1
    assert len(stage.posts()) == 1
    assert not stage.useapi.requests
