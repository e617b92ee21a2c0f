"""What stands around a job: the private extras behind `⋯`, "Notify me", and Stop."""

import discord

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, key_in, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"

# --- ⋯ ----------------------------------------------------------------------------------------------------------------


async def test_the_asker_and_moderators_find_extras_behind_the_dots(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(prompt=CASTLE, age=600))
    for person, starts in ((harness.bo, []), (harness.mira, ["Again with changes"])):
        extras = await harness.press(person, harness.last, "⋯")
        assert words(extras).startswith("Imagine · `#")
        assert [label for row in labels(extras) for label in row] == [
            *["Related", "Prompt", *starts, "Seed", "Split into four", "Full size"],
            *["Show job ID", "Delete this post"],
        ]


async def test_everybody_else_finds_what_is_free_behind_the_dots(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, jobid)
    extras = await harness.press(harness.bo, harness.last, "⋯")
    key = key_in(words(extras))
    assert labels(extras) == [["Related", "Prompt", "Seed", "Split into four"]], (
        "Midjourney's file names begin with the payer's name"
    )
    assert "already posted here" in await harness.job(harness.bo, f"#{key}")
    extras = await harness.press(harness.bo, harness.last, "⋯")
    assert "Show job ID" not in str(labels(extras)), "asking for what stands already gives no right to it"


async def test_the_id_is_shown_to_who_may_see_it_ready_to_be_copied(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.bo, jobid)
    for person in (harness.bo, harness.mira):
        answer = await harness.press(person, await harness.press(person, harness.last, "⋯"), "Show job ID")
        assert words(answer) == f"```\n{jobid}\n```"
    assert jobid not in harness.sent()


async def test_extras_that_were_opened_earlier_do_not_outlast_the_right_to_them(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(prompt=CASTLE, age=600))
    extras = await harness.press(harness.mira, harness.last, "⋯")
    harness.env.backend.remove_member_role(harness.guild.id, harness.mira.id, harness.guild.roles["Moderators"].id)
    refused = words(await harness.press(harness.mira, extras, "Show job ID"))
    assert refused == "Only whoever added this job and moderators can see its ID."
    refused = words(await harness.press(harness.mira, extras, "Delete this post"))
    assert refused == "Only whoever added this job and moderators can delete its post."
    assert len(harness.posts()) == 1


async def test_a_deletion_is_answered_before_discord_takes_its_time_with_it(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    await harness.press(harness.mira, await harness.press(harness.mira, harness.last, "⋯"), "Delete this post")
    (deletion,) = [call for call in harness.env.http_requests if call.method == "DELETE"]
    calls = list(harness.env.http_requests)
    before = [call for call in calls[: calls.index(deletion)] if call.path.startswith("/interactions/")]
    assert len(before) == 3, "of the command, the dots and the button"


async def test_a_deleted_post_comes_back_when_asked_for(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.bo, jobid)
    (first,) = harness.posts()
    answer = words(await harness.press(harness.bo, await harness.press(harness.bo, first, "⋯"), "Delete this post"))
    assert answer == f"Deleted. `/job #{key_in(answer)}` posts it again."
    assert not harness.posts()
    assert await harness.job(harness.mira, f"#{key_in(answer)}") == "This job has already finished. Posting it here."
    (second,) = harness.posts()
    assert words(second) == words(first)
    assert labels(second) == labels(first)
    assert harness.polls(jobid) == 1


async def test_deleting_one_copy_leaves_the_others_alone(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.mira, jobid)
    await harness.job(harness.mira, jobid, harness.lounge)
    await harness.press(harness.mira, await harness.press(harness.mira, harness.last, "⋯"), "Delete this post")
    assert not harness.posts()
    assert len(harness.posts(harness.lounge)) == 1
    assert "already posted here" in await harness.job(harness.mira, jobid, harness.lounge)


async def test_a_post_that_is_gone_already_counts_as_deleted(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    extras = await harness.press(harness.mira, harness.last, "⋯")
    await harness.mira.delete(harness.last)
    assert words(await harness.press(harness.mira, extras, "Delete this post")).startswith("Deleted.")


# --- tell me too ------------------------------------------------------------------------------------------------------


@only_long
async def test_a_member_who_presses_below_many_status_cards_at_once_gets_ten(harness: BotHarness) -> None:
    await harness.restart(poll_seconds=300)
    for number in range(15):
        asker = harness.guild.add_member(harness.env.create_user(f"Asker {number}"))
        await harness.job(asker, harness.useapi.add_job(duration=3600))
    status_cards = harness.posts()
    async with harness.one_moment():
        for status_card in status_cards:
            await harness.bo.click(status_card, custom_id=button(status_card, "🔔 Notify me").custom_id)
    assert await harness.rows(f"SELECT count(*) FROM subscriptions WHERE user_id = {harness.bo.id}") == [(10,)]


async def test_notify_me_mentions_a_member_however_soon_the_job_is_done(harness: BotHarness) -> None:
    """Mira asked for it as well; Ada only asked, and did not wait for a minute."""
    jobid, ada = harness.useapi.add_job(duration=27), harness.newcomer()
    await harness.job(harness.mira, jobid)
    await harness.job(ada, jobid)
    await harness.bot.store.servers.set_pings(harness.guild.id, harness.bo.id, False)
    await harness.wait(5)
    for who in (harness.bo, harness.mira):
        answer = await harness.press(who, harness.last, "🔔 Notify me")
        assert words(answer) == "I'll mention you here when it's done."
    await harness.wait(6)
    (status_card,) = harness.posts()
    assert status_card.embeds[0].footer.text == "Notifying Mira and 2 others"
    for who in (harness.bo, harness.mira):
        answer = await harness.press(who, status_card, "🔔 Notify me")
        assert words(answer) == "You're already on the list: I'll notify you about this job."
    await harness.wait(40)
    assert harness.last.content == f"<@{harness.mira.id}> <@{harness.bo.id}>"
    assert harness.called() == {harness.mira.id, harness.bo.id}
    assert len(harness.posts()) == 1


async def test_notify_me_promises_no_mention_where_the_server_has_turned_off_pings(harness: BotHarness) -> None:
    await harness.bot.store.servers.change_settings(harness.guild.id, pings=False)
    await harness.job(harness.mira, harness.useapi.add_job())
    answer = await harness.press(harness.bo, harness.last, "🔔 Notify me")
    assert words(answer) == "Pings are turned off in this server, so I'll post it here without a mention."
    await harness.wait(40)
    assert harness.last.attachments
    assert harness.last.content == ""


async def test_a_status_card_that_cannot_be_deleted_promises_nothing_that_came_already(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=20))
    status_card = harness.last
    harness.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50001, times=None)
    await harness.wait(40)
    result = harness.last
    assert result.attachments
    assert labels(status_card) == [["🔔 Notify me", "Stop"]]
    answer = await harness.press(harness.bo, status_card, "🔔 Notify me")
    assert words(answer) == "It's already posted here."
    answer = await harness.press(harness.mira, status_card, "Stop")
    assert words(answer) == "This job has already finished, so there's nothing to stop."


