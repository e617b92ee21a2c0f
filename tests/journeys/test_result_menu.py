"""What stands around a job: the private extras behind `⋯`, "Tell me too", and Stop."""

import discord

from tests.journeys.conftest import Stage, button, key_in, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"

# --- ⋯ ----------------------------------------------------------------------------------------------------------------


async def test_the_asker_and_moderators_find_extras_behind_the_dots(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(prompt=CASTLE, age=600))
    for person in (stage.bo, stage.mira):
        extras = await stage.press(person, stage.last, "⋯")
        assert words(extras).startswith("Imagine · `#")
        assert labels(extras) == [["Family", "Split in four", "Full size", "Copy job id", "Delete this post"]]


async def test_everybody_else_finds_what_is_free_behind_the_dots(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    await stage.job(stage.mira, jobid)
    extras = await stage.press(stage.bo, stage.last, "⋯")
    key = key_in(words(extras))
    assert labels(extras) == [["Family", "Split in four", "Full size"]]
    assert "stands here already" in await stage.job(stage.bo, f"#{key}")
    extras = await stage.press(stage.bo, stage.last, "⋯")
    assert "Copy job id" not in labels(extras)[0], "asking for what stands already gives no right to it"


async def test_the_id_is_shown_to_who_may_see_it_ready_to_be_copied(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    await stage.job(stage.bo, jobid)
    for person in (stage.bo, stage.mira):
        shown = await stage.press(person, await stage.press(person, stage.last, "⋯"), "Copy job id")
        assert words(shown) == f"```\n{jobid}\n```"
    assert jobid not in stage.sent()


async def test_extras_that_were_opened_earlier_do_not_outlast_the_right_to_them(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(prompt=CASTLE, age=600))
    extras = await stage.press(stage.mira, stage.last, "⋯")
    stage.env.backend.remove_member_role(stage.guild.id, stage.mira.id, stage.guild.roles["Moderators"].id)
    refused = words(await stage.press(stage.mira, extras, "Copy job id"))
    assert refused == "Only the member who brought this job here, and moderators, can see its id."
    refused = words(await stage.press(stage.mira, extras, "Delete this post"))
    assert refused == "Only the member who brought this job here, and moderators, can delete its post."
    assert len(stage.posts()) == 1


async def test_a_deletion_is_answered_before_discord_takes_its_time_with_it(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    await stage.press(stage.mira, await stage.press(stage.mira, stage.last, "⋯"), "Delete this post")
    (deletion,) = [call for call in stage.env.http_requests if call.method == "DELETE"]
    calls = list(stage.env.http_requests)
    before = [call for call in calls[: calls.index(deletion)] if call.path.startswith("/interactions/")]
    assert len(before) == 3, "of the command, the dots and the button"


async def test_a_deleted_post_comes_back_when_asked_for(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    await stage.job(stage.bo, jobid)
    (first,) = stage.posts()
    answer = words(await stage.press(stage.bo, await stage.press(stage.bo, first, "⋯"), "Delete this post"))
    assert answer == f"Deleted. `/job #{key_in(answer)}` posts it again."
    assert not stage.posts()
    assert await stage.job(stage.mira, f"#{key_in(answer)}") == "It is over already: I'm posting it here."
    (second,) = stage.posts()
    assert words(second) == words(first)
    assert labels(second) == labels(first)
    assert stage.looks(jobid) == 1


async def test_the_card_leads_to_the_copy_that_stands(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE)
    await stage.job(stage.mira, jobid)
    await stage.wait(35)
    await stage.press(stage.mira, await stage.press(stage.mira, stage.last, "⋯"), "Delete this post")
    await stage.job(stage.mira, jobid)
    await stage.wait(6)
    card, second = stage.posts()
    assert f"]({stage.jump(second)})" in card.content


async def test_deleting_one_copy_leaves_the_others_alone(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    await stage.job(stage.mira, jobid)
    await stage.job(stage.mira, jobid, stage.lounge)
    await stage.press(stage.mira, await stage.press(stage.mira, stage.last, "⋯"), "Delete this post")
    assert not stage.posts()
    assert len(stage.posts(stage.lounge)) == 1
    assert "stands here already" in await stage.job(stage.mira, jobid, stage.lounge)


async def test_a_post_that_is_gone_already_counts_as_deleted(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    extras = await stage.press(stage.mira, stage.last, "⋯")
    await stage.mira.delete(stage.last)
    assert words(await stage.press(stage.mira, extras, "Delete this post")).startswith("Deleted.")


# --- tell me too ------------------------------------------------------------------------------------------------------


async def test_tell_me_too_puts_a_member_on_the_list(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=80))
    await stage.wait(5)
    assert words(await stage.press(stage.bo, stage.last, "🔔 Tell me too")) == "I'll tell you here when it is done."
    await stage.wait(6)
    (card,) = stage.posts()
    assert card.embeds[0].footer.text == "Mira and 1 more will be told here"
    assert words(await stage.press(stage.bo, card, "🔔 Tell me too")) == "You are on the list already."
    assert words(await stage.press(stage.mira, card, "🔔 Tell me too")) == "You are on the list already."
    await stage.wait(90)
    assert stage.last.content == f"<@{stage.mira.id}> <@{stage.bo.id}>"
    assert len(stage.posts()) == 2


async def test_a_card_that_discord_lets_nobody_edit_promises_nothing_that_came_already(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=20))
    card = stage.last
    stage.env.inject_error("PATCH", "/channels/*/messages/*", status=429, code=30046, times=None)
    await stage.wait(40)
    result = stage.last
    assert result.attachments
    assert labels(card) == [["🔔 Tell me too", "Stop"]]
    told = await stage.press(stage.bo, card, "🔔 Tell me too")
    assert words(told) == f"It is over already, and stands here: {stage.jump(result)}"
    told = await stage.press(stage.mira, card, "Stop")
    assert words(told) == "It is over already, so there is nothing to stop."


# --- stop -------------------------------------------------------------------------------------------------------------


async def test_stop_ends_ones_own_watch_and_the_others_are_told(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    await stage.job(stage.mira, jobid)
    await stage.job(stage.bo, jobid)
    question = await stage.press(stage.bo, stage.last, "Stop")
    assert words(question) == "What shall I stop? The job itself goes on at Midjourney."
    assert labels(question) == [["Stop telling me"]]
    answer = await stage.press(stage.bo, question, "Stop telling me")
    assert words(answer) == "I won't tell you about this one."
    assert not answer.components
    await stage.wait(6)
    assert stage.last.embeds[0].footer.text == "Mira will be told here"
    await stage.wait(94)
    assert stage.last.content == f"<@{stage.mira.id}>"


async def test_when_the_last_one_stops_the_card_says_so_and_nobody_looks_any_more(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, duration=80)
    await stage.job(stage.bo, jobid)
    await stage.press(stage.bo, await stage.press(stage.bo, stage.last, "Stop"), "Stop telling me")
    await stage.wait(6)
    (card,) = stage.posts()
    assert card.content == "-# Nobody here waits for Imagine any more."
    assert not card.embeds
    assert not card.components
    looks = stage.looks(jobid)
    await stage.wait(600)
    assert stage.looks(jobid) == looks
    assert len(stage.posts()) == 1


async def test_a_moderator_may_stop_it_for_everyone_here_but_not_elsewhere(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=80)
    await stage.job(stage.bo, jobid)
    await stage.job(stage.bo, jobid, stage.lounge)
    question = await stage.press(stage.mira, stage.last, "Stop")
    assert labels(question) == [["Stop for everyone here", "Cancel the job"]]
    answer = await stage.press(stage.mira, question, "Stop for everyone here")
    assert words(answer) == "Nobody here will be told about this one."
    await stage.wait(100)
    assert [words(post) for post in stage.posts()] == ["-# Nobody here waits for Imagine any more."]
    assert stage.posts(stage.lounge)[-1].content == f"<@{stage.bo.id}>"


async def test_a_moderator_who_watches_may_choose(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=80))
    question = await stage.press(stage.mira, stage.last, "Stop")
    assert labels(question) == [["Stop telling me", "Stop for everyone here", "Cancel the job"]]


async def test_a_member_who_does_not_watch_has_nothing_to_stop(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=80))
    answer = await stage.press(stage.bo, stage.last, "Stop")
    assert words(answer) == "You are not on the list for this job, so there is nothing to stop for you."
    await stage.wait(100)
    assert len(stage.posts()) == 2


async def test_who_stopped_may_ask_again(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=8000)
    await stage.job(stage.bo, jobid)
    await stage.press(stage.bo, await stage.press(stage.bo, stage.last, "Stop"), "Stop telling me")
    await stage.wait(4000)
    assert (await stage.job(stage.bo, jobid)).startswith("Watching `#")
    old, card = stage.posts()
    assert words(old) == "-# Nobody here waits for Imagine any more."
    assert labels(card) == [["🔔 Tell me too", "Stop"]]


async def never_confirmed(stage: Stage) -> discord.Message:
    """The post of a job of which the bot does not know that it stands."""
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    (post,) = stage.posts()
    nonce = str(button(post, "⋯").custom_id).rpartition(":")[2]
    delivery = await stage.bot.store.delivery(nonce)
    assert delivery is not None
    lost = "state = 'sending', message_id = NULL, picture_until = NULL, next_try = 9e9"
    await stage.bot.store._change(delivery, "1", lost, ())
    return post


async def test_a_press_on_a_post_that_was_never_confirmed_brings_its_late_picture(stage: Stage) -> None:
    stage.useapi.fail(503, path="/attachments/*")
    await stage.press(stage.mira, await never_confirmed(stage), "⋯")
    await stage.wait(20)
    assert len(stage.last.attachments) == 1


async def test_a_press_on_a_post_that_was_never_confirmed_confirms_it(stage: Stage) -> None:
    post = await never_confirmed(stage)
    extras = await stage.press(stage.mira, post, "⋯")
    await stage.press(stage.mira, extras, "Delete this post")
    assert stage.posts() == []
    await stage.wait(3600)
    assert stage.posts() == []
