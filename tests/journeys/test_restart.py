"""The bot goes away and comes back on the same folder: nothing is lost, nothing is said twice."""

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"


async def test_a_job_that_still_runs_keeps_being_polled(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, duration=80)
    await harness.job(harness.bo, jobid)
    await harness.restart()
    assert len(harness.posts()) == 1
    await harness.wait(120)
    (result,) = harness.posts()
    assert result.content == f"<@{harness.bo.id}>"


async def test_a_result_that_fell_due_while_the_bot_was_away_is_posted_once(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(prompt=CASTLE, duration=80))
    await harness.restart(away=600)
    await harness.wait(20)
    await harness.restart()
    await harness.wait(600)
    (result,) = harness.posts()
    assert result.content == f"<@{harness.bo.id}>"
    assert not result.flags.suppress_notifications


async def test_a_result_that_comes_hours_late_makes_no_sound(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(prompt=CASTLE, duration=80))
    await harness.restart(away=3 * 3600)
    await harness.wait(20)
    (result,) = harness.posts()
    assert result.flags.suppress_notifications
    assert result.content == f"<@{harness.bo.id}>"


async def test_an_old_job_that_somebody_asks_for_now_is_not_late(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.useapi.add_job(prompt=CASTLE, age=5 * 3600))
    assert len(harness.posts()) == 1
    assert not harness.last.flags.suppress_notifications


@only_long
async def test_two_restarts_in_a_row_cost_nothing(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, duration=80)
    await harness.job(harness.mira, jobid)
    for _ in range(3):
        await harness.restart()
    await harness.wait(20)
    # First looks are spread over an interval by chance: each start may have made its own at once, and none made two.
    assert harness.polls(jobid) <= 1 + 3 + 2, "one at the question, one of each start, two in 20 s"
    await harness.wait(100)
    assert len(harness.posts()) == 1


async def test_what_was_posted_is_not_posted_again(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE)
    await harness.job(harness.mira, jobid)
    await harness.wait(60)
    before = [(post.id, words(post)) for post in harness.posts()]
    polls = harness.polls(jobid)
    await harness.restart(away=600)
    await harness.wait(600)
    assert [(post.id, words(post)) for post in harness.posts()] == before
    assert harness.polls(jobid) == polls
    assert "already posted here" in await harness.job(harness.bo, jobid)


async def test_buttons_below_old_results_work(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    (grid,) = harness.posts()
    await harness.restart(away=600)
    assert "is on its way" in words(await harness.press(harness.mira, harness.last, "U1"))
    extras = await harness.press(harness.mira, grid, "⋯")
    assert labels(extras) == [
        ["Related", "Prompt", "Again with changes", "Seed", "Split into four"],
        ["Full size", "Show job ID", "Delete this post"],
    ]
    await harness.wait(20)
    assert words(harness.last).startswith(f"**U1** of [castle in the fog]({harness.jump(grid)})")


async def test_buttons_below_old_status_cards_and_private_answers_work(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt=CASTLE, duration=600)
    await harness.job(harness.mira, jobid)
    question = await harness.press(harness.mira, harness.last, "Stop")
    await harness.restart()
    assert "I'll mention you here" in words(await harness.press(harness.bo, harness.last, "🔔 Notify me"))
    assert "I won't notify you" in words(await harness.press(harness.mira, question, "Stop notifying me"))
    await harness.wait(6)
    assert harness.last.embeds[0].footer.text == "Notifying Bo"


async def test_a_pressed_child_is_followed_on(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    (grid,) = harness.posts()
    await harness.press(harness.mira, grid, "V1")
    await harness.restart()
    await harness.wait(60)
    child = harness.last
    assert words(child).startswith(f"**V1** of [castle in the fog]({harness.jump(grid)})")
    assert child.reference is not None
    assert child.reference.message_id == grid.id
    assert len(harness.button_requests()) == 1


async def test_the_short_key_still_names_the_job(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, duration=600))
    (choice,) = await harness.bo.autocomplete(harness.channel, "job", "jobid", "castle")
    await harness.restart()
    assert "I'm already watching" in await harness.job(harness.bo, choice["value"])


async def test_commands_that_did_not_change_are_not_sent_again(harness: BotHarness) -> None:
    def sent() -> int:
        return sum(request.method == "PUT" and "/commands" in request.path for request in harness.env.http_requests)

    assert sent() == 1
    await harness.restart()
    await harness.restart(poll_seconds=20)
    assert sent() == 1
    assert (await harness.job(harness.mira, harness.useapi.add_job())).startswith("Watching `#")


async def test_a_server_that_left_the_list_is_answered_with_the_line_to_add(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600))
    await harness.restart(allowed_guilds=frozenset({123456789012345678}))
    line = f"put `{harness.guild.id}` after `ALLOWED_GUILDS=`"
    assert line in await harness.job(harness.mira, harness.useapi.add_job())
    assert button(harness.last, "U1").custom_id is not None
    text = words(await harness.press(harness.mira, harness.last, "U1"))
    assert line in text
    assert "123456789012345678" not in text, "which servers are listed is nobody's business"
    assert not harness.button_requests()