# --- stop -------------------------------------------------------------------------------------------------------------


async def test_stop_ends_ones_own_subscription_and_the_others_stay_notified(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=80)
    await harness.job(harness.mira, jobid)
    await harness.job(harness.bo, jobid)
    question = await harness.press(harness.bo, harness.last, "Stop")
    assert words(question) == "What do you want to stop? The job keeps running at Midjourney."
    assert labels(question) == [["Stop notifying me"]]
    answer = await harness.press(harness.bo, question, "Stop notifying me")
    assert words(answer) == "I won't notify you about this job."
    assert not answer.components
    await harness.wait(6)
    assert harness.last.embeds[0].footer.text == "Notifying Mira"
    await harness.wait(94)
    assert harness.last.content == f"<@{harness.mira.id}>"


async def test_when_the_last_subscriber_stops_the_status_card_says_so_and_polls_end(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, duration=80)
    await harness.job(harness.bo, jobid)
    await harness.press(harness.bo, await harness.press(harness.bo, harness.last, "Stop"), "Stop notifying me")
    await harness.wait(6)
    (status_card,) = harness.posts()
    assert status_card.content == "-# No longer watching Imagine here."
    assert not status_card.embeds
    assert not status_card.components
    polls = harness.polls(jobid)
    await harness.wait(600)
    assert harness.polls(jobid) == polls
    assert len(harness.posts()) == 1


async def test_a_moderator_may_stop_it_for_everyone_here_but_not_elsewhere(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=80)
    await harness.job(harness.bo, jobid)
    await harness.job(harness.bo, jobid, harness.lounge)
    question = await harness.press(harness.mira, harness.last, "Stop")
    assert labels(question) == [["Stop watching for everyone", "Cancel the job"]]
    answer = await harness.press(harness.mira, question, "Stop watching for everyone")
    assert words(answer) == "Nobody here will be notified about this job."
    await harness.wait(100)
    assert [words(post) for post in harness.posts()] == ["-# No longer watching Imagine here."]
    assert harness.posts(harness.lounge)[-1].content == f"<@{harness.bo.id}>"


async def test_a_subscribed_moderator_may_choose(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=80))
    question = await harness.press(harness.mira, harness.last, "Stop")
    assert labels(question) == [["Stop notifying me", "Stop watching for everyone", "Cancel the job"]]


async def test_a_member_without_a_subscription_has_nothing_to_stop(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=80))
    answer = await harness.press(harness.bo, harness.last, "Stop")
    assert words(answer) == "You aren't being notified about this job, so there's nothing to stop."
    await harness.wait(100)
    assert len(harness.posts()) == 1


@only_long
async def test_who_stopped_may_ask_again(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=8000)
    await harness.job(harness.bo, jobid)
    await harness.press(harness.bo, await harness.press(harness.bo, harness.last, "Stop"), "Stop notifying me")
    await harness.wait(4000)
    assert (await harness.job(harness.bo, jobid)).startswith("Watching `#")
    old, status_card = harness.posts()
    assert words(old) == "-# No longer watching Imagine here."
    assert labels(status_card) == [["🔔 Notify me", "Stop"]]


async def never_confirmed(harness: BotHarness) -> discord.Message:
    """The post of a job of which the bot does not know that it stands."""
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    (post,) = harness.posts()
    nonce = str(button(post, "⋯").custom_id).rpartition(":")[2]
    delivery = await harness.bot.store.deliveries.by_nonce(nonce)
    assert delivery is not None
    lost = "state = 'sending', message_id = NULL, picture_until = NULL, next_try = 9e9"
    await harness.bot.store.outbox._change(delivery, "1", lost, ())
    return post


async def test_a_press_on_a_post_that_was_never_confirmed_brings_its_late_picture(harness: BotHarness) -> None:
    harness.useapi.fail(503, path="/attachments/*")
    await harness.press(harness.mira, await never_confirmed(harness), "⋯")
    await harness.wait(20)
    assert len(harness.last.attachments) == 1


async def test_a_press_on_a_post_that_was_never_confirmed_confirms_it(harness: BotHarness) -> None:
    post = await never_confirmed(harness)
    extras = await harness.press(harness.mira, post, "⋯")
    await harness.press(harness.mira, extras, "Delete this post")
    assert harness.posts() == []
    await harness.wait(3600)
    assert harness.posts() == []
