"""`/darkroom settings`: what an admin sees, changes and tries; at once, for good, and beside a second admin."""

from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.models import ServerSettings, Spoiler
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, private, words
from tests.journeys.test_what_keeps_from_posting import time_out

PAGES = [["Overview", "Results and pings", "Who may press"], ["Start jobs", "How many jobs", "Starboard"]]
GONE = "was deleted, or is hidden from me"


def admin(harness: BotHarness, name: str = "Ada") -> Any:
    role = harness.guild.create_role(f"Managers {name}", permissions=discord.Permissions(manage_guild=True))
    return harness.guild.add_member(harness.env.create_user(name), roles=[role])


async def opened(harness: BotHarness, who: Any, page: str = "HOME", channel: Any = None) -> discord.Message:
    panel = private(await who.slash(channel or harness.channel, "darkroom settings"))
    return panel if page == "HOME" else await turned(harness, who, panel, page)


async def turned(harness: BotHarness, who: Any, panel: discord.Message, page: str) -> discord.Message:
    """`who` presses the button of a page."""
    return await harness._seen(await who.click(panel, custom_id=f"dr:g:s:{page}"))


async def selected(harness: BotHarness, who: Any, panel: discord.Message, what: str, *values: Any) -> discord.Message:
    return await harness._seen(await who.select(panel, list(values), custom_id=f"dr:g:{what}"))


async def kept(harness: BotHarness) -> ServerSettings:
    return await harness.bot.store.servers.settings(harness.guild.id)


async def test_the_first_screen_ticks_off_the_rights_and_says_where_to_click(harness: BotHarness) -> None:
    ada = admin(harness)
    panel = await opened(harness, ada)
    assert panel.content.count("✓") == 5
    assert "✗" not in panel.content
    assert "To grant" not in panel.content
    assert labels(panel) == [["Send a test picture", "Pause presses"], *PAGES]
    harness.forbid(None, "attach_files", "read_message_history")
    panel = await opened(harness, ada)
    assert "✓ Send Messages\n✓ Embed Links\n✗ Attach Files\n✗ Read Message History" in panel.content
    assert "click the cog beside the name of this channel (Edit Channel), then Permissions" in panel.content
    assert "set **Attach Files**, **Read Message History** to ✓" in panel.content


async def test_every_page_changes_its_settings_at_once_and_they_outlive_a_restart(harness: BotHarness) -> None:
    ada = admin(harness)
    role = harness.guild.create_role("Printers")
    panel = await opened(harness, ada, "RESULTS")
    panel = await selected(harness, ada, panel, "r", harness.lounge)
    assert f"Results are posted in <#{harness.lounge.id}>" in panel.content
    panel = await selected(harness, ada, panel, "c:ping_after", "300")
    assert "Ping those who waited longer than 5 min." in panel.content
    panel = await selected(harness, ada, panel, "c:spoiler", "unless age-restricted")
    await harness.restart()
    panel = await harness.press(ada, panel, "Turn off pings")
    assert "Nobody is pinged." in panel.content
    panel = await turned(harness, ada, panel, "WHO")
    assert panel.content.startswith("**Who may press**\nModerators may use")
    panel = await selected(harness, ada, panel, "p", role)
    assert f"Moderators and <@&{role.id}> may use" in panel.content
    panel = await harness.press(ada, panel, "Turn on remix prompts")
    assert "Remix prompts are on" in panel.content
    panel = await turned(harness, ada, panel, "NUMBERS")
    for name, value in (("daily", "3"), ("server_daily", "25"), ("cooldown", "30")):
        panel = await selected(harness, ada, panel, f"c:{name}", value)
    assert "3 uses a day for each member.\n25 uses a day for the whole server.\n30 s cooldown between" in panel.content
    unlimited = await selected(harness, ada, panel, "c:server_daily", "unlimited")
    assert "3 uses a day for each member.\nUnlimited uses for the whole server.\n" in unlimited.content
    panel = await turned(harness, ada, panel, "STARBOARD")
    assert "There is no starboard." in panel.content
    panel = await selected(harness, ada, panel, "sc", harness.lounge)
    panel = await selected(harness, ada, panel, "c:stars", "5")
    panel = await selected(harness, ada, panel, "sr", role)
    assert f"Pictures with 5 stars are posted in <#{harness.lounge.id}>." in panel.content
    assert f"Moderators and <@&{role.id}> may star pictures." in panel.content
    panel = await harness.press(ada, await opened(harness, ada), "Pause presses")
    assert "⏸️ Presses and new jobs are paused" in panel.content
    assert f"Pictures with 5 stars are posted in <#{harness.lounge.id}>." in panel.content
    assert await kept(harness) == ServerSettings(
        press_role=role.id,
        daily=3,
        server_daily=None,
        cooldown=30,
        paused=True,
        remix=True,
        spoiler=Spoiler.UNLESS_AGE_RESTRICTED,
        results_channel=harness.lounge.id,
        pings=False,
        ping_after=300,
        starboard_channel=harness.lounge.id,
        stars=5,
        star_role=role.id,
    )
    panel = await harness.press(ada, panel, "Resume presses")
    assert "paused" not in panel.content
    panel = await harness.press(ada, await turned(harness, ada, panel, "WHO"), "Remove the role")
    panel = await harness.press(ada, await turned(harness, ada, panel, "RESULTS"), "Post where requested")
    panel = await harness.press(ada, await turned(harness, ada, panel, "STARBOARD"), "Let everyone star")
    panel = await harness.press(ada, panel, "Turn off the starboard")
    assert "There is no starboard." in panel.content
    now = await kept(harness)
    assert (now.press_role, now.results_channel, now.paused) == (None, None, False)
    assert (now.starboard_channel, now.star_role) == (None, None)


