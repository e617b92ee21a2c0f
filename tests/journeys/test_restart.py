"""The bot goes away and comes back on the same folder: nothing is lost, nothing is said twice."""

from tests.journeys.conftest import Stage, button, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"


async def test_a_job_that_still_runs_is_watched_on(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, duration=80)
    await stage.job(stage.bo, jobid)
    await stage.restart()
    assert len(stage.posts()) == 1
    await stage.wait(120)
    card, result = stage.posts()
    assert result.content == f"<@{stage.bo.id}>"
    assert result.reference is not None
    assert result.reference.message_id == card.id
    assert card.content.endswith(f"[picture]({stage.jump(result)})")


async def test_a_result_that_fell_due_while_the_bot_was_away_is_posted_once(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(prompt=CASTLE, duration=80))
    await stage.restart(away=600)
    await stage.wait(20)
    await stage.restart()
    await stage.wait(600)
    _, result = stage.posts()
    assert result.content == f"<@{stage.bo.id}>"
    assert not result.flags.suppress_notifications


async def test_a_result_that_comes_hours_late_makes_no_sound(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(prompt=CASTLE, duration=80))
    await stage.restart(away=3 * 3600)
    await stage.wait(20)
    _, result = stage.posts()
    assert result.flags.suppress_notifications
    assert result.content == f"<@{stage.bo.id}>"


async def test_an_old_job_that_somebody_asks_for_now_is_not_late(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(prompt=CASTLE, age=5 * 3600))
    assert len(stage.posts()) == 1
    assert not stage.last.flags.suppress_notifications


async def test_two_restarts_in_a_row_cost_nothing(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, duration=80)
    await stage.job(stage.mira, jobid)
    for _ in range(3):
        await stage.restart()
    await stage.wait(20)
    # First looks are spread over an interval by chance: each start may have made its own at once, and none made two.
    assert stage.looks(jobid) <= 1 + 3 + 2, "one at the question, one of each start, two in 20 s"
    await stage.wait(100)
    assert len(stage.posts()) == 2


async def test_what_was_posted_is_not_posted_again(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE)
    await stage.job(stage.mira, jobid)
    await stage.wait(60)
    before = [(post.id, words(post)) for post in stage.posts()]
    looks = stage.looks(jobid)
    await stage.restart(away=600)
    await stage.wait(600)
    assert [(post.id, words(post)) for post in stage.posts()] == before
    assert stage.looks(jobid) == looks
    assert "stands here already" in await stage.job(stage.bo, jobid)


async def test_buttons_below_old_results_work(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    (grid,) = stage.posts()
    await stage.restart(away=600)
    assert "is on its way" in words(await stage.press(stage.mira, stage.last, "U1"))
    extras = await stage.press(stage.mira, grid, "⋯")
    assert labels(extras) == [["Family", "Split in four", "Full size", "Copy job id", "Delete this post"]]
    await stage.wait(20)
    assert words(stage.last).startswith(f"**U1** of [castle in the fog]({stage.jump(grid)})")


async def test_buttons_below_old_cards_and_private_answers_work(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, duration=600)
    await stage.job(stage.mira, jobid)
    question = await stage.press(stage.mira, stage.last, "Stop")
    await stage.restart()
    assert "I'll tell you here" in words(await stage.press(stage.bo, stage.last, "🔔 Tell me too"))
    assert "I won't tell you" in words(await stage.press(stage.mira, question, "Stop telling me"))
    await stage.wait(6)
    assert stage.last.embeds[0].footer.text == "Bo will be told here"


async def test_a_pressed_child_is_followed_on(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    (grid,) = stage.posts()
    await stage.press(stage.mira, grid, "V1")
    await stage.restart()
    await stage.wait(60)
    child = stage.last
    assert words(child).startswith(f"**V1** of [castle in the fog]({stage.jump(grid)})")
    assert child.reference is not None
    assert child.reference.message_id == grid.id
    assert len(stage.presses()) == 1


async def test_the_short_key_still_names_the_job(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, duration=600))
    (choice,) = await stage.bo.autocomplete(stage.channel, "job", "jobid", "castle")
    await stage.restart()
    assert "Already watched" in await stage.job(stage.bo, choice["value"])


async def test_commands_that_did_not_change_are_not_sent_again(stage: Stage) -> None:
    def sent() -> int:
        return sum(request.method == "PUT" and "/commands" in request.path for request in stage.env.http_requests)

    assert sent() == 1
    await stage.restart()
    await stage.restart(poll_seconds=20)
    assert sent() == 1
    assert (await stage.job(stage.mira, stage.useapi.add_job())).startswith("Watching `#")


async def test_a_server_that_left_the_list_is_told_the_line_to_add(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE, age=600))
    await stage.restart(allowed_guilds=frozenset({123456789012345678}))
    line = f"put `{stage.guild.id}` behind `ALLOWED_GUILDS=`"
    assert line in await stage.job(stage.mira, stage.useapi.add_job())
    assert button(stage.last, "U1").custom_id is not None
    told = words(await stage.press(stage.mira, stage.last, "U1"))
    assert line in told
    assert "123456789012345678" not in told, "which servers are listed is nobody's business"
    assert not stage.presses()