async def test_discords_trouble_is_said_in_the_panel_which_takes_components_alone(harness: BotHarness) -> None:
    ada = admin(harness)
    panel = await opened(harness, ada)
    harness.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=503)
    answer = await turned(harness, ada, panel, "WHO")
    assert answer.content.startswith("Discord has trouble just now.")


async def test_two_admins_at_once_do_not_undo_each_other_and_see_what_is_true(harness: BotHarness) -> None:
    ada, ben = admin(harness), admin(harness, "Ben")
    hers, his = await opened(harness, ada, "NUMBERS"), await opened(harness, ben, "NUMBERS")
    await selected(harness, ada, hers, "c:daily", "50")
    his = await selected(harness, ben, his, "c:cooldown", "60")
    assert "50 uses a day for each member" in his.content
    assert "1 min cooldown between" in his.content
    hers, his = await opened(harness, ada), await opened(harness, ben)
    await harness.press(ada, hers, "Pause presses")
    his = await harness.press(ben, his, "Pause presses")  # he saw that they run, too, and means the same
    assert "⏸️ Presses and new jobs are paused" in his.content
    assert await kept(harness) == ServerSettings(daily=50, cooldown=60, paused=True)


async def test_who_no_longer_manages_the_server_changes_nothing_with_an_open_panel(harness: BotHarness) -> None:
    ada = admin(harness)
    home, numbers, results = [await opened(harness, ada, page) for page in ("HOME", "NUMBERS", "RESULTS")]
    harness.env.backend.remove_member_role(harness.guild.id, ada.id, harness.guild.roles["Managers Ada"].id)
    for answer in (
        await harness.press(ada, home, "Pause presses"),
        await harness.press(ada, home, "Send a test picture"),
        await selected(harness, ada, numbers, "c:daily", "100"),
        await selected(harness, ada, results, "r", harness.lounge),
        await harness.press(harness.bo, harness.forge("dr:g:b:paused:1"), "Forged"),
    ):
        assert answer.content == "Only members with Manage Server can use this."
    assert await kept(harness) == ServerSettings()
    assert not [post for post in harness.posts() if post.attachments]


@pytest.mark.parametrize("custom_id", ["dr:g:b:daily:1", "dr:g:c:press_role", "dr:g:b:paused:2", "dr:g:"])
async def test_a_button_that_no_panel_has_is_answered_and_changes_nothing(harness: BotHarness, custom_id: str) -> None:
    answer = await harness.press(admin(harness), harness.forge(custom_id), "Forged")
    assert answer.content.startswith("This button no longer works.")
    assert await kept(harness) == ServerSettings()


# --- where results go -------------------------------------------------------------------------------------------------


async def test_results_go_to_the_results_channel_and_the_asker_learns_where(harness: BotHarness) -> None:
    ada = admin(harness)
    await selected(harness, ada, await opened(harness, ada, "RESULTS"), "r", harness.lounge)
    jobid = harness.useapi.add_job()
    answer = await harness.job(harness.bo, jobid)
    assert answer.startswith("Watching")
    assert answer.endswith(f"I'll post the picture in <#{harness.lounge.id}>.")
    assert (
        await harness.job(harness.mira, jobid)
        == f"I'm already watching this in <#{harness.lounge.id}>. I'll notify you too."
    )
    await harness.wait(60)
    (result,) = harness.posts(harness.lounge)
    assert result.attachments
    link = await harness.ask(harness.mira, jobid)
    assert link.content == f"It's already posted in <#{harness.lounge.id}>."
    assert labels(link) == [["Go to the picture"]]
    assert not harness.posts()
    await harness.press(harness.mira, result, "U1")
    await harness.wait(30)
    assert len(harness.posts(harness.lounge)) >= 2, "what a button makes stays where the button is"
    assert not harness.posts()


async def test_a_results_channel_that_was_deleted_or_closed_stops_nobody(harness: BotHarness) -> None:
    ada = admin(harness)
    await selected(harness, ada, await opened(harness, ada, "RESULTS"), "r", harness.lounge)
    harness.forbid(None, "embed_links", channel=harness.lounge)
    panel = await opened(harness, ada)
    assert f"⚠️ Results should be posted in <#{harness.lounge.id}>, but I lack Embed Links there" in panel.content
    answer = await harness.job(harness.bo, harness.useapi.add_job(age=600))
    assert answer == (
        f"This job has already finished. Posting it here. I can't post in <#{harness.lounge.id}>, this server's "
        "channel for results: I lack Embed Links there. Someone with Manage Server can choose another one in "
        "`/darkroom settings`."
    )
    harness.env.backend.delete_channel(harness.lounge.id)
    assert GONE in await harness.job(harness.bo, harness.useapi.add_job(age=600))
    assert len([post for post in harness.posts() if post.attachments]) == 2
    panel = await opened(harness, ada, "RESULTS")
    assert f"⚠️ The channel for results {GONE}. Until you choose another one" in panel.content
    harness.env.inject_error("GET", f"/guilds/{harness.guild.id}", status=503, times=1)
    harness.env.inject_error("POST", "/channels/*/typing", status=503, times=1)
    assert "I'll post the picture in" in await harness.job(harness.bo, harness.useapi.add_job()), (
        "nobody knows, so the choice counts"
    )


async def test_a_channel_in_which_nothing_can_be_posted_is_not_taken(harness: BotHarness) -> None:
    ada = admin(harness)
    harness.forbid(None, "embed_links", "attach_files", channel=harness.lounge)
    panel = await selected(harness, ada, await opened(harness, ada, "RESULTS"), "r", harness.lounge)
    assert panel.content.startswith(
        f"⚠️ I can't use <#{harness.lounge.id}> for results: I lack Embed Links and Attach Files there."
    )
    harness.forbid(None, "send_messages", channel=harness.lounge)
    panel = await selected(harness, ada, panel, "r", harness.lounge)
    assert "I lack Send Messages there." in panel.content
    assert (await kept(harness)).results_channel is None


async def test_who_may_not_write_here_gets_nothing_posted_in_the_results_channel_either(harness: BotHarness) -> None:
    ada = admin(harness)
    await selected(harness, ada, await opened(harness, ada, "RESULTS"), "r", harness.lounge)
    harness.forbid(harness.bo, "send_messages")
    assert (await harness.job(harness.bo, harness.useapi.add_job())).startswith(
        "You don't have permission to send messages here"
    )


# --- presets and the word list ----------------------------------------------------------------------------------------


async def filled(harness: BotHarness, who: Any, message: discord.Message, custom_id: str, **values: str) -> Any:
    """`who` opens a form with a button, and submits it; the private answer."""
    form = await who.click(message, custom_id=custom_id)
    return await harness._seen(await who.submit_modal(form, values))


async def test_presets_are_added_changed_and_deleted_and_none_is_lost(harness: BotHarness) -> None:
    ada, ben = admin(harness), admin(harness, "Ben")
    panel = await opened(harness, ada, "START")
    assert "No presets yet." in panel.content
    panel = await filled(harness, ada, panel, "dr:g:pa", name="Ink", suffix="ink wash —ar 3:2 --arr 1")
    assert panel.content.startswith("Saved `Ink`.\n`--arr`: did you mean `--ar`?")
    assert "Presets that `/imagine` offers as `style`: `Ink`." in panel.content

    refused = await filled(harness, ada, panel, "dr:g:pa", name="INK", suffix="oil --hd")
    assert refused.content == "There is a preset called `INK` already. Choose another name. Nothing was saved."
    await harness.restart(away=3600)
    form = await ada.click(refused, custom_id=button(refused, "Edit").custom_id)
    assert [label["component"]["value"] for label in form.modal["components"]] == ["INK", "oil --hd"]
    again = await harness._seen(await ada.submit_modal(form, {"name": "Oil", "suffix": "oil --repeat 2"}))
    assert (again.id, again.content.startswith("`--repeat` makes several jobs")) == (refused.id, True)
    saved = await filled(harness, ada, again, button(again, "Edit").custom_id or "", name="Oil", suffix="oil --hd")
    assert "Saved `Oil`.\nA prompt with it uses more GPU time than usual" in saved.content
    payer = "https://cdn.midjourney.com/00000000-0000-4000-8000-000000000000/0_0.png"
    refused = await filled(harness, ada, saved, "dr:g:pa", name="Ref", suffix=f"--sref {payer}")
    assert "names the Midjourney account's owner" in refused.content

    (ink, oil) = await harness.bot.store.presets.of_server(harness.guild.id)
    panel = await opened(harness, ben, "START")
    changing = await ben.select(panel, [str(ink.id)], custom_id="dr:g:pc")
    panel = await selected(harness, ada, await opened(harness, ada, "START"), "pd", str(ink.id))
    assert panel.content.startswith("Deleted `Ink`. It added: `ink wash --ar 3:2 --arr 1`")
    late = await harness._seen(await ben.submit_modal(changing, {"name": "Inks", "suffix": "ink"}))
    assert late.content.startswith("`Inks` was deleted in the meantime. You can add it again.")
    panel = await filled(harness, ben, late, button(late, "Edit").custom_id or "", name="Inks", suffix="ink")
    assert "style`: `Inks`, `Oil`." in panel.content
    await selected(harness, ben, panel, "pd", str(oil.id))

    harness.env.backend.remove_member_role(harness.guild.id, ada.id, harness.guild.roles["Managers Ada"].id)
    assert await preset_names(harness) == ["Inks"]
    form = harness.forge("dr:g:pa")
    assert (await harness.press(ada, form, "Forged")).content == "Only members with Manage Server can use this."


async def preset_names(harness: BotHarness) -> list[str]:
    return [preset.name for preset in await harness.bot.store.presets.of_server(harness.guild.id)]


async def test_a_word_list_is_saved_by_who_saw_it_and_keeps_its_words_out_of_every_prompt(harness: BotHarness) -> None:
    ada, ben = admin(harness), admin(harness, "Ben")
    await harness.bot.store.presets.add(harness.guild.id, "Gore", "much blood")
    panel = await opened(harness, ada, "START")
    assert "No words are forbidden in prompts." in panel.content
    his = await ben.click(await opened(harness, ben, "START"), custom_id="dr:g:w")
    refused = await filled(harness, ada, panel, "dr:g:w", words="Blood, " + "x" * 61)
    assert refused.content.endswith("is too long: an entry has up to 60 characters. Nothing was saved.")
    saved = await filled(harness, ada, refused, button(refused, "Edit").custom_id or "", words="Blood, déjà vu")
    assert saved.content.startswith("Saved. 2 entries are forbidden in prompts")
    assert "These presets can't be used with it: `Gore`." in saved.content
    assert "déjà" not in saved.content

    late = await harness._seen(await ben.submit_modal(his, {"words": "gore"}))
    assert late.content.startswith("Someone else changed the word list in the meantime, so nothing was saved.")
    assert await harness.bot.store.servers.words(harness.guild.id) == ("Blood", "déjà vu")

    for options in ({"prompt": "a BLÖÖD moon"}, {"prompt": "a moon", "style": "gore"}):
        answer = private(await harness.mira.slash(harness.channel, "imagine", **options))
        assert answer.content == "`Blood` isn't allowed in this server's prompts. Please change it, nothing was sent."
    await harness.bot.store.servers.change_settings(harness.guild.id, remix=True)
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a castle", age=600))
    form = await harness.mira.click(harness.last, custom_id=button(harness.last, "V1").custom_id)
    answer = await harness._seen(await harness.mira.submit_modal(form, {"prompt": "a castle, DEJA VU"}))
    assert answer.content.startswith("`déjà vu` isn't allowed in this server's prompts.")
    assert not harness.button_requests()
    assert await harness.rows("SELECT * FROM submissions") == []


# --- roles, sizes, the test picture -----------------------------------------------------------------------------------


async def test_a_press_role_that_was_deleted_is_shown_as_such(harness: BotHarness) -> None:
    ada = admin(harness)
    role = harness.guild.create_role("Printers")
    await selected(harness, ada, await opened(harness, ada, "WHO"), "p", role)
    harness.env.backend.delete_role(harness.guild.id, role.id)
    panel = await opened(harness, ada, "WHO")
    assert (
        "⚠️ The role that may use the buttons was deleted, so only moderators may use them. Choose another role"
        in panel.content
    )
    panel = await harness.press(ada, panel, "Remove the role")
    assert "⚠️" not in panel.content


@only_long
async def test_a_server_with_500_channels_and_250_roles_has_the_same_panel(harness: BotHarness) -> None:
    ada = admin(harness)
    for number in range(500):
        last = harness.guild.create_text_channel(f"room-{number}")
    for number in range(250 - len(harness.guild.roles)):
        role = harness.guild.create_role(f"role-{number}", position=1000 + number)  # above: none is moved
    panel = await selected(harness, ada, await opened(harness, ada, "RESULTS"), "r", last)
    assert f"Results are posted in <#{last.id}>" in panel.content
    panel = await selected(harness, ada, await opened(harness, ada, "WHO"), "p", role)
    assert f"<@&{role.id}>" in panel.content


async def test_a_test_picture_shows_that_results_arrive_and_costs_nothing(harness: BotHarness) -> None:
    ada = admin(harness)
    panel = await opened(harness, ada)
    assert (await harness.press(ada, panel, "Send a test picture")).content == "Test picture posted. It cost nothing."
    (post,) = harness.posts()
    assert post.attachments[0].filename.endswith(".webp")
    assert "It cost nothing" in words(post)
    assert labels(post) == [["Delete"]]
    harness.forbid(None, "attach_files")
    answer = await harness.press(ada, panel, "Send a test picture")
    assert answer.content.startswith("I can't post here, because I lack Attach Files.")
    harness.forbid(None)
    harness.env.inject_error("POST", f"/channels/{harness.channel.id}/messages", status=403, code=50013)
    answer = await harness.press(ada, panel, "Send a test picture")
    assert answer.content.startswith(f"Discord doesn't let me post in <#{harness.channel.id}>.")
    harness.env.inject_error("POST", f"/channels/{harness.channel.id}/messages", status=413, code=40005)
    answer = await harness.press(ada, panel, "Send a test picture")
    assert answer.content.startswith("Discord doesn't accept a file that large here.")
    await selected(harness, ada, await opened(harness, ada, "RESULTS"), "r", harness.lounge)
    answer = await harness.press(ada, panel, "Send a test picture")
    assert answer.content == f"Test picture posted in <#{harness.lounge.id}>. It cost nothing."
    assert len(harness.posts(harness.lounge)) == 1
    assert words(await harness.press(harness.bo, post, "Delete")) == (
        "Only moderators and members with Manage Server can delete this."
    )
    await ada.click(post, custom_id=button(post, "Delete").custom_id)
    assert not harness.posts()
    forged = harness.forge(str(button(post, "Delete").custom_id))
    assert words(await harness.press(ada, forged, "Forged")) == "This isn't a test picture."
    await harness.wait(61)  # for as long it is believed that nobody has timed the bot out
    time_out(harness, timedelta(hours=1))
    answer = await harness.press(ada, panel, "Send a test picture")
    assert answer.content.startswith("A moderator has timed me out in this server until <t:")
    assert answer.content.endswith(":R>. Please try again after that.")
    assert not harness.useapi.requests
